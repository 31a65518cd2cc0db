"""voom, TMM and the filter of genes: equal to limma 3.54 and edgeR 3.40; mixed models of counts."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scleromyomics.stats.counts import (
    PAIRS_BY_FACTORS,
    change_columns,
    enough_counts,
    fit_counts,
    paired_design,
)
from scleromyomics.stats.design import Design, intercept, two_groups
from scleromyomics.stats.linear import fit_contrast
from scleromyomics.stats.mixed import moderated_contrast
from scleromyomics.stats.voom import fit_voom_mixed, lowess, tmm_factors, voom

REFERENCE = Path(__file__).parents[2] / "reference" / "voom"
CASES = sorted(path.parent.name for path in REFERENCE.glob("*/voom.tsv"))
TOLERANCE = 1e-11  # relative; R's values have 15 digits


def assert_equal_to_r(folder):
    counts = np.loadtxt(folder / "counts.tsv")
    matrix, groups = (np.loadtxt(folder / f"{name}.tsv", skiprows=1) for name in ("design", "groups"))
    theirs, samples = np.loadtxt(folder / "voom.tsv"), counts.shape[1]
    ours = voom(counts, Design(matrix, tuple(f"c{k}" for k in range(matrix.shape[1]))))
    np.testing.assert_allclose(tmm_factors(counts), np.loadtxt(folder / "factors.tsv"), rtol=TOLERANCE)
    np.testing.assert_allclose(ours.values, theirs[:, 1 : samples + 1], rtol=TOLERANCE, atol=TOLERANCE)
    np.testing.assert_allclose(ours.weights, theirs[:, samples + 1 :], rtol=TOLERANCE)
    assert np.array_equal(enough_counts(counts, groups.astype(str).tolist()), theirs[:, 0] == 1)


def test_every_case_has_committed_values():
    assert len(CASES) == 3


@pytest.mark.parametrize("case", CASES)
def test_equals_the_committed_values_of_r(case):
    assert_equal_to_r(REFERENCE / case)


@pytest.mark.r
@pytest.mark.slow
def test_equals_r_live_on_fresh_simulations(tmp_path):
    if not shutil.which("Rscript"):
        pytest.skip("Rscript is not on the PATH")
    if subprocess.run(["Rscript", "-e", "library(edgeR)"], capture_output=True, check=False).returncode:
        pytest.skip("R has no package edgeR")
    subprocess.run([sys.executable, REFERENCE / "make.py", tmp_path, "30", "2000"], check=True)
    for case in CASES:
        assert_equal_to_r(tmp_path / case)


def test_lowess_follows_a_straight_line_and_ignores_a_few_outliers():
    x = np.random.default_rng(1).normal(size=500)
    y = 1 + 2 * x
    y[::50] += 10
    at, curve = lowess(x, y)
    np.testing.assert_allclose(curve, 1 + 2 * at, atol=1e-6)


def test_a_library_counted_twice_as_deep_needs_no_other_factor():
    counts = np.random.default_rng(1).poisson(100, (500, 1)) * np.array([1.0, 2.0, 4.0])
    np.testing.assert_allclose(tmm_factors(counts), 1.0, atol=1e-9)


def test_weights_grow_with_counts_and_lie_in_no_unit():
    rng = np.random.default_rng(1)
    counts = rng.poisson(np.exp(rng.uniform(1, 8, (500, 1))), (500, 8)).astype(float)
    weights = voom(counts, intercept(8)).weights.mean(axis=1)
    level = counts.mean(axis=1)
    assert weights[level > 1000].mean() > 5 * weights[level < 10].mean()


def test_without_residual_degrees_of_freedom_there_is_no_trend():
    with pytest.raises(ValueError, match="0 residual degrees of freedom"):
        voom(np.full((10, 2), 5.0), two_groups("case", [0, 1]))


def pairs(people, *, features=400, effect=1.0, seed=1):
    """Counts of people at two visits, cases and references; the first 20 features of cases move by `effect`."""
    rng = np.random.default_rng(seed)
    participant, later = np.divmod(np.arange(2 * people), 2)
    case = participant % 2
    own = rng.normal(0, 0.5, (features, people))[:, participant]
    moved = (np.arange(features) < 20)[:, None] * effect * later * case
    mu = np.exp(rng.normal(np.log(200), 0.7, (features, 1))) * np.exp2(own + moved)
    return rng.poisson(rng.gamma(20, mu / 20)).astype(float), [f"P{k:03d}" for k in participant], later, case


def test_more_pairs_than_levels_are_worth_are_answered_by_a_mixed_model():
    counts, people, later, case = pairs(2 * PAIRS_BY_FACTORS)
    design, contrast = change_columns(later, case)
    fit = fit_voom_mixed(counts, design, [contrast], people)
    tests = moderated_contrast(fit, 0)
    assert abs(fit.estimate[0][:20].mean() - 1.0) < 0.15
    assert (tests.p_value[:20] < 0.01).mean() > 0.9
    assert 0.02 < (tests.p_value[20:] < 0.05).mean() < 0.08


def test_the_mixed_model_and_levels_per_participant_agree():
    counts, people, later, case = pairs(24)
    design, contrast = change_columns(later, case)
    mixed = fit_voom_mixed(counts, design, [contrast], people).estimate[0]
    levels = fit_counts(counts, *paired_design(people, later, case)).estimate
    assert np.corrcoef(mixed, levels)[0, 1] > 0.98


def test_groups_with_repeated_visits_keep_their_level_where_visits_as_people_do_not():
    """The difference between groups, 3 visits each: the random intercept is what keeps the level."""
    rng = np.random.default_rng(1)
    participant = np.repeat(np.arange(16), 3)
    own = rng.normal(0, 0.5, (1000, 16))[:, participant]
    counts = rng.poisson(rng.gamma(20, 200 * np.exp2(own) / 20)).astype(float)
    design = two_groups("case", participant % 2)
    contrast = design.contrast({"case": 1.0})
    tests = moderated_contrast(fit_voom_mixed(counts, design, [contrast], participant), 0)
    assert 0.03 < (tests.p_value < 0.05).mean() < 0.07
    ready = voom(counts, design)
    naive = fit_contrast(ready.values, design, contrast, weights=ready.weights)
    assert (np.abs(naive.estimate / naive.unscaled / np.sqrt(naive.variance)) > 2).mean() > 0.15
