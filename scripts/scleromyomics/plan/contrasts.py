"""Who is compared with whom in a question between groups, and what is adjusted for.

The same `Comparison` is judged before any compute and computed afterwards. Rows of a design are participants,
their replicates merged; a sample that measures another one's material again (a bridge between batches) stands
in only where that other one is not there. Groups are those at inclusion: a later reclassification changes
nothing. The batch is always in the model, as one factor over platform and batch where there are several
platforms. Age and sex are adjusted for where the data carry it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from scleromyomics.plan.cells import Cell, questions
from scleromyomics.plan.cohort import Sample
from scleromyomics.plan.eligibility import analysis_set
from scleromyomics.plan.placement import PROCESSED, place
from scleromyomics.plan.protocol.questions import Between, BetweenTissues
from scleromyomics.plan.study import Study
from scleromyomics.plan.vocabulary import Assay, Group, Sex, Timepoint, Tissue
from scleromyomics.stats.design import (
    Design,
    Vector,
    aliases,
    centred,
    combine,
    factor,
    indicator,
    intercept,
    residual_df,
)

Role = Literal["case", "reference"]
CONTRAST = "case"  # the column of a comparison's design that holds case minus reference
BATCH = "batch"  # the factor of its batches


@dataclass(frozen=True, slots=True)
class Unit:
    """The samples of one participant in one tissue at one timepoint or visit, to be merged."""

    participant: str
    samples: tuple[str, ...]
    platform: str  # several are joined with +
    batch: str
    wave: str


@dataclass(frozen=True, slots=True)
class Member:
    """One participant in a comparison: a row of its design."""

    participant: str
    role: Role
    samples: tuple[str, ...]
    platform: str
    batch: str
    wave: str
    age: float  # years at inclusion
    sex: Sex


@dataclass(frozen=True)
class Comparison:
    """What a question between groups compares.

    Attributes:
        members: those compared, sorted by participant.
        excluded: why others who have samples here are left out, by participant.
        covariates: what the model adjusts for besides the batch.
        dropped: why other covariates of the configuration that vary are not in the model.
    """

    members: tuple[Member, ...]
    excluded: Mapping[str, str]
    covariates: tuple[str, ...]
    dropped: Mapping[str, str]

    @cached_property
    def design(self) -> Design:
        """The model: intercept, `case`, covariates, batches; a row per member."""
        return model(self._case, self.members, self.covariates)

    @cached_property
    def contrast(self) -> Vector:
        """Case minus reference, as weights of the design's coefficients."""
        return self.design.contrast({CONTRAST: 1.0})

    def count(self, role: Role) -> int:
        """Participants on one side."""
        return sum(member.role == role for member in self.members)

    @property
    def _case(self) -> Design:
        return indicator(CONTRAST, [member.role == "case" for member in self.members])


class Samples:
    """The samples of a study's release, indexed once for all cells."""

    def __init__(self, study: Study, held: Mapping[str, str] | None = None) -> None:
        """Index the samples; `held` adds to those that the sheets and the configuration hold back."""
        self.study = study
        self.cohort = study.released
        self.placement = place(study.cohort, study.config, release=study.release)
        self.held = {**self._held_by_plan(), **(held or {})}
        self.left_out = analysis_set(study)
        self.questions = questions(study)
        groups = {number: one.group for number, one in study.protocol.populations.items()}
        self.group = {name: groups[one.population] for name, one in self.cohort.participants.items()}
        self._taken: dict[tuple[str, str], dict[str, list[Sample]]] = defaultdict(lambda: defaultdict(list))
        self._at: dict[tuple[str, str, str], dict[str, list[Sample]]] = defaultdict(lambda: defaultdict(list))
        self._bridges: dict[tuple[str, str], list[tuple[Unit, Unit]]] = defaultdict(list)
        for _, one in sorted(self.cohort.samples.items()):
            timepoint = self.cohort.visit_of(one).timepoint
            self._taken[one.assay, one.tissue][one.participant].append(one)
            self._at[one.assay, one.tissue, timepoint][one.participant].append(one)
            original = self.cohort.samples.get(one.bridge or "")
            if original and not {one.sample, original.sample} & self.held.keys():
                self._bridges[one.assay, one.tissue].append((_unit([original]), _unit([one])))

    def at(self, assay: Assay, tissue: Tissue, timepoint: Timepoint) -> Mapping[str, Sequence[Sample]]:
        """Samples at a timepoint by participant, those held back included."""
        return self._at.get((assay, tissue, timepoint), {})

    def taken(self, assay: Assay, tissue: Tissue) -> Mapping[str, Sequence[Sample]]:
        """Samples at any visit by participant, those held back included."""
        return self._taken.get((assay, tissue), {})

    def bridges(self, assay: Assay, tissue: Tissue) -> Sequence[tuple[Unit, Unit]]:
        """Material that was measured twice: the first measurement and the second."""
        return self._bridges.get((assay, tissue), [])

    def unit(self, samples: Iterable[Sample]) -> Unit | None:
        """Merge what is not held back of one participant's samples; None when nothing is left."""
        usable = [one for one in samples if one.sample not in self.held]
        names = {one.sample for one in usable}
        chosen = [one for one in usable if one.bridge not in names]
        return _unit(chosen) if chosen else None

    def units(
        self, found: Mapping[str, Sequence[Sample]], group: Group, *, include_overlap: bool
    ) -> tuple[dict[str, Unit], dict[str, str]]:
        """The participants of a group who count, and why others who have samples do not."""
        units: dict[str, Unit] = {}
        excluded: dict[str, str] = {}
        for name, samples in found.items():
            if self.group[name] != group:
                continue
            unit = self.unit(samples)
            reason = self.barred(name, include_overlap=include_overlap)
            if reason or unit is None:
                excluded[name] = reason or f"held back: {self.held[samples[0].sample]}"
            else:
                units[name] = unit
        return units, excluded

    def barred(self, participant: str, *, include_overlap: bool) -> str:
        """Why a participant does not count, whatever the samples; empty for those who do."""
        overlap = self.cohort.participants[participant].overlap and not include_overlap
        return self.left_out[participant] or ("overlap syndrome" if overlap else "")

    def _held_by_plan(self) -> dict[str, str]:
        """Samples that the configuration holds back, or that an assay in use has no freeze for."""
        samples, config = self.study.cohort.samples, self.study.config
        return {
            name: reason
            for name, reason in self.placement.held.items()
            if samples[name].assay in PROCESSED or name in config.hold_back
        }


def select(study: Study, cell: Cell, held: Mapping[str, str] | None = None) -> Comparison:
    """What a `between` cell, or a `tissue` cell across groups, compares.

    Args:
        study: the study; its release's samples count.
        cell: one cell of the grid.
        held: reasons of samples that are held back, besides those that the sheets hold back.
    """
    return compare_groups(Samples(study, held), cell)


def compare_groups(samples: Samples, cell: Cell) -> Comparison:
    """`select` for many cells of one study.

    Raises:
        ValueError: if the cell's question does not compare groups.
    """
    question = samples.questions[cell.question]
    if not isinstance(question, Between | BetweenTissues) or question.reference is None:
        raise ValueError(f"{cell.question}: a {question.kind} question does not compare groups")
    analysis = samples.study.config.analysis
    sides: tuple[tuple[Role, Group, Tissue], ...] = (
        ("case", question.case, cell.tissue),
        ("reference", question.reference, cell.reference_tissue or cell.tissue),
    )
    members: list[Member] = []
    excluded: dict[str, str] = {}
    for role, group, tissue in sides:
        found = samples.at(cell.assay, tissue, question.timepoint)
        units, left = samples.units(found, group, include_overlap=question.include_overlap)
        members += [member(samples, unit, role) for unit in units.values()]
        excluded |= left
    members.sort(key=lambda one: one.participant)
    case = indicator(CONTRAST, [one.role == "case" for one in members])
    minimum = samples.study.config.verdicts.skip_below_residual_df
    kept, dropped = adjust(case, members, analysis.covariates, minimum_df=minimum)
    return Comparison(tuple(members), dict(sorted(excluded.items())), kept, dropped)


def member(samples: Samples, unit: Unit, role: Role) -> Member:
    """A unit with what the model needs to know about the participant."""
    who = samples.cohort.participants[unit.participant]
    return Member(
        unit.participant, role, unit.samples, unit.platform, unit.batch, unit.wave, who.age, who.sex
    )


def model(term: Design, members: Sequence[Member], covariates: Sequence[str]) -> Design:
    """Intercept, `term`, covariates and batches: the model of a question between participants."""
    columns = {"age": centred("age", [one.age for one in members])}
    columns["sex"] = factor("sex", [one.sex for one in members])
    kept = [columns[name] for name in covariates]
    return combine(intercept(len(members)), term, *kept, factor(BATCH, batches(members)))


def adjust(
    term: Design, members: Sequence[Member], wanted: Sequence[str], *, minimum_df: int
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Which covariates the model holds, and why others that vary were dropped.

    One that alone hides `term` goes first; then, from the end of `wanted`, as many as it takes to leave
    `minimum_df` residual degrees of freedom.
    """
    kept = [name for name in wanted if len({getattr(one, name) for one in members}) > 1]
    dropped: dict[str, str] = {}
    if not members:
        return (), {}

    def current() -> Design:
        return model(term, members, kept)

    while hidden := aliases(current(), current().contrast({term.names[0]: 1.0}), kept):
        kept.remove(hidden[-1])
        dropped[hidden[-1]] = f"aliased with {term.names[0]}"
    while kept and (left := residual_df(current())) < minimum_df:
        dropped[kept.pop()] = f"only {left} residual df with it"
    return tuple(kept), dropped


def batches(units: Sequence[Unit | Member]) -> list[str]:
    """The batch of each unit; with the platform before it where there are several platforms."""
    several = len({one.platform for one in units}) > 1
    return [f"{one.platform}/{one.batch}" if several else one.batch for one in units]


def _unit(samples: Sequence[Sample]) -> Unit:
    return Unit(
        samples[0].participant,
        tuple(one.sample for one in samples),
        "+".join(sorted({one.platform for one in samples})),
        "+".join(sorted({one.batch for one in samples})),
        "+".join(sorted({one.wave for one in samples})),
    )
