"""What is normal in a cohort is no fault, and one cause is told once."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sheet_faults import SmallStudy

from scleromyomics.core.errors import InputError
from scleromyomics.plan.study import load_study

Write = Callable[..., Path]


def test_missing_visits_and_visits_without_samples_are_normal(study_dir: Write) -> None:
    study = SmallStudy()
    study.sheets["samples"] = [row for row in study.sheets["samples"] if row["participant"] != "P02"]
    study.sheets["visits"] = [row for row in study.sheets["visits"] if row["participant"] != "P02"]
    study.sheets["visits"].append(
        study.sheets["visits"][0] | {"visit": "Y5", "timepoint": "Y5", "day": "1826"}
    )
    assert load_study(study_dir(study)).warnings == ()


def test_a_complication_visit_may_lie_between_scheduled_ones(study_dir: Write) -> None:
    study = SmallStudy()
    event = study.sheets["visits"][12] | {"visit": "E1", "timepoint": "EVENT", "day": "300"}
    study.sheets["visits"].append(event)
    assert load_study(study_dir(study)).warnings == ()


def test_the_same_visit_name_serves_every_participant(study_dir: Write) -> None:
    visits = load_study(study_dir()).cohort.visits
    assert ("P01", "D1") in visits
    assert ("P02", "D1") in visits


def test_a_control_converts_by_an_event(study_dir: Write) -> None:
    study = SmallStudy()
    study.sheets["events"].append(
        {"participant": "P05", "day": "400", "kind": "reclassification", "subtype": "ssc"}
    )
    cohort = load_study(study_dir(study)).cohort
    assert cohort.participants["P05"].population == 3
    assert cohort.events[0].subtype == "ssc"


def test_a_participant_may_die_on_the_day_of_a_visit(study_dir: Write) -> None:
    study = SmallStudy()
    study.sheets["events"][1]["day"] = "370"
    assert load_study(study_dir(study)).warnings == ()


def test_a_participant_that_is_not_there_is_told_once_per_sheet(study_dir: Write) -> None:
    study = SmallStudy()
    del study.sheets["participants"][4]
    with pytest.raises(InputError) as error:
        load_study(study_dir(study))
    samples, visits = str(error.value).splitlines()
    assert samples.startswith(
        "samples.tsv, line 22, column participant: 'P05': is not in participants.tsv (6 lines name it)"
    )
    assert visits.startswith(
        "visits.tsv, line 10, column participant: 'P05': is not in participants.tsv (2 lines name it)"
    )
