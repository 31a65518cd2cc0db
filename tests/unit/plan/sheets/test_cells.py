"""What a cell may hold."""

import pytest

from scleromyomics.plan.sheets import cells
from scleromyomics.plan.sheets.cells import RefusedError


@pytest.mark.parametrize(
    "name", ["P01", "D1", "M12", "chip_a", "HG_U133_Plus_2", "W1", "01A", "a", "S_1_", "x" * 64]
)
def test_ordinary_names_pass(name: str) -> None:
    assert cells.name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "0x1F",
        "1_000",
        "12e5",
        "on",
        "Off",
        "y",
        "N",
        "None",
        "inf",
        "SEP2",
        "2_dec",
        "_a",
        "a.b",
        "a-b",
        "x" * 65,
    ],
)
def test_names_that_another_tool_would_change_are_refused(name: str) -> None:
    with pytest.raises(RefusedError):
        cells.name(name)


@pytest.mark.parametrize(
    "name", ["P01", "SSc_017", "patient12", "Patient2001", "A1", "FR01_0123", "S1962", "ctl3"]
)
def test_pseudonyms_pass(name: str) -> None:
    assert cells.pseudonym(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "Dupont",
        "dupont",
        "Marie Dupont",
        "Marie-Claire",
        "O'Neil",
        "Zoé",
        "JeanMartin7",
        "Dupont_1962",
        "DUPONT1962",
        "P19620305",
        "19620305",
        "P_05031962",
    ],
)
def test_names_of_people_and_dates_are_no_pseudonyms(name: str) -> None:
    with pytest.raises(RefusedError):
        cells.pseudonym(name)


@pytest.mark.parametrize(("cell", "value"), [("0", 0), ("-200", -200), ("365", 365)])
def test_days_are_whole_numbers(cell: str, value: int) -> None:
    assert cells.whole(-36_500, 14_600, cells.DAYS)(cell) == value


@pytest.mark.parametrize("cell", ["+5", "-0", "007", "1.0", "1e2", " 5", "٣", "", "5 days"])
def test_other_spellings_of_whole_numbers_are_refused(cell: str) -> None:
    with pytest.raises(RefusedError):
        cells.whole(None, None)(cell)


@pytest.mark.parametrize(("cell", "value"), [("0.5", 0.5), ("-1.25", -1.25), ("12", 12.0)])
def test_numbers_are_plain_decimals(cell: str, value: float) -> None:
    assert cells.number(None, None)(cell) == value


@pytest.mark.parametrize("cell", ["nan", "inf", "1e-3", ".5", "5.", "1,5", "1 000", "0x10", "<5"])
def test_other_spellings_of_numbers_are_refused(cell: str) -> None:
    with pytest.raises(RefusedError):
        cells.number(None, None)(cell)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("raw/a.CEL", (("raw/a.CEL",), "")),
        (
            "/data/my study/a_1.fq.gz;/data/my study/a_2.fq.gz",
            (("/data/my study/a_1.fq.gz", "/data/my study/a_2.fq.gz"), ""),
        ),
        ("tables/all.tsv#Intensity P01", (("tables/all.tsv",), "Intensity P01")),
    ],
)
def test_paths_are_separated_and_a_tables_column_follows(cell: str, value: object) -> None:
    assert cells.paths(cell) == value


@pytest.mark.parametrize(
    "cell",
    [
        "a;",
        ";a",
        "a; b",
        "a#",
        "a#=x",
        "a#-x",
        "a#b#c",
        "~/a",
        "=a",
        "+a",
        "@a",
        "-a",
        "a|b",
        "a`b`",
        "a&b",
        "a>b",
        "../a",
        "a/../b",
        "a*",
        "a'b",
        "a\\b",
        "x/" + "y" * 256,
    ],
)
def test_paths_that_something_would_act_on_are_refused(cell: str) -> None:
    with pytest.raises(RefusedError):
        cells.paths(cell)


def test_md5s_are_read_in_either_case() -> None:
    assert cells.md5s("D41D8CD98F00B204E9800998ECF8427E") == ("d41d8cd98f00b204e9800998ecf8427e",)


@pytest.mark.parametrize("cell", ["W0", "W01", "w1", "1", "W1r2", "W1 "])
def test_waves_are_w_and_a_number(cell: str) -> None:
    with pytest.raises(RefusedError):
        cells.wave(cell)


def test_a_close_word_is_proposed() -> None:
    with pytest.raises(RefusedError, match="did you mean skin_healthy"):
        cells.choice(["skin_healthy", "pbmc"])("Skin_healty")
