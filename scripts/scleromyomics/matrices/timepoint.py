"""All matrices of one timepoint in one multi-omics file (h5mu), matched by participant.

`obs_names` are participants, at an EVENT or ROUTINE visit `participant__visit`: one person may have several.
Each modality, `<assay>__<tissue>`, is that assay's matrix with replicates merged: the mean of what was
measured, on the matrix's scale; a bridge sample stands in only where the sample that it measures again is
not there, as in the comparisons. Features are named `<modality>:<feature>`, as MuData wants them unique. The
file is compressed and sealed like every matrix (`core.matrix`); the same matrices give the same bytes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scleromyomics.core import matrix as schema
from scleromyomics.core.cli import InputError, entry_point

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData
    from mudata import MuData

UNSCHEDULED = ("EVENT", "ROUTINE")
"""Timepoints that a participant can have several of."""

OF_SAMPLES = ("tissue", "replicate", "bridge", "platform", "batch", "wave", "freeze")
"""Columns of a matrix that tell about the sample; all others tell about the person at the visit."""


def merge_replicates(matrix: "AnnData", units: Sequence[str], modality: str) -> "AnnData":
    """One row per unit; `obs` tells when and how it was measured, and of which samples it is the mean.

    Args:
        matrix: a matrix of `core.matrix`.
        units: participant, or participant and visit, of each row.
        modality: prefix of the names of features.
    """
    import anndata as ad
    import pandas as pd

    names, X = schema.merge_rows(matrix.X, units)
    layers = {name: schema.merge_rows(layer, units)[1] for name, layer in matrix.layers.items()}
    rows = {unit: np.flatnonzero(np.asarray(units) == unit) for unit in names}
    columns = {"samples": matrix.obs_names.to_series(), **matrix.obs[["visit", *OF_SAMPLES[3:]]]}
    obs = {
        name: pd.Categorical([_joined(values.iloc[rows[unit]]) for unit in names])
        for name, values in columns.items()
    }
    obs["day"] = pd.array([matrix.obs["day"].iloc[rows[unit]].min() for unit in names], dtype="Int64")
    obs["n_samples"] = np.array([len(rows[unit]) for unit in names], dtype=np.int64)
    return ad.AnnData(
        X=X,
        obs=pd.DataFrame(obs, index=pd.Index(names, dtype=object)),
        var=matrix.var.set_axis([f"{modality}:{name}" for name in matrix.var_names], axis=0),
        layers=layers,
        uns={schema.KEY: dict(matrix.uns[schema.KEY])},
    )


def people(matrices: Sequence["AnnData"], units: Sequence[Sequence[str]]) -> "pd.DataFrame":
    """What is known of each unit, sorted; of two visits with the same timepoint the first one tells it."""
    import pandas as pd

    tables = [m.obs.assign(unit=list(names)) for m, names in zip(matrices, units, strict=True)]
    kinds = matrices[0].obs.dtypes.drop(list(OF_SAMPLES))
    joined = pd.concat([table.astype(object) for table in tables]).sort_values(["unit", "day", "visit"])
    first = joined.drop_duplicates("unit").set_index("unit").rename_axis(None)
    return pd.DataFrame(
        {
            name: pd.Categorical(first[name]) if kind == "category" else first[name].astype(kind)
            for name, kind in kinds.items()
        }
    )


def merge(matrices: Sequence["AnnData"]) -> "MuData":
    """Matrices of one timepoint as one object."""
    import mudata as md

    matrices = [one[~one.obs["bridge"].isin(one.obs_names)] for one in sorted(matrices, key=_modality)]
    units = [_units(matrix) for matrix in matrices]
    modalities = {
        _modality(matrix): merge_replicates(matrix, names, _modality(matrix))
        for matrix, names in zip(matrices, units, strict=True)
    }
    with md.set_options(pull_on_update=False):
        joined = md.MuData(modalities)
        joined = joined[sorted(joined.obs_names)].copy()
        joined.obs = people(matrices, units)
        joined.uns = {schema.KEY: {"timepoint": matrices[0].uns[schema.KEY]["timepoint"]}}
    return joined


def run(*, matrices: list[Path], matrix: Path) -> None:
    """Write the multi-omics file of one timepoint.

    Args:
        matrices: the matrices of all assays and tissues at this timepoint (h5ad).
        matrix: where to write the file (h5mu).
    """
    read = [schema.read(path) for path in matrices]
    timepoints = sorted({str(one.uns[schema.KEY]["timepoint"]) for one in read})
    if len(timepoints) != 1:
        found = ", ".join(timepoints) or "none"
        raise InputError(f"--matrices: of {found}; allowed: the matrices of one timepoint")
    import mudata as md

    with schema.sealed(matrix) as path, md.set_options(pull_on_update=False):
        md.write_h5mu(path, merge(read), **schema.COMPRESSION)


def _modality(matrix: "AnnData") -> str:
    about = matrix.uns[schema.KEY]
    return f"{about['assay']}__{about['tissue']}"


def _units(matrix: "AnnData") -> list[str]:
    people = matrix.obs["participant"].astype(str)
    if matrix.uns[schema.KEY]["timepoint"] in UNSCHEDULED:
        people = people + "__" + matrix.obs["visit"].astype(str)
    return people.tolist()


def _joined(values: "pd.Series[str]") -> str:
    return ";".join(sorted(set(values.dropna().astype(str))))


if __name__ == "__main__":
    entry_point(run)
