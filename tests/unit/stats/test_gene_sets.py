"""Enrichment against limma's cameraPR (values committed beside their script, and live), and by its properties."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.stats import norm, t, ttest_ind

from scleromyomics.stats.gene_sets import LEVEL, camera, z_scores
from scleromyomics.stats.multiplicity import benjamini_hochberg

REFERENCE = Path(__file__).parents[2] / "reference" / "camera"
RELATIVE = 1e-10


def assert_equal_to_limma(folder):
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
    dense, sparse = camera(statistics, membership), camera(statistics, csr_array(membership))
    np.testing.assert_allclose(dense.p_value, sparse.p_value, rtol=1e-12)


def test_at_the_tolerated_correlation_p_is_at_the_level(table):
    statistics, membership = table
    tolerated = camera(statistics, membership).tolerated
    known = ~np.isnan(tolerated)
    assert known[0]
    assert (camera(statistics, membership, correlation=0).p_value[~known] > LEVEL).all()
    at = camera(statistics, membership[known], correlation=tolerated[known])
    assert at.p_value == pytest.approx(LEVEL)


def test_the_sign_of_the_statistics_turns_the_estimates_only(table):
    statistics, membership = table
    up, down = camera(statistics, membership), camera(-statistics, membership)
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


def test_sets_of_correlated_genes_keep_the_level_when_their_correlation_is_known():
    """And neither with the preset nor as independent genes: 3,000 null sets of 20 genes that correlate by 0.1."""
    rng = np.random.default_rng(6)
    membership = np.repeat(np.eye(30), 20, axis=1)
    rates = {0.0: [], 0.01: [], 0.1: []}
    for _ in range(100):
        z = np.sqrt(0.9) * rng.normal(size=600) + np.sqrt(0.1) * np.repeat(rng.normal(size=30), 20)
        for correlation, found in rates.items():
            found.append((camera(z, membership, correlation=correlation).p_value <= LEVEL).mean())
    told = rates.pop(0.1)
    assert np.mean(told) == pytest.approx(0.05, abs=3 * np.std(told) / 10)
    assert all(np.mean(rate) > 0.15 for rate in rates.values())
