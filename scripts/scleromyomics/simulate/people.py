"""The people of a simulated cohort and what the sheets say of them, wave by wave.

Clinical measures follow the same severity as expression does (`latent.severity`). What arrives with a wave is
appended: the rows of the first wave are the same whether or not a second follows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from scleromyomics.plan.cohort import Cohort, Event, Participant, Sample, Treatment, Value, Visit
from scleromyomics.plan.protocol import Protocol
from scleromyomics.plan.vocabulary import Assay, Group
from scleromyomics.simulate.latent import LATER, Complication, State, severity, stream
from scleromyomics.simulate.scenario import Scenario, named

AGES: dict[Group, tuple[float, float]] = {
    "im_control": (50, 12),
    "im": (52, 12),
    "ssc_control": (46, 11),
    "ssc": (50, 11),
}
"""Mean and standard deviation of the age at inclusion, years."""
ONSET: dict[Group, tuple[int, int]] = {"im": (60, 400), "ssc_control": (700, 4000), "ssc": (120, 1000)}
"""Shortest and longest time from onset to inclusion, days."""
MYOSITIS = (
    ("DM", "anti-Mi-2"),
    ("ASyS", "anti-Jo-1"),
    ("IMNM", "anti-SRP"),
    ("DM", "anti-TIF1-gamma"),
    ("PM", ""),
)
"""Subtypes and their autoantibodies, in turn."""
SCLERODERMA = ("anti-Scl-70", "anti-RNA polymerase III", "anti-Scl-70")
TARGETED = ("immunomodulator", "cell_therapy")
SUFFIX: dict[Assay, str] = {"microarray": "chip", "variants": "dna", "proteomics": "ms", "scrna": "sc"}
EXTENSION = {"cel": "CEL", "mzml": "mzML", "10x_h5": "h5", "bam": "bam", "cram": "cram", "gvcf": "g.vcf.gz"}
TOGETHER = {"table": "tsv", "vcf": "vcf.gz"}
"""Formats in which a platform's samples of one wave share a file, and its extension."""
LANES = 2
"""Lanes of a sample's FASTQ files."""


@dataclass(frozen=True)
class Arrivals:
    """All rows of all sheets in the order in which they arrive, each with its wave."""

    participants: list[tuple[int, Participant]]
    visits: list[tuple[int, Visit]]
    events: list[tuple[int, Event]]
    treatments: list[tuple[int, Treatment]]
    samples: list[tuple[int, Sample]]

    def up_to(self, wave: int) -> Cohort:
        """The cohort after a wave; its rows keep the order in which they arrived."""
        return Cohort(
            participants={one.participant: one for when, one in self.participants if when <= wave},
            visits={(one.participant, one.visit): one for when, one in self.visits if when <= wave},
            events=tuple(one for when, one in self.events if when <= wave),
            treatments=tuple(one for when, one in self.treatments if when <= wave),
            samples={one.sample: one for when, one in self.samples if when <= wave},
        )


def arrivals(script: Scenario, protocol: Protocol, *, seed: int) -> Arrivals:
    """Everything that the sheets will ever say about the cohort of a scenario."""
    people = list(_participants(script, protocol, seed))
    recruited = {one.participant: wave for wave, one in people}

    def when(participant: str, day: int) -> int:
        return max(recruited[participant], 1 if day <= script.cut else 2)

    events = [(when(row[0], row[1]), Event(*row)) for row in script.events]  # type: ignore[arg-type]
    treatments = [(when(row[0], row[3]), Treatment(*row)) for row in script.treatments]  # type: ignore[arg-type]
    bare = [Visit(name, "D1", "D1", 0, {}) for name in recruited]
    bare += [Visit(*row, measures={}) for row in script.visits]  # type: ignore[arg-type]
    known = Cohort(
        participants={one.participant: one for _, one in people},
        visits={(one.participant, one.visit): one for one in bare},
        events=tuple(one for _, one in events),
        treatments=tuple(one for _, one in treatments),
        samples={},
    )
    visits = [
        (
            when(one.participant, one.day),
            Visit(one.participant, one.visit, one.timepoint, one.day, _measures(known, protocol, one, seed)),
        )
        for one in bare
    ]
    waves = {(one.participant, one.visit): wave for wave, one in visits}
    return Arrivals(
        participants=people,
        visits=sorted(visits, key=lambda row: (row[0], row[1].participant, row[1].day)),
        events=sorted(events, key=lambda row: (row[0], row[1].participant, row[1].day)),
        treatments=sorted(
            treatments, key=lambda row: (row[0], row[1].participant, row[1].start_day, row[1].drug)
        ),
        samples=sorted(_samples(script, waves), key=lambda row: (row[0], row[1].sample)),
    )


def state(cohort: Cohort, protocol: Protocol, participant: str, visit: str) -> State:
    """What expression depends on, of a participant at a visit."""
    person, at = cohort.participants[participant], cohort.visits[participant, visit]
    within = protocol.events.visit_within_days
    groups = [protocol.populations[person.population].group]
    complications: set[Complication] = set()
    for event in cohort.events:
        if event.participant != participant or event.day > at.day:
            continue
        if event.kind == "reclassification":
            groups += [event.subtype]  # type: ignore[list-item]
        if event.kind == "complication" and at.day - event.day <= within:
            complications.add("systemic" if event.subtype in protocol.events.systemic else "infectious")
    taken = {one.treatment_class for one in _taken(cohort, participant, at.day)}
    return State(
        participant, visit, at.day, tuple(groups), person.sex, frozenset(taken), frozenset(complications)
    )


def _taken(cohort: Cohort, participant: str, day: int) -> list[Treatment]:
    """Treatments that began before a day and have not stopped by then."""
    return [
        one
        for one in cohort.treatments
        if one.participant == participant
        and one.start_day < day
        and (one.stop_day is None or day <= one.stop_day)
    ]


def _participants(script: Scenario, protocol: Protocol, seed: int) -> Iterator[tuple[int, Participant]]:
    for wave in (1, 2):
        for population, counts in script.recruits.items():
            first = sum(counts[: wave - 1])
            for number in range(first + 1, first + counts[wave - 1] + 1):
                yield wave, _participant(script, protocol, population, number, seed)


def _participant(
    script: Scenario, protocol: Protocol, population: int, number: int, seed: int
) -> Participant:
    name, group = named(population, number), protocol.populations[population].group
    rng = stream(seed, "person", name)
    age = int(np.clip(round(rng.normal(*AGES[group])), 19, 85))
    onset = -int(rng.integers(*ONSET[group])) if group in ONSET else None
    overlap = name in script.overlap
    subtype, antibody = "", ""
    if group == "im":
        subtype, antibody = (
            ("overlap_myositis", "anti-PM-Scl") if overlap else MYOSITIS[(number - 1) % len(MYOSITIS)]
        )
    elif group == "ssc":
        subtype, antibody = "dcSSc", SCLERODERMA[(number - 1) % len(SCLERODERMA)]
    met: dict[str, Value] = {one.field: None for one in protocol.eligibility if one.field != "age"}
    met |= {
        one.field: one.equals
        for one in protocol.eligibility
        if population in one.populations and one.field != "age"
    }
    return Participant(
        participant=name,
        population=population,
        overlap=overlap,
        disease_subtype=subtype,
        autoantibodies=(antibody,) if antibody else (),
        onset_day=onset,
        sex="M" if number % 5 in (3, 4) else "F",  # both sexes in every population and batch
        age=age,
        eligibility=met | script.fields.get(name, {}),
    )


def _measures(cohort: Cohort, protocol: Protocol, visit: Visit, seed: int) -> dict[str, Value]:
    """Clinical measures at a visit: those of the group's disease, and what everyone has."""
    name, day = visit.participant, visit.day
    rng = stream(seed, "clinic", name, visit.visit)
    now = state(cohort, protocol, name, visit.visit)
    severe, later = severity(name, seed=seed), float(day >= LATER)
    better = float(any(one in now.treatments for one in TARGETED))
    happened = {one.subtype for one in cohort.events if one.participant == name and one.day <= day}
    group = now.groups[0]

    def bounded(measure: str, value: float, digits: int = 0) -> float:
        limits = protocol.measures[measure]
        inside = float(np.clip(value, limits.minimum, limits.maximum))
        return round(inside) if limits.type == "integer" else round(inside, digits)

    found: dict[str, Value] = {
        "haq": bounded("haq", 0.4 + (0.6 + 0.4 * severe) * (group in ("im", "ssc")) + rng.normal(0, 0.15), 2),
        "crp": bounded("crp", 10 ** rng.normal(0.5, 0.25) + 60 * ("infectious" in now.complications), 1),
        "prednisone": sum(
            one.dose or 0.0
            for one in _taken(cohort, name, day)
            if one.treatment_class == "corticosteroid" and one.dose_unit == "mg/day"
        ),
    }
    if group in ("ssc", "ssc_control"):
        sick = float(group == "ssc")
        found |= {
            "mrss": bounded("mrss", sick * (20 + 7 * severe - 4 * later - 4 * better + rng.normal(0, 1.5))),
            "mrss_biopsy_site": str(round(float(np.clip(sick * (1.8 + 0.7 * severe), 0, 3)))),
            "fvc": bounded("fvc", 102 - sick * (12 + 9 * severe + 3 * later) + rng.normal(0, 3), 1),
            "dlco": bounded("dlco", 95 - sick * (20 + 8 * severe) + rng.normal(0, 4), 1),
            "ild": bool(sick and severe > 0.5) or "ild" in happened,
            "pah": "pah" in happened,
            "renal_crisis": "renal" in happened,
            "digital_ulcers": bounded("digital_ulcers", sick * (1 + severe + rng.normal(0, 1))),
        }
    else:
        sick = float(group == "im")
        active = 0.4 * severe - 0.7 * later - 0.3 * better
        found |= {
            "ck": bounded("ck", 10 ** (2.2 + sick * (1.0 + active) + rng.normal(0, 0.1))),
            "mmt8": bounded("mmt8", 148 - sick * (30 + 12 * severe - 12 * later) + rng.normal(0, 2)),
            "ild": "ild" in happened,
        }
        if cohort.participants[name].disease_subtype == "DM":
            found["cdasi"] = bounded("cdasi", 15 + 6 * severe - 5 * later + rng.normal(0, 2))
    return {measure: found.get(measure) for measure in protocol.measures}


def _samples(script: Scenario, waves: dict[tuple[str, str], int]) -> Iterator[tuple[int, Sample]]:
    for block in script.samples:
        for participant in block["participants"]:
            wave = block.get("wave", waves[participant, block["visit"]])
            yield wave, _sample(block, participant, wave)


def _sample(block: dict[str, Any], participant: str, wave: int) -> Sample:
    stem = f"{participant}_{block['visit']}_{block['tissue']}_{SUFFIX[block['assay']]}"
    replicate = block.get("replicate", 1)
    name = stem if replicate == 1 else f"{stem}_r{replicate}"
    folder, form = f"raw/{block['assay']}", block["format"]
    shared = form in TOGETHER
    if form == "fastq":
        paths = tuple(
            f"{folder}/{name}_L{lane:03d}_R{mate}.fastq.gz" for lane in range(1, LANES + 1) for mate in (1, 2)
        )
    elif shared:
        paths = (f"{folder}/{block['platform']}_W{wave}.{TOGETHER[form]}",)
    else:
        paths = (f"{folder}/{name}.{EXTENSION[form]}",)
    return Sample(
        sample=name,
        participant=participant,
        visit=block["visit"],
        tissue=block["tissue"],
        assay=block["assay"],
        replicate=replicate,
        platform=block["platform"],
        batch=block["batches"][(int(participant[2:]) - 1) % len(block["batches"])],
        wave=f"W{wave}",
        format=form,
        paths=paths,
        column=name if shared else "",
        md5=(),
        bridge=stem if block.get("bridge") else None,
    )
