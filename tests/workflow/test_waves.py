"""A new sampling wave adds jobs and never repeats finished ones: the test this project exists for."""

import csv
import shutil

import pytest
from conftest import command, copy, simulate

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("workflow")]


def rows(study, sheet):
    with (study / f"{sheet}.tsv").open(newline="") as handle:
        return list(csv.DictReader(handle, delimiter="\t"))


def test_a_second_wave_plans_only_its_own_samples_and_the_pooled_steps(tmp_path, tiny, planned):
    study = simulate(tmp_path / "study", size="tiny", waves=1)
    first = {row["sample"] for row in rows(study, "samples")}
    done = command("run", study)
    assert done.returncode == 0, done.stderr
    kept = {path: path.read_bytes() for path in (study / "results").rglob("*") if path.is_file()}

    shutil.copytree(tiny, study, dirs_exist_ok=True)
    new = {row["sample"] for row in rows(study, "samples")} - first
    assert new
    jobs = planned(study)
    assert jobs["microarray_admit"] == jobs["microarray_rma"] == len(new)
    assert not {"microarray_chip", "microarray_fit"} & jobs.keys()

    done = command("run", study)
    assert done.returncode == 0, done.stderr
    assert {path for path, content in kept.items() if path.read_bytes() != content} == set()


def test_the_order_of_waves_does_not_change_a_sample(tmp_path, finished):
    """Built in one go, every sample has the bytes that it has when the waves come one after the other."""
    study = simulate(tmp_path / "study", size="tiny", waves=1)
    assert command("run", study).returncode == 0
    products = sorted((study / "results" / "samples").rglob("profile.npz"))
    assert products
    for path in products:
        assert path.read_bytes() == (finished / path.relative_to(study)).read_bytes()


def test_an_older_release_can_be_asked_for(tmp_path, finished, planned):
    study = copy(finished, tmp_path / "study")
    jobs = planned(study, "--config", "release=W1")
    assert not {"microarray_admit", "microarray_rma", "microarray_fit"} & jobs.keys()
    assert jobs["report_build"] == 1
