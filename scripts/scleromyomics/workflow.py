"""Run the workflow on a study: one run at a time, resumed by the same command, gone within seconds of SIGTERM."""

import ctypes
import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from scleromyomics.core.errors import InputError
from scleromyomics.core.files import read_json
from scleromyomics.core.provenance import ROOT
from scleromyomics.plan.paths import release_folder, sample_folder
from scleromyomics.plan.placement import place
from scleromyomics.plan.study import Study, load_study

REPOSITORY = ROOT.parent
GRACE_SECONDS = 5  # between SIGTERM and SIGKILL: Snakemake can hang on SIGTERM, and jobs write whole files
DRY = re.compile(
    r"--dry-?run|-[a-zA-Z]*n|--(summary|detailed-summary|dag|rulegraph|list.*|lint|unlock|touch)"
)
PR_SET_PDEATHSIG = 1  # prctl option: the kernel signals the child when its parent dies


def run(study: Path, options: Sequence[str]) -> int:
    """Build the newest release of `study`; `options` go to Snakemake.

    Returns:
        0, or Snakemake's status.

    Raises:
        InputError: for what the user can mend, a line each; all else that could be made is made before.
    """
    study = study.resolve()
    if not os.access(study, os.W_OK):
        raise InputError(f"{study}: cannot be written to")
    started = time.time()
    with _only_run(study):
        status = _supervised([sys.executable, "-m", "snakemake", *arguments(study, options)])
    if any(DRY.match(option) for option in options):
        return status
    loaded = load_study(study, overrides=_overrides(options))
    faults = [*(failures(study, since=started) if status else []), *refusals(loaded)]
    if not status:
        print(summary(loaded))
    if faults:
        raise InputError("\n".join(faults))
    return status


def _overrides(options: Sequence[str]) -> dict[str, str]:
    """The release that `--config release=W1` asks for."""
    return dict(option.split("=", 1) for option in options if option.startswith("release="))


def arguments(study: Path, options: Sequence[str]) -> list[str]:
    """Snakemake's arguments: those that make every run resumable, a profile unless one is given, `options`."""
    profile = (
        [] if "--profile" in options else ["--profile", str(REPOSITORY / "config" / "profiles" / "local")]
    )
    fixed = ["--nolock", "--rerun-incomplete", "--scheduler", "greedy"]
    return [
        "--snakefile",
        str(REPOSITORY / "Snakefile"),
        "--directory",
        str(study),
        *profile,
        *fixed,
        *options,
    ]


def failures(study: Path, *, since: float) -> list[str]:
    """The error lines of the jobs that failed after `since` (seconds of the epoch), sorted."""
    found = set()
    for log in (study / "logs").rglob("*.log"):
        if log.stat().st_mtime >= since:
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
            found |= {line.removeprefix("error: ") for line in lines if line.startswith("error: ")}
    return sorted(found)


def refusals(study: Study) -> list[str]:
    """One line per raw file of the release that was refused; its sample is held back in all results."""
    placed = place(study.cohort, study.config, release=study.release).freeze
    folders = [
        sample_folder(study.cohort.samples[name].assay, freeze, name) for name, freeze in placed.items()
    ]
    receipts = [study.directory / folder / "raw.receipt.json" for folder in folders]
    looked_at = [read_json(path) for path in receipts if path.is_file()]  # a run may ask for a part only
    refused = [one for one in looked_at if one["status"] == "refused"]
    return [
        f"sample {one['sample']} is held back: {one['reason']}; replace the file, or name the sample under"
        " hold_back in config.yaml"
        for one in refused
    ]


@contextmanager
def _only_run(study: Path) -> Iterator[None]:
    """Hold the study's lock; it dies with this process, however that ends."""
    handle = os.open(study, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise InputError(f"{study}: another run is going on in this folder; wait for it or end it") from error
    try:
        yield
    finally:
        os.close(handle)


def _supervised(command: list[str]) -> int:
    """Run `command` in a process group of its own that ends when this process is told to end, or dies."""
    child = subprocess.Popen(command, start_new_session=True, preexec_fn=_die_with_parent)  # noqa: PLW1509

    def end(number: int, _frame: FrameType | None) -> None:
        os.killpg(child.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            child.wait(GRACE_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        print("interrupted; the same command resumes", file=sys.stderr)
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)
    return child.wait()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def summary(study: Study) -> str:
    """Where each result of the release is."""
    folder = study.directory / release_folder(study.release)
    lines = (
        ("report", folder / "report" / "index.html"),
        ("verdict per question", folder / "cohort" / "verdicts.tsv"),
        ("who was received, who is eligible", folder / "cohort"),
        ("matrices per timepoint", folder / "matrices"),
        ("answers, a table each", folder / "compare"),
    )
    return "\n".join(["", f"Results of {study.release}:", *(f"  {what:34} {where}" for what, where in lines)])
