"""The target regions of a platform: its BED sorted, merged and checked against the genome, or whole contigs.

BED counts from 0, the end not included. Regions that overlap or touch become one. Names, scores and strands are
dropped.
"""

import gzip
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scleromyomics.core.cli import entry_point
from scleromyomics.core.errors import InputError
from scleromyomics.core.files import read_json, sha256, write_json, write_text
from scleromyomics.core.versions import versions
from scleromyomics.variants.contigs import stranger
from scleromyomics.variants.fastq import fault, opened

HEADERS = ("#", "track", "browser")
MOST_FAULTS = 10  # lines of an error: who has taken the wrong file needs no thousands

Intervals = NDArray[np.int64]
"""Start and end of each region."""


def read_bed(path: Path, contigs: Mapping[str, int]) -> dict[str, Intervals]:
    """The regions of a BED (plain or gzip) by contig, in the order of the genome, sorted and merged.

    Args:
        path: the file.
        contigs: lengths of the genome's contigs by name.

    Raises:
        InputError: the first faults, one line each; of a contig that the genome does not have only the first.
    """
    found: dict[str, list[tuple[int, int]]] = {}
    faults: list[str] = []
    strangers: set[str] = set()
    for number, line in _lines(path):
        where = f"file {path}, line {number}"
        fields = line.split("\t") if "\t" in line else line.split()
        places = [field for field in fields[1:3] if field.isascii() and field.isdigit()]
        if len(places) < 2:
            faults.append(f"{where}: found {line[:60]!a}; allowed: contig, start and end, between tabs")
        elif fields[0] not in contigs:
            if fields[0] not in strangers:
                faults.append(str(stranger(where, fields[0], contigs, "bed")))
            strangers.add(fields[0])
        else:
            start, end = map(int, places)
            region = f"{where}: found {fields[0]} {start} to {end}"
            if start >= end:
                faults.append(f"{region}; allowed: an end beyond the start")
            elif end > contigs[fields[0]]:
                faults.append(f"{region}; allowed: an end up to {contigs[fields[0]]}, the contig's length")
            else:
                found.setdefault(fields[0], []).append((start, end))
        if len(faults) == MOST_FAULTS:
            break
    if faults:
        raise InputError("\n".join(faults))
    if not found:
        raise fault(path, "no region", "contig, start and end, between tabs")
    return {name: merged(np.array(found[name], dtype=np.int64)) for name in contigs if name in found}


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines with regions, and their numbers."""
    try:
        with opened(path) as handle:
            for number, line in enumerate(handle, 1):
                text = line.decode("utf-8", "replace").strip("\r\n")
                if text.strip() and not text.startswith(HEADERS):
                    yield number, text
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise fault(path, "a damaged gzip file", "a complete one") from error


def merged(regions: Intervals) -> Intervals:
    """The regions sorted, those that overlap or touch as one."""
    ordered = regions[np.argsort(regions[:, 0], kind="stable")]
    reach = np.maximum.accumulate(ordered[:, 1])
    first = np.concatenate([[True], ordered[1:, 0] > reach[:-1]])
    last = np.append(first[1:], True)
    return np.column_stack([ordered[first, 0], reach[last]])


def run(
    *,
    reference: Path,
    targets: Path,
    receipt: Path,
    bed: Path | None = None,
) -> None:
    """Write the target regions of a platform.

    Args:
        reference: receipt of the genome.
        targets: BED to write.
        receipt: counts and digests to write (JSON).
        bed: what the platform captures; whole contigs where it is not given.

    Raises:
        InputError: the BED is missing, or is not of this genome.
    """
    told = read_json(reference)
    contigs = {name: told["contigs"][name] for name in told.get("order", told["contigs"])}
    if bed is not None and not bed.is_file():
        raise InputError(f"variants.platforms: found no file {bed}; allowed: an existing BED")
    regions = (
        read_bed(bed, contigs) if bed else {name: np.array([[0, length]]) for name, length in contigs.items()}
    )
    write_text(
        targets,
        "".join(
            f"{name}\t{start}\t{end}\n" for name, rows in regions.items() for start, end in rows.tolist()
        ),
    )
    facts = {
        "regions": sum(len(rows) for rows in regions.values()),
        "bases": {name: int((rows[:, 1] - rows[:, 0]).sum()) for name, rows in regions.items()},
        "whole_genome": bed is None,
        "bed_sha256": sha256(bed) if bed else "",
        "sha256": sha256(targets),
        "size": targets.stat().st_size,
        "versions": versions("numpy"),
    }
    write_json(receipt, facts)


if __name__ == "__main__":
    entry_point(run)
