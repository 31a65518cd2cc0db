"""Reasons are short plain words."""

import pytest

from scleromyomics.plan.reasons import dropped, incomplete, joined, left_out, listed, number, unadjustable


@pytest.mark.parametrize(
    ("count", "what", "rest", "expected"),
    [
        (1, "more complete pairs", "at M12", "1 more complete pair at M12"),
        (2, "more complete pairs", "at M12", "2 more complete pairs at M12"),
        (1, "SSc", "", "1 SSc"),
        (0, "SSc controls", "", "0 SSc controls"),
    ],
)
def test_one_is_singular(count, what, rest, expected):
    assert number(count, what, rest) == expected


def test_long_lists_are_cut_after_four_names():
    assert listed(["b3", "b1", "b1", "b2"]) == "b1, b2, b3"
    assert listed(f"b{i}" for i in range(9)) == "b0, b1, b2, b3 and 5 more"


def test_names_are_joined_as_in_a_sentence():
    assert [joined(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]


def test_equal_reasons_are_counted_by_their_kind():
    reasons = {"A": "held back: NUSE 1.3", "B": "held back: RLE 0.4", "C": "overlap syndrome"}
    assert left_out(reasons) == ("3 left out (2 held back, 1 overlap syndrome)",)
    assert incomplete({"A": "no M12 visit", "B": "no M12 visit"}) == ("2 incomplete (no M12 visit)",)
    assert left_out({}) == incomplete({}) == dropped({}) == ()


def test_covariates_that_are_needed_are_named_with_why_they_are_not_in_the_model():
    lacking = {"sex": "aliased with case", "age": "only 2 residual df with it"}
    words = "cannot be adjusted for sex (aliased with case) and age (only 2 residual df with it)"
    assert unadjustable(lacking) == words
