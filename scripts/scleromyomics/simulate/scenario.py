"""What happens in a simulated cohort: a script for the small ones, chance for the large one."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml

from scleromyomics.plan.protocol import Protocol
from scleromyomics.plan.vocabulary import Assay
from scleromyomics.simulate.latent import stream

Size = Literal["tiny", "toy", "cohort"]
Held = tuple[str, str, str, int]  # participant, visit, timepoint, day
Happened = tuple[str, int, str, str]  # participant, day, kind, subtype
Given = tuple[str, str, str, int, int | None, float | None, str]  # a row of treatments.tsv
RESOURCES = Path(__file__).parents[3] / "resources" / "simulate"

COHORT_RECRUITS = 50
"""Participants per population and wave of the large cohort: 400 in two waves."""
KEPT = {"M12": 0.85, "Y5": 0.35}
"""Part of the large cohort that has each later visit."""
COMPLICATED, TREATED = 0.1, 0.3
"""Part of the diseased that has a complication before the visit at 12 months, and a targeted treatment."""
STAND_INS: dict[Assay, tuple[str, str]] = {
    "microarray": ("ToyHG", "cel"),
    "variants": ("ToyExome", "cram"),
    "proteomics": ("ToyMS", "mzml"),
    "scrna": ("Toy10x", "10x_h5"),
}
"""Platform and format of the large cohort's empty raw files."""


@dataclass(frozen=True)
class Scenario:
    """What a cohort's sheets are made from; rows as the resources toy.yaml and tiny.yaml describe them."""

    cut: int
    recruits: dict[int, list[int]]
    overlap: list[str]
    fields: dict[str, dict[str, Any]]
    config: dict[str, Any]
    visits: list[Held]
    events: list[Happened]
    treatments: list[Given]
    samples: list[dict[str, Any]]
    variants: dict[str, Any]
    planted: list[dict[str, str]]


def scenario(size: Size, protocol: Protocol, *, seed: int) -> Scenario:
    """The scenario of a size: read from its resource, or drawn."""
    if size == "cohort":
        return _drawn(protocol, seed)
    return Scenario(**yaml.safe_load((RESOURCES / f"{size}.yaml").read_text(encoding="utf-8")))


def named(population: int, number: int) -> str:
    """The pseudonym of a population's participant: P401."""
    return f"P{population}{number:02d}"


def _drawn(protocol: Protocol, seed: int) -> Scenario:
    recruits = {population: [COHORT_RECRUITS, COHORT_RECRUITS] for population in protocol.populations}
    people = [
        (population, named(population, number), (number - 1) // COHORT_RECRUITS + 1)
        for population, counts in recruits.items()
        for number in range(1, sum(counts) + 1)
    ]
    visits: list[Held] = []
    events: list[Happened] = []
    treatments: list[Given] = []
    for population, person, _ in people:
        rng = stream(seed, "scenario", person)
        visits += list(_visits(person, protocol, rng))
        if protocol.populations[population].control_of is None:
            if rng.random() < COMPLICATED:
                events.append((person, 340, "complication", "lung"))
            if rng.random() < TREATED:
                treatments.append((person, "rituximab", "immunomodulator", 205, None, 1000, "mg"))
    return Scenario(
        cut=200,
        recruits=recruits,
        overlap=[],
        fields={},
        config={},
        visits=visits,
        events=events,
        treatments=treatments,
        samples=list(_samples(people, visits, protocol)),
        variants={},
        planted=[],
    )


def _visits(person: str, protocol: Protocol, rng: np.random.Generator) -> Iterator[Held]:
    yield person, "R1", "ROUTINE", int(rng.integers(150, 200))
    for timepoint, share in KEPT.items():
        if rng.random() < share:
            window = protocol.visits[timepoint]  # type: ignore[index]
            yield person, timepoint, timepoint, int(window.day + rng.integers(-30, 31))


def _samples(
    people: list[tuple[int, str, int]], visits: list[Held], protocol: Protocol
) -> Iterator[dict[str, Any]]:
    """Everything that the protocol takes, in every assay, in batches of one wave and timepoint."""
    held = {(person, timepoint) for person, _, timepoint, _ in visits} | {
        (person, "D1") for _, person, _ in people
    }
    for assay, (platform, form) in STAND_INS.items():
        for tissue in protocol.assays[assay].tissues:
            for timepoint in protocol.visits:
                for wave in (1, 2):
                    taken = [
                        person
                        for population, person, recruited in people
                        if timepoint in protocol.populations[population].tissues.get(tissue, [])
                        and (person, timepoint) in held
                        and recruited == wave
                    ]
                    yield {
                        "assay": assay,
                        "platform": platform,
                        "format": form,
                        "tissue": tissue,
                        "visit": timepoint,
                        "batches": [f"{assay}_{timepoint}_{wave}_{part}" for part in range(1, 5)],
                        "participants": taken,
                    }
