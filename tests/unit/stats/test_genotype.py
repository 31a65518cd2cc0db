"""Exact tests and Firth's regression of genotypes: against scipy, R, and each other."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import fisher_exact

from scleromyomics.stats.design import Design, intercept
from scleromyomics.stats.genotype import exact_trend, firth_logistic

ROOT = Path(__file__).parents[3]
REFERENCE = ROOT / "tests" / "reference" / "genotype"


def differences(folder):
    """Largest difference from R: p-values relatively, the others in units of the standard error."""
    people, theirs = (
        np.genfromtxt(folder / name, names=True) for name in ("participants.tsv", "r_tests.tsv")
    )
    dosage = np.genfromtxt(folder / "dosage.tsv", delimiter="\t", missing_values="NA")
    case = people["case"] == 1
    design = Design(
        np.column_stack([np.ones(case.size), people["age"], people["sex"]]), ("intercept", "age", "sex")
    )
    ours = firth_logistic(dosage, case, design)
    p = {"fisher": exact_trend(np.minimum(dosage, 1), case), "trend": exact_trend(dosage, case)}
    found = {name: np.max(np.abs(test.p_value / theirs[name] - 1)) for name, test in p.items()}
    pairs = {"firth": ours.estimate, "se": ours.se}
    for name, values in pairs.items():
        found[name] = np.max(np.abs(values - theirs[name]) / theirs["se"])
    found["ratio"] = np.max(np.abs(ours.statistic - theirs["ratio"]))
    return found


TOLERANCE = {"fisher": 1e-9, "trend": 1e-9, "firth": 1e-6, "se": 1e-6}
TOLERANCE["ratio"] = 1e-6


def assert_equal_to_r(folder):
    found = differences(folder)
    assert all(found[name] <= limit for name, limit in TOLERANCE.items()), found


def test_equals_the_committed_values_of_r():
    assert_equal_to_r(REFERENCE)


@pytest.mark.r
@pytest.mark.slow
def test_equals_r_live_on_fresh_simulations(tmp_path):
    if not shutil.which("Rscript"):
        pytest.skip("Rscript is not on the PATH")
    packages = "library(brglm2); library(VGAM)"
    if subprocess.run(["Rscript", "-e", packages], capture_output=True, check=False).returncode:
        pytest.skip("R has no package brglm2 or VGAM")
    subprocess.run([sys.executable, REFERENCE / "make.py", tmp_path, "7"], check=True)
    assert_equal_to_r(tmp_path)


def test_carriers_are_tested_as_by_fisher():
    rng = np.random.default_rng(1)
    case = np.arange(30) < 12
    carrier = (rng.random((50, 30)) < rng.uniform(0.05, 0.6, (50, 1))).astype(float)
    carrier[0] = 0
    p = exact_trend(carrier, case).p_value
    assert np.isnan(p[0])
    for row, found in zip(carrier[1:] == 1, p[1:], strict=True):
        if np.isnan(found):
            assert row.all() or not row.any()
            continue
        table = [[(row & case).sum(), (row & ~case).sum()], [(~row & case).sum(), (~row & ~case).sum()]]
        assert found == pytest.approx(fisher_exact(table)[1], rel=1e-9)


def test_mid_p_is_smaller_and_coding_the_other_allele_changes_nothing():
    rng = np.random.default_rng(2)
    case = np.arange(24) < 10
    dosage = rng.binomial(2, 0.3, (40, 24)).astype(float)
    dosage[rng.random(dosage.shape) < 0.05] = np.nan
    found, other = exact_trend(dosage, case), exact_trend(2 - dosage, case)
    assert (found.mid_p < found.p_value).all()
    np.testing.assert_allclose(other.p_value, found.p_value, rtol=1e-9)
    turned, straight = (firth_logistic(x, case, intercept(24)) for x in (2 - dosage, dosage))
    np.testing.assert_allclose(turned.estimate, -straight.estimate, atol=1e-7)


def test_one_carrier_variant_has_the_estimate_of_half_a_person_added_to_each_cell():
    case = np.arange(20) < 8
    carrier = np.zeros((1, 20))
    carrier[0, [0, 1, 2, 3, 9]] = 1
    a, b, c, d = 4.5, 1.5, 4.5, 11.5
    found = firth_logistic(carrier, case, intercept(20))
    assert found.estimate[0] == pytest.approx(np.log(a * d / (b * c)), abs=1e-7)


def test_separation_gives_finite_estimates_and_intervals():
    case = np.arange(16) < 8
    found = firth_logistic(case[None].astype(float), case, intercept(16))
    assert np.isfinite([found.estimate[0], found.se[0], found.ci_low[0], found.ci_high[0]]).all()
    assert found.ci_low[0] > 0
    assert found.p_value[0] < 0.001


def test_what_cannot_be_estimated_is_nan():
    case = np.arange(12) < 6
    covariate = np.arange(12) % 2.0
    design = Design(np.column_stack([np.ones(12), covariate]), ("intercept", "sex"))
    rows = np.array([covariate, np.zeros(12), np.full(12, np.nan), np.where(case, np.arange(12) % 3, np.nan)])
    assert np.isnan(firth_logistic(rows, case, design).p_value).all()
    assert np.isnan(exact_trend(rows[1:], case).p_value).all()


def test_dosages_of_exact_tests_are_whole():
    with pytest.raises(ValueError, match="0, 1 or 2 copies"):
        exact_trend(np.full((1, 4), 0.5), np.arange(4) < 2)


def test_levels_are_kept_in_the_short_calibration():
    spec = importlib.util.spec_from_file_location(
        "calibration_genotype", ROOT / "benchmarks" / "calibration_genotype.py"
    )
    calibration = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(calibration)
    for row in calibration.genotype_rows(8, 12):
        assert row["type_1"] <= 0.05 + 4 * row["se"], row
    for row in calibration.fraction_rows(3, (8, 19), 0.02, 50):
        assert row["type_1"] <= 0.06 + 4 * row["se"], row
