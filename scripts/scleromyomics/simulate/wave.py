"""Add the second wave to a study that was simulated with one: new rows, new raw files, nothing else touched."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from scleromyomics.core.cli import entry_point
from scleromyomics.core.errors import InputError
from scleromyomics.core.files import replacing
from scleromyomics.plan.sheets.columns import SHEETS
from scleromyomics.simulate import study


def run(*, directory: Path, size: Literal["tiny", "toy"] = "toy", seed: int = 1) -> None:
    """Simulate both waves aside, and bring over what the study does not have yet.

    Args:
        directory: the study.
        size: that it was simulated with.
        seed: that it was simulated with.

    Raises:
        InputError: its rows are not those of this size and seed.
    """
    sheets = [f"{name}.tsv" for name in SHEETS]
    with TemporaryDirectory() as scratch:
        whole = Path(scratch) / "study"
        study.run(directory=whole, size=size, seed=seed)
        for name in sheets:
            there = directory / name
            if not there.is_file() or not (whole / name).read_bytes().startswith(there.read_bytes()):
                raise InputError(
                    f"{there}: found other rows than size {size} and seed {seed} give; allowed: a study of these"
                )
        for path in sorted(whole.rglob("*")):
            target = directory / path.relative_to(whole)
            if path.is_file() and (path.name in sheets or not target.exists()):
                with replacing(target) as temporary:
                    shutil.copyfile(path, temporary)


if __name__ == "__main__":
    entry_point(run)
