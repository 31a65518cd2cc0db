"""Compositions (counts of cells by type): log-ratios, and tests of them with a named estimand.

Counts are types by samples. Only ratios between types are observed: when one type grows, the share of every
other falls. What is estimated is therefore one of two things, in log2:

- relative to a declared reference type: its change is 0 by definition;
- relative to the types that do not change: the mode of the changes of the *other* types, assuming that most of
  them change alike. This is the mode-corrected centred log-ratio of Zhou 2022
  (doi:10.1186/s13059-022-02655-5), made for few types. The mode is that of a Gaussian kernel density whose
  bandwidth follows each type's standard error, found by mean shift; the kernel weights of the types at the
  mode then make one reference per sample, their weighted mean log count. The log-ratio to it carries the
  reference's own noise, so that standard errors are honest, which shifting estimates by a constant is not.

Zeros: half a cell is added to every count; samples without any cell are missing. Variances are not moderated:
few types whose counts differ a hundredfold, and whose ratios share noise, make no prior (type I errors at 0.05
with 3 + 3 participants and 9 types: 0.064 moderated, 0.053 not). Between participants t tests of least squares,
exact for normal log-ratios; with repeated samples mixed models with Satterthwaite degrees of freedom.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from scleromyomics.stats.design import Design, Matrix, Vector
from scleromyomics.stats.linear import fit_contrast
from scleromyomics.stats.mixed import fit_mixed
from scleromyomics.stats.moderation import t_quantile, two_sided_p

HALF_CELL = 0.5  # added to each count: the pseudo-count of Zhou 2022
# Of the kernels, in standard errors of each type's change. Wider ones follow types that change a little,
# narrower ones follow noise; between 1 and 2 the type I error was the same.
BANDWIDTH = 1.5
SHIFTS = 100  # mean shifts; they converge linearly, in ten to twenty
SETTLED = 1e-6  # of the mode, in log2: a thousandth of a small standard error
# Below, tests against the mode exceed their level: 0.066 to 0.076 with 5 types between participants, 0.060 with 9
# types and 3 participants a side (benchmarks/calibration_composition.py).
FEWEST_TYPES, FEWEST_PARTICIPANTS = 9, 5


@dataclass(frozen=True, eq=False)
class Change:
    """Changes of types; one value per type, NaN where not estimable (and for the reference type).

    Attributes:
        estimate: log2 fold change of the type relative to the reference.
        se: standard error.
        ci_low: lower end of the confidence interval.
        ci_high: upper end of the confidence interval.
        statistic: t.
        df: degrees of freedom.
        p_value: two-sided.
    """

    estimate: Vector
    se: Vector
    ci_low: Vector
    ci_high: Vector
    statistic: Vector
    df: Vector
    p_value: Vector


def log_counts(counts: Matrix) -> Matrix:
    """Log2 of counts plus half a cell; samples without any cell, and types never seen, are NaN."""
    seen = np.nansum(counts, axis=0) > 0, np.nansum(counts, axis=1) > 0
    logs: Matrix = np.log2(np.where(seen[0] & seen[1][:, None], counts, np.nan) + HALF_CELL)
    return logs


def against_type(logs: Matrix, reference: int) -> Matrix:
    """Log-ratios of every type to one; that one is NaN."""
    ratios: Matrix = logs - logs[reference]
    ratios[reference] = np.nan
    return ratios


def against_mode(logs: Matrix, estimate: Vector, se: Vector) -> Matrix:
    """Log-ratios of every type to the types at the mode of the changes of the others.

    Args:
        logs: types by samples.
        estimate: change of each type, up to a constant that all share; NaN for types that make no reference.
        se: standard errors of `estimate`.
    """
    usable = np.isfinite(estimate) & (se > 0)
    change, width = np.where(usable, estimate, 0.0), BANDWIDTH * np.where(usable, se, 1.0)
    others = usable & ~np.eye(len(logs), dtype=bool)
    if np.count_nonzero(usable) < 2:
        return np.full(logs.shape, np.nan)
    mode = np.nanmedian(np.where(others, estimate, np.nan), axis=1)
    for _ in range(SHIFTS):
        distance = (change - mode[:, None]) / width
        nearest = np.where(others, distance**2, np.inf).min(axis=1, keepdims=True)
        weight = np.where(others, np.exp((nearest - distance**2) / 2.0), 0.0)
        weight /= weight.sum(axis=1, keepdims=True)
        last, mode = mode, weight @ change
        if np.abs(mode - last).max() <= SETTLED:
            break
    ratios: Matrix = logs - weight @ np.where(usable[:, None], logs, 0.0)
    return ratios


def compare_types(
    logs: Matrix,
    design: Design,
    contrast: Vector,
    *,
    reference: int | None = None,
    participants: ArrayLike | None = None,
    level: float = 0.95,
) -> Change:
    """Test one contrast of every type.

    Args:
        logs: types by samples, log2 (`log_counts`), or differences of paired samples.
        design: samples by coefficients.
        contrast: one weight per coefficient.
        reference: row of the declared reference type; None for the mode of the other types.
        participants: participant of each sample where some have several: they get a random intercept.
        level: confidence of the interval.

    Raises:
        ValueError: as `fit_contrast` and `fit_mixed`.
    """

    def fit(ratios: Matrix) -> tuple[Vector, Vector, Vector]:
        """Estimate, standard error, degrees of freedom."""
        if participants is not None:
            mixed = fit_mixed(ratios, design, [contrast], participants)
            return mixed.estimate[0], np.sqrt(mixed.variance[0]), mixed.df[0]
        fixed = fit_contrast(ratios, design, contrast)
        return fixed.estimate, fixed.unscaled * np.sqrt(fixed.variance), fixed.df

    if reference is None:
        known = np.isfinite(logs)
        mean = np.where(known, logs, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        estimate, se, _ = fit(logs - mean)
        ratios = against_mode(logs, estimate, se)
    else:
        ratios = against_type(logs, reference)
    estimate, se, df = fit(ratios)
    with np.errstate(divide="ignore", invalid="ignore"):  # a standard error of 0 gives an infinite t, or NaN
        statistic = estimate / se
    half_width = t_quantile(df, 0.5 + level / 2.0) * se
    return Change(
        estimate, se, estimate - half_width, estimate + half_width, statistic, df, two_sided_p(statistic, df)
    )
