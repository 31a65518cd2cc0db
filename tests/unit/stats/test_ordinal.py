"""Proportional odds: equal to R's polr and vglm without the prior; finite, and at its level, with it."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scleromyomics.stats.ordinal import fit_odds

REFERENCE = Path(__file__).parents[2] / "reference" / "ordinal"
CASES = sorted(path.parent.name for path in REFERENCE.glob("*/polr.tsv"))
# of a standard error, or relative: what the optimisers of polr and vglm leave; polr's standard errors come from
# a numerical second derivative
TOLERANCE = {"vglm": 2e-6, "estimate": 5e-6, "se": 5e-5, "p_likelihood": 1e-9}


def assert_equal_to_polr(folder):
    people = np.loadtxt(folder / "participants.tsv", skiprows=1)
    values = np.genfromtxt(folder / "values.tsv", delimiter="\t")
    theirs = np.genfromtxt(folder / "polr.tsv", names=True)
    ours = fit_odds(
        values,
        people.reshape(values.shape[1], -1)[:, 0].astype(int),
        people.reshape(values.shape[1], -1)[:, 1:],
        prior=0,
    )
    found = {
        "vglm": np.abs(ours.estimate - theirs["vglm"]) / theirs["se"],
        "estimate": np.abs(ours.estimate - theirs["estimate"]) / theirs["se"],
        "se": np.abs(ours.se / theirs["se"] - 1),
        "p_likelihood": np.abs(ours.p_likelihood / theirs["p_likelihood"] - 1),
    }
    assert all(found[name].max() <= limit for name, limit in TOLERANCE.items()), (
        folder.name,
        {name: difference.max() for name, difference in found.items()},
    )


def simulated(*, n=20, features=200, levels=4, seed=1, effect=0.0):
    rng = np.random.default_rng(seed)
    covariates = np.column_stack([rng.normal(50, 10, n), np.arange(n) % 2])
    x = rng.normal(8, 1, (features, n))
    outcome = np.argsort(np.argsort(effect * (x[0] - 8) + rng.logistic(size=n))) * levels // n
    return x, outcome, covariates


def test_every_case_has_committed_values():
    assert CASES == ["four_levels", "missing", "no_covariates", "two_levels"]


@pytest.mark.parametrize("case", CASES)
def test_without_the_prior_equals_the_committed_polr_and_vglm(case):
    assert_equal_to_polr(REFERENCE / case)


@pytest.mark.r
@pytest.mark.slow
def test_equals_polr_and_vglm_live_on_fresh_simulations(tmp_path):
    if not shutil.which("Rscript"):
        pytest.skip("Rscript is not on the PATH")
    check = ["Rscript", "-e", "library(MASS); library(VGAM)"]
    if subprocess.run(check, capture_output=True, check=False).returncode:
        pytest.skip("R has no package MASS or VGAM")
    subprocess.run([sys.executable, REFERENCE / "make.py", tmp_path, "20", "40"], check=True)
    for case in CASES:
        assert_equal_to_polr(tmp_path / case)


def test_a_feature_that_separates_the_levels_is_flagged_and_its_estimate_finite():
    x, outcome, covariates = simulated()
    x[0], x[1] = outcome + 0.1 * np.arange(outcome.size) / outcome.size, -outcome
    fit = fit_odds(x, outcome, covariates)
    assert fit.separated.tolist()[:2] == [True, True]
    assert not fit.separated[2:].any()
    assert fit.estimate[0] > 0 > fit.estimate[1]
    assert np.abs(fit.estimate[:2]).max() < 50
    assert (fit.p_value[:2] < 1e-4).all()


def test_a_covariate_that_separates_the_levels_leaves_everything_finite():
    x, outcome, _ = simulated(levels=2)
    fit = fit_odds(x, outcome, np.column_stack([outcome, outcome]))
    assert np.isfinite(fit.estimate).all()
    assert fit.separated.all()


def test_missing_values_are_left_out_exactly():
    x, outcome, covariates = simulated()
    holes = x.copy()
    holes[3, [2, 5, 11]] = np.nan
    kept = np.delete(np.arange(outcome.size), [2, 5, 11])
    fit, alone = (
        fit_odds(holes, outcome, covariates, prior=0),
        fit_odds(x[:, kept], outcome[kept], covariates[kept], prior=0),
    )
    for name in ("estimate", "se", "statistic", "df", "p_value", "p_likelihood", "n"):
        np.testing.assert_allclose(getattr(fit, name)[3], getattr(alone, name)[3], rtol=1e-7, err_msg=name)
    whole = fit_odds(x, outcome, covariates, prior=0)
    np.testing.assert_allclose(np.delete(fit.p_value, 3), np.delete(whole.p_value, 3), rtol=1e-9)


def test_units_and_offsets_of_the_feature_change_the_estimate_by_their_factor_alone():
    x, outcome, covariates = simulated(effect=2.0)
    one, other = fit_odds(x, outcome, covariates), fit_odds(1000 * x - 3, outcome, covariates)
    np.testing.assert_allclose(other.estimate * 1000, one.estimate, rtol=1e-7)
    np.testing.assert_allclose(other.p_value, one.p_value, rtol=1e-7)


def test_reversed_levels_reverse_the_sign():
    x, outcome, covariates = simulated(effect=2.0)
    one, other = fit_odds(x, outcome, covariates), fit_odds(x, 3 - outcome, covariates)
    np.testing.assert_allclose(other.estimate, -one.estimate, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(other.p_value, one.p_value, rtol=1e-6)


def test_levels_nobody_is_in_and_redundant_covariates_change_nothing():
    x, outcome, covariates = simulated()
    one = fit_odds(x, outcome, covariates)
    other = fit_odds(
        x, outcome * 2 + 1, np.column_stack([np.ones(outcome.size), covariates, covariates.sum(axis=1)])
    )
    np.testing.assert_allclose(other.p_value, one.p_value, rtol=1e-6)
    np.testing.assert_allclose(other.df, one.df)


def test_the_prior_shrinks_and_a_planted_effect_is_found():
    x, outcome, covariates = simulated(n=60, effect=2.0)
    raw, fit = fit_odds(x, outcome, covariates, prior=0), fit_odds(x, outcome, covariates)
    assert np.abs(fit.estimate).mean() < np.abs(raw.estimate).mean()
    assert abs(fit.estimate[0]) < abs(raw.estimate[0])
    assert abs(fit.estimate[0] - 2.0) < 3 * fit.se[0]
    assert fit.p_value[0] < 1e-4


def test_what_cannot_be_fitted_is_nan():
    x, outcome, covariates = simulated()
    x[0] = 8.0
    x[1] = np.nan
    x[2, outcome > 0] = np.nan
    fit = fit_odds(x, outcome, covariates)
    assert np.isnan(fit.estimate[:3]).all()
    assert np.isnan(fit.p_value[:3]).all()
    assert np.isfinite(fit.p_value[3:]).all()
    assert not fit.separated[:3].any()


@pytest.mark.parametrize("n", [8, 12, 20])
def test_the_score_test_keeps_its_level_in_small_groups(n):
    rates = []
    for seed in range(30):
        x, outcome, covariates = simulated(n=n, features=200, seed=seed)
        rates.append((fit_odds(x, outcome, covariates).p_value <= 0.05).mean())
    assert abs(np.mean(rates) - 0.05) < 4 * np.std(rates) / np.sqrt(len(rates)) + 0.003


def test_shapes_and_infinite_values_are_refused():
    x, outcome, covariates = simulated()
    with pytest.raises(ValueError, match="20 outcomes"):
        fit_odds(x[:, :5], outcome, covariates)
    x[0, 0] = np.inf
    with pytest.raises(ValueError, match="infinite values"):
        fit_odds(x, outcome, covariates)
