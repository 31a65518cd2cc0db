"""The columns of the five sheets: name, how a cell is read, whether it must be filled."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from scleromyomics.plan.protocol import Protocol
from scleromyomics.plan.protocol.measures import Measure
from scleromyomics.plan.sheets import cells
from scleromyomics.plan.vocabulary import Assay, EventKind, Sex, Timepoint, Tissue, TreatmentClass

SheetName = Literal["participants", "visits", "events", "treatments", "samples"]
SHEETS: tuple[SheetName, ...] = get_args(SheetName)


@dataclass(frozen=True, slots=True)
class Column:
    """One column. One that need not be filled may be left out of the sheet altogether."""

    name: str
    parse: cells.Parse
    required: bool = True
    blank: Any = None  # the value of a blank cell


DAY = cells.whole(cells.EARLIEST_DAY, cells.LATEST_DAY, cells.DAYS)

FIXED: dict[SheetName, tuple[str, ...]] = {
    "participants": (
        "participant",
        "population",
        "overlap",
        "disease_subtype",
        "autoantibodies",
        "onset_day",
        "sex",
        "age",
    ),
    "visits": ("participant", "visit", "timepoint", "day"),
}
"""Columns that the protocol's criteria and measures stand beside."""


def columns(sheet: SheetName, protocol: Protocol) -> tuple[Column, ...]:
    """The columns of a sheet, in the order of its template."""
    return {
        "participants": _participants,
        "visits": _visits,
        "events": _events,
        "treatments": _treatments,
        "samples": _samples,
    }[sheet](protocol)


def _participants(protocol: Protocol) -> tuple[Column, ...]:
    fields = {one.field: one.type for one in protocol.eligibility if one.field not in FIXED["participants"]}
    return (
        Column("participant", cells.pseudonym),
        Column("population", cells.number_in_list(protocol.populations)),
        Column("overlap", cells.boolean),
        Column("disease_subtype", cells.name, required=False, blank=""),
        Column("autoantibodies", cells.texts, required=False, blank=()),
        Column("onset_day", cells.whole(cells.EARLIEST_DAY, 0, cells.DAYS), required=False),
        Column("sex", cells.choice(get_args(Sex))),
        Column("age", cells.number(0, 120, "years at inclusion")),
        *(
            Column(field, cells.boolean if kind == "boolean" else cells.number(None, None), required=False)
            for field, kind in fields.items()
        ),
    )


def _visits(protocol: Protocol) -> tuple[Column, ...]:
    return (
        Column("participant", cells.pseudonym),
        Column("visit", cells.name),
        Column("timepoint", cells.choice(get_args(Timepoint))),
        Column("day", DAY),
        *(Column(name, _measure(one), required=False) for name, one in protocol.measures.items()),
    )


def _measure(measure: Measure) -> cells.Parse:
    match measure.type:
        case "boolean":
            return cells.boolean
        case "category":
            return cells.choice(measure.levels)
        case "integer":
            return cells.whole(measure.minimum, measure.maximum)
        case "number":
            return cells.number(measure.minimum, measure.maximum)


def _events(_: Protocol) -> tuple[Column, ...]:
    return (
        Column("participant", cells.pseudonym),
        Column("day", DAY),
        Column("kind", cells.choice(get_args(EventKind))),
        Column("subtype", cells.name, required=False, blank=""),
    )


def _treatments(_: Protocol) -> tuple[Column, ...]:
    return (
        Column("participant", cells.pseudonym),
        Column("drug", cells.text),
        Column("class", cells.choice(get_args(TreatmentClass))),
        Column("start_day", DAY),
        Column("stop_day", DAY, required=False),
        Column("dose", cells.number(0, 1_000_000), required=False),
        Column("dose_unit", cells.text, required=False, blank=""),
    )


def _samples(protocol: Protocol) -> tuple[Column, ...]:
    formats = dict.fromkeys(one for assay in protocol.assays.values() for one in assay.formats)
    return (
        Column("sample", cells.name),
        Column("participant", cells.pseudonym),
        Column("visit", cells.name),
        Column("tissue", cells.choice(get_args(Tissue))),
        Column("assay", cells.choice(get_args(Assay))),
        Column("replicate", cells.whole(1, 99)),
        Column("platform", cells.name),
        Column("batch", cells.name),
        Column("wave", cells.wave),
        Column("format", cells.choice(formats)),
        Column("path", cells.paths),
        Column("md5", cells.md5s, required=False, blank=()),
        Column("bridge", cells.name, required=False),
    )
