"""What a protocol says in one place must hold in the others."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from scleromyomics.plan.protocol import Protocol
from scleromyomics.plan.protocol.eligibility import Criterion
from scleromyomics.plan.protocol.measures import Measure
from scleromyomics.plan.protocol.questions import (
    Association,
    BetweenTissues,
    Occasion,
    Question,
    groups_of,
)
from scleromyomics.plan.sheets.columns import FIXED
from scleromyomics.plan.sheets.faults import Fault

if TYPE_CHECKING:
    from scleromyomics.plan.document import Document

COLUMN = re.compile("[a-z][a-z0-9_]{0,59}")
"""What the name of a column of one's own may be."""

Found = Iterator[tuple[list[str | int], str, str]]
"""Place, problem, what is allowed."""


def contradictions(document: "Document[Protocol]") -> list[Fault]:
    """Everything in which a well-formed protocol contradicts itself."""
    protocol = document.settings
    if protocol is None:
        return []
    checks = (_populations, _visits, _measures, _criteria, _events, _questions)
    return [document.fault(place, *words) for check in checks for place, *words in check(protocol)]


def _populations(protocol: Protocol) -> Found:
    groups: set[str] = set()
    for number, population in protocol.populations.items():
        here: list[str | int] = ["populations", str(number)]
        if population.group in groups:
            yield [*here, "group"], "is the group of another population too", "one population per group"
        groups.add(population.group)
        other = population.control_of
        if other is not None and (other == number or other not in protocol.populations):
            allowed = ", ".join(str(one) for one in protocol.populations if one != number)
            yield [*here, "control_of"], "is not another population", allowed
        for tissue, timepoints in population.tissues.items():
            for timepoint in timepoints:
                if timepoint not in protocol.visits:
                    problem = f"{timepoint} is not among the visits"
                    yield [*here, "tissues", tissue], problem, ", ".join(protocol.visits)


def _visits(protocol: Protocol) -> Found:
    windows = sorted(protocol.visits.items(), key=lambda item: item[1].day)
    for name, window in windows:
        if not window.earliest <= window.day <= window.latest:
            yield ["visits", name, "day"], "is not within earliest to latest", "earliest <= day <= latest"
    for (before, first), (name, second) in pairwise(windows):
        if second.earliest <= first.latest:
            yield ["visits", name, "earliest"], f"is in the window of {before}", f"days after {first.latest}"
    if "D1" not in protocol.visits:
        yield ["visits"], "there is no D1", "D1, the visit of inclusion"
    elif protocol.visits["D1"].day != 0:
        yield ["visits", "D1", "day"], "is not the day of inclusion", "0"


def _measures(protocol: Protocol) -> Found:
    for name, measure in protocol.measures.items():
        yield from _column_name(["measures", name], name, FIXED["visits"])
        yield from _limits(["measures", name], measure)
        if (measure.type == "category") != bool(measure.levels):
            yield (
                ["measures", name],
                "levels do not go with its type",
                "levels for a category, and only there",
            )
        yield from _transform(["measures", name], measure)


def _transform(place: list[str | int], measure: Measure) -> Found:
    """The scale of an association has what it needs."""
    scale, low, high = measure.transform, measure.minimum, measure.maximum
    if scale != "none" and measure.type not in ("number", "integer"):
        yield (
            [*place, "transform"],
            f"is {scale} for a {measure.type}",
            "log2 and logit for numbers and integers",
        )
    elif scale == "logit" and (low is None or high is None or low == high):
        yield [*place, "transform"], "is logit without a range", "a minimum below a maximum beside it"
    elif scale == "log2" and (low is None or low < 0):
        yield (
            [*place, "transform"],
            "is log2 where values may be negative",
            "a minimum of 0 or more beside it",
        )
    if measure.ordered and measure.type != "category":
        yield [*place, "ordered"], f"is true for a {measure.type}", "ordered categories only"


def _criteria(protocol: Protocol) -> Found:
    ids: set[str] = set()
    types: dict[str, str] = {}
    for place, criterion in enumerate(protocol.eligibility):
        here: list[str | int] = ["eligibility", place]
        if criterion.id in ids:
            yield [*here, "id"], "is there twice", "one id per criterion"
        ids.add(criterion.id)
        if types.setdefault(criterion.field, criterion.type) != criterion.type:
            yield [*here, "type"], "differs from another criterion on this field", types[criterion.field]
        if criterion.field != "age":
            yield from _column_name([*here, "field"], criterion.field, FIXED["participants"])
        for number in criterion.populations:
            if number not in protocol.populations:
                allowed = ", ".join(map(str, protocol.populations))
                yield [*here, "populations"], f"{number} is not a population", allowed
        yield from _limits(here, criterion)
        numeric = criterion.minimum is not None or criterion.maximum is not None
        boolean = criterion.equals is not None
        if (numeric, boolean) != (criterion.type == "number", criterion.type == "boolean"):
            yield (
                here,
                f"has no rule for its type {criterion.type}",
                "equals for a boolean, minimum or maximum for a number",
            )
        if criterion.field == "age" and criterion.type != "number":
            yield [*here, "type"], "is not the type of age", "number"


def _events(protocol: Protocol) -> Found:
    twice = sorted(set(protocol.events.systemic) & set(protocol.events.infectious))
    if twice:
        problem = f"{', '.join(twice)} is systemic and infectious"
        yield ["events", "infectious"], problem, "names that only one of the two lists has"


def _questions(protocol: Protocol) -> Found:
    ids: set[str] = set()
    groups = {one.group for one in protocol.populations.values()}
    for place, question in enumerate(protocol.questions):
        here: list[str | int] = ["questions", place]
        if question.id in ids:
            yield [*here, "id"], "is there twice", "one id per question"
        ids.add(question.id)
        for key in ("case", "reference", "group"):
            group = getattr(question, key, None)
            if group is not None and group not in groups:
                yield [*here, key], "is the group of no population", ", ".join(sorted(groups))
        for key in ("timepoint", "earlier", "later", "change_from"):
            timepoint = getattr(question, key, None)
            if timepoint is not None and timepoint not in protocol.visits:
                yield [*here, key], "is not among the visits", ", ".join(protocol.visits)
        if getattr(question, "case", "") == getattr(question, "reference", None):
            yield [*here, "reference"], "is the case itself", "another group, or none for a tissue question"
        yield from _order(protocol, question, here)
        yield from _kind(protocol, question, here)
        yield from _restricted(protocol, question, here)


def _order(protocol: Protocol, question: Question, here: list[str | int]) -> Found:
    for first, second in (("earlier", "later"), ("change_from", "timepoint")):
        named = [getattr(question, key, None) for key in (first, second)]
        days = [protocol.visits[one].day for one in named if one in protocol.visits]
        if len(days) == 2 and days[0] >= days[1]:
            yield [*here, second], f"is not after {first}", "a later visit"


def _kind(protocol: Protocol, question: Question, here: list[str | int]) -> Found:
    if isinstance(question, Association):
        yield from _association(protocol, question, here)
    if isinstance(question, Occasion) and (question.complication is None) == (question.treatment is None):
        yield here, "has both or neither of complication and treatment", "one of the two"
    if isinstance(question, Occasion) and question.treatment and question.baseline == "last":
        allowed = "no baseline: it is always the last profile before the start"
        yield [*here, "baseline"], "is for complications", allowed
    if isinstance(question, BetweenTissues):
        yield from _tissues(protocol, question, here)


def _tissues(protocol: Protocol, question: BetweenTissues, here: list[str | int]) -> Found:
    if len(set(question.tissue_pair)) == 1:
        yield [*here, "tissue_pair"], "is one tissue twice", "two tissues"
    if question.control_tissues is None:
        return
    if question.reference is None:
        yield [*here, "control_tissues"], "does not go without a reference", "a reference group beside it"
    controlled = {protocol.populations[one.control_of].group for one in protocol.populations.values()
                  if one.control_of in protocol.populations}  # fmt: skip
    for key in ("case", "reference"):
        group = getattr(question, key)
        if group is not None and group not in controlled:
            yield [*here, key], f"{group} has no control", ", ".join(sorted(controlled))


def _restricted(protocol: Protocol, question: Question, here: list[str | int]) -> Found:
    """Whom a question is restricted to, and what it checks, is there."""
    first = groups_of(question)[0]
    subtypes = [name for one in protocol.populations.values() if one.group == first for name in one.subtypes]
    if question.subtype is not None and question.subtype not in subtypes:
        yield [*here, "subtype"], f"is no subtype of {first}", ", ".join(subtypes) or "none"
    answers = [
        one.id
        for one in protocol.questions
        if one.kind == question.kind and one.id != question.id and one.sensitivity_of is None
    ]
    if question.sensitivity_of is not None and question.sensitivity_of not in answers:
        problem = f"is no other {question.kind} question that stands for itself"
        yield [*here, "sensitivity_of"], problem, ", ".join(answers) or "none"


def _association(protocol: Protocol, question: Association, here: list[str | int]) -> Found:
    measure = protocol.measures.get(question.measure)
    if measure is None:
        yield [*here, "measure"], "is not among the measures", ", ".join(protocol.measures)
    elif measure.type == "category" and not measure.ordered:
        allowed = "a number, integer, boolean or ordered category"
        yield [*here, "measure"], "is a category without order", allowed
    elif measure.ordered and (question.visits is not None or question.change_from is not None):
        yield [*here, "measure"], "is an ordered category", "one timepoint for it, without change_from"
    if (question.timepoint is None) == (question.visits is None):
        yield here, "has both or neither of timepoint and visits", "one of the two"
    if question.visits is None:
        return
    if question.change_from is not None:
        yield [*here, "change_from"], "does not go with visits", "change_from beside a timepoint"
    if len(set(question.visits)) < max(2, len(question.visits)):
        yield [*here, "visits"], "are fewer than two, or one is there twice", "two visits or more, each once"
    for timepoint in question.visits:
        if timepoint not in protocol.visits:
            yield [*here, "visits"], f"{timepoint} is not among the visits", ", ".join(protocol.visits)


def _column_name(place: list[str | int], name: str, taken: tuple[str, ...]) -> Found:
    if name in taken:
        yield place, f"{name} is a column already", "a name of its own"
    elif not COLUMN.fullmatch(name):
        yield (
            place,
            f"{name} is no name of a column",
            "small letters, digits and _, beginning with a letter, up to 60",
        )


def _limits(place: list[str | int], one: Measure | Criterion) -> Found:
    if one.minimum is not None and one.maximum is not None and one.minimum > one.maximum:
        yield [*place, "minimum"], "is above maximum", "minimum <= maximum"
