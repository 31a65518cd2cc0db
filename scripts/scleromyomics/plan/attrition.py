"""Who is seen at each follow-up visit, and how those who are not differed from the others at inclusion.

Everyone of a group counts, as in completeness. Kept are those who were seen at a visit; lost are those who were
not although it was due, or who died, withdrew or were lost before its window closed. Those for whom it is not
due yet are neither. The comparison is descriptive: lost minus kept with a 95 % interval, no test. Numbers are
compared by Hedges' g, in standard deviations (Hedges 1981, doi:10.3102/10769986006002107), shares by their
difference with Newcombe's interval (1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I).
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev
from typing import Literal, get_args

from scleromyomics.plan.cohort import Participant, Value
from scleromyomics.plan.completeness import completeness, endings
from scleromyomics.plan.protocol import Protocol
from scleromyomics.plan.study import Study
from scleromyomics.plan.vocabulary import EventKind, Group, ScheduledTimepoint

State = Literal["seen", "missing", "death", "withdrawal", "lost", "not_due"]
LOST: frozenset[State] = frozenset({"missing", "death", "withdrawal", "lost"})
LEFT: Mapping[EventKind, State] = {"death": "death", "withdrawal": "withdrawal", "lost": "lost"}
INCLUSION: ScheduledTimepoint = "D1"
PARTICIPANTS = "participants"
"""The measure of rows that count participants by state."""
SMALLEST = 3
"""Participants on either side from which a difference is given: of one or two it would describe persons."""
DAYS_PER_YEAR = 365.25
Z = NormalDist().inv_cdf(0.975)

Difference = tuple[float, float, float]
"""Lost minus kept, and the bounds of its 95 % interval."""


@dataclass(frozen=True, slots=True)
class Attrition:
    """One count of participants, or one measure at inclusion of lost against kept: a row of attrition.tsv."""

    group: Group
    timepoint: ScheduledTimepoint
    measure: str
    level: str  # a state, or the value whose share is given; "" for numbers
    unit: str
    n: int  # participants in this state, or with a value
    n_kept: int
    n_lost: int
    count_kept: int | None = None  # participants with this level
    count_lost: int | None = None
    kept: float | None = None  # mean or share
    kept_sd: float | None = None
    lost: float | None = None
    lost_sd: float | None = None
    difference: float | None = None  # lost minus kept
    difference_unit: str = ""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Trait:
    """A number, or the share of a level, that participants are described by at inclusion."""

    measure: str
    level: str
    unit: str


def attrition(study: Study) -> tuple[Attrition, ...]:
    """Per group and follow-up visit the participants by state, then each measure of lost against kept."""
    return tuple(_rows(study))


def states(study: Study) -> dict[tuple[str, ScheduledTimepoint], State]:
    """How each participant stands at each follow-up visit at which the protocol takes anything of them."""
    cohort = study.released
    held = {(visit.participant, visit.timepoint) for visit in cohort.visits.values()}
    absent = {(row.participant, row.timepoint): row.status for row in completeness(study) if not row.visit}
    ending = endings(cohort)

    def state(name: str, timepoint: ScheduledTimepoint) -> State:
        if (name, timepoint) in held:
            return "seen"
        status = absent.get((name, timepoint))
        if status == "lost":
            return LEFT[ending[name].kind]
        return "missing" if status else "not_due"

    return {
        (name, timepoint): state(name, timepoint)
        for name, who in sorted(cohort.participants.items())
        for timepoint in _follow_up(study.protocol, who.population)
    }


def hedges_g(kept: Sequence[float], lost: Sequence[float]) -> Difference | None:
    """Difference of means in pooled standard deviations, without small-sample bias.

    Returns:
        Lost minus kept and its 95 % interval; None where either side is below `SMALLEST` or nothing varies.
    """
    a, b = len(lost), len(kept)
    if min(a, b) < SMALLEST:
        return None
    df = a + b - 2
    pooled = math.sqrt(((a - 1) * stdev(lost) ** 2 + (b - 1) * stdev(kept) ** 2) / df)
    if not pooled:
        return None
    unbiased = math.exp(math.lgamma(df / 2) - math.lgamma((df - 1) / 2)) / math.sqrt(df / 2)
    g = unbiased * (fmean(lost) - fmean(kept)) / pooled
    reach = Z * math.sqrt(1 / a + 1 / b + g**2 / (2 * (a + b)))
    return g, g - reach, g + reach


def newcombe(kept: int, n_kept: int, lost: int, n_lost: int) -> Difference | None:
    """Difference of two shares.

    Returns:
        Lost minus kept and its 95 % interval; None where either side is below `SMALLEST`.
    """
    if min(n_kept, n_lost) < SMALLEST:
        return None
    (p, p_low, p_high), (r, r_low, r_high) = _wilson(lost, n_lost), _wilson(kept, n_kept)
    low = p - r - math.hypot(p - p_low, r_high - r)
    high = p - r + math.hypot(p_high - p, r - r_low)
    return p - r, low, high


def _rows(study: Study) -> Iterator[Attrition]:
    people = study.released.participants
    standing = states(study)
    profiles = _profiles(study)
    for number, population in sorted(study.protocol.populations.items()):
        names = [name for name, who in sorted(people.items()) if who.population == number]
        for timepoint in _follow_up(study.protocol, number) if names else ():
            now = {name: standing[name, timepoint] for name in names}
            yield from _counts(population.group, timepoint, Counter(now.values()))
            kept = [profiles[name] for name in names if now[name] == "seen"]
            lost = [profiles[name] for name in names if now[name] in LOST]
            for trait in _traits(study.protocol, number):
                yield _compared(population.group, timepoint, trait, kept, lost)


def _counts(group: Group, timepoint: ScheduledTimepoint, tally: Counter[State]) -> Iterator[Attrition]:
    for state in get_args(State):
        n = tally[state]
        kept, lost = n * (state == "seen"), n * (state in LOST)
        yield Attrition(group, timepoint, PARTICIPANTS, state, PARTICIPANTS, n, kept, lost)


def _compared(
    group: Group,
    timepoint: ScheduledTimepoint,
    trait: Trait,
    kept: Sequence[Mapping[str, Value]],
    lost: Sequence[Mapping[str, Value]],
) -> Attrition:
    """One measure of lost against kept, each with those for whom it is known."""
    stayed, left = (_known(trait, side) for side in (kept, lost))
    if trait.level:
        a, b = int(sum(stayed)), int(sum(left))
        counts: tuple[int | None, int | None] = a, b
        spread: tuple[float | None, float | None] = None, None
        found = newcombe(a, len(stayed), b, len(left))
    else:
        counts = None, None
        spread = _sd(stayed), _sd(left)
        found = hedges_g(stayed, left)
    difference, low, high = found or (None, None, None)
    return Attrition(
        group=group,
        timepoint=timepoint,
        measure=trait.measure,
        level=trait.level,
        unit=trait.unit,
        n=len(stayed) + len(left),
        n_kept=len(stayed),
        n_lost=len(left),
        count_kept=counts[0],
        count_lost=counts[1],
        kept=fmean(stayed) if stayed else None,
        kept_sd=spread[0],
        lost=fmean(left) if left else None,
        lost_sd=spread[1],
        difference=difference,
        difference_unit=("fraction" if trait.level else "SD") if found else "",
        low=low,
        high=high,
    )


def _traits(protocol: Protocol, population: int) -> Iterator[Trait]:
    yield Trait("age", "", "years")
    yield Trait("sex", "F", "fraction")
    yield Trait("overlap", "true", "fraction")
    for subtype in protocol.populations[population].subtypes:
        yield Trait("disease_subtype", subtype, "fraction")
    yield Trait("disease_duration", "", "years")
    for name, measure in protocol.measures.items():
        if measure.type in {"number", "integer"}:
            yield Trait(name, "", measure.unit)
        else:
            for level in measure.levels or ["true"]:
                yield Trait(name, level, "fraction")


def _profiles(study: Study) -> dict[str, Mapping[str, Value]]:
    """What is known of each participant at inclusion."""
    cohort = study.released
    measures = {one.participant: one.measures for one in cohort.visits.values() if one.timepoint == INCLUSION}
    return {name: {**_person(who), **measures.get(name, {})} for name, who in cohort.participants.items()}


def _person(who: Participant) -> dict[str, Value]:
    return {
        "age": who.age,
        "sex": who.sex,
        "overlap": who.overlap,
        "disease_subtype": who.disease_subtype or None,
        "disease_duration": None if who.onset_day is None else -who.onset_day / DAYS_PER_YEAR,
    }


def _known(trait: Trait, people: Sequence[Mapping[str, Value]]) -> list[float]:
    """The numbers of those for whom one is known; for a level 1 and 0."""
    values = [value for one in people if (value := one.get(trait.measure)) is not None]
    if not trait.level:
        return [float(value) for value in values]
    return [
        float(value == (trait.level == "true" if isinstance(value, bool) else trait.level))
        for value in values
    ]


def _follow_up(protocol: Protocol, population: int) -> list[ScheduledTimepoint]:
    """The scheduled visits after inclusion at which the protocol takes anything from a population."""
    taken = {one for times in protocol.populations[population].tissues.values() for one in times}
    return [one for one in protocol.visits if one != INCLUSION and one in taken]


def _sd(values: Sequence[float]) -> float | None:
    return stdev(values) if len(values) > 1 else None


def _wilson(count: int, n: int) -> Difference:
    """A share and Wilson's 95 % interval."""
    share = count / n
    middle = share + Z**2 / (2 * n)
    reach = Z * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    scale = 1 + Z**2 / n
    return share, (middle - reach) / scale, (middle + reach) / scale
