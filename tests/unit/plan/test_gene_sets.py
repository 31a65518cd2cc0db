"""Curated gene sets, and those that a study brings."""

import re
import shutil

import pytest

from scleromyomics.core.errors import InputError
from scleromyomics.core.files import read_tsv
from scleromyomics.plan.gene_sets import CURATED, read_gene_sets
from scleromyomics.plan.targets import load_plan


@pytest.fixture
def gmt(tmp_path):
    def write(text, name="own.gmt"):
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path / name

    return write


def test_every_curated_gene_has_a_paper_and_is_in_a_set_once():
    rows = read_tsv(CURATED)
    assert len({(row["gene_set"], row["gene_symbol"]) for row in rows}) == len(rows)
    assert all(re.search(r"^\S+ \d{4}.* doi:10\.\d{4,}/\S+$", row["source"]) for row in rows)
    assert all(re.fullmatch(r"[A-Z][A-Z0-9]*(-[A-Z0-9]+)?", row["gene_symbol"]) for row in rows)
    assert rows == sorted(rows, key=lambda row: (row["gene_set"], row["gene_symbol"]))


def test_curated_sets_are_small_and_name_their_papers():
    sets = read_gene_sets([])
    assert len(sets) == 19
    assert all(10 <= len(one.genes) <= 25 and "doi:" in one.source for one in sets)


def test_a_gmt_file_adds_its_sets_sorted_by_name(gmt):
    added = read_gene_sets([gmt("zebra\tabout\tA\tB\tA\t\n\naxis\t\tC\tD\n")])
    assert [one.name for one in added] == sorted(one.name for one in added)
    own = {one.name: (one.source, one.genes) for one in added if one.source == "own.gmt"}
    assert own == {"zebra": ("own.gmt", ("A", "B")), "axis": ("own.gmt", ("C", "D"))}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", r"own\.gmt: is empty; allowed: a gene set per line"),
        (
            "one\tabout\tA\tB\nname,about,A,B\n",
            r"own\.gmt, line 2: 1 columns; allowed: name, description, 2 genes or more",
        ),
        ("one\tabout\tA\n", r"own\.gmt, line 1: 3 columns"),
        ("one\tabout\tA\tA\n", r"line 1: 'one' has 1 genes; allowed: at least 2 different ones"),
        ("\tabout\tA\tB\n", r"line 1: no name; allowed: a name in the first column"),
        (
            "one\t\tA\tB\none\t\tC\tD\n",
            r"line 2: 'one' is there already \(own\.gmt\); allowed: each name once",
        ),
        ("t_cell\t\tA\tB\n", r"line 1: 't_cell' is there already \(.*doi.*\)"),
        (b"one\t\tA\tB\xff\n", r"own\.gmt: cannot be read .*; allowed: a GMT file, UTF-8"),
    ],
)
def test_a_fault_is_one_line_with_file_line_and_what_is_allowed(gmt, text, words):
    with pytest.raises(InputError, match=words) as error:
        read_gene_sets([gmt(text)])
    assert len(str(error.value).splitlines()) == 1


def test_all_faults_of_all_files_are_told_at_once(gmt, tmp_path):
    with pytest.raises(InputError) as error:
        read_gene_sets([tmp_path / "none.gmt", gmt("a\tb\n"), gmt("c\td\nc\td\te\tf\n", "more.gmt")])
    assert [line.partition(".gmt")[0].rpartition("/")[2] for line in str(error.value).splitlines()] == [
        "none",
        "own",
        "more",
    ]


def test_the_plan_stops_at_a_file_of_sets_that_is_not_there(tiny, tmp_path):
    study = shutil.copytree(tiny, tmp_path / "study")
    with (study / "config.yaml").open("a") as config:
        config.write("\ngene_sets: [references/own.gmt]\n")
    with pytest.raises(InputError, match=r"references/own\.gmt: does not exist"):
        load_plan(study, overrides={})
