"""Enrichment against limma's camera and cameraPR (committed beside their script, and live), and by its properties."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.stats import norm, t, ttest_ind

from scleromyomics.stats.design import Design, combine, factor, intercept, residual_df
from scleromyomics.stats.gene_sets import CORRELATION, camera, correlations, unit_residuals, z_scores
from scleromyomics.stats.linear import fit_contrast
from scleromyomics.stats.moderation import moderated_t
from scleromyomics.stats.multiplicity import benjamini_hochberg

REFERENCE = Path(__file__).parents[2] / "reference" / "camera"
RELATIVE = 1e-10
LEVEL = 0.05


def assert_equal_with_known_correlation(folder):
    given = np.genfromtxt(folder / "statistics.tsv", names=True)
    sets, genes = np.loadtxt(folder / "sets.tsv", skiprows=1, dtype=int).T - 1
    theirs = np.genfromtxt(folder / "camera.tsv", names=True)
    z = z_scores(given["statistic"], given["df"])
    np.testing.assert_allclose(z, np.loadtxt(folder / "z.tsv", skiprows=1), rtol=RELATIVE, atol=RELATIVE)
    membership = csr_array((np.ones(sets.size), (sets, genes)), (sets.max() + 1, z.size))
    for correlation in np.unique(theirs["correlation"]):
        rows = theirs[theirs["correlation"] == correlation]
        ours = camera(z, membership, correlation=correlation)
        assert np.array_equal(ours.size, rows["size"])
        assert np.array_equal(ours.estimate > 0, rows["up"] == 1)
        np.testing.assert_allclose(ours.p_value, rows["p_value"], rtol=RELATIVE)
        np.testing.assert_allclose(benjamini_hochberg(ours.p_value), rows["q_value"], rtol=RELATIVE)


def assert_equal_with_estimated_correlation(folder):
    """Correlations and, from limma's z-scores, p-values; from ours, which are exact, p-values within 1 %."""
    values = np.loadtxt(folder / "values.tsv")
    given = np.genfromtxt(folder / "design.tsv", names=True)
    design = Design(np.column_stack([given[name] for name in given.dtype.names]), given.dtype.names)
    sets, genes = np.loadtxt(folder / "sets.tsv", skiprows=1, dtype=int).T - 1
    membership = csr_array((np.ones(sets.size), (sets, genes)), (sets.max() + 1, len(values)))
    theirs = np.genfromtxt(folder / "estimated.tsv", names=True)
    found = correlations(unit_residuals(values, design), membership)
    np.testing.assert_allclose(found, theirs["correlation"], rtol=RELATIVE, atol=RELATIVE)
    fit = fit_contrast(values, design, design.contrast({"case": 1}))
    test = moderated_t(fit.estimate, fit.unscaled, fit.variance, fit.df)
    exact, hill = z_scores(test.statistic, test.df), np.loadtxt(folder / "estimated_z.tsv", skiprows=1)
    for z, tolerance in ((hill, RELATIVE), (exact, 0.01)):
        ours = camera(z, membership, correlation=np.fmax(found, 0), df=residual_df(design))
        np.testing.assert_allclose(ours.p_value, theirs["p_value"], rtol=tolerance)


def assert_equal_to_limma(folder):
    assert_equal_with_known_correlation(folder)
    assert_equal_with_estimated_correlation(folder)


def test_equals_the_committed_limma_values():
    assert_equal_to_limma(REFERENCE)


@pytest.mark.r
def test_equals_limma_live_on_fresh_simulations(tmp_path):
    if not shutil.which("Rscript"):
        pytest.skip("Rscript is not on the PATH")
    if subprocess.run(["Rscript", "-e", "library(limma)"], capture_output=True, check=False).returncode:
        pytest.skip("R has no package limma")
    subprocess.run([sys.executable, REFERENCE / "make.py", tmp_path, "20", "5000"], check=True)
    assert_equal_to_limma(tmp_path)


@pytest.fixture
def table():
    """Statistics of 300 genes and 8 sets of 20, one of which moves."""
    rng = np.random.default_rng(5)
    statistics = rng.normal(size=300)
    statistics[:20] += 1
    return statistics, np.repeat(np.eye(15, 300 // 20)[:8], 20, axis=1)


def test_without_correlation_it_is_the_t_test_of_independent_genes(table):
    statistics, membership = table
    ours = camera(statistics, membership, correlation=0)
    for row, members in enumerate(membership.astype(bool)):
        theirs = ttest_ind(statistics[members], statistics[~members])
        assert ours.p_value[row] == pytest.approx(theirs.pvalue)
        assert ours.estimate[row] == pytest.approx(statistics[members].mean() - statistics[~members].mean())


def test_sparse_and_dense_memberships_agree(table):
    statistics, membership = table
    dense, sparse = (camera(statistics, one, correlation=0.01) for one in (membership, csr_array(membership)))
    np.testing.assert_allclose(dense.p_value, sparse.p_value, rtol=1e-12)


@pytest.fixture
def profiles():
    """Thirty profiles of 40 genes in three groups, which share a factor; and their design."""
    rng = np.random.default_rng(7)
    groups = np.repeat(["a", "b", "c"], 10)
    return rng.normal(size=(40, 30)) + rng.normal(size=30), combine(intercept(30), factor("group", groups))


def test_the_estimate_is_the_mean_of_the_pairwise_correlations(profiles):
    Y, design = profiles
    residuals = unit_residuals(Y, design)
    centred = Y - np.repeat(Y.reshape(40, 3, 10).mean(axis=2), 10, axis=1)
    pairs = np.corrcoef(centred)[np.triu_indices(40, 1)]
    assert correlations(residuals, np.ones((1, 40))) == pytest.approx(pairs.mean())


def test_neither_groups_nor_scales_move_the_estimate(profiles):
    Y, design = profiles
    rng = np.random.default_rng(8)
    moved = rng.uniform(0.1, 5, (40, 1)) * (Y + np.repeat(rng.normal(size=(40, 3)), 10, axis=1))
    sets = np.repeat(np.eye(2), 20, axis=1)
    assert correlations(unit_residuals(moved, design), sets) == pytest.approx(
        correlations(unit_residuals(Y, design), sets)
    )


def test_a_constant_gene_has_no_residual_and_one_gene_no_correlation(profiles):
    Y, design = profiles
    Y[0] = 3.1
    residuals = unit_residuals(Y, design)
    assert not residuals[0].any()
    assert np.linalg.norm(residuals[1:], axis=1) == pytest.approx(1)
    assert np.isnan(correlations(residuals, np.eye(2, 40))).all()


def test_fewer_degrees_of_freedom_give_larger_p_values(table):
    statistics, membership = table
    few, many = (camera(statistics, membership, correlation=0.1, df=df).p_value for df in (5, 50))
    assert (few > many).all()
    unlimited = camera(statistics, membership, correlation=0.1).p_value
    assert unlimited == pytest.approx(camera(statistics, membership, correlation=0.1, df=298).p_value)


def test_the_sign_of_the_statistics_turns_the_estimates_only(table):
    statistics, membership = table
    up, down = (camera(sign * statistics, membership, correlation=0.01) for sign in (1, -1))
    np.testing.assert_allclose(up.estimate, -down.estimate)
    np.testing.assert_allclose(up.p_value, down.p_value)


def test_a_z_score_has_the_tail_of_its_t():
    values, df = np.array([-40.0, -2.0, 0.0, 0.5, 12.0]), np.array([3.0, 4.0, 5.0, 100.0, 7.0])
    np.testing.assert_allclose(norm.logsf(z_scores(values, df)), t.logsf(values, df), rtol=1e-9)


def test_a_statistic_without_degrees_of_freedom_is_a_z_score_already():
    values = np.array([1.5, -50.0, np.nan])
    assert z_scores(values, np.array([np.inf, np.nan, 5.0])) == pytest.approx(values, nan_ok=True)


def test_an_extreme_statistic_keeps_a_finite_score():
    assert z_scores(np.array([-1e6, 1e6]), np.array([900.0, 900.0])) == pytest.approx([-37.5, 37.5], abs=0.1)


def test_sets_of_correlated_genes_keep_the_level_when_their_correlation_is_estimated():
    """And not with the preset: 3,000 null sets of 20 genes that correlate by 0.1, in 8 + 8 profiles."""
    rng = np.random.default_rng(6)
    membership = csr_array(np.repeat(np.eye(30), 20, axis=1))
    design = combine(intercept(16), factor("group", np.repeat(["a", "b"], 8)))
    rates = []
    for _ in range(100):
        Y = np.sqrt(0.9) * rng.normal(size=(600, 16)) + np.sqrt(0.1) * np.repeat(
            rng.normal(size=(30, 16)), 20, 0
        )
        fit = fit_contrast(Y, design, design.contrast({"group[b]": 1}))
        z = z_scores(fit.estimate / fit.unscaled / np.sqrt(fit.variance), fit.df)
        found = np.maximum(correlations(unit_residuals(Y, design), membership), CORRELATION)
        tests = (
            camera(z, membership, correlation=found, df=14),
            camera(z, membership, correlation=CORRELATION),
        )
        rates.append([(one.p_value <= LEVEL).mean() for one in tests])
    estimated, preset = np.mean(rates, axis=0)
    assert estimated == pytest.approx(0.05, abs=3 * np.std(rates, axis=0)[0] / 10)
    assert preset > 0.15
