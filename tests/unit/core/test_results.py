import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scleromyomics.core.errors import InputError
from scleromyomics.core.results import COLUMNS, read_results, schema, write_results

BLANK = {"string": "", "int32": 0, "double": np.nan}


def columns(**given):
    blank = {name: BLANK[kind] for name, kind in COLUMNS.items()}
    return blank | {"question": "ssc_vs_control", "test": "abundance", "verdict": "RUN"} | given


def example():
    return columns(
        feature=np.array(["c", "a", "b", "d"]),
        p_value=np.array([0.2, np.nan, 0.01, 0.01]),
        estimate=np.array([1.0, 2.0, 3.0, 4.0]),
        n_case=8,
    )


def test_columns_and_their_order_are_those_of_the_design():
    text = """
        question contrast assay tissue reference_tissue cell_type test feature gene_symbol estimate se ci_low
        ci_high unit statistic df p_value q_value mde n_samples n_case n_reference n_participants n_pairs
        estimate_pairs p_pairs estimate_unadjusted flag formula method verdict
    """
    assert schema().names == text.split()


def test_rows_are_sorted_by_p_value_then_feature_and_untested_ones_come_last(tmp_path):
    write_results(tmp_path / "r.parquet", example(), rows=4)
    table = read_results(tmp_path / "r.parquet")
    assert table["feature"].to_pylist() == ["b", "d", "c", "a"]
    assert table["estimate"].to_pylist() == [3.0, 4.0, 1.0, 2.0]


def test_scalars_fill_every_row_and_absent_numbers_are_null(tmp_path):
    write_results(tmp_path / "r.parquet", example(), rows=4)
    table = read_results(tmp_path / "r.parquet")
    assert table["n_case"].to_pylist() == [8] * 4
    assert table["p_value"].to_pylist() == [0.01, 0.01, 0.2, None]
    assert table["mde"].null_count == 4
    assert table["flag"].to_pylist() == [""] * 4


def test_the_same_rows_in_any_order_give_the_same_bytes(tmp_path):
    turned = {name: value[::-1] if np.ndim(value) else value for name, value in example().items()}
    digests = set()
    for name, content in [("a", example()), ("b", example()), ("c", turned)]:
        write_results(tmp_path / name, content, rows=4)
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1


def test_a_table_of_zero_rows_keeps_its_columns(tmp_path):
    write_results(tmp_path / "r.parquet", columns(), rows=0)
    table = read_results(tmp_path / "r.parquet")
    assert table.num_rows == 0
    assert table.schema.equals(schema())


def test_zero_rows_may_come_as_empty_arrays(tmp_path):
    write_results(tmp_path / "r.parquet", {name: [] for name in COLUMNS}, rows=0)
    assert read_results(tmp_path / "r.parquet").num_rows == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"p_valu": 0.5}, r"absent or unknown columns: \['p_valu'\]"),
        ({"test": "abundence"}, "test 'abundence'; allowed: abundance, composition"),
        ({"estimate": np.zeros(3)}, r"column estimate: shape \(3,\) for 4 rows"),
        ({"flag": None}, "column flag: texts expected"),
        ({"n_case": np.nan}, "column n_case: whole numbers expected, found float64"),
    ],
)
def test_what_does_not_fit_the_schema_is_refused_and_nothing_written(tmp_path, change, words):
    with pytest.raises(ValueError, match=words):
        write_results(tmp_path / "r.parquet", example() | change, rows=4)
    assert list(tmp_path.iterdir()) == []


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"r\.parquet: no such file; a result table was expected"):
        read_results(tmp_path / "r.parquet")


def test_a_cut_file_is_named(tmp_path):
    path = tmp_path / "r.parquet"
    write_results(path, example(), rows=4)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"r\.parquet: not a whole Parquet file"):
        read_results(path)


def test_a_flipped_byte_is_noticed(tmp_path):
    path = tmp_path / "r.parquet"
    write_results(
        path, columns(estimate=np.linspace(0, 1, 999), feature=np.arange(999).astype(str)), rows=999
    )
    content = bytearray(path.read_bytes())
    content[len(content) // 4] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"r\.parquet: not a whole Parquet file"):
        read_results(path)


def test_another_table_is_refused_with_the_column_that_differs(tmp_path):
    pq.write_table(pa.table({"question": ["q"]}), tmp_path / "r.parquet")
    with pytest.raises(InputError, match=r"r\.parquet: not a result table: question differs from the schema"):
        read_results(tmp_path / "r.parquet")
