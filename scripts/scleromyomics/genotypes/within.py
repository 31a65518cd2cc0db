"""Allele fractions within one participant: over visits in a tissue, and between tissues at a visit.

Sites are all alleles that one of the participant's samples shows: those called, and those with low support. At each
the reads of every sample are counted anew, all by one rule (`variants.reads`), so that a sample without the allele
has a depth and not a gap; a sample of which only a VCF is there has what that says.

A pair of samples is compared where both have enough reads: change of the logit of the fraction, second minus first
(natural log odds ratio of reads), beta-binomial with the overdispersion of the settings (`stats.allele_fraction`).
q-values are within each pair. Over visits the earlier one is first; between tissues blood, then healthy skin. Rows
are sorted by pair, then as a VCF is. Counts of all samples are kept beside, for the search for mosaic variants.
"""

import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scleromyomics.core.cli import entry_point
from scleromyomics.core.files import read_json
from scleromyomics.core.parquet import read_parquet, schema_of, write_parquet
from scleromyomics.core.tools import Tool, frozen_tool
from scleromyomics.genotypes.lookup import Profile, called, genotypes
from scleromyomics.genotypes.panel import candidate_reads
from scleromyomics.genotypes.pool import plain
from scleromyomics.genotypes.reads import Filters, Reads, count_reads
from scleromyomics.genotypes.sites import rows_of
from scleromyomics.stats.allele_fraction import allele_change
from scleromyomics.stats.design import intercept
from scleromyomics.stats.multiplicity import benjamini_hochberg
from scleromyomics.variants.annotate import Annotation, Sources, annotate
from scleromyomics.variants.loci import TEXT, Genome, Sites, concatenate

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from scleromyomics.plan.rows import ReleaseRow

TISSUES = ("pbmc", "serum", "skin_healthy", "skin_sclerotic", "muscle")
"""Of two tissues at a visit the one that stands earlier here is first."""

PAIRS: Mapping[str, str] = {
    "participant": "string",
    "comparison": "string",
    "first": "string",
    "second": "string",
    "tissue_first": "string",
    "tissue_second": "string",
    "visit_first": "string",
    "visit_second": "string",
    "feature": "string",
    "contig": "string",
    "pos": "int32",
    "ref": "string",
    "alt": "string",
    "gene_symbol": "string",
    "gene_id": "string",
    "consequence": "string",
    "depth_first": "int32",
    "depth_second": "int32",
    "alternate_first": "int32",
    "alternate_second": "int32",
    "fraction_first": "double",
    "fraction_second": "double",
    "estimate": "double",
    "se": "double",
    "ci_low": "double",
    "ci_high": "double",
    "statistic": "double",
    "p_value": "double",
    "q_value": "double",
}
"""The table of pairs: `comparison` is `visit` or `tissue`; estimates are natural log odds ratios of reads."""

COUNTS: Mapping[str, str] = {
    "sample": "string",
    "contig": "string",
    "pos": "int32",
    "ref": "string",
    "alt": "string",
    "depth": "int32",
    "alternate": "int32",
    "forward": "int32",
    "reverse": "int32",
    "quality": "double",
    "mapping": "double",
    "mismatches": "double",
    "clipping": "double",
    "position": "double",
}
"""The table of counts: every sample at every site; the last columns as `variants.reads` has them."""

ALIGNMENTS = "aligned.cram"
ALIGNED = frozenset({"fastq", "bam", "cram"})
"""Formats of raw files of which there are alignments."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two samples that are compared."""

    comparison: str
    first: "ReleaseRow"
    second: "ReleaseRow"


def pairs_of(rows: Sequence["ReleaseRow"]) -> list[Pair]:
    """Pairs of a participant's samples: same tissue at two visits, or two tissues at one visit."""
    found = []
    for one, other in combinations(sorted(rows, key=lambda row: row.sample), 2):
        if one.tissue == other.tissue and one.visit != other.visit:
            comparison, key = "visit", _visit_order
        elif one.tissue != other.tissue and one.visit == other.visit:
            comparison, key = "tissue", _tissue_order
        else:
            continue
        first, second = sorted((one, other), key=key)
        found.append(Pair(comparison=comparison, first=first, second=second))
    return sorted(found, key=lambda pair: (pair.comparison, pair.first.sample, pair.second.sample))


def _visit_order(row: "ReleaseRow") -> tuple[int, str]:
    return row.day, row.sample


def _tissue_order(row: "ReleaseRow") -> tuple[int, str]:
    return TISSUES.index(row.tissue), row.sample


@dataclass(frozen=True, kw_only=True, eq=False)
class Change:
    """Columns of compared sites; one value per site."""

    estimate: "NDArray[np.float64]"
    se: "NDArray[np.float64]"
    ci_low: "NDArray[np.float64]"
    ci_high: "NDArray[np.float64]"
    statistic: "NDArray[np.float64]"
    p_value: "NDArray[np.float64]"
    q_value: "NDArray[np.float64]"


def compare(alternate: "NDArray[np.int32]", depth: "NDArray[np.int32]", *, overdispersion: float) -> Change:
    """Compare two samples at sites with reads in both; equal counts are fitted once.

    Args:
        alternate: (first, second) by sites.
        depth: the same, all reads.
        overdispersion: correlation of the reads of a sample at a site.
    """
    counts, back = np.unique(np.concatenate([alternate, depth]).T, axis=0, return_inverse=True)
    stacks = counts.T.astype(np.float64).reshape(2, 2, -1, 1)
    found = allele_change(stacks[0], stacks[1], intercept(1), np.ones(1), rho=overdispersion)
    names = ("estimate", "se", "ci_low", "ci_high", "statistic", "p_value")
    columns = {name: getattr(found, name)[back.ravel()] for name in names}
    return Change(**columns, q_value=benjamini_hochberg(columns["p_value"]))


def candidate_sites(
    rows: Sequence["ReleaseRow"], study: Path, genome: Genome, bcftools: Tool, scratch: Path
) -> Sites:
    """All alleles that one of the samples shows, sorted."""
    parts = []
    for row in rows:
        folder = study / row.quality.parent
        parts.append(called(folder / "profile.npz", genome))
        parts.append(candidate_reads(folder / "candidates.bcf", genome, bcftools, scratch).sites)
    sites = concatenate(parts)
    return sites[plain(sites)].distinct()[0]


def reads_of(
    row: "ReleaseRow", sites: Sites, genome: Genome, *, study: Path, filters: Filters, bcftools: Tool
) -> Reads:
    """Reads of a sample at sites: counted in its alignments, or as its VCF tells them."""
    folder = study / row.quality.parent
    if read_json(folder / "raw.receipt.json")["format"] in ALIGNED:
        return count_reads(folder / ALIGNMENTS, sites, genome, filters, bcftools)
    profile = Profile.load(folder / "profile.npz", genome)
    found = genotypes(profile, sites, genome.ploidy(sites, row.sex))
    reads = Reads.none(len(sites))
    reads.depth[:], reads.alternate[:] = np.maximum(found.dp, found.ad), found.ad
    return reads


def pair_table(
    pair: Pair,
    sites: Sites,
    reads: Mapping[str, Reads],
    about: Annotation,
    genome: Genome,
    *,
    minimum_depth: int,
    overdispersion: float,
) -> "pa.Table":
    """The rows of one pair."""
    import pyarrow as pa

    one, other = reads[pair.first.sample], reads[pair.second.sample]
    rows = np.flatnonzero(
        (np.minimum(one.depth, other.depth) >= minimum_depth) & (one.alternate + other.alternate > 0)
    )
    depth = np.stack([one.depth[rows], other.depth[rows]])
    alternate = np.stack([one.alternate[rows], other.alternate[rows]])
    change = compare(alternate, depth, overdispersion=overdispersion)
    where = sites[rows]
    columns: dict[str, object] = {
        "participant": pair.first.participant,
        "comparison": pair.comparison,
        "first": pair.first.sample,
        "second": pair.second.sample,
        "tissue_first": pair.first.tissue,
        "tissue_second": pair.second.tissue,
        "visit_first": pair.first.visit,
        "visit_second": pair.second.visit,
        "feature": where.names(genome.contigs),
        "contig": np.array(genome.contigs, dtype=TEXT)[where.contig],
        "pos": where.pos,
        "ref": where.ref,
        "alt": where.alt,
        **{name: getattr(about, name)[rows] for name in ("gene_symbol", "gene_id", "consequence")},
        "depth_first": depth[0],
        "depth_second": depth[1],
        "alternate_first": alternate[0],
        "alternate_second": alternate[1],
        "fraction_first": alternate[0] / depth[0],
        "fraction_second": alternate[1] / depth[1],
        **vars(change),
    }
    schema = schema_of(PAIRS)
    return pa.Table.from_arrays([_column(columns[field.name], rows.size) for field in schema], schema=schema)


def count_table(sample: str, sites: Sites, reads: Reads, genome: Genome) -> "pa.Table":
    """The counts of one sample."""
    import pyarrow as pa

    columns = {
        "sample": sample,
        "contig": np.array(genome.contigs, dtype=TEXT)[sites.contig],
        "pos": sites.pos,
        "ref": sites.ref,
        "alt": sites.alt,
        **vars(reads),
    }
    schema = schema_of(COUNTS)
    return pa.Table.from_arrays([_column(columns[field.name], len(sites)) for field in schema], schema=schema)


def _column(values: object, size: int) -> "pa.Array":
    import pyarrow as pa

    return pa.array(
        np.full(size, values, dtype=TEXT) if isinstance(values, str) else values, from_pandas=True
    )


def read_pairs(path: Path) -> "pa.Table":
    """The table of pairs of one participant."""
    return read_parquet(path, schema_of(PAIRS), "the allele fractions within a participant")


def read_counts(path: Path) -> "pa.Table":
    """The table of counts of one participant."""
    return read_parquet(path, schema_of(COUNTS), "the reads of a participant's samples")


def run(
    *,
    study: Path,
    release: str,
    rows: str,
    participant: str,
    genome: Path,
    table: Path,
    counts: Path,
    minimum_mapping_quality: int,
    minimum_base_quality: int,
    maximum_depth: int,
    minimum_depth: int,
    overdispersion: float,
    bcftools: str = "auto",
    threads: int = 1,
) -> None:
    """Compare the samples of one participant.

    Args:
        study: the study directory.
        release: name of the release.
        rows: digest of the sheet rows that the plan was made from.
        participant: whose samples.
        genome: FASTA that the samples were aligned to.
        table: where to write the compared pairs (Parquet).
        counts: where to write the reads of every sample at every site (Parquet).
        minimum_mapping_quality: reads below it are not counted.
        minimum_base_quality: bases below it are not counted.
        maximum_depth: reads looked at per position.
        minimum_depth: reads that a site needs in both samples.
        overdispersion: correlation of the reads of a sample at a site.
        bcftools: auto, embedded, or a path.
        threads: samples counted at a time.

    Raises:
        InputError: alignments are missing or broken.
    """
    from scleromyomics.plan.rows import release_rows

    planned = release_rows(study, release=release, assay="variants", expected=rows)
    own = rows_of(study, (row for row in planned if row.participant == participant))
    own.sort(key=lambda row: row.sample)
    reference, tool = Genome.load(genome), frozen_tool("bcftools", bcftools, genome.with_name("receipt.json"))
    filters = Filters(
        minimum_mapping_quality=minimum_mapping_quality,
        minimum_base_quality=minimum_base_quality,
        maximum_depth=maximum_depth,
    )
    with tempfile.TemporaryDirectory() as folder:
        sites = candidate_sites(own, study, reference, tool, Path(folder) / "candidates.tsv")
    with ThreadPoolExecutor(threads) as pool:
        counted = pool.map(
            lambda row: reads_of(row, sites, reference, study=study, filters=filters, bcftools=tool), own
        )
        reads = dict(zip((row.sample for row in own), counted, strict=True))
    about = annotate(sites, Sources(genome=reference, files={}), tool)
    limits = {"minimum_depth": minimum_depth, "overdispersion": overdispersion}
    write_parquet(
        counts, schema_of(COUNTS), (count_table(name, sites, one, reference) for name, one in reads.items())
    )
    write_parquet(
        table,
        schema_of(PAIRS),
        (pair_table(pair, sites, reads, about, reference, **limits) for pair in pairs_of(own)),
    )


if __name__ == "__main__":
    entry_point(run)
