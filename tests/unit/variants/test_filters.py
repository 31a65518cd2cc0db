"""Filters are named expressions; each is judged where the records have what it asks for, and nowhere else."""

import pytest

from scleromyomics.core.errors import InputError
from scleromyomics.plan.config.variants import Calling
from scleromyomics.variants.filters import of_blocks, of_files, parse, telling, words

TEXTS = [
    "low_depth=FMT/DP < 5",
    "strand_bias=FMT/SP > 60",
    'allele_balance=GT="het" & FMT/AD[0:1] < 0.15 * FMT/DP',
    "position=INFO/RPBZ < -3 | MQBZ < -1e1",
]


def test_the_quality_comes_first_and_expressions_may_hold_equal_signs() -> None:
    found = parse(TEXTS, 20)
    assert list(found) == ["low_quality", "low_depth", "strand_bias", "allele_balance", "position"]
    assert found["low_quality"] == "QUAL < 20"
    assert found["allele_balance"] == 'GT="het" & FMT/AD[0:1] < 0.15 * FMT/DP'


@pytest.mark.parametrize(
    "text", ["low depth=DP<5", "=DP<5", "low_depth", "low_depth=", "PASS=DP<5", "undecided=DP<1"]
)
def test_a_text_that_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="allowed"):
        parse([text], 20)


def test_a_name_stands_once() -> None:
    with pytest.raises(InputError, match="low_depth: found a name that is taken"):
        parse([TEXTS[0], TEXTS[0]], 20)


@pytest.mark.parametrize(
    ("expression", "fields"),
    [
        ("FMT/DP<5", {"DP"}),
        ('GT="het" & FMT/AD[0:1] < 0.15 * FMT/DP', {"AD", "DP"}),
        ("SMPL_MAX(FORMAT/AD[0:1-]) > 1e5 && INFO/MQBZ<-3", {"AD", "MQBZ"}),
        ('TYPE="indel" & QUAL < 20 | %MAX(IMF) > .1', {"IMF"}),
        ("N_ALT=1 & FILTER~'AB'", set()),
    ],
)
def test_the_fields_of_an_expression_are_found(expression: str, fields: set[str]) -> None:
    assert words(expression) == fields


def test_filters_that_records_cannot_answer_are_left_out() -> None:
    assert list(telling(parse(TEXTS, 20), {"GT", "DP", "AD"})) == [
        "low_quality",
        "low_depth",
        "allele_balance",
    ]


def test_blocks_are_judged_by_depth_and_quality_alone() -> None:
    assert of_blocks(parse([*TEXTS, "low_genotype_quality=FMT/GQ < 20"], 20)) == {
        "low_depth": "N_ALT=0 & (FMT/DP < 5)",
        "low_genotype_quality": "N_ALT=0 & (FMT/GQ < 20)",
    }


def test_a_reference_genotype_of_another_program_is_judged_as_a_block_is() -> None:
    found = of_files(telling(parse(TEXTS, 20), {"GT", "DP"}))
    assert found == {"low_quality": 'GT="alt" & (QUAL < 20)', "low_depth": "FMT/DP < 5"}


def test_the_filters_of_the_defaults_are_filters() -> None:
    texts = [f"{name}={text}" for name, text in Calling().filters.items()]
    assert len(parse(texts, Calling().minimum_quality)) == len(texts) + 1
