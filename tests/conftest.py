"""Studies that tests share: made once per worker, copied where a test changes them."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCLEROMYOMICS = Path(sys.executable).with_name("scleromyomics")


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Call `scleromyomics` as a user does."""
    return subprocess.run(
        [SCLEROMYOMICS, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=600
    )


def simulate(directory: Path, *, size: str, waves: int = 2) -> Path:
    done = command("simulate", directory, "--size", size, "--waves", waves)
    assert done.returncode == 0, done.stderr
    return directory


def copy(study: Path, target: Path) -> Path:
    return shutil.copytree(study, target, symlinks=True)  # with times: they are what Snakemake compares


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated study of 4 participants; not to be written to."""
    return simulate(tmp_path_factory.mktemp("tiny") / "study", size="tiny")


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated study of 32 participants; not to be written to."""
    return simulate(tmp_path_factory.mktemp("toy") / "study", size="toy")


@pytest.fixture(scope="session")
def finished(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny study with its newest release built; not to be written to."""
    study = copy(tiny, tmp_path_factory.mktemp("finished") / "study")
    done = command("run", study)
    assert done.returncode == 0, done.stderr
    return study


@pytest.fixture
def finished_copy(finished: Path, tmp_path: Path) -> Path:
    """A finished tiny study that the test may change."""
    return copy(finished, tmp_path / "study")


@pytest.fixture(scope="session")
def planned() -> Callable[..., dict[str, int]]:
    """How often each rule would run, from a dry run."""

    def plan(study: Path, *options: str, code: Path = ROOT) -> dict[str, int]:
        snakemake = [
            sys.executable,
            "-m",
            "snakemake",
            "--snakefile",
            code / "Snakefile",
            "--directory",
            study,
        ]
        done = subprocess.run(
            [*map(str, snakemake), "--dry-run", "--nolock", *options],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Exception" not in done.stdout + done.stderr
        counts = re.findall(r"^([a-z_]+) +(\d+)$", done.stdout + done.stderr, re.MULTILINE)
        return {rule: int(n) for rule, n in counts if rule not in {"all", "total"}}

    return plan
