"""The cohort as a release sees it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from scleromyomics.plan.cohort import wave_number
from scleromyomics.plan.study import load_study


@pytest.mark.parametrize(("wave", "number"), [("W1", 1), ("W12", 12)])
def test_waves_are_ordered_by_number(wave: str, number: int) -> None:
    assert wave_number(wave) == number


def test_a_release_sees_the_samples_up_to_its_wave_and_all_people(study_dir: Callable[..., Path]) -> None:
    cohort = load_study(study_dir()).cohort
    first = cohort.up_to("W1")
    assert cohort.waves == ("W1", "W2")
    assert first.waves == ("W1",)
    assert first.participants == cohort.participants
    assert set(first.samples) < set(cohort.samples)
    assert cohort.up_to("W2") == cohort


def test_a_sample_knows_its_visit(study_dir: Callable[..., Path]) -> None:
    cohort = load_study(study_dir()).cohort
    assert cohort.visit_of(cohort.samples["P05_M12_pbmc"]).day == 370
