"""Changes within participants: what is compared, and that the numbers are those of the whole model."""

import numpy as np
import pytest
from cohorts import Cohorts

from scleromyomics.compare.changes import APART, PAIRED, compare_changes, disagreement
from scleromyomics.compare.tested import MIXED
from scleromyomics.plan.cells import Cell
from scleromyomics.plan.changes import is_within, select_changes
from scleromyomics.plan.verdicts import planned_verdicts
from scleromyomics.stats.design import Design
from scleromyomics.stats.linear import fit_contrast
from scleromyomics.stats.moderation import moderated_t

FEATURES = 300
EFFECT = 2.0
MOVED = slice(0, 5)
WITHIN = Cell("ssc_change_d1_m12", "microarray", "pbmc", "")
BEYOND = Cell("ssc_change_vs_control_d1_m12", "microarray", "pbmc", "")


def cohort(*, cases=8, controls=0, earlier=("b1",), later=("b1",)):
    """People with blood at D1 and M12; batches are given out in turn."""
    made = Cohorts()
    for population, number in ((4, cases), (3, controls)):
        for index, name in enumerate(made.people(population, number)):
            made.sample(name, "D1", batch=earlier[index % len(earlier)])
            made.sample(name, "M12", batch=later[index % len(later)])
    return made


def values(study, *, batch_shift=0.0, seed=1):
    """A profile per sample: a person's own level, noise, the batch b2's shift, and the cases' change at M12."""
    rng = np.random.default_rng(seed)
    own = {name: rng.normal(8, 1, FEATURES) for name in study.cohort.participants}
    found = {}
    for name, one in study.cohort.samples.items():
        profile = own[one.participant] + rng.normal(0, 0.3, FEATURES) + batch_shift * (one.batch == "b2")
        if one.participant.startswith("S") and study.cohort.visit_of(one).timepoint == "M12":
            profile[MOVED] += EFFECT
        found[name] = profile
    return found


def answer(study, cell, found):
    changes = select_changes(study, cell)

    def profiles(units):
        return np.array([np.mean([found[name] for name in unit.samples], axis=0) for unit in units])

    before, after = (profiles([row[side] for row in changes.rows]) for side in (0, 1))
    return changes, *compare_changes(before, after, profiles(changes.repeated.units), changes)


def test_a_mean_change_is_the_moderated_paired_test():
    study = cohort().study()
    found = values(study)
    changes, columns, method = answer(study, WITHIN, found)
    assert method == PAIRED
    differences = np.array([found[a.samples[0]] - found[b.samples[0]] for b, a in changes.complete])
    n = len(differences)
    ordinary = moderated_t(
        differences.mean(axis=0),
        np.full(FEATURES, n**-0.5),
        differences.var(axis=0, ddof=1),
        np.full(FEATURES, n - 1.0),
    )
    np.testing.assert_allclose(columns["estimate"], differences.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(columns["p_value"], ordinary.p_value, rtol=1e-9)
    assert set(columns["n_pairs"]) == {8}
    assert set(columns["n_reference"]) == {0}


def test_estimates_are_those_of_a_model_with_a_column_per_participant():
    """Batches vary within and between people; the reference model knows nothing of pairs."""
    study = cohort(cases=7, controls=6, earlier=("b1", "b2", "b1"), later=("b2", "b2", "b1")).study()
    found = values(study, batch_shift=1.0)
    _, columns, _ = answer(study, BEYOND, found)
    samples = list(study.cohort.samples.values())
    people = sorted({one.participant for one in samples})
    matrix = np.array(
        [
            [
                *(one.participant == name for name in people),
                later := study.cohort.visit_of(one).timepoint == "M12",
                later and one.participant.startswith("S"),
                one.batch == "b2",
            ]
            for one in samples
        ],
        dtype=float,
    )
    design = Design(matrix, (*people, "later", "case", "batch"))
    fit = fit_contrast(
        np.array([found[one.sample] for one in samples]).T, design, design.contrast({"case": 1.0})
    )
    np.testing.assert_allclose(columns["estimate"], fit.estimate, atol=1e-10)


def test_a_planted_change_is_found_and_the_controls_change_is_subtracted():
    study = cohort(cases=20, controls=20, later=("b2",)).study()
    _, columns, _ = answer(study, BEYOND, values(study, batch_shift=3.0))
    assert np.abs(columns["estimate"][MOVED] - EFFECT).max() < 0.6
    assert np.abs(columns["estimate"][5:]).mean() < 0.3
    assert (columns["q_value"][MOVED] < 0.05).all()


def test_time_in_another_batch_is_skipped_and_bridges_make_it_an_answer():
    made = cohort(cases=8, later=("b2",))
    verdicts = {one.cell: one for one in planned_verdicts(made.study())}
    assert verdicts[WITHIN].verdict == "SKIP"
    for name in list(made.participants)[:4]:
        made.sample(name, "D1", batch="b2", bridge=f"{name}_D1_pbmc_microarray_1")
    study = made.study()
    assert {one.cell: one for one in planned_verdicts(study)}[WITHIN].verdict != "SKIP"
    changes, columns, _ = answer(study, WITHIN, values(study, batch_shift=3.0))
    assert len(changes.rows) == len(changes.complete) + 4
    assert np.abs(columns["estimate"][MOVED] - EFFECT).max() < 1.0
    assert np.abs(columns["estimate"][5:].mean()) < 0.1


def test_a_missing_visit_leaves_the_pair_out_and_a_missing_value_the_pair_of_its_feature():
    made = cohort(cases=6)
    del made.samples["S003_M12_pbmc_microarray_1"]
    study = made.study()
    found = values(study)
    found["S001_D1_pbmc_microarray_1"][0] = np.nan
    changes, columns, method = answer(study, WITHIN, found)
    assert method == MIXED
    assert len(changes.complete) == 5
    assert columns["n_pairs"][0] == 4
    assert set(columns["n_pairs"][1:]) == {5}


def test_kinds_between_and_within_are_told_apart():
    library = {one.id: is_within(one) for one in cohort().study().protocol.questions}
    assert library["ssc_sclerotic_vs_healthy_skin"]
    assert not library["ssc_sclerotic_vs_control_skin"]
    assert not library["ssc_vs_control_d1"]
    with pytest.raises(ValueError, match="ssc_mrss: a association question is not one within participants"):
        select_changes(cohort().study(), Cell("ssc_mrss", "microarray", "pbmc", ""))


def test_null_changes_are_found_at_the_nominal_rate():
    """40 studies of 6 + 6 people, 300 features each: 0.05 within four standard errors of its mean."""
    rates = []
    for seed in range(40):
        study = cohort(cases=6, controls=6, later=("b2",)).study()
        found = values(study, batch_shift=1.0, seed=seed)
        _, columns, _ = answer(study, BEYOND, found)
        rates.append(np.mean(columns["p_value"][5:] < 0.05))
    assert abs(np.mean(rates) - 0.05) < 4 * np.std(rates) / np.sqrt(len(rates)) + 1e-3


def test_single_profiles_sharpen_the_answer_and_the_complete_pairs_stand_beside():
    made = cohort(cases=9)
    for name in ("S001", "S002", "S003"):
        del made.samples[f"{name}_M12_pbmc_microarray_1"]
    study = made.study()
    changes, columns, method = answer(study, WITHIN, values(study))
    assert method == MIXED
    assert set(columns["n_pairs"]) == {6}
    assert set(columns["n_case"]) == {9}
    assert set(columns["n_samples"]) == {15}
    full = cohort(cases=9)
    for name in ("S001", "S002", "S003"):
        del full.participants[name], full.samples[f"{name}_M12_pbmc_microarray_1"]
        del full.samples[f"{name}_D1_pbmc_microarray_1"]
        del full.visits[name, "D1"], full.visits[name, "M12"]
    alone_study = full.study()
    found = values(study)
    _, alone, paired = answer(alone_study, WITHIN, found)
    assert paired == PAIRED
    np.testing.assert_allclose(columns["estimate_pairs"], alone["estimate"], rtol=1e-12)
    np.testing.assert_allclose(columns["p_pairs"], alone["p_value"], rtol=1e-12)
    assert len(changes.repeated.units) == 15


def test_bridges_make_the_raw_change_estimable_for_the_mixed_model_too():
    made = cohort(cases=10, later=("b2",))
    for name in list(made.participants)[:5]:
        made.sample(name, "D1", batch="b2", bridge=f"{name}_D1_pbmc_microarray_1")
    del made.samples["S010_M12_pbmc_microarray_1"]
    study = made.study()
    _, columns, method = answer(study, WITHIN, values(study, batch_shift=3.0))
    assert method == MIXED
    assert np.abs(columns["estimate"][MOVED] - EFFECT).max() < 1.0
    assert np.abs(columns["estimate"][5:].mean()) < 0.1


def test_estimates_that_disagree_are_flagged():
    mixed = {"estimate": np.array([1.0, 1.0, 0.1, 1.0]), "p_value": np.array([0.01, 0.2, 0.5, 0.01])}
    pairs = {
        "estimate": np.array([-0.2, 1.1, -0.1, 1.0 + 2 * APART * 0.4]),
        "p_value": np.array([0.5, 0.1, 0.6, 0.01]),
        "se": np.full(4, 0.4),
    }
    assert disagreement(mixed, pairs).tolist() == [
        "complete pairs have the opposite sign",
        "",
        "",
        "complete pairs differ by more than a standard error",
    ]
