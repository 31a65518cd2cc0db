"""Log-ratios of compositions: the estimand is named and kept, and the level while one type triples."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from scleromyomics.stats.composition import compare_types, log_counts
from scleromyomics.stats.design import two_groups

PATH = Path(__file__).parents[3] / "benchmarks" / "calibration_composition.py"
CASE = np.arange(16) < 8


def counts(seed=1, types=10):
    rng = np.random.default_rng(seed)
    share = rng.uniform(50, 2000, (types, 1)) * rng.lognormal(0, 0.3, (types, 16))
    share[0] *= np.where(CASE, 3, 1)
    return rng.poisson(share).astype(float)


def answer(logs, **options):
    design = two_groups("case", CASE)
    return compare_types(logs, design, design.contrast({"case": 1.0}), **options)


def test_one_type_that_triples_moves_no_other():
    found = answer(log_counts(counts()))
    assert found.p_value[0] < 1e-4
    assert found.estimate[0] == pytest.approx(np.log2(3), abs=0.6)
    assert np.abs(found.estimate[1:].mean()) < 0.15


def test_the_total_of_a_sample_changes_nothing():
    logs = log_counts(counts())
    shifted = logs + np.linspace(-3, 3, 16)
    for options in ({}, {"reference": 4}):
        first, second = answer(logs, **options), answer(shifted, **options)
        np.testing.assert_allclose(second.estimate, first.estimate, atol=1e-5)
        np.testing.assert_allclose(second.se, first.se, atol=1e-5)


def test_a_declared_reference_is_an_ordinary_t_test_of_log_ratios():
    from scipy.stats import ttest_ind

    logs = log_counts(counts())
    found = answer(logs, reference=2)
    assert np.isnan(found.p_value[2])
    ratio = logs[5] - logs[2]
    assert found.p_value[5] == pytest.approx(ttest_ind(ratio[CASE], ratio[~CASE]).pvalue, rel=1e-9)


def test_types_never_seen_and_empty_samples_are_missing():
    values = counts()
    values[3], values[:, 2] = 0, 0
    found = answer(log_counts(values))
    assert np.isnan(found.p_value[3])
    assert np.isfinite(np.delete(found.p_value, 3)).all()
    assert found.df[0] == 13


@pytest.fixture(scope="module")
def calibration():
    spec = importlib.util.spec_from_file_location("calibration_composition", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("comparison", ["between", "paired", "mixed"])
def test_unchanged_types_keep_their_level_and_the_plain_ratio_does_not(calibration, comparison):
    rows = {row["estimand"]: row for row in calibration.row(comparison, 8, 9, 60)}
    for estimand in ("mode", "reference"):
        assert abs(rows[estimand]["type_1"] - 0.05) <= 4 * rows[estimand]["se"] + 0.005, rows[estimand]
    if comparison == "paired":
        assert rows["centred"]["type_1"] > rows["mode"]["type_1"]
