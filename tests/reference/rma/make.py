"""Make values.npz: simulated arrays, and what affy and preprocessCore make of them.

Run from the repository: PYTHONPATH=scripts:tests python tests/reference/rma/make.py
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
from chips import group, write_group
from numpy.typing import NDArray

HERE = Path(__file__).parent
TISSUES = ["pbmc", "skin_healthy"] * 3
SETS = 150

Arrays = dict[str, NDArray[np.float64]]


def affy(folder: Path, chip: str, arrays: int) -> Arrays:
    """affy::rma (arrays x probe sets, sorted) of the CEL files in a folder, and AffyRNAdeg's position means."""
    called("affy", folder, chip)
    return {name: np.fromfile(folder / f"{name}.bin").reshape(arrays, -1) for name in ("affy", "positions")}


def preprocess_core(folder: Path, probes: NDArray[np.float64], starts: NDArray[np.int64]) -> Arrays:
    """Background-corrected, normalised and summarised arrays (arrays x probes, arrays x probe sets)."""
    probes.tofile(folder / "probes.bin")
    np.diff(starts).astype(float).tofile(folder / "sizes.bin")
    called("preprocessCore", folder)
    names = ("background", "quantiles", "polish")
    return {name: np.fromfile(folder / f"{name}.bin").reshape(len(probes), -1) for name in names}


def called(*arguments: object) -> str:
    command = ["Rscript", str(HERE / "rma.R"), *map(str, arguments)]
    return subprocess.run(
        command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ).stdout


def main() -> None:
    made = group(TISSUES, sets=SETS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_group(folder, made)
        found = affy(folder, "toychip", len(TISSUES)) | preprocess_core(folder, made.probes, made.starts)
    probes = made.probes.astype(np.float32)
    np.savez_compressed(HERE / "values.npz", probes=probes, starts=made.starts, **found)


if __name__ == "__main__":
    main()
