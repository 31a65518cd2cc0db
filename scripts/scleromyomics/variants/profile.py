"""What pooled steps read of one sample, and whether to trust it.

The profile holds the variants and the blocks of the sample's calls as arrays: pooled steps never open the gVCF again.
A variant that a filter takes has no genotype there (-1), and a block that fails one is left out, as if the stretch
were not covered. Each variant carries the most severe consequence that `bcftools csq` tells of it on this sample's
haplotypes. Samples that fail a stated rule (see `quality`) keep their profile and are held back, with the reasons; a
file that was refused at admission gives an empty profile.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from scleromyomics.core.cli import entry_point
from scleromyomics.core.files import read_json, replacing, sha256, write_json
from scleromyomics.core.quality import sex_fault
from scleromyomics.core.tools import Tool, frozen_tool, pipe
from scleromyomics.core.versions import versions
from scleromyomics.variants import contamination, coverage
from scleromyomics.variants.annotate import most_severe, read_genes
from scleromyomics.variants.loci import TEXT, Genome, Sites, find, fixed
from scleromyomics.variants.quality import (
    FEWEST_ON_X,
    MEASURES,
    Limits,
    faults,
    sex_by_genotypes,
    sex_call,
)
from scleromyomics.variants.query import read_query
from scleromyomics.variants.records import HAPLOID_HETEROZYGOUS, UNDECIDED, Blocks, among
from scleromyomics.variants.regions import Part, Span, cut, read_targets
from scleromyomics.variants.workplace import workplace

if TYPE_CHECKING:
    from numpy.typing import NDArray

ABSENT = (
    "positions without a record: found a VCF without blocks, which does not tell homozygous reference from not"
    " covered; allowed: a gVCF, or absent_is_reference of the platform"
)
NO_CALL = -1
PURINES = "AG"
BLOCK_BYTES = 2**24  # of a table read at once


@dataclass(frozen=True, kw_only=True, eq=False)
class Calls:
    """The records of a sample.

    Attributes:
        sites: of the variants, sorted.
        filters: names between semicolons, "" where none applies.
        gt: copies of the allele; -1: no genotype.
        ploidy: copies of the position.
        dp: reads.
        ref: reads with the reference allele.
        ad: reads with the allele.
        gq: genotype quality, Phred.
        about: gene_symbol, gene_id and consequence.
        blocks: stretches without variants that no filter applies to, sorted.
        has_blocks: whether there are any, failing ones included.
    """

    sites: Sites
    filters: "NDArray[np.object_]"
    gt: "NDArray[np.int8]"
    ploidy: "NDArray[np.int8]"
    dp: "NDArray[np.int32]"
    ref: "NDArray[np.int32]"
    ad: "NDArray[np.int32]"
    gq: "NDArray[np.int16]"
    about: "Mapping[str, NDArray[np.object_]]"
    blocks: Blocks
    has_blocks: bool

    @property
    def passed(self) -> "NDArray[np.bool_]":
        """Whether no filter applies."""
        return self.filters == ""

    @property
    def snv(self) -> "NDArray[np.bool_]":
        """Whether one base stands in place of another."""
        lengths = [np.strings.str_len(one) for one in (self.sites.ref, self.sites.alt)]
        return (lengths[0] == 1) & (lengths[1] == 1)


def read_calls(calls: Path, genome: Genome, bcftools: Tool, *, folder: Path, what: str) -> Calls:
    """Read a sample's gVCF."""
    header = pipe(bcftools("view", "--no-version", "-h", calls), what=what).decode()
    told = "##INFO=<ID=BCSQ," in header
    table = folder / "variants.tsv"
    cells = r"%CHROM\t%POS\t%REF\t%ALT\t%FILTER\t" + ("%INFO/BCSQ" if told else ".")
    query = ("query", "-i", "N_ALT=1", "-f", cells + r"[\t%GT\t%DP\t%GQ\t%AD{0}\t%AD{1}]\n", calls)
    pipe(bcftools(*query), what=what, stdout=table)
    texts, numbers = ("FILTER", "BCSQ", "GT"), ("DP", "GQ", "REFERENCE", "ALTERNATE")
    found = read_query(table, genome, dict.fromkeys(texts, "string") | dict.fromkeys(numbers, "int32"))
    table.unlink()
    order = found.sites.order()
    sites, column = found.sites[order], {name: values[order] for name, values in found.columns.items()}
    filters = column["FILTER"]
    filters[filters == "PASS"] = ""
    gt, ploidy = copies(column["GT"])
    about = {name: np.full(len(sites), "", dtype=TEXT) for name in ("gene_symbol", "gene_id", "consequence")}
    if told and genome.genes is not None:
        resolved = resolve(column["BCSQ"], sites)
        severe = most_severe(resolved, sites, genome, read_genes(genome.genes))
        about = {name: severe[name] for name in about}
    blocks, has_blocks = _read_blocks(calls, genome, bcftools, folder, what)
    return Calls(
        sites=sites,
        filters=filters,
        gt=np.where(filters == "", gt, NO_CALL).astype(np.int8),
        ploidy=ploidy,
        dp=column["DP"],
        ref=column["REFERENCE"],
        ad=column["ALTERNATE"],
        gq=np.minimum(column["GQ"], np.iinfo(np.int16).max).astype(np.int16),
        about=about,
        blocks=blocks,
        has_blocks=has_blocks,
    )


def copies(genotypes: "NDArray[np.object_]") -> tuple["NDArray[np.int8]", "NDArray[np.int8]"]:
    """Copies of the alternate allele in genotypes such as 0/1, -1 where one is missing; and their ploidy."""
    different, back = np.unique(genotypes, return_inverse=True)
    alleles = [str(one).replace("|", "/").split("/") for one in different]
    count = [NO_CALL if {".", ""} & set(one) else sum(allele != "0" for allele in one) for one in alleles]
    return (
        np.array(count, dtype=np.int8)[back],
        np.array([len(one) for one in alleles], dtype=np.int8)[back],
    )


def resolve(texts: "NDArray[np.object_]", sites: Sites) -> "NDArray[np.object_]":
    """Consequences with `@position` (told together with the record there) replaced by what that record says."""
    found = texts.copy()
    for row in np.flatnonzero(np.strings.find(texts, "@") >= 0):  # neighbours in one codon: few
        told = []
        for one in str(texts[row]).split(","):
            if not one.startswith("@"):
                told.append(one)
                continue
            there = Sites.of(sites.contig[row : row + 1], np.array([int(one[1:])]), [""], [""]).place[0]
            at = slice(*np.searchsorted(sites.place, [there, there + 1]))
            told += [part for text in texts[at] for part in str(text).split(",") if part and part[0] != "@"]
        found[row] = ",".join(dict.fromkeys(told))
    return found


def _read_blocks(calls: Path, genome: Genome, bcftools: Tool, folder: Path, what: str) -> tuple[Blocks, bool]:
    """Blocks that pass; and whether there are any others."""
    import pyarrow as pa
    from pyarrow import csv

    table = folder / "blocks.tsv"
    query = ("query", "-i", "N_ALT=0", "-f", r"%CHROM\t%POS\t%END\t%FILTER[\t%DP\t%GQ]\n", calls)
    pipe(bcftools(*query), what=what, stdout=table)
    name = pa.dictionary(pa.int32(), pa.string())
    types = {
        "contig": name,
        "start": pa.int32(),
        "end": pa.int32(),
        "filter": name,
        "dp": pa.int32(),
        "gq": pa.int32(),
    }
    parts: list[dict[str, NDArray[np.integer]]] = []
    some = table.stat().st_size > 0
    if some:
        read = csv.ReadOptions(column_names=list(types), use_threads=False, block_size=BLOCK_BYTES)
        with csv.open_csv(
            table,
            read_options=read,
            parse_options=csv.ParseOptions(delimiter="\t", quote_char=False),
            convert_options=csv.ConvertOptions(
                column_types=types, null_values=["."], strings_can_be_null=False
            ),
        ) as batches:
            parts = [_block_columns(batch, genome, calls) for batch in batches]
    table.unlink()
    kinds = {"contig": np.int16, "start": np.int32, "end": np.int32, "dp": np.int32, "gq": np.int32}
    columns = {
        one: np.concatenate([np.empty(0, kind), *(part[one] for part in parts)])
        for one, kind in kinds.items()
    }
    return Blocks(single=np.zeros(columns["start"].size, dtype=bool), **columns), some


def _block_columns(batch: Any, genome: Genome, calls: Path) -> "dict[str, NDArray[np.integer]]":
    import pyarrow as pa
    import pyarrow.compute as pc

    batch = batch.filter(pc.is_in(pc.cast(batch["filter"], pa.string()), pa.array(["PASS", "."])))
    encoded = batch["contig"]
    number = (
        genome.contig(encoded.dictionary.to_pylist(), str(calls)) if len(encoded) else np.empty(0, np.int16)
    )
    columns = {name: pc.fill_null(batch[name], 0).to_numpy() for name in ("start", "end", "dp", "gq")}
    return {"contig": number[encoded.indices.to_numpy()], **columns}


def save(path: Path, calls: Calls, genome: Genome, *, complete: bool) -> None:
    """Write the profile (npz), atomically; the same calls give the same bytes."""
    sites, blocks = calls.sites, calls.blocks
    with replacing(path) as temporary:
        np.savez_compressed(
            temporary,
            contigs=np.array(genome.contigs, dtype=np.str_),
            contig=sites.contig,
            pos=sites.pos,
            ref=fixed(sites.ref),
            alt=fixed(sites.alt),
            gt=calls.gt,
            ploidy=calls.ploidy,
            dp=calls.dp,
            ad=calls.ad,
            gq=calls.gq,
            passed=calls.passed,
            **{name: fixed(values) for name, values in calls.about.items()},
            block_contig=blocks.contig,
            block_start=blocks.start,
            block_end=blocks.end,
            block_dp=blocks.dp,
            block_gq=np.minimum(blocks.gq, np.iinfo(np.int16).max).astype(np.int16),
            complete=np.bool_(complete),
        )


def of_variants(calls: Calls, genome: Genome) -> dict[str, float | None]:
    """Measures of the variants."""
    carried = calls.passed & (calls.gt > 0)
    single = calls.snv & carried
    pair = [among(one[single], PURINES) for one in (calls.sites.ref, calls.sites.alt)]
    transitions = int((pair[0] == pair[1]).sum())
    transversions = int(single.sum()) - transitions
    autosome = np.array([coverage.kind_of(genome, Span(name, 1, 1)) == "autosome" for name in genome.contigs])
    diploid = single & autosome[calls.sites.contig] & (calls.ploidy == 2)
    homozygous = int((diploid & (calls.gt == 2)).sum())
    decided = calls.filters != UNDECIDED
    shown = int((decided & (calls.passed <= carried)).sum())  # failing ones, and passing ones with the allele
    return {
        "variants": int(carried.sum()),
        "indels": int((carried & ~calls.snv).sum()),
        "filtered": 1 - int(carried.sum()) / shown if shown else None,
        "titv": transitions / transversions if transversions else None,
        "het_hom": int((diploid & (calls.gt == 1)).sum()) / homozygous if homozygous else None,
        "x_heterozygous": _heterozygous_x(calls, genome),
    }


def _heterozygous_x(calls: Calls, genome: Genome) -> float | None:
    """Part of the SNVs on X, outside of what it shares with Y, that are heterozygous."""
    if genome.x not in genome.contigs:
        return None
    here = calls.snv & (calls.sites.contig == genome.contigs.index(genome.x))
    for name, first, last in genome.pseudoautosomal:
        if name == genome.x:
            here &= (calls.sites.pos < first) | (calls.sites.pos > last)
    both = here & (calls.filters == HAPLOID_HETEROZYGOUS)  # where the sheet says one copy
    one = here & calls.passed & (calls.gt > 0)
    both |= one & (calls.ploidy == 2) & (calls.gt == 1)
    total = int((both | one).sum())
    return int(both.sum()) / total if total >= FEWEST_ON_X else None


def of_depth(depth: Mapping[str, coverage.Depth], genome: Genome) -> dict[str, float | None]:
    """Measures of the depth over targets."""
    whole = sum(depth.values(), coverage.NO_DEPTH)
    autosomes = depth.get("autosome", coverage.NO_DEPTH).mean
    ratios = {}
    for kind, contig in (("x", genome.x), ("y", genome.y)):
        mean = depth[kind].mean if kind in depth and contig in genome.contigs else None
        ratios[f"{kind}_ratio"] = mean / autosomes if mean is not None and autosomes else None
    parts = {f"covered_{least}x": whole.least(least) for least in (10, 20, 30)}
    return {"coverage": whole.mean, **parts, "uniformity": whole.uniformity, **ratios}


def of_reads(
    reads: coverage.Reads, depth: Mapping[str, coverage.Depth], genome: Genome
) -> dict[str, float | None]:
    """Measures of the reads."""

    def part(count: int, of: int) -> float | None:
        return count / of if of else None

    whole = sum(depth.values(), coverage.NO_DEPTH)
    captured = whole.bases < sum(genome.lengths)  # of whole genomes everything is a target
    return {
        "reads": reads.total,
        "mapped": part(reads.mapped, reads.total),
        "duplicates": part(reads.duplicates, reads.total),
        "proper_pairs": part(reads.proper, reads.paired),
        "insert_size": reads.insert_size,
        "insert_size_mad": reads.insert_size_mad,
        "gc": reads.gc,
        "on_target": min(1.0, whole.sum / reads.bases) if captured and reads.bases else None,
    }


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What one sample is measured on.

    Attributes:
        sample: its name.
        reads: alignments; None for a VCF made elsewhere.
        genome: the reference.
        targets: of the platform (BED).
        parts: of the genome.
        common: sites at which people often differ (BCF); None without.
        samtools: which program.
        bcftools: which program.
        folder: for files on the way.
        threads: parts read at a time.
    """

    sample: str
    reads: Path | None
    genome: Genome
    targets: Path
    parts: list[Part]
    common: Path | None
    samtools: Tool
    bcftools: Tool
    folder: Path
    threads: int

    @property
    def what(self) -> str:
        """What an error is about."""
        return f"sample {self.sample}"


def measure(calls: Calls, inputs: Inputs) -> dict[str, float | None]:
    """All measures of a sample."""
    genome, found = inputs.genome, dict.fromkeys(MEASURES) | of_variants(calls, inputs.genome)
    if inputs.reads is not None:
        depth = coverage.read_depth(
            inputs.reads,
            genome,
            inputs.parts,
            inputs.samtools,
            folder=inputs.folder,
            threads=inputs.threads,
            what=inputs.what,
        )
        counted = coverage.count_reads(inputs.reads, genome, inputs.samtools, inputs.what)
        found |= of_depth(depth, genome) | of_reads(counted, depth, genome)
    elif calls.has_blocks:
        variants = calls.sites.contig, calls.sites.pos, calls.dp
        found |= of_depth(coverage.block_depth(genome, inputs.parts, calls.blocks, variants), genome)
    return found | _mixture(calls, inputs)


def _mixture(calls: Calls, inputs: Inputs) -> dict[str, float | None]:
    """Contamination; None without a list of common sites."""
    if inputs.common is None:
        return {}
    genome, bcftools = inputs.genome, inputs.bcftools
    sites, frequency = contamination.common_sites(
        inputs.common, inputs.targets, genome, bcftools, inputs.folder
    )
    if inputs.reads is not None:
        rows = contamination.spread(len(sites))
        sites, frequency = sites[rows], frequency[rows]
        reference, alternate = contamination.count_alleles(
            inputs.reads, sites, genome, bcftools, folder=inputs.folder, what=inputs.what
        )
        value, count = contamination.estimate(reference, alternate, frequency)
    else:
        carried = np.flatnonzero(calls.passed & (calls.gt > 0) & (calls.ref + calls.ad > 0))
        at = find(calls.sites[carried], sites)
        rows = carried[at >= 0]
        value, count = contamination.estimate(
            calls.ref[rows], calls.ad[rows], frequency[at[at >= 0]], carrier=True
        )
    return {"contamination": value, "contamination_sites": count}


def run(
    *,
    sample: str,
    tissue: str,
    sex: Literal["F", "M"],
    admission: Path,
    calls: Path,
    genome: Path,
    reference: Path,
    targets: Path,
    reads: Path | None = None,
    common: Path | None = None,
    absent_is_reference: bool = False,
    mapped_min: float,
    duplicates_max: float,
    proper_pairs_min: float,
    coverage_min: float,
    covered_10x_min: float,
    contamination_max: float,
    titv_min: float,
    het_hom_max: float,
    variants_min: int,
    autosome_ratio_female_x: float,
    autosome_ratio_male_y: float,
    samtools: str = "auto",
    bcftools: str = "auto",
    threads: int = 1,
    profile: Path,
    quality: Path,
    receipt: Path,
) -> None:
    """Write one sample's profile and its quality.

    Args:
        sample: name of the sample.
        tissue: of the sample.
        sex: of the participant, as the sheet says.
        admission: receipt of the raw file's admission.
        calls: its gVCF (BCF).
        genome: FASTA of the frozen reference.
        reference: receipt of the reference.
        targets: of the platform (BED).
        reads: its alignments (CRAM); not for a VCF made elsewhere.
        common: sites at which people often differ (BCF); without, contamination is not estimated.
        absent_is_reference: whether positions without a record are reference, for a VCF without blocks.
        mapped_min: smallest part of the reads that align.
        duplicates_max: largest part of the reads that are copies.
        proper_pairs_min: smallest part of the reads whose mate lies where it should.
        coverage_min: smallest mean depth over targets.
        covered_10x_min: smallest part of the targets with a depth of 10.
        contamination_max: largest part of another person's DNA.
        titv_min: smallest number of transitions per transversion.
        het_hom_max: largest number of heterozygous per homozygous variant.
        variants_min: fewest variants on which the last two are judged.
        autosome_ratio_female_x: depth of X over autosomes from which a sample counts as having two X.
        autosome_ratio_male_y: depth of Y over autosomes from which a sample counts as having a Y.
        samtools: which program.
        bcftools: which program.
        threads: parts of the genome read side by side; the result does not depend on it.
        profile: where to write variants and blocks (npz).
        quality: where to write measures, and whether and why the sample is held back (JSON).
        receipt: where to write digest, size and versions (JSON).
    """
    limits = Limits(
        mapped_min=mapped_min,
        duplicates_max=duplicates_max,
        proper_pairs_min=proper_pairs_min,
        coverage_min=coverage_min,
        covered_10x_min=covered_10x_min,
        contamination_max=contamination_max,
        titv_min=titv_min,
        het_hom_max=het_hom_max,
        variants_min=variants_min,
    )
    tools = (
        frozen_tool("samtools", samtools, reference),
        frozen_tool("bcftools", bcftools, reference),
    )
    admitted, known = read_json(admission), Genome.load(genome)
    with workplace(profile) as folder:
        inputs = Inputs(
            sample=sample,
            reads=reads,
            genome=known,
            targets=targets,
            parts=cut(read_json(reference)["regions"], read_targets(targets)),
            common=common,
            samtools=tools[0],
            bcftools=tools[1],
            folder=folder,
            threads=threads,
        )
        found = read_calls(calls, known, tools[1], folder=folder, what=inputs.what)
        refused = admitted["status"] != "accepted"
        measures = dict.fromkeys(MEASURES) if refused else measure(found, inputs)
    plain = reads is None and not found.has_blocks and not refused
    reasons = [admitted["reason"]] if refused else faults(measures, limits)
    if plain and not absent_is_reference:
        reasons.append(ABSENT)
    call, by = (
        sex_call(
            measures["x_ratio"],
            measures["y_ratio"],
            female_x=autosome_ratio_female_x,
            male_y=autosome_ratio_male_y,
        ),
        "the depth of X and Y",
    )
    if call is None and reads is None:
        call, by = sex_by_genotypes(measures["x_heterozygous"]), "heterozygous variants on X"
    reasons += sex_fault(call, sex, by)
    save(profile, found, known, complete=plain and absent_is_reference)
    verdict = {"sample": sample, "tissue": tissue, "held": bool(reasons), "reasons": reasons}
    write_json(quality, verdict | {"sex_call": call, "measures": measures})
    counts = {"variants": len(found.sites), "blocks": len(found.blocks)}
    facts = {"sample": sample, "sha256": sha256(profile), "size": profile.stat().st_size, "records": counts}
    facts |= {"calls_sha256": sha256(calls), "tools": {tool.name: tool.version for tool in tools}}
    write_json(receipt, facts | {"versions": versions("numpy", "pyarrow", "scipy")})


if __name__ == "__main__":
    entry_point(run)
