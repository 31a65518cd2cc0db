"""Raw files of the RNA chips from the latent truth: CEL files of the toy chip, expression tables of another platform.

References: the chip's definition, and for each platform the table that maps features to genes.
"""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scleromyomics.core.files import write_text, write_tsv
from scleromyomics.plan.cohort import Sample
from scleromyomics.simulate import chip
from scleromyomics.simulate.latent import Floats, Transcripts, batch_effect, stream

TABLE_PLATFORM = "ToySkin"
TABLE_NOISE_SD = 0.1
"""Measurement error of the finished tables, log2."""


@dataclass(frozen=True)
class Platforms:
    """The features of both platforms, one per transcript."""

    layout: chip.Layout
    table: NDArray[np.str_]

    @property
    def features(self) -> dict[str, NDArray[np.str_]]:
        """Feature names by platform."""
        return {chip.NAME: self.layout.features, TABLE_PLATFORM: self.table}


def platforms(genes: Transcripts, *, seed: int) -> Platforms:
    """Lay out the chip and name the features of the table."""
    numbers = stream(seed, "table").permutation(len(genes)) + 1
    return Platforms(chip.layout(len(genes), seed=seed), np.array([f"A_{number:05d}" for number in numbers]))


def configuration() -> dict[str, dict[str, Any]]:
    """The platforms as config.yaml names them."""
    return {
        chip.NAME: {
            "definition": [f"references/{chip.NAME}.cdf"],
            "annotation": f"references/{chip.NAME}.tsv",
        },
        TABLE_PLATFORM: {"annotation": f"references/{TABLE_PLATFORM}.tsv"},
    }


def write_references(folder: Path, genes: Transcripts, made: Platforms) -> None:
    """Write the chip's definition and both annotations (transcripts without a gene are not in them)."""
    from scleromyomics.simulate.affymetrix import write_cdf

    order = np.argsort(made.layout.features)
    write_cdf(
        folder / f"{chip.NAME}.cdf",
        rows=made.layout.side,
        cols=made.layout.side,
        features=made.layout.features[order],
        starts=np.arange(len(order) + 1) * chip.PROBES,
        pm=made.layout.pm[order].ravel(),
        mm=made.layout.mm[order].ravel(),
    )
    known = np.flatnonzero(genes.gene_symbol != "")
    for name, features in made.features.items():
        rows = [
            {"feature": features[one], "gene_symbol": genes.gene_symbol[one], "gene_id": genes.gene_id[one]}
            for one in known[np.argsort(features[known])]
        ]
        write_tsv(folder / f"{name}.tsv", ("feature", "gene_symbol", "gene_id"), rows)


def write_raw(
    directory: Path,
    samples: list[Sample],
    material: dict[str, Floats],
    *,
    genes: Transcripts,
    made: Platforms,
    poor: set[str],
    seed: int,
) -> None:
    """Write the raw files of all samples.

    Args:
        directory: of the study.
        samples: those of this assay.
        material: per sample, the true log2 expression of what it is made of.
        genes: the transcripts.
        made: the platforms.
        poor: samples whose array is of poor quality.
        seed: of the study.
    """
    from scleromyomics.simulate.affymetrix import write_cel

    tables: dict[Path, dict[str, Floats]] = defaultdict(dict)
    side = made.layout.side
    for sample in samples:
        path = directory / sample.paths[0]
        batch = batch_effect(genes, "microarray", sample.batch, sd=chip.BATCH_SD, seed=seed)
        measured = material[sample.sample] + batch
        rng = stream(seed, "array", sample.sample)
        if sample.format == "cel":
            cells = chip.scan(made.layout, measured, rng, poor=sample.sample in poor)
            write_cel(path, intensities=cells, chip_name=chip.NAME, rows=side, cols=side)
        else:
            tables[path][sample.sample] = measured + rng.normal(0, TABLE_NOISE_SD, len(genes))
    for path, columns in tables.items():
        write_wide(path, "feature", made.table, columns)


def write_wide(path: Path, corner: str, names: NDArray[np.str_], columns: dict[str, Floats]) -> None:
    """Write a table of one row per name (sorted) and one column per key, to four decimals."""
    order = np.argsort(names)
    values = np.column_stack(list(columns.values()))[order]
    head = "\t".join([corner, *columns])
    body = "\n".join(
        "\t".join([name, *map("{:.4f}".format, row)]) for name, row in zip(names[order], values, strict=True)
    )
    write_text(path, f"{head}\n{body}\n")
