"""Genotypes between two groups: exact tests of dosage or carriers, and Firth-penalised logistic regression.

Arrays are variants by participants: copies of the tested allele (0, 1, 2), carriers of a gene (0, 1), or NaN
where not called. The group is the outcome, so that an estimate is the natural log of the odds ratio of being a
case, per copy.

The exact test is conditional logistic regression of one slope: given how many participants have 0, 1 and 2
copies and how many are cases, the copies that cases hold together follow a hypergeometric distribution, free of
any parameter (Cox 1970, The Analysis of Binary Data, section 4.2). Its two-sided p-value adds up the counts no
likelier than the observed one; with carriers only it is Fisher's (Agresti 2013, Categorical Data Analysis,
section 3.5). It never exceeds its level; the mid-p, which counts those as likely as the observed by half, is
closer to the level but may exceed it.

Firth's regression adds half the log determinant of the information to the likelihood: estimates are finite
where a variant separates the groups. Tests and intervals are those of the profile of the penalised likelihood
(Heinze and Schemper 2002, doi:10.1002/sim.1047). All variants are fitted at once, equal ones once.
"""

from dataclasses import dataclass, fields
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from scleromyomics.stats.design import TOLERANCE, Design, Matrix, Vector
from scleromyomics.stats.profile import profile_distance

Flags: TypeAlias = NDArray[np.bool_]
Stack: TypeAlias = NDArray[np.float64]

CHUNK = 2**21  # numbers worked on at a time (16 MB)
TIE = 1e-7  # probabilities this close, relatively, are equal: the convention of R's fisher.test
ITERATIONS = 200  # scoring converges linearly; a few tens are enough
LONGEST = 5.0  # of a step, per unit spread of the columns
CONVERGED = 1e-9  # the last step, in the same units
HALVINGS = 20  # of a step that lowers the likelihood
ROUNDING = 1e-10  # relative to the log likelihood: smaller falls are rounding


@dataclass(frozen=True, eq=False)
class Exact:
    """Exact tests; one value per variant, NaN where groups or copies do not vary.

    Attributes:
        p_value: two-sided.
        mid_p: the same with outcomes as likely as the observed one counted by half.
    """

    p_value: Vector
    mid_p: Vector


@dataclass(frozen=True, eq=False)
class Firth:
    """Penalised logistic regressions; one value per variant, NaN where the slope is not estimable.

    Attributes:
        estimate: log odds ratio of being a case, per copy.
        se: standard error, from the information.
        ci_low: lower end of the profile interval.
        ci_high: upper end of the profile interval.
        statistic: penalised likelihood ratio (chi-squared, one degree of freedom).
        p_value: of `statistic`.
    """

    estimate: Vector
    se: Vector
    ci_low: Vector
    ci_high: Vector
    statistic: Vector
    p_value: Vector


def exact_trend(dosage: Matrix, case: Flags) -> Exact:
    """Test every variant exactly; variants with equal margins and counts are computed once.

    Args:
        dosage: variants by participants; 0, 1, 2 or NaN.
        case: one truth value per participant.

    Raises:
        ValueError: if shapes disagree, or a dosage is not 0, 1 or 2.
    """
    called = _called(dosage, case)
    if not np.isin(dosage[called], (0.0, 1.0, 2.0)).all():
        raise ValueError("an exact test takes 0, 1 or 2 copies")
    n, m = called.sum(axis=1), (called & case).sum(axis=1)
    one, two = (dosage == 1).sum(axis=1), (dosage == 2).sum(axis=1)
    held = np.where(called & case, dosage, 0.0).sum(axis=1).astype(int)
    flip = two > n - one - two  # count the rarer allele: the fewest outcomes
    held = np.where(flip, 2 * m - held, held)
    two = np.where(flip, n - one - two, two)
    tables, back = np.unique(np.column_stack([one, two, n, m, held]), axis=0, return_inverse=True)
    varies = (tables[:, 3] > 0) & (tables[:, 3] < tables[:, 2])
    varies &= (tables[:, 0] + tables[:, 1] > 0) & (tables[:, 0] < tables[:, 2])
    p = np.full((2, len(tables)), np.nan)
    todo = np.flatnonzero(varies)
    cells = (tables[:, 0] + 1) * (tables[:, 1] + 1)
    todo = todo[np.argsort(cells[todo], kind="stable")]
    while todo.size:
        grid = np.maximum.accumulate(tables[todo, 0] + 1) * np.maximum.accumulate(tables[todo, 1] + 1)
        count = max(1, np.count_nonzero(grid * np.arange(1, todo.size + 1) <= CHUNK))
        p[:, todo[:count]] = _two_sided(tables[todo[:count]])
        todo = todo[count:]
    return Exact(*p[:, back.ravel()])


def firth_logistic(dosage: Matrix, case: Flags, covariates: Design, *, interval: bool = True) -> Firth:
    """Regress the group on every variant and the covariates; equal variants are fitted once.

    Args:
        dosage: variants by participants; finite numbers, or NaN where not called.
        case: one truth value per participant.
        covariates: participants by coefficients, the intercept among them; need not have full rank.
        interval: whether to find the 95 % intervals, most of the time; else NaN.

    Raises:
        ValueError: if shapes disagree.
    """
    from scipy.special import chdtrc

    _called(dosage, case)
    if len(covariates.matrix) != case.size:
        raise ValueError(f"{case.size} participants, {len(covariates.matrix)} rows of covariates")
    distinct, back = np.unique(dosage, axis=0, return_inverse=True)
    nuisance = covariates.basis.q * np.sqrt(case.size)
    step = max(1, CHUNK // (8 * case.size * (nuisance.shape[1] + 1)))
    parts = [
        _fit(distinct[start : start + step], case, nuisance, interval=interval)
        for start in range(0, len(distinct), step)
    ]
    estimate, se, low, high, ratio = np.concatenate([np.zeros((5, 0)), *parts], axis=1)[:, back.ravel()]
    return Firth(estimate, se, low, high, ratio, chdtrc(1.0, ratio))


def _called(dosage: Matrix, case: Flags) -> Flags:
    if dosage.ndim != 2 or dosage.shape[1] != case.size:
        raise ValueError(f"{case.size} participants, dosages of shape {dosage.shape}")
    return ~np.isnan(dosage)


def _two_sided(tables: NDArray[np.int64]) -> Matrix:
    """P-values and mid-p of tables (participants with one copy, with two, all, cases, copies held by cases)."""
    from scipy.special import gammaln

    one, two, n, m, held = (column[:, None, None] for column in tables.T)
    log_factorial = gammaln(np.arange(n.max() + 1) + 1.0)

    def choose(size: NDArray[np.int64], taken: NDArray[np.int64]) -> Stack:
        """Log binomial coefficient; minus infinity where there is no such choice."""
        possible = (taken >= 0) & (taken <= size)
        inside = np.where(possible, taken, 0)
        value = log_factorial[size] - log_factorial[inside] - log_factorial[size - inside]
        return np.where(possible, value, -np.inf)

    ones = np.arange(one.max() + 1)[None, :, None]
    twos = np.arange(two.max() + 1)[None, None, :]
    zero = n - one - two
    p = np.exp(choose(one, ones) + choose(two, twos) + choose(zero, m - ones - twos) - choose(n, m))
    width = p.shape[1]
    total = np.zeros((len(tables), width + 2 * twos[0, 0, -1]))
    for copies in twos[0, 0]:
        total[:, 2 * copies : 2 * copies + width] += p[:, :, copies]
    observed = np.take_along_axis(total, held[:, :, 0], axis=1)
    rarer = np.where(total < observed * (1.0 - TIE), total, 0.0).sum(axis=1)
    alike = np.where(np.abs(total - observed) <= observed * TIE, total, 0.0).sum(axis=1)
    return np.minimum([rarer + alike, rarer + alike / 2.0], 1.0)


@dataclass(frozen=True, eq=False)
class _Task:
    """Variants ready to be fitted: the last column of X is the variant's, of unit spread."""

    X: Stack  # variants x participants x columns; zero where not called
    called: Matrix  # variants x participants, 1 or 0
    case: Vector

    def rows(self, kept: NDArray[np.intp]) -> "_Task":
        return _Task(self.X[kept], self.called[kept], self.case)


@dataclass(frozen=True, eq=False)
class _Point:
    """Penalised log likelihood, its score and the information at some coefficients, per variant."""

    value: Vector
    score: Matrix
    information: Stack


def _fit(dosage: Matrix, case: Flags, nuisance: Matrix, *, interval: bool) -> Matrix:
    """Estimate, standard error, interval and likelihood ratio (rows) of some variants."""
    called = ~np.isnan(dosage)
    n = np.maximum(called.sum(axis=1, keepdims=True), 1)
    centred = np.where(called, dosage - np.where(called, dosage, 0.0).sum(axis=1, keepdims=True) / n, 0.0)
    spread = np.sqrt((centred**2).sum(axis=1, keepdims=True) / n)
    column = centred / np.where(spread > 0, spread, 1.0)
    X = np.concatenate([nuisance * called[:, :, None], column[:, :, None]], axis=2)
    singular = np.linalg.eigvalsh(X.transpose(0, 2, 1) @ X / n[:, :, None])
    cases = (called & case).sum(axis=1)
    usable = (singular[:, 0] > TOLERANCE**2 * singular[:, -1]) & (cases > 0) & (cases < n[:, 0])
    result = np.full((5, len(dosage)), np.nan)
    kept = np.flatnonzero(usable)
    if not kept.size:
        return result
    task = _Task(X[kept], called[kept].astype(float), case.astype(float))
    best, top = _maximise(task, np.zeros((kept.size, X.shape[2])), free=X.shape[2])
    se = np.sqrt(np.linalg.inv(top.information)[:, -1, -1])
    none = best.copy()
    none[:, -1] = 0.0
    ratio = np.maximum(2.0 * (top.value - _maximise(task, none, free=-1)[1].value), 0.0)

    nan = np.full(kept.size, np.nan)

    def root(rows: NDArray[np.intp], distance: Vector) -> Vector:
        start = best[rows]
        start[:, -1] += distance
        value = _maximise(task.rows(rows), start, free=-1)[1].value
        return np.sqrt(np.maximum(2.0 * (top.value[rows] - value), 0.0))

    ends = [best[:, -1] + profile_distance(root, sign * se) if interval else nan for sign in (-1.0, 1.0)]
    result[:4, kept] = np.array([best[:, -1], se, *ends]) / spread[kept, 0]
    result[4, kept] = ratio
    return result


def _point(task: _Task, beta: Matrix) -> _Point:
    eta = (task.X @ beta[:, :, None])[:, :, 0]
    fitted = 1.0 / (1.0 + np.exp(-eta))
    weighted = task.X * (task.called * fitted * (1.0 - fitted))[:, :, None]
    information = task.X.transpose(0, 2, 1) @ weighted
    sign, log_det = np.linalg.slogdet(information)
    usable = sign > 0
    inverse = np.linalg.inv(np.where(usable[:, None, None], information, np.eye(beta.shape[1])))
    leverage = np.einsum("gij,gij->gi", weighted @ inverse, task.X)
    score = task.called * (task.case - fitted) + leverage * (0.5 - fitted)
    likelihood = (task.called * (task.case * eta - np.logaddexp(0.0, eta))).sum(axis=1)
    value = np.where(usable, likelihood + 0.5 * log_det, -np.inf)
    return _Point(value, (score[:, None, :] @ task.X)[:, 0], information)


def _maximise(task: _Task, start: Matrix, *, free: int) -> tuple[Matrix, _Point]:
    """Scoring over the first `free` coefficients of every variant; the others stay as they start."""
    beta, active, part = start.copy(), np.arange(len(start)), task
    here = _point(part, beta)
    for _ in range(ITERATIONS):
        step = np.zeros((active.size, beta.shape[1]))
        step[:, :free] = np.linalg.solve(here.information[:, :free, :free], here.score[:, :free, None])[
            :, :, 0
        ]
        size = np.abs(step).max(axis=1, initial=0.0)
        going = size > CONVERGED
        if not going.any():
            break
        if not going.all():
            active, step, size = active[going], step[going], size[going]
            part, here = part.rows(np.flatnonzero(going)), _Point(*_taken(here, going))
        step *= np.minimum(1.0, LONGEST / size)[:, None]
        trial = _point(part, beta[active] + step)
        for _ in range(HALVINGS):
            worse = trial.value < here.value - ROUNDING * np.abs(here.value)
            if not worse.any():
                break
            step[worse] /= 2.0
            trial = _point(part, beta[active] + step)
        beta[active] += step
        here = trial
    return beta, _point(task, beta)


def _taken(point: _Point, kept: Flags) -> list[Stack]:
    return [getattr(point, field.name)[kept] for field in fields(_Point)]
