"""The verdict on questions within participants: over time, at events, between tissues, and beyond a control."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import ceil

from scleromyomics.plan.cells import Cell
from scleromyomics.plan.changes import Changes, WithinQuestion, find_changes
from scleromyomics.plan.contrasts import BATCH, batches
from scleromyomics.plan.judging.facts import TECHNICAL, Facts, named
from scleromyomics.plan.judging.finding import Finding, too_few
from scleromyomics.plan.pairs import CHANGE, Pair, difference_design
from scleromyomics.plan.protocol.questions import BetweenTissues, Interaction, Occasion, Within, groups_of
from scleromyomics.plan.reasons import incomplete, joined, listed, number
from scleromyomics.plan.vocabulary import Group, TreatmentClass
from scleromyomics.stats.design import Design, estimable, residual_df

TREATMENTS: Mapping[TreatmentClass, str] = {
    "immunomodulator": "an immunomodulator",
    "cell_therapy": "a cell therapy",
    "immunosuppressant": "an immunosuppressant",
    "corticosteroid": "a corticosteroid",
    "other": "another treatment",
}
"""What reasons call the classes of treatments."""


def judge_changes(facts: Facts, cell: Cell, question: WithinQuestion) -> Finding:
    """Whether changes can be estimated, and how well."""
    changes = find_changes(facts.pairing, cell)
    words = _words(question, changes)
    counts = [len(side.complete) for side in changes.sides]
    found = _counted(changes, words, counts)
    if min(counts) < _needed(facts, counts):
        return _too_few_pairs(facts, cell, question, found, counts)
    design, contrast = changes.design, changes.contrast
    if not estimable(design, contrast):
        return _moved_apart(found, question, changes, words) if len(counts) > 1 else _time_apart(
            facts, found, question, changes
        )  # fmt: skip
    left = residual_df(design)
    if left < facts.limits.skip_below_residual_df:
        return facts.too_little_left(found, left, "complete pairs")
    both = " in a group" if len(counts) > 1 else ""
    aliased = "group" if len(counts) > 1 else _what(question)
    cautions = [
        *_uncontrolled(facts, question, changes),
        *facts.few(min(counts), facts.limits.caution_below_pairs, f"complete pairs{both}"),
        *(_mixed(facts, changes) if cell.assay != "variants" else ()),  # those rest on complete pairs
        *facts.inflation(design, contrast, [BATCH], aliased),
        *facts.freeze(cell, [unit for pair in changes.complete for unit in pair]),
    ]
    notes = (
        *(_assumption(design) if len(counts) > 1 else ()),
        f"{left} residual df",
        *([number(len(changes.linked), "bridge samples")] if changes.linked else []),
        *_overlapping(changes),
        *found.notes,
        *facts.reclassified(unit for pair in changes.complete for unit in pair),
    )
    return replace(found, cautions=tuple(cautions), notes=notes)


def _words(question: WithinQuestion, changes: Changes) -> list[str]:
    """What reasons call the sides."""
    if isinstance(question, Interaction):
        return [named(question, question.case), named(question, question.reference)]
    word = named(question, groups_of(question)[0])
    return [word, f"{word} without it"][: len(changes.sides)]


def _what(question: WithinQuestion) -> str:
    return "tissue" if isinstance(question, BetweenTissues) else "time"


def _counted(changes: Changes, words: Sequence[str], counts: Sequence[int]) -> Finding:
    head = number(counts[0], "complete pairs", f"of {words[0]}")
    absent: dict[str, str] = {}
    for side in changes.sides:
        absent |= side.incomplete
    return Finding(
        head=" vs ".join([head, *(f"{n} of {word}" for n, word in zip(counts[1:], words[1:], strict=True))]),
        n_case=counts[0],
        n_reference=sum(counts[1:]),
        n_pairs=sum(counts),
        notes=incomplete(absent),
    )


def _too_few_pairs(
    facts: Facts, cell: Cell, question: WithinQuestion, found: Finding, counts: Sequence[int]
) -> Finding:
    limit = _needed(facts, counts)
    short = {group: n for group, n in zip(_groups(question), counts, strict=False) if n < limit}
    where, gaps, times = _structure(facts, cell, question, list(short))
    several = len(counts) > 1 and isinstance(question, Interaction)
    more = [
        number(limit - n, "more complete pairs", f"of {named(question, group)} {where}" if several else where)
        for group, n in short.items()
    ]
    absent = facts.nothing(cell, _groups(question), times)
    if isinstance(question, Occasion) and not absent and not counts[0] and not found.notes:
        absent = [f"no {named(question, question.group)} with {_event(question)}"]
    return too_few(
        found, gaps, more, [*absent, f"at least {limit}{' of each' if several else ''} are needed"]
    )


def _needed(facts: Facts, counts: Sequence[int]) -> int:
    """The fewest pairs of each side."""
    limit = facts.limits.skip_below_pairs
    return limit if len(counts) > 1 else max(limit, facts.limits.skip_below_residual_df + 1)  # the mean


def _groups(question: WithinQuestion) -> tuple[Group, ...]:
    if isinstance(question, Interaction):
        return question.case, question.reference
    return (question.case if isinstance(question, BetweenTissues) else question.group,)


def _structure(
    facts: Facts, cell: Cell, question: WithinQuestion, short: Sequence[Group]
) -> tuple[str, list[str], list[str]]:
    """Where more pairs would help, what the protocol does not take, and the timepoints concerned."""
    match question:
        case Within() | Interaction():
            times = [question.earlier, question.later]
            gaps = [facts.not_taken(group, cell.tissue, one) for group in short for one in times]
            return f"at {question.later}", gaps, list(times)
        case BetweenTissues():
            gaps = [facts.not_taken(question.case, one, question.timepoint) for one in question.tissue_pair]
            return f"of both tissues at {question.timepoint}", gaps, []
        case Occasion():
            only_d1 = facts.times(question.group, cell.tissue) == ["D1"]
            gaps = [f"the protocol takes {cell.tissue} at D1 only"] if only_d1 else []
            initial = "D1" if question.baseline == "inclusion" else "an earlier visit"
            what = _event(question)
            around = f"of {initial} and {what}" if question.complication else f"around the start of {what}"
            return around, gaps, ["D1"] if question.complication and question.baseline == "inclusion" else []


def _event(question: Occasion) -> str:
    """What time is anchored at."""
    if question.complication:
        return (
            f"{'an' if question.complication == 'infectious' else 'a'} {question.complication} complication"
        )
    return " or ".join(TREATMENTS[one] for one in question.treatment or [])


def _time_apart(facts: Facts, found: Finding, question: WithinQuestion, changes: Changes) -> Finding:
    """SKIP because batches tell before and after apart."""
    (pairs,) = changes.sides
    complete = changes.complete
    hidden = []
    for name, labels in TECHNICAL.items():
        design = difference_design(complete, changes.bridges, labels=labels)
        if not estimable(design, design.contrast({CHANGE: 1.0})):
            hidden.append(name)
    given = batches([unit for pair in complete for unit in pair])
    before, after = set(given[::2]), set(given[1::2])
    first, second = pairs.sides
    what = _what(question)
    skip = f"{what} is aliased with {joined(hidden)} ({first}: {listed(before)}; {second}: {listed(after)})"
    if what == "tissue":
        return replace(found, skip=skip, remedy="measure both tissues of participants in the same batch")
    # With k bridges the variance of n pairs' mean change grows (1/n + 1/k) / (1/n) = 1 + n/k times.
    enough = ceil(len(complete) / (facts.limits.caution_above_inflation - 1))
    again = max(enough, facts.limits.skip_below_pairs)
    new = sorted(after - before)
    where = f"batch {new[0]}" if len(new) == 1 else "the new batches"
    stored = "D1" if first == "D1" else "earlier"
    return replace(found, skip=skip, remedy=f"rerun {again} stored {stored} samples in {where} as bridges")


def _moved_apart(found: Finding, question: WithinQuestion, changes: Changes, words: Sequence[str]) -> Finding:
    """SKIP because the groups moved between batches differently."""
    moves = "; ".join(
        f"{word}: {_moves(side.complete.values())}" for word, side in zip(words, changes.sides, strict=True)
    )
    later = f"{question.later} samples of both groups" if isinstance(question, Interaction) else "both groups"
    return replace(
        found,
        skip=f"group is aliased with change of batch ({moves})",
        remedy=f"measure {later} in the same batches",
    )


def _uncontrolled(facts: Facts, question: WithinQuestion, changes: Changes) -> list[str]:
    if not isinstance(question, Occasion) or len(changes.sides) > 1:
        return []
    limit = facts.limits.skip_below_pairs
    few = f"{changes.others} without it over a matched interval" + (
        f", fewer than {limit}" if changes.others < limit else ", measured in other batches"
    )
    return [f"uncontrolled ({few}): natural evolution and regression to the mean look the same"]


def _mixed(facts: Facts, changes: Changes) -> list[str]:
    """Caution where the mixed model is not quite at its level."""
    limit = facts.limits.caution_below_mixed_participants
    people = min(len(side.complete) + len(side.single) for side in changes.sides)
    if not changes.single or people >= limit:
        return []
    of = " in a group" if len(changes.sides) > 1 else ""
    return [
        f"mixed model of {people} participants{of}, fewer than {limit}: read the complete pairs beside it"
    ]


def _overlapping(changes: Changes) -> list[str]:
    """Treatments that started beside the one that the question is about, by participant."""
    remarks = [f"{name}: {remark}" for side in changes.sides for name, remark in side.remarks.items()]
    return [listed(remarks)] if remarks else []


def _assumption(design: Design) -> tuple[str, ...]:
    """What subtracting the reference's change rests on, where samples come from several batches."""
    if BATCH not in design.terms:
        return ()
    aliased = not estimable(design, design.contrast({CHANGE: 1.0}))
    because = "time is aliased with batch: " if aliased else ""
    return (f"{because}assumes that batches shift both groups alike",)


def _moves(pairs: Iterable[Pair]) -> str:
    """From which batches to which the pairs went."""
    units = [unit for pair in pairs for unit in pair]
    labels = batches(units)
    return listed(f"{a} to {b}" for a, b in zip(labels[::2], labels[1::2], strict=True))
