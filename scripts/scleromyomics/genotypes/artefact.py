"""How often sequencing alone gives as many reads with an allele as a sample shows, by a panel of controls.

The rate of errors at a site is not known: the panel tells it as a beta distribution. Before the panel was seen, that
is one with shape 1/2 (after Jeffreys) whose mean is the rate over all candidates of a release: those of clean data
show next to no errors in controls, those of poor data many, so few controls are enough where errors are few. Rates
also differ between samples (damage, chemistry, place in the read), the more the higher they are: `SPREAD` times the
rate, which adds its square times the rate to the correlation of reads. Against one fixed correlation this finds more
true variants where a site is clean, and takes fewer artefacts for variants where it is not.

Alleles come to be looked at only where enough reads show them, out of three at each of millions of positions. So the
p-value of a site is conditional on that: of artefacts that have enough reads, how many have as many as these. Without
it each million positions gives tens of false variants; with it the false discovery rate is kept over the candidates,
however many positions they were taken from.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALLEST = 1e-300  # probabilities below are this
NEGLIGIBLE = 1e-12  # terms of a tail, relative to its sum
SHAPE = 0.5  # reads with the allele that a site has beforehand
CARRIER = 0.1  # of the panel's reads: more, and one of ten controls may carry the allele
SPREAD = 1.25  # standard deviation of a site's rate between samples, relative to the rate


def upper_tail(
    count: "NDArray[np.floating]",
    total: "NDArray[np.floating]",
    rate: "NDArray[np.float64]",
    rho: "NDArray[np.float64]",
) -> "NDArray[np.float64]":
    """Probability of `count` or more of `total` under beta-binomials; summed from its largest term, so exact far out.

    Args:
        count: one value per row.
        total: the same.
        rate: mean, between 0 and 1.
        rho: correlation, above 0 and below 1.
    """
    from scipy.special import betaln, gammaln

    k, n = np.asarray(count, dtype=np.float64).copy(), np.asarray(total, dtype=np.float64)
    a, b = rate * (1.0 - rho) / rho, (1.0 - rate) * (1.0 - rho) / rho
    choose = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
    term = np.exp(choose + betaln(k + a, n - k + b) - betaln(a, b))
    tail = np.where(k <= 0, 1.0, np.where(k > n, 0.0, term))
    rows = np.flatnonzero((k > 0) & (k < n))
    while rows.size:
        k_, n_, a_, b_ = k[rows], n[rows], a[rows], b[rows]
        term[rows] *= (n_ - k_) * (a_ + k_) / ((k_ + 1.0) * (b_ + n_ - k_ - 1.0))
        tail[rows] += term[rows]
        k[rows] += 1.0
        rows = rows[(term[rows] > NEGLIGIBLE * tail[rows]) & (k[rows] < n_)]
    return np.clip(tail, SMALLEST, 1.0)


def lower_tail(
    count: "NDArray[np.floating]", total: "NDArray[np.floating]", rate: float, rho: float
) -> "NDArray[np.float64]":
    """Probability of `count` or fewer of `total`."""
    n = np.asarray(total, dtype=np.float64)
    every = np.ones(n.shape)
    return upper_tail(n - count, n, every * (1.0 - rate), every * max(rho, 1e-9))


def common_rate(alternate: "NDArray[np.integer]", depth: "NDArray[np.integer]") -> float:
    """The rate of errors over the candidates of a release, from the panel; sites where it has carriers left out.

    One error in a thousand reads counts beforehand, so that few candidates do not look free of errors.
    """
    clean = alternate <= CARRIER * depth
    return float((alternate[clean].sum() + 1.0) / (depth[clean].sum() + 1000.0))


def panel_rate(
    alternate: "NDArray[np.integer]", depth: "NDArray[np.integer]", common: float
) -> tuple["NDArray[np.float64]", "NDArray[np.float64]"]:
    """Mean and correlation of the reads with the allele that a new sample would show at each site.

    Args:
        alternate: reads of the panel with the allele.
        depth: all reads of the panel.
        common: rate over all candidates.
    """
    whole = depth + SHAPE / min(common, 0.5)
    rate = (alternate + SHAPE) / whole
    return rate, np.minimum(SPREAD**2 * rate + 1.0 / (whole + 1.0), 0.5)


def site_p(
    tails: "NDArray[np.float64]", thresholds: "NDArray[np.float64]", together: "NDArray[np.float64]"
) -> "NDArray[np.float64]":
    """P-value of each site: how often artefacts alone, once they have enough reads in a sample, go as far.

    A variant may be in one sample, or in all: the smaller of two p-values counts, twice.

    Args:
        tails: samples by sites: the tail of a sample's reads where they are enough, else nan.
        thresholds: the same: the tail of the fewest reads that are enough; nan where the sample is not looked at.
        together: the tail of the reads of all samples that are looked at, as of one sample.
    """
    looked = ~np.isnan(thresholds)
    best = np.where(np.isnan(tails), 1.0, tails).min(axis=0, initial=1.0)
    as_far = np.where(looked, np.minimum(best, np.where(looked, thresholds, 1.0)), 0.0)
    some, enough = _any(as_far), _any(np.where(looked, thresholds, 0.0))
    several = looked.sum(axis=0) > 1
    found = np.where(several, 2.0 * np.minimum(some, together), some)
    return np.where(enough > 0, np.minimum(found / np.where(enough > 0, enough, 1.0), 1.0), np.nan)


def _any(p: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Probability that one of the rows' independent events happens."""
    every: NDArray[np.float64] = -np.expm1(np.log1p(-np.minimum(p, 1 - 1e-16)).sum(axis=0))
    return every


def heterozygote_excess(
    reference: "NDArray[np.integer]", heterozygous: "NDArray[np.integer]", homozygous: "NDArray[np.integer]"
) -> "NDArray[np.float64]":
    """Exact p-value of as many heterozygous people or more, given the alleles (Wigginton et al. 2005,
    doi:10.1086/429864). Reads of a second copy of a stretch make nearly everybody look heterozygous.
    """  # noqa: D205
    from scipy.special import gammaln

    tables, back = np.unique(
        np.column_stack([reference, heterozygous, homozygous]), axis=0, return_inverse=True
    )
    p = np.ones(len(tables))
    for row, (none, one, two) in enumerate(tables.tolist()):
        people, rare = none + one + two, min(2 * none + one, 2 * two + one)
        hets = np.arange(rare % 2, rare + 1, 2)
        fewer = (rare - hets) // 2
        more = people - hets - fewer
        log = hets * np.log(2.0) - gammaln(hets + 1.0) - gammaln(fewer + 1.0) - gammaln(more + 1.0)
        weight = np.exp(log - log.max(initial=-np.inf)) if hets.size else np.ones(1)
        p[row] = weight[hets >= one].sum() / weight.sum()
    return p[back.ravel()]
