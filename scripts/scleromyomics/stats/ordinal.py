"""Proportional odds of an ordered outcome on one feature at a time, for all features at once.

logit P(outcome > level c) = x beta + covariates - threshold c (McCullagh 1980,
doi:10.1111/j.2517-6161.1980.tb01109.x): beta is the log odds ratio of a higher level per unit of the feature x.
Features by participants; a missing value is left out, and levels that nobody is left in are passed over.

The likelihood is that of two logistic regressions with common coefficients (below the upper threshold of the
own level, above the lower one) and of the gaps between thresholds: 1 - exp(-gap) per participant between two.
It is concave; Newton's method climbs it for all features together. Every coefficient, of a predictor brought to
unit variance, has a log-F(1, 1) prior, worth one participant (Greenland and Mansournia 2015,
doi:10.1002/sim.6537): estimates stay finite where a feature separates the levels.

p-values are those of the score test: the correlation of the outcome's residual in the model without the feature
with the feature's residual on the covariates, against Student's t. It needs no estimate, so that separation does
not touch it, and keeps its level in small groups (8 participants, 4 levels: 0.049 at 0.05), where the likelihood
ratio does not (0.094; benchmarks/results/calibration_association.tsv).
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from scleromyomics.stats.design import TOLERANCE, Matrix, Vector
from scleromyomics.stats.moderation import two_sided_p

CHUNK = 2**21  # numbers worked on at a time (16 MB)
STEP_LIMIT = 3.0  # longest step of a coefficient or threshold, log odds
CONVERGED = 1e-8  # the last step; convergence is quadratic
ITERATIONS = 100  # ten are enough; without a prior, separated features never converge
NOISE = 1e-10  # of the log likelihood: smaller losses are rounding
NORMAL = 1.959963984540054  # quantile of 0.975


@dataclass(frozen=True, eq=False)
class Odds:
    """Log odds ratios; each array holds one value per feature, NaN where it could not be estimated.

    Attributes:
        estimate: log odds of a higher level per unit of the feature.
        se: standard error, from the observed information.
        ci_low: estimate - 1.96 se.
        ci_high: estimate + 1.96 se.
        statistic: t of the score test.
        df: its degrees of freedom: participants - covariates - 2.
        p_value: two-sided, of the score test.
        p_likelihood: of the likelihood ratio (with the prior, where there is one); anti-conservative when small.
        separated: whether some combination of feature and covariates puts the levels in order without overlap.
        n: participants with a value.
    """

    estimate: Vector
    se: Vector
    ci_low: Vector
    ci_high: Vector
    statistic: Vector
    df: Vector
    p_value: Vector
    p_likelihood: Vector
    separated: NDArray[np.bool_]
    n: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Outcome:
    """Levels numbered from 0 without those that nobody is left in; one row per feature, or pattern of values."""

    number: NDArray[np.int64]  # of each participant's level; -1: not measured
    levels: NDArray[np.int64]  # how many

    def rows(self, rows: NDArray[np.intp]) -> "_Outcome":
        return _Outcome(self.number[rows], self.levels[rows])

    @property
    def observed(self) -> NDArray[np.bool_]:
        return np.asarray(self.number >= 0)


@dataclass(frozen=True, eq=False)
class _Maximum:
    coefficients: Matrix  # features x predictors
    variance: Matrix  # of each coefficient
    value: Vector  # log likelihood and log prior
    residual: Matrix  # features x participants: derivative by the linear predictor


def fit_odds(x: Matrix, outcome: NDArray[np.int64], covariates: Matrix, *, prior: float = 1.0) -> Odds:
    """Fit every feature.

    Args:
        x: features by participants; NaN is a missing value.
        outcome: position of each participant's level among the ordered levels, from 0.
        covariates: participants by columns, in any rank; a constant one changes nothing.
        prior: participants that the prior of a coefficient is worth; 0 is maximum likelihood.

    Raises:
        ValueError: if shapes disagree or a value is infinite.
    """
    participants = outcome.size
    if x.ndim != 2 or x.shape[1] != participants or len(covariates) != participants:
        raise ValueError(f"{participants} outcomes, features {x.shape}, covariates {covariates.shape}")
    if np.isinf(x).any() or not np.isfinite(covariates).all():
        raise ValueError("infinite values, or covariates that are missing")
    z = _spanning(covariates)
    observed, pattern = np.unique(np.isfinite(x), axis=0, return_inverse=True)
    outcomes = _compressed(outcome, observed)
    null = _maximise(outcomes, np.broadcast_to(z, (len(observed), *z.shape)), prior)
    step = max(
        1, CHUNK // (8 * max(participants, 1) * (z.shape[1] + 1 + max(outcomes.levels.max(initial=2), 2)))
    )
    parts = []
    for start in range(0, max(len(x), 1), step):
        rows = slice(start, start + step)
        of = pattern[rows]
        parts.append(_fit_rows(x[rows], outcomes.rows(of), z, _rows(null, of), prior))
    return Odds(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Odds)))


def _spanning(covariates: Matrix) -> Matrix:
    """Columns of unit variance, each uncorrelated with those before, that with a constant span the covariates."""
    basis = np.full((len(covariates), 1), 1.0 / np.sqrt(max(len(covariates), 1)))
    for column in covariates.T:
        rest = column - basis @ (basis.T @ column)
        rest -= basis @ (basis.T @ rest)
        length = np.linalg.norm(rest)
        if length > TOLERANCE * np.linalg.norm(column):
            basis = np.column_stack([basis, rest / length])
    spanning: Matrix = basis[:, 1:] * np.sqrt(len(covariates))
    return spanning


def _compressed(outcome: NDArray[np.int64], observed: NDArray[np.bool_]) -> _Outcome:
    known, code = np.unique(outcome, return_inverse=True)
    present = observed.astype(np.int64) @ (code[:, None] == np.arange(known.size)) > 0
    number = np.cumsum(present, axis=1) - 1
    return _Outcome(np.where(observed, number[:, code], -1), present.sum(axis=1))


def _rows(maximum: _Maximum, rows: NDArray[np.intp]) -> _Maximum:
    return _Maximum(*(getattr(maximum, field.name)[rows] for field in fields(_Maximum)))


def _fit_rows(x: Matrix, outcome: _Outcome, z: Matrix, null: _Maximum, prior: float) -> Odds:
    from scipy.special import chdtrc

    observed = outcome.observed
    n = observed.sum(axis=1)
    share = observed / np.maximum(n, 1)[:, None]
    values = np.where(observed, x, 0.0)
    centred = np.where(observed, values - np.sum(share * values, axis=1)[:, None], 0.0)
    sd = np.sqrt(np.sum(share * centred**2, axis=1))
    varies = sd > TOLERANCE * np.sqrt(np.sum(share * values**2, axis=1))
    scale = np.where(varies, sd, 1.0)
    predictors = np.concatenate(
        [(centred / scale[:, None])[:, :, None], np.broadcast_to(z, (len(x), *z.shape))], axis=2
    )
    best = _maximise(outcome, predictors, prior)
    statistic, df = _score(centred, null.residual, observed, z)
    usable = varies & (outcome.levels > 1) & (df > 0)
    estimate, se = best.coefficients[:, 0] / scale, np.sqrt(best.variance[:, 0]) / scale
    with np.errstate(invalid="ignore"):
        likelihood = chdtrc(1, np.maximum(2.0 * (best.value - null.value - prior * np.log(0.5)), 0.0))
    columns = {
        "estimate": estimate,
        "se": se,
        "ci_low": estimate - NORMAL * se,
        "ci_high": estimate + NORMAL * se,
        "statistic": statistic,
        "df": df,
        "p_value": two_sided_p(statistic, df),
        "p_likelihood": likelihood,
    }
    separated = usable & _ordered(np.einsum("fnp,fp->fn", predictors, best.coefficients), outcome)
    return Odds(
        **{name: np.where(usable, column, np.nan) for name, column in columns.items()},
        separated=separated,
        n=n,
    )


def _score(x: Matrix, residual: Matrix, observed: NDArray[np.bool_], z: Matrix) -> tuple[Vector, Vector]:
    """Correlation of both residuals, neither of which the covariates explain, as t; and its degrees of freedom."""
    basis = np.concatenate([np.ones((len(z), 1)), z], axis=1)[None] * observed[:, :, None]
    u, singular, _ = np.linalg.svd(basis, full_matrices=False)
    kept = singular > TOLERANCE * singular[:, :1]
    u = u * kept[:, None, :]
    x, residual = (one - np.einsum("fnk,fmk,fm->fn", u, u, one, optimize=True) for one in (x, residual))
    df = (observed.sum(axis=1) - kept.sum(axis=1) - 1).astype(float)
    product, lengths = np.sum(x * residual, axis=1), np.sum(x**2, axis=1) * np.sum(residual**2, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = product * np.sqrt(df / np.maximum(lengths - product**2, 0.0))
    return np.where(df > 0, statistic, np.nan), df


def _ordered(predictor: Matrix, outcome: _Outcome) -> NDArray[np.bool_]:
    """Whether the predictor of every level lies above that of all lower ones."""
    apart = np.ones(len(predictor), dtype=bool)
    for cut in range(int(outcome.levels.max(initial=1)) - 1):
        lower = outcome.observed & (outcome.number <= cut)
        below = np.where(lower, predictor, -np.inf).max(axis=1)
        above = np.where(outcome.number > cut, predictor, np.inf).min(axis=1)
        apart &= (below <= above) | (cut >= outcome.levels - 1)
    return apart


class _Likelihood:
    """The log likelihood with its prior, of parameters (features x parameters): thresholds, then coefficients."""

    def __init__(self, outcome: _Outcome, predictors: NDArray[np.float64], prior: float) -> None:
        number, levels = outcome.number[:, :, None], outcome.levels[:, None]
        cuts = np.arange(max(int(outcome.levels.max(initial=2)) - 1, 1))
        below = (number == cuts) & (cuts < levels[:, None] - 1)
        above = (number - 1 == cuts) & (number > 0)
        thresholds = np.concatenate([below, above], axis=1).astype(float)
        self.sign = np.repeat([1.0, -1.0], number.shape[1])  # below the upper threshold, above the lower
        self.used = thresholds.sum(axis=2) > 0
        self.rows = np.concatenate([thresholds, -np.concatenate([predictors, predictors], axis=1)], axis=2)
        self.rows *= self.used[:, :, None]
        self.cuts, self.prior = cuts.size, prior
        no_coefficient = np.zeros((len(number), predictors.shape[2]), dtype=bool)
        self.idle = np.concatenate([cuts >= levels - 1, no_coefficient], axis=1)  # thresholds it has not
        self.gap = np.asarray(cuts[1:] <= levels - 2)
        self.between = (number == cuts[1:]).sum(axis=1) * self.gap

    def start(self) -> Matrix:
        """Thresholds from the frequencies of the levels, no effects."""
        half = self.sign.size // 2
        below = self.rows[:, :half, : self.cuts].sum(axis=1).cumsum(axis=1)
        n = (self.used[:, :half] | self.used[:, half:]).sum(axis=1)
        share = np.clip(below / np.maximum(n, 1)[:, None], 1e-3, 1 - 1e-3)
        start = np.zeros(self.idle.shape)
        start[:, : self.cuts] = np.where(self.idle[:, : self.cuts], 0.0, np.log(share / (1 - share)))
        return start

    def rows_of(self, kept: NDArray[np.intp]) -> "_Likelihood":
        """The same for some features."""
        part = object.__new__(_Likelihood)
        part.__dict__.update(self.__dict__)
        for name in ("used", "rows", "idle", "gap", "between"):
            setattr(part, name, getattr(self, name)[kept])
        return part

    def at(self, parameters: Matrix) -> tuple[Vector, Matrix, NDArray[np.float64], Matrix]:
        """Value, gradient, observed information, and the derivative by each row's linear predictor."""
        from scipy.special import expit, log_expit

        eta = (self.rows @ parameters[:, :, None])[:, :, 0] * self.sign
        value = np.sum(self.used * log_expit(eta), axis=1)
        slope = self.used * self.sign * expit(-eta)
        weight = self.used * expit(eta) * expit(-eta)
        gradient = (slope[:, None, :] @ self.rows)[:, 0]
        information = (self.rows * weight[:, :, None]).transpose(0, 2, 1) @ self.rows
        gaps = np.where(self.gap, np.diff(parameters[:, : self.cuts], axis=1), 1.0)
        possible = (gaps > 0).all(axis=1)
        gaps = np.where(gaps > 0, gaps, 1.0)
        value += np.sum(self.between * np.log(-np.expm1(-gaps)), axis=1)
        push = self.between / np.expm1(gaps)
        gradient[:, 1 : self.cuts] += push
        gradient[:, : self.cuts - 1] -= push
        stiff = push / -np.expm1(-gaps)
        low, high = np.arange(self.cuts - 1), np.arange(1, self.cuts)
        for i, j, sign in ((low, low, 1), (high, high, 1), (low, high, -1), (high, low, -1)):
            information[:, i, j] += sign * stiff
        effects = parameters[:, self.cuts :]
        value += self.prior * np.sum(log_expit(effects) - effects / 2.0, axis=1)
        gradient[:, self.cuts :] += self.prior * (expit(-effects) - 0.5)
        diagonal = np.arange(parameters.shape[1])
        information[:, diagonal, diagonal] += self.idle
        coefficient = diagonal[self.cuts :]
        information[:, coefficient, coefficient] += self.prior * expit(effects) * expit(-effects)
        return np.where(possible, value, -np.inf), gradient * ~self.idle, information, slope


def _maximise(outcome: _Outcome, predictors: NDArray[np.float64], prior: float) -> _Maximum:
    """Climb to the maximum, by Newton's method with shorter steps where it overshoots."""
    whole = part = _Likelihood(outcome, predictors, prior)
    parameters = whole.start()
    value, gradient, information, _ = whole.at(parameters)
    active, step = np.arange(len(parameters)), _newton(gradient, information)
    for _ in range(ITERATIONS):
        going = np.flatnonzero(np.abs(step).max(axis=1, initial=0.0) > CONVERGED)
        if not going.size:
            break
        if going.size < active.size:
            active, part, step, value = active[going], part.rows_of(going), step[going], value[going]
        trial = parameters[active] + step
        found, gradient, information, _ = part.at(trial)
        better = found >= value - NOISE
        parameters[active[better]] = trial[better]
        value = np.where(better, found, value)
        step = np.where(better[:, None], _newton(gradient, information), step / 4.0)
    value, _, information, slope = whole.at(parameters)
    half = slope.shape[1] // 2
    cuts = whole.cuts
    return _Maximum(
        coefficients=parameters[:, cuts:],
        variance=np.diagonal(np.linalg.inv(_regular(information)), axis1=1, axis2=2)[:, cuts:],
        value=value,
        residual=-(slope[:, :half] + slope[:, half:]),
    )


def _newton(gradient: Matrix, information: NDArray[np.float64]) -> Matrix:
    step = np.linalg.solve(_regular(information), gradient[:, :, None])[:, :, 0]
    longest = np.abs(step).max(axis=1, initial=STEP_LIMIT)
    bounded: Matrix = step * (STEP_LIMIT / longest)[:, None]
    return bounded


def _regular(information: NDArray[np.float64]) -> NDArray[np.float64]:
    """Safe to invert, also where separation without a prior leaves no curvature."""
    return information + 1e-12 * np.eye(information.shape[1])
