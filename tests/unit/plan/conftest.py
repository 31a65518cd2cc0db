"""The small study that tests of the sheets change; it is the one of benchmarks/sheet_faults.py."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))

from sheet_faults import SmallStudy


@pytest.fixture
def study_dir(tmp_path: Path) -> Callable[..., Path]:
    """Write a small study (by default the one without fault), with raw files of a few bytes if asked."""

    def write(study: SmallStudy | None = None, *, raw: bool = False) -> Path:
        folder = (study or SmallStudy()).write(tmp_path / "study")
        if raw:
            SmallStudy().write_raw_files(folder)
        return folder

    return write
