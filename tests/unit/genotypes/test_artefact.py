"""Tails of beta-binomials, p-values of candidates that keep their level, an excess of heterozygous people."""

from itertools import product
from math import comb

import numpy as np
import pytest
from scipy.stats import betabinom

from scleromyomics.genotypes.artefact import (
    SPREAD,
    common_rate,
    heterozygote_excess,
    lower_tail,
    panel_rate,
    site_p,
    upper_tail,
)


def test_tails_are_those_of_scipy() -> None:
    rng = np.random.default_rng(1)
    n = rng.integers(1, 300, 400)
    k = np.minimum(rng.integers(0, 12, 400), n)
    rate, rho = rng.beta(0.3, 30, 400) + 1e-5, rng.uniform(1e-4, 0.05, 400)
    a, b = rate * (1 - rho) / rho, (1 - rate) * (1 - rho) / rho
    found = upper_tail(k, n, rate, rho)
    expected = betabinom.sf(k - 1, n, a, b)
    kept = expected > 1e-7  # below, one minus the rest is rounding
    assert kept.sum() > 200
    np.testing.assert_allclose(found[kept], expected[kept], rtol=1e-6)


def test_far_tails_are_sums_of_probabilities() -> None:
    k, n, rate, rho = np.array([40.0]), np.array([100.0]), np.array([3e-4]), np.array([1e-3])
    a, b = rate * (1 - rho) / rho, (1 - rate) * (1 - rho) / rho
    expected = sum(betabinom.pmf(j, 100, a[0], b[0]) for j in range(40, 101))
    np.testing.assert_allclose(upper_tail(k, n, rate, rho)[0], expected, rtol=1e-9)
    assert 0 < expected < 1e-30


def test_ends_of_tails() -> None:
    n, rate, rho = np.full(3, 10.0), np.full(3, 0.1), np.full(3, 0.01)
    found = upper_tail(np.array([0.0, 10.0, 11.0]), n, rate, rho)
    assert found[0] == 1
    assert 0 < found[1] < 1e-7
    assert found[2] <= 1e-299


def test_the_lower_tail_mirrors_the_upper_one() -> None:
    k, n = np.arange(11.0), np.full(11, 10.0)
    expected = betabinom.cdf(k, 10, 0.5 * 0.998 / 0.002, 0.5 * 0.998 / 0.002)
    np.testing.assert_allclose(lower_tail(k, n, 0.5, 0.002), expected, rtol=1e-8)
    np.testing.assert_allclose(
        lower_tail(k, n, 0.5, 0.0)[:5],
        [sum(comb(10, j) for j in range(i + 1)) / 1024 for i in range(5)],
        rtol=1e-5,
    )


def test_a_panel_without_reads_leaves_the_rate_of_all_candidates() -> None:
    rate, rho = panel_rate(np.array([0, 0, 30]), np.array([0, 2000, 2000]), 1e-3)
    whole = np.array([500, 2500, 2500])
    np.testing.assert_allclose(rate, np.array([0.5, 0.5, 30.5]) / whole)
    np.testing.assert_allclose(rho, SPREAD**2 * rate + 1 / (whole + 1))


def test_the_common_rate_is_of_errors_and_not_of_carriers() -> None:
    depth = np.full(101, 1000)
    alternate = np.append(np.ones(100, dtype=int), 400)
    assert common_rate(alternate, depth) == pytest.approx(1e-3, rel=0.01)
    assert common_rate(np.empty(0, dtype=int), np.empty(0, dtype=int)) == 1e-3  # nothing seen
    assert common_rate(np.zeros(3, dtype=int), np.full(3, 300)) > 5e-4  # few reads do not look free of errors


def test_p_values_of_artefacts_that_became_candidates_are_uniform_or_larger() -> None:
    rng = np.random.default_rng(3)
    sites, samples, least = 400_000, 2, 3
    rate = rng.beta(0.5, 400, sites)
    panel = rng.poisson(1500, sites)
    seen = rng.binomial(panel, rate)
    depth = np.full((samples, sites), 100)
    reads = rng.binomial(depth, rate)
    mean, rho = (
        np.broadcast_to(part, depth.shape) for part in panel_rate(seen, panel, common_rate(seen, panel))
    )
    showing = reads >= least
    kept = showing.any(axis=0)

    def tail(count: np.ndarray) -> np.ndarray:
        flat = (part[:, kept].ravel() for part in (count, depth, mean, rho))
        return upper_tail(*flat).reshape(samples, -1)

    together = upper_tail(
        *(part[:, kept].sum(axis=0) for part in (reads, depth)), mean[0, kept], rho[0, kept]
    )
    p = site_p(np.where(showing[:, kept], tail(reads), np.nan), tail(np.full_like(reads, least)), together)
    assert kept.sum() > 1000
    for level in (0.3, 0.1, 0.03, 0.01):
        assert np.mean(p <= level) <= 1.2 * level + 0.003
    naive = np.where(showing[:, kept], tail(reads), 1.0).min(axis=0)
    assert np.mean(naive <= 0.01) > 0.05  # what the selection does to a p-value that does not know of it


def test_the_better_of_one_sample_and_all_samples_counts_twice() -> None:
    tails, least = np.array([[1e-6, 1e-6], [np.nan, np.nan]]), np.array([[1e-4, 1e-4], [1e-4, np.nan]])
    alone = site_p(tails, least, np.array([1e-3, 1e-9]))
    np.testing.assert_allclose(alone, [2e-2, 1e-2], rtol=1e-3)  # with one sample there is nothing to choose
    together = site_p(tails, least, np.array([1e-8, 1e-9]))
    np.testing.assert_allclose(together, [1e-4, 1e-2], rtol=1e-3)
    none = np.full((1, 1), np.nan)
    assert np.isnan(site_p(none, none, np.ones(1))[0])


def test_heterozygote_excess_is_the_exact_test() -> None:
    def exact(none: int, one: int, two: int) -> float:
        """Over all ways to pair the alleles."""
        people, alt = none + one + two, one + 2 * two
        total = found = 0
        for copies in product((0, 1, 2), repeat=people):
            if sum(copies) == alt:
                ways = 2 ** copies.count(1)
                total += ways
                found += ways * (copies.count(1) >= one)
        return found / total

    tables = [(3, 4, 0), (0, 6, 0), (2, 2, 3), (5, 0, 1), (6, 1, 0), (1, 5, 1)]
    found = heterozygote_excess(*np.array(tables).T)
    np.testing.assert_allclose(found, [exact(*table) for table in tables], rtol=1e-10)
    assert heterozygote_excess(np.array([0]), np.array([32]), np.array([0]))[0] < 1e-8
    assert heterozygote_excess(np.array([0]), np.array([0]), np.array([0]))[0] == 1
