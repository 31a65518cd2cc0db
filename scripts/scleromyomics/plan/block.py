"""The base of every block of the configuration and of the protocol."""

from pydantic import BaseModel, ConfigDict


class Block(BaseModel):
    """Closed (an unknown key is refused), frozen, and strict: YAML's guesses at a type are refused, not cast."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)
