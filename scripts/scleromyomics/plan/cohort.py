"""The cohort as plain records: what the sheets say, after they were found to be without fault.

Days are offsets from inclusion (day 0 is the inclusion visit). Nothing here reads a file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from scleromyomics.plan.vocabulary import Assay, EventKind, Sex, Timepoint, Tissue, TreatmentClass

Value = float | int | bool | str | None
"""A cell of a declared column; None is a blank cell (unknown)."""


@dataclass(frozen=True, slots=True)
class Participant:
    """One row of participants.tsv."""

    participant: str
    population: int  # 1 to 4
    overlap: bool  # scleromyositis: kept out of two-group contrasts unless the question includes it
    disease_subtype: str  # "" when blank
    autoantibodies: tuple[str, ...]
    onset_day: int | None  # negative: the disease began before inclusion
    sex: Sex
    age: float  # years at inclusion
    eligibility: Mapping[str, Value]  # the fields that the protocol's criteria are rules over


@dataclass(frozen=True, slots=True)
class Visit:
    """One row of visits.tsv; identified by participant and visit together."""

    participant: str
    visit: str
    timepoint: Timepoint
    day: int
    measures: Mapping[str, Value]  # the clinical measures that the protocol declares


@dataclass(frozen=True, slots=True)
class Event:
    """One row of events.tsv."""

    participant: str
    day: int
    kind: EventKind
    subtype: str


@dataclass(frozen=True, slots=True)
class Treatment:
    """One row of treatments.tsv."""

    participant: str
    drug: str
    treatment_class: TreatmentClass  # column `class`
    start_day: int
    stop_day: int | None  # None: still taken
    dose: float | None
    dose_unit: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One row of samples.tsv."""

    sample: str
    participant: str
    visit: str
    tissue: Tissue
    assay: Assay
    replicate: int  # 1, 2, ... of the same participant, visit, tissue, assay and platform
    platform: str
    batch: str
    wave: str  # W1, W2, ...
    format: str
    paths: tuple[str, ...]  # relative to the study directory, or absolute
    column: str  # a table's column that holds this sample (`path` written as table.tsv#column), else ""
    md5: tuple[str, ...]  # one per path, or none
    bridge: str | None  # the sample whose material this one measures again


@dataclass(frozen=True, slots=True)
class Cohort:
    """All sheets of a study. Keys of the mappings are sorted."""

    participants: Mapping[str, Participant]
    visits: Mapping[tuple[str, str], Visit]
    events: tuple[Event, ...]
    treatments: tuple[Treatment, ...]
    samples: Mapping[str, Sample]

    def up_to(self, wave: str) -> "Cohort":
        """The cohort as the cumulative release of `wave` sees it: samples of later waves are not there yet."""
        last = wave_number(wave)
        kept = {name: one for name, one in self.samples.items() if wave_number(one.wave) <= last}
        return replace(self, samples=kept)

    def visit_of(self, sample: Sample) -> Visit:
        """The visit at which `sample` was taken."""
        return self.visits[sample.participant, sample.visit]

    @property
    def waves(self) -> tuple[str, ...]:
        """The waves in which samples arrived, oldest first."""
        return tuple(sorted({one.wave for one in self.samples.values()}, key=wave_number))


def wave_number(wave: str) -> int:
    """12 of `W12`."""
    return int(wave[1:])
