"""A whole study from raw files to the report, undisturbed, broken into and interrupted: the same bytes."""

import hashlib
import os
import signal
import subprocess
import time

import anndata
import numpy as np
import pytest
from conftest import SCLEROMYOMICS, command, copy

from scleromyomics.core.files import read_json, read_tsv
from scleromyomics.core.results import read_results
from scleromyomics.simulate.affymetrix import write_cel

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("e2e")]


def contents(study):
    """Digest of every result by its path, without what tells when a job ran."""
    return {
        str(path.relative_to(study)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (study / "results").rglob("*")
        if path.is_file()
    }


def release(study):
    return study / "results" / "releases" / "W2"


def test_every_kind_of_result_can_be_opened(finished):
    matrix = anndata.read_h5ad(release(finished) / "matrices" / "microarray" / "pbmc" / "D1.h5ad")
    assert matrix.shape == (4, 2200)
    assert np.isfinite(matrix.X).all()
    assert set(matrix.obs["group"]) == {"ssc", "ssc_control"}
    later = anndata.read_h5ad(release(finished) / "matrices" / "microarray" / "pbmc" / "M12.h5ad")
    assert list(later.var_names) == list(matrix.var_names)

    verdicts = read_tsv(release(finished) / "cohort" / "verdicts.tsv")
    for row in verdicts:
        place = release(finished) / "compare" / row["question"] / row["assay"] / f"{row['tissue']}.parquet"
        assert (read_results(place).num_rows == 0) == (row["final"] == "SKIP"), place
    assert any(row["final"] != "SKIP" for row in verdicts)

    page = (release(finished) / "report" / "index.html").read_text()
    assert "SSc vs its control at inclusion" in page
    assert "significant" not in page


def test_the_number_of_cores_does_not_change_a_byte(tiny, finished, tmp_path):
    study = copy(tiny, tmp_path / "a study")
    assert command("run", study, "--cores", "1").returncode == 0
    assert contents(study) == contents(finished)


def without_md5(study):
    sheet = study / "samples.tsv"
    header, *rows = sheet.read_text().splitlines()
    column = header.split("\t").index("md5")
    cells = [row.split("\t") for row in rows]
    lines = ["\t".join([*row[:column], "", *row[column + 1 :]]) for row in cells]
    sheet.write_text("\n".join([header, *lines]) + "\n")


def test_bad_raw_files_hold_back_their_samples_and_nothing_else(tiny, finished, tmp_path):
    """Files of the later wave, so that the frozen model is that of the undisturbed study."""
    study = copy(tiny, tmp_path / "study")
    without_md5(study)
    cut, other = "P301_M12_pbmc_chip", "P401_M12_pbmc_chip"
    raw = {sample: study / "raw" / "microarray" / f"{sample}.CEL" for sample in (cut, other)}
    good = {path: path.read_bytes() for path in raw.values()}
    os.truncate(raw[cut], raw[cut].stat().st_size // 2)
    write_cel(raw[other], intensities=np.arange(100.0), chip_name="Other", rows=10, cols=10)

    done = command("run", study)
    assert done.returncode == 2
    first, second = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert cut in first
    assert other in second
    assert "Other" in second
    held = {row["sample"] for row in read_tsv(release(study) / "cohort" / "held_back.tsv")}
    assert held >= {cut, other}
    found = contents(study)
    untouched = {
        path: one
        for path, one in contents(finished).items()
        if ("/samples/" in path or "/frozen/" in path) and not any(sample in path for sample in raw)
    }
    assert untouched
    assert {path: found[path] for path in untouched} == untouched
    assert (release(study) / "report" / "index.html").is_file()

    for path, content in good.items():
        path.write_bytes(content)
    done = command("run", study)
    assert done.returncode == 0, done.stderr
    assert contents(study) == contents(finished)


def processes(study):
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(study) in line and "pytest" not in line]


@pytest.mark.parametrize(
    ("number", "steps"), [(signal.SIGTERM, 3), (signal.SIGKILL, 14)], ids=["SIGTERM", "SIGKILL"]
)
def test_an_interrupted_run_is_resumed_by_the_same_command(tiny, finished, tmp_path, number, steps):
    study = copy(tiny, tmp_path / "study")
    with (tmp_path / "log").open("w") as log:
        running = subprocess.Popen([SCLEROMYOMICS, "run", study], stdout=log, stderr=log)
    while len(list((study / "results").rglob("*receipt.json"))) < steps:
        assert running.poll() is None, (tmp_path / "log").read_text()
        time.sleep(0.05)
    running.send_signal(number)
    started = time.monotonic()
    running.wait(20)
    while processes(study) and time.monotonic() - started < 20:
        time.sleep(0.1)
    assert not processes(study)
    assert not list((study / "results").rglob(".*.part*")) or number == signal.SIGKILL

    done = command("run", study)
    assert done.returncode == 0, done.stderr
    found = contents(study)
    assert {path: one for path, one in found.items() if ".part" not in path} == contents(finished)


def test_a_held_back_sample_leaves_models_and_answers(finished_copy):
    config = finished_copy / "config.yaml"
    config.write_text(config.read_text() + "hold_back: {P401_D1_pbmc_chip: tube mislabelled}\n")
    assert command("run", finished_copy).returncode == 0
    held = read_tsv(release(finished_copy) / "cohort" / "held_back.tsv")
    assert ("P401_D1_pbmc_chip", "tube mislabelled") in {(row["sample"], row["reason"]) for row in held}
    used = read_tsv(finished_copy / "results" / "frozen" / "microarray" / "F1" / "ToyHG" / "samples.tsv")
    assert "P401_D1_pbmc_chip" not in {row["sample"] for row in used}
    matrix = anndata.read_h5ad(release(finished_copy) / "matrices" / "microarray" / "pbmc" / "D1.h5ad")
    assert "P401_D1_pbmc_chip" not in matrix.obs_names


def test_faults_of_the_sheets_stop_a_run_before_anything_is_written(tiny, tmp_path):
    study = copy(tiny, tmp_path / "study")
    sheet = study / "samples.tsv"
    sheet.write_text(sheet.read_text().replace("\tpbmc\t", "\tblood\t"))
    done = command("run", study)
    assert done.returncode == 2
    assert all(line.startswith("error: samples.tsv, line ") for line in done.stderr.splitlines())
    assert not (study / "results").exists()
    assert not (study / ".snakemake").exists()


def test_a_study_starts_from_its_template(tmp_path):
    assert command("init", tmp_path / "mine").returncode == 0
    done = command("check", tmp_path / "mine")
    assert done.returncode == 2
    assert "participants.tsv" in done.stderr
    again = command("init", tmp_path / "mine")
    assert again.returncode == 2
    assert len(again.stderr.splitlines()) == 1


def test_receipts_say_what_a_product_was_made_from(finished):
    for path in (finished / "results" / "samples").rglob("raw.receipt.json"):
        receipt = read_json(path)
        assert receipt["status"] == "accepted"
        assert {"sha256", "size", "versions"} <= receipt.keys()
