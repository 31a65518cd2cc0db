"""A small genome with two genes, and samples on it as the pooled steps of variants read them."""

import gzip
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from scleromyomics.core.files import write_json
from scleromyomics.core.tools import Tool, find_tool, pipe
from scleromyomics.variants.loci import Genome, Sites

LENGTHS = {"chr1": 3000, "chr2": 800, "chrX": 600, "chrY": 400, "chrM": 300}
EXONS = ((1051, 1100), (1201, 1249))  # coding, of the gene on the forward strand
GENES = """##gff-version 3
chr1	.	gene	1001	1300	.	+	.	ID=gene:ENSG01;Name=TOY1;biotype=protein_coding;gene_id=ENSG01
chr1	.	mRNA	1001	1300	.	+	.	ID=transcript:ENST01;Parent=gene:ENSG01;biotype=protein_coding
chr1	.	exon	1001	1100	.	+	.	Parent=transcript:ENST01
chr1	.	exon	1201	1300	.	+	.	Parent=transcript:ENST01
chr1	.	CDS	1051	1100	.	+	0	ID=CDS:P1;Parent=transcript:ENST01
chr1	.	CDS	1201	1249	.	+	1	ID=CDS:P1;Parent=transcript:ENST01
chr1	.	three_prime_UTR	1250	1300	.	+	.	Parent=transcript:ENST01
###
chr1	.	gene	1190	1500	.	-	.	ID=gene:ENSG02;Name=TOY2;biotype=protein_coding;gene_id=ENSG02
chr1	.	mRNA	1190	1500	.	-	.	ID=transcript:ENST02;Parent=gene:ENSG02;biotype=protein_coding
chr1	.	exon	1190	1500	.	-	.	Parent=transcript:ENST02
chr1	.	CDS	1401	1499	.	-	0	ID=CDS:P2;Parent=transcript:ENST02
chr1	.	three_prime_UTR	1190	1400	.	-	.	Parent=transcript:ENST02
###
"""


def tools(name: str) -> list[object]:
    """The kinds of a tool that tests take: embedded, and native where it is installed."""
    return ["embedded", pytest.param("auto", marks=_native(name))]


def _native(name: str) -> pytest.MarkDecorator:
    import shutil

    return pytest.mark.skipif(shutil.which(name) is None, reason=f"no native {name} on the PATH")


def sequences(seed: int = 1) -> dict[str, str]:
    """Random contigs; the first gene reads ATG ... TAA, with GT and AG around its intron."""
    rng = random.Random(seed)  # noqa: S311 - a seed, not a secret
    found = {name: [rng.choice("ACGT") for _ in range(length)] for name, length in LENGTHS.items()}
    coding = "ATG" + "".join(rng.choice(("GCT", "AAA", "CTG", "GAT")) for _ in range(31)) + "TAA"
    places = [pos for first, last in EXONS for pos in range(first, last + 1)]
    for pos, base in zip(places, coding, strict=True):
        found["chr1"][pos - 1] = base
    for pos, base in zip((1101, 1102, 1199, 1200), "GTAG", strict=True):
        found["chr1"][pos - 1] = base
    found["chr1"][300:320] = list("CACACACACACACACACACA")
    found["chr1"][299] = "G"
    return {name: "".join(bases) for name, bases in found.items()}


def write_genome(folder: Path, *, genes: bool = True, seed: int = 1) -> Genome:
    """The reference folder of a freeze."""
    folder.mkdir(parents=True, exist_ok=True)
    fasta = folder / "genome.fa"
    contigs = sequences(seed)
    fasta.write_text("".join(f">{name}\n{bases}\n" for name, bases in contigs.items()), encoding="utf-8")
    pipe(find_tool("samtools", "embedded")("faidx", fasta), what="genome")
    if genes:
        with gzip.open(folder / "genes.gff3.gz", "wt", encoding="utf-8") as file:
            file.write(GENES)
    write_json(
        folder / "receipt.json",
        {
            "contigs": LENGTHS,
            "m5": {name: f"{seed}{name}" for name in contigs},
            "x": "chrX",
            "y": "chrY",
            "mitochondrion": "chrM",
            "pseudoautosomal": ["chrX:1-100", "chrY:1-100"],
        },
    )
    return Genome.load(fasta)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A record of a sample."""

    where: str  # chr1:100:A:G
    gt: int = 1
    ploidy: int = 2
    dp: int = 30
    ad: int = 15
    gq: int = 90
    passed: bool = True


@dataclass(frozen=True, kw_only=True)
class Someone:
    """A sample."""

    variants: Sequence[Variant] = ()
    blocks: Sequence[tuple[str, int, int, int, int]] = ()  # contig, first, last, dp, gq
    candidates: Sequence[Variant] = ()
    complete: bool = False
    held: Sequence[str] = field(default=())


def split(name: str) -> tuple[str, int, str, str]:
    contig, pos, ref, alt = name.split(":")
    return contig, int(pos), ref, alt


def sites(genome: Genome, names: Iterable[str]) -> Sites:
    """Sites in the order given."""
    parts = [split(name) for name in names]
    if not parts:
        return Sites.none()
    contig, pos, ref, alt = zip(*parts, strict=True)
    return Sites.of(genome.contig(contig, "test"), np.array(pos), ref, alt)


def alternative(genome: str | Mapping[str, str], contig: str, pos: int) -> str:
    """A name for the transition at a position."""
    base = (sequences() if isinstance(genome, str) else genome)[contig][pos - 1]
    return f"{contig}:{pos}:{base}:{dict(zip('ACGT', 'GTAC', strict=True))[base]}"


def write_profile(path: Path, someone: Someone, contigs: Sequence[str] = tuple(LENGTHS)) -> None:
    """profile.npz of a sample."""
    order = sorted(
        someone.variants, key=lambda one: (contigs.index(one.where.split(":")[0]), split(one.where)[1:])
    )
    parts = [split(one.where) for one in order]
    blocks = sorted(someone.blocks, key=lambda one: (contigs.index(one[0]), one[1]))

    def numbers(name: str, kind: str) -> np.ndarray:
        return np.array([getattr(one, name) for one in order], dtype=kind)

    texts = {name: np.full(len(order), "", dtype="U1") for name in ("gene_symbol", "gene_id", "consequence")}
    np.savez_compressed(
        path,
        contigs=np.array(contigs),
        contig=np.array([contigs.index(part[0]) for part in parts], dtype=np.int16),
        pos=np.array([part[1] for part in parts], dtype=np.int32),
        ref=np.array([part[2] for part in parts], dtype=np.str_),
        alt=np.array([part[3] for part in parts], dtype=np.str_),
        gt=numbers("gt", "int8"),
        ploidy=numbers("ploidy", "int8"),
        dp=numbers("dp", "int32"),
        ad=numbers("ad", "int32"),
        gq=numbers("gq", "int16"),
        passed=numbers("passed", "bool"),
        **texts,
        block_contig=np.array([contigs.index(block[0]) for block in blocks], dtype=np.int16),
        block_start=np.array([block[1] for block in blocks], dtype=np.int32),
        block_end=np.array([block[2] for block in blocks], dtype=np.int32),
        block_dp=np.array([block[3] for block in blocks], dtype=np.int32),
        block_gq=np.array([block[4] for block in blocks], dtype=np.int16),
        complete=np.array(someone.complete),
    )


def write_candidates(
    path: Path, sample: str, candidates: Sequence[Variant], bcftools: Tool | None = None
) -> None:
    """candidates.bcf of a sample; the allele's reads lie half on each strand."""
    lines = ["##fileformat=VCFv4.2"]
    lines += [f"##contig=<ID={name},length={length}>" for name, length in LENGTHS.items()]
    lines += ['##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Reads">']
    lines += [
        f'##FORMAT=<ID={name},Number=R,Type=Integer,Description="Reads">' for name in ("AD", "ADF", "ADR")
    ]
    lines += [f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{sample}"]
    order = sorted(
        candidates, key=lambda one: (list(LENGTHS).index(one.where.split(":")[0]), split(one.where)[1:])
    )
    for one in order:
        contig, pos, ref, alt = split(one.where)
        forward = one.ad // 2
        other = one.dp - one.ad
        reads = f"{one.dp}:{other},{one.ad}:{other // 2},{forward}:{other - other // 2},{one.ad - forward}"
        lines.append(f"{contig}\t{pos}\t.\t{ref}\t{alt}\t.\t.\t.\tDP:AD:ADF:ADR\t{reads}")
    text = path.with_suffix(".vcf")
    text.write_text("\n".join(lines) + "\n", encoding="utf-8")
    tool = bcftools or find_tool("bcftools", "embedded")
    pipe(tool("view", "--no-version", "-Ob", "-o", path, text), what="candidates")
    pipe(tool("index", "-f", path), what="candidates")
    text.unlink()


def write_sample(folder: Path, sample: str, someone: Someone) -> Path:
    """The products of a sample that the pooled steps read; returns the path of its quality record."""
    folder.mkdir(parents=True, exist_ok=True)
    write_profile(folder / "profile.npz", someone)
    write_candidates(folder / "candidates.bcf", sample, someone.candidates)
    record = {"sample": sample, "held": bool(someone.held), "reasons": list(someone.held)}
    write_json(folder / "quality.json", record)
    return folder / "quality.json"


def write_reads(
    path: Path,
    genome: Genome,
    fractions: Mapping[str, float],
    *,
    sample: str = "S1",
    depth: int = 60,
    length: int = 100,
    errors: float = 0.0,
    seed: int = 1,
    contigs: Sequence[str] = ("chr1",),
) -> dict[str, tuple[int, int]]:
    """Single reads laid on the genome where they belong, as CRAM; alleles at the given fractions.

    Returns:
        By allele: reads of its position, and reads with it.
    """
    rng, bases = np.random.default_rng(seed), read_fasta(genome.fasta)
    alleles = sorted(fractions, key=lambda name: split(name)[1], reverse=True)
    seen = dict.fromkeys(alleles, (0, 0))
    lines = ["@HD\tVN:1.6\tSO:unsorted", *(f"@SQ\tSN:{name}\tLN:{len(text)}" for name, text in bases.items())]
    lines.append(f"@RG\tID:{sample}\tSM:{sample}")
    for contig in contigs:
        whole = bases[contig]
        starts = rng.integers(-length, len(whole), depth * (len(whole) + length) // length)
        for number, start in enumerate(starts.tolist()):
            first, last = max(start, 0), min(start + length, len(whole))  # from 0, half open
            if last - first < length // 2:
                continue
            text, cigar = list(whole[first:last]), [last - first]  # of the last stretch
            parts: list[str] = []
            for name in alleles:  # from the right: what was changed does not move what is left
                where, pos, ref, alt = split(name)
                at = pos - 1 - first
                if where != contig or at < 0 or at + len(ref) >= last - first:
                    continue
                carries = rng.random() < fractions[name]
                seen[name] = (seen[name][0] + 1, seen[name][1] + carries)
                if not carries:
                    continue
                text[at : at + len(ref)] = list(alt)
                if len(ref) != len(alt):
                    rest = cigar[-1] - at - len(ref) if len(ref) > len(alt) else cigar[-1] - at - 1
                    change = f"{len(ref) - 1}D" if len(ref) > len(alt) else f"{len(alt) - 1}I"
                    parts = [change, f"{rest}M", *parts]
                    cigar = [at + 1]
            wrong = np.flatnonzero(rng.random(len(text)) < errors)
            for at in wrong:
                text[at] = "ACGT"[("ACGT".index(text[at]) + int(rng.integers(1, 4))) % 4]
            flag = 16 * int(rng.integers(2))
            cells = [f"r{contig}{number}", flag, contig, first + 1, 60, f"{cigar[-1]}M{''.join(parts)}"]
            lines.append(
                "\t".join(map(str, [*cells, "*", 0, 0, "".join(text), "F" * len(text), f"RG:Z:{sample}"]))
            )
    sam, samtools = path.with_suffix(".sam"), find_tool("samtools", "embedded")
    sam.write_text("\n".join(lines) + "\n", encoding="utf-8")
    reference = ("--reference", genome.fasta)
    pipe(samtools("sort", "--no-PG", "-O", "cram", *reference, "-o", path, sam), what="reads")
    pipe(samtools("index", path), what="reads")
    sam.unlink()
    return seen


def read_fasta(path: Path) -> dict[str, str]:
    parts = path.read_text(encoding="utf-8").split(">")[1:]
    return {part.split("\n", 1)[0]: part.split("\n", 1)[1].replace("\n", "") for part in parts}


@dataclass(frozen=True, kw_only=True)
class Released:
    """A sample of a release, with what the pooled steps take of its row."""

    sample: str
    participant: str
    visit: str = "V1"
    timepoint: str = "D1"
    day: int = 0
    tissue: str = "pbmc"
    platform: str = "exome"
    batch: str = "B1"
    wave: str = "W1"
    sex: str = "F"

    @property
    def quality(self) -> Path:
        return Path("results/samples/variants/F1") / self.sample / "quality.json"
