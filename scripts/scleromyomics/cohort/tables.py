"""What the sheets alone say about a release: completeness, attrition, eligibility, planned verdicts.

Questions that are not computed get a result table of zero rows here, so that every cell of the question grid
has a table.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from scleromyomics.core.cli import entry_point
from scleromyomics.core.files import write_tsv
from scleromyomics.plan.attrition import Attrition, attrition
from scleromyomics.plan.completeness import Completeness, completeness
from scleromyomics.plan.eligibility import Outcome, outcomes
from scleromyomics.plan.study import Study
from scleromyomics.plan.verdicts import CellVerdict, planned_verdicts

COMPLETENESS = tuple(field.name for field in fields(Completeness))
ATTRITION = tuple(field.name for field in fields(Attrition))
ELIGIBILITY = tuple(field.name for field in fields(Outcome))
COUNTS = ("n_case", "n_reference", "n_participants", "n_pairs")
CELL = ("question", "kind", "title", "assay", "tissue", "reference_tissue", "cell_type")
PLANNED = (*CELL, "planned", "reason", *COUNTS, "remedy")

Row = Mapping[str, Any]


def table_rows(study: Study) -> list[list[Row]]:
    """The rows of the three tables of `study`'s release: completeness, eligibility, planned verdicts."""
    return [
        [{name: getattr(one, name) for name in COMPLETENESS} for one in completeness(study)],
        [{name: getattr(one, name) for name in ELIGIBILITY} for one in outcomes(study)],
        planned_rows(planned_verdicts(study)),
    ]


def attrition_rows(study: Study) -> list[Row]:
    """The rows of attrition.tsv."""
    return [{name: getattr(one, name) for name in ATTRITION} for one in attrition(study)]


def planned_rows(verdicts: Iterable[CellVerdict]) -> list[Row]:
    """Verdicts as the rows of planned.tsv."""
    return [
        {
            **asdict(one.cell),
            "kind": one.kind,
            "title": one.title,
            "cell_type": "",
            "planned": one.verdict,
            "reason": one.reason,
            **{name: getattr(one, name) for name in COUNTS},
            "remedy": one.remedy,
        }
        for one in verdicts
    ]


def write_tables(
    tables: Iterable[list[Row]], *, completeness: Path, eligibility: Path, planned: Path
) -> None:
    """Write the tables of `table_rows`."""
    paths = {completeness: COMPLETENESS, eligibility: ELIGIBILITY, planned: PLANNED}
    for (path, columns), rows in zip(paths.items(), tables, strict=True):
        write_tsv(path, columns, rows)


def run(
    *,
    study: Path,
    release: str,
    rows: str,
    completeness: Path,
    attrition: Path,
    eligibility: Path,
    planned: Path,
    compare: Path,
) -> None:
    """Write a release's cohort tables, and result tables of zero rows for questions that are no job.

    Args:
        study: the study directory.
        release: the wave up to which samples count.
        rows: digest of the sheets' rows that the job was planned with.
        completeness: the table of what was expected and received.
        attrition: the table of who is seen at each visit, and of lost against kept participants.
        eligibility: the table of criteria.
        planned: the table of planned verdicts.
        compare: the folder of the release's result tables.
    """
    from scleromyomics.core.results import COLUMNS, write_results
    from scleromyomics.plan.rows import Rows, cohort_study

    read = cohort_study(study, release=release, expected=rows)
    write_tables(table_rows(read), completeness=completeness, eligibility=eligibility, planned=planned)
    write_tsv(attrition, ATTRITION, attrition_rows(read))
    for cell in Rows(read).unasked:
        table = compare / cell.question / cell.assay / f"{cell.tissue}.parquet"
        write_results(table, dict.fromkeys(COLUMNS, ()), rows=0)


if __name__ == "__main__":
    entry_point(run)
