"""Every bad raw file is refused in one line that names the sample; the others go on."""

import gzip
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scleromyomics.core.errors import InputError
from scleromyomics.core.files import read_json, sha256
from scleromyomics.microarray import chip as chips
from scleromyomics.microarray.admit import run
from scleromyomics.simulate.affymetrix import write_cdf, write_cel

ROWS, COLS = 6, 5
PM = np.arange(10)
VALUES = 50 + np.arange(ROWS * COLS, dtype=float) * 13


@pytest.fixture
def chip(tmp_path: Path) -> Path:
    write_cdf(tmp_path / "Toy.cdf", rows=ROWS, cols=COLS, features=["a_at", "b_at"], starts=[0, 4, 10], pm=PM)
    chips.run(definition=[tmp_path / "Toy.cdf"], chip=tmp_path / "chip.npz", receipt=tmp_path / "chip.json")
    return tmp_path / "chip.npz"


def cel(
    folder: Path, values: np.ndarray = VALUES, name: str = "Toy", shape: tuple[int, int] = (ROWS, COLS)
) -> Path:
    path = folder / "s.CEL"
    write_cel(path, intensities=values, chip_name=name, rows=shape[0], cols=shape[1])
    return path


def admitted(raw: Path, chip: Path | None, **flags: Any) -> dict[str, Any]:
    receipt = raw.with_name("receipt.json")
    run(**{"sample": "S1", "raw": raw, "format": "cel", "chip": chip, "receipt": receipt} | flags)
    found: dict[str, Any] = read_json(receipt)
    return found


def test_a_good_file_is_accepted_with_its_digest(tmp_path: Path, chip: Path) -> None:
    raw = cel(tmp_path, name="TOY")
    found = admitted(raw, chip, md5=hashlib.md5(raw.read_bytes(), usedforsecurity=False).hexdigest().upper())
    assert (found["status"], found["reason"], found["sha256"]) == ("accepted", "", sha256(raw))
    assert (found["sample"], found["chip"], found["n_values"]) == ("S1", "TOY", ROWS * COLS)
    assert found["size"] == raw.stat().st_size


def changed(position: int, value: float) -> np.ndarray:
    values = VALUES.copy()
    values[position] = value
    return values


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ({"name": "HG-U133A"}, "found chip type 'HG-U133A'; allowed: 'Toy'"),
        ({"shape": (COLS, ROWS)}, "found 5 x 6 cells; allowed: 6 x 5, as Toy has"),
        ({"values": np.full(ROWS * COLS, 7.0)}, "30 intensities that are all 7 (zero variance)"),
        ({"values": np.append(np.full(10, 7.0), VALUES[10:])}, "10 intensities of perfect-match probes that are all"),
        ({"values": changed(3, np.nan)}, "1 intensities that are NaN or infinite; allowed: finite numbers"),
        ({"values": changed(3, np.inf)}, "1 intensities that are NaN or infinite"),
        ({"values": changed(3, -1)}, "1 negative intensities; allowed: 0 or more"),
        ({"values": changed(3, 1e30)}, "1 intensities above 1048576; allowed: what a scanner can measure"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_by_name(
    tmp_path: Path, chip: Path, capsys: pytest.CaptureFixture[str], flags: dict[str, Any], reason: str
) -> None:
    raw = cel(tmp_path, **flags)
    found = admitted(raw, chip)
    assert found["status"] == "refused"
    assert reason in found["reason"]
    assert capsys.readouterr().err == f"refused: sample S1: {found['reason']}\n"
    assert found["reason"].startswith(f"file {raw}: found ")


def test_damaged_content_is_refused_and_never_a_traceback(tmp_path: Path, chip: Path) -> None:
    content = cel(tmp_path).read_bytes()
    raw = tmp_path / "broken.CEL"
    broken = [content[: len(content) * i // 60] for i in range(60)]
    packed = gzip.compress(content)
    broken += [packed[: len(packed) * i // 60] for i in range(60)]
    broken += [b"<html>login</html>", b"PK\x03\x04", content + b"\0"]
    for part in broken:
        raw.write_bytes(part)
        found = admitted(raw, chip)
        assert found["status"] == "refused"
        assert found["reason"]
        assert "\n" not in found["reason"]


def test_an_md5_that_differs_is_refused(tmp_path: Path, chip: Path) -> None:
    found = admitted(cel(tmp_path), chip, md5="0" * 32)
    assert found["status"] == "refused"
    assert "; allowed: '00000000000000000000000000000000', as declared" in found["reason"]


def test_a_column_of_a_table_is_accepted_or_refused(tmp_path: Path) -> None:
    raw = tmp_path / "t.tsv"
    raw.write_text("id\ts1\ts2\ts3\ta\na_at\t1\t5\tinf\tNA\nb_at\t2\t5\t1\tNA\n")
    found = admitted(raw, None, format="table", column="s1")
    assert (found["status"], found["column"], found["n_values"]) == ("accepted", "s1", 2)
    for column, reason in (("s2", "2 values in column 's2' that are all 5 (zero variance)"),
                           ("s3", "1 values in column 's3' that are NaN or infinite"),
                           ("a", "no values in column 'a'"), ("s9", "0 columns 's9' among 4")):  # fmt: skip
        refused = admitted(raw, None, format="table", column=column)
        assert refused["status"] == "refused"
        assert reason in refused["reason"]


def test_what_the_caller_forgot_is_an_error(tmp_path: Path, chip: Path) -> None:
    with pytest.raises(InputError, match="sample S1: found no file"):
        admitted(tmp_path / "absent.CEL", chip)
    with pytest.raises(InputError, match="sample S1: found no --chip"):
        admitted(cel(tmp_path), None)
    with pytest.raises(InputError, match="sample S1: found no --column"):
        admitted(cel(tmp_path), None, format="table")
