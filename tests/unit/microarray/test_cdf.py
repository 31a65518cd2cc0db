"""Chip definitions (CDF) give every perfect-match probe in transcript order, or are refused in one line."""

import csv
import gzip
import hashlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from data import real_data

from scleromyomics.core.errors import InputError
from scleromyomics.microarray.cdf import read_cdf
from scleromyomics.microarray.chip import read_chip
from scleromyomics.simulate.affymetrix import write_cdf, write_cdf_text

REFERENCE = Path(__file__).parents[2] / "reference" / "affymetrix"
ROWS, COLS = 8, 5
FEATURES = ["b_at", "a_at", "AFFX-c_at"]
STARTS = np.array([0, 3, 7, 12])
PM = np.array([0, 11, 2, 3, 4, 10, 1, 12, 13, 14, 20, 21])
PROBES = {"rows": ROWS, "cols": COLS, "features": FEATURES, "starts": STARTS, "pm": PM, "mm": PM + COLS}


@pytest.fixture
def text(tmp_path: Path) -> bytes:
    write_cdf_text(tmp_path / "Text.cdf", name="Toy", **PROBES)
    return (tmp_path / "Text.cdf").read_bytes()


@pytest.fixture
def binary(tmp_path: Path) -> bytes:
    write_cdf(tmp_path / "Toy.cdf", **PROBES)
    return (tmp_path / "Toy.cdf").read_bytes()


def read(folder: Path, content: bytes, name: str = "Toy.cdf") -> dict[str, list[int]]:
    (folder / name).write_bytes(content)
    layout = read_cdf(folder / name)
    assert (layout.chips, layout.rows, layout.cols) == (("Toy",), ROWS, COLS)
    return {str(f): layout.cell[layout.owner == i].tolist() for i, f in enumerate(layout.features)}


EXPECTED = {f: PM[a:b].tolist() for f, a, b in zip(FEATURES, STARTS[:-1], STARTS[1:], strict=True)}


def test_text_binary_and_gzip_give_the_same_probes(tmp_path: Path, text: bytes, binary: bytes) -> None:
    for content in (text, binary, text.replace(b"\r\n", b"\n")):
        assert read(tmp_path, content) == EXPECTED
        assert read(tmp_path, gzip.compress(content), "Toy.cdf.gz") == EXPECTED


def test_probes_come_in_the_order_of_their_atoms(tmp_path: Path, text: bytes) -> None:
    lines = text.split(b"\r\n")
    at = next(i for i, line in enumerate(lines) if line.startswith(b"Cell1="))
    lines[at : at + 6] = lines[at : at + 6][::-1]
    assert read(tmp_path, b"\r\n".join(lines)) == EXPECTED


def test_quality_control_cells_are_no_probes(tmp_path: Path, text: bytes) -> None:
    control = (
        b"[QC1]\r\nType=9\r\nNumberCells=1\r\nCellHeader=X\tY\tPROBE\r\nCell1=7\t7\tN\r\n\r\n[Unit1]\r\n"
    )
    assert read(tmp_path, text.replace(b"[Unit1]\r\n", control)) == EXPECTED


@pytest.mark.parametrize("kind", ["text", "binary"])
def test_a_definition_cut_anywhere_is_refused(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    content: bytes = request.getfixturevalue(kind)
    end = len(content.rstrip(b"\r\n")) if kind == "text" else len(content)
    for length in range(0, end, max(1, end // 300)):
        with pytest.raises(InputError, match=r"^file .*Toy\.cdf: found .*; allowed: "):
            read(tmp_path, content[:length])
    with pytest.raises(InputError):
        read(tmp_path, content[: end - 1])


@pytest.mark.parametrize("kind", ["text", "binary"])
def test_flipped_bytes_give_a_refusal_or_a_readable_definition(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    content: bytes = request.getfixturevalue(kind)
    rng = np.random.default_rng(3)
    for _ in range(300):
        broken = bytearray(content)
        for position in rng.integers(0, len(content), size=rng.integers(1, 4)):
            broken[position] = rng.integers(0, 256)
        (tmp_path / "Flip.cdf").write_bytes(broken)
        with suppress(InputError):
            assert read_chip([tmp_path / "Flip.cdf"]).probes.size


def test_a_block_with_a_missing_cell_is_refused(tmp_path: Path, text: bytes) -> None:
    lines = [line for line in text.split(b"\r\n") if not line.startswith(b"Cell3=")]
    with pytest.raises(InputError, match="3 of them with missing cells"):
        read(tmp_path, b"\r\n".join(lines))


def test_a_cell_beyond_the_chip_is_refused(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(InputError, match="a cell at x 9, y 0; allowed: cells within 5 x 8"):
        read(tmp_path, text.replace(b"Cell1=0\t0", b"Cell1=9\t0"))


def test_a_number_that_is_none_is_named_with_its_line(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(InputError, match="found '-1' in line 30; allowed: a whole number"):
        read(tmp_path, text.replace(b"Cell1=0\t0", b"Cell1=-1\t0"))


def test_an_unknown_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"content that starts with .*; allowed: a text or binary CDF"):
        read(tmp_path, b"probe\tx\ty\n")


def test_a_binary_definition_of_another_version_is_refused(tmp_path: Path, binary: bytes) -> None:
    with pytest.raises(InputError, match="a binary CDF of version 4; allowed: version 1"):
        read(tmp_path, binary[:4] + b"\x04" + binary[5:])


def test_every_probe_of_the_real_definition_equals_bioconductors() -> None:
    chip = read_chip([real_data("microarray/test3_chip/Test3.CDF")])
    assert (chip.name, chip.rows, chip.cols, len(chip.features)) == ("Test3", 126, 126, 345)
    names = np.repeat(chip.features, np.diff(chip.starts)).tolist()
    lines = "".join(f"{name}\t{cell}\n" for name, cell in zip(names, chip.probes.tolist(), strict=True))
    with (REFERENCE / "bioconductor.tsv").open() as handle:
        rows = csv.DictReader((line for line in handle if not line.startswith("#")), delimiter="\t")
        expected = {row["md5"] for row in rows if row["file"] == "Test3.CDF"}
    assert expected == {hashlib.md5(lines.encode(), usedforsecurity=False).hexdigest()}
