"""A chip's probes from its definition: a CDF (text or binary), or PGF + CLF + MPS of a whole-transcript chip.

Per probe set, the cell index (y * cols + x) of each perfect-match probe, 5' to 3' along the transcript (the
order of the CDF's atoms). A probe that two probe sets share counts in each.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from scleromyomics.core.cli import entry_point
from scleromyomics.core.errors import InputError
from scleromyomics.core.files import replacing, sha256, write_json
from scleromyomics.core.versions import versions
from scleromyomics.microarray.cdf import Layout, read_cdf
from scleromyomics.microarray.pgf import read_pgf
from scleromyomics.microarray.raw import shown

__all__ = ["Chip", "read_chip", "run"]


@dataclass(frozen=True)
class Chip:
    """The perfect-match probes of a chip type.

    Attributes:
        name: chip type as CEL headers name it.
        aliases: other chip types with the same layout.
        rows: cells down the chip.
        cols: cells across the chip.
        features: (n) names of the probe sets, sorted; each has a probe.
        probes: (probes) cell index y * cols + x, grouped by feature, 5' to 3'.
        starts: (n + 1) where the probes of each feature begin; the last entry is the number of probes.
    """

    name: str
    aliases: tuple[str, ...]
    rows: int
    cols: int
    features: NDArray[np.str_]
    probes: NDArray[np.int64]
    starts: NDArray[np.int64]

    def fits(self, chip_type: str) -> bool:
        """Whether the definition is for chips that their CEL files call `chip_type`."""
        return chip_type.lower() in {name.lower() for name in (self.name, *self.aliases)}

    def save(self, path: Path) -> None:
        """Write as npz, atomically; the same chip gives the same bytes."""
        with replacing(path) as temporary:
            np.savez(
                temporary,
                names=np.array([self.name, *self.aliases]),
                shape=np.array([self.rows, self.cols]),
                features=self.features,
                probes=self.probes,
                starts=self.starts,
            )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as found:
            name, *aliases = found["names"].tolist()
            rows, cols = found["shape"].tolist()
            return cls(name, tuple(aliases), rows, cols, found["features"], found["probes"], found["starts"])


def read_chip(definition: list[Path]) -> Chip:
    """Read a chip's definition: one CDF, or the PGF, CLF and MPS in any order.

    Raises:
        InputError: the files are not these, are incomplete or damaged, or name a probe set twice.
    """
    suffix = {path.name.lower().removesuffix(".gz").rpartition(".")[2]: path for path in definition}
    if len(definition) == 1:
        return _chip(read_cdf(definition[0]), definition[0])
    if len(definition) == 3 and set(suffix) == {"pgf", "clf", "mps"}:
        return _chip(read_pgf(suffix["pgf"], suffix["clf"], suffix["mps"]), suffix["mps"])
    found = ", ".join(path.name for path in definition) or "no file"
    raise InputError(f"definition: found {found}; allowed: one CDF, or one PGF, one CLF and one MPS")


def _chip(layout: Layout, path: Path) -> Chip:
    """The layout's features that have probes, sorted by name."""
    features, rank = np.unique(layout.features, return_inverse=True)
    if len(features) != len(layout.features):
        twice = layout.features[np.bincount(rank)[rank] > 1][0]
        raise InputError(f"file {path}: found probe set {shown(twice)} twice; allowed: each name once")
    owner = rank[layout.owner]
    if not owner.size:
        raise InputError(f"file {path}: found no perfect-match probe; allowed: an expression chip")
    order = np.argsort(owner, kind="stable")
    counts = np.bincount(owner, minlength=len(features))
    starts = np.concatenate([[0], np.cumsum(counts[counts > 0])])
    name, *aliases = layout.chips
    return Chip(
        name, tuple(aliases), layout.rows, layout.cols, features[counts > 0], layout.cell[order], starts
    )


def run(*, definition: list[Path], chip: Path, receipt: Path) -> None:
    """Read a chip's definition once, for all its arrays.

    Args:
        definition: one CDF, or the PGF, CLF and MPS.
        chip: the chip's probes, to write (npz).
        receipt: sha256 and size of each definition file and counts, to write (JSON).
    """
    found = read_chip(definition)
    found.save(chip)
    write_json(
        receipt,
        {
            "inputs": {
                path.name: {"sha256": sha256(path), "size": path.stat().st_size} for path in definition
            },
            "name": found.name,
            "aliases": found.aliases,
            "rows": found.rows,
            "cols": found.cols,
            "n_features": len(found.features),
            "n_probes": len(found.probes),
            "versions": versions("numpy"),
        },
    )


if __name__ == "__main__":
    entry_point(run)
