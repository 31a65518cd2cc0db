"""Answers between participants: a row per participant, replicates averaged, adjusted for batch, age and sex."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scleromyomics.compare.tested import Columns, tested
from scleromyomics.core.matrix import merge_rows
from scleromyomics.stats.design import without
from scleromyomics.stats.linear import fit_contrast

if TYPE_CHECKING:
    from scleromyomics.plan.contrasts import Comparison


def compare_groups(values: NDArray[np.float64], comparison: "Comparison") -> Columns:
    """Compare the groups in each feature.

    Args:
        values: samples by features, on a log scale; the samples of the members one after another; NaN where
            not measured.
        comparison: who is compared, and the model.
    """
    participants = [member.participant for member in comparison.members for _ in member.samples]
    Y = merge_rows(values, participants)[1].T  # members are sorted by participant, as merged rows are
    plain = fit_contrast(Y, *without(comparison.design, comparison.contrast, comparison.covariates))
    columns = tested(Y, comparison.design, comparison.contrast)
    measured = np.isfinite(Y)
    return {
        **columns,
        "estimate_unadjusted": np.where(np.isnan(columns["estimate"]), np.nan, plain.estimate),
        "n_samples": np.isfinite(values).sum(axis=0),
        **{f"n_{role}": measured[:, _in(comparison, role)].sum(axis=1) for role in ("case", "reference")},
        "n_participants": measured.sum(axis=1),
    }


def _in(comparison: "Comparison", role: str) -> NDArray[np.bool_]:
    """Who is on a side; the controls that are subtracted there are not counted."""
    return np.array([one.role == role and not one.control for one in comparison.members], dtype=bool)
