"""The parts that a sample is called in, side by side: a cut of the genome that the number of cores does not change.

A part is a stretch of one contig, or several whole contigs with few targets between them. Each looks a little beyond
its last base, since a deletion seen there can be written, left-aligned, within the part; it keeps what is written
within it, so that every record belongs to one part.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scleromyomics.variants.loci import Genome, Sites

BEYOND = 1000  # bases looked at behind a part: what bcftools norm moves records within
JUMP = 50_000  # bases that are read over rather than jumped: a slice of CRAM, 10,000 reads, at 30x
PART_BASES = 2_000_000  # target bases up to which contigs, or regions of one, share a part: a minute's work


@dataclass(frozen=True, order=True)
class Span:
    """Bases `first` to `last` of a contig, from 1."""

    contig: str
    first: int
    last: int

    @classmethod
    def of(cls, text: str) -> "Span":
        """From `contig:first-last`; names may hold colons."""
        name, _, bases = text.rpartition(":")
        first, _, last = bases.partition("-")
        return cls(name, int(first), int(last))


@dataclass(frozen=True)
class Part:
    """What one worker calls.

    Attributes:
        number: in the order of the genome.
        group: parts of one contig share it: consequences are told contig by contig.
        spans: what it keeps.
        targets: what it looks at, `BEYOND` the end of each span included.
    """

    number: int
    group: int
    spans: tuple[Span, ...]
    targets: tuple[Span, ...]

    @property
    def own_targets(self) -> tuple[Span, ...]:
        """The targets within its spans."""
        spans = {span.contig: span for span in self.spans}
        pairs = [(one, spans[one.contig]) for one in self.targets]
        return tuple(
            Span(one.contig, max(one.first, span.first), min(one.last, span.last))
            for one, span in pairs
            if one.first <= span.last
        )

    def bounds(
        self, genome: "Genome"
    ) -> tuple["NDArray[np.int16]", "NDArray[np.int32]", "NDArray[np.int32]"]:
        """Contig number, first and last base of each span, in the order of the genome."""
        rows = [(genome.contigs.index(one.contig), one.first, one.last) for one in self.spans]
        contig, first, last = np.array(rows, dtype=np.int32).T
        return contig.astype(np.int16), first, last

    def keeps(self, sites: "Sites", genome: "Genome") -> "NDArray[np.bool_]":
        """Which sites are written within the part."""
        kept = np.zeros(len(sites), dtype=bool)
        for one in self.spans:
            here = sites.contig == genome.contigs.index(one.contig)
            kept |= here & (sites.pos >= one.first) & (sites.pos <= one.last)
        return kept


def read_targets(bed: Path) -> dict[str, "NDArray[np.int64]"]:
    """First and last base (two columns, from 1) of the sorted, merged targets of each contig."""
    found: dict[str, list[tuple[int, int]]] = {}
    with bed.open(encoding="utf-8") as lines:
        for line in lines:
            name, start, end, *_ = line.rstrip("\n").split("\t")
            found.setdefault(name, []).append((int(start) + 1, int(end)))
    return {name: np.array(parts, dtype=np.int64) for name, parts in found.items()}


def write_bed(path: Path, spans: Iterable[Span]) -> None:
    """Write stretches as BED; bcftools counts from 0 only in files whose name ends in .bed."""
    lines = (f"{one.contig}\t{one.first - 1}\t{one.last}\n" for one in spans)
    path.write_text("".join(lines), encoding="utf-8")


def near(spans: Sequence[Span]) -> list[Span]:
    """Sorted stretches, those joined that are read in one go: each jump into alignments reads a whole slice."""
    found: list[Span] = []
    for one in spans:
        if found and found[-1].contig == one.contig and one.first - found[-1].last <= JUMP:
            found[-1] = Span(one.contig, found[-1].first, max(found[-1].last, one.last))
        else:
            found.append(one)
    return found


def cut(
    regions: Iterable[str],
    targets: Mapping[str, "NDArray[np.int64]"],
    *,
    without: Collection[str] = (),
    bases: int = PART_BASES,
) -> list[Part]:
    """The parts of a genome that have targets.

    Args:
        regions: of the reference, `contig:first-last`, in its order.
        targets: of each contig, as `read_targets` gives them.
        without: contigs that the person does not have.
        bases: target bases up to which regions are joined.
    """
    spans = [Span.of(text) for text in regions]
    contigs = [list(group) for _, group in groupby(spans, key=lambda one: one.contig)]
    sized = [
        [(one, _size(one, targets)) for one in group]
        for group in contigs
        if group[0].contig in targets and group[0].contig not in without
    ]
    found: list[Part] = []
    group = -1
    waiting: list[Span] = []  # whole contigs with few targets
    weight = 0
    for contig in [*sized, []]:
        total = sum(size for _, size in contig)
        if waiting and (not contig or weight + total > bases):
            group += 1
            found.append(_part(len(found), group, waiting, targets))
            waiting, weight = [], 0
        if total > bases:
            group += 1
            found += [
                _part(len(found) + i, group, run, targets) for i, run in enumerate(_runs(contig, bases))
            ]
        elif contig:
            waiting.append(Span(contig[0][0].contig, contig[0][0].first, contig[-1][0].last))
            weight += total
    return found


def _runs(contig: Sequence[tuple[Span, int]], bases: int) -> Iterator[list[Span]]:
    """Neighbouring regions of one contig joined up to a number of target bases; nothing lies between them."""
    name, first, last = contig[0][0].contig, contig[0][0].first, contig[0][0].first - 1
    weight = 0
    for span, size in contig:
        if weight and weight + size > bases:
            yield [Span(name, first, last)]
            first, weight = last + 1, 0
        last = span.last
        weight += size
    yield [Span(name, first, last)]


def _part(number: int, group: int, spans: Sequence[Span], targets: Mapping[str, "NDArray[np.int64]"]) -> Part:
    looked = [
        Span(one.contig, int(first), int(last))
        for one in spans
        for first, last in _inside(targets[one.contig], one.first, one.last + BEYOND)
    ]
    return Part(number, group, tuple(spans), tuple(looked))


def _size(span: Span, targets: Mapping[str, "NDArray[np.int64]"]) -> int:
    inside = _inside(targets.get(span.contig, np.empty((0, 2), np.int64)), span.first, span.last)
    return int((inside[:, 1] - inside[:, 0] + 1).sum())


def _inside(parts: "NDArray[np.int64]", first: int, last: int) -> "NDArray[np.int64]":
    """The parts between two bases."""
    start, stop = np.searchsorted(parts[:, 1], first, "left"), np.searchsorted(parts[:, 0], last, "right")
    return np.clip(parts[start:stop], first, last)
