"""Genotypes between groups, allele fractions within participants: from matrices to a result table."""

import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from cohorts import Cohorts
from genotyped import burden_matrix, genotype_matrix
from scipy import sparse

from scleromyomics.compare import question as tool
from scleromyomics.compare import variants
from scleromyomics.compare.genotype import FEWEST, METHOD_EXACT, METHOD_FIRTH
from scleromyomics.core import matrix as schema
from scleromyomics.core.files import sha256
from scleromyomics.core.results import read_results
from scleromyomics.plan.cells import Cell
from scleromyomics.stats.genotype import exact_trend
from scleromyomics.stats.multiplicity import benjamini_hochberg

SITES = 200
GENES = 30
NAN = np.nan
BETWEEN = Cell("ssc_vs_control_d1", "variants", "pbmc", "")
WITHIN = Cell("ssc_change_d1_m12", "variants", "pbmc", "")


class Made:
    """A cohort, what its samples have, and the answers to questions about it."""

    def __init__(self, path, monkeypatch):
        self.path, self.cohorts, self._patch = path, Cohorts(), monkeypatch
        self.copies, self.quality, self.alternate, self.depth, self.burden, self.called = (
            {} for _ in range(6)
        )
        self.rng = np.random.default_rng(3)
        self.frequency = self.rng.uniform(0.05, 0.5, SITES)

    def people(self, population, number, timepoints=("D1",), tissues=("pbmc",), ages=False):
        names = self.cohorts.people(population, number)
        for index, name in enumerate(names):
            if ages:
                self.cohorts.change(name, age=40.0 + 7 * (index % 4), sex="FM"[index % 2])
            copies = self.rng.binomial(2, self.frequency).astype(float)
            for tissue in tissues:
                for timepoint in timepoints:
                    self.sample(name, copies, timepoint, tissue)
        return names

    def sample(self, name, copies, timepoint="D1", tissue="pbmc", quality=60, **more):
        one = self.cohorts.sample(name, timepoint, tissue=tissue, assay="variants", platform="exome", **more)
        self.copies[one] = copies.copy()
        self.quality[one] = np.full(SITES, quality)
        self.depth[one] = np.full(SITES, 80)
        self.alternate[one] = self.rng.binomial(80, np.nan_to_num(copies) / 2)
        self.burden[one] = np.repeat(np.minimum(copies[:GENES], 1), 2)
        self.called[one] = np.full(2 * GENES, 5.0)
        return one

    def matrices(self):
        """Write the matrices of all places, of genotypes and burdens."""
        study, places = self.cohorts.study(), {}
        for name, one in study.cohort.samples.items():
            places.setdefault((one.tissue, study.cohort.visit_of(one).timepoint), []).append(
                (name, one.participant)
            )
        found = []
        for (tissue, timepoint), samples in places.items():
            rows = [{"sample": name, "participant": who} for name, who in samples]
            place = {"tissue": tissue, "timepoint": timepoint}
            of = {
                key: np.array([getattr(self, key)[name] for name, _ in samples])
                for key in ("copies", "quality", "depth", "alternate", "burden", "called")
            }
            reads = {name: of[name] for name in ("quality", "depth", "alternate")}
            for matrix in (
                genotype_matrix(rows, of["copies"], **reads, **place),
                burden_matrix(rows, of["burden"], of["called"], **place),
            ):
                path = self.path / f"{tissue}.{timepoint}.{matrix.uns[schema.KEY]['scale']}.h5ad"
                schema.write(matrix, path)
                found.append(path)
        return found

    def answer(self, cell, name="t", matrices=None):
        study = self.cohorts.study()
        rows = SimpleNamespace(question_study=lambda *_, **__: (study, cell))
        self._patch.setitem(sys.modules, "scleromyomics.plan.rows", rows)
        table = self.path / f"{name}.parquet"
        tool.run(
            study=self.path,
            release="W1",
            question=cell.question,
            assay="variants",
            tissue=cell.tissue,
            rows="",
            matrices=matrices or self.matrices(),
            quality=[],
            table=table,
        )
        return read_results(table).to_pandas()


@pytest.fixture
def made(tmp_path, monkeypatch):
    monkeypatch.setattr(tool, "_verdict", lambda *_: "RUN")
    return Made(tmp_path, monkeypatch)


def plant(made, names, site=7):
    """All of these carry the allele, and a rare one in a gene."""
    for sample, one in made.cohorts.samples.items():
        if one.participant in names:
            made.copies[sample][site] = 1
            made.burden[sample][2 * site] = 1


def test_a_planted_variant_and_burden_come_first_in_tests_of_their_own(made):
    cases, _ = made.people(4, 20, ages=True), made.people(3, 20, ages=True)
    made.frequency[7] = 0
    for copies in made.copies.values():
        copies[7] = 0
    for burden in made.burden.values():
        burden[14:16] = 0
    plant(made, cases[:14])
    table = made.answer(BETWEEN)
    assert table.groupby("test").size().to_dict() == {"dosage": SITES, "burden": 2 * GENES}
    for test, feature in (("dosage", "chr1:1007:A:G"), ("burden", "G07:lof")):
        mine = table[table["test"] == test]
        first = mine.iloc[0]
        assert first["feature"] == feature
        assert first["q_value"] < 0.01
        assert first["ci_low"] > 0
        np.testing.assert_array_equal(mine["q_value"], benjamini_hochberg(mine["p_value"].to_numpy()))
        assert (first["n_samples"], first["n_case"], first["n_reference"], first["n_pairs"]) == (
            40,
            20,
            20,
            0,
        )
    one = table.iloc[0]
    assert one[["contrast", "unit", "method", "verdict"]].tolist() == [
        *("ssc - ssc_control", "log odds ratio", METHOD_FIRTH, "RUN")
    ]
    assert one["formula"] == "~ 1 + case + sex"
    assert np.isfinite(one["estimate_unadjusted"])


def test_the_test_is_exact_where_nothing_is_adjusted_for(made):
    made.people(4, 9)
    made.people(3, 8)
    table = made.answer(BETWEEN).set_index("feature")
    samples = sorted(made.copies, key=lambda one: made.cohorts.samples[one].participant)
    dosage = np.array([made.copies[one] for one in samples])
    case = np.array([made.cohorts.samples[one].participant.startswith("S") for one in samples])
    copies = dosage.sum(axis=0)
    enough = (
        np.minimum(copies - len(dosage) * dosage.min(axis=0), len(dosage) * dosage.max(axis=0) - copies)
        >= FEWEST
    )
    assert 0 < enough.sum() < SITES
    expected = np.where(enough, exact_trend(dosage.T, case).p_value, NAN)
    names = [f"chr1:{1000 + i}:A:G" for i in range(SITES)]
    np.testing.assert_allclose(table.loc[names, "p_value"], expected)
    assert set(table["method"]) == {METHOD_EXACT}


def test_what_no_test_could_call_is_not_tested(made):
    """Whoever has the copies, cases or others: the flag does not depend on the groups."""
    cases, controls = made.people(4, 8), made.people(3, 8)
    carriers = {
        0: cases[:2],
        1: [cases[0], controls[0]],
        2: cases[:3],
        3: [*controls, *cases[1:]],
        4: cases[:1],
    }
    for sample, copies in made.copies.items():
        who = made.cohorts.samples[sample].participant
        copies[:5] = [who in carriers[site] for site in range(5)]
        copies[4] *= 2
    table = made.answer(BETWEEN).set_index("feature")
    flags = [table.loc[f"chr1:{1000 + site}:A:G", "flag"] for site in range(5)]
    few = "fewer than 3 copies differ"
    assert flags == [few, few, "", few, few]


def test_who_was_not_called_does_not_count(made):
    made.people(4, 8)
    made.people(3, 8)
    for number, copies in enumerate(made.copies.values()):
        copies[0], copies[1] = NAN, 0
        if number < 3:
            copies[2] = NAN
    table = made.answer(BETWEEN).set_index("feature")
    first = table.loc[[f"chr1:{1000 + i}:A:G" for i in range(3)]]
    assert first["flag"].tolist() == ["not called", "does not vary", "missing values"]
    assert first[["n_samples", "n_case", "n_reference", "n_participants"]].to_numpy().tolist() == [
        *([0, 0, 0, 0], [16, 8, 8, 16], [13, 5, 8, 13])
    ]
    assert first["p_value"].isna().tolist() == [True, True, False]


def test_of_replicates_the_call_with_most_support_counts(made):
    made.people(4, 8)
    made.people(3, 8)
    alone = made.answer(BETWEEN, "alone")
    for sample, copies in list(made.copies.items())[::3]:
        one = made.cohorts.samples[sample]
        other = made.sample(one.participant, 2 - copies, quality=20)
        made.burden[other], made.called[other] = 1 - made.burden[other], made.called[other] - 1
    both = made.answer(BETWEEN, "both")
    assert both.drop(columns="n_samples").equals(alone.drop(columns="n_samples"))
    assert set(both["n_samples"]) == {22}


@pytest.mark.parametrize("cell", [BETWEEN, WITHIN])
def test_the_order_of_matrices_changes_no_byte_and_the_size_of_blocks_nothing(made, monkeypatch, cell):
    made.people(4, 8, ("D1", "M12"))
    made.people(3, 8)
    matrices = made.matrices()
    one = made.answer(cell, "a", matrices)
    made.answer(cell, "b", matrices[::-1])
    assert sha256(made.path / "a.parquet") == sha256(made.path / "b.parquet")
    monkeypatch.setattr(variants, "BLOCK", 500)
    pd.testing.assert_frame_equal(one, made.answer(cell, "c", matrices), rtol=1e-10)


def test_genotypes_are_dense_in_blocks_only(made, monkeypatch):
    made.people(4, 8, ("D1", "M12"))
    made.people(3, 8)
    matrices = made.matrices()
    dense = []
    to_dense = sparse.csc_matrix.toarray

    def watched(self, *arguments, **more):
        found = to_dense(self, *arguments, **more)
        dense.append(found.size)
        return found

    monkeypatch.setattr(sparse.csc_matrix, "toarray", watched)
    monkeypatch.setattr(sparse.csr_matrix, "toarray", lambda *_: pytest.fail("all sites at once"))
    monkeypatch.setattr(variants, "BLOCK", 320)
    monkeypatch.setattr(variants, "SITES_FOR_RHO", 20)
    for cell in (BETWEEN, WITHIN):
        dense.clear()
        made.answer(cell, matrices=matrices)
        assert max(dense) <= 320
        assert len(dense) > 9


def test_without_burdens_there_are_dosages(made):
    made.people(4, 8)
    made.people(3, 8)
    matrices = [path for path in made.matrices() if schema.BURDEN not in path.name]
    assert set(made.answer(BETWEEN, matrices=matrices)["test"]) == {"dosage"}


@pytest.mark.parametrize("cell", [BETWEEN, WITHIN])
def test_without_a_site_there_is_a_table_without_rows(made, cell):
    made.people(4, 8, ("D1", "M12"))
    made.people(3, 8)
    for values in (made.copies, made.quality, made.depth, made.alternate, made.burden, made.called):
        for sample in values:
            values[sample] = values[sample][:0]
    assert made.answer(cell).empty


def test_a_clone_that_grows_is_found_within_participants(made):
    made.people(4, 10, ("D1", "M12"))
    for sample in made.alternate:
        made.alternate[sample][:2] = [40 if "M12" in sample else 8, 0]
        made.copies[sample][1] = 0
    table = made.answer(WITHIN)
    first = table.iloc[0]
    assert first[["feature", "test", "contrast", "unit"]].tolist() == [
        *("chr1:1000:A:G", "allele_fraction", "(ssc: M12 - D1)", "log odds ratio of reads")
    ]
    assert first["estimate"] == pytest.approx(np.log(9), abs=0.1)
    assert (first["n_samples"], first["n_participants"], first["n_pairs"]) == (20, 10, 10)
    assert (first["estimate_pairs"], first["p_pairs"]) == (first["estimate"], first["p_value"])
    assert first["method"].startswith("penalised beta-binomial likelihood ratio, overdispersion 0.0")
    assert table.set_index("feature").loc["chr1:1001:A:G", "flag"] == "does not vary"
    assert (table["p_value"].iloc[1:] < 0.05).mean() < 0.08


def test_the_reads_of_two_people_say_nothing_of_a_group(made):
    made.people(4, 8, ("D1", "M12"))
    for sample, one in made.cohorts.samples.items():
        number = int(one.participant[1:])
        for site, carriers in enumerate((2, 3)):
            made.alternate[sample][site] = (60 if "M12" in sample else 10) * (number <= carriers)
    table = made.answer(WITHIN).set_index("feature")
    assert table["flag"][["chr1:1000:A:G", "chr1:1001:A:G"]].tolist() == [
        *("fewer than 3 participants have both alleles", "")
    ]
    assert np.isnan(table["p_value"]["chr1:1000:A:G"])
    assert table["p_value"]["chr1:1001:A:G"] < 1e-6


def test_the_overdispersion_is_that_of_the_data_and_no_smaller_than_configured(made):
    made.people(4, 10, ("D1", "M12"))
    calm = made.answer(WITHIN)["method"][0]
    assert calm.endswith("overdispersion 0.002")
    for sample, copies in made.copies.items():
        share = np.where(copies == 1, made.rng.beta(0.5 * 19, 0.5 * 19, SITES), copies / 2)  # rho 0.05
        made.alternate[sample] = made.rng.binomial(80, share)
    noisy = made.answer(WITHIN)
    assert float(noisy["method"][0].split()[-1]) == pytest.approx(0.05, abs=0.01)
    assert (noisy["p_value"] < 0.05).mean() < 0.08


def test_reads_of_replicates_add_up(made):
    made.people(4, 6, ("D1", "M12"))
    alone = made.answer(WITHIN, "alone")
    for sample in list(made.copies):
        one, copies = made.cohorts.samples[sample], made.copies[sample]
        other = made.sample(one.participant, copies, one.visit)
        half = made.rng.binomial(made.alternate[sample], 0.5)
        made.alternate[other], made.alternate[sample] = half, made.alternate[sample] - half
        made.depth[sample] = np.maximum(made.alternate[sample], 40)
        made.depth[other] = 80 - made.depth[sample]
        short = made.alternate[other] > made.depth[other]
        made.depth[other][short] = made.alternate[other][short]
        made.depth[sample][short] = 80 - made.alternate[other][short]
    both = made.answer(WITHIN, "both")
    assert both.drop(columns="n_samples").equals(alone.drop(columns="n_samples"))


def test_other_questions_within_participants_are_answered_too(made):
    times = ("D1", "M12")
    for population in (3, 4):
        made.people(
            population, 8, times, ("skin_healthy",) if population == 3 else ("skin_healthy", "skin_sclerotic")
        )
    for cell in (
        Cell("ssc_change_vs_control_d1_m12", "variants", "skin_healthy", ""),
        Cell("ssc_sclerotic_vs_healthy_skin", "variants", "skin_sclerotic", "skin_healthy"),
    ):
        table = made.answer(cell)
        assert set(table["test"]) == {"allele_fraction"}
        assert table["n_pairs"].max() == (16 if "vs_control" in cell.question else 8)
        assert np.isfinite(table["p_value"]).mean() > 0.5


def test_groups_in_two_tissues_are_compared_by_their_genotypes(made):
    made.people(4, 8, tissues=("skin_sclerotic",))
    made.people(3, 8, tissues=("skin_healthy",))
    table = made.answer(Cell("ssc_sclerotic_vs_control_skin", "variants", "skin_sclerotic", "skin_healthy"))
    assert set(table["test"]) == {"dosage", "burden"}
    assert table["contrast"][0] == "ssc skin_sclerotic - ssc_control skin_healthy"


def test_genotypes_beyond_those_of_controls_are_not_answered(made):
    for population, tissue in ((4, "skin_sclerotic"), (3, "skin_healthy"), (2, "muscle"), (1, "muscle")):
        made.people(population, 6, tissues=(tissue,))
    with pytest.raises(ValueError, match="not compared beyond"):
        made.answer(Cell("ssc_skin_vs_im_muscle_d1", "variants", "skin_sclerotic", "muscle"))
