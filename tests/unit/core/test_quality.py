"""A value beyond its limits has one line that says what was found and what is allowed."""

import pytest

from scleromyomics.core.quality import fault, sex_fault

TOP = float("inf")


@pytest.mark.parametrize(
    ("value", "lowest", "highest", "unit", "lines"),
    [
        (2.0, 0.0, 1.0, "log2", ["x: found 2; allowed at most 1 log2"]),
        (2.0, -TOP, 1.0, "", ["x: found 2; allowed at most 1"]),
        (0.12345, 0.5, TOP, "of all", ["x: found 0.123; allowed at least 0.5 of all"]),
        (-3.0, -1.0, 1.0, "log2", ["x: found -3; allowed -1 to 1 log2"]),
        (0.7, 0.5, 1.0, "", []),
        (None, 0.5, 1.0, "", []),
    ],
)
def test_only_what_lies_beyond_is_named(
    value: float | None, lowest: float, highest: float, unit: str, lines: list[str]
) -> None:
    assert fault("x", value, lowest=lowest, highest=highest, unit=unit) == lines


def test_only_a_sex_that_contradicts_the_sheet_is_a_fault() -> None:
    assert sex_fault("F", "M", by="genes") == ["sex: found F by genes; the sheet says M"]
    assert [sex_fault(call, "M", by="genes") for call in ("M", "undetermined", None)] == [[], [], []]
