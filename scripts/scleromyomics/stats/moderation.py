"""Empirical Bayes moderation of variances: limma's squeezeVar, fitFDist and moderated t.

Variances of all features are taken as draws from a scaled F distribution whose prior degrees of freedom and
prior variance are fitted by moments of log variances (Smyth 2004, doi:10.2202/1544-6115.1027); degrees of
freedom may differ between features. Every array has one value per feature. What is squeezed is the variance
handed in: the residual variance with the contrast's `unscaled` standard error, or the variance of the
contrast itself with `unscaled` 1 and degrees of freedom of its own. Equal to limma 3.54.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scleromyomics.stats.design import Vector

NO_DF = 1e-15  # degrees of freedom at or below this carry no variance (limma)
ZERO_VARIANCE = 1e-5  # smaller fractions of the median variance are raised to it, for the prior only (limma)
TRIGAMMA_STEP = 1e-8  # relative step at which Newton's iteration ends (limma); convergence is quadratic
TRIGAMMA_ITERATIONS = 50  # convergence is monotone from any start; limma's bound
TRIGAMMA_LARGE, TRIGAMMA_SMALL = 1e7, 1e-6  # outside, limma takes the asymptotes of trigamma


@dataclass(frozen=True)
class Prior:
    """The fitted prior: what a feature's variance is before its data are seen.

    Attributes:
        df: prior degrees of freedom: 0 (no moderation) to infinity (all features share one variance).
        variance: prior variance, in squared units of the data.
    """

    df: float
    variance: float


@dataclass(frozen=True, eq=False)
class Moderated:
    """Moderated tests; each array holds one value per feature.

    Attributes:
        se: moderated standard error.
        statistic: moderated t.
        df: total degrees of freedom: own plus prior, at most those of all features together.
        p_value: two-sided.
        ci_low: lower end of the confidence interval.
        ci_high: upper end of the confidence interval.
        posterior: posterior variance.
        prior: the prior that was fitted.
    """

    se: Vector
    statistic: Vector
    df: Vector
    p_value: Vector
    ci_low: Vector
    ci_high: Vector
    posterior: Vector
    prior: Prior


def trigamma_inverse(x: float) -> float:
    """The y with trigamma(y) = x, for x > 0, by Newton's method on 1 / trigamma (Smyth 2004, appendix)."""
    from scipy.special import polygamma

    if x > TRIGAMMA_LARGE:
        return float(1.0 / np.sqrt(x))
    if x < TRIGAMMA_SMALL:
        return 1.0 / x
    y = 0.5 + 1.0 / x
    for _ in range(TRIGAMMA_ITERATIONS):
        trigamma = float(polygamma(1, y))
        step = trigamma * (1.0 - trigamma / x) / float(polygamma(2, y))
        y += step
        if -step / y < TRIGAMMA_STEP:
            break
    return y


def fit_prior(variance: Vector, df: Vector) -> Prior:
    """Fit the prior to the variances of all features that have degrees of freedom (limma's fitFDist).

    Zero variances are raised to a small fraction of the median for this purpose; where more than half are
    zero, the fraction is of 1 and moderation is unreliable.

    Raises:
        ValueError: if no feature has a finite variance with degrees of freedom.
    """
    from scipy.special import digamma, polygamma

    usable = np.isfinite(df) & (df > NO_DF) & np.isfinite(variance) & (variance > -NO_DF)
    x, half = np.maximum(variance[usable], 0.0), df[usable] / 2.0
    if not x.size:
        raise ValueError("no feature has residual degrees of freedom")
    if x.size == 1:
        return Prior(df=0.0, variance=float(x[0]))
    x = np.maximum(x, ZERO_VARIANCE * (float(np.median(x)) or 1.0))
    e = np.log(x) - digamma(half) + np.log(half)
    spread = float(e.var(ddof=1) - polygamma(1, half).mean())
    if spread <= 0:
        return Prior(df=float("inf"), variance=float(x.mean()))
    prior_half = trigamma_inverse(spread)
    centre = e.mean() + digamma(prior_half) - np.log(prior_half)
    return Prior(df=2.0 * prior_half, variance=float(np.exp(centre)))


def posterior_variance(variance: Vector, df: Vector, prior: Prior) -> Vector:
    """Average each variance with the prior's, by degrees of freedom; a feature with none has the prior's."""
    if np.isinf(prior.df):
        return np.full(len(variance), prior.variance)
    known = np.where(df > 0, variance, 0.0)
    with np.errstate(invalid="ignore"):  # neither own nor prior degrees of freedom: no variance, NaN
        squeezed: Vector = (df * known + prior.df * prior.variance) / (df + prior.df)
    return squeezed


def moderated_t(
    estimate: Vector, unscaled: Vector, variance: Vector, df: Vector, *, level: float = 0.95
) -> Moderated:
    """Test every estimate against 0 with moderated variances.

    Args:
        estimate: NaN gives NaN, but the feature's variance still informs the prior.
        unscaled: standard error of the estimate per unit of the square root of `variance`.
        variance: residual variance (or variance of the estimate, with `unscaled` 1); NaN where `df` is 0.
        df: degrees of freedom of `variance`.
        level: confidence of the interval.

    Raises:
        ValueError: if no feature has degrees of freedom.
    """
    prior = fit_prior(variance, df)
    posterior = posterior_variance(variance, df, prior)
    total = np.minimum(df + prior.df, np.nansum(df))
    se = unscaled * np.sqrt(posterior)
    with np.errstate(divide="ignore", invalid="ignore"):  # a standard error of 0 gives an infinite t, or NaN
        statistic = estimate / se
    half_width = t_quantile(total, 0.5 + level / 2.0) * se
    return Moderated(
        se=np.where(np.isnan(estimate), np.nan, se),
        statistic=statistic,
        df=total,
        p_value=two_sided_p(statistic, total),
        ci_low=estimate - half_width,
        ci_high=estimate + half_width,
        posterior=posterior,
        prior=prior,
    )


def two_sided_p(statistic: Vector, df: Vector) -> Vector:
    """P(|T| >= |statistic|) for Student's t; NaN stays NaN."""
    from scipy.special import stdtr

    p: Vector = 2.0 * stdtr(df, -np.abs(statistic))
    return p


def t_quantile(df: ArrayLike, probability: float) -> NDArray[np.float64]:
    """Quantile of Student's t for each `df`; equal degrees of freedom are computed once."""
    from scipy.special import stdtrit

    distinct, where = np.unique(np.asarray(df, dtype=float), return_inverse=True)
    quantile: NDArray[np.float64] = stdtrit(distinct, probability)[where]
    return quantile
