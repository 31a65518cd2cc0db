"""A new study begins with a template, and nothing of the user's is ever overwritten."""

from pathlib import Path

import pytest
from sheet_faults import SmallStudy

from scleromyomics.core.errors import InputError
from scleromyomics.plan.start import start
from scleromyomics.plan.study import load_study


def test_the_template_lacks_rows_and_nothing_else(tmp_path: Path) -> None:
    start(tmp_path / "new" / "study")
    with pytest.raises(InputError) as error:
        load_study(tmp_path / "new" / "study")
    assert str(error.value).splitlines() == [
        f"{name}.tsv: has no rows; allowed: at least one row below the header line"
        for name in ("participants", "samples", "visits")
    ]


def test_rows_below_the_templates_header_lines_make_a_study(tmp_path: Path) -> None:
    start(tmp_path)
    study = SmallStudy()
    for name, rows in study.sheets.items():
        path = tmp_path / f"{name}.tsv"
        header = path.read_text().rstrip("\n").split("\t")
        path.write_text(
            "\n".join(
                ["\t".join(header), *("\t".join(row.get(column, "") for column in header) for row in rows)]
            )
            + "\n"
        )
    (tmp_path / "config.yaml").write_text(study.config)
    assert len(load_study(tmp_path).cohort.participants) == 8


def test_a_folder_with_something_in_it_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds notes.txt; allowed: a new or an empty folder$") as error:
        start(tmp_path)
    assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="is a file; allowed: a new or an empty folder"):
        start(tmp_path / "file")
