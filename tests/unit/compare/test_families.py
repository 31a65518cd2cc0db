"""From result tables to q_family: who is in which family, and what the file holds."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from scleromyomics.compare.families import COLUMNS, run
from scleromyomics.core.results import COLUMNS as RESULT_COLUMNS
from scleromyomics.core.results import write_results
from scleromyomics.stats.families import adjust_family

KINDS = ["first=between", "second=between", "third=within"]
EMPTY = {"string": "", "int32": 0, "double": np.nan}


def result(path, *, question, p_values, assay="microarray", tissue="pbmc", cell_type="", **more):
    p_values = np.asarray(p_values, dtype=float)
    columns = {name: EMPTY[kind] for name, kind in RESULT_COLUMNS.items()} | {
        "question": question,
        "contrast": "a - b",
        "assay": assay,
        "tissue": tissue,
        "cell_type": cell_type,
        "test": "abundance",
        "feature": [f"f{number}" for number in range(p_values.size)],
        "p_value": p_values,
    }
    write_results(path, columns | more, rows=p_values.size)
    return path


def families(tmp_path, tables, kinds=KINDS):
    run(kinds=kinds, tables=tables, families=tmp_path / "families.parquet")
    return pq.read_table(tmp_path / "families.parquet").to_pandas()


@pytest.fixture
def tables(tmp_path):
    rng = np.random.default_rng(1)
    return [
        result(tmp_path / "a", question="first", p_values=rng.random(50) ** 6),
        result(tmp_path / "b", question="first", tissue="skin_healthy", p_values=rng.random(40)),
        result(tmp_path / "c", question="second", p_values=rng.random(30) ** 3),
        result(tmp_path / "d", question="second", assay="proteomics", p_values=rng.random(20)),
        result(tmp_path / "e", question="third", p_values=rng.random(10) ** 9),
    ]


def test_a_family_is_a_kind_of_question_in_an_assay(tmp_path, tables):
    found = families(tmp_path, tables).groupby("family").size().to_dict()
    assert found == {"between__microarray": 120, "between__proteomics": 20, "within__microarray": 10}


def test_every_table_of_a_family_is_adjusted_with_the_others(tmp_path, tables):
    found = families(tmp_path, tables)
    one = [
        rows for _, rows in found[found["family"] == "between__microarray"].groupby(["question", "tissue"])
    ]
    expected = adjust_family([rows["p_value"].to_numpy() for rows in one])
    for place, rows in enumerate(one):
        np.testing.assert_array_equal(rows["q_family"], expected.q_family[place])
        np.testing.assert_array_equal(rows["q_value"], expected.q_value[place])
        assert set(rows["p_table"]) == {expected.p_table[place]}
        assert set(rows["q_table"]) == {expected.q_table[place]}
    assert ((found["q_table"] <= 0.05) == found["selected"]).all()
    assert found["selected"].nunique() == 2


def test_cell_types_contrasts_and_tests_of_one_file_are_tables_of_their_own(tmp_path):
    cell_type = ["b", "b", "a", "a"]
    path = result(tmp_path / "a", question="first", p_values=[0.01, 0.02, 0.03, 0.04], cell_type=cell_type)
    found = families(tmp_path, [path])
    assert found[["cell_type", "p_table"]].drop_duplicates().to_numpy().tolist() == [["a", 0.04], ["b", 0.02]]


def test_a_question_that_checks_another_one_is_in_no_family(tmp_path, tables):
    found = families(tmp_path, tables, kinds=["first=between", "third=within"])
    assert set(found["question"]) == {"first", "third"}


def test_rows_and_tables_without_a_test_do_not_count(tmp_path, tables):
    before = families(tmp_path, tables)
    more = [
        result(tmp_path / "x", question="first", tissue="muscle", p_values=[]),
        result(tmp_path / "y", question="second", tissue="muscle", p_values=[np.nan, np.nan]),
    ]
    assert families(tmp_path, [*tables, *more]).equals(before)
    half = result(tmp_path / "z", question="first", tissue="muscle", p_values=[0.5, np.nan])
    assert len(families(tmp_path, [*tables, half])) == len(before) + 1


def test_the_order_of_the_files_does_not_change_a_byte(tmp_path, tables):
    families(tmp_path, tables)
    content = (tmp_path / "families.parquet").read_bytes()
    families(tmp_path, tables[::-1], kinds=KINDS[::-1])
    assert (tmp_path / "families.parquet").read_bytes() == content


def test_without_tables_the_file_has_its_columns(tmp_path):
    assert families(tmp_path, None).columns.tolist() == list(COLUMNS)
