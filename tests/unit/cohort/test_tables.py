"""The cohort tables say what the sheets say, the same bytes each time, and every unasked cell has a table."""

import pytest
from cohorts import Cohorts

from scleromyomics.cohort.tables import COMPLETENESS, ELIGIBILITY, PLANNED, run, table_rows
from scleromyomics.core.errors import InputError
from scleromyomics.core.files import read_tsv
from scleromyomics.core.results import read_results
from scleromyomics.plan.cells import cells
from scleromyomics.plan.rows import Rows, rows_digest
from scleromyomics.plan.study import load_study


def written(study, folder, **changes):
    """Call the job as the workflow does; the paths of its four tables and the folder of results."""
    paths = {name: folder / f"{name}.tsv" for name in ("completeness", "attrition", "eligibility", "planned")}
    read = load_study(study)
    call = {"study": study, "release": read.release, "rows": rows_digest(Rows(read).cohort()), **changes}
    run(**call, **paths, compare=folder / "compare")
    return paths, folder / "compare"


def test_rows_have_the_columns_of_their_table():
    cohorts = Cohorts()
    for population in (3, 4):
        for name in cohorts.people(population, 2):
            cohorts.sample(name)
    for rows, columns in zip(table_rows(cohorts.study()), (COMPLETENESS, ELIGIBILITY, PLANNED), strict=True):
        assert rows
        assert all(set(row) == set(columns) for row in rows)


def test_the_order_of_rows_in_the_sheets_does_not_matter():
    tables = []
    for order in (1, -1):
        cohorts = Cohorts()
        names = [*cohorts.people(3, 3), *cohorts.people(4, 3)]
        for name in names[::order]:
            cohorts.sample(name)
            cohorts.event(name, 300, "complication", "ild")
        tables.append(table_rows(cohorts.study()))
    assert tables[0] == tables[1]


def test_every_cell_of_the_grid_has_one_planned_verdict(tiny, tmp_path):
    paths, _ = written(tiny, tmp_path)
    planned = read_tsv(paths["planned"])
    found = [(row["question"], row["assay"], row["tissue"]) for row in planned]
    assert found == [(one.question, one.assay, one.tissue) for one in cells(load_study(tiny))]
    assert {row["planned"] for row in planned} <= {"RUN", "CAUTION", "SKIP"}
    assert all(row["reason"] for row in planned)


def test_the_same_study_gives_the_same_bytes(tiny, tmp_path):
    first, _ = written(tiny, tmp_path / "first")
    second, _ = written(tiny, tmp_path / "second")
    assert all(first[name].read_bytes() == second[name].read_bytes() for name in first)


def test_cells_that_are_no_job_get_a_table_of_zero_rows(tiny, tmp_path):
    _, compare = written(tiny, tmp_path)
    tables = sorted(compare.rglob("*.parquet"))
    assert len(tables) == len(Rows(load_study(tiny)).unasked)
    assert all(read_results(path).num_rows == 0 for path in tables[:5])


def test_sheets_that_changed_since_the_plan_are_refused(tiny, tmp_path):
    with pytest.raises(InputError, match="changed while the workflow ran"):
        written(tiny, tmp_path, rows="0" * 12)
    assert not list(tmp_path.iterdir())
