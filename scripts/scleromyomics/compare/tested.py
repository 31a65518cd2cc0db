"""One contrast tested in every feature: estimates, intervals and p-values as the columns of a result table.

Two engines: least squares of independent rows, and the mixed model of rows that share participants. In both the
variances are moderated over all features (Smyth 2004, doi:10.2202/1544-6115.1027). A feature that is constant,
never measured, or left without residual degrees of freedom keeps its row, with a flag and without a test.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from scleromyomics.core.results import COLUMNS
from scleromyomics.stats.design import Design, Matrix, Vector
from scleromyomics.stats.linear import fit_contrast
from scleromyomics.stats.mixed import fit_mixed
from scleromyomics.stats.moderation import moderated_t
from scleromyomics.stats.multiplicity import benjamini_hochberg
from scleromyomics.stats.power import smallest_detectable_effect

Columns: TypeAlias = dict[str, NDArray[np.generic]]
"""Columns of a result table that differ between features: one value per feature each."""

LINEAR = "moderated linear model (Smyth 2004)"
MIXED = "moderated linear mixed model, random participant intercept (REML, Satterthwaite)"
MISSING = "missing values"
BOUNDARY = "no variance between participants"  # the fixed model's fit


def tested(Y: Matrix, design: Design, contrast: Vector) -> Columns:
    """Test a contrast of independent rows.

    Args:
        Y: features by rows of the design, on the scale of the estimates; NaN where not measured.
        design: rows by coefficients.
        contrast: what is tested.
    """
    fit = fit_contrast(Y, design, contrast)
    reason = why_untested(Y, fit.df, fit.estimate)
    some = reason == ""
    columns = _columns(some, fit.estimate, fit.unscaled, fit.variance, fit.df)
    return {**columns, "flag": join_flags(reason, np.where(some, _missing(Y), ""))}


def tested_mixed(Y: Matrix, design: Design, contrast: Vector, participants: NDArray[np.str_]) -> Columns:
    """Test a contrast of rows that share participants, each with a random intercept.

    Args:
        Y: features by rows of the design, on the scale of the estimates; NaN where not measured.
        design: rows by coefficients.
        contrast: what is tested.
        participants: whose intercept each row shares.
    """
    fit = fit_mixed(Y, design, [contrast], participants)
    estimate, variance, df = fit.estimate[0], fit.variance[0], fit.df[0]
    reason = why_untested(Y, df, estimate)
    some = reason == ""
    notes = join_flags(_missing(Y), np.where(fit.boundary, BOUNDARY, ""))
    columns = _columns(some, estimate, np.ones(some.size), variance, df)
    return {**columns, "flag": join_flags(reason, np.where(some, notes, ""))}


def why_untested(Y: Matrix, df: Vector, estimate: Vector) -> NDArray[np.str_]:
    """Why each feature is not tested; empty for those that are."""
    measured = np.isfinite(Y)
    low = np.where(measured, Y, np.inf).min(axis=1)
    high = np.where(measured, Y, -np.inf).max(axis=1)
    return np.select(
        [~measured.any(axis=1), low == high, np.isnan(estimate), ~(df > 0)],
        ["not measured", "constant", "not estimable", "no residual degrees of freedom"],
        default="",
    )


def join_flags(*parts: NDArray[np.str_]) -> NDArray[np.str_]:
    """Flags of each feature, `; ` between those that are not empty."""
    joined = parts[0]
    for part in parts[1:]:
        both = (joined != "") & (part != "")
        joined = np.strings.add(np.strings.add(joined, np.where(both, "; ", "")), part)
    return joined


def _missing(Y: Matrix) -> NDArray[np.str_]:
    return np.where(np.isfinite(Y).all(axis=1), "", MISSING)


def _columns(
    some: NDArray[np.bool_], estimate: Vector, unscaled: Vector, variance: Vector, df: Vector
) -> Columns:
    """The columns of numbers, for the features that are tested."""
    columns: Columns = {
        name: np.full(some.size, np.nan) for name, kind in COLUMNS.items() if kind == "double"
    }
    if some.any():
        moderated = moderated_t(estimate[some], unscaled[some], variance[some], df[some])
        for name in ("se", "ci_low", "ci_high", "statistic", "df", "p_value"):
            columns[name][some] = getattr(moderated, name)
        columns["estimate"][some] = estimate[some]
        columns["mde"][some] = smallest_detectable_effect(unscaled[some], moderated.posterior, moderated.df)
        columns["q_value"] = benjamini_hochberg(columns["p_value"])
    return columns
