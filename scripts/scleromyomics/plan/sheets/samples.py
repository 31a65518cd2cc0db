"""Rules across the rows of samples.tsv, and between it and the other sheets."""

import posixpath
from collections import defaultdict
from collections.abc import Iterator

from scleromyomics.plan.protocol import Protocol
from scleromyomics.plan.sheets.faults import Fault
from scleromyomics.plan.sheets.people import Sheets, case_variants, strangers
from scleromyomics.plan.sheets.reader import Row, Sheet

TABLES = {"table", "series_matrix", "maxquant", "diann", "fragpipe", "spectronaut", "quantms"}
"""Formats in which one file holds many samples: the sample's column follows the path, table.tsv#column."""
MAY_HOLD_MANY = {"vcf", "gvcf"}
"""Formats in which a file may hold many samples, or one."""
ONE_FILE = TABLES | MAY_HOLD_MANY | {"cel", "bam", "cram", "10x_h5", "h5ad"}
"""Formats with exactly one file per sample."""
ONE_KIND = {"microarray", "proteomics"}
"""Assays whose values from raw files and from finished tables are on different scales: two platforms."""


def sample_faults(sheets: Sheets, protocol: Protocol) -> list[Fault]:
    """All faults of samples.tsv that no single cell shows."""
    sheet = sheets["samples"]
    return [
        *strangers(sheet, sheets),
        *_names(sheet),
        *_visits(sheet, sheets),
        *_taken(sheet, sheets, protocol),
        *_skin_pairs(sheet, sheets, protocol),
        *_formats(sheet, protocol),
        *_shared_files(sheet),
        *_replicates(sheet),
        *_platforms(sheet),
        *_waves(sheet),
        *_bridges(sheet),
    ]


def _names(sheet: Sheet) -> Iterator[Fault]:
    for column in ("sample", "batch", "platform"):
        yield from case_variants(sheet, column)
    first: dict[str, Row] = {}
    for row in sheet.rows:
        name = row.get("sample")
        if name and first.setdefault(name, row) is not row:
            yield sheet.fault(row, "sample", f"is on line {first[name].line} already", "one row per sample")


def _visits(sheet: Sheet, sheets: Sheets) -> Iterator[Fault]:
    """Samples at a visit that does not exist."""
    visits: defaultdict[str | None, set[str | None]] = defaultdict(set)
    for row in sheets["visits"].rows:
        visits[row.cells.get("participant")].add(row.cells.get("visit"))
    people = {row.cells.get("participant") for row in sheets["participants"].rows}
    if not sheets["visits"].present:
        return
    for row in sheet.rows:
        participant, visit = row.get("participant"), row.get("visit")
        known = visits.get(participant, set())
        if (known or participant in people) and visit and visit not in known:
            problem = f"is no visit of {participant} in visits.tsv"
            yield sheet.fault(row, "visit", problem, f"a visit of the participant: {_words(known)}")


def _populations(sheets: Sheets) -> dict[str, int]:
    return {row.get("participant"): row.get("population") for row in sheets["participants"].rows}


def _timepoints(sheets: Sheets) -> dict[tuple[str, str], str]:
    return {(row.get("participant"), row.get("visit")): row.get("timepoint") for row in sheets["visits"].rows}


def _taken(sheet: Sheet, sheets: Sheets, protocol: Protocol) -> Iterator[Fault]:
    """Warnings: tissues and assays that the protocol does not take there."""
    populations, timepoints = _populations(sheets), _timepoints(sheets)
    for row in sheet.rows:
        tissue, assay = row.get("tissue"), row.get("assay")
        measured = protocol.assays.get(assay)
        if assay and measured is None:
            yield sheet.fault(row, "assay", "is not in the protocol", ", ".join(protocol.assays))
        elif tissue and measured and tissue not in measured.tissues:
            problem = f"the protocol does not measure {tissue} by {assay}"
            yield sheet.fault(row, "assay", problem, f"by {assay}: {', '.join(measured.tissues)}", "warning")
        number = populations.get(row.get("participant"))
        population = protocol.populations.get(number) if number else None
        if population is None or tissue is None:
            continue
        scheduled = population.tissues.get(tissue)
        timepoint = timepoints.get((row.get("participant"), row.get("visit")))
        if scheduled is None:
            problem = f"the protocol does not take {tissue} from population {number}"
            yield sheet.fault(row, "tissue", problem, ", ".join(population.tissues), "warning")
        elif timepoint in protocol.visits and timepoint not in scheduled:
            problem = f"the protocol does not take {tissue} from population {number} at {timepoint}"
            yield sheet.fault(row, "tissue", problem, f"{tissue} at {', '.join(scheduled)}", "warning")
        elif timepoint == "ROUTINE" or (timepoint == "EVENT" and set(scheduled) <= {"D1"}):
            problem = f"the protocol does not take {tissue} from population {number} at {timepoint} visits"
            yield sheet.fault(row, "tissue", problem, f"{tissue} at {', '.join(scheduled)}", "warning")


def _skin_pairs(sheet: Sheet, sheets: Sheets, protocol: Protocol) -> Iterator[Fault]:
    """Warnings: one skin site without the other, where the protocol takes both."""
    both = {"skin_sclerotic", "skin_healthy"}
    paired = {number for number, one in protocol.populations.items() if both <= set(one.tissues)}
    populations = _populations(sheets)
    sites: defaultdict[tuple[str, str, str], dict[str, Row]] = defaultdict(dict)
    for row in sheet.rows:
        if row.get("tissue") in both and populations.get(row.get("participant")) in paired:
            key = (row.get("participant"), row.get("visit"), row.get("assay"))
            sites[key].setdefault(row.get("tissue"), row)
    for found in sites.values():
        for missing in both - set(found):
            row = next(iter(found.values()))
            problem = f"{missing} is missing beside it at this visit and assay"
            yield sheet.fault(row, "tissue", problem, "both skin sites", "warning")


def _formats(sheet: Sheet, protocol: Protocol) -> Iterator[Fault]:
    """Formats that the assay does not have, paths that the format does not have, md5s without path."""
    for row in sheet.rows:
        form, measured = row.get("format"), protocol.assays.get(row.get("assay"))
        if form and measured and form not in measured.formats:
            problem = f"is no format of {row.get('assay')}"
            yield sheet.fault(row, "format", problem, ", ".join(measured.formats))
        files, column = row.get("path") or ((), "")
        if form and files:
            if form in TABLES and not column:
                yield sheet.fault(row, "path", f"format {form} needs the sample's column", "table.tsv#column")
            if column and form not in TABLES | MAY_HOLD_MANY:
                yield sheet.fault(row, "path", f"format {form} has no columns", "a path without #")
            if form == "fastq" and len(files) % 2:
                problem = f"holds {len(files)} {'path' if len(files) == 1 else 'paths'}"
                yield sheet.fault(row, "path", problem, "R1;R2 of each lane, one lane after another")
            if form in ONE_FILE and len(files) > 1:
                yield sheet.fault(row, "path", f"holds {len(files)} paths", f"one path for format {form}")
        if files and row.get("md5") and len(row.get("md5")) != len(files):
            problem = f"holds {len(row.get('md5'))} md5 for {len(files)} path"
            yield sheet.fault(row, "md5", problem, "one md5 per path, separated by ;, or a blank cell")


def _shared_files(sheet: Sheet) -> Iterator[Fault]:
    """One file (or one column of a table) under two samples, by its path or by its md5."""
    path_of: dict[tuple[str, str], Row] = {}
    md5_of: dict[tuple[str, str], Row] = {}
    for row in sheet.rows:
        files, column = row.get("path") or ((), "")
        for file in files:
            other = path_of.setdefault((posixpath.normpath(file), column), row)
            if other is not row:
                problem = f"is the file of {other.cells.get('sample')} on line {other.line} too"
                yield sheet.fault(row, "path", problem, "one sample per file, or per column of a table")
        if len({posixpath.normpath(file) for file in files}) < len(files):
            yield sheet.fault(row, "path", "holds a path twice", "each path once")
        for md5 in row.get("md5") or ():
            other = md5_of.setdefault((md5, column), row)
            if other is not row:
                problem = (
                    f"is the md5 of {other.cells.get('sample')} on line {other.line} too: one file twice"
                )
                yield sheet.fault(row, "md5", problem, "one sample per file")


def _replicates(sheet: Sheet) -> Iterator[Fault]:
    """Two samples with the same replicate number, and numbers left out."""
    key = ("participant", "visit", "tissue", "assay", "platform")
    groups: defaultdict[tuple[str, ...], dict[int, Row]] = defaultdict(dict)
    for row in sheet.rows:
        group = tuple(row.get(name) for name in key)
        if None in group or row.get("replicate") is None:
            continue
        other = groups[group].setdefault(row.get("replicate"), row)
        if other is not row and other.get("sample") != row.get("sample"):
            problem = f"is that of {other.cells.get('sample')} on line {other.line}: an undeclared replicate"
            yield sheet.fault(row, "replicate", problem, f"1, 2, ... per {', '.join(key)}")
    for found in groups.values():
        for expected, (number, row) in enumerate(sorted(found.items()), start=1):
            if number != expected:
                problem = f"replicate {expected} is missing before it"
                yield sheet.fault(row, "replicate", problem, "1, 2, ... without gaps", "warning")
                break


def _platforms(sheet: Sheet) -> Iterator[Fault]:
    """Two platforms under one name: of two assays, or of raw files and of finished tables."""
    first: dict[str, Row] = {}
    told: set[tuple[str, str, bool]] = set()
    for row in sheet.rows:
        name, assay, form = (row.get(one) for one in ("platform", "assay", "format"))
        if not name or not assay or not form:
            continue
        other = first.setdefault(name, row)
        use = (name, assay, form in TABLES)
        if use in told:
            continue
        told.add(use)
        if other.get("assay") != assay:
            problem = (
                f"is a platform of {other.get('assay')} on line {other.line}: two platforms under one name"
            )
            yield sheet.fault(row, "platform", problem, "one assay per platform")
        elif assay in ONE_KIND and (other.get("format") in TABLES) != (form in TABLES):
            formats = f"format {other.get('format')} on line {other.line} and {form} here"
            problem = f"has {formats}: two platforms under one name"
            yield sheet.fault(row, "platform", problem, "a name of its own for finished tables")


def _waves(sheet: Sheet) -> Iterator[Fault]:
    """Waves that leave a number out."""
    first: dict[int, Row] = {}
    for row in sheet.rows:
        if row.get("wave"):
            first.setdefault(int(row.get("wave")[1:]), row)
    for number, row in sorted(first.items()):
        if number > 1 and number - 1 not in first:
            yield sheet.fault(row, "wave", f"no sample is of W{number - 1}", "W1, W2, ... without gaps")


def _words(words: set[str | None]) -> str:
    return ", ".join(sorted(filter(None, words))) or "none so far"


def _bridges(sheet: Sheet) -> Iterator[Fault]:
    """Samples that measure again the material of a sample that is not there, or is of other material."""
    named = {row.get("sample"): row for row in sheet.rows if row.get("sample")}
    mentioned = {row.cells.get("sample") for row in sheet.rows}
    for row in sheet.rows:
        bridge = row.get("bridge")
        first = named.get(bridge)
        if bridge is None:
            continue
        if first is None:
            if bridge not in mentioned:
                yield sheet.fault(row, "bridge", "is not in samples.tsv", "a sample of samples.tsv")
            continue
        if first is row:
            yield sheet.fault(row, "bridge", "is the sample itself", "the sample that was measured first")
            continue
        yield from _bridge(sheet, row, first)


def _bridge(sheet: Sheet, row: Row, first: Row) -> Iterator[Fault]:
    same = ("participant", "visit", "tissue", "assay")
    others = [
        name
        for name in same
        if None not in (row.get(name), first.get(name)) and row.get(name) != first.get(name)
    ]
    for name in others:
        problem = f"is of {name} {first.get(name)}, this sample of {row.get(name)}"
        yield sheet.fault(row, "bridge", problem, f"a sample of the same {', '.join(same)}")
    if row.get("batch") and row.get("batch") == first.get("batch"):
        problem = f"is of the same batch {row.get('batch')}: it bridges nothing"
        yield sheet.fault(row, "bridge", problem, "a sample of another batch")
    if first.get("bridge"):
        problem = f"itself measures {first.get('bridge')} again"
        yield sheet.fault(row, "bridge", problem, "the sample that was measured first")
    waves = [one.get("wave") for one in (row, first)]
    if None not in waves and int(waves[0][1:]) < int(waves[1][1:]):
        yield sheet.fault(
            row, "bridge", f"is of wave {waves[1]}, after this sample's", "a sample of an earlier wave"
        )
