"""Reference alleles of many records against the bases that the genome has there."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scleromyomics.core.errors import InputError
from scleromyomics.variants.fastq import Bytes, Places
from scleromyomics.variants.lines import Lines

UPPER = 0xDF  # what a letter is masked with to be upper case
KNOWN = np.isin(np.arange(256), list(b"ACGT"))
"""Letters that an allele must equal; others stand for several bases."""


class Bases:
    """The letters of genome.fa, mapped into memory.

    Args:
        genome: the file, with its index (.fai) beside it.
    """

    def __init__(self, genome: Path) -> None:
        self._data: Bytes = np.memmap(genome, np.uint8, "r")
        rows = genome.with_name(f"{genome.name}.fai").read_text().splitlines()
        self._index = {name: tuple(map(int, rest)) for name, *rest in (row.split("\t") for row in rows)}

    def at(self, contig: str, position: Places) -> Bytes:
        """The letters of a contig at these positions, counted from 1; 0 beyond its end."""
        length, offset, letters, width = self._index[contig]
        place = position - 1
        inside = (place >= 0) & (place < length)
        place = np.where(inside, place, 0)
        found: Bytes = self._data[offset + place // letters * width + place % letters]
        return np.where(inside, found, 0).astype(np.uint8)


def runs(lines: Lines, contig: int) -> Iterator[tuple[str, slice]]:
    """The stretches of lines that are on one contig, and its name."""
    name = lines.hashes(contig)
    starts = np.flatnonzero(np.diff(name, prepend=~name[:1])).tolist()
    for start, stop in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield lines.text(start, contig), slice(start, stop)


def check_alleles(where: str, lines: Lines, fields: tuple[int, int, int], bases: Bases) -> None:
    """Refuse reference alleles that the genome does not have.

    Args:
        where: the file, as errors name it.
        lines: records on contigs that the genome has.
        fields: which fields are contig, position and reference allele.
        bases: of the genome.

    Raises:
        InputError: the first one.
    """
    contig, position, allele = fields
    for name, part in runs(lines, contig):
        some = lines[part]
        first = some.numbers(position)
        start, stop = some.bounds(allele)
        wrong = _differs(some, bases, name, first, (start, stop))
        if wrong.any():
            line = int(np.argmax(wrong))
            length = int(stop[line] - start[line])
            has = bases.at(name, first[line] + np.arange(length)).tobytes().strip(b"\0").decode()
            raise InputError(
                f"{where}: found the reference allele {some.text(line, allele)!a} at {name}:{first[line]}, where the"
                f" genome has {has!a}; allowed: a file of this genome"
            )


def _differs(
    lines: Lines, bases: Bases, name: str, first: Places, bounds: tuple[Places, Places]
) -> NDArray[np.bool_]:
    start, stop = bounds
    wrong = np.zeros(len(lines), bool)
    for step in range(int((stop - start).max(initial=0))):
        some = np.flatnonzero(start + step < stop)
        has = bases.at(name, first[some] + step)
        wrong[some] |= (lines.data[start[some] + step] & UPPER != has) & (KNOWN[has] | (has == 0))
    return wrong
