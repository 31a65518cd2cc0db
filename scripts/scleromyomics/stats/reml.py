"""The REML deviance of many features with random intercepts, and its derivatives by the variance ratios.

Model of one feature: y = X beta + participant (+ nested group within participant) + error, with the error
variance sigma2 / weight and the variance of a random intercept sigma2 lambda. With one level,
V^-1 = W - lambda w w' / (1 + lambda s) in each group, s its sum of weights, so that [X y]' V^-1 [X y] needs
only weighted sums per group; with two levels the same rule applies to the sums of the inner one. Beyond
constants, and with sigma2 profiled out, the deviance is (Harville 1977, doi:10.1080/01621459.1977.10480998)

    log|V| + log|X' V^-1 X| + df log(rss),    rss = y' V^-1 y at the generalised least squares estimate.

Arrays are features first. q columns are the p columns of X and then y, which has length about 1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scleromyomics.stats.design import Matrix, Vector

Stack = NDArray[np.float64]  # features first

ROUNDING = 1e-14  # added to rss, so that its logarithm stays finite where nothing varies within groups


@dataclass(frozen=True, eq=False)
class Form:
    """What the deviance is made of at given variance ratios, with first and second derivatives by them.

    Attributes:
        logdet: log|V|; features, features x levels, features x levels x levels.
        product: [X y]' V^-1 [X y]; features x q x q, then with levels and levels x levels before q x q.
    """

    logdet: tuple[Stack, Stack, Stack]
    product: tuple[Stack, Stack, Stack]


@dataclass(frozen=True, eq=False)
class OneLevel:
    """Groups as sums; groups of equal weight may be taken together as one class.

    Attributes:
        within: features x q x q, products of deviations from the group means.
        s: features (or 1) x classes, sum of weights of each group of a class.
        count: groups in each class.
        between: features x classes x q x q, products of group sums over s, summed over the class.
    """

    within: Stack
    s: Matrix
    count: Vector
    between: Stack

    levels = 1

    def rows(self, index: NDArray[np.intp]) -> "OneLevel":
        """The features of `index`."""
        s = self.s if len(self.s) == 1 else self.s[index]
        return OneLevel(self.within[index], s, self.count, self.between[index])

    def form(self, ratio: Matrix) -> tuple[Vector, Stack]:
        """log|V| and [X y]' V^-1 [X y] at `ratio` (features x 1), the group variance over sigma2."""
        shrunk = 1.0 / (1.0 + ratio * self.s)
        return np.log1p(ratio * self.s) @ self.count, self.within + self._between(shrunk[:, None])[:, 0]

    def at(self, ratio: Matrix) -> Form:
        """The same with derivatives."""
        s = self.s
        logdet, whole = self.form(ratio)
        shrunk = 1.0 / (1.0 + ratio * s)
        slope = s * shrunk
        sums = self._between(np.stack([-slope * shrunk, 2.0 * slope**2 * shrunk], axis=1))
        return Form(
            logdet=(logdet, (slope @ self.count)[:, None], -(slope**2 @ self.count)[:, None, None]),
            product=(whole, sums[:, 0, None], sums[:, 1, None, None]),
        )

    def _between(self, factors: Stack) -> Stack:
        features, classes, q = self.between.shape[:3]
        flat = self.between.reshape(features, classes, q * q)
        return (factors @ flat).reshape(features, factors.shape[1], q, q)


@dataclass(frozen=True, eq=False)
class TwoLevels:
    """Nested groups as sums, ordered by participant.

    Attributes:
        within: features x q x q, products of deviations from the nested groups' means.
        s: features x nested groups, sums of weights.
        sums: features x nested groups x q, weighted sums.
        first: the first nested group of each participant.
    """

    within: Stack
    s: Matrix
    sums: Stack
    first: NDArray[np.intp]

    levels = 2

    def rows(self, index: NDArray[np.intp]) -> "TwoLevels":
        """The features of `index`."""
        return TwoLevels(self.within[index], self.s[index], self.sums[index], self.first)

    def form(self, ratio: Matrix) -> tuple[Vector, Stack]:
        """log|V| and [X y]' V^-1 [X y] at `ratio` (features x 2): participant and nested variance over sigma2."""
        outer, inner = ratio[:, :1], ratio[:, 1:]
        k = 1.0 / (1.0 + inner * self.s)
        ((t, u),) = self._gather(k)
        logdet = np.log1p(inner * self.s).sum(axis=1) + np.log1p(outer * t).sum(axis=1)
        nested = _cross(k * self._known, self.sums, self.sums)
        return logdet, self.within + nested - _cross(outer / (1.0 + outer * t), u, u)

    def at(self, ratio: Matrix) -> Form:
        """The same with derivatives."""
        outer, inner = ratio[:, :1], ratio[:, 1:]
        s, a, known = self.s, self.sums, self._known
        logdet, whole = self.form(ratio)
        k = 1.0 / (1.0 + inner * s)  # V^-1 of the inner level alone, applied to a group's sums
        k1, k2 = -s * k**2, 2.0 * s**2 * k**3  # its derivatives by the inner ratio
        (t, u), (t1, u1), (t2, u2) = self._gather(k, k1, k2)
        c = outer / (1.0 + outer * t)
        d = 1.0 / (1.0 + outer * t) ** 2  # of c by the outer ratio; by t it is -c^2
        uu, u1u, u2u, u1u1 = (u, u), (u1, u), (u2, u), (u1, u1)
        slope, curve = s * k, t / (1.0 + outer * t)
        by_outer = -_cross(d, *uu)
        by_inner = _cross(k1 * known, a, a) + _cross(c**2 * t1, *uu) - _twice(c, *u1u)
        by_both = _cross(2.0 * c * d * t1, *uu) - _twice(d, *u1u)
        outer_twice = _cross(2.0 * curve * d, *uu)
        inner_twice = (
            _cross(k2 * known, a, a)
            - _cross(2.0 * c**3 * t1**2 - c**2 * t2, *uu)
            + _twice(2.0 * c**2 * t1, *u1u)
            - _twice(c, *u2u)
            - _cross(2.0 * c, *u1u1)
        )
        mixed = np.sum(d * t1, axis=1)
        return Form(
            logdet=(
                logdet,
                np.stack([curve.sum(axis=1), slope.sum(axis=1) + np.sum(c * t1, axis=1)], axis=1),
                _symmetric(
                    -np.sum(curve**2, axis=1),
                    mixed,
                    -np.sum(slope**2, axis=1) + np.sum(c * t2 - c**2 * t1**2, axis=1),
                ),
            ),
            product=(
                whole,
                np.stack([by_outer, by_inner], axis=1),
                _symmetric(outer_twice, by_both, inner_twice),
            ),
        )

    @property
    def _known(self) -> Matrix:
        return np.divide(1.0, self.s, out=np.zeros_like(self.s), where=self.s > 0)

    def _gather(self, *factors: Matrix) -> list[tuple[Matrix, Stack]]:
        """For each factor and participant: the sums of weights and the weighted sums, times the factor."""
        both = np.concatenate([self.s[:, :, None], self.sums], axis=2)
        scaled = np.stack(factors, axis=2)[:, :, :, None] * both[:, :, None]
        sums = np.add.reduceat(scaled, self.first, axis=1)
        return [(sums[:, :, i, 0], sums[:, :, i, 1:]) for i in range(len(factors))]


@dataclass(frozen=True, eq=False)
class Deviance:
    """The profiled REML deviance of each feature, and what a contrast's variance needs.

    Attributes:
        value: features.
        gradient: features x levels, by the ratios.
        hessian: features x levels x levels.
        inverse: features x p x p, (X' V^-1 X)^-1.
        beta: features x p, generalised least squares coefficients.
        rss: features, generalised residual sum of squares.
        rss_slope: features x levels.
        slope: features x levels x p x p, derivative of X' V^-1 X.
    """

    value: Vector
    gradient: Matrix
    hessian: Stack
    inverse: Stack
    beta: Matrix
    rss: Vector
    rss_slope: Matrix
    slope: Stack


def deviance_value(form: tuple[Vector, Stack], df: Vector) -> Vector:
    """The deviance alone; `df` holds the residual degrees of freedom of each feature."""
    logdet, product = form
    information = np.linalg.slogdet(product[:, :-1, :-1])[1]
    rss = np.exp(np.linalg.slogdet(product)[1] - information) + ROUNDING
    value: Vector = logdet + information + df * np.log(rss)
    return value


def deviance(form: Form, df: Vector) -> Deviance:
    """The deviance and its derivatives; `df` holds the residual degrees of freedom of each feature."""
    product, first, second = form.product
    p = product.shape[-1] - 1
    x, slope = product[:, :p, :p], first[:, :, :p, :p]
    inverse = np.linalg.inv(x).astype(float, copy=False)
    beta = (inverse @ product[:, :p, p:])[:, :, 0]
    rss = np.maximum(product[:, p, p] - np.einsum("fi,fi->f", beta, product[:, :p, p]), 0.0) + ROUNDING
    e = np.concatenate([-beta, np.ones((len(beta), 1))], axis=1)  # residuals are [X y] e
    scores = np.einsum("flij,fj->fli", first, e)
    rss_slope = np.einsum("fli,fi->fl", scores, e)
    turned = np.einsum("fij,flj->fli", inverse, scores[:, :, :p])
    rss_curve = np.einsum("fkli,fi->fkl", (second @ e[:, None, None, :, None])[..., 0], e)
    rss_curve -= 2.0 * np.einsum("fki,fli->fkl", scores[:, :, :p], turned)
    change = inverse[:, None] @ slope
    relative = rss_slope / rss[:, None]
    return Deviance(
        value=form.logdet[0] + np.linalg.slogdet(x)[1] + df * np.log(rss),
        gradient=form.logdet[1] + np.einsum("flii->fl", change) + df[:, None] * relative,
        hessian=form.logdet[2]
        + np.einsum("fij,fklij->fkl", inverse, second[..., :p, :p])
        - np.einsum("fkij,flji->fkl", change, change)
        + df[:, None, None] * (rss_curve / rss[:, None, None] - relative[:, :, None] * relative[:, None, :]),
        inverse=inverse,
        beta=beta,
        rss=rss,
        rss_slope=rss_slope,
        slope=slope,
    )


def _cross(factor: Matrix, left: Stack, right: Stack) -> Stack:
    """Sums over groups of factor * left right'."""
    return (left * factor[:, :, None]).transpose(0, 2, 1) @ right


def _twice(factor: Matrix, left: Stack, right: Stack) -> Stack:
    """Sums over groups of factor * (left right' + right left')."""
    half = _cross(factor, left, right)
    return half + half.transpose(0, 2, 1)


def _symmetric(first: Stack, off: Stack, last: Stack) -> Stack:
    return np.stack([np.stack([first, off], axis=1), np.stack([off, last], axis=1)], axis=1)
