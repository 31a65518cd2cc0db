"""Mosaic variants: found from 5 %, told from the germline, errors, misplaced reads and other people's DNA."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from loci import (
    LENGTHS,
    Released,
    Someone,
    Variant,
    alternative,
    sequences,
    split,
    tools,
    write_genome,
    write_reads,
    write_sample,
)

from scleromyomics.core.files import read_tsv, sha256, write_json, write_tsv
from scleromyomics.genotypes import joint, mosaic, within
from scleromyomics.genotypes import sites as release_sites
from scleromyomics.genotypes.artefact import common_rate
from scleromyomics.genotypes.mosaic import Counted, Judged, Limits, candidates, judge
from scleromyomics.variants.loci import Sites

CONTIGS = sequences()
LIMITS = Limits(
    minimum_depth=20,
    minimum_alternate=3,
    minimum_fraction=0.02,
    maximum_fraction=0.35,
    overdispersion=0.002,
    false_discovery_rate=0.01,
)
SCORES = ("mapping", "mismatches", "clipping", "position")


def counted(
    depth: Sequence[Sequence[int]], alternate: Sequence[Sequence[int]], where: Sites, **more: object
) -> Counted:
    """Samples by sites; reads lie half on each strand unless told otherwise."""
    n, k = np.array(depth, dtype=np.int32), np.array(alternate, dtype=np.int32)
    reads = {"depth": n, "alternate": k, "forward": k // 2, "reverse": k - k // 2}
    reads |= {"quality": np.full(n.shape, 37.0), **{name: np.zeros(n.shape) for name in SCORES}}
    reads |= {name: np.array(values) for name, values in more.items()}
    return Counted(samples=tuple(f"S{i}" for i in range(len(n))), sites=where, reads=reads)


def places(count: int, step: int = 1000) -> Sites:
    return Sites.of(np.zeros(count), step * np.arange(1, count + 1), ["A"] * count, ["C"] * count)


def judged(one: Counted, panel: tuple[Sequence[int], Sequence[int]], **more: object) -> Judged:
    known = {
        name: np.zeros(len(one.sites), dtype=bool) for name in ("paralogue", "common", "germline_of_others")
    }
    arrays = tuple(np.array(part, dtype=np.int64) for part in panel)
    known |= more.pop("known", {})
    return judge(one, arrays, LIMITS, known, **{"common": common_rate(arrays[1], arrays[0])} | more)


def test_a_candidate_has_enough_reads_between_the_limits_and_is_not_the_germline() -> None:
    cases = [
        # depth and alternate reads of two samples, germline, candidate?
        ((100, 100), (10, 0), 0, True),
        ((100, 100), (2, 2), 0, False),  # too few reads
        ((300, 300), (5, 0), 0, False),  # below 2 %
        ((15, 100), (5, 0), 0, False),  # too few of all reads
        ((100, 100), (50, 50), 1, False),
        ((100, 100), (50, 30), 1, False),  # one half in one, by chance less in the other
        ((100, 100), (0, 48), 0, False),  # one half in one sample: not a low fraction
        ((100, 100), (20, 25), 1, True),  # called heterozygous, but one half is far
        ((30, 0), (10, 0), 1, False),  # one half is not far in a single shallow sample
        ((100, 100), (20, 25), -1, True),
        ((100, 100), (40, 20), 0, True),
        ((100, 100), (98, 30), 2, False),  # in both samples mostly there
    ]
    one = counted(*(np.array([case[i] for case in cases]).T for i in (0, 1)), places(len(cases)))
    germline = np.array([case[2] for case in cases], dtype=np.int8)
    assert candidates(one, germline, LIMITS).tolist() == [row for row, case in enumerate(cases) if case[3]]


def test_low_fractions_of_indels_that_are_called_germline_are_no_candidates() -> None:
    where = Sites.of(np.zeros(2), [100, 5000], ["A", "A"], ["AC", "AC"])
    one = counted([[100, 100]], [[15, 15]], where)
    assert candidates(one, np.array([1, 0], dtype=np.int8), LIMITS).tolist() == [1]


def test_what_the_controls_show_as_well_is_an_artefact() -> None:
    one = counted([[100] * 3], [[8, 8, 4]], places(3))
    found = judged(one, ([2000, 2000, 50], [0, 60, 0]))
    assert found.mosaic.tolist() == [True, False, False]  # the last one: too small a panel for four reads
    assert found.reasons["artefact"].tolist() == [False, True, True]
    assert found.p[0, 0] < 1e-9 < found.p[0, 1:].min()


@pytest.mark.parametrize(
    ("reason", "more"),
    [
        ("strand", {"forward": [[12, 6]], "reverse": [[0, 6]]}),
        ("base_quality", {"quality": [[17.0, 35.0]]}),
        ("reads", {"mapping": [[-3.5, 0.0]]}),
        ("reads", {"clipping": [[4.0, -4.0]]}),
        ("reads", {"position": [[-3.2, 2.0]]}),
    ],
)
def test_reads_that_do_not_look_like_a_variant_leave_a_candidate(
    reason: str, more: dict[str, object]
) -> None:
    one = counted([[100, 100]], [[12, 12]], places(2), **more)
    found = judged(one, ([2000, 2000], [0, 0]))
    assert found.mosaic.tolist() == [False, True]
    assert [name for name, flags in found.reasons.items() if flags[0]] == [reason]
    assert np.isnan(found.q[0])  # the others are judged without it
    assert found.q[1] < 0.01


def test_known_reasons_suspects_and_half_of_the_reads() -> None:
    depth = [[100, 100, 100, 10], [30, 30, 30, 30]]  # the last site is covered by one sample alone
    one = counted(depth, [[12, 12, 12, 0], [0, 0, 0, 9]], places(4))
    flags = {"common": np.array([True, False, False, False])}
    found = judged(one, ([2000] * 4, [0] * 4), known=flags, suspect=["S1"])
    assert found.reasons["common"].tolist() == [True, False, False, False]
    assert found.reasons["heterozygous"].tolist() == [False, False, False, True]
    assert found.reasons["suspect"].tolist() == [False, False, False, True]
    assert found.mosaic.tolist() == [False, True, True, False]


def test_three_candidates_within_a_read_are_a_cluster_and_two_are_not() -> None:
    where = Sites.of(np.zeros(6), [100, 180, 240, 1000, 1100, 5000], ["A"] * 6, ["C"] * 6)
    found = judged(counted([[100] * 6], [[12] * 6], where), ([2000] * 6, [0] * 6))
    assert found.mosaic.tolist() == [False, False, False, True, True, True]


def simulated(
    rng: np.random.Generator,
    *,
    fractions: np.ndarray,
    errors: float = 1e-3,
    megabases: float = 0.5,
    controls: int = 10,
) -> tuple[float, float]:
    """Sensitivity, and false ones per million bases; samples by planted sites have the given fractions.

    Errors differ between sites, between samples at a site (as much as the rate itself, for half of them), and one
    site in a thousand is prone to them.
    """
    samples, planted = fractions.shape
    size = int(3e6 * megabases)  # alleles
    rate = errors / 3 * rng.lognormal(-0.32, 0.8, size)
    prone = rng.random(size) < 1e-3 / 3
    rate[prone] = rng.uniform(0.003, 0.03, prone.sum())
    wild = rng.random(size) < 0.5
    here = rng.choice(size, planted, replace=False)

    def drawn(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        own = np.where(wild[rows], rate[rows] * rng.gamma(1, 1, rows.size), rate[rows])
        depth = rng.poisson(100, rows.size)
        return depth, rng.binomial(depth, np.minimum(own, 1))

    depth, alternate = (
        np.stack(part) for part in zip(*(drawn(np.arange(size)) for _ in range(samples)), strict=True)
    )
    alternate[:, here] = np.minimum(
        depth[:, here], alternate[:, here] + rng.binomial(depth[:, here], fractions)
    )
    seen = ((alternate >= 3) & (alternate >= 0.02 * depth)).any(axis=0)
    rows = np.flatnonzero(seen)
    forward = rng.binomial(alternate[:, rows], 0.5)
    order = np.argsort(rng.permutation(rows.size))  # alleles of a position do not stand together here
    one = counted(
        depth[:, rows][:, order],
        alternate[:, rows][:, order],
        places(rows.size),
        forward=forward[:, order],
        reverse=(alternate[:, rows] - forward)[:, order],
    )
    kept = candidates(one, np.zeros(rows.size, dtype=np.int8), LIMITS)
    others = [
        np.sum(part, axis=0)
        for part in zip(*(drawn(rows[order[kept]]) for _ in range(controls)), strict=True)
    ]
    found = judged(one[kept], others).mosaic
    true = np.isin(rows[order[kept]], here)
    return (found & true).sum() / planted, (found & ~true).sum() / megabases


@pytest.mark.slow
@pytest.mark.parametrize("errors", [3e-4, 1e-3, 2e-3])
def test_growing_variants_from_5_percent_are_found_with_at_most_one_false_per_megabase(errors: float) -> None:
    rng = np.random.default_rng(1)
    results = []
    for _ in range(6):
        first = rng.uniform(0.05, 0.2, 20)
        results.append(
            simulated(rng, fractions=np.stack([first, np.minimum(1.5 * first, 0.33)]), errors=errors)
        )
    sensitivity, false = np.mean(results, axis=0)
    assert sensitivity >= 0.9
    assert false <= 1


def test_a_single_sample_finds_nine_of_ten_from_8_percent() -> None:
    rng = np.random.default_rng(2)
    results = [simulated(rng, fractions=rng.uniform(0.08, 0.3, (1, 20))) for _ in range(6)]
    sensitivity, false = np.mean(results, axis=0)
    assert sensitivity >= 0.9
    assert false <= 1


def test_without_mosaic_variants_few_participants_have_a_false_one() -> None:
    rng = np.random.default_rng(4)
    false = [simulated(rng, fractions=np.zeros((2, 1)), megabases=0.3)[1] * 0.3 for _ in range(12)]
    assert np.sum(false) <= 2


HET, GROWS, SHARED, NOISY, RARE_ELSEWHERE, KNOWN = (
    alternative(CONTIGS, "chr1", pos) for pos in (300, 700, 1060, 1700, 2100, 2500)
)
SETTINGS = {
    "minimum_mapping_quality": 20,
    "minimum_base_quality": 13,
    "maximum_depth": 2000,
    "minimum_depth": 20,
    "overdispersion": 0.002,
}
MORE = {
    "minimum_alternate": 3,
    "minimum_fraction": 0.02,
    "maximum_fraction": 0.35,
    "false_discovery_rate": 0.01,
}


class Study:
    """A study whose samples have alignments, calls and candidates as planted."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, bcftools: str) -> None:
        self.folder, self.rows, self.bcftools = folder, [], bcftools
        self.genome = write_genome(folder / "results/frozen/variants/F1/reference")
        self._patch = monkeypatch
        self.controls: list[str] = []

    def add(
        self, one: Released, fractions: Mapping[str, float], *, control: bool = False, seed: int = 0
    ) -> None:
        own = self.folder / one.quality.parent
        own.mkdir(parents=True, exist_ok=True)
        laid = write_reads(
            own / "aligned.cram",
            self.genome,
            fractions,
            sample=one.sample,
            depth=100,
            errors=0.001,
            seed=seed,
        )
        called = [Variant(where=name, dp=dp, ad=ad) for name, (dp, ad) in laid.items() if ad > 0.36 * dp]
        low = [
            Variant(where=name, dp=dp, ad=ad) for name, (dp, ad) in laid.items() if ad >= max(3, 0.02 * dp)
        ]
        taken = sorted(split(one.where)[1] for one in called)
        edges = [0, *taken, LENGTHS["chr1"] + 1]
        blocks = [("chr1", a + 1, b - 1, 80, 99) for a, b in pairwise(edges)]
        write_sample(own, one.sample, Someone(variants=called, candidates=low, blocks=blocks))
        write_json(own / "raw.receipt.json", {"format": "fastq"})
        self.rows.append(one)
        self.controls += [one.sample] * control

    def run(self, **more: object) -> dict[tuple[str, str], dict[str, str]]:
        """The lines by sample and feature."""
        self._patch.setattr("scleromyomics.plan.rows.release_rows", lambda *_, **__: self.rows)
        to = self.folder / "release"
        named = {"study": self.folder, "release": "W1", "rows": "0", "bcftools": self.bcftools}
        genomes = {"genomes": [self.genome.fasta]}
        release_sites.run(**named, **genomes, models=[self.model()], sites=to / "sites.parquet")
        made = {name: to / name for name in ("genotypes", "germline", "discordant", "receipt")}
        joint.run(**named, **genomes, sites=to / "sites.parquet", **made)
        people = sorted({one.participant for one in self.rows})
        tables, counts = ([to / f"{name}{end}.parquet" for name in people] for end in ("", ".counts"))
        for name, table, count in zip(people, tables, counts, strict=True):
            within.run(
                **named, genome=self.genome.fasta, participant=name, table=table, counts=count, **SETTINGS
            )
        panel = to / "samples.tsv"
        columns = ("sample", "tissue", "used", "control", "reason")
        write_tsv(
            panel,
            columns,
            [
                {
                    "sample": one.sample,
                    "tissue": one.tissue,
                    "used": True,
                    "control": one.sample in self.controls,
                    "reason": "",
                }
                for one in self.rows
            ],
        )
        files = {"counts": counts, "tables": tables, "panels": [panel], "germline": to / "germline"}
        mosaic.run(**named, **genomes, **files, mosaic=to / "mosaic.tsv", **SETTINGS | MORE | more)
        return {(line["sample"], line["feature"]): line for line in read_tsv(to / "mosaic.tsv")}

    def model(self) -> Path:
        """A model without sites: all are of the release."""
        from scleromyomics.genotypes.model import Model

        path, none = self.folder / "results/frozen/variants/F1/exome/model.npz", np.empty(0, dtype="U1")
        path.parent.mkdir(parents=True, exist_ok=True)
        texts = ("feature", "ref", "alt", "gene_symbol", "gene_id", "consequence", "transcripts", "group")
        numbers = {
            "contig": "i2",
            "pos": "i4",
            "rare": "?",
            "frequency": "f8",
            "depth": "i8",
            "alternate": "i8",
        }
        Model(
            contigs=np.array(self.genome.contigs),
            fields={},
            **dict.fromkeys(texts, none),
            **{name: np.empty(0, dtype=kind) for name, kind in numbers.items()},
        ).save(path)
        return path


@pytest.fixture(params=tools("bcftools"))
def study(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    made = Study(tmp_path, monkeypatch, request.param)
    first = Released(sample="P1_D1_pbmc", participant="P1")
    later = replace(first, sample="P1_M12_pbmc", visit="V2", timepoint="M12", day=365)
    skin = replace(first, sample="P1_D1_skin", tissue="skin_healthy")
    own = {HET: 0.5, NOISY: 0.04, SHARED: 0.2}
    made.add(first, own | {GROWS: 0.06, RARE_ELSEWHERE: 0.1, KNOWN: 0.12}, seed=1)
    made.add(later, own | {GROWS: 0.25, KNOWN: 0.12}, seed=2)
    made.add(skin, {HET: 0.5, NOISY: 0.04, SHARED: 0.2}, seed=3)
    for number in range(2, 8):
        germline = {RARE_ELSEWHERE: 0.5} if number == 7 else {}
        control = Released(sample=f"P{number}_D1_pbmc", participant=f"P{number}")
        made.add(control, germline | {NOISY: 0.03}, control=number != 7, seed=10 + number)
    return made


def test_planted_variants_are_called_and_the_rest_is_explained(study: Study, tmp_path: Path) -> None:
    contig, pos, ref, alt = split(KNOWN)
    vcf = tmp_path / "known.vcf"
    vcf.write_text(
        '##fileformat=VCFv4.2\n##contig=<ID=chr1>\n##INFO=<ID=AF,Number=A,Type=Float,Description="f">\n'
        f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n{contig}\t{pos}\t.\t{ref}\t{alt}\t.\t.\tAF=0.2\n"
    )
    lines = study.run(annotations=[f"known={vcf}"], rarity="known")
    found = {feature: (line["call"], line["reasons"]) for (_, feature), line in lines.items()}
    assert found.pop(GROWS) == ("mosaic", "")
    assert found.pop(SHARED) == ("mosaic", "")
    assert found.pop(NOISY) == ("candidate", "artefact")
    assert found.pop(RARE_ELSEWHERE) == ("candidate", "germline_of_others")
    assert found.pop(KNOWN) == ("candidate", "common")
    assert HET not in found
    assert all(call == "candidate" for call, _ in found.values())
    people = [line["participant"] for line in lines.values()]
    assert people == sorted(people)
    grown, start, skin = (lines[sample, GROWS] for sample in ("P1_M12_pbmc", "P1_D1_pbmc", "P1_D1_skin"))
    assert (grown["change_from"], start["change_from"], skin["change_from"]) == ("P1_D1_pbmc", "", "")
    assert float(grown["change_estimate"]) > 0.5
    assert float(grown["change_q"]) < 0.05
    assert float(grown["fraction"]) == pytest.approx(0.25, abs=0.12)
    assert int(skin["alternate"]) <= 1
    assert lines["P1_D1_pbmc", SHARED]["gene_symbol"] == "TOY1"
    assert lines["P1_D1_pbmc", SHARED]["class"] in {"missense", "other", "lof"}
    assert int(grown["panel_depth"]) > 300


def test_a_control_is_not_its_own_panel(study: Study) -> None:
    control = Released(sample="P9_D1_pbmc", participant="P9")
    study.add(control, {KNOWN: 0.15}, control=True, seed=40)
    lines = study.run()
    of_p9, of_p1 = lines["P9_D1_pbmc", KNOWN], lines["P1_D1_pbmc", KNOWN]
    assert (of_p9["call"], of_p9["panel_alternate"]) == ("mosaic", "0")
    assert int(of_p1["panel_alternate"]) > 5


def test_the_same_study_gives_the_same_bytes_with_any_threads(study: Study) -> None:
    study.run()
    once = sha256(study.folder / "release" / "mosaic.tsv")
    study.run(threads=3)
    assert sha256(study.folder / "release" / "mosaic.tsv") == once


def test_a_release_without_samples_has_no_candidates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = Study(tmp_path, monkeypatch, "embedded")
    assert empty.run() == {}
    empty.add(Released(sample="P1_D1_pbmc", participant="P1"), {}, seed=1)  # one that shows nothing
    assert empty.run() == {}
