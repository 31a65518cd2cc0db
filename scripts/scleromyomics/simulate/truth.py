"""The planted truth of a simulated study, as tables: what a method should find, and what it should not."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scleromyomics.core.files import write_tsv
from scleromyomics.plan.cohort import Cohort, Sample, wave_number
from scleromyomics.simulate import chip
from scleromyomics.simulate.latent import (
    EFFECTS,
    TISSUES,
    Floats,
    Transcripts,
    batch_effect,
    deviation,
    level,
    severity,
    shift,
)
from scleromyomics.simulate.microarray import write_wide


@dataclass(frozen=True, slots=True)
class Planted:
    """A raw file that is not what it should be."""

    sample: str
    fault: str  # poor | swapped | contaminated
    material: str  # the participant whose material was measured, where it is another, or partly another


def write_transcripts(folder: Path, genes: Transcripts, features: dict[str, NDArray[np.str_]]) -> None:
    """Every transcript: its names on each platform, its programme, level by tissue (a woman's) and spread."""
    levels = {f"level_{tissue}": level(genes, tissue, "F") for tissue in TISSUES}
    numbers = {**levels, "spread": genes.spread, "shared": genes.shared, "severity": genes.severity}
    texts = {
        "transcript": genes.name,
        **features,
        "gene_symbol": genes.gene_symbol,
        "gene_id": genes.gene_id,
        "programme": genes.programme,
        "cell_type": genes.cell_type,
        "chromosome": genes.chromosome,
    }
    rows = [
        {name: str(column[one]) for name, column in texts.items()}
        | {name: round(float(column[one]), 4) for name, column in numbers.items()}
        for one in np.argsort(genes.name)
    ]
    write_tsv(folder / "transcripts.tsv", [*texts, *numbers], rows)


def write_effects(
    folder: Path, genes: Transcripts, features: dict[str, NDArray[np.str_]], *, seed: int
) -> None:
    """Every effect on every transcript that it moves."""
    rows = []
    for effect in EFFECTS:
        size = shift(genes, effect, seed=seed)
        condition = effect.treatment or effect.complication or ""
        shared = {
            "effect": effect.name,
            "kind": effect.kind,
            "programme": effect.programme,
            "group": ";".join(effect.groups),
            "tissue": ";".join(effect.tissues),
            "cell_type": effect.cell_type,
            "composition": effect.composition,
            "condition": condition,
        }
        rows += [
            shared
            | {name: str(column[one]) for name, column in features.items()}
            | {"gene_symbol": str(genes.gene_symbol[one]), "log2": round(float(size[one]), 4)}
            for one in np.flatnonzero(size)
        ]
    rows.sort(key=lambda row: (row["effect"], row["gene_symbol"]))
    write_tsv(folder / "effects.tsv", list(rows[0]), rows)


def write_planted(folder: Path, planted: list[Planted]) -> None:
    """Raw files that are not what they should be."""
    columns = ("sample", "fault", "material")
    rows = [asdict(one) for one in sorted(planted, key=lambda one: one.sample)]
    write_tsv(folder / "planted.tsv", columns, rows)


def write_draws(
    folder: Path,
    genes: Transcripts,
    cohort: Cohort,
    samples: list[Sample],
    material: dict[str, Floats],
    *,
    seed: int,
) -> None:
    """What was drawn at random: severities, and transcripts x participants, x batches, x samples per wave (log2)."""
    people = list(cohort.participants)
    severities = [{"participant": one, "severity": round(severity(one, seed=seed), 4)} for one in people]
    write_tsv(folder / "participants.tsv", ("participant", "severity"), severities)
    for wave in sorted({one.wave for one in samples}, key=wave_number):
        arrived = [one for one in samples if one.wave == wave]
        measured = sorted({one.participant for one in arrived})
        batches = sorted({one.batch for one in arrived})
        tables = {
            "deviations": {one: deviation(genes, one, seed=seed) for one in measured},
            "batches": {
                one: batch_effect(genes, "microarray", one, sd=chip.BATCH_SD, seed=seed) for one in batches
            },
            "expression": {one.sample: material[one.sample] for one in arrived},
        }
        for name, columns in tables.items():
            write_wide(folder / f"{name}_{wave}.tsv", "transcript", genes.name, columns)
