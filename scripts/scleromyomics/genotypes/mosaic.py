"""Candidates for mosaic variants of all participants of a release: alleles in some cells, not in the germline.

A candidate has, in one of the participant's samples at least, enough reads with the allele, in a fraction between
the limits of the settings, and is not the germline: it is not near one half or more in most of the samples, and
where the germline was not called as reference, one half is far from all reads of the participant taken together
(indels are then left out). The panel of controls is counted anew at the candidates, by the rule of all counts
(`variants.reads`), from the samples of control groups that the models name, without those of the participant itself;
see `variants.artefact` for the test. A candidate is called mosaic unless one of these holds (column `reasons`):

- `artefact`: sequencing errors would do as much (false discovery rate over the participant's other candidates);
- `strand`: no sample shows it on both strands (VCFs made elsewhere do not tell strands);
- `base_quality`: mean quality of its bases below 20;
- `reads`: its reads differ from the others by mapping quality, soft-clipped bases, or place in the read (not by
  mismatches: those of the same chromosome have its other variants as well);
- `cluster`: two others of the participant's candidates lie within a read's length, as where reads are misplaced;
- `paralogue`: within a read's length more people look heterozygous than can be;
- `common`: the annotation's frequency is above what is rare;
- `germline_of_others`: another participant has it in the germline, so a trace of DNA would look the same;
- `heterozygous`: one half is not far, and no other sample of the participant tells;
- `suspect`: the sample may be someone else's.

One row per participant, site and sample, sorted by participant, then as a VCF is.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scleromyomics.core.cli import entry_point
from scleromyomics.core.files import read_tsv, write_tsv
from scleromyomics.core.tools import Tool, frozen_tool
from scleromyomics.genotypes.artefact import (
    common_rate,
    heterozygote_excess,
    lower_tail,
    panel_rate,
    site_p,
    upper_tail,
)
from scleromyomics.genotypes.joint import read_germline
from scleromyomics.genotypes.reads import Filters
from scleromyomics.genotypes.sites import rows_of
from scleromyomics.genotypes.within import read_counts, read_pairs, reads_of
from scleromyomics.stats.multiplicity import benjamini_hochberg
from scleromyomics.variants.annotate import Annotation, Sources, annotate
from scleromyomics.variants.loci import Genome, Sites, concatenate, find, same_genome

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scleromyomics.plan.rows import ReleaseRow

READ_LENGTH = 150  # bases: misplaced reads spread their differences over as many
CLUSTER = 3  # candidates within a read's length
LOWEST_QUALITY = 20.0  # Phred: one error in a hundred
SCORE = 3.0  # size of a Mann-Whitney score that chance gives once in 700 sites
GERMLINE_P = 1e-4  # a heterozygous site of a thousand in a million bases would pass once in ten participants
SAMPLE_P = 1e-3  # the same where the only sample was called as reference
PARALOGUE_P = 1e-4

COLUMNS = (
    *("participant", "feature", "gene_symbol", "gene_id", "consequence", "class", "frequency"),
    *("sample", "tissue", "visit", "timepoint", "depth", "alternate", "fraction", "forward", "reverse"),
    *("panel_depth", "panel_alternate", "artefact_rate", "p_artefact", "q_artefact"),
    *("change_from", "change_estimate", "change_p", "change_q", "call", "reasons"),
)
"""Estimates of change are natural log odds ratios of reads against the first visit of that tissue."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The settings of the search."""

    minimum_depth: int
    minimum_alternate: int
    minimum_fraction: float
    maximum_fraction: float
    overdispersion: float
    false_discovery_rate: float

    def enough(self, depth: "NDArray[np.int32]") -> "NDArray[np.int64]":
        """Fewest reads with the allele that make a candidate."""
        least = np.ceil(self.minimum_fraction * depth - 1e-9).astype(np.int64)
        return np.maximum(least, self.minimum_alternate)


@dataclass(frozen=True, kw_only=True, eq=False)
class Counted:
    """Reads of a participant's samples (arrays: samples by sites).

    Attributes:
        samples: names.
        sites: sorted.
        reads: `depth`, `alternate`, `forward`, `reverse`, `quality`, and the scores.
    """

    samples: tuple[str, ...]
    sites: Sites
    reads: "Mapping[str, NDArray[Any]]"

    @classmethod
    def load(cls, path: Path, genome: Genome) -> "Counted":
        """Read the counts that genotypes_within wrote."""
        table = read_counts(path)
        encoded = table["sample"].combine_chunks().dictionary_encode()
        samples = tuple(encoded.dictionary.to_pylist())
        size = len(table) // max(1, len(samples))
        first = table.slice(0, size)
        names = first["contig"].combine_chunks().dictionary_encode()
        number = (
            genome.contig(names.dictionary.to_pylist(), str(path))[names.indices.to_numpy()] if size else []
        )
        ref, alt = (first[name].to_numpy(zero_copy_only=False) for name in ("ref", "alt"))
        reads = (
            "depth",
            "alternate",
            "forward",
            "reverse",
            "quality",
            "mapping",
            "mismatches",
            "clipping",
            "position",
        )
        return cls(
            samples=samples,
            sites=Sites.of(np.asarray(number), first["pos"].to_numpy(), ref, alt),
            reads={name: table[name].to_numpy().reshape(len(samples), size) for name in reads},
        )

    def __getitem__(self, rows: "NDArray[np.intp]") -> "Counted":
        reads = {name: values[:, rows] for name, values in self.reads.items()}
        return Counted(samples=self.samples, sites=self.sites[rows], reads=reads)

    @property
    def fraction(self) -> "NDArray[np.float64]":
        """Of the reads that have the allele."""
        return self.reads["alternate"] / np.maximum(self.reads["depth"], 1)

    def showing(self, limits: Limits) -> "NDArray[np.bool_]":
        """Samples that make a site a candidate."""
        depth, alternate = self.reads["depth"], self.reads["alternate"]
        between = self.fraction <= limits.maximum_fraction
        return (depth >= limits.minimum_depth) & (alternate >= limits.enough(depth)) & between


def candidates(counted: Counted, germline: "NDArray[np.int8]", limits: Limits) -> "NDArray[np.intp]":
    """Sites of a participant that may be mosaic.

    Args:
        counted: reads of the participant's samples.
        germline: copies at each site, -1 without a call.
        limits: of the search.
    """
    depth, alternate = counted.reads["depth"], counted.reads["alternate"]
    covered = depth >= limits.minimum_depth
    high = covered & (counted.fraction > limits.maximum_fraction)
    mostly = 2 * high.sum(axis=0) > covered.sum(axis=0)
    maybe = counted.showing(limits).any(axis=0) & ~mostly
    rows = np.flatnonzero(maybe)
    own = np.where(covered[:, rows], alternate[:, rows], 0).sum(axis=0)
    whole = np.where(covered[:, rows], depth[:, rows], 0).sum(axis=0)
    half = lower_tail(own, whole, 0.5, limits.overdispersion)
    length = np.strings.str_len(counted.sites.ref[rows]) == np.strings.str_len(counted.sites.alt[rows])
    return rows[(germline[rows] == 0) | ((half < GERMLINE_P) & length)]


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """The test and the reasons of a participant's candidates (`p` and `rate`: samples by sites)."""

    p: "NDArray[np.float64]"
    q: "NDArray[np.float64]"
    rate: "NDArray[np.float64]"
    reasons: "Mapping[str, NDArray[np.bool_]]"

    @property
    def mosaic(self) -> "NDArray[np.bool_]":
        """Candidates that nothing speaks against."""
        return ~np.logical_or.reduce(list(self.reasons.values()))


def judge(
    counted: Counted,
    panel: "tuple[NDArray[np.int64], NDArray[np.int64]]",
    limits: Limits,
    known: "Mapping[str, NDArray[np.bool_]]",
    *,
    common: float,
    suspect: Sequence[str] = (),
) -> Judged:
    """Test the candidates of one participant.

    Args:
        counted: reads at the candidates.
        panel: reads of the controls, and those with the allele.
        limits: of the search.
        known: further reasons, by name.
        common: rate of errors over all candidates.
        suspect: samples that may be someone else's.
    """
    depth, alternate = counted.reads["depth"], counted.reads["alternate"]
    showing = counted.showing(limits)
    rate, rho = (np.broadcast_to(values, depth.shape) for values in panel_rate(panel[1], panel[0], common))
    tail = _tails(alternate, depth, rate, rho)
    looked = depth >= limits.minimum_depth
    least = np.where(looked, _tails(limits.enough(depth), depth, rate, rho), np.nan)
    pooled = (np.where(looked, values, 0).sum(axis=0) for values in (alternate, depth))
    site = site_p(np.where(showing, tail, np.nan), least, upper_tail(*pooled, rate[0], rho[0]))
    best = np.where(showing, tail, np.inf).argmin(axis=0)

    def shown(flags: "NDArray[np.bool_]") -> "NDArray[np.bool_]":
        return np.take_along_axis(flags, best[None], axis=0)[0]

    forward, reverse = counted.reads["forward"], counted.reads["reverse"]
    reasons = {
        "strand": ~((forward > 0) & (reverse > 0) & (alternate >= limits.minimum_alternate)).any(axis=0),
        "base_quality": shown(counted.reads["quality"] < LOWEST_QUALITY),
        "reads": shown(_different(counted.reads)),
        "cluster": _clustered(counted.sites),
        **known,
        "heterozygous": (looked.sum(axis=0) == 1)
        & shown(_half(alternate, depth, limits.overdispersion) >= SAMPLE_P),
        "suspect": np.isin(counted.samples, list(suspect))[best],
    }
    left = ~np.logical_or.reduce(list(reasons.values()))
    q = np.full(site.size, np.nan)
    q[left] = benjamini_hochberg(site[left])
    reasons = {"artefact": left & ~(q <= limits.false_discovery_rate), **reasons}
    return Judged(p=np.where(looked, tail, np.nan), q=q, rate=rate[0], reasons=reasons)


def _tails(
    count: "NDArray[np.integer]",
    depth: "NDArray[np.integer]",
    rate: "NDArray[np.float64]",
    rho: "NDArray[np.float64]",
) -> "NDArray[np.float64]":
    flat = (values.ravel() for values in (np.minimum(count, depth + 1), depth, rate, rho))
    return upper_tail(*flat).reshape(depth.shape)


def _half(
    alternate: "NDArray[np.integer]", depth: "NDArray[np.integer]", overdispersion: float
) -> "NDArray[np.float64]":
    return lower_tail(alternate.ravel(), depth.ravel(), 0.5, overdispersion).reshape(depth.shape)


def _different(reads: "Mapping[str, NDArray[np.float64]]") -> "NDArray[np.bool_]":
    """Whether the reads with the allele are worse placed than the others."""
    return (reads["mapping"] < -SCORE) | (reads["clipping"] > SCORE) | (np.abs(reads["position"]) > SCORE)


def _clustered(sites: Sites) -> "NDArray[np.bool_]":
    """Whether a site is one of several candidate positions within a read's length."""
    places = np.unique(sites.place)
    if places.size < CLUSTER:
        return np.zeros(len(sites), dtype=bool)
    tight = np.flatnonzero(places[CLUSTER - 1 :] - places[: -CLUSTER + 1] < READ_LENGTH)
    members = np.unique(tight[:, None] + np.arange(CLUSTER))
    return np.isin(sites.place, places[members])


def near(sites: Sites, others: Sites) -> "NDArray[np.bool_]":
    """Whether one of other sites (sorted) lies within a read's length."""
    places = others.place
    first = np.searchsorted(places, sites.place - READ_LENGTH, "left")
    return np.searchsorted(places, sites.place + READ_LENGTH, "right") > first


def paralogous(matrix: Any, genome: Genome) -> Sites:
    """Sites of a release at which more people are heterozygous than can be, sorted; of the germline matrix."""
    copies = matrix.X
    counts = [np.asarray((copies == number).sum(axis=0)).ravel() for number in (0, 1, 2)]
    rows = np.flatnonzero(heterozygote_excess(*counts) < PARALOGUE_P)
    found = _sites(matrix, genome)[rows]
    return found[found.order()]


def _sites(matrix: Any, genome: Genome) -> Sites:
    """The sites of the germline matrix, in its order."""
    var = matrix.var
    contig = genome.contig(var["contig"].astype(str).to_numpy(dtype=np.str_), "the germline")
    return Sites.of(
        contig, var["pos"].to_numpy(), var["ref"].to_numpy(dtype=object), var["alt"].to_numpy(dtype=object)
    )


class Controls:
    """Reads of the panel of controls at the candidates of all participants."""

    def __init__(self, sites: Sites, people: Sequence[str]) -> None:
        self._sites = sites
        self._number = {name: number for number, name in enumerate(sorted(set(people)))}
        shape = (len(self._number), len(sites))
        self._depth, self._alternate = np.zeros(shape, dtype=np.int32), np.zeros(shape, dtype=np.int32)

    def add(self, participant: str, depth: "NDArray[np.int32]", alternate: "NDArray[np.int32]") -> None:
        """Add a sample; of several of a participant the one with most reads at the site counts."""
        row = self._number[participant]
        deeper = depth > self._depth[row]
        self._depth[row, deeper], self._alternate[row, deeper] = depth[deeper], alternate[deeper]

    @property
    def common(self) -> float:
        """Rate of errors over all candidates."""
        return common_rate(self._alternate.sum(axis=0), self._depth.sum(axis=0))

    def without(self, participant: str, sites: Sites) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
        """Reads at sites of all controls but this participant, and those with the allele."""
        at = find(sites, self._sites)
        others = np.array([name != participant for name in self._number], dtype=bool)
        whole, own = (
            values[others][:, at].sum(axis=0, dtype=np.int64) for values in (self._depth, self._alternate)
        )
        return whole, np.minimum(own, whole)


def panel_rows(panels: Sequence[Path], rows: Iterable["ReleaseRow"]) -> list["ReleaseRow"]:
    """The samples of control groups that frozen models were fitted on."""
    names = {line["sample"] for path in panels for line in read_tsv(path) if line["control"] == "true"}
    return sorted((row for row in rows if row.sample in names), key=lambda row: row.sample)


def changes(tables: Sequence[Path], features: "NDArray[np.object_]") -> dict[tuple[str, str], dict[str, Any]]:
    """Change of each feature in a sample since the first visit of its tissue, from the tables of pairs."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found: dict[tuple[str, str], dict[str, Any]] = {}
    columns = ["first", "second", "feature", "estimate", "p_value", "q_value"]
    for path in tables:
        table = read_pairs(path)
        table = table.filter(pc.equal(table["comparison"], "visit"))
        starts = set(table["first"].to_pylist()) - set(table["second"].to_pylist())
        kept = pc.and_(
            pc.is_in(table["feature"], pa.array(features)),
            pc.is_in(table["first"], pa.array(sorted(starts), type=pa.string())),
        )
        for line in table.filter(kept).select(columns).to_pylist():
            found.setdefault((line["second"], line["feature"]), line)
    return found


def run(
    *,
    study: Path,
    release: str,
    rows: str,
    genomes: list[Path],
    panels: list[Path],
    germline: Path,
    mosaic: Path,
    minimum_mapping_quality: int,
    minimum_base_quality: int,
    maximum_depth: int,
    minimum_depth: int,
    minimum_alternate: int,
    minimum_fraction: float,
    maximum_fraction: float,
    overdispersion: float,
    false_discovery_rate: float,
    counts: list[Path] | None = None,
    tables: list[Path] | None = None,
    annotations: list[str] | None = None,
    rarity: str = "",
    rarity_field: str = "AF",
    rarity_maximum: float = 0.001,
    bcftools: str = "auto",
    threads: int = 1,
) -> None:
    """Write the candidates for mosaic variants of a release.

    Args:
        study: the study directory.
        release: name of the release.
        rows: digest of the sheet rows that the plan was made from.
        genomes: FASTA of each freeze of the release; they must have the same sequences.
        counts: reads of each participant's samples, as genotypes_within wrote them; none where nobody has several.
        tables: compared pairs of each participant, as genotypes_within wrote them.
        panels: samples.tsv of each frozen model, which names the controls.
        germline: of the release, as genotypes_joint wrote it.
        mosaic: where to write the candidates (TSV).
        minimum_mapping_quality: reads below it are not counted.
        minimum_base_quality: bases below it are not counted.
        maximum_depth: reads looked at per position.
        minimum_depth: reads that a site needs.
        minimum_alternate: reads with the allele that make a candidate.
        minimum_fraction: allele fraction that makes one.
        maximum_fraction: allele fraction above which a variant is taken for germline.
        overdispersion: correlation of the reads of a sample at a site.
        false_discovery_rate: level of the test against errors, over the candidates of a participant.
        annotations: VCFs of frequencies, as name=path.
        rarity: the annotation that tells what is rare; none where empty.
        rarity_field: its INFO field with the frequency.
        rarity_maximum: highest frequency of a rare allele.
        bcftools: auto, embedded, or a path.
        threads: samples of the panel counted at a time.
    """
    from scleromyomics.plan.rows import release_rows

    planned = rows_of(study, release_rows(study, release=release, assay="variants", expected=rows))
    of_sample = {row.sample: row for row in planned}
    genome, tool = (
        same_genome(genomes),
        frozen_tool("bcftools", bcftools, genomes[0].with_name("receipt.json")),
    )
    limits = Limits(
        minimum_depth=minimum_depth,
        minimum_alternate=minimum_alternate,
        minimum_fraction=minimum_fraction,
        maximum_fraction=maximum_fraction,
        overdispersion=overdispersion,
        false_discovery_rate=false_discovery_rate,
    )
    sources = Sources.of(
        genome,
        annotations=annotations,
        fields=[],
        rarity=rarity,
        rarity_field=rarity_field,
        rarity_maximum=rarity_maximum,
    )
    filters = Filters(
        minimum_mapping_quality=minimum_mapping_quality,
        minimum_base_quality=minimum_base_quality,
        maximum_depth=maximum_depth,
    )
    cohort = Germline.of(read_germline(germline), genome)
    people: dict[str, Counted] = {}
    for path in counts or []:
        counted = Counted.load(path, genome)
        if counted.samples:
            who = of_sample[counted.samples[0]].participant
            people[who] = counted[candidates(counted, cohort.copies(who, counted.sites), limits)]
    sites, _ = concatenate([one.sites for one in people.values()]).distinct()
    panel = count_panel(
        sites, panel_rows(panels, planned), genome, study=study, filters=filters, tool=tool, threads=threads
    )
    about = annotate(sites, sources, tool)
    names = sites.names(genome.contigs)
    told = changes(tables or [], names)
    lines: list[dict[str, object]] = []
    for who, counted in sorted(people.items()):
        at = find(counted.sites, sites)
        known = {
            "paralogue": near(counted.sites, cohort.paralogous),
            "common": about.frequency[at] > rarity_maximum,
            "germline_of_others": cohort.others(who, counted.sites),
        }
        reads = panel.without(who, counted.sites)
        judged = judge(counted, reads, limits, known, common=panel.common, suspect=cohort.suspect(who))
        lines += _lines(
            who, counted, judged, reads, names=names[at], about=_rows(about, at), rows=of_sample, told=told
        )
    write_tsv(mosaic, COLUMNS, lines)


def count_panel(
    sites: Sites,
    rows: Sequence["ReleaseRow"],
    genome: Genome,
    *,
    study: Path,
    filters: Filters,
    tool: Tool,
    threads: int,
) -> Controls:
    """Count the controls at sites."""
    panel = Controls(sites, [row.participant for row in rows])
    with ThreadPoolExecutor(threads) as pool:
        counted = pool.map(
            lambda row: reads_of(row, sites, genome, study=study, filters=filters, bcftools=tool), rows
        )
        for row, reads in zip(rows, counted, strict=True):
            panel.add(row.participant, reads.depth, reads.alternate)
    return panel


@dataclass(frozen=True, kw_only=True, eq=False)
class Germline:
    """The germline of all participants of a release.

    Attributes:
        sites: sorted.
        matrix: participants by sites, copies or -1.
        people: participants.
        suspects: samples that may be someone else's, by participant.
        paralogous: sites with too many heterozygous people, sorted.
    """

    sites: Sites
    matrix: "NDArray[np.int8]"
    people: tuple[str, ...]
    suspects: Mapping[str, str]
    paralogous: Sites

    @classmethod
    def of(cls, matrix: Any, genome: Genome) -> "Germline":
        """From the file of genotypes_joint."""
        sites = _sites(matrix, genome)
        order = sites.order()
        people = tuple(map(str, matrix.obs_names))
        return cls(
            sites=sites[order],
            matrix=np.asarray(matrix.X)[:, order],
            people=people,
            suspects=dict(zip(people, matrix.obs["suspect"].astype(str), strict=True)),
            paralogous=paralogous(matrix, genome),
        )

    def copies(self, participant: str, sites: Sites) -> "NDArray[np.int8]":
        """Copies of a participant at sites; 0 where no sample of the release was called with the allele."""
        at = find(sites, self.sites)
        own = self.matrix[self.people.index(participant)]
        return np.where(at >= 0, np.append(own, 0)[at], 0).astype(np.int8)

    def others(self, participant: str, sites: Sites) -> "NDArray[np.bool_]":
        """Whether another participant has the allele."""
        at = find(sites, self.sites)
        rest = [number for number, name in enumerate(self.people) if name != participant]
        there = (self.matrix[np.array(rest, dtype=np.intp)] > 0).any(axis=0)
        return np.where(at >= 0, np.append(there, False)[at], False)

    def suspect(self, participant: str) -> list[str]:
        """Samples of a participant that may be someone else's."""
        return [name for name in self.suspects[participant].split(";") if name]


def _rows(about: Annotation, rows: "NDArray[np.intp]") -> "dict[str, NDArray[Any]]":
    names = ("gene_symbol", "gene_id", "consequence", "frequency")
    return {name: getattr(about, name)[rows] for name in names} | {"class": about.group[rows]}


def _lines(
    participant: str,
    counted: Counted,
    judged: Judged,
    panel: "tuple[NDArray[np.int64], NDArray[np.int64]]",
    *,
    names: "NDArray[np.object_]",
    about: "Mapping[str, NDArray[Any]]",
    rows: "Mapping[str, ReleaseRow]",
    told: Mapping[tuple[str, str], Mapping[str, Any]],
) -> Iterator[dict[str, object]]:
    """The rows of one participant."""
    mosaic = judged.mosaic
    for site, feature in enumerate(names.tolist()):
        shared = {
            "participant": participant,
            "feature": feature,
            **{
                name: values[site].item() if name == "frequency" else str(values[site])
                for name, values in about.items()
            },
            "panel_depth": int(panel[0][site]),
            "panel_alternate": int(panel[1][site]),
            "artefact_rate": float(judged.rate[site]),
            "q_artefact": float(judged.q[site]),
            "call": "mosaic" if mosaic[site] else "candidate",
            "reasons": ";".join(name for name, flags in judged.reasons.items() if flags[site]),
        }
        for number, sample in enumerate(counted.samples):
            row, change = rows[sample], told.get((sample, feature), {})
            reads = {
                name: int(counted.reads[name][number, site])
                for name in ("depth", "alternate", "forward", "reverse")
            }
            yield (
                shared
                | reads
                | {
                    "sample": sample,
                    "tissue": row.tissue,
                    "visit": row.visit,
                    "timepoint": row.timepoint,
                    "fraction": reads["alternate"] / reads["depth"] if reads["depth"] else None,
                    "p_artefact": float(judged.p[number, site]),
                    "change_from": change.get("first"),
                    "change_estimate": change.get("estimate"),
                    "change_p": change.get("p_value"),
                    "change_q": change.get("q_value"),
                }
            )


if __name__ == "__main__":
    entry_point(run)
