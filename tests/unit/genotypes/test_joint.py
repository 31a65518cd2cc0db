"""Joint genotypes are those of each sample alone; one germline per participant; swapped samples are named."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from loci import Someone, Variant, alternative, sequences, sites, tools, write_genome, write_sample

from scleromyomics.core.files import read_json, read_tsv, sha256
from scleromyomics.core.tools import find_tool, pipe
from scleromyomics.genotypes import joint
from scleromyomics.genotypes import sites as release_sites
from scleromyomics.genotypes.fit import run as fit
from scleromyomics.genotypes.joint import Pair, consensus, reasons, suspects
from scleromyomics.genotypes.lookup import genotypes
from scleromyomics.plan.rows import ReleaseRow

CONTIGS = sequences()
SNVS = [alternative(CONTIGS, "chr1", pos) for pos in range(100, 2500, 40)]
COVERED = [("chr1", 1, 3000, 25, 60), ("chr2", 1, 800, 12, 40), ("chrM", 1, 300, 99, 99)]


def row(sample: str, participant: str, *, wave: str = "W1", sex: str = "F") -> ReleaseRow:
    folder = Path("results/samples/variants/F1") / sample
    return ReleaseRow(
        sample=sample,
        participant=participant,
        visit="V1",
        timepoint="D1",
        day=0,
        tissue="pbmc",
        platform="exome",
        batch="B1",
        wave=wave,
        sex=sex,
        quality=folder / "quality.json",
    )


def person(carried: Sequence[int], *more: Variant, dp: int = 30) -> Someone:
    """Somebody who carries some of `SNVS`."""
    het = [Variant(where=SNVS[i], dp=dp, ad=dp // 2, gq=3 * dp) for i in carried]
    places = sorted(int(one.where.split(":")[1]) for one in [*het, *more] if one.where.startswith("chr1:"))
    edges = [0, *places, 3001]
    blocks = [("chr1", a + 1, b - 1, 25, 60) for a, b in pairwise(edges) if a + 1 < b]
    return Someone(variants=[*het, *more], blocks=[*blocks, *COVERED[1:]])


class Study:
    """A study of which only the products of samples exist."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, bcftools: str = "embedded") -> None:
        self.folder, self.bcftools, self.rows = folder, bcftools, []
        self.genome = write_genome(folder / "results/frozen/variants/F1/reference")
        self._patch = monkeypatch

    def add(self, one: ReleaseRow, someone: Someone) -> None:
        write_sample(self.folder / one.quality.parent, one.sample, someone)
        self.rows.append(one)

    def model(self, rows: Sequence[ReleaseRow]) -> Path:
        from scleromyomics.plan.rows import FreezeRow

        frozen = [
            FreezeRow(
                sample=one.sample,
                participant=one.participant,
                group="ssc_control",
                tissue=one.tissue,
                sex=one.sex,
                raw=Path("none"),
                folder=one.quality.parent,
                format="fastq",
                column="",
                usable=True,
                reason="",
            )
            for one in rows
        ]
        self._patch.setattr("scleromyomics.plan.rows.freeze_rows", lambda *_, **__: frozen)
        to = self.folder / "results/frozen/variants/F1/exome"
        fit(
            study=self.folder,
            freeze="F1",
            platform="exome",
            rows="0",
            genome=self.genome.fasta,
            model=to / "model.npz",
            samples=to / "samples.tsv",
            receipt=to / "model.receipt.json",
            bcftools=self.bcftools,
        )
        return to / "model.npz"

    def release(self, name: str, models: list[Path], rows: Sequence[ReleaseRow] | None = None) -> Path:
        """Sites and genotypes of a release; its folder."""
        planned = self.rows if rows is None else list(rows)
        self._patch.setattr("scleromyomics.plan.rows.release_rows", lambda *_, **__: planned)
        to = self.folder / "results/releases" / name
        named = {"study": self.folder, "release": name, "rows": "0", "genomes": [self.genome.fasta]}
        release_sites.run(**named, models=models, sites=to / "sites.parquet", bcftools=self.bcftools)
        joint.run(
            **named,
            sites=to / "sites.parquet",
            genotypes=to / "genotypes.bcf",
            germline=to / "germline.h5ad",
            discordant=to / "discordant.tsv",
            receipt=to / "joint.receipt.json",
            bcftools=self.bcftools,
        )
        return to


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    return Study(tmp_path, monkeypatch)


def query(bcf: Path, cells: str = r"%CHROM:%POS:%REF:%ALT[\t%GT:%DP:%AD:%GQ]\n") -> list[list[str]]:
    out = bcf.with_suffix(".txt")
    pipe(find_tool("bcftools", "embedded")("query", "-f", cells, bcf), what="test", stdout=out)
    return [line.split("\t") for line in out.read_text().splitlines()]


def test_every_sample_stands_at_every_site_as_it_does_alone(study: Study) -> None:
    study.add(row("P2_D1", "P2"), person([1, 3, 5]))
    study.add(
        row("P1_D1", "P1", sex="M"), person([0, 1], Variant(where="chrX:200:A:C", gt=1, ploidy=1, gq=40))
    )
    study.add(row("P3_D1", "P3"), Someone())
    study.add(row("P4_D1", "P4"), replace(person([7]), held=["coverage: found 2; allowed: at least 10"]))
    model = study.model(study.rows[:2])
    to = study.release("W1", [model])
    lines = query(to / "genotypes.bcf")
    header = query(to / "genotypes.bcf", r"[%SAMPLE\t]\n")[0]
    assert header[:3] == ["P1_D1", "P2_D1", "P3_D1"]  # sorted; the one held back is not there
    wanted = [SNVS[0], SNVS[1], SNVS[3], SNVS[5], "chrX:200:A:C"]
    assert [line[0] for line in lines] == wanted
    assert [line[1] for line in lines] == ["0/1:30:15,15:90"] * 2 + ["0/0:25:25,0:60"] * 2 + ["1:30:15,15:40"]
    assert [line[2] for line in lines[:4]] == ["0/0:25:25,0:60"] + ["0/1:30:15,15:90"] * 3
    assert {line[3] for line in lines} == {"./.:0:0,0:0"}
    assert (to / "genotypes.bcf.csi").is_file()
    receipt = read_json(to / "joint.receipt.json")
    assert (receipt["samples"], receipt["participants"], receipt["sites"], receipt["held"]) == (
        3,
        3,
        5,
        ["P4_D1"],
    )
    assert receipt["sha256"]["genotypes.bcf"] == sha256(to / "genotypes.bcf")


def test_a_wave_changes_no_genotype_of_an_earlier_sample_at_an_old_site(study: Study) -> None:
    for number in range(4):
        study.add(row(f"P{number}_D1", f"P{number}"), person([number, number + 3]))
    first = study.rows[:]
    model = study.model(first)
    old = study.release("W1", [model], first)
    study.add(row("P9_M12", "P9", wave="W2"), person([0, 20, 21]))
    study.add(row("P1_M12", "P1", wave="W2"), person([1, 4, 22]))
    new = study.release("W2", [model])
    before = {line[0]: line[1:] for line in query(old / "genotypes.bcf")}
    after = {line[0]: line[1:] for line in query(new / "genotypes.bcf")}
    names = query(new / "genotypes.bcf", r"[%SAMPLE\t]\n")[0][:-1]
    columns = [names.index(one.sample) for one in sorted(first, key=lambda one: one.sample)]
    assert before.keys() < after.keys()
    assert {name: [after[name][i] for i in columns] for name in before} == before
    tables = [
        release_sites.read_sites(to / "sites.parquet", study.genome)[1].to_pylist() for to in (old, new)
    ]
    about = [{line["feature"]: line for line in table} for table in tables]
    same = ("gene_symbol", "gene_id", "consequence", "class", "transcripts", "rare", "frozen", "first_wave")
    for name in before:
        assert [about[1][name][key] for key in same] == [about[0][name][key] for key in same]
    fresh = [line for line in tables[1] if not line["frozen"]]
    assert [(line["feature"], line["first_wave"], line["n_carriers"]) for line in fresh] == [
        (SNVS[i], "W2", 1) for i in (20, 21, 22)
    ]
    assert about[1][SNVS[1]]["n_samples"] == 2  # both of P1
    assert about[1][SNVS[1]]["n_carriers"] == 1


@pytest.mark.parametrize("bcftools", tools("bcftools"))
def test_the_same_samples_give_the_same_bytes_in_any_part_size(
    bcftools: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = Study(tmp_path, monkeypatch, bcftools)
    for number in range(3):
        study.add(row(f"P{number}_D1", f"P{number}"), person(range(number, 40, 3)))
        study.add(row(f"P{number}_M12", f"P{number}"), person(range(number, 40, 4), dp=20))
    model = study.model(study.rows)
    once = study.release("W1", [model])
    files = (
        "genotypes.bcf",
        "genotypes.bcf.csi",
        "germline.h5ad",
        "discordant.tsv",
        "joint.receipt.json",
        "sites.parquet",
    )
    digests = [sha256(once / name) for name in files]
    monkeypatch.setattr(joint, "CELLS", 30)
    study.rows.reverse()
    again = study.release("W1", [model])
    assert [sha256(again / name) for name in files] == digests
    assert b"bcftools" not in pipe(
        find_tool("bcftools", bcftools)("view", "-h", "--no-version", again / files[0]), what=""
    )


def test_the_germline_is_one_over_samples_and_a_swapped_sample_is_named(study: Study) -> None:
    own, other = list(range(0, 60, 2)), list(range(1, 57, 3))
    study.add(row("P1_D1", "P1"), person(own))
    study.add(row("P1_M12", "P1"), person(own[:-1]))  # one is missed
    study.add(row("P1_Y5", "P1"), person(other))
    study.add(row("P2_D1", "P2"), person([5]))
    to = study.release("W1", [study.model(study.rows)])
    matrix = joint.read_germline(to / "germline.h5ad")
    assert matrix.X.dtype == np.int8
    assert list(matrix.var_names) == sorted(matrix.var_names)
    assert matrix.obs["suspect"].tolist() == ["P1_Y5", ""]
    assert matrix.obs["n_samples"].tolist() == [3, 1]
    first, last = (matrix.var_names.get_loc(SNVS[i]) for i in (0, 58))
    assert [matrix.X[0, first], matrix.layers["n_samples"][0, first], matrix.layers["n_agree"][0, first]] == [
        1,
        3,
        2,
    ]
    assert matrix.X[1, first] == 0
    assert [matrix.X[0, last], matrix.layers["n_agree"][0, last]] == [0, 2]  # called in one of three
    lines = read_tsv(to / "discordant.tsv")
    assert {line["participant"] for line in lines} == {"P1"}
    assert {line["suspect"] for line in lines} == {"P1_Y5"}
    missed = next(line for line in lines if line["feature"] == SNVS[58])
    assert missed["genotypes"] == "P1_D1=0/1;P1_M12=0/0;P1_Y5=0/0"
    assert missed["consensus"] == "0/0"
    pairs = {tuple(pair["samples"]): pair for pair in read_json(to / "joint.receipt.json")["pairs"]}
    assert pairs["P1_D1", "P1_M12"]["joint"] == 30
    assert pairs["P1_D1", "P1_M12"]["discordant"] == 1


def test_of_two_samples_that_differ_both_are_suspected() -> None:
    apart = [Pair(samples=("A", "B"), joint=100, discordant=60)]
    assert suspects(apart) == ["A", "B"]
    assert suspects([Pair(samples=("A", "B"), joint=100, discordant=5)]) == []
    assert suspects([Pair(samples=("A", "B"), joint=10, discordant=9)]) == []  # too few sites to tell
    assert suspects([]) == []


def test_the_call_with_most_support_is_the_germline_and_ties_are_none() -> None:
    gt = np.array([[0, 1, 1, -1, 2], [1, 1, -1, -1, 0], [1, 0, 0, -1, 2]], dtype=np.int8)
    gq = np.array([[90, 20, 30, 0, 9], [50, 20, 0, 0, 5], [50, 99, 30, 0, 9]], dtype=np.int16)
    found = consensus(gt, gq)
    assert found.copies.tolist() == [1, 0, -1, -1, 2]
    assert found.called.tolist() == [3, 3, 2, 0, 3]
    assert found.agree.tolist() == [2, 1, 0, 0, 2]
    assert found.discordant.tolist() == [True, True, True, False, True]


def test_disagreement_has_a_likely_reason() -> None:
    copies = np.array([0, 1, 1, 0, -1, 1], dtype=np.int8)
    gt = np.array([[0, 1, 1, 0, 0, 1], [1, 0, 0, 2, 1, 0]], dtype=np.int8)
    dp = np.array([[90, 50, 50, 50, 9, 50], [90, 8, 50, 50, 50, 50]], dtype=np.int32)
    ad = np.array([[0, 25, 25, 0, 0, 25], [18, 0, 12, 50, 25, 0]], dtype=np.int32)
    assert reasons(copies, gt, dp, ad).tolist() == [
        *("mosaic_like", "low_depth", "allele_fraction", "unexplained", "low_depth", "unexplained")
    ]


def test_a_release_without_samples_is_empty_but_whole(study: Study) -> None:
    study.add(row("P1_D1", "P1"), person([1]))
    model = study.model(study.rows)
    to = study.release("W0", [model], [])
    assert query(to / "genotypes.bcf", r"%POS\n") == [[SNVS[1].split(":")[1]]]
    assert joint.read_germline(to / "germline.h5ad").shape == (0, 1)
    assert read_tsv(to / "discordant.tsv") == []


def test_genotypes_in_the_file_are_those_of_the_lookup(study: Study) -> None:
    rng = np.random.default_rng(1)
    for number in range(5):
        study.add(row(f"P{number}", f"P{number}"), person(np.flatnonzero(rng.random(60) < 0.4).tolist()))
    to = study.release("W1", [study.model(study.rows)])
    lines = query(to / "genotypes.bcf")
    where = sites(study.genome, [line[0] for line in lines])
    for column, one in enumerate(study.rows, start=1):
        found = joint.look_up(one, where, study.genome, study.folder)
        profile = joint.Profile.load(study.folder / one.quality.with_name("profile.npz"), study.genome)
        alone = genotypes(profile, where, study.genome.ploidy(where, "F"))
        np.testing.assert_array_equal(found.gt, alone.gt)
        texts = [line[column].split(":") for line in lines]
        assert [text[0] for text in texts] == [("./.", "0/0", "0/1", "1/1")[gt + 1] for gt in alone.gt]
        assert [int(text[1]) for text in texts] == alone.dp.tolist()
        assert [int(text[2].split(",")[1]) for text in texts] == alone.ad.tolist()
