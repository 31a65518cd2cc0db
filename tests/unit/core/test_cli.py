import errno
from pathlib import Path

import pytest

from scleromyomics.core.cli import EXIT_INPUT, command
from scleromyomics.core.errors import InputError


def tool(*, cels: list[Path], out: Path, rounds: int = 3) -> None:
    """Do something."""
    if rounds == 0:
        raise InputError("rounds: found 0, allowed 1 or more\nsheet: also wrong")
    out.write_text(f"{len(cels)} {rounds}")


def test_a_flag_takes_several_files(tmp_path):
    assert command(tool, ["--cels", "a", "b", "c", "--out", str(tmp_path / "o")]) == 0
    assert (tmp_path / "o").read_text() == "3 3"


def test_an_input_error_is_one_line_per_fault_and_status_2(tmp_path, capsys):
    assert command(tool, ["--cels", "a", "--out", str(tmp_path / "o"), "--rounds", "0"]) == EXIT_INPUT
    assert capsys.readouterr().err.splitlines() == [
        "error: rounds: found 0, allowed 1 or more",
        "error: sheet: also wrong",
    ]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--cels", "a"], "--out"),
        (["--cels", "a", "--out", "o", "--rounds", "x"], "--rounds"),
        (["--cels", "a", "--out", "o", "--bogus", "1"], "--bogus"),
    ],
)
def test_a_wrong_flag_is_one_line_that_names_it_and_status_2(arguments, word, capsys):
    assert command(tool, arguments) == EXIT_INPUT
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert word in line


def test_a_full_or_forbidden_place_is_one_line_and_status_2(capsys):
    def full(*, n: int) -> None:
        """Fill."""
        raise OSError(errno.ENOSPC, "No space left on device", "results/m.h5ad")

    assert command(full, ["--n", "1"]) == EXIT_INPUT
    assert capsys.readouterr().err == "error: results/m.h5ad: No space left on device\n"


def test_other_errors_are_not_hidden():
    def broken(*, n: int) -> None:
        """Break."""
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        command(broken, ["--n", "1"])
