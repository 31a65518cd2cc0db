"""The verdict on questions between groups of participants."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from scleromyomics.plan.cells import Cell
from scleromyomics.plan.contrasts import (
    BATCH,
    Arm,
    Comparison,
    Member,
    arms,
    batches,
    compare_groups,
    lacking,
)
from scleromyomics.plan.judging.facts import TECHNICAL, Facts, named
from scleromyomics.plan.judging.finding import Finding, too_few
from scleromyomics.plan.protocol.questions import Between, BetweenTissues
from scleromyomics.plan.reasons import GROUPS, SHOWN, dropped, joined, left_out, listed, number
from scleromyomics.stats.design import aliases, residual_df, variance_inflation


def judge_groups(facts: Facts, cell: Cell, question: Between | BetweenTissues) -> Finding:
    """Whether a comparison of groups can be made, and how well."""
    comparison = compare_groups(facts.samples, cell)
    compared = arms(facts.samples.study.protocol, cell, question)
    counts = {arm: comparison.count(arm.role, control=arm.control) for arm in compared}
    words = [named(question, arm.group) for arm in compared]
    found = _counted(cell, counts, words, comparison.excluded)
    if min(counts.values()) < facts.limits.skip_below_participants:
        found = _too_small(facts, cell, found, counts, words)
    if not found.skip:
        found = _apart(found, comparison, compared)
    if found.skip:
        return found
    needed = lacking(comparison.dropped, facts.limits.skip_without)
    whole = replace(comparison, covariates=(*comparison.covariates, *needed))
    left, with_needed = residual_df(comparison.design), residual_df(whole.design)
    if left < facts.limits.skip_below_residual_df:
        return facts.too_little_left(found, left, "participants", taken=left - with_needed)
    if needed:
        hiding = aliases(whole.design, whole.contrast, whole.covariates)
        return facts.unadjusted(found, needed, with_needed, hiding, "group")
    cautions = [
        *facts.few(min(counts.values()), facts.limits.caution_below_participants, "in a group"),
        *dropped(comparison.dropped),
        *_inflation(facts, comparison, compared),
        *facts.freeze(cell, comparison.members),
    ]
    notes = (
        *adjusted(comparison.members, comparison.covariates),
        f"{left} residual df",
        *found.notes,
        *facts.reclassified(comparison.members),
    )
    return replace(found, cautions=tuple(cautions), notes=notes)


def adjusted(members: Sequence[Member], covariates: Sequence[str]) -> tuple[str, ...]:
    """What the model adjusts for; nothing if for nothing."""
    names = ([BATCH] if len(set(batches(members))) > 1 else []) + list(covariates)
    return (f"adjusted for {', '.join(names)}",) if names else ()


def _counted(
    cell: Cell, counts: Mapping[Arm, int], words: Sequence[str], excluded: Mapping[str, str]
) -> Finding:
    compared = list(counts)
    said = [number(count, word) for count, word in zip(counts.values(), words, strict=True)]
    case, reference = compared[:2]
    notes = [*left_out(excluded)]
    if len(compared) > 2:
        said = [f"{said[0]} vs {said[2]}, beyond {said[1]} vs {said[3]}"]
        notes.append("difference of differences: each group against its own control, in other tissues")
    elif cell.reference_tissue:
        notes.append(f"compares {case.tissue} with {reference.tissue} as well as the groups")
    return Finding(
        head=" vs ".join(said), n_case=counts[case], n_reference=counts[reference], notes=tuple(notes)
    )


def _too_small(
    facts: Facts, cell: Cell, found: Finding, counts: Mapping[Arm, int], words: Sequence[str]
) -> Finding:
    limit = facts.limits.skip_below_participants
    short = {arm: count for arm, count in counts.items() if count < limit}
    gaps = [facts.not_taken(arm.group, arm.tissue, arm.timepoint) for arm in short]
    more = [
        number(
            limit - count,
            f"more {word}",
            f"with {cell.assay} of {arm.tissue} at {arm.timepoint}",
        )
        for (arm, count), word in zip(counts.items(), words, strict=True)
        if arm in short
    ]
    absent = facts.nothing(cell, [arm.group for arm in counts], [next(iter(counts)).timepoint])
    return too_few(found, gaps, more, [*absent, f"at least {limit} of each are needed"])


def _apart(found: Finding, comparison: Comparison, compared: Sequence[Arm]) -> Finding:
    """SKIP where platform, batch or wave tell groups apart exactly."""
    pairs = [compared] if len(compared) == 2 else [compared[::2], compared[1::2]]
    for pair in pairs:
        concerned = [one for one in comparison.members if any(_in(arm, one) for arm in pair)]
        hidden = {name: _sides(pair, concerned, labels(concerned)) for name, labels in TECHNICAL.items()}
        hidden = {name: sides for name, sides in hidden.items() if sides[0].isdisjoint(sides[1])}
        if hidden:
            shown = BATCH if BATCH in hidden else next(iter(hidden))
            words = [GROUPS[arm.group] for arm in pair]
            where = "; ".join(
                f"{word}: {listed(side)}" for word, side in zip(words, hidden[shown], strict=True)
            )
            remedy = f"measure {words[0]} and {words[1]} in the same {shown}"
            return replace(
                found, skip=f"group is aliased with {joined(list(hidden))} ({where})", remedy=remedy
            )
    return _one_platform(found, comparison, compared)


def _one_platform(found: Finding, comparison: Comparison, compared: Sequence[Arm]) -> Finding:
    """SKIP where the two sides of a difference of differences are measured on features that differ."""
    sides = [{one.platform for one in comparison.members if one.role == arm.role} for arm in compared[:2]]
    if len(compared) == 2 or not sides[0].isdisjoint(sides[1]):
        return found
    where = "; ".join(f"{arm.tissue}: {listed(side)}" for arm, side in zip(compared[:2], sides, strict=True))
    skip = f"the tissues are measured on different platforms, whose features differ ({where})"
    return replace(found, skip=skip, remedy="measure both tissues on one platform")


def _sides(pair: Sequence[Arm], members: Sequence[Member], labels: Sequence[str]) -> list[set[str]]:
    """The labels on each side."""
    return [{label for one, label in zip(members, labels, strict=True) if _in(arm, one)} for arm in pair]


def _in(arm: Arm, one: Member) -> bool:
    return (arm.role, arm.control) == (one.role, one.control)


def _inflation(facts: Facts, comparison: Comparison, compared: Sequence[Arm]) -> list[str]:
    covariates = [BATCH, *comparison.covariates]
    inflation = variance_inflation(comparison.design, comparison.contrast, covariates)
    if round(inflation, 6) <= facts.limits.caution_above_inflation:  # 5 + rounding is 5
        return []
    roles: dict[str, set[str]] = defaultdict(set)
    for label, one in zip(batches(comparison.members), comparison.members, strict=True):
        roles[label] |= {GROUPS[arm.group] for arm in compared if _in(arm, one)}
    only = [
        f"batch {label} holds only {min(held)}" for label, held in sorted(roles.items()) if len(held) == 1
    ]
    why = ", ".join(only[:SHOWN]) or f"{joined(covariates)} nearly tell the groups apart"
    return [f"{why}: variance inflation {inflation:.1f}"]
