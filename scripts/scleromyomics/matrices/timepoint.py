"""All matrices of one timepoint in one multi-omics file (h5mu), matched by participant.

`obs_names` are participants, at an EVENT or ROUTINE visit `participant__visit`: one person may have several.
Each modality, `<assay>__<tissue>`, is that assay's matrix with replicates merged: the mean of what was
measured, on the matrix's scale; of genotypes the call with most support, reads added up (`stats.calls`); of gene
burdens (`variants_burden__<tissue>`) that of the sample with most sites called. A bridge sample stands in only
where the sample that it measures again is not there, as in the comparisons. Features are named
`<modality>:<feature>`, as MuData wants them unique. The file is compressed and sealed like every matrix
(`core.matrix`); the same matrices give the same bytes.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scleromyomics.core import matrix as schema
from scleromyomics.core.cli import InputError, entry_point
from scleromyomics.stats.calls import HIGHEST, allele_fraction, merge_burdens, merge_calls, storable_reads

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData
    from mudata import MuData

    Rows = Mapping[str, NDArray[np.intp]]

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

    names = sorted(set(units))
    rows = {unit: np.flatnonzero(np.asarray(units) == unit) for unit in names}
    values = _merged(matrix, units, rows)
    columns = {"samples": matrix.obs_names.to_series(), **matrix.obs[["visit", *OF_SAMPLES[3:]]]}
    obs = {
        name: pd.Categorical([_joined(values.iloc[rows[unit]]) for unit in names])
        for name, values in columns.items()
    }
    obs["day"] = pd.array([matrix.obs["day"].iloc[rows[unit]].min() for unit in names], dtype="Int64")
    obs["n_samples"] = np.array([len(rows[unit]) for unit in names], dtype=np.int64)
    return ad.AnnData(
        X=values.pop("X"),
        obs=pd.DataFrame(obs, index=pd.Index(names, dtype=object)),
        var=matrix.var.set_axis([f"{modality}:{name}" for name in matrix.var_names], axis=0),
        layers=values,
        uns={schema.KEY: dict(matrix.uns[schema.KEY])},
    )


def _merged(matrix: "AnnData", units: Sequence[str], rows: "Rows") -> dict[str, Any]:
    """`X` and the layers with a row per unit, each in its type."""
    scale = matrix.uns[schema.KEY]["scale"]
    if scale == schema.DOSAGE:
        return _merged_genotypes(matrix, rows)
    if scale == schema.BURDEN:
        return _merged_burdens(matrix, rows)
    return {
        name: schema.merge_rows(values, units)[1] for name, values in {"X": matrix.X, **matrix.layers}.items()
    }


def _merged_genotypes(matrix: "AnnData", rows: "Rows") -> dict[str, Any]:
    """A sparse array goes through the rows of one unit at a time: all of them could not be held dense."""
    from scipy.sparse import csr_matrix, vstack

    arrays: dict[str, Any] = {"X": matrix.X, **matrix.layers}
    if all(len(own) == 1 for own in rows.values()):
        order = np.array([own[0] for own in rows.values()], dtype=np.intp)
        return {name: values[order] for name, values in arrays.items()}
    parts: dict[str, list[Any]] = {name: [] for name in arrays}
    for own in rows.values():
        one = {name: values[own] for name, values in arrays.items()}
        for name, values in (one if len(own) == 1 else _one_genotype(one)).items():
            parts[name].append(csr_matrix(values) if schema.FORMS[schema.DOSAGE][name].sparse else values)
    return {
        name: schema.sparse(vstack(some))
        if schema.FORMS[schema.DOSAGE][name].sparse
        else np.concatenate(some)
        for name, some in parts.items()
    }


def _one_genotype(samples: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """The arrays of several samples of a unit as those of one."""
    dosage, quality = merge_calls(samples["X"].toarray(), samples["GQ"].astype(np.float64))
    depth = samples["DP"].sum(axis=0, dtype=np.int64)
    alternate = samples["AD"].toarray().sum(axis=0, dtype=np.int64)
    stored = storable_reads(depth, alternate)
    merged = {
        "X": dosage.astype(np.float32),
        "GT": np.nan_to_num(dosage, nan=-1.0).astype(np.int8),
        "DP": stored[0],
        "AD": stored[1],
        "GQ": np.minimum(quality, HIGHEST).astype(np.uint8),
        "allele_fraction": allele_fraction(depth, alternate),
    }
    return {name: merged[name][None] for name in samples}


def _merged_burdens(matrix: "AnnData", rows: "Rows") -> dict[str, NDArray[np.float64]]:
    def per_unit(merge: Any, *arrays: NDArray[np.float64]) -> NDArray[np.float64]:
        found = [merge(*(values[own] for values in arrays)) for own in rows.values()]
        return np.array(found, dtype=np.float64).reshape(len(rows), matrix.n_vars)

    called = matrix.layers["called"]
    X = per_unit(merge_burdens, matrix.X, called)
    largest = {
        name: per_unit(lambda values: np.fmax.reduce(values, axis=0), values)
        for name, values in matrix.layers.items()
    }
    return {"X": X, **largest, "raw": X}


def people(tables: Sequence["pd.DataFrame"], units: Sequence[Sequence[str]]) -> "pd.DataFrame":
    """What is known of each unit, sorted; of two visits with the same timepoint the first one tells it.

    Args:
        tables: `obs` of each matrix.
        units: participant, or participant and visit, of each of their rows.
    """
    import pandas as pd

    kinds = tables[0].dtypes.drop(list(OF_SAMPLES))
    tables = [table.assign(unit=list(names)) for table, names in zip(tables, units, strict=True)]
    joined = pd.concat([table.astype(object) for table in tables]).sort_values(["unit", "day", "visit"])
    first = joined.drop_duplicates("unit").set_index("unit").rename_axis(None)
    return pd.DataFrame(
        {
            name: pd.Categorical(first[name]) if kind == "category" else first[name].astype(kind)
            for name, kind in kinds.items()
        }
    )


def merge(matrices: Iterable["AnnData"]) -> "MuData":
    """Matrices of one timepoint as one object; each is let go before the next one is taken."""
    import mudata as md

    modalities, tables, timepoint = {}, {}, ""
    for matrix in matrices:
        again = matrix.obs["bridge"].isin(matrix.obs_names).to_numpy()
        one = matrix[~again] if again.any() else matrix
        name, units, timepoint = _modality(one), _units(one), one.uns[schema.KEY]["timepoint"]
        modalities[name] = merge_replicates(one, units, name)
        tables[name] = one.obs.copy(), units
        del matrix, one  # the next one is read now
    with md.set_options(pull_on_update=False):
        joined = md.MuData(dict(sorted(modalities.items())))
        joined = joined[sorted(joined.obs_names)].copy()
        joined.obs = people(*zip(*(tables[name] for name in sorted(tables)), strict=True))
        joined.uns = {schema.KEY: {"timepoint": timepoint}}
    return joined


def run(*, matrices: list[Path], matrix: Path) -> None:
    """Write the multi-omics file of one timepoint.

    Args:
        matrices: the matrices of all assays and tissues at this timepoint (h5ad).
        matrix: where to write the file (h5mu).
    """
    timepoints = sorted({str(schema.read_about(path)["timepoint"]) for path in matrices})
    if len(timepoints) != 1:
        found = ", ".join(timepoints) or "none"
        raise InputError(f"--matrices: of {found}; allowed: the matrices of one timepoint")
    import mudata as md

    with schema.sealed(matrix) as path, md.set_options(pull_on_update=False):
        md.write_h5mu(path, merge(schema.read(one) for one in matrices), **schema.COMPRESSION)


def _modality(matrix: "AnnData") -> str:
    about = matrix.uns[schema.KEY]
    part = f"_{schema.BURDEN}" if about["scale"] == schema.BURDEN else ""
    return f"{about['assay']}{part}__{about['tissue']}"


def _units(matrix: "AnnData") -> list[str]:
    people = matrix.obs["participant"].astype(str)
    if matrix.uns[schema.KEY]["timepoint"] in UNSCHEDULED:
        people = people + "__" + matrix.obs["visit"].astype(str)
    return people.tolist()


def _joined(values: "pd.Series[str]") -> str:
    return ";".join(sorted(set(values.dropna().astype(str))))


if __name__ == "__main__":
    entry_point(run)
