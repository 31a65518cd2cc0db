"""Who meets the criteria of the trial, and who therefore counts in models and answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from scleromyomics.plan.cohort import Value
from scleromyomics.plan.protocol.eligibility import Criterion
from scleromyomics.plan.study import Study

Result = Literal["met", "not_met", "unknown"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One criterion for one participant: a row of eligibility.tsv."""

    participant: str
    population: int
    criterion: str
    label: str
    value: Value
    outcome: Result


def outcomes(study: Study) -> tuple[Outcome, ...]:
    """Each criterion that applies, for each participant; by participant, then in the protocol's order."""
    return tuple(_outcomes(study))


def analysis_set(study: Study) -> dict[str, str]:
    """Why each participant is left out of the analysis; an empty text for those who count."""
    analysis = study.config.analysis
    shown = {"not_met": "" if analysis.keep_ineligible else "not eligible"}
    shown["unknown"] = "eligibility unknown" if analysis.unknown_eligibility == "exclude" else ""
    left_out: dict[str, list[Outcome]] = {name: [] for name in sorted(study.cohort.participants)}
    for outcome in _outcomes(study):
        if shown.get(outcome.outcome):
            left_out[outcome.participant].append(outcome)
    reasons = {}
    for name, faults in left_out.items():
        worst = min((one.outcome for one in faults), default="")  # not_met sorts before unknown
        labels = [one.label for one in faults if one.outcome == worst]
        reasons[name] = f"{shown[worst]}: {'; '.join(labels)}" if worst else ""
    return reasons


def _outcomes(study: Study) -> Iterator[Outcome]:
    for name, who in sorted(study.cohort.participants.items()):
        for criterion in study.protocol.eligibility:
            if who.population in criterion.populations:
                value = who.age if criterion.field == "age" else who.eligibility.get(criterion.field)
                yield Outcome(
                    name, who.population, criterion.id, criterion.label, value, _judge(criterion, value)
                )


def _judge(criterion: Criterion, value: Value) -> Result:
    if value is None or isinstance(value, str):
        return "unknown"
    met = (
        (criterion.equals is None or value == criterion.equals)
        and (criterion.minimum is None or value >= criterion.minimum)
        and (criterion.maximum is None or value <= criterion.maximum)
    )
    return "met" if met else "not_met"
