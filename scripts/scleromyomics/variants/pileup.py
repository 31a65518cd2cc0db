"""Variants of one part of a genome from reads, and alleles with low support, by one pileup.

`bcftools mpileup | call -m` (Li 2011, doi:10.1093/bioinformatics/btr509; Danecek et al. 2021,
doi:10.1093/gigascience/giab008); a second pipe takes from the same pileup the positions at which reads show another
allele. What was settled by measurement, on simulated reads at 30x and 100x with 0.1 to 1 % errors:

- base alignment quality (BAQ) only near indels, as bcftools has it: everywhere (`-D`) it takes twice as long, nowhere
  (`-B`) it gains nothing;
- indels by the model that bcftools 1.16 and 1.24 both have (the newer ones gain nothing there, and are called
  experimental), with `--max-idepth` raised to the depth that is looked at: its default of 250 leaves deep exomes
  without indels;
- indel candidates from the lowest fraction of reads that makes a mosaic candidate.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scleromyomics.core.tools import pipe
from scleromyomics.variants import filters as soft
from scleromyomics.variants import ploidy, records
from scleromyomics.variants.gvcf import (
    CANDIDATE_FORMATS,
    Counts,
    Job,
    Settings,
    cells,
    read_variants,
    write_part,
)
from scleromyomics.variants.loci import TEXT, Sites, concatenate, place
from scleromyomics.variants.query import read_query
from scleromyomics.variants.records import FORMATS, UNDECIDED, Blocks, Variants
from scleromyomics.variants.regions import Part, near, write_bed

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNDECIDED_BELOW = 10  # Phred: the reads favour the reference less than tenfold over the other genotypes
INDEL_FRACTION = 0.05  # of reads with an indel that makes it a candidate in bcftools
TAGS = "FORMAT/AD,FORMAT/ADF,FORMAT/ADR,FORMAT/DP,FORMAT/SP"


def call_part(job: Job, part: Part) -> Counts:
    """Call one part from reads; writes the lines of its calls and of its candidates."""
    raw, seen = (job.folder / f"{part.number}.{name}.bcf" for name in ("raw", "seen"))
    _pile_up(job, part, raw, seen)
    variants, blocks = _called(job, raw), _blocks(job, raw)
    evidence = _evidence(job, seen)
    raw.unlink()
    seen.unlink()
    undecided = _undecided(evidence, variants, job)
    single = np.strings.str_len(undecided.sites.ref) == np.strings.str_len(undecided.sites.alt)
    blocks = blocks.without(concatenate([variants.sites, undecided.sites[single]]))
    merged = records.join_variants([variants.distinct(), undecided])
    candidates = _candidates(evidence, job.settings)
    return write_part(job, part, merged, blocks, candidates)


def _pile_up(job: Job, part: Part, raw: Path, seen: Path) -> None:
    """One pileup of a part: calls, normalised, in `raw`; positions with another allele, normalised, in `seen`."""
    bcftools, settings, fasta = job.bcftools, job.settings, job.genome.fasta
    names = ("targets.bed", "regions.bed", "sex", "ploidy")
    targets, regions, sex, copies = (job.folder / f"{part.number}.{name}" for name in names)
    write_bed(targets, part.targets)
    write_bed(regions, near(part.targets))
    sex.write_text(f"{job.sample}\t{job.sex}\n", encoding="utf-8")
    copies.write_text(ploidy.ploidy_file(job.genome, job.sex), encoding="utf-8")
    depths = ",".join(map(str, settings.depths))
    plain, packed = ("--no-version", "-Ou"), ("--no-version", "-Ob")
    norm = ("norm", "-f", fasta, "-m", "-any")
    pipe(
        bcftools(
            *("mpileup", *plain, "-f", fasta, "-R", regions, "-T", targets, "-a", TAGS, "--gvcf", depths),
            *("-q", str(settings.mapping_quality), "-Q", str(settings.base_quality)),
            *("-d", str(settings.depth), "--max-idepth", str(settings.depth)),
            *("-F", f"{min(INDEL_FRACTION, settings.fraction):g}", job.source),
        ),
        bcftools("call", *plain, "-m", "--gvcf", depths, "-a", "GQ", "--ploidy-file", copies, "-S", sex),
        bcftools(*norm, *packed, "-o", raw),
        branch=[
            bcftools("view", *plain, "-i", _anything(settings)),
            bcftools(*norm, *plain),
            bcftools("view", *packed, "-e", 'ALT="<*>"', "-o", seen),
        ],
        what=job.what,
    )
    for path in (targets, regions, sex, copies):
        path.unlink()


def _anything(settings: Settings) -> str:
    """An expression for positions that may hold a candidate or be undecided, before alleles are split."""
    return (
        f"N_ALT>1 & (SMPL_MAX(FMT/AD[0:1-])>={settings.alternate}"
        f" | SMPL_MIN(FMT/PL[0:1-])-FMT/PL[0:0]<{UNDECIDED_BELOW})"
    )


def _called(job: Job, raw: Path) -> Variants:
    """The variants of a part, with the names of the filters that apply."""
    table = raw.with_suffix(".tsv")
    pipe(
        job.bcftools("view", "--no-version", "-e", "N_ALT=0", "-Ou", raw),
        *soft.stages(job.settings.filters, job.bcftools),
        job.bcftools("query", "-f", cells(tuple(FORMATS))),
        what=job.what,
        stdout=table,
    )
    return read_variants(table, job.genome, tuple(FORMATS))


def _blocks(job: Job, raw: Path) -> Blocks:
    """The stretches without variants of a part, with the quality that their depth gives."""
    table = raw.with_suffix(".tsv")
    row = r"%CHROM\t%POS\t.\t.\t%END[\t%GT\t%DP]\n"
    pipe(job.bcftools("query", "-i", "N_ALT=0", "-f", row, raw), what=job.what, stdout=table)
    found = read_query(table, job.genome, {"END": "int32", "GT": "string", "DP": "int32"})
    table.unlink()
    dp, single = found.columns["DP"], found.columns["GT"] == "0"
    return Blocks(
        contig=found.sites.contig,
        start=found.sites.pos,
        end=found.columns["END"],
        single=single,
        dp=dp,
        gq=records.block_quality(dp, single, job.settings.base_quality),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """Alleles that some reads show, each once.

    Attributes:
        variants: the records with their FORMAT fields.
        dp: reads.
        ad: reads with the allele.
        pl: Phred likelihoods of 0, 1 and 2 copies (columns).
    """

    variants: Variants
    dp: "NDArray[np.int32]"
    ad: "NDArray[np.int32]"
    pl: "NDArray[np.int32]"


def _evidence(job: Job, seen: Path) -> Evidence:
    table = seen.with_suffix(".tsv")
    texts = CANDIDATE_FORMATS
    numbers = ("%DP", "%AD{1}", "%PL{0}", "%PL{1}", "%PL{2}")
    values_of = "".join(rf"\t{name}" for name in (*(f"%{name}" for name in texts), *numbers))
    query = ("query", "-f", rf"%CHROM\t%POS\t%REF\t%ALT[{values_of}]\n", seen)
    pipe(job.bcftools(*query), what=job.what, stdout=table)
    kinds = dict.fromkeys(texts, "string") | dict.fromkeys(numbers, "int32")
    found = read_query(table, job.genome, kinds)
    table.unlink()
    values = np.column_stack([found.columns[name] for name in numbers])
    rows = records.firsts(
        found.sites, values[:, 1]
    )  # of records that became the same, the one with most reads
    empty = np.full(rows.size, "", dtype=TEXT)
    fields = {name: found.columns[name][rows] for name in texts}
    values = values[rows]
    variants = Variants(sites=found.sites[rows], qual=empty, filters=empty, fields=fields)
    return Evidence(variants=variants, dp=values[:, 0], ad=values[:, 1], pl=values[:, 2:])


def _undecided(evidence: Evidence, variants: Variants, job: Job) -> Variants:
    """Alleles that were not called although the reads do not speak against them, as records without genotype."""
    sites = evidence.variants.sites
    copies = job.genome.ploidy(sites, job.sex)
    other = np.where(copies == 1, evidence.pl[:, 2], evidence.pl[:, 1:].min(axis=1, initial=2**30))
    near = _touching(sites, variants.sites)
    rows = np.flatnonzero((other - evidence.pl[:, 0] < UNDECIDED_BELOW) & ~near)
    found = evidence.variants[rows]
    fields = {"GT": np.where(copies[rows] == 1, ".", "./.").astype(TEXT)} | dict(found.fields)
    return Variants(
        sites=found.sites, qual=found.qual, filters=np.full(rows.size, UNDECIDED, dtype=TEXT), fields=fields
    )


def _touching(sites: "Sites", others: "Sites") -> "NDArray[np.bool_]":
    """Which sites share a base of their reference alleles with one of `others`."""
    if not len(others):
        return np.zeros(len(sites), dtype=bool)
    order = np.argsort(others.place, kind="stable")
    start = others.place[order]
    reach = np.maximum.accumulate(place(others.contig, others.end)[order])
    at = np.searchsorted(start, place(sites.contig, sites.end), "right") - 1
    return (at >= 0) & (reach[at] >= sites.place)


def _candidates(evidence: Evidence, settings: Settings) -> Variants:
    """Alleles with enough reads for a mosaic candidate."""
    enough = (evidence.ad >= settings.alternate) & (evidence.ad >= settings.fraction * evidence.dp)
    return evidence.variants[enough]
