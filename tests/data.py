"""Where real public data lies, for the tests that can use it; a user's machine does not have it."""

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("SCLEROMYOMICS_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))


def real_data(name: str) -> Path:
    """The file or folder `name` of the real data; skips the test where it is absent."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"real data {name} is not on this machine (set SCLEROMYOMICS_REAL_DATA to its folder)")
    return path
