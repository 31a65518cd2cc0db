"""The gene sets of a study: the curated ones of this repository, and those of GMT files that the study brings.

A GMT file has one set per line: its name, a description, then its genes, with tabs between. Genes are HGNC symbols.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scleromyomics.core.errors import InputError
from scleromyomics.core.files import read_tsv
from scleromyomics.plan.sheets.faults import Fault

CURATED = Path(__file__).parents[3] / "resources" / "gene_sets" / "curated.tsv"
FEWEST_GENES = 2  # of a set, as it is written: one gene is no set


@dataclass(frozen=True, slots=True)
class GeneSet:
    """A set of genes that one source groups together."""

    name: str
    source: str  # the papers, or the user's file
    genes: tuple[str, ...]  # symbols, sorted


def read_gene_sets(files: Sequence[Path]) -> list[GeneSet]:
    """The curated sets and those of GMT files, sorted by name.

    Raises:
        InputError: for every fault of the files, a line each.
    """
    found, faults = _read(files)
    if faults:
        raise InputError("\n".join(map(str, faults)))
    return sorted(found, key=lambda one: one.name)


def gene_set_faults(files: Sequence[Path]) -> list[Fault]:
    """All faults of GMT files."""
    return _read(files)[1]


def _read(files: Sequence[Path]) -> tuple[list[GeneSet], list[Fault]]:
    found, faults = _curated(), []
    for path in files:
        file = f"gene_sets {path}"
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            faults.append(Fault(file, 0, "", None, "does not exist", "a GMT file in the study directory"))
            continue
        except (OSError, UnicodeDecodeError) as error:
            faults.append(Fault(file, 0, "", None, f"cannot be read ({error})", "a GMT file, UTF-8"))
            continue
        known = {one.name: one.source for one in found}
        filled = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
        if not filled:
            faults.append(Fault(file, 0, "", None, "is empty", "a gene set per line"))
        for number, line in filled:
            name, *rest = (cell.strip() for cell in line.split("\t"))
            genes = tuple(sorted({gene for gene in rest[1:] if gene}))
            if problem := _problem(name, genes, known, columns=1 + len(rest)):
                faults.append(Fault(file, number, "", None, *problem))
            else:
                found.append(GeneSet(name, path.name, genes))
                known[name] = path.name
    return found, faults


def _problem(
    name: str, genes: tuple[str, ...], known: dict[str, str], *, columns: int
) -> tuple[str, str] | None:
    """What is wrong with a line that is not empty, and what is allowed."""
    if columns < 2 + FEWEST_GENES:
        return f"{columns} columns", f"name, description, {FEWEST_GENES} genes or more, with tabs between"
    if len(genes) < FEWEST_GENES:
        return f"{name!r} has {len(genes)} genes", f"at least {FEWEST_GENES} different ones"
    if not name:
        return "no name", "a name in the first column"
    if name in known:
        return f"{name!r} is there already ({known[name]})", "each name once"
    return None


def _curated() -> list[GeneSet]:
    members: dict[str, list[dict[str, str]]] = {}
    for row in read_tsv(CURATED):
        members.setdefault(row["gene_set"], []).append(row)
    return [
        GeneSet(
            name,
            "; ".join(dict.fromkeys(row["source"] for row in rows)),
            tuple(sorted(row["gene_symbol"] for row in rows)),
        )
        for name, rows in members.items()
    ]
