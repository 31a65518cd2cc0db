"""Counts as weighted log2 counts per million, for linear and mixed models: voom, with TMM library sizes.

voom (Law 2014, doi:10.1186/gb-2014-15-2-r29) finds how the residual spread of log2 counts per million depends on
the count, and gives each value the inverse of the variance that its fitted count predicts. Library sizes are
made comparable by trimmed means of log ratios (Robinson and Oshlack 2010, doi:10.1186/gb-2010-11-3-r25). The
trend is Cleveland's lowess (1979, doi:10.1080/01621459.1979.10481038) as R computes it: fits at points that are
at least `delta` apart, straight lines between them. Equal to limma 3.54 and edgeR 3.40. Counts are features by
samples; values and weights go to `linear.fit_contrast` or `mixed.fit_mixed`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from scleromyomics.stats.counts import check_counts
from scleromyomics.stats.design import Design, Matrix, Vector
from scleromyomics.stats.mixed import MixedFit, fit_mixed

SPAN = 0.5  # of the features, for each point of the trend (limma)
OFFSET = 0.5  # added to a count before its logarithm; 1 to a library size (limma)
DELTA = 0.01  # distance of the points of the trend, as a fraction of its range (R)
ROBUST_ITERATIONS = 3  # of lowess (R)
TRIM_RATIO, TRIM_LEVEL = 0.3, 0.05  # of features, from either end of log ratios and of log levels (edgeR)
REFERENCE_QUANTILE = 0.75  # the reference library has a typical one (edgeR)
SAME = 1e-6  # log2 ratios up to this are none (edgeR)


@dataclass(frozen=True, eq=False)
class Voom:
    """What a linear model needs; features by samples.

    Attributes:
        values: log2 counts per million of the effective library size.
        weights: inverse variances.
    """

    values: Matrix
    weights: Matrix


def voom(counts: Matrix, design: Design, library: Vector | None = None) -> Voom:
    """Log2 counts per million and their weights.

    Args:
        counts: features by samples, whole numbers of 0 or more.
        design: samples by coefficients; the trend is that of its residuals.
        library: effective library sizes; TMM's where not given.

    Raises:
        ValueError: if counts are not such numbers, or nothing is left to tell the spread by.
    """
    check_counts(counts, design)
    q = design.basis.q
    df = len(q) - q.shape[1]
    if df < 1 or len(counts) < 2:
        raise ValueError(
            f"{len(counts)} features with {df} residual degrees of freedom: no trend can be found"
        )
    size = counts.sum(axis=0) * tmm_factors(counts) if library is None else library
    values = np.log2((counts + OFFSET) / (size + 1.0) * 1e6)
    fitted = (values @ q) @ q.T
    spread = np.sqrt(np.sqrt(np.sum((values - fitted) ** 2, axis=1) / df))
    level = values.mean(axis=1) + np.mean(np.log2(size + 1.0)) - np.log2(1e6)
    counted = counts.any(axis=1)
    x, trend = lowess(level[counted], spread[counted])
    first = np.flatnonzero(np.diff(x, prepend=-np.inf))
    trend = np.add.reduceat(trend, first) / np.diff(first, append=x.size)  # ties: their mean
    predicted = np.interp(fitted + np.log2(size + 1.0) - np.log2(1e6), x[first], trend)
    return Voom(values, predicted**-4)


def fit_voom_mixed(
    counts: Matrix, design: Design, contrasts: Sequence[Vector], participants: ArrayLike
) -> MixedFit:
    """Mixed models of counts with a random intercept for each participant: voom's weights in `fit_mixed`.

    For repeated visits, and for more pairs than a coefficient each should be spent on. Estimates are log2 fold
    changes; `mixed.moderated_contrast` tests them.

    Args:
        counts: features by samples.
        design: samples by coefficients, without columns of participants.
        contrasts: one weight per coefficient in each.
        participants: who each sample is of.
    """
    ready = voom(counts, design)
    return fit_mixed(ready.values, design, contrasts, participants, weights=ready.weights)


def tmm_factors(counts: Matrix) -> Vector:
    """Factors that make library sizes comparable, with product 1; equal to edgeR's calcNormFactors.

    Args:
        counts: features by samples.
    """
    from scipy.stats import rankdata

    size = counts.sum(axis=0)
    kept = counts[counts.any(axis=1)]
    typical = np.quantile(kept, REFERENCE_QUANTILE, axis=0) / size
    reference = (
        np.argmin(np.abs(typical - typical.mean()))
        if np.median(typical) >= 1e-20
        else np.argmax(np.sqrt(kept).sum(axis=0))
    )
    log_factors = np.zeros(len(size))
    for sample, total in enumerate(size):
        both = (kept[:, sample] > 0) & (kept[:, reference] > 0)
        own, other = kept[both, sample], kept[both, reference]
        ratio = np.log2((own / total) / (other / size[reference]))
        if not ratio.size or np.abs(ratio).max() < SAME:
            continue
        height = (np.log2(own / total) + np.log2(other / size[reference])) / 2.0
        variance = (total - own) / total / own + (size[reference] - other) / size[reference] / other
        inner = np.ones(ratio.size, dtype=bool)
        for measure, trim in ((ratio, TRIM_RATIO), (height, TRIM_LEVEL)):
            low = np.floor(ratio.size * trim) + 1
            rank = rankdata(measure)
            inner &= (rank >= low) & (rank <= ratio.size + 1 - low)
        if inner.any():
            log_factors[sample] = np.average(ratio[inner], weights=1.0 / variance[inner])
    factors: Vector = np.exp2(log_factors - log_factors.mean())
    return factors


def lowess(x: Vector, y: Vector, *, span: float = SPAN) -> tuple[Vector, Vector]:
    """Robust local straight lines of y over x, as R's `lowess` with its defaults.

    Returns:
        x in order, and the curve at each.
    """
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    n = x.size
    window = min(n, max(2, int(span * n + 1e-7)))
    points = _points(x, DELTA * (x[-1] - x[0]))
    # the window of a point moves right while that brings its far end nearer
    left = np.searchsorted(x[: n - window] + x[window:], 2.0 * x[points])
    robust = np.ones(n)
    for iteration in range(ROBUST_ITERATIONS + 1):
        at = np.array(
            [_local(x, y, robust, p, slice(k, k + window)) for p, k in zip(points, left, strict=True)]
        )
        curve: Vector = np.interp(x, x[points], at)
        residual = np.abs(y - curve)
        bound = 6.0 * np.median(residual)
        if iteration == ROBUST_ITERATIONS or bound < 1e-7 * residual.mean():
            break
        robust = np.where(residual <= 0.999 * bound, (1.0 - (residual / bound) ** 2) ** 2, 0.0)
        robust[residual <= 0.001 * bound] = 1.0
    return x, curve


def _points(x: Vector, delta: float) -> list[int]:
    """Where the curve is computed: each the last one within `delta` of the one before, or the next."""
    points, last = [0], np.searchsorted(x, x[0], side="right") - 1
    while last < x.size - 1:
        point = max(last + 1, int(np.searchsorted(x, x[last] + delta, side="right")) - 1)
        points.append(point)
        last = np.searchsorted(x, x[point], side="right") - 1
    return points


def _local(x: Vector, y: Vector, robust: Vector, point: int, window: slice) -> float:
    """A straight line around one point, by tricube weights, at that point."""
    here = x[point]
    reach = max(here - x[window][0], x[window][-1] - here)
    stop = int(np.searchsorted(x, here + 0.999 * reach, side="right"))
    near = slice(window.start, stop)
    distance = np.abs(x[near] - here)
    weight = np.where(
        distance <= 0.999 * reach, (1.0 - (distance / max(reach, np.finfo(float).tiny)) ** 3) ** 3, 0.0
    )
    weight = np.where(distance <= 0.001 * reach, 1.0, weight) * robust[near]
    total = weight.sum()
    if total <= 0:
        return float(y[point])
    weight /= total
    if reach > 0:
        centre = weight @ x[near]
        square = weight @ (x[near] - centre) ** 2
        if np.sqrt(square) > 0.001 * (x[-1] - x[0]):
            weight *= (here - centre) / square * (x[near] - centre) + 1.0
    return float(weight @ y[near])
