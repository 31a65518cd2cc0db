"""Plant faults in the sheets of a small study, one by one and 500 times two together, and see what is reported.

    python benchmarks/sheet_faults.py            writes benchmarks/results/sheet_faults.tsv (fault and message)
                                                 and prints how many of the faults planted in pairs were reported

The small study is written here, by hand, and not by the simulator. The tests load this file too.
"""

import random
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from scleromyomics.core.errors import InputError
from scleromyomics.core.files import write_tsv
from scleromyomics.plan.study import load_study

PAIRS = 500
POPULATIONS = {1: "", 2: "DM", 3: "", 4: "dcSSc"}
TISSUES = {1: ["muscle"], 2: ["muscle"], 3: ["skin_healthy"], 4: ["skin_sclerotic", "skin_healthy"]}
CONFIG = """\
microarray:
  platforms:
    chip_a: {annotation: reference/chip_a.tsv, definition: [reference/chip_a.cdf]}
    chip_table: {annotation: reference/chip_a.tsv}
"""

Cells = dict[str, str]


@dataclass
class SmallStudy:
    """Eight participants, two visits, blood on a chip and serum in a protein table; two waves and a bridge."""

    sheets: dict[str, list[Cells]] = field(
        default_factory=lambda: {name: list(rows) for name, rows in _sheets()}
    )
    config: str = CONFIG
    protocol: str | None = None
    edits: list[tuple[str, Callable[[bytes], bytes]]] = field(default_factory=list)  # of a file's bytes

    def write(self, folder: Path) -> Path:
        """Write the study, raw files (of a few bytes) included."""
        folder.mkdir(parents=True, exist_ok=True)
        texts = {f"{name}.tsv": _text(rows) for name, rows in self.sheets.items()} | {
            "config.yaml": self.config
        }
        if self.protocol is not None:
            texts["protocol.yaml"] = self.protocol
        contents = {name: text.encode() for name, text in texts.items()}
        for name, edit in self.edits:
            contents[name] = edit(contents[name])
        for name, content in contents.items():
            (folder / name).write_bytes(content)
        return folder

    def write_raw_files(self, folder: Path) -> None:
        """Write the files that the study names: each holds its own name, the annotation its header line."""
        files = [row["path"].partition("#")[0] for row in _samples()]
        names = ["reference/chip_a.cdf", *files]
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(name)
        (folder / "reference" / "chip_a.tsv").write_text("feature\tgene_symbol\tgene_id\n")


def _sheets() -> Iterator[tuple[str, Iterator[Cells]]]:
    yield "participants", _participants()
    yield "visits", _visits()
    yield "events", _events()
    yield "treatments", _treatments()
    yield "samples", _samples()


def _people() -> list[tuple[str, int]]:
    return [(f"P{number:02d}", (number - 1) // 2 + 1) for number in range(1, 9)]


def _participants() -> Iterator[Cells]:
    for place, (name, population) in enumerate(_people()):
        yield {
            "participant": name,
            "population": str(population),
            "overlap": "false",
            "disease_subtype": POPULATIONS[population],
            "autoantibodies": "anti-Scl-70;ANA" if population == 4 else "",
            "onset_day": "-200" if population in {2, 4} else "",
            "sex": "FM"[place % 2],
            "age": str(40 + place),
            "pregnant_or_breastfeeding": "false",
        }


def _visits() -> Iterator[Cells]:
    for name, population in _people():
        for timepoint, day in (("D1", "0"), ("M12", "370")):
            mrss = "12" if population == 4 else ""
            yield {
                "participant": name,
                "visit": timepoint,
                "timepoint": timepoint,
                "day": day,
                "mrss": mrss,
                "crp": "3.5",
            }


def _events() -> Iterator[Cells]:
    yield {"participant": "P07", "day": "300", "kind": "complication", "subtype": "ild"}
    yield {"participant": "P08", "day": "900", "kind": "death", "subtype": ""}


def _treatments() -> Iterator[Cells]:
    names = ("participant", "drug", "class", "start_day", "stop_day", "dose", "dose_unit")
    yield dict(
        zip(names, ("P07", "mycophenolate mofetil", "immunosuppressant", "10", "", "2", "g/day"), strict=True)
    )
    yield dict(zip(names, ("P03", "rituximab", "immunomodulator", "30", "60", "", ""), strict=True))


def _samples() -> Iterator[Cells]:
    for name, population in _people():
        for wave, timepoint in (("W1", "D1"), ("W2", "M12")):
            tissues = TISSUES[population] if timepoint == "D1" or population > 2 else []
            for tissue in ["pbmc", *tissues]:
                sample = f"{name}_{timepoint}_{tissue}"
                yield _sample(sample, name, timepoint, tissue, "microarray", wave, "cel", f"raw/{sample}.CEL")
            table = f"raw/proteins_{wave}.tsv#{name}"
            yield _sample(
                f"{name}_{timepoint}_serum", name, timepoint, "serum", "proteomics", wave, "diann", table
            )
    bridge = _sample("P01_D1_pbmc_again", "P01", "D1", "pbmc", "microarray", "W2", "cel", "raw/P01_again.CEL")
    yield bridge | {"replicate": "2", "bridge": "P01_D1_pbmc"}


def _sample(  # noqa: PLR0917 - a table is read in columns
    sample: str, name: str, visit: str, tissue: str, assay: str, wave: str, form: str, path: str
) -> Cells:
    kind = "chip" if assay == "microarray" else "protein"
    return {
        "sample": sample,
        "participant": name,
        "visit": visit,
        "tissue": tissue,
        "assay": assay,
        "replicate": "1",
        "platform": "chip_a" if kind == "chip" else "dia_a",
        "batch": f"{kind}_{wave}",
        "wave": wave,
        "format": form,
        "path": path,
        "md5": "",
        "bridge": "",
    }


def _text(rows: list[Cells]) -> str:
    lines = [list(rows[0]), *(list(row.values()) for row in rows)]
    return "".join("\t".join(cells) + "\n" for cells in lines)


@dataclass(frozen=True)
class Fault:
    """What is done to a study, and where and in which words it must be reported."""

    name: str
    file: str
    column: str
    words: str
    edit: Callable[[SmallStudy], Cells | int]  # returns the row at fault, or the line
    warning: bool = False
    alone: bool = False  # it leaves nothing of its file to find another fault in
    raw: bool = False  # it shows only when the raw files are looked at
    rests_on: str = ""  # the file that it is judged against, which must be readable

    def plant(self, study: SmallStudy) -> Callable[[], str]:
        """Edit `study`; what is returned says, once all edits are made, where the fault must be reported."""
        at = self.edit(study)
        return lambda: self._where(study, at)

    def _where(self, study: SmallStudy, at: Cells | int) -> str:
        if not isinstance(at, int):
            rows = study.sheets[self.file.removesuffix(".tsv")]
            at = next(place for place, row in enumerate(rows) if row is at) + 2
        word = "column" if self.file.endswith(".tsv") else "key"
        return (
            self.file
            + (f", line {at}" if at else "")
            + (f", {word} {self.column}" if self.column else "")
            + ": "
        )


def cell(  # noqa: PLR0917 - a table is read in columns
    name: str, sheet: str, row: int, column: str, value: str, words: str, *, warning: bool = False
) -> Fault:
    """One cell that is wrong."""

    def edit(study: SmallStudy) -> Cells:
        study.sheets[sheet][row][column] = value
        return study.sheets[sheet][row]

    return Fault(name, f"{sheet}.tsv", column, words, edit, warning=warning)


def added(
    name: str, sheet: str, like: int, column: str, words: str, *, warning: bool = False, **changes: str
) -> Fault:
    """One row more, as row `like` but for `changes`."""

    def edit(study: SmallStudy) -> Cells:
        row = study.sheets[sheet][like] | {
            "class" if key == "class_" else key: one for key, one in changes.items()
        }
        study.sheets[sheet].append(row)
        return row

    return Fault(name, f"{sheet}.tsv", column, words, edit, warning=warning)


def file_edit(  # noqa: PLR0917 - a table is read in columns
    name: str,
    file: str,
    line: int,
    column: str,
    words: str,
    edit: Callable[[bytes], bytes],
    *,
    warning: bool = False,
    alone: bool = False,
) -> Fault:
    """A file whose bytes are wrong."""

    def apply(study: SmallStudy) -> int:
        study.edits.append((file, edit))
        return line

    return Fault(name, file, column, words, apply, warning=warning, alone=alone)


def setting(name: str, text: str, line: int, key: str, words: str, *, alone: bool = False) -> Fault:
    """Lines added to config.yaml, which has three; `line` counts from the first one added."""

    def edit(study: SmallStudy) -> int:
        first = study.config.count("\n")
        study.config += text
        return first + line

    return Fault(name, "config.yaml", key, words, edit, alone=alone)


def line_edit(number: int, edit: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """An edit of one line of a file."""

    def apply(content: bytes) -> bytes:
        lines = content.split(b"\n")
        lines[number - 1] = edit(lines[number - 1])
        return b"\n".join(lines)

    return apply


def two_cells(
    name: str, sheet: str, row: int, column: str, words: str, *, warning: bool = False, **changes: str
) -> Fault:
    """One row that contradicts itself or another."""

    def edit(study: SmallStudy) -> Cells:
        study.sheets[sheet][row].update(changes)
        return study.sheets[sheet][row]

    return Fault(name, f"{sheet}.tsv", column, words, edit, warning=warning)


def without_healthy_skin(study: SmallStudy) -> Cells:
    """Take one sample away; the fault is on the row of its partner."""
    rows = study.sheets["samples"]
    place = next(place for place, row in enumerate(rows) if row["sample"] == "P07_M12_skin_healthy")
    rows.pop(place)
    return rows[place - 1]


LONG = "a" * 300
MD5 = "d41d8cd98f00b204e9800998ecf8427e"
NAME_FAULTS = [
    ("a shell command", "a;touch x", "is not a name"),
    ("a path", "../x", "is not a name"),
    ("an option", "-rf", "is not a name"),
    ("a formula", "=1+1", "is not a name"),
    ("a control character", "S\x071", "control, invisible or right-to-left"),
    ("a right-to-left mark", "S\u202e1", "control, invisible or right-to-left"),
    ("a no-break space", "S\u00a01", "control, invisible or right-to-left"),
    ("300 letters", LONG, "is 300 letters long"),
    ("the number 12", "12", "is a number, not a name"),
    ("the number 012", "012", "is a number, not a name"),
    ("the number 1e3", "1e3", "is a number, not a name"),
    ("the word NO", "NO", "YAML turns into another type"),
    ("the word NA", "NA", "reads as a missing value"),
    ("the word null", "null", "reads as a missing value"),
    ("a blank inside", "S 1", "is not a name"),
    ("a blank after it", "S1 ", "has blanks around it"),
    ("quotes", '"S1"', "holds quotes"),
    ("an accent", "\u00e9chantillon1", "is not a name"),
    ("two underscores", "S__1", "is not a name"),
    ("a word that spreadsheets turn into a date", "MAR1", "turned into a date by spreadsheets"),
    ("a date", "S20210305", "holds a date"),
]
PSEUDONYM_FAULTS = [
    ("a first and a last name", "Marie_Dupont", "reads as a person's name"),
    ("a last name", "Dupont", "reads as a person's name"),
    ("a mail name", "jean.martin", "reads as a person's name"),
    ("a name and a number", "MarieDupont2", "reads as a person's name"),
    ("a name and a year of birth", "Dupont1962", "reads as a name and a year of birth"),
    ("an ISO date of birth", "1962-03-05", "holds a date"),
    ("a date of birth", "P05031962", "holds a date"),
    ("a date with slashes", "05/03/1962", "holds a date"),
]
DAY_FAULTS = [
    ("an ISO date", "2021-03-05", "is a date"),
    ("a date with slashes", "05/03/2021", "is a date"),
    ("the number of a date in a spreadsheet", "44260", "is out of range"),
    ("012", "012", "is not written as a plain number"),
    ("1e3", "1e3", "is not written as a plain number"),
    ("1.5", "1.5", "is not written as a plain number"),
    ("NA", "NA", "reads as a missing value"),
    ("a blank cell", "", "is blank"),
]
FAULTS: list[Fault] = [
    # --- cells
    *(cell(f"sample: {name}", "samples", 3, "sample", value, words) for name, value, words in NAME_FAULTS),
    *(
        cell(f"participant: {name}", "participants", 4, "participant", value, words)
        for name, value, words in PSEUDONYM_FAULTS
    ),
    *(cell(f"day: {name}", "visits", 5, "day", value, words) for name, value, words in DAY_FAULTS),
    cell("population 5", "participants", 1, "population", "5", "is not in the list; allowed: 1, 2, 3, 4"),
    cell("sex in small letters", "participants", 1, "sex", "f", "did you mean F?"),
    cell("blank sex", "participants", 1, "sex", "", "is blank"),
    cell(
        "year of birth as age",
        "participants",
        1,
        "age",
        "1962",
        "is out of range; allowed: years at inclusion",
    ),
    cell("decimal comma", "participants", 1, "age", "54,5", "has a decimal comma"),
    cell("yes for true", "participants", 1, "overlap", "yes", "is neither true nor false"),
    cell("onset after inclusion", "participants", 2, "onset_day", "20", "is out of range"),
    cell(
        "subtype of another disease",
        "participants",
        2,
        "disease_subtype",
        "dcSSc",
        "is no subtype of population 2",
    ),
    cell("subtype of a control", "participants", 0, "disease_subtype", "DM", "allowed: a blank cell"),
    cell(
        "formula among antibodies", "participants", 6, "autoantibodies", "ANA;=1+1", "spreadsheet or a shell"
    ),
    cell(
        "unknown timepoint", "visits", 7, "timepoint", "M6", "is not in the list; allowed: D1, M12, Y5, EVENT"
    ),
    cell(
        "skin score of 60",
        "visits",
        12,
        "mrss",
        "60",
        "is out of range; allowed: a whole number, from 0 up to 51",
    ),
    cell("a measure that is a word", "visits", 12, "crp", "high", "is not written as a plain number"),
    cell("unknown kind of event", "events", 0, "kind", "relapse", "is not in the list"),
    cell(
        "unknown class of drug",
        "treatments",
        0,
        "class",
        "immunosupressant",
        "did you mean immunosuppressant?",
    ),
    cell("formula as drug", "treatments", 0, "drug", "=cmd", "spreadsheet or a shell"),
    cell(
        "unknown tissue", "samples", 10, "tissue", "liver", "is not in the list; allowed: pbmc, serum, muscle"
    ),
    cell("unknown assay", "samples", 10, "assay", "metabolomics", "is not in the list"),
    cell("replicate 0", "samples", 10, "replicate", "0", "is out of range"),
    cell("blank batch", "samples", 10, "batch", "", "is blank"),
    cell("batch of blanks", "samples", 10, "batch", "  ", "has blanks around it"),
    cell("wave 1 for W1", "samples", 10, "wave", "1", "is not a wave; allowed: W1, W2, ..."),
    cell(
        "format of another assay", "samples", 10, "format", "mzml", "is no format of microarray; allowed: cel"
    ),
    cell("format of no assay", "samples", 10, "format", "xlsx", "is not in the list"),
    cell("path out of the study", "samples", 10, "path", "../x.CEL", "holds .."),
    cell(
        "path with a command",
        "samples",
        10,
        "path",
        "raw/$(x).CEL",
        "that a shell or a spreadsheet would act on",
    ),
    cell("path as an option", "samples", 10, "path", "-rf", "that a shell or a spreadsheet would act on"),
    cell("two chip files", "samples", 10, "path", "raw/a.CEL;raw/b.CEL", "holds 2 paths"),
    cell("column of a chip file", "samples", 10, "path", "raw/a.CEL#x", "format cel has no columns"),
    cell("path twice in a sample", "samples", 10, "path", "raw/a.CEL;raw/./a.CEL", "holds a path twice"),
    cell("malformed md5", "samples", 10, "md5", "d41d8cd9", "is not an md5; allowed: 32 hexadecimal digits"),
    cell("two md5 for one path", "samples", 10, "md5", f"{MD5};{MD5[::-1]}", "holds 2 md5 for 1 path"),
    # --- rows against rows
    added("participant twice", "participants", 0, "participant", "is on line 2 already"),
    added(
        "participant in two populations",
        "participants",
        0,
        "population",
        "differs from '1' of P01",
        population="3",
    ),
    added("sex that changes", "participants", 0, "sex", "one sex per participant", sex="M"),
    added(
        "diagnosis that changes", "participants", 2, "disease_subtype", "one diagnosis", disease_subtype="IBM"
    ),
    added(
        "names that differ by case",
        "participants",
        0,
        "participant",
        "differs only by case",
        participant="p01",
    ),
    added("visit of a stranger", "visits", 0, "participant", "is not in participants.tsv", participant="P99"),
    added("visit twice", "visits", 2, "visit", "is on line 4 already", timepoint="ROUTINE"),
    added(
        "visits that differ by case", "visits", 2, "visit", "only by case", visit="d1", timepoint="ROUTINE"
    ),
    added("second M12", "visits", 3, "timepoint", "is the second M12 of P02", visit="M13", day="380"),
    two_cells("M12 before D1", "visits", 5, "day", "visits out of order", day="-3"),
    cell(
        "M12 in the window of Y5", "visits", 7, "day", "1800", "is outside the window of M12, in that of Y5"
    ),
    cell(
        "late inclusion visit", "visits", 8, "day", "40", "is not the day of inclusion; allowed: day 0 to 14"
    ),
    replace(
        added(
            "visit after death",
            "visits",
            14,
            "day",
            "after the death",
            visit="V5",
            timepoint="ROUTINE",
            day="950",
        ),
        rests_on="events.tsv",
    ),
    added("event of a stranger", "events", 0, "participant", "is not in participants.tsv", participant="P99"),
    added("event twice", "events", 0, "participant", "this row repeats line 2"),
    added("second death", "events", 1, "kind", "is the second death", day="901"),
    cell("unknown complication", "events", 0, "subtype", "headache", "is no subtype of complication"),
    cell("complication without subtype", "events", 0, "subtype", "", "is blank for a complication"),
    cell("death with a subtype", "events", 1, "subtype", "ild", "is given for death, which has none"),
    added(
        "treatment of a stranger",
        "treatments",
        0,
        "participant",
        "is not in participants.tsv",
        participant="P99",
    ),
    added("treatment twice", "treatments", 1, "participant", "this row repeats line 3"),
    cell("stop before start", "treatments", 1, "stop_day", "20", "is before start_day 30"),
    cell("dose without unit", "treatments", 0, "dose_unit", "", "is blank beside a dose"),
    cell("unit without dose", "treatments", 0, "dose", "", "is blank beside a unit"),
    added("sample twice", "samples", 0, "sample", "is on line 2 already", path="raw/n.CEL", replicate="2"),
    added(
        "samples that differ by case",
        "samples",
        0,
        "sample",
        "only by case",
        sample="p01_D1_PBMC",
        path="raw/n.CEL",
    ),
    added(
        "sample of a stranger",
        "samples",
        0,
        "participant",
        "is not in partic",
        sample="N1",
        participant="P99",
    ),
    added(
        "sample at no visit",
        "samples",
        5,
        "visit",
        "is no visit of P02",
        sample="N1",
        visit="Y5",
        path="raw/n.CEL",
    ),
    added(
        "one file under two samples",
        "samples",
        5,
        "path",
        "is the file of P02_D1_pbmc",
        sample="N1",
        replicate="2",
    ),
    added(
        "one file by two ways",
        "samples",
        5,
        "path",
        "is the file of",
        sample="N1",
        path="./raw//P02_D1_pbmc.CEL",
    ),
    added("column of a table twice", "samples", 2, "path", "one sample per file, or per column", sample="N1"),
    added(
        "undeclared replicate",
        "samples",
        5,
        "replicate",
        "an undeclared replicate",
        sample="N1",
        path="raw/n.CEL",
    ),
    cell(
        "table without column",
        "samples",
        2,
        "path",
        "raw/proteins_W1.tsv",
        "format diann needs the sample's column",
    ),
    cell("batches that differ by case", "samples", 10, "batch", "Chip_w1", "differs only by case"),
    cell("platforms that differ by case", "samples", 10, "platform", "Chip_A", "differs only by case"),
    cell("platform of two assays", "samples", 2, "platform", "chip_a", "two platforms under one name"),
    two_cells(
        "chip files and tables of one platform",
        "samples",
        10,
        "platform",
        "and table here",
        format="table",
        path="t.tsv#a",
    ),
    cell("a wave left out", "samples", 10, "wave", "W5", "no sample is of W4"),
    cell("bridge to nothing", "samples", -1, "bridge", "P77_D1_pbmc", "is not in samples.tsv"),
    cell("bridge to itself", "samples", -1, "bridge", "P01_D1_pbmc_again", "is the sample itself"),
    cell("bridge to another participant", "samples", -1, "bridge", "P02_D1_pbmc", "is of participant P02"),
    cell("bridge to another tissue", "samples", -1, "bridge", "P01_D1_muscle", "is of tissue muscle"),
    cell("bridge to another visit", "samples", -1, "bridge", "P01_M12_pbmc", "is of visit M12"),
    cell("bridge to another assay", "samples", -1, "bridge", "P01_D1_serum", "is of assay proteomics"),
    two_cells("bridge within a batch", "samples", -1, "bridge", "it bridges nothing", batch="chip_W1"),
    # --- whole files
    file_edit(
        "commas for tabs",
        "treatments.tsv",
        1,
        "",
        "are separated by commas",
        lambda one: one.replace(b"\t", b","),
    ),
    file_edit(
        "semicolons for tabs",
        "events.tsv",
        1,
        "",
        "are separated by semicolons",
        lambda one: one.replace(b"\t", b";"),
    ),
    file_edit(
        "Latin-1",
        "treatments.tsv",
        3,
        "",
        "is not UTF-8",
        lambda one: one.replace(b"rituximab", b"rituximab\xe9"),
    ),
    file_edit(
        "UTF-16", "events.tsv", 1, "", "is UTF-16", lambda one: one.decode().encode("utf-16"), alone=True
    ),
    file_edit(
        "missing column",
        "participants.tsv",
        1,
        "sex",
        "this column is missing",
        lambda one: one.replace(b"\tsex\t", b"\tautoantibodies\t", 1),
    ),
    file_edit(
        "column twice",
        "participants.tsv",
        1,
        "autoantibodies",
        "is there twice",
        lambda one: one.replace(b"\tonset_day\t", b"\tautoantibodies\t", 1),
    ),
    file_edit(
        "unknown column",
        "visits.tsv",
        1,
        "MRSS",
        "did you mean mrss?",
        lambda one: one.replace(b"\tmrss\t", b"\tMRSS\t", 1),
    ),
    file_edit(
        "a cell too few",
        "visits.tsv",
        4,
        "",
        "has 5 cells where the header line has 6",
        line_edit(4, lambda one: one.rpartition(b"\t")[0]),
    ),
    file_edit(
        "a cell too many",
        "visits.tsv",
        6,
        "",
        "has 7 cells where the header line has 6",
        line_edit(6, lambda one: one + b"\t1"),
    ),
    file_edit("a blank line", "samples.tsv", 5, "", "is a blank line", line_edit(5, lambda _: b"")),
    file_edit(
        "no rows", "samples.tsv", 0, "", "has no rows", lambda one: one.split(b"\n")[0] + b"\n", alone=True
    ),
    file_edit("an empty file", "events.tsv", 0, "", "is empty", lambda _: b"", alone=True),
    # --- raw files
    *(
        replace(fault, raw=True)
        for fault in (
            cell("missing raw file", "samples", 10, "path", "raw/gone.CEL", "raw/gone.CEL does not exist"),
            cell("folder for a raw file", "samples", 10, "path", "raw", "raw is a folder"),
            cell("md5 that differs", "samples", 10, "md5", MD5, "the md5 of raw/P03_D1_pbmc.CEL is"),
        )
    ),
    # --- configuration
    setting("unknown key", "analisis: {}\n", 1, "analisis", "there is no such key (did you mean analysis?)"),
    setting(
        "unknown key in a block",
        "analysis:\n  covariate: [age]\n",
        2,
        "analysis.covariate",
        "did you mean covariates?",
    ),
    setting(
        "NO for a text",
        "hold_back:\n  P02_D1_pbmc: NO\n",
        2,
        "hold_back.P02_D1_pbmc",
        "'NO': is read as false by YAML",
    ),
    setting(
        "1e3 for a number",
        "seed: 1e3\n",
        1,
        "seed",
        "'1e3': is read as text by YAML; allowed: a whole number",
    ),
    setting(
        "012 for a text",
        "hold_back: {P02_D1_pbmc: 012}\n",
        1,
        "hold_back.P02_D1_pbmc",
        "'012': is read as a whole number",
    ),
    setting(
        "unknown word",
        "analysis: {unknown_eligibility: drop}\n",
        1,
        "analysis.unknown_eligibility",
        "allowed: keep or exclude",
    ),
    setting("malformed wave", "release: wave2\n", 1, "release", "is not written as it must be"),
    setting(
        "release of no wave", "release: W7\n", 1, "release", "no sample is of this wave; allowed: W1, W2"
    ),
    setting(
        "unknown sample held back",
        "hold_back: {P99: lost}\n",
        1,
        "hold_back.P99",
        "P99 is not in samples.tsv",
    ),
    setting(
        "freeze on no wave",
        "freeze:\n  microarray:\n  - {id: F1, waves: [W9]}\n",
        3,
        "freeze.microarray[0].waves[0]",
        "no sample is of this wave",
    ),
    setting(
        "freeze on no platform",
        "freeze: {microarray: [{id: F1, waves: [W1], platforms: [chip_z]}]}\n",
        1,
        "freeze.microarray[0].platforms[0]",
        "no microarray sample is of this platform",
    ),
    setting(
        "freeze twice",
        "freeze: {microarray: [{id: F1, waves: [W1]}, {id: F1, waves: [W2]}]}\n",
        1,
        "freeze.microarray[1].id",
        "is there twice",
    ),
    setting("key twice", "seed: 1\nseed: 2\n", 2, "seed", "this key is there twice"),
    setting("no YAML", "seed: [1\n", 2, "", "is not YAML", alone=True),
    cell("chip that is not configured", "samples", 10, "platform", "chip_b", "is not in config.yaml"),
    # --- warnings
    cell("late M12", "visits", 3, "day", "500", "is outside the window of M12", warning=True),
    cell("event before inclusion", "events", 0, "day", "-5", "is before inclusion", warning=True),
    added(
        "routine visit before inclusion",
        "visits",
        0,
        "day",
        "is before inclusion",
        warning=True,
        visit="V0",
        timepoint="ROUTINE",
        day="-9",
    ),
    added(
        "tissue not taken from the population",
        "samples",
        0,
        "tissue",
        "does not take skin_healthy from population 1",
        warning=True,
        sample="N1",
        tissue="skin_healthy",
        path="raw/n.CEL",
    ),
    added(
        "muscle after inclusion",
        "samples",
        0,
        "tissue",
        "does not take muscle from population 1 at M12",
        warning=True,
        sample="N1",
        visit="M12",
        tissue="muscle",
        path="raw/n.CEL",
    ),
    added(
        "assay not made on the tissue",
        "samples",
        0,
        "assay",
        "does not measure serum by microarray",
        warning=True,
        sample="N1",
        tissue="serum",
        path="raw/n.CEL",
    ),
    Fault(
        "one skin site without the other",
        "samples.tsv",
        "tissue",
        "skin_healthy is missing beside it",
        without_healthy_skin,
        warning=True,
    ),
    cell(
        "replicate left out",
        "samples",
        10,
        "replicate",
        "2",
        "replicate 1 is missing before it",
        warning=True,
    ),
    file_edit(
        "byte-order mark",
        "visits.tsv",
        1,
        "",
        "byte-order mark",
        lambda one: b"\xef\xbb\xbf" + one,
        warning=True,
    ),
    file_edit(
        "CR LF", "visits.tsv", 1, "", "line ends CR LF", lambda one: one.replace(b"\n", b"\r\n"), warning=True
    ),
]


def reported(study: SmallStudy, folder: Path, **options: bool) -> list[str]:
    """The lines that loading the study gives: its errors, or its warnings when it is accepted."""
    study.write(folder)
    try:
        return [f"warning: {one}" for one in load_study(folder, **options).warnings]
    except InputError as error:
        return [f"error: {line}" for line in str(error).splitlines()]


def found(fault: Fault, where: str, lines: list[str]) -> str:
    """The line that reports `fault`, or nothing."""
    start = ("warning: " if fault.warning else "error: ") + where
    return next((line for line in lines if line.startswith(start) and fault.words in line), "")


def single(fault: Fault, folder: Path) -> str:
    """The line that reports `fault` when it is the only one of a study, or nothing."""
    study = SmallStudy()
    where = fault.plant(study)
    if fault.raw:
        study.write_raw_files(folder)
    return found(fault, where(), reported(study, folder, files=fault.raw))


NAME_COLUMNS = {
    "participants": ("participant",),
    "visits": ("participant", "visit"),
    "events": ("participant",),
    "treatments": ("participant",),
    "samples": ("sample", "participant", "visit", "platform", "batch"),
}
DAY_COLUMNS = {"visits": ("day",), "events": ("day",), "treatments": ("start_day",)}


def random_study(rng: random.Random) -> SmallStudy:
    """The small study with other ages, days and values."""
    study = SmallStudy()
    for row in study.sheets["participants"]:
        row["age"] = str(rng.randint(18, 90))
    for row in study.sheets["visits"]:
        row["day"] = str(rng.randint(0, 14) if row["timepoint"] == "D1" else rng.randint(275, 455))
        row["crp"] = f"{rng.uniform(0, 200):.1f}"
    return study


def random_fault(rng: random.Random, study: SmallStudy) -> Fault:
    """One of the faults of the table, or a name or a day that is none anywhere."""
    if rng.random() < 0.5:
        return rng.choice([fault for fault in FAULTS if not (fault.warning or fault.alone or fault.raw)])
    table, values = rng.choice([(NAME_COLUMNS, NAME_FAULTS), (DAY_COLUMNS, DAY_FAULTS)])
    sheet = rng.choice(list(table))
    name, value, words = rng.choice(values)
    column = rng.choice(table[sheet])
    return cell(f"{column}: {name}", sheet, rng.randrange(len(study.sheets[sheet])), column, value, words)


def random_pair(seed: int) -> tuple[SmallStudy, list[tuple[Fault, str]]]:
    """A study with two faults that do not undo each other, and where each must be reported.

    Two faults undo each other when they are made in the same line, in the same key of the configuration, when
    both change the form of the same file, or when one is judged against the file of the other (a visit after a
    death whose day is unreadable); such pairs are drawn again.
    """
    rng = random.Random(seed)  # noqa: S311 - reproducible, not secret
    while True:
        study = random_study(rng)
        faults = [random_fault(rng, study) for _ in range(2)]
        places = [fault.plant(study) for fault in faults]
        planted = [(fault, place()) for fault, place in zip(faults, places, strict=True)]
        if not _undone(study, planted):
            return study, planted


def _undone(study: SmallStudy, planted: list[tuple[Fault, str]]) -> bool:
    (one, here), (other, there) = planted
    if one.file != other.file:
        return one.rests_on == other.file or other.rests_on == one.file
    if one.file == "config.yaml":
        return one.column.partition(".")[0] == other.column.partition(".")[0]
    same_line = here.partition(", column")[0].rstrip(": ") == there.partition(", column")[0].rstrip(": ")
    return same_line or [file for file, _ in study.edits].count(one.file) > 1


def run(*, table: Path = Path(__file__).parent / "results" / "sheet_faults.tsv", pairs: int = PAIRS) -> None:
    """Write the table of faults and messages, and count what is reported of faults planted in pairs.

    Args:
        table: where to write fault, severity and message.
        pairs: how many random studies with two faults each to load.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        rows = [
            {"fault": fault.name, "severity": "warning" if fault.warning else "error", "message": message}
            for fault in FAULTS
            for message in [single(fault, folder / "single").partition(": ")[2]]
        ]
        write_tsv(table, ["fault", "severity", "message"], rows)
        print(f"{sum(bool(row['message']) for row in rows)} of {len(rows)} faults reported one by one")
        both = accepted = 0
        for seed in range(pairs):
            study, planted = random_pair(seed)
            lines = reported(study, folder / "pairs")
            both += all(found(fault, where, lines) for fault, where in planted)
            accepted += not any(line.startswith("error: ") for line in lines)
        print(f"{pairs} random studies with two faults each: both reported in {both}, accepted {accepted}")


if __name__ == "__main__":
    from scleromyomics.core.cli import entry_point

    entry_point(run)
