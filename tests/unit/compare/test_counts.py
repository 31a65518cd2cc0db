"""One question from counts: between groups and within participants, to the columns of a result table."""

import numpy as np
import pytest
from cohorts import Cohorts
from data import real_data

from scleromyomics.compare.counts import (
    LOW,
    NO_TREND,
    OUTLIER,
    UNIT,
    by_factors,
    compare,
    compare_changes,
)
from scleromyomics.core.files import read_tsv
from scleromyomics.core.results import COLUMNS, read_results, write_results
from scleromyomics.plan.cells import Cell
from scleromyomics.plan.changes import select_changes
from scleromyomics.plan.contrasts import Comparison, Member
from scleromyomics.simulate import latent
from scleromyomics.simulate.scenario import RESOURCES
from scleromyomics.stats.counts import fit_counts
from scleromyomics.stats.design import two_groups
from scleromyomics.stats.multiplicity import benjamini_hochberg

FEATURES, MOVED, EFFECT = 300, slice(0, 10), 2.0  # log2
WITHIN = Cell("ssc_change_d1_m12", "microarray", "pbmc", "")
BEYOND = Cell("ssc_change_vs_control_d1_m12", "microarray", "pbmc", "")


def negative_binomial(rng, mu):
    return rng.poisson(rng.gamma(20, mu / 20)).astype(float)


def people(n, *, samples=1, batches=1):
    return [
        Member(
            participant=f"P{k:02d}",
            role="case" if k % 2 else "reference",
            samples=tuple(f"S{k:02d}_{one}" for one in range(samples)),
            platform="sequencer",
            batch=f"B{k // 2 % batches}",
            wave="W1",
            age=float(40 + 7 * k % 30),
            sex="F" if k % 3 else "M",
        )
        for k in range(n)
    ]


def counts_of(members, seed=1):
    """A row per sample; cases move in the first features, the last five are hardly counted."""
    rng = np.random.default_rng(seed)
    level = np.exp(rng.normal(np.log(200), 0.7, FEATURES))
    level[-5:] = 0.3
    rows = []
    for member in members:
        mu = level.copy()
        mu[MOVED] *= 2 ** (EFFECT * (member.role == "case"))
        rows += [negative_binomial(rng, mu * rng.uniform(0.7, 1.4)) for _ in member.samples]
    return np.array(rows)


def test_planted_differences_are_found_and_rows_without_counts_are_kept():
    members = people(16, batches=2)
    found = compare(counts_of(members), Comparison(tuple(members), {}, ("age", "sex"), {}))
    assert (found["q_value"][MOVED] < 0.05).all()
    assert np.abs(found["estimate"][MOVED].mean() - EFFECT) < 0.3
    assert set(found["flag"][-5:]) == {LOW}
    assert np.isnan(found["p_value"][-5:]).all()
    np.testing.assert_array_equal(found["q_value"], benjamini_hochberg(found["p_value"]))
    assert set(found["n_case"]) == set(found["n_reference"]) == {8}
    assert not np.array_equal(found["estimate"], found["estimate_unadjusted"])
    tested = found["flag"] == ""
    assert (found["ci_low"][tested] < found["estimate"][tested]).all()
    assert np.isinf(found["df"][tested]).all()
    median = np.median(found["se"][tested])
    assert found["mde"][0] == pytest.approx((3.527 + 0.8416) * median, rel=1e-3)


def test_replicates_are_summed():
    members = people(8, samples=2)
    counts = counts_of(members)
    found = compare(counts, Comparison(tuple(members), {}, (), {}))
    single = [Member(m.participant, m.role, m.samples[:1], "x", "b", "W1", m.age, m.sex) for m in members]
    once = compare(counts[::2] + counts[1::2], Comparison(tuple(single), {}, (), {}))
    np.testing.assert_array_equal(found["p_value"], once["p_value"])
    assert set(found["n_samples"]) == {16}
    assert set(found["n_participants"]) == {8}


def test_an_outlier_keeps_its_estimate_and_loses_its_test():
    members = people(8)
    counts = counts_of(members)
    counts[3, 50] = 1e6
    found = compare(counts, Comparison(tuple(members), {}, (), {}))
    assert found["flag"][50] == OUTLIER
    assert np.isnan(found["p_value"][50])
    assert np.isfinite(found["estimate"][50])


def test_dispersions_without_a_trend_over_the_mean_are_flagged():
    members = people(10)
    level = np.exp(np.random.default_rng(1).uniform(3, 9, 400))
    shape = 3000 / level  # the dispersion grows with the mean
    rng = np.random.default_rng(2)
    counts = rng.poisson(rng.gamma(shape, level / shape, (10, 400))).astype(float)
    counts[:, :3] = 0
    found = compare(counts, Comparison(tuple(members), {}, (), {}))
    assert set(found["flag"][:3]) == {LOW}
    tested = found["flag"] != LOW
    assert all(flag.endswith(NO_TREND) for flag in found["flag"][tested])
    assert found["flag"][tested].tolist().count(NO_TREND) > 300


def test_groups_are_compared_where_no_gene_is_counted_in_every_sample():
    members = people(16)
    counts = counts_of(members)
    counts[np.arange(FEATURES) % 16, np.arange(FEATURES)] = 0
    found = compare(counts, Comparison(tuple(members), {}, (), {}))
    assert (np.sign(found["estimate"][MOVED]) == 1).all()
    assert np.isfinite(found["p_value"][:-5]).mean() > 0.9


def test_columns_are_those_of_a_result_table(tmp_path):
    members = people(8)
    found = compare(counts_of(members), Comparison(tuple(members), {}, (), {}))
    words = dict.fromkeys((name for name, kind in COLUMNS.items() if kind == "string"), "")
    numbers = dict.fromkeys((name for name, kind in COLUMNS.items() if kind == "int32"), 0)
    features = [f"G{k:03d}" for k in range(FEATURES)]
    fixed = {**words, **numbers, "test": "abundance", "unit": UNIT, "feature": features}
    write_results(tmp_path / "table.parquet", {**fixed, **found}, rows=FEATURES)
    assert read_results(tmp_path / "table.parquet").num_rows == FEATURES


def test_counts_too_few_for_any_test_give_rows_without_one():
    members = people(8)
    found = compare(np.ones((8, 4)), Comparison(tuple(members), {}, ("age",), {}))
    assert set(found["flag"]) == {LOW}
    assert np.isnan(found["p_value"]).all()


def cohort(*, cases=8, controls=0, earlier=("b1",), later=("b1",)):
    made = Cohorts()
    for population, number in ((4, cases), (3, controls)):
        for index, name in enumerate(made.people(population, number)):
            made.sample(name, "D1", batch=earlier[index % len(earlier)])
            made.sample(name, "M12", batch=later[index % len(later)])
    return made


def answer(study, cell, *, batch_shift=0.0, seed=1):
    """People differ, the batch b2 shifts every second feature, cases change in the first features."""
    rng = np.random.default_rng(seed)
    level = np.exp(rng.normal(np.log(300), 0.7, FEATURES))
    own = {name: rng.normal(0, 0.7, FEATURES) for name in study.cohort.participants}
    changes = select_changes(study, cell)
    profile = {}
    for name, one in study.cohort.samples.items():
        log2 = own[one.participant] + batch_shift * (one.batch == "b2") * (np.arange(FEATURES) % 2)
        if one.participant.startswith("S") and study.cohort.visit_of(one).timepoint == "M12":
            log2[MOVED] += EFFECT
        profile[name] = negative_binomial(rng, level * np.exp2(log2))
    before, after = (
        np.array([sum(profile[name] for name in row[side].samples) for row in changes.rows])
        for side in (0, 1)
    )
    return changes, compare_changes(before, after, changes)


def test_a_change_is_found_within_participants():
    changes, found = answer(cohort().study(), WITHIN)
    assert by_factors(changes)
    assert (found["q_value"][MOVED] < 0.05).all()
    assert np.abs(found["estimate"][MOVED].mean() - EFFECT) < 0.3
    assert set(found["n_pairs"]) == set(found["n_case"]) == {8}
    assert set(found["n_reference"]) == {0}
    np.testing.assert_array_equal(found["p_pairs"], found["p_value"])


def test_the_controls_change_is_subtracted_with_what_their_batch_adds():
    study = cohort(cases=12, controls=12, later=("b2",)).study()
    _, found = answer(study, BEYOND, batch_shift=1.5)
    assert np.abs(found["estimate"][MOVED].mean() - EFFECT) < 0.3
    assert np.abs(found["estimate"][11::2].mean()) < 0.15
    assert set(found["n_reference"]) == {12}


def test_bridges_tell_the_batch_from_the_change():
    made = cohort(cases=8, later=("b2",))
    for name in list(made.participants)[:4]:
        made.sample(name, "D1", batch="b2", bridge=f"{name}_D1_pbmc_microarray_1")
    changes, found = answer(made.study(), WITHIN, batch_shift=1.5)
    assert len(changes.rows) == 12
    assert np.abs(found["estimate"][MOVED].mean() - EFFECT) < 0.4
    assert np.abs(found["estimate"][11::2].mean()) < 0.2
    assert set(found["n_samples"]) == {16}


def test_a_change_in_another_batch_without_bridges_is_refused():
    with pytest.raises(ValueError, match="does not determine later"):
        answer(cohort(later=("b2",)).study(), WITHIN)


@pytest.mark.parametrize("cell", [WITHIN, BEYOND])
def test_many_pairs_are_answered_by_the_mixed_model(cell):
    changes, found = answer(cohort(cases=33, controls=20).study(), cell)
    assert not by_factors(changes)
    assert np.isfinite(found["df"]).all()
    assert np.abs(found["estimate"][MOVED].mean() - EFFECT) < 0.25
    assert (found["q_value"][MOVED] < 0.05).all()
    assert (found["q_value"][10:] < 0.05).sum() <= 5


TOY = latent.transcripts(read_tsv(RESOURCES / "genes.tsv"), seed=1, nulls=1000)
LIBRARY = 3e6  # counts of a pseudobulk sample: some 1,000 cells


def of_toy(cell, pairs, seed):
    """The toy's answer from pseudobulk counts of PBMC, and the changes that it should find (log2)."""
    study = cohort(cases=pairs, controls=pairs).study()
    rng = np.random.default_rng(seed)
    profile, truth = {}, {}
    for name, one in study.cohort.samples.items():
        group = "ssc" if one.participant.startswith("S") else "ssc_control"
        visit = study.cohort.visit_of(one)
        state = latent.State(one.participant, visit.timepoint, visit.day, (group,), "F")
        expected = np.exp2(latent.expression(TOY, state, "pbmc", seed=seed))
        truth[group, visit.timepoint] = latent.effects(TOY, state, "pbmc", seed=seed)
        profile[name] = negative_binomial(rng, LIBRARY * rng.uniform(0.5, 2) * expected / expected.sum())
    changes = select_changes(study, cell)
    before, after = (np.array([profile[row[side].samples[0]] for row in changes.rows]) for side in (0, 1))
    moved = truth["ssc", "M12"] - truth["ssc", "D1"]
    if cell is BEYOND:
        moved = moved - (truth["ssc_control", "M12"] - truth["ssc_control", "D1"])
    return changes, compare_changes(before, after, changes), moved


@pytest.mark.parametrize(
    ("cell", "pairs", "power", "false"),
    [(WITHIN, 8, 0.3, 0.2), (BEYOND, 12, 0.2, 0.2), (WITHIN, 35, 0.9, 0.1), (BEYOND, 35, 0.8, 0.1)],
)
def test_what_is_planted_in_the_toy_is_found_in_counts(cell, pairs, power, false):
    """Few pairs have a level per participant, many a mixed model; two studies together.

    Wald tests of few pairs do not keep the false discovery rate where people vary as in the toy (log-normal).
    """
    found = wrong = planted = 0
    for seed in (1, 2):
        changes, columns, moved = of_toy(cell, pairs, seed)
        assert by_factors(changes) == (pairs < 35)
        discovered = columns["q_value"] < 0.05
        real = (moved != 0) & (columns["flag"] != LOW)
        assert (np.sign(columns["estimate"]) == np.sign(moved))[discovered & real].all()
        assert abs((columns["estimate"] - moved)[real].mean()) < 0.15
        found += (discovered & real).sum()
        wrong += (discovered & ~real).sum()
        planted += real.sum()
    assert found >= power * planted
    assert wrong <= false * (found + wrong)


def test_pasilla_is_answered_as_by_its_model():
    path = real_data("counts/pasilla") / "pasilla_gene_counts.tsv"
    lines = path.read_text().splitlines()
    samples = lines[0].split("\t")[1:]
    counts = np.array([line.split("\t")[1:] for line in lines[1:3000]], dtype=float)
    members = [
        Member(name, "reference" if name.startswith("un") else "case", (name,), "x", "b", "W1", 50.0, "F")
        for name in samples
    ]
    found = compare(counts.T, Comparison(tuple(members), {}, (), {}))
    tested = found["flag"] != LOW
    assert 0.4 < tested.mean() < 0.8
    design = two_groups("case", [member.role == "case" for member in members])
    fit = fit_counts(counts[tested], design, design.contrast({"case": 1.0}))
    np.testing.assert_allclose(found["p_value"][tested], fit.p_value)
    assert 80 < (found["q_value"] < 0.1).sum() < 400
