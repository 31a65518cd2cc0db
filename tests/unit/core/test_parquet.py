"""Parquet files keep their schema and their bytes."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scleromyomics.core.errors import InputError
from scleromyomics.core.files import sha256
from scleromyomics.core.parquet import read_parquet, schema_of, write_parquet

SCHEMA = schema_of({"name": "string", "n": "int32", "value": "double"})


def part(*names):
    return pa.table([list(names), [1] * len(names), [None] * len(names)], schema=SCHEMA)


def test_parts_are_row_groups_and_read_as_one_table(tmp_path):
    write_parquet(tmp_path / "a.parquet", SCHEMA, [part("x", "y"), part("z")])
    assert pq.ParquetFile(tmp_path / "a.parquet").num_row_groups == 2
    assert read_parquet(tmp_path / "a.parquet", SCHEMA, "a table")["name"].to_pylist() == ["x", "y", "z"]


def test_no_part_is_an_empty_table(tmp_path):
    write_parquet(tmp_path / "a.parquet", SCHEMA, [])
    assert read_parquet(tmp_path / "a.parquet", SCHEMA, "a table").num_rows == 0


def test_the_same_parts_give_the_same_bytes(tmp_path):
    for name in "ab":
        write_parquet(tmp_path / name, SCHEMA, [part("x")])
    assert sha256(tmp_path / "a") == sha256(tmp_path / "b")


def test_a_failed_write_leaves_nothing(tmp_path):
    def parts():
        yield part("x")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_parquet(tmp_path / "a", SCHEMA, parts())
    assert list(tmp_path.iterdir()) == []


def test_another_schema_an_absent_and_a_damaged_file_are_refused_in_words(tmp_path):
    path = tmp_path / "a.parquet"
    with pytest.raises(InputError, match="no such file; a list was expected"):
        read_parquet(path, SCHEMA, "a list")
    write_parquet(path, SCHEMA, [part("x")])
    with pytest.raises(InputError, match="not a list: n differs from the schema"):
        read_parquet(path, schema_of({"name": "string", "n": "double", "value": "double"}), "a list")
    with pytest.raises(InputError, match="not a list: more differs from the schema"):
        read_parquet(
            path, schema_of({"name": "string", "n": "int32", "value": "double", "more": "double"}), "a list"
        )
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match="not a whole Parquet file"):
        read_parquet(path, SCHEMA, "a list")
