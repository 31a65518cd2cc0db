"""The columns of the sheets follow the protocol."""

import pytest

from scleromyomics.plan.defaults import default_protocol
from scleromyomics.plan.protocol import Protocol
from scleromyomics.plan.sheets.columns import FIXED, SHEETS, columns


@pytest.mark.parametrize("sheet", SHEETS)
def test_column_names_are_unique(sheet: str) -> None:
    names = [column.name for column in columns(sheet, default_protocol())]
    assert len(set(names)) == len(names)


def test_measures_and_criteria_of_the_protocol_are_columns() -> None:
    protocol = default_protocol()
    visits = [column.name for column in columns("visits", protocol)]
    assert visits == [*FIXED["visits"], *protocol.measures]
    people = [column.name for column in columns("participants", protocol)]
    assert {one.field for one in protocol.eligibility} <= set(people)
    assert people.count("age") == 1


def test_a_measure_declared_in_the_protocol_is_read_with_its_type() -> None:
    data = default_protocol().model_dump(mode="json") | {
        "measures": {"stage": {"label": "Stage", "type": "category", "levels": ["early", "late"]}},
        "questions": [],
    }
    data["populations"] = {int(number): one for number, one in data["populations"].items()}
    stage = next(one for one in columns("visits", Protocol.model_validate(data)) if one.name == "stage")
    assert stage.parse("early") == "early"
    with pytest.raises(ValueError, match="is not in the list"):
        stage.parse("middle")
