"""A sample's column of an expression table is read whole, or refused in one line."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from data import real_data

from scleromyomics.core.errors import InputError
from scleromyomics.microarray.table import read_table

TSV = "\ts1\ts2\nb_at\t1.5\t2\na_at\t-0.25\t1e1\nc_at\tNA\t3\n"
SERIES = (
    '!Series_title\t"x"\n!Sample_title\t"a"\t"b"\n\n!series_matrix_table_begin\n"ID_REF"\t"GSM1"\t"GSM2"\n'
    '"b_at"\t1.5\t2\n"a_at"\t-0.25\t10\n"c_at"\t\tnull\n!series_matrix_table_end\n'
)


def table(folder: Path, text: str) -> Path:
    path = folder / "t.tsv"
    path.write_bytes(text.encode())
    return path


def test_both_kinds_give_the_column_sorted_by_feature(tmp_path: Path) -> None:
    for kind, text, columns in (("table", TSV, ("s1", "s2")), ("series_matrix", SERIES, ("GSM1", "GSM2"))):
        for content in (text.encode(), gzip.compress(text.encode()), text.replace("\n", "\r\n").encode()):
            (tmp_path / "t").write_bytes(content)
            first = read_table(tmp_path / "t", kind, columns[0])
            assert first.features.tolist() == ["a_at", "b_at"]
            np.testing.assert_array_equal(first.values, [-0.25, 1.5])
            assert first.n_missing == 1
            second = read_table(tmp_path / "t", kind, columns[1])
            np.testing.assert_array_equal(second.values[:2], [10, 2])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TSV[:-1], "a text file cut in the middle of its last line"),
        (TSV.replace("\t2\n", "\n"), "2 fields in line 2; allowed: 3, as in the header"),
        (TSV.replace("s2", "s1"), "2 columns 's1' among 2; allowed: one of that name"),
        (TSV.replace("s1", "other"), "0 columns 's1' among 2; .*the table has 'other, s2'"),
        (TSV.replace("b_at", "a_at"), "feature 'a_at' twice; allowed: each once"),
        (TSV.replace("b_at", ""), "the name ''; allowed: printable ASCII"),
        (TSV.replace("1.5", "1,5"), "a value that is no number .*1,5.*; allowed: numbers"),
        (TSV.replace("b_at", "x" * 600), "a field of 600 letters; allowed: at most 512"),
        ("\ts1\n", "1 lines in the table; allowed: a header and one line per feature"),
        ("<html><body>not found</body></html>\n", "a web page"),
        ("", "an empty file"),
    ],
)
def test_a_broken_table_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_table(table(tmp_path, text), "table", "s1")


def test_a_series_matrix_cut_anywhere_is_refused(tmp_path: Path) -> None:
    for length in range(len(SERIES) - 1):
        with pytest.raises(InputError, match=r"^file .*; allowed: "):
            read_table(table(tmp_path, SERIES[:length]), "series_matrix", "GSM1")


def test_a_table_is_no_series_matrix(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\(0 begin and 0 end marks of the table\); allowed: one of each"):
        read_table(table(tmp_path, TSV), "series_matrix", "s1")


def test_a_real_table_is_read_in_full() -> None:
    path = real_data("microarray/golub_aml_all/golub_merge_expression.tsv.gz")
    found = read_table(path, "table", "72")
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    at = lines[0].split("\t").index("72")
    expected = {line.split("\t")[0]: float(line.split("\t")[at]) for line in lines[1:]}
    assert dict(zip(found.features.tolist(), found.values.tolist(), strict=True)) == expected
