"""Answers within participants: changes over time, at events and between tissues, beyond a control's or not.

Where every participant has both profiles and every value is measured, the answer is that of the paired
differences: the mixed model's own, and exact where REML would end at a participant variance of zero. Otherwise it
is the mixed model's on all profiles. The complete pairs alone always stand beside it (`estimate_pairs`,
`p_pairs`), and a flag where the two disagree.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scleromyomics.compare.tested import LINEAR, MIXED, Columns, join_flags, tested, tested_mixed

if TYPE_CHECKING:
    from scleromyomics.plan.changes import Changes

PAIRED = f"{LINEAR} of paired differences"
NOMINAL = (
    0.05  # estimates of opposite sign disagree where either has a p-value up to this; else both are noise
)
OPPOSITE = "complete pairs have the opposite sign"
DISAGREE = "complete pairs differ by more than a standard error"
APART = 1.0  # standard errors (of the complete pairs) between estimates that disagree


def compare_changes(
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    profiles: NDArray[np.float64],
    changes: "Changes",
) -> tuple[Columns, str]:
    """Compare participants with themselves in each feature.

    Args:
        before: rows of the changes' design by features, on a log scale; NaN where not measured.
        after: the same rows, later (or at the event, or in the tissue of interest).
        profiles: rows of `changes.repeated` by features: complete pairs and single profiles.
        changes: whose changes, and the models.

    Returns:
        The columns, and the method that gave the estimates.
    """
    Y = (after - before).T
    pairs = tested(Y, changes.design, changes.contrast)
    sensitivity = {"estimate_pairs": pairs["estimate"], "p_pairs": pairs["p_value"]}
    if not changes.single and np.isfinite(profiles).all():
        return {**pairs, **sensitivity, **_counts(Y, profiles, changes)}, PAIRED
    repeated = changes.repeated
    mixed = tested_mixed(profiles.T, repeated.design, repeated.contrast, np.array(repeated.participants))
    flags = join_flags(mixed["flag"], disagreement(mixed, pairs))
    return {**mixed, **sensitivity, "flag": flags, **_counts(Y, profiles, changes)}, MIXED


def disagreement(mixed: Columns, pairs: Columns) -> NDArray[np.str_]:
    """Where the mixed model and the complete pairs tell different stories."""
    opposite = mixed["estimate"] * pairs["estimate"] < 0
    told = np.fmin(mixed["p_value"], pairs["p_value"]) <= NOMINAL
    apart = np.abs(mixed["estimate"] - pairs["estimate"]) > APART * pairs["se"]
    return np.select(
        [opposite & told, apart],
        [OPPOSITE, DISAGREE],
        default="",
    )


def _counts(Y: NDArray[np.float64], profiles: NDArray[np.float64], changes: "Changes") -> Columns:
    """Participants with any profile measured, by side; complete pairs; samples."""
    repeated = changes.repeated
    of_people = ~np.array([name.startswith("bridge ") for name in repeated.participants])
    names, where = np.unique(np.array(repeated.participants)[of_people], return_inverse=True)
    measured = np.isfinite(profiles[of_people])
    samples = np.array([len(unit.samples) for unit in repeated.units])[of_people]
    seen = np.zeros((names.size, measured.shape[1]), dtype=bool)
    np.logical_or.at(seen, where, measured)
    side = changes.sides[0]
    case = np.isin(names, [*side.complete, *side.single])
    return {
        "n_samples": samples @ measured,
        "n_case": seen[case].sum(axis=0),
        "n_reference": seen[~case].sum(axis=0),
        "n_participants": seen.sum(axis=0),
        "n_pairs": np.isfinite(Y[:, : len(changes.complete)]).sum(axis=1),
    }
