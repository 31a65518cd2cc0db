"""How the cells of a sheet are read: each function takes a cell's text and returns its value, or refuses it.

Nothing is repaired. Names end up in paths, in shell commands, in YAML and in spreadsheets, so that only what
all of these leave alone is a name.
"""

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any

Parse = Callable[[str], Any]

NAME_LETTERS = 64
"""Longest name: several of them make one file name, and file systems take 255 letters."""
TEXT_LETTERS = 100
"""Longest free text (a drug, an antibody)."""
PATH_LETTERS = 1000
"""Longest path; the kernel takes 4096 letters."""
LATEST_DAY = 14_600
"""40 years after inclusion. Spreadsheets store dates from 1940 on as numbers above this one."""
EARLIEST_DAY = -36_500
"""100 years before inclusion."""

NAME = "letters, digits and single _, beginning with a letter or digit, up to 64"
PSEUDONYM = "a pseudonym: letters, digits and single _, with a digit, without a name or a date, up to 64"
DAYS = "a whole number of days from inclusion (0 is the day of inclusion, negative is before)"

_NAME = re.compile(r"[A-Za-z0-9](?:_?[A-Za-z0-9])*_?")
_TEXT = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+/()%-]*")
_WHOLE = re.compile(r"0|-?[1-9][0-9]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_NUMERIC = re.compile(r"[0-9_]+|[0-9]+[eE][0-9]+|0[xob][0-9a-fA-F_]+")
_MONTH = "jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec"
_SPREADSHEET_DATE = re.compile(rf"(?:{_MONTH})[_-]?[0-9]{{1,4}}|[0-9]{{1,2}}[_-]?(?:{_MONTH})", re.IGNORECASE)
_YEAR, _MONTH_NUMBER, _DAY = "(?:19|20)[0-9]{2}", "(?:0[1-9]|1[0-2])", "(?:0[1-9]|[12][0-9]|3[01])"
_DATE = re.compile(
    r"(?<![0-9])(?:[0-9]{4}[-/._ ][0-9]{1,2}[-/._ ][0-9]{1,2}"
    r"|[0-9]{1,2}[-/._ ][0-9]{1,2}[-/._ ](?:[0-9]{4}|[0-9]{2})"
    rf"|{_YEAR}{_MONTH_NUMBER}{_DAY}|{_DAY}{_MONTH_NUMBER}{_YEAR})(?![0-9])"
)
_LETTERS = re.compile(r"[^\W\d_](?:[^\W\d_]|[ ._'’-])*")
_TWO_WORDS = re.compile(r"[A-Z][a-z]+[ ._-]*[A-Z][a-z]+")
_WORD_AND_YEAR = re.compile(rf"([A-Z]?[a-z]{{2,}}|[A-Z]{{3,}})[ ._-]*{_YEAR}(?![0-9])")
_NEUTRAL = {"patient", "participant", "subject", "sujet", "case", "control", "donor", "volunteer", "person"}
_RETYPED = {"y", "n", "yes", "no", "on", "off", "true", "false", "inf", "infinity"}
_MISSING = {"na", "n/a", "#n/a", "nan", "null", "none", "nil", "n_a", "-", ".", "?", "unknown", "missing"}
_PATH = re.compile(r"[\w./][\w./ +,@=():%-]*")


class RefusedError(ValueError):
    """A cell that is not what its column holds: the problem, and what is allowed."""

    def __init__(self, problem: str, allowed: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.allowed = allowed


def plain(cell: str, allowed: str) -> None:
    """Refuse what no cell may hold: invisible characters, blanks around the value, quotes."""
    if not cell.isprintable():
        raise RefusedError("holds a control, invisible or right-to-left character", allowed)
    if cell != cell.strip():
        raise RefusedError("has blanks around it", allowed)
    if '"' in cell:
        raise RefusedError("holds quotes", f"{allowed}, without quotes")


def name(cell: str) -> str:
    """A name that paths, shells, YAML, pandas and spreadsheets all leave alone."""
    plain(cell, NAME)
    lower = cell.lower()
    if lower in _MISSING:
        raise RefusedError("reads as a missing value", NAME)
    if lower in _RETYPED:
        raise RefusedError("is a word that YAML turns into another type", NAME)
    if _DATE.search(cell):
        raise RefusedError("holds a date", f"{NAME}, without dates")
    if len(cell) > NAME_LETTERS:
        raise RefusedError(f"is {len(cell)} letters long", NAME)
    if _NUMERIC.fullmatch(cell):
        raise RefusedError("is a number, not a name", f"{NAME}, not a number (1e3 and 012 are numbers too)")
    if not _NAME.fullmatch(cell):
        raise RefusedError("is not a name", NAME)
    if _SPREADSHEET_DATE.fullmatch(cell):
        raise RefusedError("is turned into a date by spreadsheets", NAME)
    return cell


def pseudonym(cell: str) -> str:
    """A name that tells nothing about the person: with a digit, without a date, not a person's name."""
    plain(cell, PSEUDONYM)
    if _DATE.search(cell):
        raise RefusedError("holds a date", PSEUDONYM)
    if cell.lower() in _MISSING | _RETYPED or len(cell) > NAME_LETTERS:
        return name(cell)
    if _LETTERS.fullmatch(cell) or _TWO_WORDS.search(cell):
        raise RefusedError("reads as a person's name", PSEUDONYM)
    word = _WORD_AND_YEAR.search(cell)
    if word and word[1].lower() not in _NEUTRAL:
        raise RefusedError("reads as a name and a year of birth", PSEUDONYM)
    return name(cell)


def text(cell: str) -> str:
    """A few words."""
    allowed = f"words of letters, digits and ._+/()%-, beginning with a letter or digit, up to {TEXT_LETTERS}"
    plain(cell, allowed)
    if cell.lower() in _MISSING:
        raise RefusedError("reads as a missing value", "a blank cell when it is not known")
    if len(cell) > TEXT_LETTERS:
        raise RefusedError(f"is {len(cell)} letters long", allowed)
    if not _TEXT.fullmatch(cell):
        raise RefusedError("holds characters that a spreadsheet or a shell would act on", allowed)
    return cell


def texts(cell: str) -> tuple[str, ...]:
    """Several texts, separated by `;`."""
    return tuple(text(part) for part in cell.split(";"))


def boolean(cell: str) -> bool:
    """`true` or `false`, in the letters of a programmer or of a spreadsheet."""
    if cell in {"true", "TRUE"}:
        return True
    if cell in {"false", "FALSE"}:
        return False
    raise RefusedError("is neither true nor false", "true, false, or a blank cell where it is not known")


def choice(words: Iterable[str]) -> Parse:
    """One of a closed list of words."""
    known = {word: word for word in words}
    allowed = ", ".join(known) or "nothing: the list in the protocol is empty"

    def parse(cell: str) -> str:
        if cell in known:
            return cell
        plain(cell, allowed)
        raise RefusedError(f"is not in the list{similar(cell, known)}", allowed)

    return parse


def number_in_list(numbers: Iterable[int]) -> Parse:
    """One of a closed list of whole numbers."""
    word = choice(str(one) for one in numbers)
    return lambda cell: int(word(cell))


def whole(minimum: float | None, maximum: float | None, meaning: str = "a whole number") -> Parse:
    """A whole number within its limits."""
    return _bounded(_WHOLE, int, minimum, maximum, meaning)


def number(minimum: float | None, maximum: float | None, meaning: str = "a number such as 12.5") -> Parse:
    """A decimal number within its limits, written without exponent."""
    return _bounded(_NUMBER, float, minimum, maximum, meaning)


def wave(cell: str) -> str:
    """W1, W2, ..."""
    if not re.fullmatch(r"W[1-9][0-9]{0,3}", cell):
        plain(cell, "W1, W2, ...")
        raise RefusedError("is not a wave", "W1, W2, ...")
    return cell


def md5s(cell: str) -> tuple[str, ...]:
    """One md5 per path, separated by `;`."""
    parts = tuple(part.lower() for part in cell.split(";"))
    if not all(re.fullmatch("[0-9a-f]{32}", part) for part in parts):
        raise RefusedError("is not an md5", "32 hexadecimal digits per path, separated by ;")
    return parts


def paths(cell: str) -> tuple[tuple[str, ...], str]:
    """The files of a sample, separated by `;`, and the column of a table that follows `#`."""
    allowed = (
        "paths separated by ;, relative to the study's folder (without ..) or absolute, of letters, digits, "
        "blanks and ._/+,@=():%-; a table's column follows after #"
    )
    plain(cell, allowed)
    files, mark, column = cell.partition("#")
    parts = tuple(files.split(";"))
    for part in parts:
        if not _PATH.fullmatch(part) or part != part.strip() or part.endswith("/."):
            raise RefusedError(
                "holds a path that a shell or a spreadsheet would act on, or a blank one", allowed
            )
        if ".." in part.split("/"):
            raise RefusedError("holds ..", allowed)
        if len(part) > PATH_LETTERS or max(map(len, part.split("/"))) > 255:
            raise RefusedError(f"is {len(part)} letters long", f"up to {PATH_LETTERS}, and 255 between two /")
    if mark and (not column or column.startswith(("-", "=", "+", "@", " ")) or "#" in column):
        raise RefusedError("names no usable column after #", "the table's column, as its header line has it")
    return parts, column


def similar(found: str, known: Iterable[str]) -> str:
    """`, did you mean ...?` when a known word is close to the one found."""
    by_lower = {one.lower(): one for one in known}
    close = get_close_matches(found.lower(), by_lower, n=1, cutoff=0.75)
    return f" (did you mean {by_lower[close[0]]}?)" if close else ""


def holds_date(cell: str) -> bool:
    """Whether the cell holds something that reads as a calendar date."""
    return bool(_DATE.search(cell) or _SPREADSHEET_DATE.fullmatch(cell))


def _bounded(
    pattern: re.Pattern[str],
    convert: Callable[[str], float],
    minimum: float | None,
    maximum: float | None,
    meaning: str,
) -> Parse:
    low = "" if minimum is None else f" from {minimum:g}"
    high = "" if maximum is None else f" up to {maximum:g}"
    allowed = f"{meaning}{',' if low or high else ''}{low}{high}"

    def parse(cell: str) -> float:
        plain(cell, allowed)
        if not pattern.fullmatch(cell):
            raise RefusedError(_not_a_number(cell), allowed)
        value = convert(cell)
        if (minimum is not None and value < minimum) or (maximum is not None and value > maximum):
            raise RefusedError("is out of range", allowed)
        return value

    return parse


def _not_a_number(cell: str) -> str:
    if holds_date(cell):
        return "is a date"
    if cell.lower() in _MISSING:
        return "reads as a missing value (leave the cell blank)"
    if re.fullmatch(r"-?[0-9]+,[0-9]+", cell):
        return "has a decimal comma"
    return "is not written as a plain number"
