"""Reads and depth of one sample: what `samtools flagstat` and `samtools stats` count.

Depth is that of primary, mapped reads that are no copies of others, each molecule counted once where its mates
overlap, at each base of the targets. The genome is read part by part, side by side; sums do not depend on that. For
gVCF files without reads it is the depth that blocks and variants tell: the fewest reads of a block, so a little low.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scleromyomics.core.tools import Tool, pipe
from scleromyomics.variants.loci import Genome
from scleromyomics.variants.regions import Part, Span, write_bed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scleromyomics.variants.records import Blocks

NOT_COUNTED = "0xF04"  # unmapped, secondary, supplementary, failed, copies
DEEPEST = 20_000  # depth above which positions count as this deep
EVEN = 0.2  # of the mean depth: a base below it is poorly covered (Picard's fold-80 asks the like)
AUTOSOME = re.compile(r"(?:chr)?\d+")
FLAGSTAT = {
    "total": "total (QC-passed reads + QC-failed reads)",
    "primary": "primary",
    "mapped": "primary mapped",
    "duplicates": "primary duplicates",
    "paired": "paired in sequencing",
    "proper": "properly paired",
}


@dataclass(frozen=True, kw_only=True)
class Reads:
    """Reads of one sample.

    Attributes:
        total: primary reads, QC failures included.
        mapped: those that align.
        duplicates: those that are copies.
        paired: those with a mate.
        proper: those whose mate lies as expected.
        insert_size: median, bases; None without pairs.
        insert_size_mad: median absolute deviation of it.
        gc: part of the called bases that are G or C; None without any.
        bases: aligned bases that count for depth.
    """

    total: int
    mapped: int
    duplicates: int
    paired: int
    proper: int
    insert_size: float | None
    insert_size_mad: float | None
    gc: float | None
    bases: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Depth:
    """Bases of the targets by depth.

    Attributes:
        counts: number of bases with each depth, from 0.
    """

    counts: "NDArray[np.int64]"

    @property
    def bases(self) -> int:
        """Bases of the targets."""
        return int(self.counts.sum())

    @property
    def sum(self) -> int:
        """Reads over all bases."""
        return int((self.counts * np.arange(self.counts.size)).sum())

    @property
    def mean(self) -> float | None:
        """Mean depth; None without targets."""
        return self.sum / self.bases if self.bases else None

    def least(self, depth: float) -> float | None:
        """Part of the bases with at least this depth."""
        return float(self.counts[int(np.ceil(depth)) :].sum() / self.bases) if self.bases else None

    @property
    def uniformity(self) -> float | None:
        """Part of the bases with at least `EVEN` of the mean depth; None where nothing is covered."""
        return self.least(EVEN * self.mean) if self.mean else None

    def __add__(self, other: "Depth") -> "Depth":
        counts = np.zeros(max(self.counts.size, other.counts.size), dtype=np.int64)
        counts[: self.counts.size] += self.counts
        counts[: other.counts.size] += other.counts
        return Depth(counts=counts)


NO_DEPTH = Depth(counts=np.zeros(1, dtype=np.int64))


def kind_of(genome: Genome, span: Span) -> str:
    """What a stretch tells of sex: autosome, x or y (outside their common parts), or other."""
    if span.contig in {genome.x, genome.y}:
        shared = any(
            name == span.contig and first <= span.first and span.last <= last
            for name, first, last in genome.pseudoautosomal
        )
        return "other" if shared else "x" if span.contig == genome.x else "y"
    numbered = any(AUTOSOME.fullmatch(name) for name in genome.contigs)
    autosome = AUTOSOME.fullmatch(span.contig) if numbered else span.contig != genome.mitochondrion
    return "autosome" if autosome else "other"


def by_kind(genome: Genome, spans: Sequence[Span]) -> dict[str, list[Span]]:
    """Stretches by what they tell of sex, cut at the ends of the pseudoautosomal parts."""
    found: dict[str, list[Span]] = {}
    for span in spans:
        cuts = {first for name, first, _ in genome.pseudoautosomal if name == span.contig}
        cuts |= {last + 1 for name, _, last in genome.pseudoautosomal if name == span.contig}
        edges = [span.first, *sorted(cut for cut in cuts if span.first < cut <= span.last), span.last + 1]
        for first, after in pairwise(edges):
            piece = Span(span.contig, first, after - 1)
            found.setdefault(kind_of(genome, piece), []).append(piece)
    return found


def count_reads(cram: Path, genome: Genome, samtools: Tool, what: str) -> Reads:
    """Reads of a sample, by two passes over its alignments."""
    flags = pipe(samtools("flagstat", "-O", "tsv", cram), what=what).decode()
    told = {
        name: int(number)
        for number, _, name in (line.split("\t") for line in flags.splitlines())
        if number.isdigit()
    }
    command = ("stats", "-d", "-p", "-m", "1", "-c", f"1,{DEEPEST},1", "--reference", genome.fasta, cram)
    lines = _sections(pipe(samtools(*command), what=what).decode())
    sizes = np.array([[int(cell) for cell in row[:2]] for row in lines.get("IS", [])]).reshape(-1, 2)
    letters = np.array(
        [[int(cell) for cell in row[:4]] for name in ("FTC", "LTC") for row in lines.get(name, [])]
    )
    letters = letters.reshape(-1, 4).sum(axis=0)
    middle = _median(sizes[:, 0], sizes[:, 1])
    spread = None if middle is None else _median(np.abs(sizes[:, 0] - middle), sizes[:, 1])
    depth = _depth(lines, 0)
    return Reads(
        **{name: told.get(text, 0) for name, text in FLAGSTAT.items() if name not in {"total", "primary"}},
        total=told.get(FLAGSTAT["primary"], 0),
        insert_size=middle,
        insert_size_mad=spread,
        gc=float(letters[1:3].sum() / letters.sum()) if letters.sum() else None,
        bases=depth.sum,
    )


def read_depth(
    cram: Path,
    genome: Genome,
    parts: Sequence[Part],
    samtools: Tool,
    *,
    folder: Path,
    threads: int,
    what: str,
) -> dict[str, Depth]:
    """Depth over targets by what they tell of sex."""
    jobs = [
        (number, kind, spans)
        for number, part in enumerate(parts)
        for kind, spans in by_kind(genome, part.own_targets).items()
    ]

    def measure(job: tuple[int, str, list[Span]]) -> Depth:
        number, kind, spans = job
        bed, stretches = (folder / f"{number}.{kind}.{suffix}" for suffix in ("bed", "txt"))
        write_bed(bed, spans)
        text = "".join(f"{one.contig}\t{one.first}\t{one.last}\n" for one in spans)
        stretches.write_text(text, encoding="utf-8")
        printed = pipe(
            samtools("view", "-u", "-T", genome.fasta, "-M", "-L", bed, "-F", NOT_COUNTED, cram),
            samtools("stats", "-d", "-p", "-c", f"1,{DEEPEST},1", "-t", stretches, "-"),
            what=what,
        )
        bed.unlink()
        stretches.unlink()
        return _depth(_sections(printed.decode()), sum(one.last - one.first + 1 for one in spans))

    found: dict[str, Depth] = {}
    with ThreadPoolExecutor(threads) as pool:
        for (_, kind, _), depth in zip(jobs, pool.map(measure, jobs), strict=True):
            found[kind] = found.get(kind, NO_DEPTH) + depth
    return found


def block_depth(
    genome: Genome,
    parts: Sequence[Part],
    blocks: "Blocks",
    variants: "tuple[NDArray[np.int16], NDArray[np.int32], NDArray[np.int32]]",
) -> dict[str, Depth]:
    """Depth over targets by what they tell of sex, from a gVCF.

    Args:
        genome: the reference.
        parts: with their targets.
        blocks: stretches without variants, sorted.
        variants: contig, position and depth of the variants.
    """
    contig, pos, dp = variants
    found: dict[str, Depth] = {}
    for kind, spans in by_kind(genome, [span for part in parts for span in part.own_targets]).items():
        bounds = np.array(
            sorted((genome.contigs.index(one.contig), one.first, one.last) for one in spans), dtype=np.int32
        ).T
        inside = blocks.on(bounds[0].astype(np.int16), bounds[1], bounds[2])
        depths, lengths = [np.maximum(inside.dp, 0)], [inside.end - inside.start + 1]
        single = _positions(blocks, contig, pos, dp).on(bounds[0].astype(np.int16), bounds[1], bounds[2])
        depths.append(np.maximum(single.dp, 0))
        lengths.append(single.end - single.start + 1)
        counts = np.bincount(
            np.minimum(np.concatenate(depths), DEEPEST), np.concatenate(lengths), DEEPEST + 1
        ).astype(np.int64)
        counts[0] += int((bounds[2] - bounds[1] + 1).sum()) - int(counts.sum())
        found[kind] = Depth(counts=counts)
    return found


def _positions(
    blocks: "Blocks", contig: "NDArray[np.int16]", pos: "NDArray[np.int32]", dp: "NDArray[np.int32]"
) -> "Blocks":
    """Positions of variants outside of blocks as blocks of one base, each once."""
    from scleromyomics.variants.loci import place
    from scleromyomics.variants.records import Blocks

    where, rows = np.unique(place(contig, pos), return_index=True)
    if len(blocks):
        at = np.searchsorted(place(blocks.contig, blocks.start), where, "right") - 1
        covered = (at >= 0) & (place(blocks.contig, blocks.end)[at] >= where)
        rows = rows[~covered]
    none = np.zeros(rows.size, dtype=np.int32)
    return Blocks(
        contig=contig[rows], start=pos[rows], end=pos[rows], single=none.astype(bool), dp=dp[rows], gq=none
    )


def _sections(text: str) -> Mapping[str, list[list[str]]]:
    """Rows of `samtools stats` by their first field."""
    found: dict[str, list[list[str]]] = {}
    for name, cells in _rows(text):
        found.setdefault(name, []).append(cells)
    return found


def _rows(text: str) -> Iterator[tuple[str, list[str]]]:
    for line in text.splitlines():
        if not line.startswith("#"):
            name, *cells = line.split("\t")
            yield name, cells


def _depth(lines: Mapping[str, list[list[str]]], bases: int) -> Depth:
    """Depth from the coverage histogram; `bases` it does not list have no reads."""
    rows = np.array([[int(row[1]), int(row[2])] for row in lines.get("COV", [])], dtype=np.int64).reshape(
        -1, 2
    )
    counts = np.zeros(int(rows[:, 0].max(initial=0)) + 1, dtype=np.int64)
    np.add.at(counts, rows[:, 0], rows[:, 1])
    counts[0] = max(0, bases - int(counts.sum()))
    return Depth(counts=counts)


def _median(values: "NDArray[np.floating]", weights: "NDArray[np.integer]") -> float | None:
    """The median of values that stand for several each; None for no values."""
    total = int(weights.sum())
    if not total:
        return None
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    low, high = (values[order][np.searchsorted(reached, half)] for half in ((total + 1) // 2, total // 2 + 1))
    return float(low + high) / 2
