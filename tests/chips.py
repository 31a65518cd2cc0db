"""Simulated groups of arrays, written as CEL files of a made-up chip, with their admission receipts."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scleromyomics.microarray import admit, chip
from scleromyomics.plan.rows import FreezeRow
from scleromyomics.simulate.affymetrix import write_cdf, write_cel

SEX_GENES = {"XIST": "F", "RPS4Y1": "M", "DDX3Y": "M"}  # gene: the sex that expresses it


@dataclass
class Group:
    """Raw intensities (arrays x probes) on a chip, and what the arrays are of."""

    probes: NDArray[np.float64]
    starts: NDArray[np.int64]
    tissues: list[str]
    sexes: list[str]

    @property
    def names(self) -> list[str]:
        return [f"s{number:02d}" for number in range(len(self.probes))]

    @property
    def features(self) -> list[str]:
        return [f"f{number:04d}_at" for number in range(self.starts.size - 1)]


def group(tissues: list[str], *, sets: int = 400, seed: int = 1) -> Group:
    """Arrays of these tissues, women and men in turn; the chip's first probe sets are those of the sex genes.

    Most probe sets have 11 probes, some 1 to 16; intensities are rounded, so that many are tied.
    """
    random = np.random.default_rng(seed)
    counts = np.full(sets, 11)
    counts[10::8] = random.integers(1, 17, counts[10::8].size)
    starts = np.concatenate([[0], np.cumsum(counts)])
    sexes = ["FM"[number % 2] for number in range(len(tissues))]
    level = random.normal(6.5, 1.8, sets)
    shift = {tissue: random.normal(0, 0.7, sets) for tissue in sorted(set(tissues))}
    effect = random.normal(0, 1, starts[-1])
    probes = np.empty((len(tissues), starts[-1]))
    for number, (tissue, sex) in enumerate(zip(tissues, sexes, strict=True)):
        value = level + shift[tissue] + random.normal(0, 0.25, sets)
        value[: len(SEX_GENES)] = [9.5 if sex == own else 4.0 for own in SEX_GENES.values()]
        signal = 2 ** (np.repeat(value, counts) + effect + random.normal(0, 0.2, effect.size))
        probes[number] = np.round(np.clip(signal + random.normal(60, 8, effect.size), 1, 65535), number % 2)
    return Group(probes.astype(np.float32).astype(np.float64), starts, tissues, sexes)


def write_group(folder: Path, made: Group, *, chip_name: str = "toychip") -> tuple[Path, list[FreezeRow]]:
    """Write chip definition, CEL files and admission receipts; the chip (npz), and rows for a fit."""
    folder.mkdir(parents=True, exist_ok=True)
    side = int(np.ceil(np.sqrt(made.starts[-1])))
    grid = {"rows": side, "cols": side}
    cells = np.random.default_rng(0).permutation(side * side)[: made.starts[-1]]
    write_cdf(folder / f"{chip_name}.cdf", **grid, features=made.features, starts=made.starts, pm=cells)
    layout = folder / "chip.npz"
    chip.run(definition=[folder / f"{chip_name}.cdf"], chip=layout, receipt=folder / "chip.json")
    rows = []
    for number, name in enumerate(made.names):
        image = np.full(side * side, 50.0)
        image[cells] = made.probes[number]
        raw, receipt = folder / f"{name}.CEL", folder / name / "raw.receipt.json"
        write_cel(raw, intensities=image, chip_name=chip_name, **grid)
        admit.run(sample=name, raw=raw, format="cel", chip=layout, receipt=receipt)
        rows.append(row(name, made.tissues[number], made.sexes[number], raw, receipt.parent))
    return layout, rows


def row(sample: str, tissue: str, sex: str, raw: Path, folder: Path, *, column: str = "") -> FreezeRow:
    return FreezeRow(
        sample=sample,
        participant=sample,
        group="ssc",
        tissue=tissue,
        sex=sex,
        raw=raw,
        folder=folder,
        format="table" if column else "cel",
        column=column,
        usable=True,
        reason="",
    )


def write_annotation(path: Path, made: Group) -> Path:
    """Genes of the chip: the sex genes, a name for most others, none for the last feature."""
    lines = ["feature\tgene_symbol\tgene_id"]
    symbols = [*SEX_GENES, *(f"G{n}" for n in range(len(SEX_GENES), len(made.features) - 1))]
    lines += [
        f"{feature}\t{symbol}\tid_{symbol}" for feature, symbol in zip(made.features, symbols, strict=False)
    ]
    path.write_text("\n".join(lines) + "\n")
    return path
