"""SAM text in blocks of alignments."""

from collections.abc import Iterator, Sequence
from typing import IO

import numpy as np

from scleromyomics.variants.lines import Lines, blocks

MANDATORY = 11  # fields of every line
NAME, FLAG, CONTIG, POSITION, QUALITY, CIGAR, MATE_CONTIG, MATE_POSITION, LENGTH, BASES = range(10)


def split(handle: IO[bytes], *, grouped: bool = False) -> tuple[list[str], Iterator[Lines]]:
    """The header lines of a stream of SAM text, and its alignments block by block.

    Args:
        handle: the text.
        grouped: lines of one name follow each other, and are to stay in one block.
    """
    top: list[str] = []
    line = handle.readline()
    while line.startswith(b"@"):
        top.append(line.decode("utf-8", "replace").rstrip("\n"))
        line = handle.readline()
    return top, blocks(handle, line, _whole_groups if grouped else None)


def read_groups(top: Sequence[str]) -> list[str]:
    """The identifiers of the read groups of a header, in order."""
    fields = (line.split("\t") for line in top if line.startswith("@RG\t"))
    return [field[3:] for row in fields for field in row[1:] if field.startswith("ID:")]


def _whole_groups(lines: Lines) -> Lines:
    """Without the lines of the last name, which may go on in the next block."""
    name = lines.hashes(NAME)
    changes = np.flatnonzero(name[1:] != name[:-1])
    return lines[: int(changes[-1]) + 1 if len(changes) else 0]
