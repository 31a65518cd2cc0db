"""Compositions as result tables."""

import numpy as np
from cohorts import Cohorts

from scleromyomics.compare.composition import UNRELIABLE, compare_composition, compare_composition_changes
from scleromyomics.plan.cells import Cell
from scleromyomics.plan.changes import select_changes
from scleromyomics.plan.contrasts import select
from scleromyomics.stats.composition import compare_types, log_counts

TYPES = 10
RNG = np.random.default_rng(1)


def cohort(cases, controls, timepoints=("D1",)):
    made = Cohorts()
    for population, number in ((4, cases), (3, controls)):
        for name in made.people(population, number):
            for timepoint in timepoints:
                made.sample(name, timepoint)
    return made.study()


def test_groups_are_compared_and_a_type_never_seen_keeps_its_row():
    comparison = select(cohort(8, 8), Cell("ssc_vs_control_d1", "microarray", "pbmc", ""))
    case = np.array([one.role == "case" for one in comparison.members])
    counts = RNG.poisson(RNG.lognormal(5, 0.3, (16, TYPES))).astype(float)
    counts[case, 0] *= 4
    counts[:, 1] = 0
    columns = compare_composition(counts, comparison)
    assert columns["flag"].tolist() == ["", "not seen", *[""] * (TYPES - 2)]
    assert columns["q_value"][0] < 0.05
    assert columns["n_case"][0] == columns["n_reference"][0] == 8
    direct = compare_types(log_counts(counts.T), comparison.design, comparison.contrast)
    np.testing.assert_allclose(columns["estimate"], direct.estimate)


def test_few_participants_are_told_unless_a_reference_is_declared():
    comparison = select(cohort(3, 3), Cell("ssc_vs_control_d1", "microarray", "pbmc", ""))
    counts = RNG.poisson(200, (6, TYPES)).astype(float)
    assert set(compare_composition(counts, comparison)["flag"]) == {UNRELIABLE}
    declared = compare_composition(counts, comparison, reference=2)
    assert set(declared["flag"]) == {"", "reference type"}


def test_changes_are_those_of_pairs():
    changes = select_changes(cohort(6, 0, ("D1", "M12")), Cell("ssc_change_d1_m12", "microarray", "pbmc", ""))
    before, after = RNG.poisson(300, (2, 6, TYPES)).astype(float)
    after[:, 0] *= 4
    columns = compare_composition_changes(before, after, changes)
    assert columns["p_value"][0] < 0.001
    assert set(columns["n_pairs"]) == {6}
    np.testing.assert_array_equal(columns["p_pairs"], columns["p_value"])
