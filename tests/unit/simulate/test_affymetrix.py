"""Chip files that the simulator writes are what Bioconductor and this project's own readers read from them."""

import csv
import hashlib
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from scleromyomics.microarray.cel import read_cel
from scleromyomics.microarray.chip import Chip, read_chip
from scleromyomics.simulate.affymetrix import write_cdf, write_cdf_text, write_cel

REFERENCE = Path(__file__).parents[2] / "reference" / "affymetrix"
FEATURES = np.array(["b_at", "a_s_at", "AFFX-x_at", "10_at", "B_at"])
STARTS = np.array([0, 11, 22, 38, 49, 60])


def toy_files(folder: Path) -> list[Path]:
    """A chip of 24 x 20 cells, one of 24 x 24 (makecdfenv reads no oblong text CDF), and arrays of both."""
    files = []
    for name, cols in (("Oblong", 20), ("Square", 24)):
        order = np.arange(60) * 7 % (12 * cols)
        pm = order // cols * 2 * cols + order % cols
        shape = {"rows": 24, "cols": cols}
        probes = {"features": FEATURES, "starts": STARTS, "pm": pm}
        files += [folder / f"{name}.cdf", folder / f"{name}PmOnly.cdf", folder / f"{name}.CEL"]
        write_cdf(files[-3], **shape, **probes, mm=pm + cols)
        write_cdf(files[-2], **shape, **probes)
        write_cel(files[-1], **shape, intensities=np.arange(24 * cols) * 7919 % 60013 / 7, chip_name=name)
    files.append(folder / "SquareText.cdf")
    write_cdf_text(files[-1], name="Square", **shape, **probes, mm=pm + cols)
    return files


def digests(path: Path) -> dict[str, str]:
    """What this project reads, in the form of tests/reference/affymetrix/read.R."""
    if path.suffix == ".cdf":
        chip = read_chip([path])
        names = np.repeat(chip.features, np.diff(chip.starts)).tolist()
        lines = "".join(f"{name}\t{cell}\n" for name, cell in zip(names, chip.probes.tolist(), strict=True))
        return dict.fromkeys(
            ("makecdfenv", "affxparser"), hashlib.md5(lines.encode(), usedforsecurity=False).hexdigest()
        )
    values = read_cel(path).intensity.astype("<f8").tobytes()
    return dict.fromkeys(("affyio", "affxparser"), hashlib.md5(values, usedforsecurity=False).hexdigest())


def table(text: str) -> dict[str, dict[str, str]]:
    rows = csv.DictReader((line for line in text.splitlines() if not line.startswith("#")), delimiter="\t")
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        found.setdefault(row["file"], {})[row["reader"]] = row["md5"]
    return found


def test_written_files_read_as_bioconductor_read_them(tmp_path: Path) -> None:
    reference = table((REFERENCE / "bioconductor.tsv").read_text())
    for path in toy_files(tmp_path):
        assert digests(path) == reference[path.name], path.name


@pytest.mark.r
def test_bioconductor_reads_every_cell_and_probe_of_written_files(tmp_path: Path) -> None:
    if not shutil.which("Rscript"):
        pytest.skip("Rscript is not installed")
    files = toy_files(tmp_path)
    command = ["Rscript", REFERENCE / "read.R", *files]
    live = table(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert live == {path.name: digests(path) for path in files}


def test_an_array_comes_back_as_it_was_written(tmp_path: Path) -> None:
    values = np.linspace(0, 65535, 12 * 5).astype(np.float32)
    write_cel(tmp_path / "a.CEL", intensities=values, chip_name="HG-U133_Plus_2", rows=12, cols=5)
    cel = read_cel(tmp_path / "a.CEL")
    assert (cel.chip, cel.rows, cel.cols, cel.version) == ("HG-U133_Plus_2", 12, 5, "4")
    np.testing.assert_array_equal(cel.intensity, values.astype(np.float64))


def test_the_same_array_gives_the_same_bytes(tmp_path: Path) -> None:
    shape = {"intensities": np.arange(20.0), "chip_name": "Toy", "rows": 4, "cols": 5}
    (tmp_path / "again").mkdir()
    for folder in (tmp_path, tmp_path / "again"):
        write_cel(folder / "a.CEL", **shape, stdev=np.ones(20), pixels=np.full(20, 16))
    assert (tmp_path / "a.CEL").read_bytes() == (tmp_path / "again" / "a.CEL").read_bytes()


def test_a_definition_comes_back_as_it_was_written(tmp_path: Path) -> None:
    toy_files(tmp_path)
    chips = [read_chip([tmp_path / name]) for name in ("Square.cdf", "SquarePmOnly.cdf", "SquareText.cdf")]
    order = np.arange(60) * 7 % (12 * 24)
    pm = np.split(order // 24 * 48 + order % 24, STARTS[1:-1])
    for chip in chips:
        assert isinstance(chip, Chip)
        assert chip.features.tolist() == sorted(FEATURES)
        for feature, probes in zip(FEATURES, pm, strict=True):
            at = chip.features.tolist().index(feature)
            np.testing.assert_array_equal(chip.probes[chip.starts[at] : chip.starts[at + 1]], probes)
    assert [chip.name for chip in chips] == ["Square", "SquarePmOnly", "Square"]
