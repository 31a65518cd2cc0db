import os
import shutil
import subprocess
import sys
import time

import pytest

from scleromyomics import workflow
from scleromyomics.core.errors import InputError
from scleromyomics.core.files import write_json
from scleromyomics.plan.study import load_study


def test_every_run_resumes_what_was_interrupted(tmp_path):
    arguments = workflow.arguments(tmp_path, ["-n"])
    assert {"--nolock", "--rerun-incomplete"} <= set(arguments)
    assert arguments[arguments.index("--scheduler") + 1] == "greedy"
    assert arguments[-1] == "-n"


def test_a_profile_of_the_user_stands_instead_of_the_local_one(tmp_path):
    assert workflow.arguments(tmp_path, ["--profile", "mine"]).count("--profile") == 1
    assert any(one.endswith("profiles/local") for one in workflow.arguments(tmp_path, []))


def test_a_second_run_in_the_same_folder_is_refused(tmp_path):
    held = (
        "import fcntl, os, sys, time;"
        f"fcntl.flock(os.open({str(tmp_path)!r}, os.O_RDONLY), fcntl.LOCK_EX);"
        "print('held', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", held], stdout=subprocess.PIPE)
    try:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(InputError, match="another run is going on in this folder"):
            workflow.run(tmp_path, [])
    finally:
        other.kill()
        other.wait()
        other.stdout.close()


def test_failures_are_the_error_lines_of_the_logs_of_this_run(tmp_path):
    logs = tmp_path / "logs" / "stage" / "step"
    logs.mkdir(parents=True)
    (logs / "old.log").write_text("error: mended since\n")
    os.utime(logs / "old.log", (1, 1))
    (logs / "b.log").write_text("warning: x\nerror: sample B: cut off\n")
    (logs / "a.log").write_text("error: sample A: cut off\n")
    assert workflow.failures(tmp_path, since=time.time() - 60) == ["sample A: cut off", "sample B: cut off"]


def test_refusals_name_the_sample_and_the_ways_on(tiny, tmp_path):
    study = shutil.copytree(tiny, tmp_path / "study")
    folder = study / "results" / "samples" / "microarray" / "F1"
    for name in [one for one in load_study(study).cohort.samples if "_M12_" not in one]:  # not looked at yet
        status = "refused" if name in {"P301_D1_pbmc_chip", "P302_D1_pbmc_chip"} else "accepted"
        write_json(
            folder / name / "raw.receipt.json",
            {"sample": name, "status": status, "reason": "file x: cut off"},
        )
    with (study / "config.yaml").open("a") as config:
        config.write("hold_back: {P302_D1_pbmc_chip: chip of another lab}\n")
    (line,) = workflow.refusals(load_study(study))
    assert line.startswith(
        "sample P301_D1_pbmc_chip is held back: file x: cut off; replace the file, or name the"
    )


def test_a_place_that_cannot_be_written_to_is_refused_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # tests may run as root, who may write anywhere
    with pytest.raises(InputError, match="cannot be written to"):
        workflow.run(tmp_path, [])


@pytest.mark.parametrize("option", ["-n", "-np", "--dry-run", "--summary", "--lint"])
def test_planning_only_is_known(option):
    assert workflow.DRY.match(option)


@pytest.mark.parametrize("option", ["--cores", "-c2", "--config", "--forceall", "--rerun-incomplete"])
def test_building_is_not_taken_for_planning(option):
    assert not workflow.DRY.fullmatch(option)
