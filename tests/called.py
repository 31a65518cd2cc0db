"""A small genome with known people on it: their reads as CRAM, and the calls and profiles made of them."""

import gzip
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scleromyomics.core.files import read_json, sha256
from scleromyomics.core.tools import Tool, find_tool, pipe
from scleromyomics.plan.config.variants import VariantsQuality
from scleromyomics.variants import call, profile

TOOLS = [
    "embedded",
    pytest.param(
        "auto", marks=pytest.mark.skipif(not shutil.which("bcftools"), reason="bcftools is not installed")
    ),
]
"""Both kinds of programs that a step must give right results with."""

BASES = np.array(list("ACGT"))
Variant = tuple[int, str, str]  # position from 1, reference and alternate allele

SETTINGS: dict[str, Any] = {
    "minimum_mapping_quality": 20,
    "minimum_base_quality": 13,
    "maximum_depth": 2000,
    "gvcf_depths": [1, 5, 10, 20, 30],
    "minimum_quality": 20,
    "filters": [
        "low_depth=FMT/DP < 5",
        "low_genotype_quality=FMT/GQ < 20",
        "strand_bias=FMT/SP > 60",
        'allele_balance=GT="het" & FMT/AD[0:1] < 0.15 * FMT/DP',
    ],
    "minimum_alternate": 3,
    "minimum_fraction": 0.02,
}
"""Fixed here, so that other defaults move no expectation."""

LIMITS: dict[str, Any] = VariantsQuality().model_dump()


def sequence(length: int, seed: int) -> str:
    """Random bases."""
    return "".join(BASES[np.random.default_rng(seed).integers(0, 4, length)])


def other(base: str, step: int = 1) -> str:
    """Another base."""
    return "ACGT"[("ACGT".index(base) + step) % 4]


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A genome as variants_reference leaves it."""

    folder: Path
    contigs: Mapping[str, str]

    @property
    def fasta(self) -> Path:
        return self.folder / "genome.fa"

    @property
    def receipt(self) -> Path:
        return self.folder / "receipt.json"

    @property
    def targets(self) -> Path:
        return self.folder / "targets.bed"


def write_reference(
    folder: Path,
    contigs: Mapping[str, str],
    *,
    region: int = 20_000_000,
    targets: Iterable[tuple[str, int, int]] | None = None,
    genes: str = "",
    common: str = "",
    **about: object,
) -> Reference:
    """Write a genome, its receipt, and targets (whole contigs where none are given; starts from 0)."""
    folder.mkdir(parents=True, exist_ok=True)
    lines, index, offset = [], [], 0
    for name, bases in contigs.items():
        rows = [bases[at : at + 60] for at in range(0, len(bases), 60)]
        offset += len(name) + 2
        index.append(f"{name}\t{len(bases)}\t{offset}\t60\t61")
        offset += len(bases) + len(rows)
        lines += [f">{name}", *rows]
    (folder / "genome.fa").write_text("\n".join(lines) + "\n")
    (folder / "genome.fa.fai").write_text("\n".join(index) + "\n")
    regions = [
        f"{name}:{first}-{min(first + region - 1, len(bases))}"
        for name, bases in contigs.items()
        for first in range(1, len(bases) + 1, region)
    ]
    known = {"contigs": {name: len(bases) for name, bases in contigs.items()}, "m5": {}, "tools": {}}
    known |= {"regions": regions, "x": "chrX", "y": "chrY", "mitochondrion": "chrM", "pseudoautosomal": []}
    (folder / "receipt.json").write_text(json.dumps(known | about))
    whole = [(name, 0, len(bases)) for name, bases in contigs.items()]
    rows = [f"{name}\t{start}\t{end}\n" for name, start, end in (whole if targets is None else targets)]
    (folder / "targets.bed").write_text("".join(rows))
    if genes:
        with gzip.open(folder / "genes.gff3.gz", "wt") as file:
            file.write(genes)
    if common:
        tool = find_tool("bcftools", "embedded")
        (folder / "common.vcf").write_text(common)
        pipe(tool("view", "-Ob", "-o", folder / "common.bcf", folder / "common.vcf"), what="common")
        pipe(tool("index", folder / "common.bcf"), what="common")
    return Reference(folder=folder, contigs=contigs)


@dataclass(frozen=True)
class Haplotype:
    """Bases of one copy of a contig, and the reference position of each (from 0; -1 in insertions)."""

    bases: "np.ndarray"
    place: "np.ndarray"

    @classmethod
    def of(cls, reference: str, variants: Iterable[Variant]) -> "Haplotype":
        bases, place = list(reference), list(range(len(reference)))
        for pos, ref, alt in sorted(variants, reverse=True):
            assert reference[pos - 1 : pos - 1 + len(ref)] == ref
            kept = list(range(pos - 1, pos - 1 + min(len(ref), len(alt)))) + [-1] * max(
                0, len(alt) - len(ref)
            )
            bases[pos - 1 : pos - 1 + len(ref)] = list(alt)
            place[pos - 1 : pos - 1 + len(ref)] = kept
        return cls(np.array(bases), np.array(place))

    def read(self, start: int, length: int) -> tuple[int, str, str]:
        """Position (from 1), CIGAR and bases of a read; it starts and ends on bases of the reference."""
        while self.place[start] < 0:
            start += 1
        stop = min(start + length, self.bases.size)
        while self.place[stop - 1] < 0:
            stop -= 1
        place = self.place[start:stop]
        steps: list[list[Any]] = []
        last = place[0] - 1
        for at in place:
            if at < 0:
                kind, count = "I", 1
            else:
                if at > last + 1:
                    steps.append(["D", int(at - last - 1)])
                last, kind, count = at, "M", 1
            if steps and steps[-1][0] == kind:
                steps[-1][1] += count
            else:
                steps.append([kind, count])
        cigar = "".join(f"{count}{kind}" for kind, count in steps)
        return int(place[0]) + 1, cigar, "".join(self.bases[start:stop])


def paired_reads(
    name: str,
    contig: str,
    haplotypes: Sequence[Haplotype],
    depth: float,
    *,
    length: int = 100,
    error: float = 0.001,
    seed: int = 1,
    weights: Sequence[float] | None = None,
) -> list[str]:
    """SAM lines of pairs from fragments of about 300 bases, drawn from haplotypes.

    Args:
        name: of the read group, and start of the reads' names.
        contig: where they lie.
        haplotypes: of the contig.
        depth: mean depth.
        length: of a read.
        error: chance that a base is read wrongly.
        seed: of the random draws.
        weights: part of the fragments from each haplotype; all alike where none are given.
    """
    rng = np.random.default_rng(seed)
    size = haplotypes[0].bases.size
    pairs = int(depth * size / (2 * length))
    lines = []
    for number in range(pairs):
        haplotype = haplotypes[rng.choice(len(haplotypes), p=weights)]
        fragment = int(np.clip(rng.normal(300, 30), 2 * length // 2 + 20, 500))
        start = int(rng.integers(0, max(1, haplotype.bases.size - fragment)))
        ends = [haplotype.read(start, length), haplotype.read(start + fragment - length, length)]
        for first, (mine, mate) in ((True, ends), (False, ends[::-1])):
            bases = np.array(list(mine[2]))
            wrong = rng.random(bases.size) < error
            bases[wrong] = BASES[rng.integers(0, 4, int(wrong.sum()))]
            flag = 99 if first else 147
            span = fragment if first else -fragment
            cells = [f"{name}{number}", flag, contig, mine[0], 60, mine[1], "=", mate[0], span]
            line = "\t".join(map(str, [*cells, "".join(bases), "F" * bases.size, f"RG:Z:{name}"]))
            lines.append(line)
    return lines


def single_reads(
    name: str, contig: str, haplotype: Haplotype, starts: Iterable[int], *, length: int = 100
) -> list[str]:
    """SAM lines of forward reads without mates or errors, from given bases (from 0) of a haplotype on."""
    found = [(start, *haplotype.read(start, length)) for start in starts]
    return [
        "\t".join(
            map(
                str,
                [
                    f"{name}{at}",
                    0,
                    contig,
                    pos,
                    60,
                    cigar,
                    "*",
                    0,
                    0,
                    bases,
                    "F" * len(bases),
                    f"RG:Z:{name}",
                ],
            )
        )
        for at, pos, cigar, bases in found
    ]


def write_cram(path: Path, reference: Reference, sample: str, lines: Sequence[str]) -> Path:
    """Write SAM lines as a sorted, indexed CRAM of one sample."""
    samtools = find_tool("samtools", "embedded")
    groups = sorted({line.rpartition("RG:Z:")[2] for line in lines}) or [sample]
    head = ["@HD\tVN:1.6\tSO:unsorted"]
    head += [f"@SQ\tSN:{name}\tLN:{len(bases)}" for name, bases in reference.contigs.items()]
    head += [f"@RG\tID:{group}\tSM:{sample}" for group in groups]
    path.parent.mkdir(parents=True, exist_ok=True)
    sam = path.with_suffix(".sam")
    sam.write_text("\n".join([*head, *lines]) + "\n")
    pipe(
        samtools("sort", "--no-PG", "-O", "cram", "--reference", reference.fasta, "-o", path, sam),
        what=sample,
    )
    pipe(samtools("index", path), what=sample)
    sam.unlink()
    return path


def write_admission(path: Path, raw: Path | None = None, *, reason: str = "") -> Path:
    """The receipt of an accepted, or for a reason refused, raw file."""
    status = "refused" if reason else "accepted"
    digest = [sha256(raw)] if raw else []
    path.write_text(json.dumps({"status": status, "reason": reason, "sha256": digest}))
    return path


@dataclass(frozen=True)
class Sample:
    """The folder of one sample's products."""

    folder: Path
    name: str

    @property
    def calls(self) -> Path:
        return self.folder / "calls.bcf"

    @property
    def candidates(self) -> Path:
        return self.folder / "candidates.bcf"

    def receipt(self) -> dict[str, Any]:
        return read_json(self.folder / "calls.receipt.json")

    def quality(self) -> dict[str, Any]:
        return read_json(self.folder / "quality.json")

    def arrays(self) -> dict[str, np.ndarray]:
        with np.load(self.folder / "profile.npz", allow_pickle=False) as stored:
            return {name: stored[name] for name in stored}


def make_calls(
    folder: Path, reference: Reference, source: Path, *, sample: str = "s1", **changes: Any
) -> Sample:
    """Call a sample's variants."""
    folder.mkdir(parents=True, exist_ok=True)
    options = {"format": "fastq", "sex": "F", "targets": reference.targets} | SETTINGS | changes
    if "admission" not in options:
        raw = source if options["format"] in {"vcf", "gvcf"} else None
        options["admission"] = write_admission(folder / "raw.receipt.json", raw)
    call.run(
        sample=sample,
        source=source,
        genome=reference.fasta,
        reference=reference.receipt,
        calls=folder / "calls.bcf",
        index=folder / "calls.bcf.csi",
        candidates=folder / "candidates.bcf",
        candidates_index=folder / "candidates.bcf.csi",
        receipt=folder / "calls.receipt.json",
        **options,
    )
    return Sample(folder, sample)


def make_profile(made: Sample, reference: Reference, *, tool: str = "embedded", **changes: Any) -> Sample:
    """Make the profile of a sample whose variants are called."""
    options = {"sex": "F", "tissue": "pbmc", "targets": reference.targets} | LIMITS | changes
    profile.run(
        sample=made.name,
        admission=made.folder / "raw.receipt.json",
        calls=made.calls,
        genome=reference.fasta,
        reference=reference.receipt,
        samtools=tool,
        bcftools=tool,
        profile=made.folder / "profile.npz",
        quality=made.folder / "quality.json",
        receipt=made.folder / "profile.receipt.json",
        **options,
    )
    return made


def rows(path: Path, cells: str, *, tool: Tool | None = None, only: str = "") -> list[list[str]]:
    """Records of a BCF as `bcftools query` prints them."""
    bcftools = tool or find_tool("bcftools", "embedded")
    chosen = ["-i", only] if only else []
    text = pipe(
        bcftools("query", *chosen, "-f", cells.replace(" ", r"\t") + r"\n", path), what=str(path)
    ).decode()
    return [line.split("\t") for line in text.splitlines()]


def variants(path: Path, *, only: str = 'N_ALT=1 & FILTER!="undecided"') -> list[list[str]]:
    """Contig, position, alleles, FILTER and genotype of each variant."""
    return rows(path, "%CHROM %POS %REF %ALT %FILTER [%GT]", only=only)


def blocks(path: Path) -> list[list[str]]:
    """Contig, first and last base, genotype, depth, quality and FILTER of each block."""
    return rows(path, "%CHROM %POS %END [%GT %DP %GQ] %FILTER", only="N_ALT=0")
