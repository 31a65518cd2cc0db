"""CEL files of all three formats are read cell by cell, or refused in one line; never half read."""

import csv
import gzip
import hashlib
import shutil
import struct
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from data import real_data

from scleromyomics.core.errors import InputError
from scleromyomics.microarray.cel import read_cel
from scleromyomics.simulate.affymetrix import write_cel

REFERENCE = Path(__file__).parents[2] / "reference" / "affymetrix"
ROWS, COLS = 6, 4
VALUES = np.round(np.arange(ROWS * COLS) * 7919 % 60013 / 7, 1)
DAT_HEADER = (
    "[0..46000]  x:CLS=100 RWS=100 XIN=3  YIN=3  VE=17 2.0 01/01/00 00:00:00 \x14  \x14 Toy-1_a.1sq \x14 6"
)
REAL = ["test3_chip/Test3-1-121502.CEL", "test3_chip/Test3-1-121502.calvin.CEL",
        "hgu95av2_cel/CL2001032020AA.cel.gz"]  # fmt: skip


def text_cel(*, order: np.ndarray | None = None, end: str = "\r\n") -> bytes:
    cells = np.arange(ROWS * COLS) if order is None else order
    lines = ["[CEL]", "Version=3", "", "[HEADER]", f"Cols={COLS}", f"Rows={ROWS}", f"DatHeader={DAT_HEADER}"]
    lines += ["Algorithm=Percentile", "", "[INTENSITY]", f"NumberCells={ROWS * COLS}"]
    lines += ["CellHeader=X\tY\tMEAN\tSTDV\tNPIXELS"]
    lines += [f"{i % COLS:3d}\t{i // COLS:3d}\t{VALUES[i]:.1f}\t10.0\t 25" for i in cells]
    lines += ["", "[MASKS]", "NumberCells=1", "CellHeader=X\tY", "1\t1", ""]
    lines += ["[OUTLIERS]", "NumberCells=2", "CellHeader=X\tY", "2\t1", "3\t4", ""]
    lines += ["[MODIFIED]", "NumberCells=1", "CellHeader=X\tY\tORIGMEAN", "1\t2\t150.5", ""]
    return end.join(lines).encode("latin-1")


def binary_cel(folder: Path) -> bytes:
    path = folder / "binary.CEL"
    write_cel(path, intensities=VALUES, chip_name="Toy-1_a", rows=ROWS, cols=COLS)
    return path.read_bytes()


def wide(text: str) -> bytes:
    return struct.pack(">i", len(text)) + text.encode("utf-16-be")


def console_cel() -> bytes:
    """A Command Console file, its parts in the order and with the index of the vendor's writer."""
    facts = {"affymetrix-array-type": "Toy-1_a".encode("utf-16-be") + bytes(20),
             "affymetrix-cel-rows": struct.pack(">i12x", ROWS),
             "affymetrix-cel-cols": struct.pack(">i12x", COLS)}  # fmt: skip
    header = struct.pack(">i", 27) + b"affymetrix-calvin-intensity" + struct.pack(">i", 2) + b"id"
    header += wide("") + wide("en-US") + struct.pack(">i", len(facts))
    for name, value in facts.items():
        header += wide(name) + struct.pack(">i", len(value)) + value + wide("text/plain")
    header += struct.pack(">i", 0)  # parents
    n = ROWS * COLS
    sets = [("Intensity", [(6, 4)], VALUES.astype(">f4").tobytes(), n), ("StdDev", [(6, 4)], bytes(4 * n), n),
            ("Outlier", [(2, 2), (2, 2)], bytes(8), 2), ("Mask", [(2, 2), (2, 2)], b"", 0)]  # fmt: skip
    group = 10 + len(header)
    name = wide("")
    body, first = b"", group + 12 + len(name)
    for label, columns, data, rows in sets:
        head = wide(label) + struct.pack(">i", 0) + struct.pack(">I", len(columns))
        head += b"".join(wide("c") + struct.pack(">bi", kind, size) for kind, size in columns)
        head += struct.pack(">I", rows)
        elements = first + len(body) + 8 + len(head)
        body += struct.pack(">II", elements, elements + len(data)) + head + data
    start = struct.pack(">BBii", 59, 1, 1, group) + header
    return start + struct.pack(">IIi", first + len(body), first, len(sets)) + name + body


def formats(folder: Path) -> dict[str, bytes]:
    return {"3": text_cel(), "4": binary_cel(folder), "command console": console_cel()}


def read(folder: Path, content: bytes) -> np.ndarray:
    path = folder / "try.CEL"
    path.write_bytes(content)
    return read_cel(path).intensity


def test_all_formats_hold_the_same_cells(tmp_path: Path) -> None:
    for version, content in formats(tmp_path).items():
        for name, packed in (("a.CEL", content), ("a.CEL.gz", gzip.compress(content)),
                             ("twice.gz", gzip.compress(gzip.compress(content)))):  # fmt: skip
            (tmp_path / name).write_bytes(packed)
            cel = read_cel(tmp_path / name)
            assert (cel.chip, cel.rows, cel.cols, cel.version) == ("Toy-1_a", ROWS, COLS, version)
            np.testing.assert_allclose(cel.intensity, VALUES, rtol=0 if version == "3" else 1e-7)


def test_a_text_file_may_list_its_cells_in_any_order_and_end_lines_in_lf(tmp_path: Path) -> None:
    shuffled = np.random.default_rng(1).permutation(ROWS * COLS)
    np.testing.assert_array_equal(read(tmp_path, text_cel(order=shuffled, end="\n")), VALUES)


def test_a_cell_listed_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="2 cells not listed exactly once; allowed: every cell once"):
        read(tmp_path, text_cel(order=np.array([0, 0, *range(2, ROWS * COLS)])))


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    for version, content in formats(tmp_path).items():
        for packed in (content, gzip.compress(content)):
            for length in range(0, len(packed), max(1, len(packed) // 150)):
                with pytest.raises(InputError, match=r"^file .*try\.CEL: found .*; allowed: ") as caught:
                    read(tmp_path, packed[:length])
                assert "\n" not in str(caught.value), version
            with pytest.raises(InputError):
                read(tmp_path, packed[:-1])


def test_flipped_bytes_give_a_refusal_or_a_readable_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    refusals = []
    for content in formats(tmp_path).values():
        for _ in range(150):
            broken = bytearray(content)
            for position in rng.integers(0, min(len(content), 900), size=rng.integers(1, 4)):
                broken[position] = rng.integers(0, 256)
            try:
                read(tmp_path, bytes(broken))
            except InputError as error:
                refusals.append(str(error))
    assert len(refusals) > 100
    assert max(map(len, refusals)) < 300 + len(str(tmp_path))
    assert all(text.isprintable() for text in refusals)


def test_a_flipped_byte_in_a_gzip_is_refused(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(binary_cel(tmp_path), mtime=0))
    packed[-6] ^= 1  # its checksum
    with pytest.raises(InputError, match=r"a damaged gzip file \('CRC check failed'\).*right checksum"):
        read(tmp_path, bytes(packed))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "an empty file; allowed: a file with content"),
        (b"PK\x03\x04rest", "a zip archive; allowed: the file itself, plain or gzip"),
        (b"\n<!DOCTYPE html><html>404</html>", "a web page"),
        (b"\x89PNG\r\n\x1a\n and more", "content that starts with .*; allowed: a CEL file of version 3 or 4"),
        (b"[CEL]\nVersion=3\n", r"no section \[HEADER\]"),
    ],
)
def test_what_is_no_cel_file_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, content)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.CEL", tmp_path):
        with pytest.raises(InputError, match="a file that cannot be read"):
            read_cel(path)


def test_bytes_behind_the_last_part_are_refused(tmp_path: Path) -> None:
    for content in (binary_cel(tmp_path), console_cel()):
        with pytest.raises(InputError, match="3 bytes more than its header announces"):
            read(tmp_path, content + b"abc")


def test_counts_that_do_not_fit_the_grid_are_refused(tmp_path: Path) -> None:
    content = binary_cel(tmp_path)
    with pytest.raises(InputError, match="24 cells on 5 x 4; allowed: rows x columns = cells"):
        read(tmp_path, content[:8] + struct.pack("<i", 5) + content[12:])
    swapped = content[:8] + struct.pack("<ii", COLS, ROWS) + content[16:]
    with pytest.raises(InputError, match="Rows '6' in its header text; allowed: 4"):
        read(tmp_path, swapped)


def test_outliers_masked_cells_and_subgrids_of_a_binary_file_are_passed_over(tmp_path: Path) -> None:
    content = binary_cel(tmp_path)
    at = len(content) - ROWS * COLS * 10 - 12
    parts = content[:at] + struct.pack("<3i", 2, 1, 1) + content[at + 12 :] + bytes(3 * 4 + 56)
    np.testing.assert_array_equal(read(tmp_path, parts), VALUES.astype(np.float32))


def test_an_intensity_that_is_no_number_is_refused(tmp_path: Path) -> None:
    content = text_cel().replace(f"\t{VALUES[5]:.1f}\t".encode(), b"\t1.#IND\t")
    with pytest.raises(InputError, match="an intensity that is no number"):
        read(tmp_path, content)


def reference(name: str) -> dict[str, str]:
    with (REFERENCE / "bioconductor.tsv").open() as handle:
        lines = [line for line in handle if not line.startswith("#")]
    return {row["reader"]: row["md5"] for row in csv.DictReader(lines, delimiter="\t") if row["file"] == name}


def digests(path: Path) -> dict[str, str]:
    """MD5 of the intensities in full, as affyio holds them, and as 32-bit floats, as affxparser does."""
    values = read_cel(path).intensity
    readers = {"affyio": values, "affxparser": values.astype(np.float32)}
    return {
        name: hashlib.md5(x.astype("<f8").tobytes(), usedforsecurity=False).hexdigest()
        for name, x in readers.items()
    }


@pytest.mark.parametrize("name", REAL)
def test_every_intensity_of_real_files_equals_bioconductors(name: str) -> None:
    path = real_data(f"microarray/{name}")
    assert digests(path) == reference(path.name)


@pytest.mark.r
def test_every_intensity_of_real_files_equals_bioconductors_live() -> None:
    if not shutil.which("Rscript"):
        pytest.skip("Rscript is not installed")
    paths = [real_data(f"microarray/{name}") for name in REAL]
    command = ["Rscript", REFERENCE / "read.R", *paths]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    rows = csv.DictReader((line for line in lines if not line.startswith("#")), delimiter="\t")
    live = {(row["file"], row["reader"]): row["md5"] for row in rows}
    assert live == {(path.name, reader): md5 for path in paths for reader, md5 in digests(path).items()}


def test_the_largest_common_array_is_read_in_less_than_a_second(tmp_path: Path) -> None:
    write_cel(tmp_path / "a.CEL", intensities=np.arange(1164**2), chip_name="Toy", rows=1164, cols=1164)
    begin = time.perf_counter()
    read_cel(tmp_path / "a.CEL")
    assert time.perf_counter() - begin < 1
