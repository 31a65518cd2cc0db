import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scleromyomics.compare.families import COLUMNS
from scleromyomics.core.errors import InputError
from scleromyomics.core.results import COLUMNS as RESULTS
from scleromyomics.core.results import schema_of, write_parquet, write_results
from scleromyomics.describe.profiles import describe, write_profiles
from scleromyomics.report.read import read_answers, read_families, read_profiles

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


def test_rows_without_an_estimate_or_a_p_are_counted_by_their_flag(tmp_path):
    n = 50
    p_value, estimate = np.full(n, np.nan), np.full(n, np.nan)
    p_value[:3], estimate[:4] = [0.1, 0.2, 0.3], 1.0
    columns = {name: {"string": "", "int32": 0, "double": np.nan}[kind] for name, kind in RESULTS.items()}
    columns |= {"test": "dosage", "unit": "log odds ratio", "p_value": p_value, "estimate": estimate}
    columns |= {"feature": [f"f{i:02d}" for i in range(n)], "n_case": np.arange(n), "n_samples": 60}
    columns["flag"] = ["", "", "missing values", "outlier"] + ["not called"] * 6 + ["does not vary"] * 40
    write_results(tmp_path / "t.parquet", columns, rows=n)
    (found,) = read_answers([tmp_path / "t.parquet"]).values()
    rest = sorted(zip(found["flag"][4:], found["rows"][4:], found["n_case"][4:], strict=True))
    assert rest == [("does not vary", 40, 49), ("not called", 6, 9)]
    assert found["feature"].tolist() == ["f00", "f01", "f02", "f03", "", ""]
    assert found["rows"][:4].tolist() == [1] * 4
    assert found["rows"].sum() == n
    assert set(found["unit"]) == {"log odds ratio"}
    assert found["n_samples"].max() == 60


def test_profiles_are_summed_up_by_group_timepoint_and_unit(tmp_path):
    values = np.random.default_rng(1).normal(size=(6, 40))
    values[:, 0] = np.nan
    names = [f"f{i:02d}" for i in range(40)]
    fixed = {"assay": "variants", "tissue": "pbmc", "timepoint": "D1", "batches": "b1;b2"}
    parts = [
        fixed
        | {"group": group, "unit": unit, "feature": names, "gene_symbol": names}
        | describe(values[:people])
        for group, unit, people in (("ssc", "x", 6), ("ssc", "y", 1), ("im", "x", 4))
    ]
    write_profiles(tmp_path / "t.parquet", parts)
    found = read_profiles(tmp_path / "t.parquet")
    assert list(zip(*(found[name] for name in ("group", "unit", "n_participants")), strict=True)) == [
        ("im", "x", 4),
        ("ssc", "x", 6),
        ("ssc", "y", 1),
    ]
    np.testing.assert_allclose(found["sd"][1], np.median(values[:, 1:].std(axis=0, ddof=1)))
    assert np.isnan(found["sd"][2])


def test_profiles_of_nobody_are_none(tmp_path):
    write_profiles(tmp_path / "t.parquet", [])
    assert read_profiles(tmp_path / "t.parquet")["group"].tolist() == []
