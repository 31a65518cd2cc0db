"""Every fault is reported where it is, in words that say what is allowed."""

from pathlib import Path

import pytest
from sheet_faults import FAULTS, NAME_FAULTS, SmallStudy, found, random_pair, reported, single
from sheet_faults import Fault as Planted

from scleromyomics.plan.sheets.faults import Fault

ERRORS = [fault for fault in FAULTS if not fault.warning]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_a_fault_is_reported_with_file_line_column_value_and_what_is_allowed(
    fault: Planted, tmp_path: Path
) -> None:
    line = single(fault, tmp_path)
    assert line
    assert "; allowed: " in line
    assert line.isprintable()
    assert len(line) < 600


def test_the_names_of_faults_are_unique() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) > 100


def test_all_faults_of_a_study_are_reported_together_and_sorted(tmp_path: Path) -> None:
    chosen = {
        "participant: a last name",
        "sex in small letters",
        "day: an ISO date",
        "unknown class of drug",
        "unknown kind of event",
        "unknown tissue",
        "bridge to nothing",
        "unknown key",
        "Latin-1",
    }
    study = SmallStudy()
    planted = [(fault, fault.plant(study)) for fault in FAULTS if fault.name in chosen]
    lines = reported(study, tmp_path)
    assert len(planted) == len(chosen)
    for fault, where in planted:
        assert found(fault, where(), lines), (fault.name, lines)
    places = [line.partition(": ")[2].split(":")[0].split(", ") for line in lines]
    keys = [(file, int(line.removeprefix("line "))) for file, line, *_ in places]
    assert keys == sorted(keys)


@pytest.mark.parametrize("seed", range(10_000, 10_050))
def test_both_of_two_random_faults_are_reported(seed: int, tmp_path: Path) -> None:
    study, planted = random_pair(seed)
    lines = reported(study, tmp_path)
    for fault, where in planted:
        assert found(fault, where, lines), (fault.name, where, lines)


def test_the_small_study_has_no_fault(tmp_path: Path) -> None:
    assert reported(SmallStudy(), tmp_path) == []


@pytest.mark.parametrize("column", ["sample", "visit", "platform", "batch"])
def test_names_are_checked_in_every_column_of_names(column: str, tmp_path: Path) -> None:
    study = SmallStudy()
    for place, (_, value, _) in enumerate(NAME_FAULTS):
        study.sheets["samples"][place][column] = value
    lines = "\n".join(reported(study, tmp_path))
    for place, (_, _, words) in enumerate(NAME_FAULTS):
        start = f"samples.tsv, line {place + 2}, column {column}: "
        assert any(start in line and words in line for line in lines.splitlines()), (place, lines)


def test_a_fault_is_one_line_whatever_the_value_holds() -> None:
    value = "a\nb\u202e" + "x" * 500
    line = str(Fault("samples.tsv", 3, "sample", value, "is not a name", "a name"))
    assert (
        line == f"samples.tsv, line 3, column sample: {value[:37] + '...'!r}: is not a name; allowed: a name"
    )
    assert line.isprintable()


def test_a_hostile_column_name_is_escaped_too() -> None:
    assert str(Fault("samples.tsv", 1, "\x1b[2J", None, "p", "a")).isprintable()
