"""Answers about clinical measures: slopes, change on change, slopes over repeated visits, odds of higher levels.

Slopes are moderated linear models, or mixed ones where visits repeat; a step of the measure is named in the unit.
The odds of an ordered category are those of `stats.ordinal`, per unit of the feature.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scleromyomics.compare.tested import (
    LINEAR,
    MISSING,
    MIXED,
    Columns,
    join_flags,
    tested,
    tested_contrasts,
    why_untested,
)
from scleromyomics.core.results import COLUMNS
from scleromyomics.plan.associations import ChangeSlope, OrdinalOdds, RepeatedSlopes
from scleromyomics.stats.design import without
from scleromyomics.stats.linear import fit_contrast
from scleromyomics.stats.mixed import fit_mixed
from scleromyomics.stats.multiplicity import benjamini_hochberg
from scleromyomics.stats.ordinal import fit_odds
from scleromyomics.stats.power import smallest_detectable_effect

if TYPE_CHECKING:
    from scleromyomics.plan.associations import Selection, Slope
    from scleromyomics.stats.design import Design, Matrix

ODDS = "proportional odds (McCullagh 1980), log-F(1, 1) prior, score test"
SEPARATED = (
    "separated"  # the feature and the covariates put the levels in order: only the prior bounds the estimate
)


def compare_association(
    profiles: Sequence[NDArray[np.float64]], association: "Selection", names: Sequence[str], scale: str
) -> dict[str, object]:
    """Relate each feature to a clinical measure.

    Args:
        profiles: for each of the association's `sides`, its units by features, on the matrix's scale; replicates
            averaged; NaN where not measured.
        association: whose profiles, and the model.
        names: the contrasts to answer, of those that the rows determine.
        scale: the matrix's scale, for example log2.

    Returns:
        The columns of a result table, by name: one value per feature, for one contrast after the other; or one
        value for all.
    """
    Y = (profiles[1] - profiles[0]).T if isinstance(association, ChangeSlope) else profiles[0].T
    answers = {OrdinalOdds: _odds, RepeatedSlopes: _repeated}
    blocks = [answers.get(type(association), _slope)(Y, association, name, scale) for name in names]
    columns = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    counts = {name: np.tile(count, len(names)) for name, count in _counts(Y, association).items()}
    return {**columns, **counts, "q_value": benjamini_hochberg(columns["p_value"])}


def _slope(Y: "Matrix", association: "Slope | ChangeSlope") -> Columns:
    (name,) = association.names
    contrast = association.contrast(name)
    columns = tested(Y, association.design, contrast)
    plain = fit_contrast(Y, *without(association.design, contrast, association.covariates)).estimate
    unadjusted = np.where(np.isnan(columns["estimate"]), np.nan, plain)
    pairs = isinstance(association, ChangeSlope)
    sensitivity = {"estimate_pairs": columns["estimate"], "p_pairs": columns["p_value"]} if pairs else {}
    return {**columns, **sensitivity, "estimate_unadjusted": unadjusted}


def _repeated(Y: "Matrix", association: RepeatedSlopes, names: Sequence[str]) -> list[Columns]:
    contrasts = [association.contrast(name) for name in names]
    participants = np.array(association.groups)
    found = tested_contrasts(Y, association.design, contrasts, participants)
    reduced = [without(association.design, contrast, association.covariates) for contrast in contrasts]
    plain = fit_mixed(Y, reduced[0][0], [contrast for _, contrast in reduced], participants).estimate
    return [
        {**columns, "estimate_unadjusted": np.where(np.isnan(columns["estimate"]), np.nan, estimate)}
        for columns, estimate in zip(found, plain, strict=True)
    ]


def _odds(Y: "Matrix", association: OrdinalOdds) -> Columns:
    design = association.design
    fit = fit_odds(Y, association.outcome, design.matrix)
    reason = why_untested(Y, fit.df, fit.estimate)
    some = reason == ""
    columns: Columns = {name: np.full(len(Y), np.nan) for name, kind in COLUMNS.items() if kind == "double"}
    for name in ("estimate", "se", "ci_low", "ci_high", "statistic", "df", "p_value"):
        columns[name] = np.where(some, getattr(fit, name), np.nan)
    columns["mde"][some] = smallest_detectable_effect(fit.se[some], np.ones(1), fit.df[some])
    columns["estimate_unadjusted"] = np.where(some, _unadjusted(Y, association, design), np.nan)
    notes = join_flags(
        np.where(np.isfinite(Y).all(axis=1), "", MISSING), np.where(fit.separated, SEPARATED, "")
    )
    return {**columns, "flag": join_flags(reason, np.where(some, notes, ""))}


def _unadjusted(Y: "Matrix", association: OrdinalOdds, design: "Design") -> NDArray[np.float64]:
    reduced, _ = without(design, np.zeros(len(design.names)), association.covariates)
    return fit_odds(Y, association.outcome, reduced.matrix).estimate


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
