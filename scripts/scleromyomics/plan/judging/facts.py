"""What the verdicts of all kinds of questions look at, indexed once per study."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import get_args

from scleromyomics.plan.cells import Cell
from scleromyomics.plan.contrasts import BATCH, Member, Samples, Unit, batches
from scleromyomics.plan.judging.finding import Finding
from scleromyomics.plan.pairs import Pairing
from scleromyomics.plan.placement import FITTED_BY_TISSUE, freezes
from scleromyomics.plan.protocol.questions import Question, groups_of
from scleromyomics.plan.reasons import GROUPS, joined, number, unadjustable
from scleromyomics.plan.vocabulary import Assay, Group, Tissue
from scleromyomics.stats.design import Design, Vector, variance_inflation

TECHNICAL: Mapping[str, Callable[[Sequence[Unit | Member]], list[str]]] = {
    "platform": lambda units: [one.platform for one in units],
    BATCH: batches,
    "wave": lambda units: [one.wave for one in units],
}
"""What a difference must not be confused with."""


class Facts:
    """A study's samples, thresholds and protocol, and the words for what is absent in them."""

    def __init__(self, samples: Samples) -> None:
        self.samples = samples
        self.pairing = Pairing(samples)
        self.limits = samples.study.config.verdicts
        self.reclassified_people = {
            e.participant for e in samples.cohort.events if e.kind == "reclassification"
        }
        self.fitted = _freeze_counts(samples)
        self.assays = {one.assay for one in samples.cohort.samples.values()}
        self.seen = {
            (samples.group[one.participant], one.timepoint) for one in samples.cohort.visits.values()
        }

    def times(self, group: Group, tissue: Tissue) -> list[str]:
        """When the protocol takes a tissue from a group."""
        taken = [one for one in self.samples.study.protocol.populations.values() if one.group == group]
        return [timepoint for one in taken for timepoint in one.tissues.get(tissue, [])]

    def not_taken(self, group: Group, tissue: Tissue, timepoint: str) -> str:
        """What the protocol says about a tissue that it does not take then; empty where it does."""
        times = self.times(group, tissue)
        if timepoint in times:
            return ""
        if not times:
            return f"the protocol takes no {tissue} from {GROUPS[group]}"
        return f"the protocol takes {tissue} at {', '.join(times)}, not at {timepoint}"

    def nothing(self, cell: Cell, groups: Sequence[Group], timepoints: Sequence[str]) -> list[str]:
        """What is absent altogether: the assay's samples, or a group's visits."""
        if cell.assay not in self.assays:
            return [f"the study has no {cell.assay} samples"]
        return [
            f"no {timepoint} visit of {GROUPS[group]}"
            for timepoint in timepoints
            for group in groups
            if (group, timepoint) not in self.seen
        ]

    def too_little_left(self, found: Finding, left: int, of: str, *, taken: int = 0) -> Finding:
        """SKIP for want of residual degrees of freedom; covariates that are required take some more of them."""
        limit = self.limits.skip_below_residual_df
        skip = f"{max(left, 0)} residual df, at least {limit} are needed"
        return replace(found, skip=skip, remedy=number(limit - left + taken, f"more {of}"))

    def unadjusted(
        self, found: Finding, lacking: Mapping[str, str], left: int, hiding: Sequence[str], what: str
    ) -> Finding:
        """SKIP where the answer is not given without covariates that are not in the model.

        Args:
            found: the counts.
            lacking: the covariates, and why they are not in the model.
            left: residual degrees of freedom with them.
            hiding: those that make the contrast inestimable.
            what: in what participants differ whom the contrast compares.
        """
        short = number(self.limits.skip_below_residual_df - left, "more participants")
        remedy = f"participants alike in {joined(hiding)} who differ in {what}" if hiding else short
        return replace(found, skip=unadjustable(lacking), remedy=remedy)

    def few(self, count: int, limit: int, of: str) -> list[str]:
        """Caution where there are fewer than the limit."""
        return [f"fewer than {limit} {of}"] if count < limit else []

    def inflation(self, design: Design, contrast: Vector, adjusted: Sequence[str], what: str) -> list[str]:
        """Caution where what is adjusted for nearly tells the contrast."""
        inflation = variance_inflation(design, contrast, adjusted)
        if round(inflation, 6) <= self.limits.caution_above_inflation:  # 5 + rounding is 5
            return []
        return [f"{what} is nearly aliased with {joined(adjusted)}: variance inflation {inflation:.1f}"]

    def freeze(self, cell: Cell, units: Iterable[Unit | Member]) -> list[str]:
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
            if count < limit and cell.assay in FITTED_BY_TISSUE
        ]

    def reclassified(self, members: Iterable[Unit | Member]) -> list[str]:
        """How many converted later."""
        count = len({one.participant for one in members} & self.reclassified_people)
        return [f"{count} reclassified later, counted as at inclusion"] if count else []


def named(question: Question, group: Group) -> str:
    """What reasons call a group of a question, with the subtype or stage that it asks for in the first one."""
    asked = [one for one in (question.stage, question.subtype) if one]
    restricted = asked and group == groups_of(question)[0]
    return f"{GROUPS[group]} ({', '.join(asked)})" if restricted else GROUPS[group]


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
