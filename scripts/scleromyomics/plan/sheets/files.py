"""The files themselves: each is there, can be read, is not empty, and is the one that was declared."""

from collections.abc import Iterator
from pathlib import Path

from scleromyomics.core.files import md5, sha256
from scleromyomics.plan.config import Config
from scleromyomics.plan.document import Document
from scleromyomics.plan.gene_sets import gene_set_faults
from scleromyomics.plan.sheets.faults import Fault
from scleromyomics.plan.sheets.people import Sheets
from scleromyomics.plan.sheets.reader import Row

FOLDERS = {"10x_mtx"}
"""Formats whose path may be a folder."""

GENE_COLUMNS = {"feature", "gene_symbol", "gene_id"}
"""Columns that a chip's annotation must have."""


def file_faults(directory: Path, sheets: Sheets, document: Document[Config]) -> list[Fault]:
    """All faults of the files that samples.tsv and the configuration name, relative to `directory`."""
    faults = [fault for row in sheets["samples"].rows for fault in _sample(directory, sheets, row)]
    faults += _same_file(directory, sheets)
    if document.settings is not None:
        faults += _definitions(directory, document, document.settings)
        faults += _references(directory, document, document.settings)
        faults += gene_set_faults([directory / name for name in document.settings.gene_sets])
    return faults


def _sample(directory: Path, sheets: Sheets, row: Row) -> Iterator[Fault]:
    sheet = sheets["samples"]
    files, _ = row.get("path") or ((), "")
    declared = row.get("md5") or ()
    for place, file in enumerate(files):
        problem = obstacle(directory / file, folder=row.get("format") in FOLDERS)
        if problem:
            yield sheet.fault(row, "path", f"{file} {problem}", "a readable file that is not empty")
        elif len(declared) == len(files) and not (directory / file).is_dir():
            found = md5(directory / file)
            if found != declared[place]:
                yield sheet.fault(
                    row, "md5", f"the md5 of {file} is {found}", "the md5 of the file as delivered"
                )


def _same_file(directory: Path, sheets: Sheets) -> Iterator[Fault]:
    """Two paths that lead to one file, through links."""
    sheet = sheets["samples"]
    first: dict[tuple[Path, str], tuple[Row, str]] = {}
    for row in sheet.rows:
        files, column = row.get("path") or ((), "")
        for file in files:
            other, path = first.setdefault(((directory / file).resolve(), column), (row, file))
            if other is not row and path != file:
                problem = f"is the file {path} of {other.cells.get('sample')} on line {other.line}"
                yield sheet.fault(row, "path", problem, "one sample per file")


def _definitions(directory: Path, document: Document[Config], config: Config) -> Iterator[Fault]:
    for name, platform in config.microarray.platforms.items():
        here: list[str | int] = ["microarray", "platforms", name]
        places: list[tuple[list[str | int], str]] = [
            ([*here, "definition", place], file) for place, file in enumerate(platform.definition)
        ]
        if platform.annotation:
            places.append(([*here, "annotation"], platform.annotation))
        for place, file in places:
            problem = obstacle(directory / file)
            if problem:
                yield document.fault(place, problem, "a readable file that is not empty")
            elif file in platform.sha256 and sha256(directory / file) != platform.sha256[file]:
                yield document.fault(place, "its SHA-256 is not the declared one", platform.sha256[file])
            elif place[-1] == "annotation" and not _header(directory / file) >= GENE_COLUMNS:
                yield document.fault(place, "its header line lacks columns", ", ".join(sorted(GENE_COLUMNS)))


def _references(directory: Path, document: Document[Config], config: Config) -> Iterator[Fault]:
    """The genome, what is known of its positions, and what platforms capture."""
    known = config.variants.reference
    places: list[tuple[list[str | int], str | None]] = [
        (["variants", "reference", name], getattr(known, name)) for name in ("fasta", "gff3", "common")
    ]
    places += [
        (["variants", "reference", "annotations", name], file) for name, file in known.annotations.items()
    ]
    places += [
        (["variants", "platforms", name, "targets"], one.targets)
        for name, one in config.variants.platforms.items()
    ]
    for place, file in places:
        if file is None:
            continue
        problem = obstacle(directory / file)
        if problem:
            yield document.fault(place, problem, "a readable file that is not empty")
        elif file in known.sha256 and sha256(directory / file) != known.sha256[file]:
            yield document.fault(place, "its SHA-256 is not the declared one", known.sha256[file])


def _header(path: Path) -> set[str]:
    with path.open(encoding="utf-8", errors="replace") as handle:
        return set(handle.readline().rstrip("\r\n").split("\t"))


def obstacle(path: Path, *, folder: bool = False) -> str:
    """Why a file cannot be used, or nothing."""
    try:
        if path.is_dir():
            return (
                ""
                if folder and any(path.iterdir())
                else "is a folder"
                if not folder
                else "is an empty folder"
            )
        with path.open("rb") as handle:
            return "" if handle.read(1) else "is empty"
    except FileNotFoundError:
        return "does not exist"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
