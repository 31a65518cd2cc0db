"""Allele fractions within participants (tissues or visits), and above the artefact rate of a panel of controls.

Reads that carry the alternate allele follow a beta-binomial distribution with one overdispersion `rho`, the
correlation of the reads of a sample, shared by all sites; 0 is the binomial. A pair has a logit fraction of its
own before, and one farther by the change after; changes follow a design of pairs (one common change, or a
difference between groups). Estimates are changes of the logit fraction: natural log odds ratios of reads.

A baseline per pair and few reads make the plain likelihood ratio anti-conservative, and infinite estimates
common. Half the log determinant of the (quasi-likelihood) information is added to the likelihood (Firth 1993,
doi:10.1093/biomet/80.1.27); with one pair and rho 0 this is half a read added to each of the four counts. Tests and
intervals are those of the profile of that likelihood, and all sites are fitted at once by scoring.
"""

from dataclasses import dataclass, fields
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from scleromyomics.stats.design import TOLERANCE, Design, Matrix, Vector
from scleromyomics.stats.profile import profile_distance

Stack: TypeAlias = NDArray[np.float64]

CHUNK = 2**21  # numbers worked on at a time (16 MB)
ITERATIONS = 200  # scoring converges linearly; a few tens are enough
LONGEST = 3.0  # of a step, logits
CONVERGED = 1e-7  # the last step, logits
HALVINGS = 20  # of a step that lowers the likelihood
ROUNDING = 1e-10  # relative to the log likelihood: smaller falls are rounding
FARTHEST = 30.0  # logits: fractions beyond 1e-13 are not told apart
RHO_ITERATIONS = 5  # of the weights by depth, which depend on rho


@dataclass(frozen=True, eq=False)
class FractionChange:
    """Changes of logit allele fractions; one value per site, NaN where no change is estimable.

    Attributes:
        estimate: the contrast of the changes, after minus before, natural log odds ratio of reads.
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


def log_likelihood(alt: Stack, depth: Stack, logit: Stack, rho: float) -> Stack:
    """Beta-binomial log likelihood of a logit fraction, without the binomial coefficient."""
    from scipy.special import betaln, expit

    if rho == 0:
        return alt * logit - depth * np.logaddexp(0.0, logit)
    a, b = expit(logit) * (1.0 - rho) / rho, expit(-logit) * (1.0 - rho) / rho
    value: Stack = betaln(alt + a, depth - alt + b) - betaln(a, b)
    return value


def allele_change(
    alt: Stack, depth: Stack, design: Design, contrast: Vector, *, rho: float, interval: bool = True
) -> FractionChange:
    """Test a contrast of the changes of every site.

    Args:
        alt: (before, after) x sites x pairs, alternate reads.
        depth: the same, all reads; pairs without reads on a side are left out of their site.
        design: pairs by coefficients, of the changes.
        contrast: one weight per coefficient.
        rho: overdispersion, 0 to less than 1.
        interval: whether to find the 95 % intervals, most of the time; else NaN.

    Raises:
        ValueError: if shapes disagree, counts are impossible, or the design does not determine the contrast.
    """
    from scipy.special import chdtrc

    _check(alt, depth)
    if alt.ndim != 3 or len(alt) != 2 or alt.shape[2] != len(design.matrix):
        raise ValueError(f"{len(design.matrix)} pairs in the design, reads of shape {alt.shape}")
    if not design.basis.spans(contrast):
        raise ValueError(f"the design {design.formula} does not determine the contrast")
    target = design.basis.coordinates(contrast)
    length = float(np.linalg.norm(target))
    turn = np.linalg.qr(np.column_stack([target / length, np.eye(target.size)]))[0]
    turn[:, 0] = target / length
    X = design.basis.q @ turn[:, ::-1]  # the last coefficient is the contrast, up to `length`
    step = max(1, CHUNK // (alt.shape[2] * (20 + X.shape[1] ** 2)))
    parts = [
        _fit(alt[:, start : start + step], depth[:, start : start + step], X, rho, interval=interval)
        for start in range(0, alt.shape[1], step)
    ]
    found = np.concatenate([np.zeros((5, 0)), *parts], axis=1)
    estimate, se, low, high = found[:4] * length
    return FractionChange(estimate, se, low, high, found[4], chdtrc(1.0, found[4]))


def overdispersion(alt: Stack, depth: Stack) -> float:
    """One rho of all sites and pairs, as if no fraction changed: those that do make it larger, tests cautious.

    By moments: the squared difference of a pair's two fractions holds twice the variance between samples
    besides that of drawing reads, which the reads of one sample tell without bias. (Likelihoods that profile
    out a baseline per pair come out too small: 0.065 for 0.1 at depths of 8 to 19.)

    Args:
        alt: (before, after) x sites x pairs, alternate reads.
        depth: the same, all reads.
    """
    _check(alt, depth)
    told = (depth > 1).all(axis=0)
    k, n = alt[:, told], depth[:, told]
    drawing = k * (n - k) / (n * (n - 1.0))  # estimates f (1 - f) (1 - rho)
    between = (k[0] / n[0] - k[1] / n[1]) ** 2 - (drawing / n).sum(axis=0)  # estimates 2 f (1 - f) rho
    ratio = 0.0  # rho / (1 - rho)
    for _ in range(RHO_ITERATIONS):
        weight = 1.0 / ((1.0 / n).sum(axis=0) + 2.0 * ratio)
        whole = float((weight * drawing.sum(axis=0)).sum())
        ratio = max(float((weight * between).sum()) / whole, 0.0) if whole > 0 else 0.0
    return ratio / (1.0 + ratio)


def artefact_rate(alt: Matrix, depth: Matrix) -> Vector:
    """The fraction of alternate reads in a panel of controls, half a read added to alternates and others.

    Args:
        alt: sites x controls, alternate reads.
        depth: the same, all reads.
    """
    _check(alt, depth)
    rate: Vector = (alt.sum(axis=1) + 0.5) / (depth.sum(axis=1) + 1.0)
    return rate


def above_artefact(alt: Vector, depth: Vector, rate: Vector, *, rho: float) -> Vector:
    """One-sided p-value: how often artefacts alone give as many alternate reads, or more.

    The beta-binomial tail itself, which keeps its level at every depth and rate; the likelihood ratio, on the
    boundary of what is possible here, does not.

    Args:
        alt: alternate reads, one value per site.
        depth: all reads.
        rate: artefact rates, between 0 and 1.
        rho: overdispersion, 0 to less than 1.
    """
    from scipy.special import betainc, gammaln, logit

    _check(alt, depth)
    if rho == 0:
        return np.where(alt > 0, betainc(np.maximum(alt, 1.0), depth - alt + 1.0, rate), 1.0)
    p = np.ones(alt.size)
    order = np.argsort(alt, kind="stable")  # of similar length
    step = max(1, CHUNK // int(alt.max(initial=0) + 1))
    for start in range(0, alt.size, step):
        rows = order[start : start + step]
        reads = np.arange(alt[rows].max())[None, :]  # fewer than seen
        below = reads < alt[rows, None]
        n, k = depth[rows, None], np.where(below, reads, 0.0)
        choose = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
        mass = np.exp(choose + log_likelihood(k, n, logit(rate[rows, None]), rho))
        p[rows] = 1.0 - np.where(below, mass, 0.0).sum(axis=1)
    return np.clip(p, 0.0, 1.0)


def _check(alt: Stack, depth: Stack) -> None:
    if alt.shape != depth.shape:
        raise ValueError(f"alternate reads of shape {alt.shape}, depths of shape {depth.shape}")
    if not ((alt >= 0) & (alt <= depth)).all():
        raise ValueError("alternate reads are between 0 and the depth")


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Reads of some sites; pairs without reads on a side have none on the other."""

    alt: Stack  # (before, after) x sites x pairs
    depth: Stack
    X: Matrix  # pairs x coefficients, the one of interest last
    used: NDArray[np.bool_]  # sites x pairs

    @staticmethod
    def of(alt: Stack, depth: Stack, X: Matrix) -> "_Pairs":
        used: NDArray[np.bool_] = np.all(depth > 0, axis=0)
        return _Pairs(np.where(used, alt, 0.0), np.where(used, depth, 0.0), X, used)

    def rows(self, kept: NDArray[np.intp]) -> "_Pairs":
        return _Pairs(self.alt[:, kept], self.depth[:, kept], self.X, self.used[kept])

    def start(self) -> tuple[Matrix, Matrix]:
        """Logits without a change."""
        alt, depth = self.alt.sum(axis=0) + 0.5, self.depth.sum(axis=0) + 1.0
        return np.log(alt / (depth - alt)), np.zeros((len(alt), self.X.shape[1]))


@dataclass(frozen=True, eq=False)
class _Point:
    """The penalised likelihood of each site and its derivatives, sites first."""

    value: Vector
    score: Stack  # sites x (before, after) x pairs, by the logits
    weight: Stack  # the same, information by which steps are taken
    information: Stack  # sites x coefficients x coefficients, baselines profiled out


def _fit(alt: Stack, depth: Stack, X: Matrix, rho: float, *, interval: bool) -> Matrix:
    """Estimate, standard error, interval and likelihood ratio (rows) of some sites."""
    pairs = _Pairs.of(alt, depth, X)
    gram = np.einsum("sp,pi,pj->sij", pairs.used.astype(float), X, X)
    kept = np.flatnonzero(np.linalg.eigvalsh(gram)[:, 0] > TOLERANCE**2)
    result = np.full((5, alt.shape[1]), np.nan)
    if not kept.size:
        return result
    pairs = pairs.rows(kept)
    base, change, top = _maximise(pairs, rho, *pairs.start(), free=X.shape[1])
    se = np.sqrt(np.linalg.inv(top.information)[:, -1, -1])

    def ratio(rows: NDArray[np.intp], value: Vector) -> Vector:
        moved = change[rows]
        moved[:, -1] = value
        found = _maximise(pairs.rows(rows), rho, base[rows], moved, free=-1)[2].value
        return np.maximum(2.0 * (top.value[rows] - found), 0.0)

    def root(rows: NDArray[np.intp], distance: Vector) -> Vector:
        return np.sqrt(ratio(rows, change[rows, -1] + distance))

    nan = np.full(kept.size, np.nan)
    ends = [change[:, -1] + profile_distance(root, sign * se) if interval else nan for sign in (-1.0, 1.0)]
    result[:, kept] = [change[:, -1], se, *ends, ratio(np.arange(kept.size), np.zeros(kept.size))]
    return result


def _point(pairs: _Pairs, rho: float, base: Matrix, change: Matrix) -> _Point:
    """The penalty is half the log determinant of the quasi-likelihood information.

    Steps are taken by the observed information, where that is larger.
    """
    from scipy.special import digamma, expit, polygamma

    k, n, X = pairs.alt, pairs.depth, pairs.X
    eta = np.clip(np.stack([base, base + change @ X.T]), -FARTHEST, FARTHEST)
    f, g = expit(eta), expit(-eta)
    v = f * g
    quasi = n * v / (1.0 + np.maximum(n - 1.0, 0.0) * rho)
    if rho == 0:
        slope, observed = k - n * f, quasi
    else:
        s = (1.0 - rho) / rho
        a, b = f * s, g * s
        first = s * (digamma(k + a) - digamma(a) - digamma(n - k + b) + digamma(b))
        second = s**2 * (polygamma(1, k + a) - polygamma(1, a) + polygamma(1, n - k + b) - polygamma(1, b))
        slope = first * v
        observed = np.maximum(-second * v**2 - first * v * (g - f), quasi)
    total = np.where(pairs.used, quasi.sum(axis=0), 1.0)
    B = _profiled(quasi, total, X)
    usable = B.shape[1] == 0 or np.linalg.eigvalsh(B)[:, 0] > 0
    inverse = np.linalg.inv(np.where(np.reshape(usable, (-1, 1, 1)), B, np.eye(X.shape[1])))
    leverage = np.einsum("pi,sij,pj->sp", X, inverse, X)
    score = slope + 0.5 * quasi * (g - f) * (1.0 / total + leverage * (quasi[::-1] / total) ** 2)
    likelihood = log_likelihood(k, n, eta, rho).sum(axis=(0, 2))
    penalty = 0.5 * (np.log(total).sum(axis=1) + np.linalg.slogdet(B)[1])
    all_observed = np.where(pairs.used, observed.sum(axis=0), 1.0)
    return _Point(
        value=np.where(usable, likelihood + penalty, -np.inf),
        score=score.transpose(1, 0, 2),
        weight=observed.transpose(1, 0, 2),
        information=_profiled(observed, all_observed, X),
    )


def _profiled(weight: Stack, total: Matrix, X: Matrix) -> Stack:
    found: Stack = np.einsum("sp,pi,pj->sij", weight[0] * weight[1] / total, X, X)
    return found


def _maximise(
    pairs: _Pairs, rho: float, base: Matrix, change: Matrix, *, free: int
) -> tuple[Matrix, Matrix, _Point]:
    """Scoring over all baselines and the first `free` coefficients; the others stay as they start."""
    base, change, active, part = base.copy(), change.copy(), np.arange(len(base)), pairs
    here = _point(part, rho, base, change)
    for _ in range(ITERATIONS):
        move, turn = _step(here, part, free)
        size = np.maximum(np.abs(move).max(axis=1), np.abs(turn).max(axis=1, initial=0.0))
        going = size > CONVERGED
        if not going.any():
            break
        if not going.all():
            active, move, turn, size = active[going], move[going], turn[going], size[going]
            part = part.rows(np.flatnonzero(going))
            here = _Point(*(getattr(here, field.name)[going] for field in fields(_Point)))
        scale = np.minimum(1.0, LONGEST / size)[:, None]
        for _ in range(HALVINGS):
            trial = _point(part, rho, base[active] + scale * move, change[active] + scale * turn)
            worse = trial.value < here.value - ROUNDING * np.abs(here.value)
            if not worse.any():
                break
            scale[worse] /= 2.0
        base[active] += scale * move
        change[active] += scale * turn
        here = trial
    return base, change, _point(pairs, rho, base, change)


def _step(point: _Point, pairs: _Pairs, free: int) -> tuple[Matrix, Matrix]:
    """Steps of the baselines and of the coefficients: the baselines are eliminated pair by pair."""
    both = point.score.sum(axis=1)
    total = np.where(pairs.used, point.weight.sum(axis=1), 1.0)
    after = point.weight[:, 1] / total
    turn = np.zeros((len(both), pairs.X.shape[1]))
    if turn[:, :free].size:
        left = ((point.score[:, 1] - after * both) @ pairs.X)[:, :free, None]
        turn[:, :free] = np.linalg.solve(point.information[:, :free, :free], left)[:, :, 0]
    return both / total - after * (turn @ pairs.X.T), turn
