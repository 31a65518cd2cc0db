"""Answers about clinical measures: slopes, change on change, slopes over repeated visits, odds of higher levels.

Slopes are those of moderated linear models: over repeated visits, of participants' means (those who miss a value at
one of their visits are left out of that feature), and of the deviations from them. A step of the measure is named in
the unit. The odds of an ordered category are those of `stats.ordinal`, per unit of the feature.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scleromyomics.compare.tested import (
    LINEAR,
    MISSING,
    Columns,
    join_flags,
    tested,
    why_untested,
)
from scleromyomics.core.results import COLUMNS
from scleromyomics.plan.associations import BETWEEN, ChangeSlope, OrdinalOdds, RepeatedSlopes
from scleromyomics.stats.design import without
from scleromyomics.stats.linear import fit_contrast
from scleromyomics.stats.multiplicity import benjamini_hochberg
from scleromyomics.stats.ordinal import fit_odds
from scleromyomics.stats.power import smallest_detectable_effect

if TYPE_CHECKING:
    from scleromyomics.plan.associations import Selection
    from scleromyomics.stats.design import Matrix

ODDS = "proportional odds (McCullagh 1980), log-F(1, 1) prior, score test"
SEPARATED = (
    "separated"  # the feature and the covariates put the levels in order: only the prior bounds the estimate
)


def compare_association(
    profiles: Sequence[NDArray[np.float64]], association: "Selection", scale: str
) -> Columns:
    """Relate each feature to a clinical measure.

    Args:
        profiles: for each of the association's `sides`, its units by features, on the matrix's scale; replicates
            averaged; NaN where not measured.
        association: whose profiles, and the models.
        scale: the matrix's scale, for example log2.

    Returns:
        Columns of a result table: the features once for each contrast that is answered, one after the other.
    """
    Y = (profiles[1] - profiles[0]).T if isinstance(association, ChangeSlope) else profiles[0].T
    answer = _odds if isinstance(association, OrdinalOdds) else _slope
    blocks = [
        answer(Y, association, name)
        | _counts(_used(Y, association, name), association)
        | _words(association, name, scale, len(Y))
        for name in association.answered
    ]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def _of_means(association: "Selection", name: str) -> bool:
    return isinstance(association, RepeatedSlopes) and association.columns[name] == BETWEEN


def _used(Y: "Matrix", association: "Selection", name: str) -> "Matrix":
    """The values behind a slope: of means, those of participants who have all of theirs."""
    if not _of_means(association, name):
        return Y
    groups = np.unique(association.groups, return_inverse=True)[1]
    return np.where(np.isfinite(association.averaged(Y.T).T)[:, groups], Y, np.nan)


def _slope(Y: "Matrix", association: "Selection", name: str) -> Columns:
    design, contrast = association.model(name)
    if _of_means(association, name):
        Y = association.averaged(Y.T).T
    columns = tested(Y, design, contrast)
    plain = fit_contrast(Y, *without(design, contrast, association.covariates)).estimate
    if isinstance(association, ChangeSlope):
        columns |= {"estimate_pairs": columns["estimate"], "p_pairs": columns["p_value"]}
    return {**columns, "estimate_unadjusted": np.where(np.isnan(columns["estimate"]), np.nan, plain)}


def _odds(Y: "Matrix", association: "OrdinalOdds", _name: str) -> Columns:
    design = association.design
    reduced, _ = without(design, np.zeros(len(design.names)), association.covariates)
    fit, plain = (fit_odds(Y, association.outcome, one.matrix) for one in (design, reduced))
    reason = why_untested(Y, fit.df, fit.estimate)
    some = reason == ""
    columns: Columns = {
        column: np.full(len(Y), np.nan) for column, kind in COLUMNS.items() if kind == "double"
    }
    for column in ("estimate", "se", "ci_low", "ci_high", "statistic", "df", "p_value"):
        columns[column] = np.where(some, getattr(fit, column), np.nan)
    columns["q_value"] = benjamini_hochberg(columns["p_value"])
    columns["mde"][some] = smallest_detectable_effect(fit.se[some], np.ones(1), fit.df[some])
    columns["estimate_unadjusted"] = np.where(some, plain.estimate, np.nan)
    missing = np.where(np.isfinite(Y).all(axis=1), "", MISSING)
    notes = join_flags(missing, np.where(fit.separated, SEPARATED, ""))
    return {**columns, "flag": join_flags(reason, np.where(some, notes, ""))}


def _words(association: "Selection", name: str, scale: str, features: int) -> Columns:
    """What the numbers are, once per feature."""
    formula = association.model(name)[0].formula
    unit = f"{scale} per {association.per}" if association.per else scale
    method = LINEAR
    if isinstance(association, ChangeSlope):
        method = f"{LINEAR} of paired differences"
    if isinstance(association, OrdinalOdds):
        formula = formula.replace("~ 1", f"{association.measure} ~ feature", 1)
        unit, method = f"log odds per {scale}", ODDS
    words = {"contrast": f"{association.measure}: {name}", "unit": unit, "formula": formula, "method": method}
    return {column: np.full(features, text) for column, text in words.items()}


def _counts(Y: "Matrix", association: "Selection") -> Columns:
    """Samples, participants and pairs that were measured, per feature."""
    measured = np.isfinite(Y[:, : len(association.members)])
    before = association.before if isinstance(association, ChangeSlope) else ()
    samples = np.array([len(one.samples) for one in association.members], dtype=np.int64)
    samples += np.array([len(one.samples) for one in before] or [0], dtype=np.int64)
    names, where = np.unique([one.participant for one in association.members], return_inverse=True)
    participants = (measured.astype(np.int64) @ (where[:, None] == np.arange(names.size)) > 0).sum(axis=1)
    return {
        "n_samples": measured @ samples,
        "n_case": participants,
        "n_participants": participants,
        "n_pairs": participants if before else np.zeros(len(Y), dtype=np.int64),
    }
