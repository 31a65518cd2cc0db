"""Answer one question from counts, feature by feature: what `compare.question` does for log-scale values.

Between groups: a row per participant, replicates summed, a negative binomial model (DESeq2's method,
`stats.counts`). Within participants: a row per profile, replicates summed; up to `PAIRS_BY_FACTORS` pairs the same
model with a level per participant, above that a mixed model with voom's weights (`stats.voom`). A bridge shares
the level of the material that it measures again. Estimates are log2 fold changes. Wald tests have infinite
degrees of freedom. Features with low counts keep their row, without a test; one whose extreme count takes the
p-value keeps its estimate. Where dispersions have no trend over the mean they are shrunk to their mean, and each
row says so.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scleromyomics.compare.tested import join_flags
from scleromyomics.core.results import COLUMNS
from scleromyomics.stats.counts import (
    PAIRS_BY_FACTORS,
    change_columns,
    enough_counts,
    fit_counts,
    full_rank,
    paired_design,
)

if TYPE_CHECKING:
    from scleromyomics.plan.changes import Changes
    from scleromyomics.plan.contrasts import Comparison, Unit
    from scleromyomics.stats.design import Design, Vector

METHOD = "negative binomial, Wald test (Love 2014)"
METHOD_MIXED = "voom-weighted moderated linear mixed model (Law 2014)"
UNIT = "log2 fold change"
LOW, OUTLIER, REPLACED, FAILED = "low counts", "outlier", "outlier replaced", "not converged"
NO_TREND = "dispersion trend not fitted"


def compare(counts: NDArray[np.float64], comparison: "Comparison") -> dict[str, NDArray[np.generic]]:
    """Compare the groups in each feature.

    Args:
        counts: samples by features; the samples of the members one after another.
        comparison: who is compared, and the model.

    Returns:
        The columns of a result table that differ between features, by name; one value per feature.
    """
    from scleromyomics.plan.contrasts import CONTRAST
    from scleromyomics.stats.design import without

    members = comparison.members
    first = np.cumsum([0, *(len(member.samples) for member in members[:-1])])
    merged = np.add.reduceat(counts, first, axis=0).T
    tested = enough_counts(merged, [member.role for member in members])
    adjusted, contrast = full_rank(comparison.design, CONTRAST)
    columns = _wald(merged, tested, adjusted, contrast)
    columns["estimate_unadjusted"] = columns["estimate"]
    if comparison.covariates and tested.any():
        plain, _ = without(comparison.design, comparison.contrast, comparison.covariates)
        unadjusted = np.full(len(merged), np.nan)
        unadjusted[tested] = fit_counts(merged[tested], *full_rank(plain, CONTRAST)).estimate
        columns["estimate_unadjusted"] = unadjusted
    return {
        **columns,
        **_numbers(
            len(merged),
            n_samples=len(counts),
            n_case=comparison.count("case"),
            n_reference=comparison.count("reference"),
            n_participants=len(members),
        ),
    }


def compare_changes(
    before: NDArray[np.float64], after: NDArray[np.float64], changes: "Changes"
) -> dict[str, NDArray[np.generic]]:
    """Compare participants with themselves in each feature.

    Args:
        before: rows of the changes' design by features, counts; replicates summed.
        after: the same rows, later (or at the event, or in the tissue of interest).
        changes: whose changes.

    Returns:
        The columns of a result table that differ between features, by name; one value per feature.
    """
    from scleromyomics.plan.contrasts import BATCH, batches
    from scleromyomics.stats.design import factor

    profiles = _profiles(changes)
    counts = np.array([(before, after)[side][row] for row, side, *_ in profiles]).T
    participants = [participant for *_, participant in profiles]
    later = np.array([moment for _, _, _, moment, _, _ in profiles])
    case = np.array([member for _, _, _, _, member, _ in profiles]) if len(changes.sides) > 1 else None
    extra = factor(BATCH, batches([unit for _, _, unit, *_ in profiles]))
    arms = [f"{moment}{member}" for _, _, _, moment, member, _ in profiles]
    tested = enough_counts(counts, arms)
    if by_factors(changes):
        columns = _wald(counts, tested, *paired_design(participants, later, case, extra))
    else:
        columns = _mixed(counts, tested, *change_columns(later, case, extra), participants)
    cases = len(changes.sides[0].complete)
    return {
        **columns,
        "estimate_pairs": columns["estimate"],
        "p_pairs": columns["p_value"],
        **_numbers(
            len(counts),
            n_samples=sum(len(unit.samples) for pair in changes.complete for unit in pair),
            n_case=cases,
            n_reference=len(changes.complete) - cases,
            n_participants=len(changes.complete),
            n_pairs=len(changes.complete),
        ),
    }


def by_factors(changes: "Changes") -> bool:
    """Whether each participant has a level in the model (`METHOD`), or a random intercept (`METHOD_MIXED`)."""
    return len(changes.complete) <= PAIRS_BY_FACTORS


def _profiles(changes: "Changes") -> "list[tuple[int, int, Unit, bool, bool, str]]":
    """Each profile once: row and side, its unit, whether it is later, of a case, and whose level it has."""
    found: dict[tuple[str, ...], tuple[int, int, Unit, bool, bool, str]] = {}
    cases = len(changes.sides[0].complete)
    pairs = len(changes.complete)
    for row, pair in enumerate(changes.rows):
        known = [found[unit.samples] for unit in pair if unit.samples in found]
        for side, unit in enumerate(pair):
            if row < pairs:
                place = (side == 1, row < cases, f"pair{row}")
            else:  # a bridge is the same material, without change
                place = known[0][3:] if known else (False, False, f"bridge{row}")
            found.setdefault(unit.samples, (row, side, unit, *place))
    return list(found.values())


def _wald(
    counts: NDArray[np.float64], tested: NDArray[np.bool_], design: "Design", contrast: "Vector"
) -> dict[str, NDArray[np.generic]]:
    """Negative binomial estimates and Wald tests in features (rows) by rows of the design."""
    from scipy.special import ndtri

    from scleromyomics.stats.power import ALPHA, POWER

    columns = _untested(len(counts))
    if tested.any():
        fit = fit_counts(counts[tested], design, contrast)
        has_p = ~np.isnan(fit.p_value)
        half = ndtri(0.975) * fit.se
        detectable = (ndtri(1.0 - ALPHA / 2.0) + ndtri(POWER)) * np.median(fit.se)
        _fill(
            columns,
            tested,
            estimate=fit.estimate,
            se=fit.se,
            ci_low=fit.estimate - half,
            ci_high=fit.estimate + half,
            statistic=np.where(has_p, fit.statistic, np.nan),
            df=np.where(has_p, np.inf, np.nan),
            p_value=fit.p_value,
            mde=np.full(len(fit.se), detectable),
            flag=join_flags(
                np.select(
                    [fit.outlier, ~fit.converged, fit.replaced], [OUTLIER, FAILED, REPLACED], default=""
                ),
                np.full(tested.sum(), "" if fit.trend == "parametric" else NO_TREND),
            ),
        )
    return columns


def _mixed(
    counts: NDArray[np.float64],
    tested: NDArray[np.bool_],
    design: "Design",
    contrast: "Vector",
    participants: Sequence[str],
) -> dict[str, NDArray[np.generic]]:
    """Voom-weighted mixed models with a random intercept per participant."""
    from scleromyomics.stats.mixed import moderated_contrast
    from scleromyomics.stats.power import smallest_detectable_effect
    from scleromyomics.stats.voom import fit_voom_mixed

    columns = _untested(len(counts))
    if tested.any():
        fit = fit_voom_mixed(counts[tested], design, [contrast], participants)
        moderated = moderated_contrast(fit, 0)
        names = ("se", "ci_low", "ci_high", "statistic", "df", "p_value")
        _fill(
            columns,
            tested,
            estimate=fit.estimate[0],
            **{name: getattr(moderated, name) for name in names},
            mde=smallest_detectable_effect(np.ones(tested.sum()), moderated.posterior, moderated.df),
            flag=np.full(tested.sum(), ""),
        )
    return columns


def _untested(features: int) -> dict[str, NDArray[np.generic]]:
    columns: dict[str, NDArray[np.generic]] = {
        name: np.full(features, np.nan) for name, kind in COLUMNS.items() if kind == "double"
    }
    return {**columns, "flag": np.full(features, LOW, dtype="<U64")}


def _fill(
    columns: dict[str, NDArray[np.generic]], tested: NDArray[np.bool_], **values: NDArray[np.generic]
) -> None:
    """Set the columns of the features that were tested, and their q-values."""
    from scleromyomics.stats.multiplicity import benjamini_hochberg

    for name, of_tested in values.items():
        columns[name][tested] = of_tested
    columns["q_value"] = benjamini_hochberg(columns["p_value"])


def _numbers(features: int, **numbers: int) -> dict[str, NDArray[np.generic]]:
    return {name: np.full(features, number) for name, number in numbers.items()}
