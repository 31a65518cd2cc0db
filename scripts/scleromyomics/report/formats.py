"""Numbers and lists as a reader wants them: three significant digits, true minus signs, powers of ten."""

import math
from collections.abc import Sequence

DIGITS = 3  # significant digits: more than the second rarely survives a second study
TINIEST_P = 1e-300  # below, a double no longer tells p-values apart
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
SHOWN_NAMES = 5  # names that a sentence lists before it counts the rest
LONGEST_NAME = 36  # letters of a feature; insertions can have hundreds


def number(value: float | None) -> str:
    """`value` to three significant digits; a dash when there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    size = abs(value)
    if size and (size < 1e-3 or size >= 1e6):
        return _power_of_ten(value)
    text = f"{value:,.0f}" if size >= 999.5 else f"{value:#.{DIGITS}g}".rstrip(".")
    return text.replace("-", "−")


def interval(low: float | None, high: float | None) -> str:
    """`low to high`: with negative bounds a dash between them would read as a minus."""
    return f"{number(low)} to {number(high)}"


def probability(value: float | None) -> str:
    """A p- or q-value; what a double cannot tell from 0 is given as a bound."""
    if value is not None and value < TINIEST_P:
        return "< " + _power_of_ten(TINIEST_P, digits=1)
    return number(value)


def names(items: Sequence[str], shown: int = SHOWN_NAMES) -> str:
    """The first names, and how many more there are."""
    rest = len(items) - shown
    return ", ".join(items[:shown]) + (f" and {rest} more" if rest > 0 else "")


def shortened(name: str) -> str:
    """A name that fits in a column; of a longer one the start, and how long it is."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 14]}… ({len(name)} letters)"


def counted(count: int, word: str) -> str:
    """`1 array`, `2 arrays`."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def sizes(*, case: int, reference: int, people: int, pairs: int) -> str:
    """Participants: `8 vs 7`, or `8 (6 complete pairs)`; `none` where there is nobody."""
    if not people:
        return "none"
    who = f"{case:,} vs {reference:,}" if reference else f"{people:,}"
    return who + (f" ({counted(pairs, 'complete pair')})" if pairs else "")


def _power_of_ten(value: float, digits: int = DIGITS) -> str:
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa} × 10{str(int(exponent)).translate(SUPERSCRIPT)}".replace("-", "−")
