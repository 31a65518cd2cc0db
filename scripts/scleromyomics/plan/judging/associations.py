"""The verdict on associations with clinical measures."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from scleromyomics.plan.associations import (
    ChangeSlope,
    OrdinalOdds,
    RepeatedSlopes,
    Selection,
    find_association,
)
from scleromyomics.plan.cells import Cell
from scleromyomics.plan.contrasts import BATCH, batches
from scleromyomics.plan.judging.facts import Facts, named
from scleromyomics.plan.judging.finding import Finding, too_few
from scleromyomics.plan.protocol.questions import Association
from scleromyomics.plan.reasons import dropped, incomplete, joined, left_out, number, unadjustable


def judge_association(facts: Facts, cell: Cell, question: Association) -> Finding:
    """Whether slopes can be estimated, and how well."""
    selected = find_association(facts.pairing, cell)
    found = _enough(facts, cell, question, selected, _counted(question, selected))
    if found.skip:
        return found
    what = f"the change of {question.measure}" if question.change_from else question.measure
    if selected.constant:
        return replace(found, skip=f"{what} does not vary", remedy=f"participants who differ in {what}")
    apart = _alike(facts, question, selected)
    if apart:
        return replace(found, skip=apart, remedy=f"more participants who differ in {what}")
    if isinstance(selected, RepeatedSlopes) and not selected.repeated:
        remedy = "samples of the same participants at a second visit"
        return replace(found, skip="nobody has several profiles", remedy=remedy)
    told = [name for name in selected.names if selected.determined(name)]
    if not told and not isinstance(
        selected, OrdinalOdds
    ):  # batches do not hide levels, they use up participants
        hiding = joined([name for name in selected.varied if name in selected.design.terms])
        remedy = f"measure participants who differ in it in the same {hiding}"
        return replace(found, skip=f"{question.measure} is aliased with {hiding}", remedy=remedy)
    left = {name: selected.residual_df(name) for name in told or selected.names}
    if not selected.answered:
        return _unanswered(facts, found, selected, left, what)
    limits = facts.limits
    few = limits.caution_below_pairs if question.change_from else limits.caution_below_participants
    cautions = [
        *facts.few(selected.participants, few, "participants"),
        *_few_repeated(facts, selected),
        *_untold(selected, left),
        *_inflated(facts, selected, question.measure),
        *(dropped(selected.dropped) if _compared(selected) else ()),
        *facts.freeze(cell, [unit for side in selected.sides for unit in side]),
    ]
    of = {name: f" {name}" if len(told) > 1 else "" for name in told}
    notes = (
        *_adjusted(selected),
        *(f"{df} residual df{of[name]}" for name, df in left.items()),
        *found.notes,
    )
    return replace(found, cautions=tuple(cautions), notes=notes)


def _alike(facts: Facts, question: Association, selected: Selection) -> str:
    """Why levels of a measure, as groups, are too unequal; empty where they are not, and for numbers."""
    measure = facts.samples.study.protocol.measures[question.measure]
    if measure.type not in {"boolean", "category"} or question.change_from or question.visits:
        return ""
    limit = facts.limits.skip_below_participants
    most = max(Counter(selected.values).values())
    rest = selected.participants - most
    if rest >= limit:
        return ""
    return f"{most} have the same {question.measure}, {rest} another; at least {limit} are needed"


def _few_repeated(facts: Facts, selected: Selection) -> list[str]:
    """Caution where few participants tell of the slope within."""
    if not isinstance(selected, RepeatedSlopes) or selected.names[1] not in selected.answered:
        return []
    limit = facts.limits.caution_below_pairs
    return facts.few(selected.repeated, limit, "participants with several profiles")


def _counted(question: Association, selected: Selection) -> Finding:
    pairs = selected.participants if isinstance(selected, ChangeSlope) else 0
    absent = len(selected.absent)
    lacking = number(absent, "profiles", "without") if question.visits else f"{absent} without"
    lost = incomplete if isinstance(selected, ChangeSlope) else left_out
    return Finding(
        head=number(
            selected.participants,
            named(question, question.group),
            f"with {question.measure} and a sample at {_times(question)}{_profiles(selected)}",
        ),
        n_case=selected.participants,
        n_pairs=pairs,
        notes=(*([f"{lacking} {question.measure}"] if absent else []), *lost(selected.excluded)),
    )


def _profiles(selected: Selection) -> str:
    if not isinstance(selected, RepeatedSlopes):
        return ""
    return f", {number(len(selected.members), 'profiles')} in all, {selected.repeated} with several"


def _times(question: Association) -> str:
    if question.visits:
        *rest, last = question.visits
        return f"{', '.join(rest)} or {last}" if rest else last
    return " and ".join(one for one in (question.change_from, question.timepoint) if one)


def _enough(facts: Facts, cell: Cell, question: Association, selected: Selection, found: Finding) -> Finding:
    limits = facts.limits
    least = limits.skip_below_pairs if question.change_from else limits.skip_below_participants
    limit = max(least, limits.skip_below_residual_df + 2)  # mean and slope
    count = selected.participants
    if count >= limit:
        return found
    needed_at = question.visits or [one for one in (question.change_from, question.timepoint) if one]
    gaps = [facts.not_taken(question.group, cell.tissue, timepoint) for timepoint in needed_at]
    if question.visits and not all(gaps):  # some visits are enough
        gaps = []
    where = f"with {question.measure} and {cell.assay} of {cell.tissue} at {_times(question)}"
    more = number(limit - count, f"more {named(question, question.group)}", where)
    needed = [*facts.nothing(cell, [question.group], needed_at), f"at least {limit} are needed"]
    return too_few(found, gaps, [more], needed)


def _unanswered(
    facts: Facts, found: Finding, selected: Selection, left: Mapping[str, int], what: str
) -> Finding:
    """SKIP for want of degrees of freedom, or of a covariate without which participants are not compared."""
    name, most = max(left.items(), key=lambda one: one[1])
    needed = selected.lacking(name)
    whole = replace(selected, covariates=(*selected.covariates, *needed))
    with_needed = whole.residual_df(name)
    if most < facts.limits.skip_below_residual_df:
        return facts.too_little_left(found, most, "participants", taken=most - with_needed)
    return facts.unadjusted(found, needed, with_needed, whole.hiding(name), what)


def _compared(selected: Selection) -> bool:
    """Whether participants are compared with one another, so that what is constant in them counts."""
    return selected.names[0] in selected.answered


def _untold(selected: Selection, left: Mapping[str, int]) -> list[str]:
    """Slopes of several that are not answered, and why."""
    return [
        f"the slope {name} is not answered: {_why_untold(selected, name, left)}"
        for name in selected.names
        if name not in selected.answered
    ]


def _why_untold(selected: Selection, name: str, left: Mapping[str, int]) -> str:
    if name not in left:
        return "aliased with batch or visit"
    if left[name] < selected.minimum_df:
        return number(left[name], "residual df")
    return unadjustable(selected.lacking(name))


def _inflated(facts: Facts, selected: Selection, measure: str) -> list[str]:
    words = joined([*selected.varied, *(selected.covariates if _compared(selected) else ())])
    limit = facts.limits.caution_above_inflation
    found = {name: selected.inflation(name) for name in selected.answered}
    return [
        f"{measure} is nearly aliased with {words}: variance inflation {value:.1f}{_which(selected, name)}"
        for name, value in found.items()
        if round(value, 6) > limit  # 5 + rounding is 5
    ]


def _which(selected: Selection, name: str) -> str:
    """Names a slope where there are several."""
    return f" {name}" if len(selected.names) > 1 else ""


def _adjusted(selected: Selection) -> tuple[str, ...]:
    """What the model adjusts for; nothing if for nothing."""
    several = isinstance(selected, ChangeSlope) or len(set(batches(selected.members))) > 1
    batch = [BATCH] if several and BATCH in selected.design.terms else []
    names = [*batch, *(selected.covariates if _compared(selected) else ())]
    odds = ("proportional odds",) if isinstance(selected, OrdinalOdds) else ()
    return (*odds, *((f"adjusted for {', '.join(names)}",) if names else ()))
