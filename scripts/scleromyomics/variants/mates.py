"""Reads of pairs whose mate is not in the file, found while a sorted file passes by, and what they tell of it.

A file that was cut ends in the middle of the genome, and there all mates are missing that should come next; nowhere
else one is. An extract of a region lacks mates at both of its ends. Where a file ends near the end of its contig,
and where nothing is missing, there is no saying.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

OPEN_READS = 200_000  # without mate so far, until they are looked through again
BOTH_ENDS = 5  # an extract has at least one mate missing before it for so many behind it
END_PART, END_BASES = 0.02, 500  # of a contig: an end nearer to its end than that is none

HASH, SECOND, CONTIG, POSITION, MATE_CONTIG, MATE_POSITION = range(6)
COLUMNS = 6

Rows = NDArray[np.int64]
"""Reads by `COLUMNS` columns: hash of the name, whether it is the second mate, and both places."""


def unpaired(rows: Rows) -> Rows:
    """The reads whose mate is not among them."""
    order = np.lexsort((rows[:, SECOND], rows[:, HASH]))
    name, second = rows[order, HASH], rows[order, SECOND]
    pair = np.flatnonzero((name[1:] == name[:-1]) & (second[1:] != second[:-1]))
    alone = np.ones(len(rows), bool)
    alone[order[pair]] = alone[order[pair + 1]] = False
    return rows[alone]


@dataclass
class Mates:
    """Reads whose mate has not come yet."""

    _parts: list[Rows] = field(default_factory=list)
    _settled: int = 0

    def add(self, rows: Rows) -> None:
        """Take more reads, in the order of the file."""
        self._parts.append(unpaired(rows))
        if sum(map(len, self._parts)) > max(OPEN_READS, 2 * self._settled):
            self._settled = len(self.missing())

    def missing(self) -> Rows:
        """The reads whose mate has not come."""
        if len(self._parts) != 1:
            self._parts = [unpaired(np.concatenate([np.empty((0, COLUMNS), np.int64), *self._parts]))]
        return self._parts[0]


def is_cut(missing: Rows, first: tuple[int, int], last: tuple[int, int], lengths: Sequence[int]) -> bool:
    """Whether a sorted file ends where it should go on.

    Args:
        missing: reads whose mate is not in the file; contigs are numbered as they are sorted.
        first: contig and position of the first mapped read.
        last: of the last one.
        lengths: bases of the contigs.
    """
    contig, end = last
    if lengths[contig] - end <= max(END_BASES, END_PART * lengths[contig]):
        return False
    mate = missing[:, MATE_CONTIG]
    same = mate == missing[:, CONTIG]
    behind = (same & (mate == contig) & (missing[:, MATE_POSITION] > end)) | (mate > contig)
    before = (same & (mate == first[0]) & (missing[:, MATE_POSITION] < first[1])) | (
        (mate < first[0]) & (mate >= 0)
    )
    return bool(behind.any() and before.sum() * BOTH_ENDS < behind.sum())
