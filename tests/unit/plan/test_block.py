"""Every block of settings is closed, frozen and strict."""

import pytest
from pydantic import ValidationError

from scleromyomics.plan.block import Block


class Sample(Block):
    """A block."""

    number: int = 1
    """A number."""


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        Sample.model_validate({"numbr": 1})


@pytest.mark.parametrize("value", ["1", True, 1.0])
def test_types_are_not_guessed(value: object) -> None:
    with pytest.raises(ValidationError):
        Sample.model_validate({"number": value})


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Sample().number = 2


def test_docstrings_describe_the_settings() -> None:
    assert Sample.model_fields["number"].description == "A number."
