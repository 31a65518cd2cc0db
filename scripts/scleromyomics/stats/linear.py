"""Least squares of many features on one design, exact for each feature's missing values and weights.

Y is features by samples; an estimate has the unit of Y. Complete features share one orthonormal basis of the
design. Every other feature has normal equations of its own in that basis, Q'W_f Q, built for all features by
one matrix product and solved as a stack. Their eigenvalues lie between 0 and the largest weight, so that they
tell which contrasts a feature's missing values leave estimable; one step of iterative refinement (Higham
2002, Accuracy and Stability of Numerical Algorithms, chapter 12, doi:10.1137/1.9780898718027) undoes what
squaring the condition number costs. Missing values are left out, never imputed.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from scleromyomics.stats.design import TOLERANCE, Design, Matrix, Vector

CHUNK = 2**21  # numbers worked on at a time (16 MB): bounds memory and fits the processor's cache


@dataclass(frozen=True, eq=False)
class Fit:
    """One contrast fitted to every feature; each array holds one value per feature.

    Attributes:
        estimate: the contrast, in units of Y; NaN where the feature's missing values leave it inestimable.
        unscaled: its standard error per unit of residual standard deviation; NaN as `estimate`.
        variance: residual variance; NaN without residual degrees of freedom.
        df: residual degrees of freedom: values observed minus the rank they leave the design.
        n: values observed.
    """

    estimate: Vector
    unscaled: Vector
    variance: Vector
    df: Vector
    n: NDArray[np.int64]


def fit_contrast(Y: Matrix, design: Design, contrast: Vector, weights: Matrix | None = None) -> Fit:
    """Fit the design to each feature and estimate the contrast.

    Args:
        Y: features by samples; NaN is a missing value.
        design: samples by coefficients; need not have full rank.
        contrast: one weight per coefficient.
        weights: features by samples, inverse variances up to a factor; a value whose weight is NaN, zero or
            negative counts as missing.

    Raises:
        ValueError: if shapes disagree, a value is infinite, or the design does not determine the contrast.
    """
    if Y.ndim != 2 or Y.shape[1] != len(design.matrix):
        raise ValueError(f"{len(design.matrix)} samples in the design, matrix of shape {Y.shape}")
    if weights is not None and weights.shape != Y.shape:
        raise ValueError(f"weights of shape {weights.shape} for a matrix of shape {Y.shape}")
    if not design.basis.spans(contrast):
        raise ValueError(f"the design {design.formula} does not determine the contrast")
    q, target = design.basis.q, design.basis.coordinates(contrast)
    step = max(1, CHUNK // (q.shape[1] ** 2 + 4 * q.shape[0] + 1))
    parts = [
        _fit_rows(
            Y[start : start + step], None if weights is None else weights[start : start + step], q, target
        )
        for start in range(0, max(len(Y), 1), step)
    ]
    return Fit(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Fit)))


def _fit_rows(Y: Matrix, weights: Matrix | None, q: Matrix, target: Vector) -> Fit:
    """Fit some features; `target` holds the contrast in coordinates of the basis `q`."""
    observed = np.isfinite(Y)
    complete = observed.all(axis=1)
    if not complete.all() and np.isinf(Y).any():
        raise ValueError("infinite values; a missing value is NaN")
    if weights is not None:
        return _solve_each(Y, _usable(weights, observed), q, target)
    if complete.all():
        return _solve_complete(Y, q, target)
    order = np.argsort(~complete, kind="stable")  # complete features first
    first, rest = np.split(order, [np.count_nonzero(complete)])
    parts = (
        _solve_complete(Y[first], q, target),
        _solve_each(Y[rest], observed[rest].astype(float), q, target),
    )
    back = np.argsort(order)
    return Fit(*(np.concatenate([getattr(p, field.name) for p in parts])[back] for field in fields(Fit)))


def _usable(weights: Matrix, observed: NDArray[np.bool_]) -> Matrix:
    if np.isinf(weights).any():
        raise ValueError("infinite weights")
    return np.where(observed & (weights > 0), weights, 0.0)


def _solve_complete(Y: Matrix, q: Matrix, target: Vector) -> Fit:
    coefficients = Y @ q
    residual = Y - coefficients @ q.T
    n, rank = q.shape
    return _fit(
        coefficients @ target,
        np.full(len(Y), np.sqrt(target @ target)),
        np.einsum("fi,fi->f", residual, residual),
        np.full(len(Y), n),
        np.full(len(Y), rank),
    )


def _solve_each(Y: Matrix, w: Matrix, q: Matrix, target: Vector) -> Fit:
    n, rank = q.shape
    products = (q[:, :, None] * q[:, None, :]).reshape(n, rank * rank)
    eigenvalues, vectors = np.linalg.eigh((w @ products).reshape(-1, rank, rank))
    kept = eigenvalues > TOLERANCE**2 * eigenvalues[:, -1:] if rank else eigenvalues > 0
    inverse = np.where(kept, 1.0 / np.where(kept, eigenvalues, 1.0), 0.0)
    coefficients = np.zeros((len(Y), rank))
    residual = np.where(w > 0, Y, 0.0)
    for _ in range(2):  # the second pass refines the first
        score = (w * residual) @ q
        step = np.einsum("fij,fj->fi", vectors, inverse * np.einsum("fij,fi->fj", vectors, score))
        coefficients += step
        residual -= step @ q.T
    turned = np.einsum("fij,i->fj", vectors, target)
    outside = np.sqrt(np.sum(np.where(kept, 0.0, turned) ** 2, axis=1))
    determined = outside <= TOLERANCE * np.linalg.norm(target)
    return _fit(
        np.where(determined, coefficients @ target, np.nan),
        np.where(determined, np.sqrt(np.sum(inverse * turned**2, axis=1)), np.nan),
        np.einsum("fi,fi,fi->f", w, residual, residual),
        np.count_nonzero(w, axis=1),
        kept.sum(axis=1),
    )


def _fit(
    estimate: Vector, unscaled: Vector, rss: Vector, n: NDArray[np.int64], rank: NDArray[np.int64]
) -> Fit:
    df = (n - rank).astype(float)
    variance = np.divide(rss, df, out=np.full(len(rss), np.nan), where=df > 0)
    return Fit(estimate, unscaled, variance, df, n)
