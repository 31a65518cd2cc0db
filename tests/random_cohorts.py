"""Random small cohorts, and a short question library that holds every kind of question."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import numpy as np
from cohorts import DAYS, Cohorts, default_protocol

from scleromyomics.plan.config import Config
from scleromyomics.plan.protocol import Protocol
from scleromyomics.plan.protocol.questions import Question
from scleromyomics.plan.study import Study

QUESTIONS = (
    "ssc_vs_control_d1",
    "ssc_vs_im_m12",
    "dcssc_vs_control_d1",
    "ssc_skin_vs_im_muscle_d1",
    "ssc_sclerotic_vs_control_skin",
    "dm_change_d1_m12",
    "ssc_change_d1_m12",
    "ssc_change_vs_control_d1_m12",
    "ssc_vs_im_change_d1_m12",
    "ssc_systemic_complication",
    "ssc_systemic_complication_recent",
    "im_infectious_complication",
    "ssc_targeted_treatment",
    "im_immunomodulator",
    "ssc_sclerotic_vs_healthy_skin",
    "ssc_sclerotic_vs_healthy_skin_advanced",
    "ssc_sclerotic_skin_vs_blood_d1",
    "im_muscle_vs_blood_d1",
    "ssc_mrss",
    "ssc_mrss_change",
    "ssc_mrss_visits",
    "ssc_mrss_biopsy_site",
    "im_ck",
)
ASKED = 13  # of them per study: all 2,000 take less than a minute
MILD = dict.fromkeys(("skip_below_participants", "skip_below_pairs", "skip_below_residual_df"), 1)
SUBTYPES = {2: ("DM", "ASyS", ""), 4: ("dcSSc", "lcSSc", "")}
TISSUES = {
    1: ("pbmc", "muscle"),
    2: ("pbmc", "muscle"),
    3: ("pbmc", "skin_healthy"),
    4: ("pbmc", "skin_healthy", "skin_sclerotic"),
}


@cache
def short_protocol() -> Protocol:
    """The repository's protocol with `QUESTIONS` alone, about the chip alone."""
    full = default_protocol()
    asked = [_in_blood(one) for one in full.questions if one.id in QUESTIONS]
    chip = {"microarray": full.assays["microarray"]}
    return full.model_copy(update={"questions": asked, "assays": chip})


def _in_blood(question: Question) -> Question:
    """The question in blood alone, unless it is about other tissues."""
    elsewhere = question.kind == "tissue" or question.tissues
    return question if elsewhere else question.model_copy(update={"tissues": ["pbmc"]})


def random_study(rng: np.random.Generator) -> tuple[Study, Mapping[str, str]]:
    """A study that asks some of `QUESTIONS` with mild thresholds, and samples that quality holds back."""
    cohorts = random_cohort(rng)
    excluded = {"unknown_eligibility": "exclude"} if rng.random() < 0.5 else {}
    covariates = [["age", "sex"], ["sex", "age"], []][rng.integers(3)]
    verdicts = MILD if rng.random() < 0.8 else {**MILD, "skip_without": []}
    study = cohorts.study()
    freeze = {} if rng.random() < 0.2 else {"microarray": [{"id": "F1", "waves": list(study.cohort.waves)}]}
    config = {"verdicts": verdicts, "analysis": {"covariates": covariates, **excluded}, "freeze": freeze}
    library = short_protocol()
    asked = [library.questions[number] for number in sorted(rng.choice(len(QUESTIONS), ASKED, replace=False))]
    protocol = library.model_copy(update={"questions": asked})
    study = replace(study, protocol=protocol, config=Config.model_validate(config))
    return study, {name: "NUSE 1.3" for name in cohorts.samples if rng.random() < 0.05}


def random_cohort(rng: np.random.Generator) -> Cohorts:
    """Up to 8 per population: events, treatments, measures, batches, waves, platforms and bridges at random.

    Now and then, groups or visits are separated by batch, wave or platform.
    """
    cohorts = Cohorts()
    apart = str(rng.choice(["", "", "group", "visit", "visit"]))
    by = str(rng.choice(["batch", "batch", "wave", "platform"]))
    batches, waves, platforms = (int(one) for one in rng.integers(1, (4, 3, 3)))
    timepoints = [one for one in ("D1", "M12", "Y5") if one == "D1" or rng.random() < 0.7]
    for population in (1, 2, 3, 4):
        for name in cohorts.people(population, int(rng.integers(0, 5 + population))):
            _describe(cohorts, name, population, rng)
            visits = [
                (timepoint, timepoint, DAYS[timepoint]) for timepoint in timepoints if rng.random() < 0.85
            ]
            visits += _happenings(cohorts, name, rng)
            for visit, timepoint, day in visits:
                cohorts.visit(name, timepoint, visit=visit, day=day, **_measures(rng))
                key = {"group": population, "visit": timepoint}.get(apart, "")
                for tissue in TISSUES[population]:
                    if rng.random() < 0.15:
                        continue
                    drawn = {
                        "batch": f"b{rng.integers(batches)}",
                        "wave": f"W{1 + rng.integers(waves)}",
                        "platform": f"p{rng.integers(platforms)}",
                    }
                    if apart:
                        drawn[by] = f"W{1 + (key in {2, 3, 'M12'})}" if by == "wave" else f"x{key}"
                    for _ in range(1 + (rng.random() < 0.08)):
                        cohorts.sample(name, timepoint, visit=visit, tissue=tissue, **drawn)
    _bridge(cohorts, rng)
    if not cohorts.samples:
        cohorts.sample(*cohorts.people(4, 1))
    return cohorts


def _describe(cohorts: Cohorts, name: str, population: int, rng: np.random.Generator) -> None:
    known = dict(cohorts.participants[name].eligibility)
    if rng.random() < 0.1:
        known["pregnant_or_breastfeeding"] = None
    cohorts.change(
        name,
        age=float(rng.choice([40, 50, 60, rng.uniform(16, 80)])),
        sex=str(rng.choice(["F", "M"])),
        overlap=bool(rng.random() < 0.1),
        disease_subtype=str(rng.choice(SUBTYPES.get(population, ("",)))),
        onset_day=None if rng.random() < 0.3 else -int(rng.integers(0, 4000)),
        eligibility=known,
    )


def _happenings(cohorts: Cohorts, name: str, rng: np.random.Generator) -> list[tuple[str, str, int]]:
    """Events and treatments; visits soon after some of them."""
    visits = []
    for number in range(int(rng.integers(0, 3))):
        day = int(rng.integers(250, 420) if rng.random() < 0.6 else rng.integers(-100, 900))
        cohorts.event(name, day, "complication", str(rng.choice(["ild", "pah", "lung", "skin"])))
        if day > 14 and rng.random() < 0.8:
            visits.append((f"E{number}", "EVENT", day + int(rng.integers(0, 40))))
    if rng.random() < 0.4:
        kind = str(rng.choice(["immunomodulator", "cell_therapy", "corticosteroid"]))
        cohorts.treat(name, int(rng.integers(-50, 500)), kind)
    if rng.random() < 0.15:
        kind, subtype = [("death", ""), ("lost", ""), ("reclassification", "ssc")][rng.integers(3)]
        cohorts.event(name, int(rng.integers(1, 2000)), kind, subtype)
    return visits


def _measures(rng: np.random.Generator) -> dict[str, object]:
    """Clinical measures of one visit, some of them unknown."""
    known = {
        "mrss": int(rng.integers(0, 4)),
        "ck": float(rng.choice([0.0, 50.0, rng.uniform(10, 1000)])),
        "mrss_biopsy_site": str(rng.integers(0, 4)),
        "pah": bool(rng.random() < 0.2),
    }
    return {measure: value for measure, value in known.items() if rng.random() < 0.8}


def _bridge(cohorts: Cohorts, rng: np.random.Generator) -> None:
    """Measure a few samples again in the batch, and on the chip, of others."""
    if rng.random() < 0.5 or not cohorts.samples:
        return
    everything = list(cohorts.samples.values())
    for _ in range(int(rng.integers(1, 4))):
        one, other = (everything[rng.integers(len(everything))] for _ in range(2))
        if one.batch != other.batch:
            timepoint = cohorts.visits[one.participant, one.visit].timepoint
            cohorts.sample(
                one.participant,
                timepoint,
                visit=one.visit,
                tissue=one.tissue,
                batch=other.batch,
                wave=other.wave,
                platform=other.platform,
                bridge=one.sample,
            )
