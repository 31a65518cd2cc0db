"""Alignments made elsewhere under our own header: a filter on SAM text whose reads come grouped by name.

Read groups are renamed to those of the sample, reads without one join the first; all other lines of the foreign
header are left out. A read of a proper pair whose mate is not in the file (as in an extract of a region) becomes a
single read: the tools after this one would else take the pair for an improper one, and not count it.
"""

import re
import sys
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from scleromyomics.core.cli import entry_point
from scleromyomics.variants import fastq, header, sam
from scleromyomics.variants.lines import Hashes, Lines

PAIRED, PROPER, MATE_UNMAPPED, MATE_REVERSE, SECONDARY, SUPPLEMENTARY = 0x1, 0x2, 0x8, 0x20, 0x100, 0x800
OF_PAIRS = 0x1 | 0x2 | 0x8 | 0x20 | 0x40 | 0x80  # flags that only reads of a pair have
TAG = b"\tRG:Z:"
GROUP = re.compile(TAG + rb"([^\t\n]*)")
NO_MATE = (b"*", b"0", b"0")  # contig and position of the mate, length of the template


def run(*, sample: str, dictionary: Path) -> None:
    """Read SAM text on standard input, and write it under our header to standard output.

    Args:
        sample: name of the sample; its read groups are called after it.
        dictionary: genome.dict.
    """
    regroup(sys.stdin.buffer, sys.stdout.buffer, sample, dictionary)


def regroup(source: IO[bytes], target: IO[bytes], sample: str, dictionary: Path) -> None:
    """Write the alignments of `source` under our header."""
    top, blocks = sam.split(source, grouped=True)
    old = sam.read_groups(top)
    new = [header.group(sample, i + 1).encode() for i in range(max(1, len(old)))]
    names = {name.encode(): new[i] for i, name in enumerate(old)}
    target.write(header.text(dictionary, sample, len(new)).encode())
    for lines in blocks:
        target.write(GROUP.sub(lambda found: TAG + names.get(found[1], new[0]), _settled(lines)))
    target.flush()


def _settled(lines: Lines) -> bytes:
    """The text of whole groups of lines; reads without mate or read group are put right."""
    flag = lines.numbers(sam.FLAG)
    flag, lonely = _alone(lines.hashes(sam.NAME), flag)
    odd = np.flatnonzero(lonely | (lines.count == sam.MANDATORY)).tolist()
    parts: list[bytes] = []
    done = int(lines.start[0])
    for line in odd:
        start, stop = int(lines.start[line]), int(lines.stop[line])
        fields = lines.data[start:stop].tobytes().split(b"\t")
        if lonely[line]:
            fields[sam.FLAG] = b"%d" % flag[line]
            fields[sam.MATE_CONTIG : sam.MATE_CONTIG + 3] = NO_MATE
        if len(fields) == sam.MANDATORY:
            fields.append(TAG[1:])
        parts += [lines.data[done:start].tobytes(), b"\t".join(fields)]
        done = stop
    return b"".join([*parts, lines.data[done : int(lines.stop[-1]) + 1].tobytes()])


def _alone(name: Hashes, flag: fastq.Places) -> tuple[fastq.Places, NDArray[np.bool_]]:
    """The flags that reads get whose mate is not in the file, and which they are."""
    group = np.cumsum(np.concatenate([[0], name[1:] != name[:-1]]))
    primary = (flag & PAIRED > 0) & (flag & (SECONDARY | SUPPLEMENTARY) == 0)
    lonely = (np.bincount(group, primary) < 2)[group] & (flag & PAIRED > 0)
    proper = np.bincount(group, primary & (flag & PROPER > 0))[group] > 0
    unmapped_mate = (flag | MATE_UNMAPPED) & ~(PROPER | MATE_REVERSE)
    return np.where(lonely, np.where(proper, flag & ~OF_PAIRS, unmapped_mate), flag), lonely


if __name__ == "__main__":
    entry_point(run)
