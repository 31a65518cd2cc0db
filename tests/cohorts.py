"""Small cohorts, built in memory: `Cohorts().people(...)`, `.sample(...)`, `.study()`; every person is eligible."""

from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import yaml

from scleromyomics.plan.cohort import Cohort, Event, Participant, Sample, Treatment, Visit
from scleromyomics.plan.config import Config
from scleromyomics.plan.protocol import Protocol
from scleromyomics.plan.study import Study

DAYS = {"D1": 0, "M12": 365, "Y5": 1826}
PREFIX = {1: "I", 2: "M", 3: "R", 4: "S"}  # pseudonyms by population: IM control, IM, Raynaud, SSc


@cache
def default_protocol() -> Protocol:
    """The repository's protocol."""
    path = Path(__file__).parents[1] / "config" / "protocol.yaml"
    return Protocol.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


@dataclass
class Cohorts:
    """Collects rows of the five sheets."""

    participants: dict[str, Participant] = field(default_factory=dict)
    visits: dict[tuple[str, str], Visit] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    treatments: list[Treatment] = field(default_factory=list)
    samples: dict[str, Sample] = field(default_factory=dict)

    def people(self, population: int, number: int, **values: object) -> list[str]:
        """Add eligible women of 50 to a population, or with fields of other values; their pseudonyms."""
        known = sum(one.population == population for one in self.participants.values())
        names = [f"{PREFIX[population]}{known + i + 1:03d}" for i in range(number)]
        fields = {c.field: c.equals for c in default_protocol().eligibility if c.type == "boolean"}
        for name in names:
            self.participants[name] = Participant(
                name, population, False, "", (), None, "F", 50.0, dict(fields)
            )
            self.change(name, **values)
        return names

    def change(self, name: str, **values: object) -> None:
        """Set fields of a participant."""
        self.participants[name] = replace(self.participants[name], **values)

    def visit(
        self, name: str, timepoint: str, *, day: int | None = None, visit: str = "", **measures
    ) -> None:
        """Add a visit, or the measures of one that is there."""
        key = name, visit or timepoint
        day = DAYS[timepoint] if day is None else day
        self.visits[key] = Visit(name, key[1], timepoint, day, measures)

    def sample(
        self,
        name: str,
        timepoint: str = "D1",
        *,
        tissue: str = "pbmc",
        assay: str = "microarray",
        batch: str = "b1",
        wave: str = "W1",
        platform: str = "chip",
        visit: str = "",
        bridge: str | None = None,
    ) -> str:
        """Add a sample, and its visit unless it is there; the sample's name."""
        visit = visit or timepoint
        if (name, visit) not in self.visits:
            self.visit(name, timepoint, visit=visit)
        stem = f"{name}_{visit}_{tissue}_{assay}"
        replicate = sum(one.startswith(f"{stem}_") for one in self.samples) + 1
        sample = f"{stem}_{replicate}"
        self.samples[sample] = Sample(
            sample, name, visit, tissue, assay, replicate, platform, batch, wave, "cel", (f"{sample}.cel",), "",
            (), bridge,
        )  # fmt: skip
        return sample

    def event(self, name: str, day: int, kind: str, subtype: str = "") -> None:
        """Add an event."""
        self.events.append(Event(name, day, kind, subtype))

    def treat(
        self, name: str, start: int, treatment_class: str = "immunomodulator", *, drug: str = "drug"
    ) -> None:
        """Add a treatment."""
        self.treatments.append(Treatment(name, drug, treatment_class, start, None, None, ""))

    def study(self, **settings: object) -> Study:
        """The study of these rows, under the repository's protocol and the given configuration."""
        cohort = Cohort(
            dict(sorted(self.participants.items())),
            dict(sorted(self.visits.items())),
            tuple(sorted(self.events, key=lambda one: (one.participant, one.day))),
            tuple(self.treatments),
            dict(sorted(self.samples.items())),
        )
        return Study(Path("study"), Config.model_validate(settings), default_protocol(), cohort, ())
