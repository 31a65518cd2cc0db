"""Allele fractions: closed forms, R's likelihoods and estimates, recovery of planted changes."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import betabinom, power_divergence

from scleromyomics.stats.allele_fraction import (
    above_artefact,
    allele_change,
    artefact_rate,
    log_likelihood,
    overdispersion,
)
from scleromyomics.stats.design import intercept, two_groups

REFERENCE = Path(__file__).parents[2] / "reference" / "genotype"


def mean_change(alt, depth, rho):
    design = intercept(alt.shape[2])
    return allele_change(alt, depth, design, design.contrast({"intercept": 1.0}), rho=rho)


def test_one_binomial_pair_is_the_g_test_of_counts_plus_a_half():
    rng = np.random.default_rng(1)
    depth = rng.integers(5, 60, (2, 30, 1)).astype(float)
    alt = np.floor(depth * rng.random((2, 30, 1)))
    alt[:, 0] = [[0], [0]]
    found = mean_change(alt, depth, 0.0)
    k, r = alt[:, :, 0] + 0.5, depth[:, :, 0] - alt[:, :, 0] + 0.5
    np.testing.assert_allclose(found.estimate, np.log(k[1] * r[0] / (k[0] * r[1])), atol=1e-5)
    for site in range(30):
        table = np.array([k[:, site], r[:, site]])
        expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
        g = power_divergence(table, expected, ddof=2, axis=None, lambda_="log-likelihood").statistic
        assert found.statistic[site] == pytest.approx(g, abs=1e-6)


def test_likelihoods_are_those_of_vgam_and_estimates_those_of_brglm2():
    reads = np.genfromtxt(REFERENCE / "reads.tsv", names=True)
    density = np.genfromtxt(REFERENCE / "r_reads.tsv", names=True)["log_density"]
    ours = log_likelihood(reads["alt"], reads["depth"], np.full(reads.size, np.log(0.3 / 0.7)), 0.05)
    np.testing.assert_allclose(ours, density, atol=1e-9)
    shape = int(reads["site"].max()) + 1, int(reads["pair"].max()) + 1, 2
    alt, depth = (reads[name].reshape(shape).transpose(2, 0, 1) for name in ("alt", "depth"))
    theirs = np.genfromtxt(REFERENCE / "r_changes.tsv", names=True)["estimate"]
    np.testing.assert_allclose(mean_change(alt, depth, 0.0).estimate, theirs, atol=1e-5)


def simulated(rng, sites, pairs, *, depth, rho, change=0.0):
    n = rng.integers(depth // 2, depth, (2, sites, pairs))
    logit = rng.normal(-1, 0.5, (sites, pairs)) + np.array([0.0, change])[:, None, None]
    f = 1 / (1 + np.exp(-logit))
    return rng.binomial(n, rng.beta(f * (1 - rho) / rho, (1 - f) * (1 - rho) / rho)).astype(float), n.astype(
        float
    )


def test_overdispersion_is_recovered_and_none_is_zero():
    rng = np.random.default_rng(2)
    for rho in (0.02, 0.1):
        assert overdispersion(*simulated(rng, 3000, 3, depth=40, rho=rho)) == pytest.approx(rho, rel=0.1)
    n = rng.integers(20, 40, (2, 3000, 2)).astype(float)
    assert overdispersion(rng.binomial(n.astype(int), 0.3).astype(float), n) < 0.002
    assert overdispersion(np.zeros((2, 5, 1)), np.ones((2, 5, 1))) == 0


def test_a_planted_change_is_estimated_and_covered():
    rng = np.random.default_rng(3)
    found = mean_change(*simulated(rng, 300, 6, depth=80, rho=0.01, change=0.7), 0.01)
    assert found.estimate.mean() == pytest.approx(0.7, abs=0.05)
    assert np.mean((found.ci_low < 0.7) & (found.ci_high > 0.7)) == pytest.approx(0.95, abs=0.05)


def test_groups_changes_are_subtracted_and_inestimable_sites_are_nan():
    rng = np.random.default_rng(4)
    alt, depth = simulated(rng, 20, 8, depth=60, rho=0.01)
    design = two_groups("case", np.arange(8) < 4)
    depth[0, 0, :4] = alt[0, 0, :4] = 0
    found = allele_change(alt, depth, design, design.contrast({"case": 1.0}), rho=0.01)
    assert np.isnan(found.p_value[0])
    assert np.isfinite(found.p_value[1:]).all()
    swapped = two_groups("case", np.arange(8) >= 4)
    other = allele_change(alt, depth, swapped, swapped.contrast({"case": 1.0}), rho=0.01)
    np.testing.assert_allclose(other.estimate[1:], -found.estimate[1:], atol=1e-5)


def test_artefacts_are_told_by_the_tail_of_the_panel():
    rate = artefact_rate(np.array([[0.0, 1.0], [0.0, 0.0]]), np.full((2, 2), 50.0))
    np.testing.assert_allclose(rate, [1.5 / 101, 0.5 / 101])
    alt, depth = np.array([0.0, 4.0]), np.array([30.0, 30.0])
    s = 0.99 / 0.01
    expected = betabinom.sf(alt - 1, 30, rate * s, (1 - rate) * s)
    np.testing.assert_allclose(above_artefact(alt, depth, rate, rho=0.01), expected, rtol=1e-8)
    assert above_artefact(alt, depth, rate, rho=0.0)[0] == 1


def test_impossible_reads_are_refused():
    with pytest.raises(ValueError, match="between 0 and the depth"):
        overdispersion(np.full((2, 1, 1), 5.0), np.full((2, 1, 1), 4.0))
