"""Bytes come whole or not at all, and fields of many lines at once are those that a loop would take."""

from pathlib import Path

import numpy as np
import pytest

from scleromyomics.core.errors import InputError
from scleromyomics.microarray.raw import Text, content, decoded, shown


def text(folder: Path, letters: str) -> Text:
    path = folder / "t.txt"
    path.write_bytes(letters.encode())
    return Text(path, content(path))


def test_fields_are_those_of_a_loop_over_lines(tmp_path: Path) -> None:
    rows = [["a", " 12", "3"], ["", "0", "44", "x"], ["bcd", "  7", ""], ["e", "999999999999999999", ""]]
    for end in ("\n", "\r\n"):
        table = text(tmp_path, end.join(["head", *("\t".join(row) for row in rows), ""]))
        found = table.rows(np.arange(1, 5))
        assert found.count.tolist() == [3, 4, 3, 3]
        assert found.strings(0).tolist() == [row[0].encode() for row in rows]
        assert found.strings(2).tolist() == [row[2].encode() for row in rows]
        assert found.integers(1).tolist() == [int(row[1]) for row in rows]
        assert table.starting(b"b").tolist() == [3]
        with pytest.raises(InputError, match="3 fields in line 2; allowed: at least 4"):
            found.strings(3)


@pytest.mark.parametrize("bad", ["", "-1", "1.0", "1 ", "x", "9" * 19, "é"])
def test_what_is_no_whole_number_is_named_with_its_line(tmp_path: Path, bad: str) -> None:
    table = text(tmp_path, f"1\n{bad}\n3\n")
    with pytest.raises(InputError, match=r"t\.txt: found '.*' in line 2; allowed: a whole number"):
        table.rows(np.arange(3)).integers(0)


def test_a_name_that_is_not_printable_ascii_is_refused() -> None:
    path = Path("t.txt")
    assert decoded(path, np.array([b"1007_s_at", b"a b"])).tolist() == ["1007_s_at", "a b"]
    for bad in (b"", b"a\x01", "é".encode()):
        with pytest.raises(InputError, match=r"found the name '.*'; allowed: printable ASCII letters"):
            decoded(path, np.array([b"1007_s_at", bad]))


def test_what_a_broken_file_says_is_cited_on_one_short_line() -> None:
    assert shown("a\nb\x07") == r"'a\nb\x07'"
    assert len(shown("x" * 1000)) < 50
