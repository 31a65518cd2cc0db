"""One sample's gVCF, put together from parts that were called side by side.

The bytes do not depend on how many parts were made at a time. Consequences are told contig by contig, since csq
combines the variants of a transcript.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from scleromyomics.core.tools import Tool, pipe
from scleromyomics.variants import filters as soft
from scleromyomics.variants import records
from scleromyomics.variants.loci import Genome
from scleromyomics.variants.query import read_query
from scleromyomics.variants.records import FORMATS, UNDECIDED, Blocks, Variants
from scleromyomics.variants.regions import Part

CONSEQUENCES = 64  # of one haplotype that a record can tell; genes have up to some dozens of transcripts
CANDIDATE_FORMATS = ("DP", "AD", "ADF", "ADR")
NUMBERS = ("variants", "passed", "undecided", "blocks", "candidates")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How variants are called.

    Attributes:
        mapping_quality: lowest of a read that counts.
        base_quality: lowest of a base that counts.
        depth: reads looked at per position.
        depths: at which blocks are divided.
        filters: expressions by name.
        alternate: reads that make a candidate.
        fraction: of the reads that makes a candidate.
    """

    mapping_quality: int
    base_quality: int
    depth: int
    depths: tuple[int, ...]
    filters: Mapping[str, str]
    alternate: int
    fraction: float


@dataclass(frozen=True, kw_only=True)
class Job:
    """What all parts of one sample share.

    Attributes:
        sample: its name.
        sex: of the participant.
        source: alignments, or a VCF made elsewhere.
        genome: the reference.
        settings: how variants are called.
        bcftools: which program.
        folder: for files on the way.
    """

    sample: str
    sex: str
    source: Path
    genome: Genome
    settings: Settings
    bcftools: Tool
    folder: Path

    @property
    def what(self) -> str:
        """What an error is about."""
        return f"sample {self.sample}, file {self.source}"


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Records of a sample; `filters` are the names that FILTER holds."""

    variants: int = 0
    passed: int = 0
    undecided: int = 0
    blocks: int = 0
    candidates: int = 0
    filters: frozenset[str] = field(default_factory=frozenset)

    def __add__(self, other: "Counts") -> "Counts":
        summed = {name: getattr(self, name) + getattr(other, name) for name in NUMBERS}
        return Counts(**summed, filters=self.filters | other.filters)

    @property
    def numbers(self) -> dict[str, int]:
        """The counts by name."""
        return {name: getattr(self, name) for name in NUMBERS}


@dataclass(frozen=True, kw_only=True)
class Products:
    """The files that are made."""

    calls: Path
    index: Path
    candidates: Path
    candidates_index: Path


def make(
    job: Job, parts: Sequence[Part], call: Callable[[Part], Counts], products: Products, threads: int
) -> Counts:
    """Call all parts and put them together.

    Args:
        job: the sample.
        parts: in the order of the genome; none for a sample without data.
        call: calls one part and writes its lines with `write_part`.
        products: what to write.
        threads: parts at a time.
    """
    with ThreadPoolExecutor(threads) as pool:
        counts = sum(pool.map(call, parts), Counts())
        groups: dict[int, list[int]] = {}
        for part in parts:
            groups.setdefault(part.group, []).append(part.number)
        head = _header(job, counts)
        finished = pool.map(lambda numbers: _finish(job, numbers, head), list(groups.values()) or [[]])
        calls = job.folder / "calls.bcf"
        pipe(job.bcftools("concat", "--naive", "-o", calls, *finished), what=job.what)
    few, candidates = job.folder / "candidates.vcf", job.folder / "candidates.bcf"
    head = records.header(job.sample, job.genome, {}, CANDIDATE_FORMATS, blocks=False)
    _join(few, head, [job.folder / f"{part.number}.candidates" for part in parts])
    pipe(job.bcftools("view", "--no-version", "-Ob", "-o", candidates, few), what=job.what)
    _publish(job, calls, products.calls, products.index)
    _publish(job, candidates, products.candidates, products.candidates_index)
    return counts


def write_part(
    job: Job, part: Part, variants: Variants, blocks: Blocks, candidates: Variants | None = None
) -> Counts:
    """Write the lines of what lies within one part."""
    genome = job.genome
    variants = variants[part.keeps(variants.sites, genome)]
    variants = variants[variants.sites.order()]
    blocks = blocks.on(*part.bounds(genome))
    with (job.folder / f"{part.number}.calls").open("wb") as file:
        records.write(file, genome, variants, blocks)
    with (job.folder / f"{part.number}.candidates").open("wb") as file:
        if candidates is not None:
            candidates = candidates[part.keeps(candidates.sites, genome)]
            records.write(file, genome, candidates)
    undecided = int((variants.filters == UNDECIDED).sum())
    different = set(np.unique(variants.filters).tolist())
    return Counts(
        variants=len(variants) - undecided,
        passed=int((variants.filters == "").sum()),
        undecided=undecided,
        blocks=len(blocks),
        candidates=0 if candidates is None else len(candidates),
        filters=frozenset(name for text in different for name in text.split(";") if name),
    )


def read_variants(table: Path, genome: Genome, names: Sequence[str]) -> Variants:
    """A table of contig, position, alleles, QUAL, FILTER and FORMAT fields; it is deleted."""
    found = read_query(table, genome, ("QUAL", "FILTER", *names))
    table.unlink()
    filters = found.columns["FILTER"]
    filters[filters == "PASS"] = ""
    return Variants(
        sites=found.sites,
        qual=found.columns["QUAL"],
        filters=filters,
        fields={name: found.columns[name] for name in names},
    )


def cells(names: Sequence[str], *, filters: str = "%FILTER") -> str:
    """The format of the table that `read_variants` reads."""
    values = "".join(rf"\t%{name}" for name in names)
    return rf"%CHROM\t%POS\t%REF\t%ALT\t%QUAL\t{filters}[{values}]\n"


def _header(job: Job, counts: Counts) -> str:
    described = {**job.settings.filters, **records.OWN_FILTERS}
    described |= dict.fromkeys(sorted(counts.filters - described.keys()), records.FROM_SOURCE)
    return records.header(job.sample, job.genome, described, tuple(FORMATS))


def _finish(job: Job, numbers: Sequence[int], head: str) -> Path:
    """The parts of one group as BCF: filters of blocks, and consequences where there are genes."""
    lines, done = (job.folder / f"{min(numbers, default=0)}.{kind}" for kind in ("vcf", "bcf"))
    _join(lines, head, [job.folder / f"{number}.calls" for number in numbers])
    genes, bcftools = job.genome.genes, job.bcftools
    ending = bcftools("view", "--no-version", "-Ob", "-o", done)
    if genes is not None:
        told = ("-p", "a", "-n", str(CONSEQUENCES), "-i", 'FILTER="PASS"', "-v", "0")
        told += ("--force",)  # newer versions refuse contigs without genes; the reference's genes are checked
        ending = bcftools(
            "csq", "--no-version", "-f", job.genome.fasta, "-g", genes, *told, "-Ob", "-o", done
        )
    stages = soft.stages(soft.of_blocks(job.settings.filters), bcftools)
    pipe(bcftools("view", "--no-version", "-Ou", lines), *stages, ending, what=job.what)
    lines.unlink()
    return done


def _join(target: Path, head: str, bodies: Sequence[Path]) -> None:
    with target.open("wb") as file:
        file.write(head.encode())
        for body in bodies:
            with body.open("rb") as lines:
                shutil.copyfileobj(lines, file)
            body.unlink()


def _publish(job: Job, made: Path, target: Path, index: Path) -> None:
    indexed = made.with_suffix(".csi")
    pipe(job.bcftools("index", "-f", "-o", indexed, made), what=job.what)
    made.replace(target)
    indexed.replace(index)
