"""Read the definition of a whole-transcript chip: PGF (probe groups), CLF (places) and MPS (genes).

Each plain or gzip. The features are the meta-probe sets of the MPS (its core-gene level): all probes of
type pm* of the probe sets that it lists. Formats: Affymetrix Power Tools, file formats PGF, CLF and MPS.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scleromyomics.microarray.cdf import Layout
from scleromyomics.microarray.raw import (
    CR,
    LF,
    SPACE,
    TAB,
    Integers,
    Rows,
    Text,
    content,
    decoded,
    fault,
    shown,
)

COMMENT = ord("#")

__all__ = ["read_pgf"]


def read_pgf(pgf: Path, clf: Path, mps: Path) -> Layout:
    """Read the PM probes of each meta-probe set, in the order of the MPS and, within, of the PGF.

    Raises:
        InputError: a file is incomplete or damaged, or the three do not belong together.
    """
    groups, places, genes = (Text(path, content(path)) for path in (pgf, clf, mps))
    chips = _settings(groups).get("chip_type", [])
    others = _settings(places).get("chip_type", [])
    if not chips or not set(chips) & set(others):
        raise fault(clf, f"chip types {shown(others)}", f"those of {pgf.name}: {shown(chips)}")
    probe_sets, owner, probes = _groups(groups)
    names, gene, listed = _genes(genes)
    member = _found(mps, "probe set", listed, probe_sets, pgf.name)
    first = np.searchsorted(owner, member)
    count = np.searchsorted(owner, member, "right") - first
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    chosen = probes[np.repeat(first, count) + within]
    rows, cols, identifiers, cell = _places(places)
    at = cell[_found(pgf, "probe", chosen, identifiers, clf.name)]
    return Layout(tuple(dict.fromkeys(chips)), rows, cols, names, np.repeat(gene, count), at)


def _found(path: Path, kind: str, wanted: Integers, known: Integers, place: str) -> Integers:
    """The position of each of `wanted` in `known`, of which every one is there once."""
    order = np.argsort(known, kind="stable")
    at = np.searchsorted(known, wanted, sorter=order)
    position = order[np.minimum(at, len(order) - 1)]
    absent = known[position] != wanted
    if absent.any():
        raise fault(path, f"{kind} {wanted[absent][0]}, which is not in {place}", "files of one library set")
    return position


def _settings(text: Text) -> dict[str, list[str]]:
    return text.settings(text.starting(b"#%"), "#%")


def _body(text: Text) -> Integers:
    """The lines that are neither empty nor comments."""
    lines = np.flatnonzero(text.stop > text.start)
    lines = lines[text.data[text.start[lines]] != COMMENT]
    if not lines.size:
        raise fault(text.path, "no line of data", "a complete file")
    return lines


def _column(text: Text, columns: list[str], name: str) -> int:
    if name not in columns:
        raise fault(text.path, f"the columns {shown(columns)}", f"a column {name}")
    return columns.index(name)


def _header(text: Text, level: int) -> list[str]:
    return _settings(text).get(f"header{level}", [""])[0].split("\t")


def _groups(text: Text) -> tuple[Integers, Integers, Integers]:
    """Probe-set numbers; and of each PM probe, in file order, the position of its set and its own number."""
    lines = _body(text)
    start = text.start[lines]
    nested = (text.data[start] == TAB).astype(np.int64)
    nested += nested * (text.data[start + 1] == TAB)  # 0 probe set, 1 atom, 2 probe
    if nested[0] != 0:
        raise fault(text.path, "a probe before the first probe set", "a complete PGF")
    sets = text.rows(lines[nested == 0]).integers(_column(text, _header(text, 0), "probeset_id"))
    if len(np.unique(sets)) != len(sets):
        raise fault(text.path, "a probe set listed twice", "each once")
    probes: Rows = text.rows(lines[nested == 2])
    columns = _header(text, 2)
    kind, stop = probes.bounds(_column(text, columns, "type"))
    perfect = (stop - kind >= 2) & (text.data[kind] == ord("p")) & (text.data[kind + 1] == ord("m"))
    owner = (np.cumsum(nested == 0) - 1)[nested == 2]
    return sets, owner[perfect], probes.integers(_column(text, columns, "probe_id"))[perfect]


def _places(text: Text) -> tuple[int, int, Integers, Integers]:
    """Rows, columns; and of each probe its number and cell index."""
    facts = _settings(text)
    size = [facts.get(key, [""])[0] for key in ("rows", "cols")]
    if not all(value.isdecimal() and 0 < len(value) < 6 for value in size):
        raise fault(text.path, f"rows and cols {shown(size)}", "two whole numbers")
    rows, cols = map(int, size)
    columns = _header(text, 0)
    table = text.rows(_body(text))
    probe, x, y = (table.integers(_column(text, columns, name)) for name in ("probe_id", "x", "y"))
    if x.max() >= cols or y.max() >= rows:
        raise fault(text.path, f"a cell at x {x.max()} or y {y.max()}", f"cells within {cols} x {rows}")
    return rows, cols, probe, y * cols + x


def _genes(text: Text) -> tuple[NDArray[np.str_], Integers, Integers]:
    """Names of the meta-probe sets; of each probe set listed, the position of its meta set and its number."""
    lines = _body(text)
    columns = text.line(int(lines[0])).split("\t")
    table = text.rows(lines[1:])
    names = decoded(text.path, table.strings(_column(text, columns, "probeset_id")))
    start, stop = table.bounds(_column(text, columns, "probeset_list"))
    gap = np.isin(text.data, (SPACE, TAB, LF, CR))
    first = np.flatnonzero(~gap & np.concatenate([[True], gap[:-1]]))
    last = np.flatnonzero(gap & ~np.concatenate([[True], gap[:-1]]))
    owner = np.searchsorted(start, first, "right") - 1
    listed = (owner >= 0) & (first < stop[owner])
    return names, owner[listed], text.integers(first[listed], last[listed])
