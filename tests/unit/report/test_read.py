import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scleromyomics.compare.families import COLUMNS
from scleromyomics.core.errors import InputError
from scleromyomics.core.results import schema_of, write_parquet
from scleromyomics.report.read import read_families

KEY = {
    "question": "q",
    "contrast": "a - b",
    "assay": "microarray",
    "tissue": "pbmc",
    "cell_type": "",
    "test": "abundance",
}


def part(features, q_family):
    numbers = {"p_value": 0.01, "q_value": 0.02, "p_table": 0.01, "q_table": 0.03}
    same = {**KEY, **numbers, "family": "between__microarray", "selected": True}
    rows = [
        {**same, "feature": name, "q_family": value} for name, value in zip(features, q_family, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=schema_of(COLUMNS))


def test_a_table_in_several_row_groups_is_counted_as_a_whole(tmp_path):
    path = tmp_path / "families.parquet"
    write_parquet(path, schema_of(COLUMNS), [part("abc", (0.01, 0.02, 0.04)), part("de", (0.05, 0.2))])
    (found,) = read_families(path, first=2).values()
    assert found.called == 4
    assert found.q_family == {"a": 0.01, "b": 0.02}
    assert (found.family, found.selected, found.q_table) == ("between__microarray", True, 0.03)


def test_a_release_without_a_tested_row_has_no_families(tmp_path):
    path = tmp_path / "families.parquet"
    write_parquet(path, schema_of(COLUMNS), [])
    assert read_families(path, first=2) == {}


def test_what_is_no_table_of_families_is_refused_by_name(tmp_path):
    path = tmp_path / "families.parquet"
    with pytest.raises(InputError, match=r"families.parquet: no such file"):
        read_families(path, first=2)
    path.write_text("text")
    with pytest.raises(InputError, match=r"families.parquet: not a whole Parquet file"):
        read_families(path, first=2)
    pq.write_table(part("a", [0.1]).drop_columns(["q_family"]), path)
    with pytest.raises(InputError, match=r"families.parquet: column q_family is absent"):
        read_families(path, first=2)
