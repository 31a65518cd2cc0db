"""Rules across the rows of participants, visits, events and treatments.

Missing visits are normal. A visit outside its window is a warning, since analyses compare what is there; it is
an error where its day belongs to another scheduled visit, or where scheduled visits are out of order.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise

from scleromyomics.plan.protocol import Protocol
from scleromyomics.plan.sheets.columns import SheetName
from scleromyomics.plan.sheets.faults import Fault
from scleromyomics.plan.sheets.reader import Row, Sheet

Sheets = Mapping[SheetName, Sheet]

SUBTYPED = ("complication", "reclassification")
"""Kinds of events that have a subtype."""


def people_faults(sheets: Sheets, protocol: Protocol) -> list[Fault]:
    """All faults of these four sheets that no single cell shows."""
    return [
        *_participants(sheets["participants"], protocol),
        *(fault for name in ("visits", "events", "treatments") for fault in strangers(sheets[name], sheets)),
        *_visits(sheets, protocol),
        *_events(sheets["events"], protocol),
        *_treatments(sheets["treatments"]),
    ]


def strangers(sheet: Sheet, sheets: Sheets) -> Iterator[Fault]:
    """Rows of participants that participants.tsv does not have."""
    people = sheets["participants"]
    known = {row.cells.get("participant") for row in people.rows}
    if not people.present:
        return
    unknown: defaultdict[str, list[Row]] = defaultdict(list)
    for row in sheet.rows:
        name = row.get("participant")
        if name and name not in known:
            unknown[name].append(row)
    for rows in unknown.values():
        more = f" ({len(rows)} lines name it)" if len(rows) > 1 else ""
        problem = f"is not in participants.tsv{more}"
        yield sheet.fault(rows[0], "participant", problem, "a participant of participants.tsv")


def case_variants(sheet: Sheet, column: str) -> Iterator[Fault]:
    """Names that differ only by the case of their letters: one folder on many file systems."""
    first: dict[str, Row] = {}
    told: set[str] = set()
    for row in sheet.rows:
        name = row.get(column)
        if not name:
            continue
        other = first.setdefault(name.lower(), row)
        if other.get(column) != name and name not in told:
            told.add(name)
            problem = f"differs only by case from {other.get(column)} on line {other.line}"
            yield sheet.fault(row, column, problem, "names that differ by more than case")


def _participants(sheet: Sheet, protocol: Protocol) -> Iterator[Fault]:
    yield from case_variants(sheet, "participant")
    first: dict[str, Row] = {}
    for row in sheet.rows:
        name = row.get("participant")
        if name:
            other = first.setdefault(name, row)
            if other is not row:
                yield from _second_row(sheet, row, other)
        population = protocol.populations.get(row.get("population"))
        subtype = row.get("disease_subtype")
        if population and subtype and subtype not in population.subtypes:
            problem = f"is no subtype of population {row.get('population')}"
            yield sheet.fault(
                row, "disease_subtype", problem, ", ".join(population.subtypes) or "a blank cell"
            )


def _second_row(sheet: Sheet, row: Row, first: Row) -> Iterator[Fault]:
    told = {
        "population": "one population per participant (a control that converts is an event reclassification)",
        "sex": "one sex per participant",
        "disease_subtype": "one diagnosis per participant, that at inclusion",
    }
    name = row.get("participant")
    changed = [column for column in told if row.cells.get(column) != first.cells.get(column)]
    for column in changed:
        problem = f"differs from {first.cells.get(column)!r} of {name} on line {first.line}"
        yield sheet.fault(row, column, problem, told[column])
    if not changed:
        yield sheet.fault(row, "participant", f"is on line {first.line} already", "one row per participant")


def _visits(sheets: Sheets, protocol: Protocol) -> Iterator[Fault]:
    sheet = sheets["visits"]
    died = {
        row.get("participant"): row.get("day")
        for row in sheets["events"].rows
        if row.get("kind") == "death" and row.get("day") is not None
    }
    by_participant: defaultdict[str, list[Row]] = defaultdict(list)
    for row in sheet.rows:
        yield from _window(sheet, row, protocol)
        if row.get("participant"):
            by_participant[row.get("participant")].append(row)
        death = died.get(row.get("participant"))
        if death is not None and row.get("day") is not None and row.get("day") > death:
            yield sheet.fault(row, "day", f"is after the death on day {death} in events.tsv", "days up to it")
    for rows in by_participant.values():
        yield from _order(sheet, rows, protocol)


def _window(sheet: Sheet, row: Row, protocol: Protocol) -> Iterator[Fault]:
    timepoint, day = row.get("timepoint"), row.get("day")
    if timepoint is None or day is None:
        return
    window = protocol.visits.get(timepoint)
    if window is None:
        if timepoint in {"EVENT", "ROUTINE"}:
            if day < 0:
                yield sheet.fault(row, "day", "is before inclusion", "days from 0 on", "warning")
        else:
            yield sheet.fault(row, "timepoint", "is not in the protocol", ", ".join(protocol.visits))
        return
    if window.earliest <= day <= window.latest:
        return
    allowed = f"day {window.earliest} to {window.latest} for {timepoint}"
    others = [name for name, one in protocol.visits.items() if one.earliest <= day <= one.latest]
    if others:
        yield sheet.fault(
            row, "day", f"is outside the window of {timepoint}, in that of {others[0]}", allowed
        )
    elif timepoint == "D1":
        yield sheet.fault(row, "day", "is not the day of inclusion", allowed)
    else:
        yield sheet.fault(row, "day", f"is outside the window of {timepoint}", allowed, "warning")


def _order(sheet: Sheet, rows: list[Row], protocol: Protocol) -> Iterator[Fault]:
    """One participant: visits there twice, timepoints there twice, scheduled visits out of order."""
    names: dict[str, Row] = {}
    lower: dict[str, Row] = {}
    scheduled: dict[str, Row] = {}
    for row in rows:
        visit, timepoint = row.get("visit"), row.get("timepoint")
        if visit:
            other = names.setdefault(visit, row)
            if other is not row:
                problem = f"is on line {other.line} already for {row.get('participant')}"
                yield sheet.fault(row, "visit", problem, "one row per participant and visit")
            alike = lower.setdefault(visit.lower(), row)
            if alike.get("visit") != visit:
                problem = f"differs only by case from {alike.get('visit')} on line {alike.line}"
                yield sheet.fault(row, "visit", problem, "names that differ by more than case")
        if timepoint in protocol.visits:
            other = scheduled.setdefault(timepoint, row)
            if other is not row:
                problem = f"is the second {timepoint} of {row.get('participant')} (line {other.line})"
                yield sheet.fault(
                    row, "timepoint", problem, "one visit per scheduled timepoint; else ROUTINE"
                )
    order = sorted(protocol.visits, key=lambda name: protocol.visits[name].day)
    dated = [
        scheduled[name] for name in order if name in scheduled and scheduled[name].get("day") is not None
    ]
    for earlier, later in pairwise(dated):
        if later.get("day") <= earlier.get("day"):
            problem = (
                f"is not after {earlier.get('timepoint')} on day {earlier.get('day')} (line {earlier.line}):"
                " visits out of order"
            )
            yield sheet.fault(
                later, "day", problem, f"{later.get('timepoint')} after {earlier.get('timepoint')}"
            )


def _events(sheet: Sheet, protocol: Protocol) -> Iterator[Fault]:
    yield from _repeated(sheet)
    types = protocol.events
    subtypes = {
        "complication": [*types.systemic, *types.infectious],
        "reclassification": types.reclassification,
    }
    deaths: dict[str, Row] = {}
    for row in sheet.rows:
        kind, subtype, day = row.get("kind"), row.get("subtype"), row.get("day")
        if kind in SUBTYPED and subtype is not None and subtype not in subtypes[kind]:
            problem = f"is no subtype of {kind}" if subtype else f"is blank for a {kind}"
            yield sheet.fault(row, "subtype", problem, ", ".join(subtypes[kind]))
        elif kind and kind not in SUBTYPED and subtype:
            yield sheet.fault(row, "subtype", f"is given for {kind}, which has none", "a blank cell")
        if day is not None and day < 0:
            yield sheet.fault(row, "day", "is before inclusion", "days from 0 on", "warning")
        if kind == "death" and row.get("participant"):
            other = deaths.setdefault(row.get("participant"), row)
            if other is not row and other.cells != row.cells:
                yield sheet.fault(
                    row, "kind", f"is the second death (line {other.line})", "one per participant"
                )


def _treatments(sheet: Sheet) -> Iterator[Fault]:
    yield from _repeated(sheet)
    for row in sheet.rows:
        start, stop = row.get("start_day"), row.get("stop_day")
        if start is not None and stop is not None and stop < start:
            yield sheet.fault(
                row, "stop_day", f"is before start_day {start}", "a day from start_day on, or blank"
            )
        if "dose" not in row.values or "dose_unit" not in row.values:
            continue
        if row.get("dose") is not None and not row.get("dose_unit"):
            yield sheet.fault(row, "dose_unit", "is blank beside a dose", "the dose's unit, such as mg/day")
        if row.get("dose") is None and row.get("dose_unit"):
            yield sheet.fault(row, "dose", "is blank beside a unit", "the dose, or both cells blank")


def _repeated(sheet: Sheet) -> Iterator[Fault]:
    """Rows that repeat an earlier one in every cell."""
    first: dict[tuple[str, ...], Row] = {}
    for row in sheet.rows:
        other = first.setdefault(tuple(row.cells.values()), row)
        if other is not row:
            yield sheet.fault(row, "participant", f"this row repeats line {other.line}", "each row once")
