"""A new sampling wave adds jobs and never repeats finished ones: the test this project exists for."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import command, copy, simulate

from scleromyomics.core.matrix import read

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("workflow")]


def rows(study, sheet):
    with (study / f"{sheet}.tsv").open(newline="") as handle:
        return list(csv.DictReader(handle, delimiter="\t"))


def test_a_second_wave_plans_only_its_own_samples_and_the_pooled_steps(tmp_path, tiny, planned):
    study = simulate(tmp_path / "study", size="tiny", waves=1)
    first = {row["sample"] for row in rows(study, "samples")}
    assert {"microarray", "variants"} == {row["assay"] for row in rows(study, "samples")}
    done = command("run", study)
    assert done.returncode == 0, done.stderr
    kept = {path: path.read_bytes() for path in (study / "results").rglob("*") if path.is_file()}

    shutil.copytree(tiny, study, dirs_exist_ok=True)
    new = [row for row in rows(study, "samples") if row["sample"] not in first]
    chips, genomes = (sum(row["assay"] == assay for row in new) for assay in ("microarray", "variants"))
    assert chips
    assert genomes
    jobs = planned(study)
    assert jobs["microarray_admit"] == jobs["microarray_rma"] == chips
    assert jobs["variants_admit"] == jobs["variants_call"] == jobs["variants_profile"] == genomes
    fitted = {"microarray_chip", "microarray_fit", "variants_reference", "variants_targets", "genotypes_fit"}
    assert not fitted & jobs.keys()

    done = command("run", study)
    assert done.returncode == 0, done.stderr
    assert {path for path, content in kept.items() if path.read_bytes() != content} == set()


def test_the_order_of_waves_does_not_change_a_sample(tmp_path, finished):
    """Built in one go, every sample has the bytes that it has when the waves come one after the other."""
    study = simulate(tmp_path / "study", size="tiny", waves=1)
    assert command("run", study).returncode == 0
    products = sorted((study / "results" / "samples").rglob("profile.npz"))
    products += sorted((study / "results" / "samples").rglob("aligned.cram"))
    products += sorted((study / "results" / "samples").rglob("calls.bcf"))
    assert {path.name for path in products} == {"profile.npz", "aligned.cram", "calls.bcf"}
    for path in products:
        assert path.read_bytes() == (finished / path.relative_to(study)).read_bytes()


def test_genotypes_at_old_sites_are_those_of_the_release_before(tmp_path, finished):
    """The second wave adds sites, and changes no value of an earlier sample at an earlier one."""
    study = simulate(tmp_path / "study", size="tiny", waves=1)
    assert command("run", study).returncode == 0
    place = Path("matrices", "variants", "pbmc")
    for name in ("D1.h5ad", "D1.burden.h5ad"):
        old = read(study / "results" / "releases" / "W1" / place / name)
        new = read(finished / "results" / "releases" / "W2" / place / name)
        assert set(old.obs_names) <= set(new.obs_names)
        assert set(old.var_names) <= set(new.var_names)
        shared = new[old.obs_names, old.var_names]
        for layer in (None, *old.layers):
            before, after = (one.X if layer is None else one.layers[layer] for one in (old, shared))
            if layer == "new_sites":
                continue
            before, after = (one.toarray() if hasattr(one, "toarray") else one for one in (before, after))
            np.testing.assert_array_equal(before, after, err_msg=f"{name} {layer}")


def test_an_older_release_can_be_asked_for(tmp_path, finished, planned):
    study = copy(finished, tmp_path / "study")
    jobs = planned(study, "--config", "release=W1")
    assert not {"microarray_admit", "microarray_rma", "microarray_fit", "variants_call"} & jobs.keys()
    assert jobs["report_build"] == 1
