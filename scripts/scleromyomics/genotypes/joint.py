"""Genotypes of a release: all samples at all sites, one germline per participant, and where samples disagree.

`genotypes.bcf` has every sample that quality did not hold back at every site of the release, each looked up in its
own profile (`genotypes.lookup`): a wave that comes later changes no file and no genotype of an earlier sample. Not
covered is `./.` with DP 0.

The germline of a participant is one over tissues and visits: at each site the call with most support, genotype
qualities (99 at most) added up (`stats.calls`); nothing where two calls have the same support. `germline.h5ad` holds
copies (participants by sites, int8, -1: no call), with how many samples were called and how many of them agree.

Where samples of a participant disagree, `discordant.tsv` says what each has, and the likeliest reason. The rate of
disagreement of two samples is that of sites called in both where one or both carry the allele: near 0 for one
person, 0.5 and more for two people. A sample that disagrees so with more than half of the participant's others is
suspected to be someone else's.
"""

import gzip
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scleromyomics.core import matrix as schema
from scleromyomics.core.cli import entry_point
from scleromyomics.core.files import replacing, sha256, write_json, write_tsv
from scleromyomics.core.provenance import code_digest
from scleromyomics.core.tools import Tool, frozen_tool, pipe
from scleromyomics.core.versions import versions
from scleromyomics.genotypes.lookup import NO_CALL, Genotypes, Intervals, Profile, genotypes
from scleromyomics.genotypes.sites import read_sites, rows_of
from scleromyomics.plan.paths import frozen_folder
from scleromyomics.stats.calls import merge_calls
from scleromyomics.variants.loci import TEXT, Genome, Sites, join, same_genome

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from scleromyomics.plan.rows import ReleaseRow

CELLS = 2**22  # samples times sites worked on at a time: about 500 MB as text
LOW_DEPTH = 10  # reads: with fewer, a heterozygous site shows one allele by chance in one of a hundred
MOSAIC_DEPTH = 20  # reads from which a low fraction is not chance
PARTIAL = 0.4  # allele fraction below which a part of the cells may have the allele
HIGHEST_GQ = 99  # Phred: what blocks have at most, so that no genotype has more weight than absence can have
BETWEEN = (0.15, 0.35)  # allele fractions that fit neither none nor one of two copies, and their mirror image
SWAPPED = 0.2  # rate of disagreement: a person's samples stay below 0.05, two siblings are near 0.4
JUDGED = 20  # sites on which a rate is judged

FORMAT = (
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype; missing with DP 0: not covered">',
    '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Reads">',
    '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Reads without and with the alternate allele">',
    '##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Genotype quality, Phred">',
)
GENOTYPES = ("", "", *(".",) * 4, *(".", "0", "1", "."), *("./.", "0/0", "0/1", "1/1"))
"""Text of a genotype at 4 * ploidy + copies + 3."""

FIELDS = ("gt", "ploidy", "dp", "ad", "gq")
ANNOTATION = ("contig", "pos", "ref", "alt", "consequence", "class", "frequency", "rare", "frozen")
DISCORDANT = (
    *("participant", "feature", "gene_symbol", "consensus", "genotypes", "depths", "alternates", "reason"),
    "suspect",
)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two samples of a participant.

    Attributes:
        samples: their names.
        joint: sites called in both where one or both carry the allele.
        discordant: those of them at which they differ.
    """

    samples: tuple[str, str]
    joint: int
    discordant: int

    @property
    def rate(self) -> float:
        """Part of the sites at which they differ; nan without sites."""
        return self.discordant / self.joint if self.joint else float("nan")

    @property
    def differ(self) -> bool:
        """Whether they look like two people."""
        return self.joint >= JUDGED and self.rate > SWAPPED


def suspects(pairs: Sequence[Pair]) -> list[str]:
    """Samples of a participant that differ from more than half of the others."""
    others = Counter(sample for pair in pairs for sample in pair.samples)
    against = Counter(sample for pair in pairs if pair.differ for sample in pair.samples)
    return sorted(sample for sample, count in against.items() if 2 * count > others[sample])


def vcf_lines(sites: Sites, samples: Sequence[Genotypes], genome: Genome) -> "pa.Array":
    """Lines of a VCF, without their ends."""
    import pyarrow as pa
    import pyarrow.compute as pc

    def number(values: "NDArray[np.integer]") -> "pa.Array":
        return pc.cast(pa.array(values), pa.string())

    text = pa.array(GENOTYPES)
    dot = pa.array(np.full(len(sites), ".", dtype=TEXT))
    columns = [pa.array(np.array(genome.contigs)).take(pa.array(sites.contig)), number(sites.pos), dot]
    columns += [pa.array(sites.ref), pa.array(sites.alt), dot, dot, dot]
    columns += [pa.array(np.full(len(sites), "GT:DP:AD:GQ", dtype=TEXT))] * bool(samples)
    for one in samples:
        genotype = text.take(pa.array(4 * one.ploidy.astype(np.int64) + one.gt + 3))
        reads = join([number(np.maximum(one.dp - one.ad, 0)), number(one.ad)], ",")
        columns.append(join([genotype, number(one.dp), reads, number(one.gq)], ":"))
    return join(columns, "\t")


def vcf_header(samples: Sequence[str], genome: Genome) -> str:
    """The header of genotypes: contigs and formats, no program and no date."""
    contigs = zip(genome.contigs, genome.lengths, strict=True)
    lines = ["##fileformat=VCFv4.2", '##FILTER=<ID=PASS,Description="All filters passed">']
    lines += [f"##contig=<ID={name},length={length}>" for name, length in contigs]
    columns = [
        "#CHROM",
        "POS",
        "ID",
        "REF",
        "ALT",
        "QUAL",
        "FILTER",
        "INFO",
        *["FORMAT"] * bool(samples),
        *samples,
    ]
    return "\n".join([*lines, *FORMAT, "\t".join(columns)]) + "\n"


@dataclass(frozen=True, kw_only=True, eq=False)
class Consensus:
    """The germline of one participant at some sites.

    Attributes:
        copies: of the allele, -1 for no call.
        called: samples with a call.
        agree: samples that have this one.
        discordant: whether two samples with a call differ.
    """

    copies: "NDArray[np.int8]"
    called: "NDArray[np.uint8]"
    agree: "NDArray[np.uint8]"
    discordant: "NDArray[np.bool_]"


def consensus(gt: "NDArray[np.int8]", gq: "NDArray[np.int16]") -> Consensus:
    """One germline of several samples.

    Args:
        gt: samples by sites, copies or -1.
        gq: the same, genotype quality.
    """
    called = gt >= 0
    dosage = np.where(called, gt, np.nan)
    merged, _ = merge_calls(dosage, np.clip(np.where(called, gq, 0), 0, HIGHEST_GQ).astype(np.float64))
    copies = np.nan_to_num(merged, nan=NO_CALL).astype(np.int8)
    highest = np.where(called, gt, NO_CALL).max(axis=0, initial=NO_CALL)
    lowest = np.where(called, gt, np.iinfo(np.int8).max).min(axis=0, initial=np.iinfo(np.int8).max)
    return Consensus(
        copies=copies,
        called=called.sum(axis=0, dtype=np.uint8),
        agree=(called & (gt == copies)).sum(axis=0, dtype=np.uint8),
        discordant=highest > lowest,
    )


def reasons(
    copies: "NDArray[np.int8]", gt: "NDArray[np.int8]", dp: "NDArray[np.int32]", ad: "NDArray[np.int32]"
) -> "NDArray[np.object_]":
    """Why samples of a participant may disagree, for each site (arrays: samples by sites).

    `low_depth`: all that differ from the consensus (without one: one of the samples) have few reads. `mosaic_like`:
    one sample has the allele in a low fraction of enough reads, another one does not have it. `allele_fraction`: the
    fraction in one that differs lies between genotypes. `unexplained`: none of these.
    """
    called = gt >= 0
    tied = copies < 0
    apart = called & (tied | (gt != copies))
    shallow = dp < LOW_DEPTH
    low = np.where(tied, (called & shallow).any(axis=0), (shallow | ~apart).all(axis=0))
    fraction = ad / np.maximum(dp, 1)
    partial = (fraction < PARTIAL) & (gt > 0) & (dp >= MOSAIC_DEPTH)
    mosaic = partial.any(axis=0) & (called & (gt == 0)).any(axis=0)
    folded = np.minimum(fraction, 1 - fraction)
    between = (apart & (folded >= BETWEEN[0]) & (folded <= BETWEEN[1])).any(axis=0)
    names = np.array(["low_depth", "mosaic_like", "allele_fraction", "unexplained"], dtype=TEXT)
    return names[np.select([low, mosaic, between], [0, 1, 2], 3)]


class _Stored:
    """Genotypes of all samples, on disk: samples are looked up one by one, sites are written one by one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._samples = 0

    def add(self, found: Genotypes) -> None:
        for name in FIELDS:
            np.save(self._folder / f"{self._samples}.{name}.npy", getattr(found, name))
        self._samples += 1

    def part(self, rows: slice) -> list[Genotypes]:
        return [
            Genotypes(
                **{
                    name: np.array(np.load(self._folder / f"{sample}.{name}.npy", mmap_mode="r")[rows])
                    for name in FIELDS
                }
            )
            for sample in range(self._samples)
        ]


def look_up(row: "ReleaseRow", sites: Sites, genome: Genome, study: Path) -> Genotypes:
    """One sample at all sites."""
    profile = Profile.load(study / row.quality.with_name("profile.npz"), genome)
    targets = None
    if profile.complete:
        freeze = row.quality.parent.parent.name
        targets = Intervals.load(
            study / frozen_folder("variants", freeze, row.platform) / "targets.bed", genome
        )
    return genotypes(profile, sites, genome.ploidy(sites, row.sex), targets)


class _Joint:
    """What is gathered over the sites: the germline of each participant, and where samples disagree."""

    def __init__(self, rows: Sequence["ReleaseRow"], size: int) -> None:
        self.people: dict[str, list[int]] = {}
        for number, row in enumerate(rows):
            self.people.setdefault(row.participant, []).append(number)
        self.people = dict(sorted(self.people.items()))
        self.names = [row.sample for row in rows]
        self.copies = np.full((len(self.people), size), NO_CALL, dtype=np.int8)
        self.called, self.agree = np.zeros((2, len(self.people), size), dtype=np.uint8)
        self._pairs: Counter[tuple[int, int, bool]] = Counter()
        self._lines: dict[str, list[dict[str, object]]] = {participant: [] for participant in self.people}

    def add(
        self, start: int, found: Sequence[Genotypes], names: "NDArray[np.object_]", genes: Sequence[str]
    ) -> None:
        """Take in a part of the sites, that begins at `start`."""
        for number, (participant, own) in enumerate(self.people.items()):
            gt, dp, ad, gq = (
                np.array([getattr(found[i], name) for i in own]) for name in ("gt", "dp", "ad", "gq")
            )
            one = consensus(gt, gq)
            rows = slice(start, start + gt.shape[1])
            self.copies[number, rows], self.called[number, rows] = one.copies, one.called
            self.agree[number, rows] = one.agree
            for (i, a), (j, b) in combinations(zip(own, gt, strict=True), 2):
                both = (a >= 0) & (b >= 0) & ((a > 0) | (b > 0))
                self._pairs[i, j, False] += int(np.count_nonzero(both))
                self._pairs[i, j, True] += int(np.count_nonzero(both & (a != b)))
            at = np.flatnonzero(one.discordant)
            if at.size:
                ploidy = found[own[0]].ploidy[at]
                part = [array[:, at] for array in (gt, dp, ad)]
                about = reasons(one.copies[at], *part).tolist()
                self._lines[participant] += self._described(
                    own,
                    ploidy,
                    one.copies[at],
                    part,
                    [(names[i], genes[i], why) for i, why in zip(at, about, strict=True)],
                )

    def pairs(self, participant: str) -> list[Pair]:
        """Pairs of a participant's samples."""
        return [
            Pair(
                samples=(self.names[i], self.names[j]),
                joint=self._pairs[i, j, False],
                discordant=self._pairs[i, j, True],
            )
            for i, j in combinations(self.people[participant], 2)
        ]

    def lines(self) -> Iterator[dict[str, object]]:
        """Lines of the table of discordant sites."""
        for participant, lines in self._lines.items():
            about = {"participant": participant, "suspect": ";".join(suspects(self.pairs(participant)))}
            yield from (line | about for line in lines)

    def _described(
        self,
        own: Sequence[int],
        ploidy: "NDArray[np.int8]",
        copies: "NDArray[np.int8]",
        part: "Sequence[NDArray[np.integer]]",
        sites: Sequence[tuple[str, str, str]],
    ) -> Iterator[dict[str, object]]:
        gt, dp, ad = part

        def each(texts: Iterable[object]) -> str:
            return ";".join(f"{self.names[i]}={text}" for i, text in zip(own, texts, strict=True))

        for at, (feature, gene, why) in enumerate(sites):
            code = 4 * int(ploidy[at]) + 3
            yield {
                "feature": feature,
                "gene_symbol": gene,
                "consensus": GENOTYPES[code + int(copies[at])],
                "genotypes": each(GENOTYPES[code + one] for one in gt[:, at].tolist()),
                "depths": each(dp[:, at].tolist()),
                "alternates": each(ad[:, at].tolist()),
                "reason": why,
            }


def germline_matrix(
    joint: _Joint, table: "pa.Table", rows: Sequence["ReleaseRow"], about: Mapping[str, object]
) -> Any:
    """The germline of all participants as an AnnData; sites are sorted by name, as in every matrix."""
    import anndata as ad
    import pandas as pd

    names = table["feature"].to_numpy(zero_copy_only=False)
    order = np.argsort(names.astype("U"), kind="stable")
    sorted_ = table.take(order)
    texts = ("gene_symbol", "gene_id", "contig", "consequence", "class")
    var = {"feature": names[order]} | {
        name: pd.Categorical(column) if name in texts else column
        for name in ("gene_symbol", "gene_id", *ANNOTATION)
        for column in [sorted_[name].to_numpy(zero_copy_only=False)]
    }
    sex = {row.participant: row.sex for row in rows}
    pairs = {participant: joint.pairs(participant) for participant in joint.people}
    obs = {
        "sex": pd.Categorical([sex[participant] for participant in joint.people]),
        "n_samples": np.array([len(own) for own in joint.people.values()], dtype=np.int64),
        "discordance": np.array(
            [max((p.rate for p in own), default=np.nan) for own in pairs.values()], dtype=np.float64
        ),
        "suspect": pd.Categorical([";".join(suspects(own)) for own in pairs.values()]),
    }
    return ad.AnnData(
        X=joint.copies[:, order],
        obs=pd.DataFrame(obs, index=pd.Index(list(joint.people), dtype=object)),
        var=pd.DataFrame(var, index=pd.Index(names[order], dtype=object)),
        layers={"n_samples": joint.called[:, order], "n_agree": joint.agree[:, order]},
        uns={schema.KEY: dict(about)},
    )


def write_germline(matrix: Any, path: Path) -> None:
    """Write the germline, sealed as every matrix is; the same germline gives the same bytes."""
    import h5py
    from anndata.io import write_elem

    with (
        schema.sealed(path) as temporary,
        h5py.File(temporary, "w", userblock_size=schema.USER_BLOCK) as file,
    ):
        write_elem(file, "/", matrix, dataset_kwargs=schema.COMPRESSION)


def read_germline(path: Path) -> Any:
    """Read the germline of a release.

    Raises:
        InputError: the file is missing, or no longer what was written.
    """
    schema.check_file(path)
    from anndata.io import read_h5ad

    return read_h5ad(path)


def write_bcf(vcf: Path, target: Path, bcftools: Tool) -> None:
    """Write a VCF as BCF with its index."""
    index = target.with_name(f"{target.name}.csi")
    with replacing(index) as beside, replacing(target) as path:
        pipe(bcftools("view", "--no-version", "-Ob", "-o", path, vcf), what="joint genotypes")
        pipe(bcftools("index", "-f", "-o", beside, path), what="joint genotypes")


def run(
    *,
    study: Path,
    release: str,
    rows: str,
    sites: Path,
    genomes: list[Path],
    genotypes: Path,
    germline: Path,
    discordant: Path,
    receipt: Path,
    bcftools: str = "auto",
) -> None:
    """Write the genotypes of a release.

    Args:
        study: the study directory.
        release: name of the release.
        rows: digest of the sheet rows that the plan was made from.
        sites: of the release, as genotypes_sites wrote them.
        genomes: FASTA of each freeze of the release; they must have the same sequences.
        genotypes: where to write all samples at all sites (BCF; its index beside).
        germline: where to write the participants' germline (h5ad).
        discordant: where to write the sites at which samples of a participant disagree (TSV).
        receipt: where to write digests, counts and the disagreement of each pair of samples (JSON).
        bcftools: auto, embedded, or a path.
    """
    from scleromyomics.plan.rows import release_rows

    planned = release_rows(study, release=release, assay="variants", expected=rows)
    found = sorted(rows_of(study, planned), key=lambda row: row.sample)
    genome, tool = (
        same_genome(genomes),
        frozen_tool("bcftools", bcftools, genomes[0].with_name("receipt.json")),
    )
    where, table = read_sites(sites, genome)
    gathered = _Joint(found, len(where))
    step = max(1, CELLS // max(1, len(found)))
    with tempfile.TemporaryDirectory() as folder:
        stored = _Stored(Path(folder))
        for row in found:
            stored.add(look_up(row, where, genome, study))
        vcf = Path(folder) / "genotypes.vcf.gz"
        with gzip.open(vcf, "wb", compresslevel=1) as file:
            file.write(vcf_header([row.sample for row in found], genome).encode())
            for start in range(0, len(where), step):
                part = slice(start, start + step)
                own = stored.part(part)
                file.write(("\n".join(vcf_lines(where[part], own, genome).to_pylist()) + "\n").encode())
                about = table.slice(start, step)
                names = about["feature"].to_numpy(zero_copy_only=False)
                gathered.add(start, own, names, about["gene_symbol"].to_pylist())
        write_bcf(vcf, genotypes, tool)
    made_with = versions("anndata", "h5py", "numpy", "pyarrow") | {"bcftools": tool.version}
    about_it = {
        "assay": "variants",
        "unit": "copies of the alternate allele",
        "scale": schema.DOSAGE,
        "code": code_digest("scleromyomics.genotypes.joint"),
        "versions": made_with,
    }
    write_germline(germline_matrix(gathered, table, found, about_it), germline)
    write_tsv(discordant, DISCORDANT, list(gathered.lines()))
    pairs = {participant: gathered.pairs(participant) for participant in gathered.people}
    write_json(
        receipt,
        {
            "sha256": {path.name: sha256(path) for path in (genotypes, germline, discordant)},
            "samples": len(found),
            "held": sorted({row.sample for row in planned} - {row.sample for row in found}),
            "participants": len(gathered.people),
            "sites": len(where),
            "suspect": {name: some for name, own in pairs.items() if (some := suspects(own))},
            "pairs": [
                {
                    "participant": name,
                    "samples": pair.samples,
                    "joint": pair.joint,
                    "discordant": pair.discordant,
                }
                for name, own in pairs.items()
                for pair in own
            ],
            "versions": made_with,
        },
    )


if __name__ == "__main__":
    entry_point(run)
