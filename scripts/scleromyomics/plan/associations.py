"""Whose profiles a question about a clinical measure relates to it, and the model.

As with groups (`plan.contrasts`) and changes (`plan.changes`), the same selection is judged before any compute and
computed afterwards. A profile counts where the measure is known at its visit, on the measure's own scale
(`transform`). There are four models: the slope at one visit (`Slope`); the profile's change on the measure's
change, adjusted for the measure's baseline (`ChangeSlope`); over several visits, the slopes between participants
(on each one's mean) and within participants (on the deviations from it), which confounders that do not change
leave alone (`RepeatedSlopes`; Neuhaus and Kalbfleisch 1998, doi:10.2307/3109770); and the odds of a higher level of
an ordered category (`OrdinalOdds`). Batch, age and sex are adjusted for as in questions between groups.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import log, log2
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from scleromyomics.plan.cells import Cell
from scleromyomics.plan.contrasts import (
    BATCH,
    Member,
    Samples,
    Unit,
    lacking,
    member,
    model,
    wanted_covariates,
)
from scleromyomics.plan.pairs import Pair, Pairing, difference_design, linking
from scleromyomics.plan.protocol.measures import Measure
from scleromyomics.plan.protocol.questions import Association
from scleromyomics.plan.study import Study
from scleromyomics.plan.vocabulary import ScheduledTimepoint
from scleromyomics.stats.design import (
    Design,
    Matrix,
    Vector,
    aliases,
    combine,
    estimable,
    factor,
    residual_df,
    variance_inflation,
    without,
)

MEASURE = "measure"  # the column of a design that holds a clinical measure, or its change
BASELINE = "baseline"  # the measure before the change
BETWEEN, WITHIN = "between", "within"  # a participant's mean of the measure, and the deviations from it
VISIT = "visit"
LOGIT_STEP = 1 / 40  # of a number's range: half of a twentieth, finer than which few scores are read
ROUNDING = 1e-9  # deviations below this fraction of the largest value are zero


@dataclass(frozen=True)
class _Selection(ABC):
    """What every association has in common.

    Attributes:
        measure: the measure's name.
        per: what one step of the measure is, for the unit of a slope; empty for yes or no.
        members: profiles, a row each; of a change, the later one.
        values: the measure on its scale, or its change, per row; of an ordered category, the number of the level.
        excluded: why others who have samples here are left out, by participant.
        absent: participants whose profile has no measure at its visit; once per profile.
        covariates: what the model adjusts for besides the batch (and the visit).
        dropped: why other covariates that vary are not in the model.
        minimum_df: residual degrees of freedom below which a contrast is not answered.
        required: covariates that a contrast between participants is not answered without.
    """

    measure: str
    per: str
    members: tuple[Member, ...]
    values: tuple[float, ...]
    excluded: Mapping[str, str]
    absent: tuple[str, ...]
    covariates: tuple[str, ...]
    dropped: Mapping[str, str]
    minimum_df: int
    required: tuple[str, ...]

    columns: ClassVar[Mapping[str, str]] = {}
    """The column of the design that holds each contrast, by the contrast's name."""
    varied: ClassVar[Sequence[str]] = (BATCH,)
    """Terms that are adjusted for whatever the configuration says."""

    @property
    def participants(self) -> int:
        """How many participants count."""
        return len({one.participant for one in self.members})

    @property
    def constant(self) -> bool:
        """Whether the measure is the same in all rows."""
        return not np.any(_deviation(self.values, np.mean(self.values))) if self.values else True

    @property
    @abstractmethod
    def design(self) -> Design:
        """The model."""

    @property
    def sides(self) -> tuple[Sequence[Unit | Member], ...]:
        """Units whose profiles are the rows of the design; of a change, those before and those after."""
        return (self.members,)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the contrasts."""
        return tuple(self.columns)

    @property
    def answered(self) -> tuple[str, ...]:
        """The contrasts that the rows determine, with enough degrees of freedom and adjusted for what is required."""
        return tuple(
            name
            for name in self.names
            if self.determined(name) and self.residual_df(name) >= self.minimum_df and not self.lacking(name)
        )

    def lacking(self, name: str) -> Mapping[str, str]:  # noqa: ARG002 (depends on the contrast where visits repeat)
        """Required covariates that the contrast cannot be adjusted for, and why."""
        return lacking(self.dropped, self.required)

    def model(self, name: str) -> tuple[Design, Vector]:
        """The design that answers a contrast, and the contrast as weights of its coefficients."""
        return self.design, self.design.contrast({self.columns[name]: 1.0})

    def determined(self, name: str) -> bool:
        """Whether the rows determine the contrast."""
        return estimable(*self.model(name))

    def residual_df(self, name: str) -> int:  # noqa: ARG002 (depends on the contrast where visits repeat)
        """Degrees of freedom that are left to test the contrast."""
        return residual_df(self.design)

    def inflation(self, name: str) -> float:
        """How many times batches and covariates multiply the contrast's variance."""
        return variance_inflation(*self.model(name), [*self.varied, *self.covariates])

    def hiding(self, name: str) -> tuple[str, ...]:
        """Covariates that make the contrast inestimable."""
        return aliases(*self.model(name), self.covariates)


@dataclass(frozen=True)
class Slope(_Selection):
    """The slope at one visit: a row per participant."""

    columns: ClassVar[Mapping[str, str]] = {"slope": MEASURE}

    @cached_property
    def design(self) -> Design:
        """Intercept, measure, covariates, batches."""
        return model(_centred(MEASURE, self.values), self.members, self.covariates)


@dataclass(frozen=True)
class ChangeSlope(_Selection):
    """The slope of the profile's change on the measure's: a row per complete pair, and per bridge.

    Attributes:
        before: the earlier profile of each pair.
        baselines: the measure at that visit, on its scale.
        bridges: material of the tissue that was measured in two batches.
    """

    before: tuple[Unit, ...]
    baselines: tuple[float, ...]
    bridges: tuple[Pair, ...]

    columns: ClassVar[Mapping[str, str]] = {"change on change": MEASURE}

    @cached_property
    def design(self) -> Design:
        """Mean change, the measure's change, its baseline, differences of batches."""
        term = _centred(MEASURE, self.values)
        if BASELINE in self.covariates:
            term = combine(term, _centred(BASELINE, self.baselines))
        return difference_design(self._pairs, self.bridges, term)

    @property
    def sides(self) -> tuple[Sequence[Unit | Member], ...]:
        """Earlier and later profiles of the pairs, then of the bridges."""
        linked = linking(self._pairs, self.bridges)
        before, after = ([pair[side] for pair in linked] for side in (0, 1))
        return [*self.before, *before], [*self.members, *after]

    @property
    def _pairs(self) -> list[Pair]:
        later = (
            Unit(one.participant, one.samples, one.platform, one.batch, one.wave) for one in self.members
        )
        return list(zip(self.before, later, strict=True))


@dataclass(frozen=True)
class RepeatedSlopes(_Selection):
    """Slopes between and within participants over several visits: a row per profile.

    Attributes:
        timepoints: the visit of each row.
    """

    timepoints: tuple[ScheduledTimepoint, ...]

    columns: ClassVar[Mapping[str, str]] = {"between participants": BETWEEN, "within participants": WITHIN}
    varied: ClassVar[Sequence[str]] = (BATCH, VISIT)

    @property
    def groups(self) -> list[str]:
        """The participant of each row."""
        return [one.participant for one in self.members]

    @property
    def repeated(self) -> int:
        """Participants with several profiles."""
        return int(np.count_nonzero(self._sizes > 1))

    @cached_property
    def design(self) -> Design:
        """Intercept, mean of the participant, deviation from it, visits, covariates, batches."""
        means = self.averaged(np.array(self.values)[:, None])[self._codes, 0]
        term = combine(
            _centred(BETWEEN, means),
            Design(_deviation(self.values, means)[:, None], (WITHIN,)),
            factor(VISIT, self.timepoints),
        )
        return model(term, self.members, self.covariates)

    def model(self, name: str) -> tuple[Design, Vector]:
        """The design of one slope and its contrast.

        Between participants, a row for each: the means of the design's rows. Within, a column for each takes the
        place of what is constant in them. Least squares of either is exact, where REML with few participants takes
        variances that it estimates for known and rejects too often: between 8 participants with 12 profiles, 0.092
        to 0.112 at 0.05.
        """
        design, contrast = super().model(name)
        if self.columns[name] == BETWEEN:
            return without(Design(self.averaged(design.matrix), design.names), contrast, {WITHIN})
        varying, _ = without(design, contrast, {BETWEEN, *self.covariates})
        design = combine(varying, factor("participant", self.groups))
        return design, design.contrast({WITHIN: 1.0})

    def averaged(self, rows: Matrix) -> Matrix:
        """Means of the rows of each participant, sorted; NaN where one is."""
        sums = np.zeros((self._sizes.size, rows.shape[1]))
        np.add.at(sums, self._codes, rows)
        means: Matrix = sums / self._sizes[:, None]
        return means

    def determined(self, name: str) -> bool:
        """Whether the rows determine the slope."""
        return self.repeated > 0 and estimable(*self.model(name))

    def residual_df(self, name: str) -> int:
        """Rows of the slope's own design less its rank."""
        return residual_df(self.model(name)[0])

    def lacking(self, name: str) -> Mapping[str, str]:
        """Between participants, as elsewhere; within them, nothing: their age and sex are constant."""
        return super().lacking(name) if self.columns[name] == BETWEEN else {}

    @cached_property
    def _codes(self) -> NDArray[np.intp]:
        return np.unique(np.array(self.groups, dtype=str), return_inverse=True)[1]

    @property
    def _sizes(self) -> NDArray[np.intp]:
        return np.bincount(self._codes)


@dataclass(frozen=True)
class OrdinalOdds(_Selection):
    """The odds of a higher level, on the profile: a row per participant."""

    columns: ClassVar[Mapping[str, str]] = {"odds of a higher level": ""}

    @cached_property
    def design(self) -> Design:
        """Intercept (in place of thresholds), covariates, batches; the feature comes in later."""
        return model(Design(np.empty((len(self.members), 0)), ()), self.members, self.covariates)

    def model(self, name: str) -> tuple[Design, Vector]:  # noqa: ARG002
        """The design of what is adjusted for; the contrast is the feature's own coefficient."""
        return self.design, np.zeros(len(self.design.names))

    @property
    def outcome(self) -> NDArray[np.int64]:
        """The number of each participant's level."""
        return np.array(self.values, dtype=np.int64)

    def determined(self, name: str) -> bool:  # noqa: ARG002
        """Whether there are two levels, and participants besides the covariates."""
        return not self.constant and residual_df(self.design) > 1

    def residual_df(self, name: str) -> int:  # noqa: ARG002
        """Participants less thresholds, covariates, batches and the feature."""
        return residual_df(self.design) - len(set(self.values)) + 1

    def inflation(self, name: str) -> float:  # noqa: ARG002
        """1: how covariates relate to a feature is not known before compute."""
        return 1.0

    def hiding(self, name: str) -> tuple[str, ...]:  # noqa: ARG002
        """Nothing, for the same reason."""
        return ()


Associated = TypeVar("Associated", bound=_Selection)
Selection = Slope | ChangeSlope | RepeatedSlopes | OrdinalOdds


def select_association(study: Study, cell: Cell, held: Mapping[str, str] | None = None) -> Selection:
    """What an `association` cell relates; arguments as those of `contrasts.select`."""
    return find_association(Pairing(Samples(study, held)), cell)


def find_association(pairing: Pairing, cell: Cell) -> Selection:
    """`select_association` for many cells of one study.

    Raises:
        ValueError: if the cell's question is no association.
    """
    question = pairing.samples.questions[cell.question]
    if not isinstance(question, Association):
        raise ValueError(f"{cell.question}: a {question.kind} question is no association")  # noqa: TRY004 (as in `changes`)
    if question.change_from and question.timepoint:
        return _changes(pairing, cell, question, question.change_from, question.timepoint)
    return _profiles(pairing.samples, cell, question)


def _profiles(samples: Samples, cell: Cell, question: Association) -> Selection:
    """A row per profile at one visit, or at each of several."""
    protocol = samples.study.protocol
    measure = protocol.measures[question.measure]
    visits = sorted(question.visits or [question.timepoint or "D1"], key=lambda one: protocol.visits[one].day)
    value = _reader(samples, question.measure)
    rows: list[tuple[Member, float, ScheduledTimepoint]] = []
    excluded: dict[str, str] = {}
    absent: list[str] = []
    for timepoint in visits:
        found = samples.at(cell.assay, cell.tissue, timepoint)
        units, left = samples.units(found, question.group, question)
        excluded |= left
        for name, unit in units.items():
            known = value(unit)
            if known is None:
                absent.append(name)
            else:
                rows.append((member(samples, unit, "case"), known, timepoint))
    rows.sort(key=lambda row: (row[0].participant, visits.index(row[2])))
    members = tuple(row[0] for row in rows)
    counted = {one.participant for one in members}
    common: dict[str, Any] = {
        "measure": question.measure,
        "per": _per(question.measure, measure),
        "members": members,
        "values": tuple(row[1] for row in rows),
        "excluded": {name: why for name, why in sorted(excluded.items()) if name not in counted},
        "absent": tuple(sorted(absent)),
        "covariates": _varying(members, wanted_covariates(samples.study.config, cell.assay)),
        "dropped": {},
        "minimum_df": samples.study.config.verdicts.skip_below_residual_df,
        "required": tuple(samples.study.config.verdicts.skip_without),
    }
    if question.visits:
        timepoints = tuple(row[2] for row in rows)
        return adjusted(RepeatedSlopes(**common, timepoints=timepoints))
    return adjusted(OrdinalOdds(**common) if measure.ordered else Slope(**common))


def _changes(
    pairing: Pairing,
    cell: Cell,
    question: Association,
    earlier: ScheduledTimepoint,
    later: ScheduledTimepoint,
) -> ChangeSlope:
    samples = pairing.samples
    pairs = pairing.change(cell, question.group, earlier, later, question)
    value = _reader(samples, question.measure)
    rows: list[tuple[Unit, Member, float, float]] = []
    absent: list[str] = []
    for name, (before, after) in sorted(pairs.complete.items()):
        first, second = value(before), value(after)
        if first is None or second is None:
            absent.append(name)
        else:
            rows.append((before, member(samples, after, "case"), first, second))
    selected = ChangeSlope(
        question.measure,
        _per(question.measure, samples.study.protocol.measures[question.measure]),
        tuple(row[1] for row in rows),
        tuple(row[3] - row[2] for row in rows),
        dict(sorted(pairs.incomplete.items())),
        tuple(absent),
        (BASELINE,) if len({row[2] for row in rows}) > 1 else (),
        {},
        samples.study.config.verdicts.skip_below_residual_df,
        (),
        before=tuple(row[0] for row in rows),
        baselines=tuple(row[2] for row in rows),
        bridges=tuple(samples.bridges(cell.assay, cell.tissue)),
    )
    return adjusted(selected)


def adjusted(selection: Associated) -> Associated:
    """The selection without the covariates that hide a contrast or leave too few degrees of freedom."""
    if not selection.members:
        return replace(selection, covariates=())
    name = selection.names[0]  # of two slopes, that between participants: nobody's age and sex vary within
    while hidden := selection.hiding(name):
        selection = _dropped(selection, hidden[-1], f"aliased with {selection.measure}")
    while selection.covariates and (left := selection.residual_df(name)) < selection.minimum_df:
        selection = _dropped(selection, selection.covariates[-1], f"only {left} residual df with it")
    return selection


def _dropped(selection: Associated, covariate: str, why: str) -> Associated:
    kept = tuple(name for name in selection.covariates if name != covariate)
    return replace(selection, covariates=kept, dropped={**selection.dropped, covariate: why})


def _varying(members: Sequence[Member], wanted: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in wanted if len({getattr(one, name) for one in members}) > 1)


def _reader(samples: Samples, name: str) -> Callable[[Unit], float | None]:
    """A measure at the visit of a unit, on its scale; None where it is not known."""
    measure, cohort = samples.study.protocol.measures[name], samples.cohort
    numbers = [one.measures.get(name) for one in cohort.visits.values()]
    smallest = min((one for one in numbers if isinstance(one, int | float) and one > 0), default=1.0)

    def value(unit: Unit) -> float | None:
        found = cohort.visit_of(cohort.samples[unit.samples[0]]).measures.get(name)
        if isinstance(found, str):
            return float(measure.levels.index(found))
        return None if found is None else _scaled(float(found), measure, smallest)

    return value


def _scaled(value: float, measure: Measure, smallest: float) -> float:
    """A number on the scale of its measure; `smallest` is the smallest positive value in the sheet."""
    if measure.transform == "log2":
        return log2(value if value > 0 else smallest / 2)
    if measure.transform == "logit" and measure.minimum is not None and measure.maximum is not None:
        half = 0.5 if measure.type == "integer" else (measure.maximum - measure.minimum) * LOGIT_STEP
        return log((value - measure.minimum + half) / (measure.maximum - value + half))
    return value


def _per(name: str, measure: Measure) -> str:
    """What a slope is per."""
    if measure.transform != "none":
        return f"{'doubling' if measure.transform == 'log2' else 'logit'} of {name}"
    if measure.type == "boolean":
        return ""
    return measure.unit or f"point of {name}"


def _centred(name: str, values: Sequence[float] | Vector) -> Design:
    """One column: deviations from the mean, exactly zero where values are equal."""
    column = np.asarray(values, dtype=float)
    return Design(_deviation(column, column.mean() if column.size else 0.0)[:, None], (name,))


def _deviation(values: Sequence[float] | Vector, centre: Vector | np.floating | float) -> Vector:
    column = np.asarray(values, dtype=float)
    deviation = column - centre
    return np.where(np.abs(deviation) <= ROUNDING * np.abs(column).max(initial=0.0), 0.0, deviation)
