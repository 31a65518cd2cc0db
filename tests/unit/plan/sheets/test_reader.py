"""How a sheet becomes rows."""

import random
from pathlib import Path

from scleromyomics.plan.sheets import cells
from scleromyomics.plan.sheets.columns import Column
from scleromyomics.plan.sheets.reader import read_sheet

COLUMNS = (
    Column("name", cells.name),
    Column("day", cells.whole(None, None)),
    Column("note", cells.text, required=False, blank=""),
)


def read(folder: Path, content: bytes):
    (folder / "sheet.tsv").write_bytes(content)
    return read_sheet(folder / "sheet.tsv", COLUMNS)


def test_cells_have_the_types_of_their_columns(tmp_path: Path) -> None:
    sheet = read(tmp_path, b"name\tday\tnote\nP1\t-3\t\nP2\t4\ta note\n")
    assert sheet.faults == []
    assert [row.values for row in sheet.rows] == [
        {"name": "P1", "day": -3, "note": ""},
        {"name": "P2", "day": 4, "note": "a note"},
    ]


def test_a_column_that_may_be_blank_may_be_left_out_and_columns_may_come_in_any_order(tmp_path: Path) -> None:
    sheet = read(tmp_path, b"day\tname\n-3\tP1\n")
    assert sheet.faults == []
    assert sheet.rows[0].values == {"name": "P1", "day": -3, "note": ""}


def test_the_last_line_may_lack_its_end(tmp_path: Path) -> None:
    assert read(tmp_path, b"name\tday\nP1\t1").rows[0].values["day"] == 1


def test_a_mark_and_crlf_are_accepted_with_a_warning_each(tmp_path: Path) -> None:
    sheet = read(tmp_path, b"\xef\xbb\xbfname\tday\r\nP1\t1\r\n")
    assert [fault.severity for fault in sheet.faults] == ["warning", "warning"]
    assert sheet.rows[0].values == {"name": "P1", "day": 1, "note": ""}


def test_a_lone_carriage_return_is_a_control_character(tmp_path: Path) -> None:
    (fault,) = read(tmp_path, b"name\tday\nP1\r\t1\n").faults
    assert "control" in fault.problem


def test_a_faulty_cell_leaves_the_others_of_its_row(tmp_path: Path) -> None:
    sheet = read(tmp_path, b"name\tday\n=1\t5\n")
    assert sheet.rows[0].values == {"day": 5, "note": ""}
    assert sheet.rows[0].cells == {"name": "=1", "day": "5"}


def test_a_missing_sheet_is_one_fault(tmp_path: Path) -> None:
    sheet = read_sheet(tmp_path / "none.tsv", COLUMNS)
    assert not sheet.present
    assert [str(fault) for fault in sheet.faults] == [
        "none.tsv: is missing; allowed: the five sheets, each with its header line"
    ]


def test_a_folder_for_a_sheet_is_one_fault(tmp_path: Path) -> None:
    (fault,) = read_sheet(tmp_path, COLUMNS).faults
    assert "cannot be read (Is a directory)" in str(fault)


def test_a_sheet_with_commas_is_read_on(tmp_path: Path) -> None:
    sheet = read(tmp_path, b"name,day,note\nP1,x,\n")
    assert [fault.problem for fault in sheet.faults] == [
        "cells are separated by commas",
        "is not written as a plain number",
    ]


def test_random_bytes_are_faults_and_never_a_crash(tmp_path: Path) -> None:
    rng = random.Random(1)  # noqa: S311
    for _ in range(200):
        content = bytes(rng.choices(b'\t\n\r,;ab1"\x00\xff\xfe\xef\xbb\xbf', k=rng.randrange(60)))
        assert read(tmp_path, content).faults
