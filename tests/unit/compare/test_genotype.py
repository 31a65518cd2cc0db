"""Genotypes and allele fractions as result tables."""

import numpy as np
from cohorts import Cohorts

from scleromyomics.compare.genotype import compare_allele_fractions, compare_genotypes
from scleromyomics.plan.cells import Cell
from scleromyomics.plan.changes import select_changes
from scleromyomics.plan.contrasts import select
from scleromyomics.stats.genotype import exact_trend

RNG = np.random.default_rng(2)


def cohort(cases, controls, timepoints=("D1",), ages=False):
    made = Cohorts()
    for population, number in ((4, cases), (3, controls)):
        for index, name in enumerate(made.people(population, number)):
            if ages:
                made.change(name, age=40.0 + 7 * (index % 4))
            for timepoint in timepoints:
                made.sample(name, timepoint)
    return made.study()


def test_groups_are_compared_exactly_without_covariates_and_penalised_with():
    cell = Cell("ssc_vs_control_d1", "microarray", "pbmc", "")
    dosage = RNG.binomial(2, 0.3, (16, 6)).astype(float)
    dosage[:, 1], dosage[:, 2], dosage[0, 3] = 0, np.nan, np.nan
    plain, adjusted = (select(cohort(8, 8, ages=ages), cell) for ages in (False, True))
    case = np.array([one.role == "case" for one in plain.members])
    columns = compare_genotypes(dosage, np.full(6, 16), plain)
    assert columns["flag"].tolist() == ["", "does not vary", "not called", "missing values", "", ""]
    np.testing.assert_array_equal(columns["p_value"], exact_trend(dosage.T, case).p_value)
    other = compare_genotypes(dosage, np.full(6, 16), adjusted)
    np.testing.assert_allclose(other["estimate_unadjusted"], columns["estimate"], atol=1e-6)
    assert (other["p_value"][[0, 3]] != columns["p_value"][[0, 3]]).all()


def test_allele_fractions_are_those_of_pairs():
    changes = select_changes(cohort(6, 0, ("D1", "M12")), Cell("ssc_change_d1_m12", "microarray", "pbmc", ""))
    depth = np.full((2, 6, 4), 50.0)
    alt = RNG.binomial(50, 0.2, depth.shape).astype(float)
    alt[1, :, 0], alt[:, :, 1] = 35, 0
    depth[0, 0, 2] = alt[0, 0, 2] = 0
    depth[:, :, 3] = alt[:, :, 3] = 0
    columns = compare_allele_fractions(alt, depth, changes, rho=0.01)
    assert columns["flag"].tolist() == ["", "does not vary", "missing values", "not read"]
    assert columns["p_value"][0] < 1e-4
    assert columns["estimate"][0] > 1
    assert columns["n_pairs"].tolist() == [6, 6, 5, 0]
