"""What a study could have seen: power of a given effect, and the smallest detectable effect (`mde`).

An estimate divided by its standard error follows the noncentral t distribution with noncentrality effect / se
(Cohen 1988, Statistical Power Analysis, chapter 2). Effects and standard errors share a unit; tests are
two-sided.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scleromyomics.stats.design import Vector
from scleromyomics.stats.moderation import t_quantile

# The p-value that a 5 % false discovery rate implies when 1 % of features carry an effect and 80 % of those
# are found: 0.05 / 0.95 x 0.01 / 0.99 x 0.80.
ALPHA = 4.2e-4
POWER = 0.80  # the usual planning value


def smallest_detectable_effect(
    unscaled: ArrayLike, posterior: Vector, df: ArrayLike, *, alpha: float = ALPHA, power: float = POWER
) -> NDArray[np.float64]:
    """The effect that a test at `alpha` finds with probability `power`.

    Args:
        unscaled: standard error of each feature's contrast per unit of residual standard deviation.
        posterior: posterior variances of all features; their median stands for each, so that the answer tells
            about the design and not about the noise of one feature's variance.
        df: total degrees of freedom per feature.
        alpha: two-sided level of the test.
        power: probability of finding the effect.

    Returns:
        One effect per feature, in the unit of the estimate; NaN where `unscaled` is.
    """
    from scipy.special import nctdtrinc

    distinct, where = np.unique(np.asarray(df, dtype=float), return_inverse=True)
    # The other tail adds less than 1e-7 to the power: left out.
    noncentrality = nctdtrinc(distinct, 1.0 - power, t_quantile(distinct, 1.0 - alpha / 2.0))[where]
    effect: NDArray[np.float64] = noncentrality * np.asarray(unscaled) * np.sqrt(np.nanmedian(posterior))
    return effect


def detection_power(
    effect: ArrayLike, se: ArrayLike, df: ArrayLike, *, alpha: float = ALPHA
) -> NDArray[np.float64]:
    """The probability that a two-sided test at `alpha` finds `effect`, for a standard error with `df`."""
    noncentrality = np.abs(np.asarray(effect, dtype=float)) / np.asarray(se, dtype=float)
    critical = t_quantile(df, 1.0 - alpha / 2.0)
    return 1.0 - _noncentral_t(df, noncentrality, critical) + _noncentral_t(df, noncentrality, -critical)


def _noncentral_t(df: ArrayLike, noncentrality: Vector, x: Vector) -> Vector:
    """Distribution function of noncentral t; scipy returns NaN where it is below rounding: here 0."""
    from scipy.special import nctdtr

    p = nctdtr(df, noncentrality, x)
    return np.where(np.isnan(p) & ~np.isnan(noncentrality), 0.0, p)
