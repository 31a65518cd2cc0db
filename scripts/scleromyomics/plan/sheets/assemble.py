"""Turn the rows of sheets without fault into the cohort."""

from scleromyomics.plan.cohort import Cohort, Event, Participant, Sample, Treatment, Visit
from scleromyomics.plan.protocol import Protocol
from scleromyomics.plan.sheets.columns import FIXED, SheetName
from scleromyomics.plan.sheets.reader import Row, Sheet


def assemble(sheets: dict[SheetName, Sheet], protocol: Protocol) -> Cohort:
    """Build the cohort; the order of rows in the sheets does not matter to it."""
    participants = [_participant(row, protocol) for row in sheets["participants"].rows]
    visits = [_visit(row) for row in sheets["visits"].rows]
    events = [Event(**row.values) for row in sheets["events"].rows]
    treatments = [_treatment(row) for row in sheets["treatments"].rows]
    samples = [_sample(row) for row in sheets["samples"].rows]
    return Cohort(
        participants={one.participant: one for one in sorted(participants, key=lambda one: one.participant)},
        visits={
            (one.participant, one.visit): one
            for one in sorted(visits, key=lambda one: (one.participant, one.visit))
        },
        events=tuple(sorted(events, key=lambda one: (one.participant, one.day, one.kind, one.subtype))),
        treatments=tuple(sorted(treatments, key=lambda one: (one.participant, one.start_day, one.drug))),
        samples={one.sample: one for one in sorted(samples, key=lambda one: one.sample)},
    )


def _participant(row: Row, protocol: Protocol) -> Participant:
    values = row.values
    fixed = {name: values[name] for name in FIXED["participants"]}
    return Participant(**fixed, eligibility={one.field: values[one.field] for one in protocol.eligibility})


def _visit(row: Row) -> Visit:
    fixed = {name: row.values[name] for name in FIXED["visits"]}
    measures = {name: value for name, value in row.values.items() if name not in fixed}
    return Visit(**fixed, measures=measures)


def _treatment(row: Row) -> Treatment:
    values = dict(row.values)
    return Treatment(treatment_class=values.pop("class"), **values)


def _sample(row: Row) -> Sample:
    values = dict(row.values)
    paths, column = values.pop("path")
    return Sample(paths=paths, column=column, **values)
