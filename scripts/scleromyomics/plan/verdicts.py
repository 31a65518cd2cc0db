"""Whether each question can be answered from the samples there are: RUN, CAUTION or SKIP, and why.

A verdict looks at participants per group, complete pairs, whether the design determines *this* contrast, its
residual degrees of freedom, and how far batch, platform or wave tell the compared sides apart: exactly is SKIP,
nearly is CAUTION with the variance inflation. It is made before any compute, and again with the samples that
quality holds back. Bridges (one material measured in two batches) separate time from batch.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import get_args

from scleromyomics.plan.cells import Cell, cells
from scleromyomics.plan.changes import find_changes
from scleromyomics.plan.contrasts import (
    BATCH,
    Comparison,
    Member,
    Samples,
    Unit,
    adjust,
    batches,
    compare_groups,
    member,
    model,
)
from scleromyomics.plan.pairs import CHANGE, Pair, Pairing, Pairs, difference_design
from scleromyomics.plan.placement import PROCESSED, freezes
from scleromyomics.plan.protocol.questions import (
    Association,
    Between,
    BetweenTissues,
    Interaction,
    Occasion,
    Question,
    Within,
)
from scleromyomics.plan.reasons import GROUPS, SHOWN, dropped, incomplete, joined, left_out, listed, number
from scleromyomics.plan.study import Study
from scleromyomics.plan.vocabulary import Assay, Group, Tissue, Verdict
from scleromyomics.stats.design import (
    Design,
    Vector,
    centred,
    estimable,
    residual_df,
    variance_inflation,
)

ANSWERED_KINDS = frozenset({"between", "within", "interaction", "event", "tissue"})
"""Kinds of questions that this version answers."""

MEASURE = "measure"  # the column of a design that holds a clinical measure
TECHNICAL: Mapping[str, Callable[[Sequence[Unit | Member]], list[str]]] = {
    "platform": lambda units: [one.platform for one in units],
    BATCH: batches,
    "wave": lambda units: [one.wave for one in units],
}
"""What a difference must not be confused with."""


@dataclass(frozen=True, slots=True)
class CellVerdict:
    """The verdict on one cell of the question grid, and the counts behind it.

    Attributes:
        cell: question, assay and tissues.
        kind: kind of the question.
        title: the question as a person asks it.
        verdict: RUN, CAUTION or SKIP.
        reason: one line.
        n_case: participants who count on the case's side (of complete pairs, where pairs are compared).
        n_reference: the same of the reference group; 0 without one.
        n_participants: all participants who count.
        n_pairs: complete pairs.
        remedy: what would turn a SKIP into RUN; empty where nothing would, or nothing has to.
    """

    cell: Cell
    kind: str
    title: str
    verdict: Verdict
    reason: str
    n_case: int = 0
    n_reference: int = 0
    n_participants: int = 0
    n_pairs: int = 0
    remedy: str = ""


def answered(question: Question) -> bool:
    """Whether this version has an engine for the question."""
    return question.kind in ANSWERED_KINDS


def planned_verdicts(study: Study, held: Mapping[str, str] | None = None) -> tuple[CellVerdict, ...]:
    """What the samples allow, for every cell, sorted as the cells are.

    Args:
        study: the study; its release's samples count.
        held: reasons of samples that are held back, besides those that the sheets hold back.
    """
    judge = Judge(Samples(study, held))
    return tuple(judge.verdict(cell) for cell in cells(study))


def final_verdicts(study: Study, held: Mapping[str, str] | None = None) -> tuple[CellVerdict, ...]:
    """`planned_verdicts`, with SKIP where this version has no engine for the kind or the assay."""
    by_id = {question.id: question for question in study.protocol.questions}
    return tuple(_with_engine(one, by_id[one.cell.question]) for one in planned_verdicts(study, held))


def _with_engine(verdict: CellVerdict, question: Question) -> CellVerdict:
    if verdict.verdict == "SKIP" or (answered(question) and verdict.cell.assay in PROCESSED):
        return verdict
    what = verdict.cell.assay if answered(question) else f"{question.kind} questions"
    reason = f"planned {verdict.verdict}; no engine for {what} in this version"
    return replace(verdict, verdict="SKIP", reason=reason)


@dataclass(frozen=True, slots=True)
class _Finding:
    """What was found about a cell; `skip` makes it SKIP, `cautions` make it CAUTION."""

    head: str
    n_case: int = 0
    n_reference: int = 0
    n_pairs: int = 0
    skip: str = ""
    remedy: str = ""
    cautions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        return "SKIP" if self.skip else "CAUTION" if self.cautions else "RUN"

    @property
    def reason(self) -> str:
        parts = (self.head, self.skip) if self.skip else (self.head, *self.cautions)
        return "; ".join([*parts, *self.notes])


class Judge:
    """Gives the cells of one study their verdicts."""

    def __init__(self, samples: Samples) -> None:
        self.samples = samples
        self.pairing = Pairing(samples)
        self.limits = samples.study.config.verdicts
        self.reclassified = {e.participant for e in samples.cohort.events if e.kind == "reclassification"}
        self.fitted = _freeze_counts(samples)
        self.assays = {one.assay for one in samples.cohort.samples.values()}
        self.seen = {
            (samples.group[one.participant], one.timepoint) for one in samples.cohort.visits.values()
        }

    def verdict(self, cell: Cell) -> CellVerdict:
        """The verdict on one cell."""
        question = self.samples.questions[cell.question]
        finding = self._find(cell, question)
        return CellVerdict(
            cell=cell,
            kind=question.kind,
            title=question.title,
            verdict=finding.verdict,
            reason=finding.reason,
            n_case=finding.n_case,
            n_reference=finding.n_reference,
            n_participants=finding.n_case + finding.n_reference,
            n_pairs=finding.n_pairs,
            remedy=finding.remedy if finding.skip else "",
        )

    def _find(self, cell: Cell, question: Question) -> _Finding:
        match question:
            case Between():
                return self._groups(cell, question)
            case BetweenTissues():
                return self._groups(cell, question) if question.reference else self._tissues(cell, question)
            case Within():
                return self._within(cell, question)
            case Interaction():
                return self._interaction(cell, question)
            case Occasion():
                return self._occasion(cell, question)
            case Association():
                return (
                    self._change_on_change(cell, question)
                    if question.change_from
                    else self._slope(cell, question)
                )

    # --- between participants

    def _groups(self, cell: Cell, question: Between | BetweenTissues) -> _Finding:
        comparison = compare_groups(self.samples, cell)
        tissues = (cell.tissue, cell.reference_tissue or cell.tissue)
        groups = (question.case, question.reference or question.case)
        counts = (comparison.count("case"), comparison.count("reference"))
        words = (GROUPS[groups[0]], GROUPS[groups[1]])
        across = f"compares {tissues[0]} with {tissues[1]} as well as the groups"
        found = _Finding(
            head=f"{number(counts[0], words[0])} vs {number(counts[1], words[1])}",
            n_case=counts[0],
            n_reference=counts[1],
            notes=(*left_out(comparison.excluded), *((across,) if cell.reference_tissue else ())),
        )
        limit = self.limits.skip_below_participants
        if min(counts) < limit:
            gaps = [
                self._not_taken(group, tissue, question.timepoint)
                for group, tissue, count in zip(groups, tissues, counts, strict=True)
                if count < limit
            ]
            more = [
                number(
                    limit - count, f"more {word}", f"with {cell.assay} of {tissue} at {question.timepoint}"
                )
                for word, tissue, count in zip(words, tissues, counts, strict=True)
                if count < limit
            ]
            needed = [
                *self._nothing(cell, groups, [question.timepoint]),
                f"at least {limit} of each are needed",
            ]
            return _too_few(found, gaps, more, needed)
        found = self._groups_apart(found, comparison, words)
        if found.skip:
            return found
        left = residual_df(comparison.design)
        if left < self.limits.skip_below_residual_df:
            return self._too_little_left(found, left, "participants")
        cautions = [
            *self._few(min(counts), self.limits.caution_below_participants, "in a group"),
            *dropped(comparison.dropped),
            *self._group_inflation(comparison, words),
            *self._freeze(cell, comparison.members),
        ]
        notes = (
            *_adjusted(comparison.members, comparison.covariates),
            f"{left} residual df",
            *found.notes,
            *self._reclassified(comparison.members),
        )
        return replace(found, cautions=tuple(cautions), notes=notes)

    def _groups_apart(self, found: _Finding, comparison: Comparison, words: tuple[str, str]) -> _Finding:
        """SKIP where platform, batch or wave tell the groups apart exactly."""
        members = comparison.members
        case = [one.role == "case" for one in members]
        sides = {}
        for name, labels in TECHNICAL.items():
            given = labels(members)
            sides[name] = tuple(
                {g for g, c in zip(given, case, strict=True) if c == side} for side in (True, False)
            )
        hidden = [name for name, (first, second) in sides.items() if first.isdisjoint(second)]
        if not hidden:
            return found
        shown = BATCH if BATCH in hidden else hidden[0]
        where = [listed(labels) for labels in sides[shown]]
        skip = f"group is aliased with {joined(hidden)} ({words[0]}: {where[0]}; {words[1]}: {where[1]})"
        return replace(found, skip=skip, remedy=f"measure {words[0]} and {words[1]} in the same {shown}")

    def _group_inflation(self, comparison: Comparison, words: tuple[str, str]) -> list[str]:
        adjusted = [BATCH, *comparison.covariates]
        inflation = variance_inflation(comparison.design, comparison.contrast, adjusted)
        if round(inflation, 6) <= self.limits.caution_above_inflation:  # 5 + rounding is 5
            return []
        roles: dict[str, set[str]] = defaultdict(set)
        for label, one in zip(batches(comparison.members), comparison.members, strict=True):
            roles[label].add(words[0] if one.role == "case" else words[1])
        only = [
            f"batch {label} holds only {min(held)}" for label, held in sorted(roles.items()) if len(held) == 1
        ]
        why = ", ".join(only[:SHOWN]) or f"{joined(adjusted)} nearly tell the groups apart"
        return [f"{why}: variance inflation {inflation:.1f}"]

    def _slope(self, cell: Cell, question: Association) -> _Finding:
        found = self.samples.at(cell.assay, cell.tissue, question.timepoint)
        units, excluded = self.samples.units(found, question.group, include_overlap=question.include_overlap)
        values = {name: self._value(unit, question.measure) for name, unit in units.items()}
        known = {name: value for name, value in sorted(values.items()) if value is not None}
        members = [member(self.samples, units[name], "case") for name in known]
        finding = self._measured(cell, question, len(known), excluded, absent=len(values) - len(known))
        if finding.skip or len(set(known.values())) < 2:
            return _constant(finding, question.measure)
        term = centred(MEASURE, list(known.values()))
        minimum = self.limits.skip_below_residual_df
        wanted = self.samples.study.config.analysis.covariates
        kept, gone = adjust(term, members, wanted, minimum_df=minimum)
        design = model(term, members, kept)
        cautions = (*dropped(gone), *self._freeze(cell, members))
        notes = _adjusted(members, kept)
        return self._judge_measure(
            finding, question, design, adjusted=[BATCH, *kept], notes=notes, cautions=cautions
        )

    def _change_on_change(self, cell: Cell, question: Association) -> _Finding:
        earlier = question.change_from or question.timepoint
        overlap = question.include_overlap
        pairs = self.pairing.change(
            cell, question.group, earlier, question.timepoint, include_overlap=overlap
        )
        change: dict[str, float] = {}
        for name, (before, after) in pairs.complete.items():
            first, second = self._value(before, question.measure), self._value(after, question.measure)
            if first is not None and second is not None:
                change[name] = second - first
        absent = len(pairs.complete) - len(change)
        finding = replace(self._measured(cell, question, len(change), {}, absent=absent), n_pairs=len(change))
        if finding.skip or len(set(change.values())) < 2:
            return _constant(finding, f"the change of {question.measure}")
        complete = [pairs.complete[name] for name in change]
        bridges = self.samples.bridges(cell.assay, cell.tissue)
        design = difference_design(complete, bridges, centred(MEASURE, list(change.values())))
        cautions = self._freeze(cell, [unit for pair in complete for unit in pair])
        return self._judge_measure(finding, question, design, adjusted=[BATCH], cautions=cautions)

    def _measured(
        self, cell: Cell, question: Association, count: int, excluded: Mapping[str, str], *, absent: int
    ) -> _Finding:
        times = (
            f"{question.change_from} and {question.timepoint}" if question.change_from else question.timepoint
        )
        word = GROUPS[question.group]
        found = _Finding(
            head=number(count, word, f"with {question.measure} and a sample at {times}"),
            n_case=count,
            notes=(*([f"{absent} without {question.measure}"] if absent else []), *left_out(excluded)),
        )
        least = self.limits.skip_below_pairs if question.change_from else self.limits.skip_below_participants
        limit = max(least, self.limits.skip_below_residual_df + 2)  # mean and slope
        if count >= limit:
            return found
        needed_at = [one for one in (question.change_from, question.timepoint) if one]
        gaps = [self._not_taken(question.group, cell.tissue, timepoint) for timepoint in needed_at]
        more = number(
            limit - count,
            f"more {word}",
            f"with {question.measure} and {cell.assay} of {cell.tissue} at {times}",
        )
        needed = [*self._nothing(cell, [question.group], needed_at), f"at least {limit} are needed"]
        return _too_few(found, gaps, [more], needed)

    def _judge_measure(
        self,
        found: _Finding,
        question: Association,
        design: Design,
        *,
        adjusted: Sequence[str],
        notes: Sequence[str] = (),
        cautions: Sequence[str],
    ) -> _Finding:
        contrast = design.contrast({MEASURE: 1.0})
        if not estimable(design, contrast):
            remedy = "measure participants who differ in it in the same batch"
            return replace(found, skip=f"{question.measure} is aliased with batch", remedy=remedy)
        left = residual_df(design)
        if left < self.limits.skip_below_residual_df:
            return self._too_little_left(found, left, "participants")
        limit = (
            self.limits.caution_below_pairs
            if question.change_from
            else self.limits.caution_below_participants
        )
        cautions = (
            *self._few(found.n_case, limit, "participants"),
            *self._inflation(design, contrast, adjusted, question.measure),
            *cautions,
        )
        return replace(found, cautions=cautions, notes=(*notes, f"{left} residual df", *found.notes))

    def _value(self, unit: Unit, measure: str) -> float | None:
        """A clinical measure at the visit of a unit, as a number: levels of a category by their order."""
        visit = self.samples.cohort.visit_of(self.samples.cohort.samples[unit.samples[0]])
        value = visit.measures.get(measure)
        if isinstance(value, str):
            levels = self.samples.study.protocol.measures[measure].levels
            return float(levels.index(value)) if value in levels else None
        return None if value is None else float(value)

    # --- within participants

    def _within(self, cell: Cell, question: Within) -> _Finding:
        gaps = [self._not_taken(question.group, cell.tissue, t) for t in (question.earlier, question.later)]
        return self._changes(cell, question.group, what="time", gaps=gaps, where=f"at {question.later}")

    def _tissues(self, cell: Cell, question: BetweenTissues) -> _Finding:
        gaps = [self._not_taken(question.case, tissue, question.timepoint) for tissue in question.tissue_pair]
        where = f"of both tissues at {question.timepoint}"
        return self._changes(cell, question.case, what="tissue", gaps=gaps, where=where)

    def _occasion(self, cell: Cell, question: Occasion) -> _Finding:
        where = "of D1 and a complication" if question.complication else "around a treatment's start"
        only_d1 = self._times(question.group, cell.tissue) == ["D1"]
        gaps = [f"the protocol takes {cell.tissue} at D1 only"] if only_d1 else []
        return self._changes(cell, question.group, what="time", gaps=gaps, where=where)

    def _changes(self, cell: Cell, group: Group, *, what: str, gaps: Sequence[str], where: str) -> _Finding:
        """The mean change of complete pairs."""
        changes = find_changes(self.pairing, cell)
        (pairs,) = changes.sides
        count = len(changes.complete)
        found = _Finding(
            head=number(count, "complete pairs", f"of {GROUPS[group]}"),
            n_case=count,
            n_pairs=count,
            notes=incomplete(pairs.incomplete),
        )
        limit = max(self.limits.skip_below_pairs, self.limits.skip_below_residual_df + 1)  # the mean
        if count < limit:
            scheduled = [side for side in pairs.sides if side in self.samples.study.protocol.visits]
            needed = [*self._nothing(cell, [group], scheduled), f"at least {limit} are needed"]
            more = number(limit - count, "more complete pairs", where)
            return _too_few(found, gaps, [more], needed)
        design, contrast = changes.design, changes.contrast
        if not estimable(design, contrast):
            return self._time_apart(found, pairs, changes.bridges, what)
        left = residual_df(design)
        if left < self.limits.skip_below_residual_df:
            return self._too_little_left(found, left, "complete pairs")
        cautions = [
            *self._few(count, self.limits.caution_below_pairs, "complete pairs"),
            *self._inflation(design, contrast, [BATCH], what),
            *self._freeze(cell, [unit for pair in changes.complete for unit in pair]),
        ]
        linked = len(changes.rows) - count
        notes = (f"{left} residual df", *([number(linked, "bridge samples")] if linked else []), *found.notes)
        return replace(found, cautions=tuple(cautions), notes=notes)

    def _time_apart(self, found: _Finding, pairs: Pairs, bridges: Sequence[Pair], what: str) -> _Finding:
        """SKIP because batches tell before and after apart."""
        complete = list(pairs.complete.values())
        hidden = []
        for name, labels in TECHNICAL.items():
            design = difference_design(complete, bridges, labels=labels)
            if not estimable(design, design.contrast({CHANGE: 1.0})):
                hidden.append(name)
        given = batches([unit for pair in complete for unit in pair])
        before, after = set(given[::2]), set(given[1::2])
        first, second = pairs.sides
        skip = (
            f"{what} is aliased with {joined(hidden)} ({first}: {listed(before)}; {second}: {listed(after)})"
        )
        if what == "tissue":
            return replace(found, skip=skip, remedy="measure both tissues of participants in the same batch")
        # With k bridges the variance of n pairs' mean change grows (1/n + 1/k) / (1/n) = 1 + n/k times.
        enough = ceil(len(complete) / (self.limits.caution_above_inflation - 1))
        again = max(enough, self.limits.skip_below_pairs)
        new = sorted(after - before)
        where = f"batch {new[0]}" if len(new) == 1 else "the new batches"
        stored = "D1" if first == "D1" else "earlier"
        return replace(
            found, skip=skip, remedy=f"rerun {again} stored {stored} samples in {where} as bridges"
        )

    def _interaction(self, cell: Cell, question: Interaction) -> _Finding:
        groups = (question.case, question.reference)
        changes = find_changes(self.pairing, cell)
        sides = changes.sides
        counts = [len(side.complete) for side in sides]
        words = [GROUPS[group] for group in groups]
        found = _Finding(
            head=f"{number(counts[0], 'complete pairs', f'of {words[0]}')} vs {counts[1]} of {words[1]}",
            n_case=counts[0],
            n_reference=counts[1],
            n_pairs=sum(counts),
            notes=incomplete({**sides[0].incomplete, **sides[1].incomplete}),
        )
        limit = self.limits.skip_below_pairs
        if min(counts) < limit:
            short = [i for i in (0, 1) if counts[i] < limit]
            times = (question.earlier, question.later)
            gaps = [self._not_taken(groups[i], cell.tissue, timepoint) for i in short for timepoint in times]
            more = [
                number(limit - counts[i], "more complete pairs", f"of {words[i]} at {question.later}")
                for i in short
            ]
            needed = [*self._nothing(cell, groups, times), f"at least {limit} of each are needed"]
            return _too_few(found, gaps, more, needed)
        design, contrast = changes.design, changes.contrast
        if not estimable(design, contrast):
            moves = [_moves(side.complete.values()) for side in sides]
            skip = f"group is aliased with change of batch ({words[0]}: {moves[0]}; {words[1]}: {moves[1]})"
            remedy = f"measure {question.later} samples of both groups in the same batches"
            return replace(found, skip=skip, remedy=remedy)
        left = residual_df(design)
        if left < self.limits.skip_below_residual_df:
            return self._too_little_left(found, left, "complete pairs")
        cautions = [
            *self._few(min(counts), self.limits.caution_below_pairs, "complete pairs in a group"),
            *self._inflation(design, contrast, [BATCH], "group"),
            *self._freeze(cell, [unit for pair in changes.complete for unit in pair]),
        ]
        return replace(
            found,
            cautions=tuple(cautions),
            notes=(*_assumption(design), f"{left} residual df", *found.notes),
        )

    # --- words and counts shared by all kinds

    def _times(self, group: Group, tissue: Tissue) -> list[str]:
        """When the protocol takes a tissue from a group."""
        taken = [one for one in self.samples.study.protocol.populations.values() if one.group == group]
        return [timepoint for one in taken for timepoint in one.tissues.get(tissue, [])]

    def _not_taken(self, group: Group, tissue: Tissue, timepoint: str) -> str:
        """What the protocol says about a tissue that it does not take then; empty where it does."""
        times = self._times(group, tissue)
        if timepoint in times:
            return ""
        if not times:
            return f"the protocol takes no {tissue} from {GROUPS[group]}"
        return f"the protocol takes {tissue} at {', '.join(times)}, not at {timepoint}"

    def _nothing(self, cell: Cell, groups: Sequence[Group], timepoints: Sequence[str]) -> list[str]:
        """What is absent altogether: the assay's samples, or a group's visits."""
        if cell.assay not in self.assays:
            return [f"the study has no {cell.assay} samples"]
        return [
            f"no {timepoint} visit of {GROUPS[group]}"
            for timepoint in timepoints
            for group in groups
            if (group, timepoint) not in self.seen
        ]

    def _too_little_left(self, found: _Finding, left: int, of: str) -> _Finding:
        limit = self.limits.skip_below_residual_df
        skip = f"{left} residual df, at least {limit} are needed"
        return replace(found, skip=skip, remedy=number(limit - left, f"more {of}"))

    def _few(self, count: int, limit: int, of: str) -> list[str]:
        return [f"fewer than {limit} {of}"] if count < limit else []

    def _inflation(self, design: Design, contrast: Vector, adjusted: Sequence[str], what: str) -> list[str]:
        inflation = variance_inflation(design, contrast, adjusted)
        if round(inflation, 6) <= self.limits.caution_above_inflation:  # 5 + rounding is 5
            return []
        return [f"{what} is nearly aliased with {joined(adjusted)}: variance inflation {inflation:.1f}"]

    def _freeze(self, cell: Cell, units: Iterable[Unit | Member]) -> list[str]:
        """Caution where the frozen models were fitted on few samples of a tissue."""
        limit = self.limits.caution_below_freeze_samples
        basis: dict[Tissue, int] = {}
        for unit in units:
            for name in unit.samples:
                sample = self.samples.cohort.samples[name]
                key = (
                    sample.assay,
                    self.samples.placement.freeze.get(name, ""),
                    sample.platform,
                    sample.tissue,
                )
                if key in self.fitted:
                    basis[sample.tissue] = min(self.fitted[key], basis.get(sample.tissue, self.fitted[key]))
        return [
            f"frozen models rest on {count} {tissue} samples, fewer than {limit}"
            for tissue, count in sorted(basis.items())
            if count < limit and cell.assay in PROCESSED
        ]

    def _reclassified(self, members: Sequence[Member]) -> list[str]:
        count = sum(one.participant in self.reclassified for one in members)
        return [f"{count} reclassified later, counted as at inclusion"] if count else []


FreezeKey = tuple[str, str, str, str]  # assay, freeze, platform, tissue


def _freeze_counts(samples: Samples) -> Mapping[FreezeKey, int]:
    """Eligible samples that each frozen model is fitted on, 0 where there are none."""
    study = samples.study
    waves = {
        (assay, freeze.id): set(freeze.waves)
        for assay in get_args(Assay)
        for freeze in freezes(assay, study.cohort, study.config)
    }
    counts: Counter[FreezeKey] = Counter()
    for name, freeze in samples.placement.freeze.items():
        one = samples.cohort.samples[name]
        usable = name not in samples.held and not samples.left_out[one.participant]
        counts[one.assay, freeze, one.platform, one.tissue] += usable and one.wave in waves[one.assay, freeze]
    return counts


def _too_few(found: _Finding, gaps: Iterable[str], more: Iterable[str], needed: Iterable[str]) -> _Finding:
    """SKIP: by the protocol, which nothing remedies, or for want of samples."""
    structural = [gap for gap in dict.fromkeys(gaps) if gap]
    if structural:
        return replace(found, skip="; ".join(structural))
    return replace(found, skip="; ".join(needed), remedy=" and ".join(more))


def _constant(found: _Finding, what: str) -> _Finding:
    if found.skip:
        return found
    return replace(found, skip=f"{what} does not vary", remedy=f"participants who differ in {what}")


def _adjusted(members: Sequence[Member], covariates: Sequence[str]) -> tuple[str, ...]:
    names = ([BATCH] if len(set(batches(members))) > 1 else []) + list(covariates)
    return (f"adjusted for {', '.join(names)}",) if names else ()


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
