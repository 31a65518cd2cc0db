"""Who is compared with whom in a question between groups, and what is adjusted for.

The same `Comparison` is judged before any compute and computed afterwards. Rows of a design are participants,
their replicates merged; a sample that measures another one's material again (a bridge between batches) stands
in only where that other one is not there. Groups are those at inclusion: a later reclassification changes
nothing. The batch is always in the model, as one factor over platform and batch where there are several
platforms. Age and sex are adjusted for where the data carry it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from scleromyomics.plan.cells import Cell, questions
from scleromyomics.plan.cohort import Sample, Visit
from scleromyomics.plan.config import Config
from scleromyomics.plan.eligibility import analysis_set
from scleromyomics.plan.histories import Histories
from scleromyomics.plan.placement import PROCESSED, place
from scleromyomics.plan.protocol import Protocol
from scleromyomics.plan.protocol.questions import Between, BetweenTissues, Question, groups_of
from scleromyomics.plan.study import Study
from scleromyomics.plan.vocabulary import Assay, Group, ScheduledTimepoint, Sex, Timepoint, Tissue
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
    control: bool = False  # of the case's or the reference's own control, which is subtracted


@dataclass(frozen=True, slots=True)
class Arm:
    """A group in one tissue, and its part in a comparison."""

    role: Role
    group: Group
    tissue: Tissue
    timepoint: ScheduledTimepoint
    control: bool = False  # subtracted from the group of the same role


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

    def count(self, role: Role, *, control: bool = False) -> int:
        """Participants on one side; or the controls that are subtracted there."""
        return sum(member.role == role and member.control == control for member in self.members)

    @property
    def _case(self) -> Design:
        return _term(self.members)


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
        self.histories = Histories(self.cohort)
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
        self, found: Mapping[str, Sequence[Sample]], group: Group, question: Question
    ) -> tuple[dict[str, Unit], dict[str, str]]:
        """The participants of a group who count, and why others who have samples do not."""
        units: dict[str, Unit] = {}
        excluded: dict[str, str] = {}
        for name, samples in found.items():
            if self.group[name] != group:
                continue
            unit = self.unit(samples)
            reason = self.barred(name, question, self.cohort.visit_of(samples[0]))
            if reason or unit is None:
                excluded[name] = reason or f"held back: {self.held[samples[0].sample]}"
            else:
                units[name] = unit
        return units, excluded

    def barred(self, participant: str, question: Question, visit: Visit | None = None) -> str:
        """Why a participant does not count, whatever the samples; empty for those who do.

        Args:
            participant: of any group of the question.
            question: it may ask for a subtype of its first group, or a stage.
            visit: the visit at which the stage counts; the inclusion visit where there is none.
        """
        who = self.cohort.participants[participant]
        if self.left_out[participant]:
            return self.left_out[participant]
        if who.overlap and not question.include_overlap:
            return "overlap syndrome"
        if self.group[participant] != groups_of(question)[0]:
            return ""
        if question.subtype not in {None, who.disease_subtype}:
            return "other subtype" if who.disease_subtype else "subtype unknown"
        if question.stage and question.stage != self._stage(participant, visit):
            return "other stage"
        return ""

    def _stage(self, participant: str, visit: Visit | None) -> str:
        at = visit or self.histories.at(participant, "D1")
        rule = self.study.config.analysis
        advanced = at and self.histories.advanced(
            at, after_years=rule.advanced_after_years, damage=rule.advanced_with
        )
        return "advanced" if advanced else "early"

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
    compared = arms(samples.study.protocol, cell, question)
    members: list[Member] = []
    excluded: dict[str, str] = {}
    for arm in compared:
        found = samples.at(cell.assay, arm.tissue, arm.timepoint)
        units, left = samples.units(found, arm.group, question)
        members += [member(samples, unit, arm.role, control=arm.control) for unit in units.values()]
        excluded |= left
    members.sort(key=lambda one: one.participant)
    minimum = samples.study.config.verdicts.skip_below_residual_df
    wanted = wanted_covariates(samples.study.config, cell.assay)
    kept, dropped = adjust(_term(members), members, wanted, minimum_df=minimum)
    return Comparison(tuple(members), dict(sorted(excluded.items())), kept, dropped)


def arms(protocol: Protocol, cell: Cell, question: Question) -> tuple[Arm, ...]:
    """The groups that a question compares: the case, the reference, then the control of each if it is subtracted.

    Raises:
        ValueError: if the question does not compare groups, or a group whose control is asked for has none.
    """
    if not isinstance(question, Between | BetweenTissues) or question.reference is None:
        raise ValueError(f"{cell.question}: a {question.kind} question does not compare groups")
    compared = (
        Arm("case", question.case, cell.tissue, question.timepoint),
        Arm("reference", question.reference, cell.reference_tissue or cell.tissue, question.timepoint),
    )
    if not isinstance(question, BetweenTissues) or question.control_tissues is None:
        return compared
    controls = zip(compared, question.control_tissues, strict=True)
    subtracted = (
        replace(arm, group=control_of(protocol, arm.group), tissue=tissue, control=True)
        for arm, tissue in controls
    )
    return *compared, *subtracted


def control_of(protocol: Protocol, group: Group) -> Group:
    """The control group of a group.

    Raises:
        ValueError: if it has none.
    """
    number = next(number for number, one in protocol.populations.items() if one.group == group)
    for one in protocol.populations.values():
        if one.control_of == number:
            return one.group
    raise ValueError(f"{group} has no control")


def member(samples: Samples, unit: Unit, role: Role, *, control: bool = False) -> Member:
    """A unit with what the model needs to know about the participant."""
    who = samples.cohort.participants[unit.participant]
    return Member(
        unit.participant,
        role,
        unit.samples,
        unit.platform,
        unit.batch,
        unit.wave,
        who.age,
        who.sex,
        control=control,
    )


def _term(members: Sequence[Member]) -> Design:
    """Case or not; where controls are subtracted, the case's excess over its control beyond the reference's."""
    case = indicator(CONTRAST, [one.role == "case" and not one.control for one in members])
    if not any(one.control for one in members):
        return case
    side = indicator("side", [one.role == "case" for one in members])
    return combine(case, side, indicator("disease", [not one.control for one in members]))


def model(term: Design, members: Sequence[Member], covariates: Sequence[str]) -> Design:
    """Intercept, `term`, covariates and batches: the model of a question between participants."""
    columns = {"age": centred("age", [one.age for one in members])}
    columns["sex"] = factor("sex", [one.sex for one in members])
    kept = [columns[name] for name in covariates]
    return combine(intercept(len(members)), term, *kept, factor(BATCH, batches(members)))


def wanted_covariates(config: Config, assay: Assay) -> tuple[str, ...]:
    """An assay's configured covariates; first, to be dropped last, those that an answer is not given without."""
    required, rules = config.verdicts.skip_without, config.analysis
    wanted = rules.germline_covariates if assay == "variants" else rules.covariates
    return tuple(sorted(wanted, key=lambda name: name not in required))


def lacking(dropped: Mapping[str, str], required: Collection[str]) -> dict[str, str]:
    """Of the covariates that were dropped, those that an answer is not given without, and why they were."""
    return {name: why for name, why in dropped.items() if name in required}


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
