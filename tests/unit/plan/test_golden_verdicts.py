"""Each golden cohort gets the verdict table that was read and committed for it, to the letter."""

from pathlib import Path

import pytest
from golden_cohorts import CASES, held_by_quality, table

from scleromyomics.core.files import read_tsv
from scleromyomics.plan.verdicts import planned_verdicts

TABLES = Path(__file__).parents[2] / "reference" / "verdicts"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_the_verdicts_are_those_of_the_table(case):
    assert table(case) == read_tsv(TABLES / f"{case.__name__}.tsv")


def test_every_table_has_its_cohort():
    assert {path.stem for path in TABLES.glob("*.tsv")} == {case.__name__ for case in CASES}


def test_what_quality_holds_back_turns_run_into_skip():
    study, held = held_by_quality()
    before, after = (
        {(one.cell.question, one.cell.assay, one.cell.tissue): one.verdict for one in verdicts}
        for verdicts in (planned_verdicts(study), planned_verdicts(study, held))
    )
    turned = {key[0] for key, verdict in before.items() if (verdict, after[key]) == ("RUN", "SKIP")}
    assert turned == {"ssc_change_d1_m12", "ssc_change_vs_control_d1_m12", "ssc_vs_control_m12"}
