"""Mean profile and spread of each group at each timepoint, in one assay and tissue: a row per feature.

One value per participant: replicates and repeated visits at a timepoint are averaged first, over those that
measured the feature; a sample that measures another one's material again (a bridge) is left out where that other
one is there. Then mean, standard deviation (n - 1), median and quartiles (linear interpolation) between
participants, on the matrix's scale and in its unit. Participants outside the analysis set are left out, those
with an overlap of both diseases make up a group of their own, `<group>_overlap`.

Of genotypes the mean is the frequency of the alternate allele, copies of it among all copies that the participants
have of the site (in men one of X and Y); of replicates the call with most support counts, of gene burdens that of
the sample with most sites called (`stats.calls`). Spread and quartiles of 0, 1 and 2 copies would say nothing more,
and are null.

Nothing is adjusted: means of different timepoints, or of groups that were measured in different batches, also
differ by batch. `batches` names them. There are rows for groups with a participant; n is 0, and numbers are null,
where none of them has a value.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scleromyomics.core import matrix as schema
from scleromyomics.core.cli import InputError, entry_point
from scleromyomics.core.parquet import read_parquet, schema_of, write_parquet
from scleromyomics.stats.calls import merge_burdens, merge_calls

if TYPE_CHECKING:
    import pyarrow as pa
    from anndata import AnnData

COLUMNS: Mapping[str, str] = {
    "assay": "string",
    "tissue": "string",
    "group": "string",
    "timepoint": "string",
    "feature": "string",
    "gene_symbol": "string",
    "n_participants": "int32",  # with a value
    "mean": "double",
    "sd": "double",  # between participants
    "median": "double",
    "q25": "double",
    "q75": "double",
    "unit": "string",
    "batches": "string",  # of the group at the timepoint, `;` between
}
"""The columns in the order of the file, with the Arrow type of each."""

FREQUENCY = "allele frequency"
"""The unit of genotypes, of which the mean is one."""

OVERLAP = "_overlap"
"""What the name of a group's participants with an overlap of both diseases ends in."""


def describe(values: NDArray[np.float64]) -> dict[str, NDArray[np.generic]]:
    """Centre and spread of each feature.

    Args:
        values: participants by features; NaN where not measured.

    Returns:
        `n_participants`, `mean`, `sd`, `median`, `q25`, `q75`, one value per feature; NaN where there is none.
    """
    measured = np.isfinite(values)
    n = measured.sum(axis=0)
    mean = _divided(np.where(measured, values, 0.0).sum(axis=0), n)
    squares = (np.where(measured, values - mean, 0.0) ** 2).sum(axis=0)
    ordered = np.sort(np.where(measured, values, np.nan), axis=0)  # NaN last
    return {
        "n_participants": n,
        "mean": mean,
        "sd": np.sqrt(_divided(squares, n - 1)),
        "median": _quantile(ordered, n, 0.5),
        "q25": _quantile(ordered, n, 0.25),
        "q75": _quantile(ordered, n, 0.75),
    }


def allele_frequencies(matrix: "AnnData", participants: Sequence[str]) -> dict[str, NDArray[np.generic]]:
    """What `describe` gives, of genotypes: participant by participant, as they cannot all be dense at once.

    Args:
        matrix: genotypes of some samples.
        participants: whose each is.
    """
    total, copies, called = np.zeros((3, matrix.n_vars))
    ploidy = {sex: matrix.var[f"ploidy_{name}"].to_numpy() for sex, name in (("F", "female"), ("M", "male"))}
    for participant in sorted(set(participants)):
        rows = np.flatnonzero(np.asarray(participants) == participant)
        own = matrix.X[rows].toarray()
        dosage = own[0] if len(rows) == 1 else merge_calls(own, matrix.layers["GQ"][rows].astype(float))[0]
        known = np.isfinite(dosage)
        called += known
        copies += np.nan_to_num(dosage)
        total += known * ploidy[matrix.obs["sex"].iloc[rows[0]]]
    nothing = np.full(matrix.n_vars, np.nan)
    return {
        "n_participants": called.astype(np.int64),
        "mean": np.divide(copies, total, out=nothing.copy(), where=total > 0),
        **dict.fromkeys(("sd", "median", "q25", "q75"), nothing),
    }


def profiles(matrix: "AnnData") -> Iterator[dict[str, Any]]:
    """The columns of the table for each group of a matrix, sorted by group.

    Args:
        matrix: samples by features of one timepoint.
    """
    about, obs, var = matrix.uns[schema.KEY], matrix.obs, matrix.var
    again = obs["bridge"].isin(matrix.obs_names).to_numpy()
    counts = obs["eligible"].to_numpy(dtype=bool) & ~again
    overlap = obs["overlap"].to_numpy(dtype=bool)
    scale = about["scale"]
    groups = obs["group"].astype(str).to_numpy() + np.where(overlap, OVERLAP, "").astype(object)
    for group in sorted(set(groups[counts])):
        own = counts & (groups == group)
        participants = obs["participant"][own].tolist()
        if scale == schema.DOSAGE:
            described = allele_frequencies(matrix[own], participants)
        elif scale == schema.BURDEN:
            described = describe(_burdens(matrix[own], participants))
        else:
            described = describe(schema.merge_rows(matrix.X[own], participants)[1])
        yield {
            "assay": about["assay"],
            "tissue": about["tissue"],
            "group": group,
            "timepoint": about["timepoint"],
            "feature": var["feature"].to_numpy(),
            "gene_symbol": var["gene_symbol"].to_numpy(),
            **described,
            "unit": FREQUENCY if scale == schema.DOSAGE else about["unit"],
            "batches": ";".join(sorted(set(obs["batch"][own]))),
        }


def arrow_schema() -> "pa.Schema":
    """The Arrow schema of a table of profiles."""
    return schema_of(COLUMNS)


def write_profiles(path: Path, parts: Sequence[Mapping[str, Any]]) -> None:
    """Write a table, sorted by group, timepoint, unit and feature; the same parts give the same bytes.

    Args:
        path: the Parquet file.
        parts: the columns of each group at each timepoint, in any order, features sorted.
    """
    ordered = sorted(parts, key=lambda part: (part["group"], part["timepoint"], part["unit"]))
    write_parquet(path, arrow_schema(), [_table(part) for part in ordered])


def read_profiles(path: Path) -> "pa.Table":
    """Read a table of profiles.

    Raises:
        InputError: if the file is absent, damaged, or not such a table.
    """
    return read_parquet(path, arrow_schema(), "a table of profiles")


def run(*, matrices: list[Path], table: Path) -> None:
    """Describe the groups of one assay and tissue at all timepoints.

    Args:
        matrices: the matrices of the tissue, one per timepoint (h5ad).
        table: where to write the table (Parquet).
    """
    abouts = [schema.read_about(path) for path in matrices]
    places = {f"{one['assay']} {one['tissue']}" for one in abouts}
    if len(places) != 1:
        raise InputError(f"--matrices: found {', '.join(sorted(places))}; one assay and tissue is allowed")
    read = (schema.read(path, layers=("GQ", "called")) for path in matrices)  # what tells of replicates
    write_profiles(table, [part for one in read for part in profiles(one)])


def _burdens(matrix: "AnnData", participants: Sequence[str]) -> NDArray[np.float64]:
    """Burdens of genes, a row per participant."""
    rows = [np.flatnonzero(np.asarray(participants) == one) for one in sorted(set(participants))]
    called = matrix.layers["called"]
    return np.array([merge_burdens(matrix.X[own], called[own]) for own in rows])


def _table(part: Mapping[str, Any]) -> "pa.Table":
    import pyarrow as pa

    rows = len(part["feature"])
    columns = []
    for field in arrow_schema():
        value = part[field.name]
        one = [value] * rows if isinstance(value, str) else value
        columns.append(pa.array(one, type=field.type, from_pandas=True))
    return pa.table(columns, schema=arrow_schema())


def _divided(total: NDArray[np.float64], by: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.divide(total, by, out=np.full(total.shape, np.nan), where=by > 0)


def _quantile(ordered: NDArray[np.float64], n: NDArray[np.int64], share: float) -> NDArray[np.float64]:
    """The quantile of the first `n` values of each column, interpolated; NaN where there is none."""
    at = share * np.maximum(n - 1, 0)
    below = np.floor(at).astype(np.intp)
    above = np.minimum(below + 1, np.maximum(n - 1, 0))
    low, high = (np.take_along_axis(ordered, row[None], axis=0)[0] for row in (below, above))
    return low + (at - below) * (high - low)


if __name__ == "__main__":
    entry_point(run)
