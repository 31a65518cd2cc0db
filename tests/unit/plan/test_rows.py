import shutil

import pytest

from scleromyomics.core.errors import InputError
from scleromyomics.plan.rows import Rows, matrix_rows, rows_digest
from scleromyomics.plan.study import load_study


@pytest.fixture
def study(tiny, tmp_path):
    """The sheets of the tiny study, to be changed."""
    ignore = shutil.ignore_patterns("raw", "results", "truth")
    return shutil.copytree(tiny, tmp_path / "study", ignore=ignore)


def replace_in(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


KEY = {"assay": "microarray", "tissue": "pbmc", "timepoint": "D1"}


def digests(study):
    rows = Rows(load_study(study))
    return {
        "freeze": rows_digest(rows.freeze(assay="microarray", freeze="F1", platform="ToyHG")),
        "release": rows_digest(rows.release(assay="microarray")),
        "D1": rows_digest(rows.matrix(**KEY)),
        "M12": rows_digest(rows.matrix(**KEY | {"timepoint": "M12"})),
        "cohort": rows_digest(rows.cohort()),
    }


def changed(before, after):
    return {name for name in before if before[name] != after[name]}


def test_the_order_of_rows_changes_nothing(study):
    before = digests(study)
    for sheet in study.glob("*.tsv"):
        header, *rows = sheet.read_text().splitlines(keepends=True)
        sheet.write_text(header + "".join(reversed(rows)))
    assert digests(study) == before


def test_a_batch_changes_what_uses_it(study):
    before = digests(study)
    replace_in(study / "samples.tsv", "\tToyHG\tb1\t", "\tToyHG\tb9\t")
    assert changed(before, digests(study)) == {"release", "D1", "cohort"}


def test_the_place_of_the_study_changes_nothing(study, tmp_path):
    assert digests(shutil.copytree(study, tmp_path / "else where")) == digests(study)


def test_a_job_refuses_rows_that_changed_since_it_was_planned(study):
    expected = digests(study)["D1"]
    assert matrix_rows(study, release="W2", expected=expected, **KEY)
    replace_in(study / "samples.tsv", "\tToyHG\tb1\t", "\tToyHG\tb9\t")
    with pytest.raises(
        InputError, match=r"the sheets or config\.yaml changed while the workflow ran; start it again"
    ):
        matrix_rows(study, release="W2", expected=expected, **KEY)


def test_paths_are_relative_to_the_study(study):
    rows = Rows(load_study(study)).matrix(**KEY)
    assert not any(row.profile.is_absolute() for row in rows)
    assert len({row.profile for row in rows}) == len(rows)
