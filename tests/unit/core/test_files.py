import hashlib

import pytest

from scleromyomics.core import files


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "table.tsv"
    target.write_text("old")

    def interrupted():
        with files.replacing(target) as path:
            path.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_write_makes_its_folder_and_keeps_the_suffix(tmp_path):
    with files.replacing(tmp_path / "a" / "b" / "m.npz") as path:
        assert path.suffix == ".npz"
        path.write_text("x")
    assert (tmp_path / "a" / "b" / "m.npz").read_text() == "x"


def test_the_same_value_gives_the_same_bytes(tmp_path):
    files.write_json(tmp_path / "1", {"b": 1, "a": [1.5, None, "é"]})
    files.write_json(tmp_path / "2", {"a": [1.5, None, "é"], "b": 1})
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    assert files.read_json(tmp_path / "1") == {"a": [1.5, None, "é"], "b": 1}


def test_json_refuses_what_is_not_a_number(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "x", {"a": float("nan")})
    assert not list(tmp_path.iterdir())


def test_a_table_comes_back_as_written(tmp_path):
    rows = [{"a": 1, "b": None, "c": True}, {"a": 0.1, "b": float("nan"), "c": "two\twords"}]
    files.write_tsv(tmp_path / "t.tsv", ["a", "b", "c"], rows)
    assert files.read_tsv(tmp_path / "t.tsv") == [
        {"a": "1", "b": "", "c": "true"},
        {"a": "0.1", "b": "", "c": "two\twords"},
    ]


def test_digests_of_files_are_those_of_their_bytes(tmp_path):
    (tmp_path / "f").write_bytes(b"x" * 3_000_000)
    assert files.sha256(tmp_path / "f") == hashlib.sha256(b"x" * 3_000_000).hexdigest()
    assert files.md5(tmp_path / "f") == hashlib.md5(b"x" * 3_000_000, usedforsecurity=False).hexdigest()


def test_a_digest_follows_the_value_and_not_the_order_of_keys():
    assert files.digest({"a": 1, "b": 2}) == files.digest({"b": 2, "a": 1})
    assert files.digest([1, 2]) != files.digest([2, 1])
