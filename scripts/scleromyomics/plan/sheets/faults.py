"""One fault in a file that the user wrote, as one line."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]

SHOWN_LETTERS = 40
"""How much of a value is shown: enough to find it, short enough for one line."""
KEY_LETTERS = 120
"""How much of a column or key is shown: nested keys are long, and are looked up whole."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Where (file, line, column or key), what was found, why it is wrong and what is allowed."""

    file: str
    line: int  # counted from 1, header included; 0: the file as a whole
    column: str  # of a sheet, or the key of a YAML file; "": the line as a whole
    value: str | None  # as it stands in the file; None: nothing to show
    problem: str
    allowed: str
    severity: Severity = "error"

    def __str__(self) -> str:
        """The fault as one line; control characters and right-to-left marks are shown as escapes."""
        line = f", line {self.line}" if self.line else ""
        word = "column" if self.file.endswith(".tsv") else "key"
        column = f", {word} {_short(self.column, KEY_LETTERS)}" if self.column else ""
        value = "" if self.value is None else f" {shown(self.value)}:"
        return escaped(f"{self.file}{line}{column}:{value} {self.problem}; allowed: {self.allowed}")

    @property
    def order(self) -> tuple[str, int, str, str]:
        """Sort key: file, line, column, then the text."""
        return self.file, self.line, self.column, self.problem


def shown(value: str) -> str:
    """`value` in quotes, shortened."""
    return repr(_short(value, SHOWN_LETTERS))


def escaped(text: str) -> str:
    """`text` on one line, with everything that a terminal would act on written as an escape."""
    return (
        text if text.isprintable() else "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
    )


def _short(text: str, letters: int) -> str:
    return text if len(text) <= letters else text[: letters - 3] + "..."
