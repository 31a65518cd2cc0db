"""Linear mixed models of many features: random intercepts by REML, Satterthwaite degrees of freedom.

Y is features by samples; an estimate has the unit of Y, a variance its square. Every participant has a random
intercept, and every nested group within a participant (a tissue, say) one more where asked for. Each feature
is fitted with its own missing values (left out, never imputed) and its own weights; `reml` holds the deviance.
It is minimised for all features at once by Newton's method over phi = log(1 + lambda m), m the mean weight of a
group: on balanced data the deviance is convex in phi, and phi = 0 is the boundary, the fixed model.

Degrees of freedom are those of lmerTest (Kuznetsova 2017, doi:10.18637/jss.v082.i13): with H the Hessian of
the profiled deviance and v(phi) the profiled variance of the contrast, 1 / df = 1 / (n - rank) +
d' H^-1 d, d the gradient of log v. A variance component at zero does not count, as in lmerTest.

What is moderated is the variance of each contrast with its own degrees of freedom: squeezing the residual
variance and scaling the standard error is anti-conservative between participants.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scleromyomics.stats.design import TOLERANCE, Design, Matrix, Vector
from scleromyomics.stats.moderation import Moderated, moderated_t
from scleromyomics.stats.reml import Deviance, OneLevel, Stack, TwoLevels, deviance, deviance_value

CHUNK = 2**21  # numbers worked on at a time (16 MB)
STARTS = (0.0, 0.7, 1.8, 3.5)  # of phi: intercepts explain 0, 50, 83, 97 % of the variance of a group's mean
STEP_LIMIT = 2.0  # longest step of phi: where the deviance is flat, Newton's goes astray
CONVERGED = 1e-7  # the last step of phi; convergence is quadratic
ITERATIONS = 100  # a few are enough; deviances without a minimum reach HIGHEST in ten
NOISE = 1e-9  # of the deviance and its gradient (log likelihood units): smaller changes are rounding
FLAT = 1e-8  # curvatures of the deviance by phi up to this are zero, as in lmerTest
HIGHEST = 18.0  # of phi: the residual variance is 1e-8 of that of a group's mean; beyond, digits are lost
EXACT = 1e-12  # residuals below this fraction of the values are rounding


@dataclass(frozen=True, eq=False)
class MixedFit:
    """Contrasts fitted to every feature.

    NaN stands where a feature's missing values leave a contrast inestimable, or no residual degrees of freedom,
    and where values do not differ within groups (REML has no maximum).

    Attributes:
        estimate: contrasts x features, in units of Y.
        variance: contrasts x features, squared standard error.
        df: contrasts x features, Satterthwaite degrees of freedom of `variance`.
        components: (participant, nested where asked for, residual) x features, variances.
        boundary: features; whether a variance component other than the residual is zero.
        n: features; values observed.
    """

    estimate: Matrix
    variance: Matrix
    df: Matrix
    components: Matrix
    boundary: NDArray[np.bool_]
    n: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Layout:
    """Samples in order of participant and nested group, and where each begins."""

    order: NDArray[np.intp]
    first: NDArray[np.intp]  # sample of each (nested) group
    outer: NDArray[np.intp] | None  # nested group of each participant

    @property
    def levels(self) -> int:
        return 1 if self.outer is None else 2


@dataclass(frozen=True, eq=False)
class _Task:
    """Features ready to be fitted.

    The columns of X are orthonormal under the feature's weights, and y is its residual on them, brought to
    length 1, so that nothing is lost in the products.
    """

    terms: OneLevel | TwoLevels
    mean_weight: Vector  # of a group that has any
    targets: Stack  # features (or 1) x contrasts x p: contrasts of the columns
    determined: NDArray[np.bool_]  # features (or 1) x contrasts
    fixed: Matrix  # features x contrasts: estimates of the fixed model
    length: Vector  # of the residual
    rank: NDArray[np.int64]
    n: NDArray[np.int64]


def fit_mixed(
    Y: Matrix,
    design: Design,
    contrasts: Sequence[Vector],
    groups: ArrayLike,
    *,
    nested: ArrayLike | None = None,
    weights: Matrix | None = None,
) -> MixedFit:
    """Fit the design with random intercepts to each feature and estimate the contrasts.

    Args:
        Y: features by samples; NaN is a missing value.
        design: samples by coefficients; need not have full rank.
        contrasts: one weight per coefficient in each.
        groups: participant of each sample.
        nested: a second label of each sample: the samples of one participant that share it share one more
            random intercept.
        weights: features by samples, inverse error variances up to a factor; a value whose weight is NaN, zero
            or negative counts as missing.

    Raises:
        ValueError: if shapes disagree, a value is infinite, the design does not determine a contrast, or the
            samples cannot tell the variance components from each other.
    """
    samples = len(design.matrix)
    if Y.ndim != 2 or Y.shape[1] != samples:
        raise ValueError(f"{samples} samples in the design, matrix of shape {Y.shape}")
    if weights is not None and weights.shape != Y.shape:
        raise ValueError(f"weights of shape {weights.shape} for a matrix of shape {Y.shape}")
    if not all(design.basis.spans(contrast) for contrast in contrasts):
        raise ValueError(f"the design {design.formula} does not determine the contrast")
    layout = _layout(groups, nested, samples)
    q = design.basis.q[layout.order]
    targets = np.array([design.basis.coordinates(contrast) for contrast in contrasts])
    columns = q.shape[1] + 1
    step = max(1, CHUNK // (3 * samples * columns + 3 * layout.first.size * columns**2))
    parts = []
    for start in range(0, max(len(Y), 1), step):
        rows = slice(start, start + step)
        w = None if weights is None else weights[rows][:, layout.order]
        parts.append(_fit_rows(Y[rows][:, layout.order], w, q, targets, layout))
    return _joined(parts)


def moderated_contrast(fit: MixedFit, contrast: int, *, level: float = 0.95) -> Moderated:
    """Test one contrast of every feature (its position among the contrasts fitted) with moderated variances."""
    estimate = fit.estimate[contrast]
    return moderated_t(
        estimate, np.ones(estimate.size), fit.variance[contrast], fit.df[contrast], level=level
    )


def _layout(groups: ArrayLike, nested: ArrayLike | None, samples: int) -> _Layout:
    participant = _codes("groups", groups, samples)
    inner = np.zeros_like(participant) if nested is None else _codes("nested", nested, samples)
    order = np.lexsort((inner, participant))
    participant, inner = participant[order], inner[order]
    new_participant = np.diff(participant, prepend=-1) != 0
    new = new_participant | (np.diff(inner, prepend=-1) != 0)
    if new.all():
        raise ValueError(f"no {'participant' if nested is None else 'nested group'} has two samples")
    if nested is None:
        return _Layout(order, np.flatnonzero(new), None)
    if np.array_equal(new, new_participant):
        raise ValueError("no participant has two nested groups")
    return _Layout(order, np.flatnonzero(new), np.flatnonzero(new_participant[new]))


def _codes(name: str, labels: ArrayLike, samples: int) -> NDArray[np.intp]:
    values = np.asarray(labels)
    if values.shape != (samples,):
        raise ValueError(f"{name}: {values.size} labels for {samples} samples")
    return np.unique(values, return_inverse=True)[1]


def _joined(parts: Sequence[MixedFit]) -> MixedFit:
    return MixedFit(
        *(np.concatenate([getattr(p, field.name) for p in parts], axis=-1) for field in fields(MixedFit))
    )


def _fit_rows(Y: Matrix, weights: Matrix | None, q: Matrix, targets: Matrix, layout: _Layout) -> MixedFit:
    observed = np.isfinite(Y)
    if np.isinf(Y).any():
        raise ValueError("infinite values; a missing value is NaN")
    if weights is not None and np.isinf(weights).any():
        raise ValueError("infinite weights")
    w = observed.astype(float) if weights is None else np.where(observed & (weights > 0), weights, 0.0)
    alike = observed.all(axis=1) & (weights is None) & (layout.levels == 1)
    order = np.argsort(~alike, kind="stable")
    first, rest = np.split(order, [np.count_nonzero(alike)])
    fits = []
    if first.size:
        fits.append(_fit(_complete(Y[first], q, targets, layout)))
    if rest.size or not first.size:
        fits.append(_fit(_each(Y[rest], w[rest], q, targets, layout)))
    whole, back = _joined(fits), np.argsort(order)
    return MixedFit(*(getattr(whole, field.name)[..., back] for field in fields(MixedFit)))


def _complete(Y: Matrix, q: Matrix, targets: Matrix, layout: _Layout) -> _Task:
    """Complete features share the design; participants with equally many samples are taken together."""
    n, rank = q.shape
    coefficients = Y @ q
    residual = Y - coefficients @ q.T
    length, unit = _unit(residual, np.einsum("fi,fi->f", residual, residual), np.einsum("fi,fi->f", Y, Y))
    size = np.diff(layout.first, append=n)
    x = np.add.reduceat(q, layout.first, axis=0) / np.sqrt(size)[:, None]
    y = np.add.reduceat(unit, layout.first, axis=1) / np.sqrt(size)
    distinct, count = np.unique(size, return_counts=True)
    between = np.empty((len(Y), distinct.size, rank + 1, rank + 1))
    for k, members in enumerate(size == distinct[:, None]):
        between[:, k, :rank, :rank] = x[members].T @ x[members]
        between[:, k, :rank, rank] = between[:, k, rank, :rank] = y[:, members] @ x[members]
        between[:, k, rank, rank] = np.einsum("fg,fg->f", y[:, members], y[:, members])
    return _Task(
        terms=OneLevel(
            np.eye(rank + 1) - between.sum(axis=1), distinct[None].astype(float), count.astype(float), between
        ),
        mean_weight=np.full(len(Y), size.mean()),
        targets=targets[None],
        determined=np.ones((1, len(targets)), dtype=bool),
        fixed=coefficients @ targets.T,
        length=length,
        rank=np.full(len(Y), rank),
        n=np.full(len(Y), n),
    )


def _each(Y: Matrix, w: Matrix, q: Matrix, targets: Matrix, layout: _Layout) -> _Task:
    """Every feature has a basis of its own, orthonormal under its weights."""
    n, rank = q.shape
    products = (q[:, :, None] * q[:, None, :]).reshape(n, rank * rank)
    eigenvalues, vectors = np.linalg.eigh((w @ products).reshape(-1, rank, rank))
    kept = eigenvalues > TOLERANCE**2 * eigenvalues[:, -1:]
    turn = vectors * np.where(kept, 1.0 / np.sqrt(np.where(kept, eigenvalues, 1.0)), 0.0)[:, None, :]
    values = np.where(w > 0, Y, 0.0)
    z = np.empty((len(Y), n, rank + 1))
    z[:, :, :rank] = x = q @ turn
    residual, coefficients = values, np.zeros((len(Y), rank))
    for _ in range(2):  # the second pass refines the first
        step = ((w * residual)[:, None, :] @ x)[:, 0]
        coefficients += step
        residual = residual - (x @ step[:, :, None])[:, :, 0]
    length, z[:, :, rank] = _unit(
        residual, np.einsum("fi,fi,fi->f", w, residual, residual), np.einsum("fi,fi,fi->f", w, values, values)
    )
    weighted = w[:, :, None] * z
    s, sums = np.add.reduceat(w, layout.first, axis=1), np.add.reduceat(weighted, layout.first, axis=1)
    means = sums / np.sqrt(np.where(s > 0, s, 1.0))[:, :, None]
    within = weighted.transpose(0, 2, 1) @ z - means.transpose(0, 2, 1) @ means
    diagonal = np.arange(rank)
    within[:, diagonal, diagonal] += ~kept  # a column that is not there changes nothing
    within[:, rank, rank] = 1.0 - np.einsum("fg,fg->f", means[:, :, rank], means[:, :, rank])
    outside = np.sqrt(np.sum(np.where(kept[:, None], 0.0, targets @ vectors) ** 2, axis=2))
    own = targets @ turn
    return _Task(
        terms=OneLevel(within, s, np.ones(s.shape[1]), means[:, :, :, None] * means[:, :, None, :])
        if layout.outer is None
        else TwoLevels(within, s, sums, layout.outer),
        mean_weight=w.sum(axis=1) / np.maximum(np.count_nonzero(s, axis=1), 1),
        targets=own,
        determined=outside <= TOLERANCE * np.linalg.norm(targets, axis=1),
        fixed=np.einsum("fcp,fp->fc", own, coefficients),
        length=length,
        rank=kept.sum(axis=1),
        n=np.count_nonzero(w, axis=1),
    )


def _unit(residual: Matrix, rss: Vector, total: Vector) -> tuple[Vector, Matrix]:
    """The residual's length and the residual at length 1, or 0 where it is only rounding."""
    exact = rss <= EXACT**2 * total
    scale = np.where(exact, 0.0, 1.0 / np.sqrt(np.where(exact, 1.0, rss)))
    return np.sqrt(rss), residual * scale[:, None]


def _fit(task: _Task) -> MixedFit:
    df = (task.n - task.rank).astype(float)
    known = df > 0
    phi, best = _minimise(task.terms, task.mean_weight, np.where(known, df, 1.0))
    weight = np.where(known, task.mean_weight, 1.0)[:, None]
    usable = known & (phi < HIGHEST).all(axis=1)
    turned = task.targets @ best.inverse  # features x contrasts x p
    unscaled = np.sum(turned * task.targets, axis=2)
    # gradient of the log variance of each contrast, and the inverse Hessian, both without components at zero
    jacobian = np.exp(phi) / weight
    slope = -np.einsum("flci,fci->fcl", turned[:, None] @ best.slope, turned)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = slope / unscaled[:, :, None] + (best.rss_slope / best.rss[:, None])[:, None]
        spread = _spread(best, phi, jacobian, slope * jacobian[:, None])
        satterthwaite = 1.0 / (1.0 / df[:, None] + spread)
        sigma2 = np.where(usable, best.rss * task.length**2 / df, np.nan)
    defined = task.determined & usable[:, None]
    estimate = task.fixed + task.length[:, None] * (task.targets @ best.beta[:, :, None])[:, :, 0]
    ratios = np.expm1(phi) / weight
    return MixedFit(
        estimate=np.where(defined, estimate, np.nan).T,
        variance=np.where(defined, unscaled * sigma2[:, None], np.nan).T,
        df=np.where(defined, satterthwaite, np.nan).T,
        components=np.concatenate([ratios.T * sigma2, sigma2[None]]),
        boundary=(phi == 0.0).any(axis=1) & known,
        n=task.n,
    )


def _minimise(terms: OneLevel | TwoLevels, mean_weight: Vector, df: Vector) -> tuple[Matrix, Deviance]:
    """The phi (features x levels) of the smallest deviance, and the deviance there."""
    weight = np.where(mean_weight > 0, mean_weight, 1.0)[:, None]
    phi, value = np.zeros((len(weight), terms.levels)), np.full(len(weight), np.inf)
    for start in product(STARTS, repeat=terms.levels):
        trial = np.tile(start, (len(weight), 1))
        found = deviance_value(terms.form(np.expm1(trial) / weight), df)
        phi = np.where((found < value - NOISE)[:, None], trial, phi)
        value = np.where(found < value - NOISE, found, value)
    active, part = np.arange(len(weight)), terms
    step = _newton(deviance(terms.at(np.expm1(phi) / weight), df), phi, weight)
    for _ in range(ITERATIONS):
        going = np.abs(step).max(axis=1) > CONVERGED
        phi[active[~going]] = _inside(phi[active[~going]] + step[~going])
        kept = np.flatnonzero(going)
        if not kept.size:
            break
        active, step, value = active[kept], step[kept], value[kept]
        part = part.rows(kept) if kept.size < going.size else part
        trial = _inside(phi[active] + step)
        point = deviance(part.at(np.expm1(trial) / weight[active]), df[active])
        better = point.value <= value + NOISE
        phi[active[better]] = trial[better]
        value = np.where(better, point.value, value)
        step = np.where(better[:, None], _newton(point, trial, weight[active]), step / 4.0)
    return phi, deviance(terms.at(np.expm1(phi) / weight), df)


def _inside(phi: Matrix) -> Matrix:
    return np.where(phi <= CONVERGED, 0.0, np.where(phi >= HIGHEST - CONVERGED, HIGHEST, phi))


def _newton(point: Deviance, phi: Matrix, weight: Matrix) -> Matrix:
    """A step of phi downhill, no farther than the bounds."""
    gradient, hessian = _by_phi(point, np.exp(phi) / weight)
    at_low, at_high = phi <= 0.0, phi >= HIGHEST
    free = ((gradient < -NOISE) & ~at_high) | ((gradient > NOISE) & ~at_low)
    step = _downhill(gradient, hessian, free)
    free &= ~((at_low & (step < 0)) | (at_high & (step > 0)))
    step = _downhill(gradient, hessian, free)
    size = np.maximum(np.abs(step), np.finfo(float).tiny)
    room = np.minimum(STEP_LIMIT, np.where(step < 0, phi, HIGHEST - phi))
    bounded: Matrix = step * np.minimum(1.0, np.where(free, room / size, 1.0).min(axis=1))[:, None]
    return bounded


def _downhill(gradient: Matrix, hessian: Stack, free: NDArray[np.bool_]) -> Matrix:
    values, vectors = _free_curvature(hessian, free)
    turned = np.einsum("fij,fi->fj", vectors, np.where(free, -gradient, 0.0))
    return np.where(free, np.einsum("fij,fj->fi", vectors, turned / np.maximum(np.abs(values), FLAT)), 0.0)


def _spread(point: Deviance, phi: Matrix, jacobian: Matrix, slope: Stack) -> Matrix:
    """The form slope' H^-1 slope of each contrast, over the components that are not zero."""
    free = phi > 0.0
    values, vectors = _free_curvature(_by_phi(point, jacobian)[1], free)
    inverse = np.where(values > FLAT, 1.0 / np.where(values > FLAT, values, 1.0), 0.0)
    turned = np.where(free[:, None], slope, 0.0) @ vectors
    spread: Matrix = np.sum(inverse[:, None] * turned**2, axis=2)
    return spread


def _by_phi(point: Deviance, jacobian: Matrix) -> tuple[Matrix, Stack]:
    """Gradient and Hessian by phi; `jacobian` is the derivative of the ratio, and its own derivative too."""
    gradient = jacobian * point.gradient
    hessian = jacobian[:, :, None] * jacobian[:, None, :] * point.hessian
    return gradient, hessian + gradient[:, :, None] * np.eye(gradient.shape[1])


def _free_curvature(hessian: Stack, free: NDArray[np.bool_]) -> tuple[Matrix, Stack]:
    """Eigenvalues and vectors of the Hessian among the free components; the others are apart, with 1."""
    both = free[:, :, None] & free[:, None, :]
    decomposed = np.linalg.eigh(np.where(both, hessian, np.eye(free.shape[1])))
    return decomposed.eigenvalues, decomposed.eigenvectors
