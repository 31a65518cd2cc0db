"""Answers of compositions: log2 changes of each cell type, against the types that do not change or a declared one.

Values are counts of cells, samples by types; the replicates of a participant are added up. Tests are those of
`stats.composition`, without moderation. A type never seen, the reference itself, and one left without residual
degrees of freedom keep their rows, with a flag and without a test. Where types or participants are too few for
the mode of the changes to be found reliably, every row says so. `mde` is that of each type's own standard error.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scleromyomics.compare.tested import Columns, join_flags
from scleromyomics.core.results import COLUMNS
from scleromyomics.stats.composition import FEWEST_PARTICIPANTS, FEWEST_TYPES, compare_types, log_counts
from scleromyomics.stats.design import Design, Matrix, Vector, without
from scleromyomics.stats.multiplicity import benjamini_hochberg
from scleromyomics.stats.power import smallest_detectable_effect

if TYPE_CHECKING:
    from scleromyomics.plan.changes import Changes
    from scleromyomics.plan.contrasts import Comparison

METHOD = "log-ratio to the mode of the other types (Zhou 2022)"
METHOD_REFERENCE = "log-ratio to a declared type"
UNIT = "log2 ratio"
UNRELIABLE = "too few types or participants to find those that do not change"


def compare_composition(
    counts: NDArray[np.float64], comparison: "Comparison", *, reference: int | None = None
) -> Columns:
    """Compare the groups in each type.

    Args:
        counts: samples by types; the samples of the members one after another; NaN where not counted.
        comparison: who is compared, and the model.
        reference: position of the declared reference type; None for the mode of the others.
    """
    sizes = [len(member.samples) for member in comparison.members]
    logs = log_counts(_added(counts, sizes))
    columns = _tested(logs, comparison.design, comparison.contrast, reference)
    plain = compare_types(
        logs, *without(comparison.design, comparison.contrast, comparison.covariates), reference=reference
    )
    untested = np.isnan(columns["p_value"])
    measured = np.isfinite(logs)
    case = np.array([member.role == "case" for member in comparison.members], dtype=bool)
    few = min(case.sum(), (~case).sum()) < FEWEST_PARTICIPANTS
    return {
        **columns,
        "flag": _unreliable(columns["flag"], untested, few=few, reference=reference),
        "estimate_unadjusted": np.where(untested, np.nan, plain.estimate),
        "n_samples": np.isfinite(counts).sum(axis=0),
        "n_case": measured[:, case].sum(axis=1),
        "n_reference": measured[:, ~case].sum(axis=1),
        "n_participants": measured.sum(axis=1),
    }


def compare_composition_changes(
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    changes: "Changes",
    *,
    reference: int | None = None,
) -> Columns:
    """Compare participants with themselves in each type.

    Args:
        before: counts, rows of the changes' design by types; NaN where not counted.
        after: the same rows, later (or at the event, or in the tissue of interest).
        changes: whose changes, and the model.
        reference: position of the declared reference type; None for the mode of the others.
    """
    logs = log_counts(after.T) - log_counts(before.T)
    columns = _tested(logs, changes.design, changes.contrast, reference)
    pairs = np.isfinite(logs)[:, : len(changes.complete)]
    cases = len(changes.sides[0].complete)
    samples = [sum(len(unit.samples) for unit in pair) for pair in changes.complete]
    few = min(len(side.complete) for side in changes.sides) < FEWEST_PARTICIPANTS
    return {
        **columns,
        "flag": _unreliable(columns["flag"], np.isnan(columns["p_value"]), few=few, reference=reference),
        "estimate_pairs": columns["estimate"],
        "p_pairs": columns["p_value"],
        "n_samples": pairs @ np.array(samples, dtype=np.int64),
        "n_case": pairs[:, :cases].sum(axis=1),
        "n_reference": pairs[:, cases:].sum(axis=1),
        "n_participants": pairs.sum(axis=1),
        "n_pairs": pairs.sum(axis=1),
    }


def _added(counts: NDArray[np.float64], sizes: list[int]) -> Matrix:
    """Types by participants: the counts of each participant's samples added up; NaN where none has any."""
    starts = np.cumsum([0, *sizes[:-1]])
    total = np.add.reduceat(np.nan_to_num(counts), starts, axis=0)
    counted = np.add.reduceat(np.isfinite(counts), starts, axis=0, dtype=int) > 0
    return np.where(counted, total, np.nan).T


def _tested(logs: Matrix, design: Design, contrast: Vector, reference: int | None) -> Columns:
    found = compare_types(logs, design, contrast, reference=reference)
    columns: Columns = {
        name: np.full(len(logs), np.nan) for name, kind in COLUMNS.items() if kind == "double"
    }
    tested = np.isfinite(found.p_value)
    for name in ("estimate", "se", "ci_low", "ci_high", "statistic", "df", "p_value"):
        columns[name] = np.where(tested, getattr(found, name), np.nan)
    columns["q_value"] = benjamini_hochberg(columns["p_value"])
    if tested.any():
        columns["mde"][tested] = smallest_detectable_effect(
            found.se[tested], np.ones(int(tested.sum())), found.df[tested]
        )
    measured = np.isfinite(logs)
    itself = np.arange(len(logs)) == (-1 if reference is None else reference)
    flags = np.select(
        [itself, ~measured.any(axis=1), np.isnan(found.estimate), ~(found.df > 0), ~tested],
        ["reference type", "not seen", "not estimable", "no residual degrees of freedom", "constant"],
        default="",
    )
    missing = tested & ~measured.all(axis=1)
    return {**columns, "flag": join_flags(flags, np.where(missing, "missing values", ""))}


def _unreliable(
    flags: NDArray[np.str_], untested: NDArray[np.bool_], *, few: bool, reference: int | None
) -> NDArray[np.str_]:
    doubtful = reference is None and (few or np.count_nonzero(~untested) < FEWEST_TYPES)
    return join_flags(flags, np.where(~untested & doubtful, UNRELIABLE, ""))
