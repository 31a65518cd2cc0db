import os
import subprocess
import sys
import time

import pytest

from scleromyomics import workflow
from scleromyomics.core.errors import InputError
from scleromyomics.core.files import write_json


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


def test_refusals_name_the_sample_and_the_ways_on(tmp_path):
    folder = tmp_path / "results" / "samples" / "microarray" / "F1"
    write_json(folder / "S1" / "raw.receipt.json", {"sample": "S1", "status": "accepted", "reason": ""})
    write_json(
        folder / "S2" / "raw.receipt.json", {"sample": "S2", "status": "refused", "reason": "file x: cut off"}
    )
    (line,) = workflow.refusals(tmp_path)
    assert line.startswith(
        "sample S2 is held back: file x: cut off; replace the file, or name the sample under"
    )
