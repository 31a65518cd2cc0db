"""FASTQ files of two lanes as a sequencer's software writes them, compressed, the same bytes from the same reads."""

import gzip
import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scleromyomics.core.files import replacing
from scleromyomics.simulate.coding import Bases, bases
from scleromyomics.simulate.people import LANES
from scleromyomics.simulate.reads import LENGTH, Mates

INSTRUMENT = "SIM01:7:FC01"
"""Instrument, run and flow cell in the names of reads."""
TILES = tuple(1101 + tile for tile in range(16))
LOWEST, HIGHEST = 10_000, 32_000
"""Range of the coordinates on a tile; of five digits, so that all names are of one length."""
LEVEL = 4
"""Of compression: four times as fast as the usual one, files 10 % larger."""


def lane_of(pairs: int) -> NDArray[np.int64]:
    """Lane (1, 2, ...) of each pair: the first half is the first lane's."""
    return np.arange(pairs) * LANES // max(1, pairs) + 1


def names(pairs: int, rng: np.random.Generator) -> Bases:
    """Names of the pairs in the order of lanes and tiles, one row each: SIM01:7:FC01:1:1101:10234:15678."""
    lane = lane_of(pairs)
    rank = np.arange(pairs) - np.searchsorted(lane, lane)
    size = np.bincount(lane)[lane]
    tile = np.array(TILES)[rank * len(TILES) // size]
    x = rng.integers(LOWEST, HIGHEST, pairs)
    on_tile = -(-size // len(TILES))
    y = LOWEST + (rank % on_tile) * (HIGHEST - LOWEST) // on_tile
    parts = [(lane, 1), (tile, 4), (x, 5), (y, 5)]
    prefix = np.broadcast_to(bases(INSTRUMENT), (pairs, len(INSTRUMENT)))
    columns = [prefix]
    for numbers, digits in parts:
        columns += [np.full((pairs, 1), ord(":"), np.uint8), _digits(numbers, digits)]
    return np.hstack(columns)


def _digits(numbers: NDArray[np.int64], count: int) -> Bases:
    return (numbers[:, None] // 10 ** np.arange(count - 1, -1, -1) % 10 + ord("0")).astype(np.uint8)


def write_fastq(paths: Sequence[Path], named: Bases, mates: Mates, index: str) -> None:
    """Write the mates of each lane.

    Args:
        paths: both mates of the first lane, then those of the next.
        named: a name per pair.
        mates: their reads.
        index: the sample's index sequence.
    """
    lane = lane_of(len(named))
    work = [(path, number // 2 + 1, number % 2) for number, path in enumerate(paths)]
    with ThreadPoolExecutor(2) as pool:
        list(
            pool.map(
                lambda one: _write(
                    one[0], _records(named, mates, one[2], index, np.flatnonzero(lane == one[1]))
                ),
                work,
            )
        )


def _records(named: Bases, mates: Mates, mate: int, index: str, rows: NDArray[np.int64]) -> Bases:
    """All records, one row each: they are of one length."""
    head = named.shape[1]
    comment = bases(f" {mate + 1}:N:0:{index}\n")
    width = 1 + head + len(comment) + LENGTH + 3 + LENGTH + 1
    out = np.empty((len(rows), width), np.uint8)
    out[:, 0] = ord("@")
    at = 1
    for part in (
        named[rows],
        comment,
        mates.bases[mate][rows],
        bases("\n+\n"),
        mates.qualities[mate][rows] + 33,
    ):
        size = part.shape[-1]
        out[:, at : at + size] = part
        at += size
    out[:, at] = ord("\n")
    return out


def _write(path: Path, records: Bases) -> None:
    with replacing(path) as temporary:
        buffer = io.BytesIO()
        with gzip.GzipFile(filename="", mode="wb", compresslevel=LEVEL, fileobj=buffer, mtime=0) as handle:
            handle.write(records.data)
        temporary.write_bytes(buffer.getvalue())
