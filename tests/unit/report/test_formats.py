import pytest

from scleromyomics.report.formats import counted, interval, names, number, probability, sizes


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.00"),
        (-0.12345, "−0.123"),
        (12.345, "12.3"),
        (123.4, "123"),
        (12345.6, "12,346"),
        (0.00012345, "1.23 × 10⁻⁴"),
        (-2.5e7, "−2.50 × 10⁷"),
        (999.7, "1,000"),
        (0.0, "0.00"),
        (float("nan"), "–"),
        (None, "–"),
    ],
)
def test_numbers_have_three_significant_digits_and_true_minus_signs(value, text):
    assert number(value) == text


def test_an_interval_reads_without_mistaking_a_dash_for_a_minus():
    assert interval(-1.5, -0.25) == "−1.50 to −0.250"


def test_a_probability_too_small_for_a_double_is_a_bound():
    assert probability(0.0) == "< 1 × 10⁻³⁰⁰"
    assert probability(0.0312) == "0.0312"
    assert probability(float("nan")) == "–"


def test_long_lists_are_cut_and_counted():
    assert names(["a", "b"]) == "a, b"
    assert names(list("abcdefg")) == "a, b, c, d, e and 2 more"


def test_one_has_no_plural():
    assert (counted(1, "array"), counted(1200, "array")) == ("1 array", "1,200 arrays")


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ((8, 7, 15, 0), "8 vs 7"),
        ((8, 0, 8, 0), "8"),
        ((8, 0, 8, 6), "8 (6 complete pairs)"),
        ((8, 7, 15, 9), "8 vs 7 (9 complete pairs)"),
        ((0, 0, 0, 0), "none"),
    ],
)
def test_participants_are_counted_by_side_with_their_complete_pairs(counts, text):
    assert sizes(**dict(zip(("case", "reference", "people", "pairs"), counts, strict=True))) == text
