from dataclasses import replace

import pytest

from scleromyomics.plan.cohort import Cohort, Sample
from scleromyomics.plan.config import Config
from scleromyomics.plan.placement import place

SAMPLE = Sample(
    sample="S1",
    participant="P1",
    visit="V1",
    tissue="pbmc",
    assay="microarray",
    replicate=1,
    platform="chip",
    batch="b1",
    wave="W1",
    format="cel",
    paths=("raw/S1.CEL",),
    column="",
    md5=(),
    bridge=None,
)


def cohort(*samples):
    return Cohort({}, {}, (), (), {one.sample: one for one in samples})


def settings(**changes):
    return Config.model_validate(changes)


def test_without_a_freeze_the_first_wave_of_the_assay_is_f1():
    later = replace(SAMPLE, sample="S2", wave="W2")
    assert place(cohort(SAMPLE, later), settings(), release="W2").freeze == {"S1": "F1", "S2": "F1"}


def test_a_sample_that_has_not_arrived_is_not_placed():
    later = replace(SAMPLE, sample="S2", wave="W2")
    found = place(cohort(SAMPLE, later), settings(), release="W1")
    assert (found.freeze, found.held) == ({"S1": "F1"}, {})


def test_a_held_back_sample_has_the_reason_of_the_configuration():
    found = place(cohort(SAMPLE), settings(hold_back={"S1": "mislabelled tube"}), release="W1")
    assert (found.freeze, found.held) == ({}, {"S1": "mislabelled tube"})


@pytest.mark.parametrize("change", [{"tissue": "muscle"}, {"platform": "other"}])
def test_a_tissue_or_platform_first_seen_later_needs_a_freeze_of_its_own(change):
    later = replace(SAMPLE, sample="S2", wave="W2", **change)
    found = place(cohort(SAMPLE, later), settings(), release="W2")
    assert found.freeze == {"S1": "F1"}
    assert found.held["S2"].startswith("F1 is fitted on W1, which has no ")
    assert found.held["S2"].endswith("add a freeze to freeze.microarray")

    name, value = next(iter(change.items()))
    second = [{"id": "F2", "waves": ["W2"], f"{name}s": [value]}, {"id": "F1", "waves": ["W1"]}]
    found = place(cohort(SAMPLE, later), settings(freeze={"microarray": second}), release="W2")
    assert found.freeze == {"S1": "F1", "S2": "F2"}


def test_a_freeze_on_a_later_wave_holds_its_samples_until_then():
    config = settings(freeze={"microarray": [{"id": "F1", "waves": ["W1", "W2"]}]})
    later = replace(SAMPLE, sample="S2", wave="W2")
    assert "does not have yet" in place(cohort(SAMPLE, later), config, release="W1").held["S1"]
    assert place(cohort(SAMPLE, later), config, release="W2").freeze == {"S1": "F1", "S2": "F1"}


def test_an_assay_without_rules_is_held_and_said_so():
    scrna = replace(SAMPLE, assay="scrna")
    assert place(cohort(scrna), settings(), release="W1").held == {
        "S1": "scrna is not processed by this version"
    }


def test_models_of_variants_do_not_depend_on_the_tissue():
    first = replace(SAMPLE, assay="variants", platform="exome")
    later = replace(first, sample="S2", wave="W2", tissue="muscle")
    other = replace(first, sample="S3", wave="W2", platform="genome")
    found = place(cohort(first, later, other), settings(), release="W2")
    assert found.freeze == {"S1": "F1", "S2": "F1"}
    assert found.held == {
        "S3": "F1 is fitted on W1, which has no genome: add a freeze to freeze.variants",
    }
