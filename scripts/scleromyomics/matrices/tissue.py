"""Stack the per-sample profiles of one assay, tissue and timepoint into one matrix (`core.matrix`).

Rows are samples that quality did not hold back; ineligible and overlap participants stay in, marked. Columns
are the features of the frozen models, not of the profiles, so that every timepoint has the same ones, whoever
came, and a matrix may have no rows. Where a tissue was measured on several platforms the features are those
that all their models share; the number lost of each is in `uns`. Values are taken as they are.
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from scleromyomics.core import matrix as schema
from scleromyomics.core.cli import InputError, entry_point
from scleromyomics.core.files import read_json, sha256, write_json
from scleromyomics.core.provenance import code_digest
from scleromyomics.core.versions import versions
from scleromyomics.plan.vocabulary import Timepoint, Tissue

if TYPE_CHECKING:
    from anndata import AnnData

    from scleromyomics.plan.rows import MatrixRow

SCALES = {"microarray": {"unit": "log2 intensity", "scale": "log2"}}
"""What the numbers of an assay's matrix are."""

LAYER = "layer_"  # prefix of the arrays of a profile that become layers


@dataclass(frozen=True, eq=False)
class Features:
    """The columns of a matrix.

    Attributes:
        var: feature, gene_symbol and gene_id, each one text per feature; sorted by feature.
        lost: features of each model that the matrix leaves out, by the model's freeze and platform.
    """

    var: Mapping[str, NDArray[np.str_]]
    lost: Mapping[str, int]


def common_features(models: Sequence[Path]) -> Features:
    """The features that all models share, with the annotation of the first.

    Args:
        models: files `<freeze>/<platform>/model.npz` with `feature` (sorted), `gene_symbol`, `gene_id`.
    """
    if not models:
        raise InputError("--models: none given; a matrix takes its features from at least one frozen model")
    tables = {" ".join(path.parts[-3:-1]): _load(path, schema.VAR) for path in sorted(models)}
    first, *others = tables.values()
    shared = np.ones(len(first["feature"]), dtype=bool)
    for table in others:
        shared &= np.isin(first["feature"], table["feature"])
    var = {name: first[name][shared] for name in schema.VAR}
    return Features(var, {name: len(t["feature"]) - int(shared.sum()) for name, t in tables.items()})


def stack(profiles: Sequence[Path], features: NDArray[np.str_]) -> dict[str, NDArray[np.float64]]:
    """The profiles' values of `features`, by name of the array (`value`, `layer_*`): samples by features.

    Args:
        profiles: npz files with `feature` (sorted), `value` and one `layer_*` array per further scale.
        features: what to take of each, sorted.

    Raises:
        InputError: if a profile lacks a feature or a layer that another has.
    """
    loaded = [_load(path) for path in profiles]
    names = sorted({name for arrays in loaded for name in arrays} - {"feature"} | {"value", f"{LAYER}raw"})
    stacked = {name: np.empty((len(profiles), len(features))) for name in names}
    for row, (path, arrays) in enumerate(zip(profiles, loaded, strict=True)):
        missing = [name for name in ("feature", *names) if name not in arrays]
        if missing:
            raise InputError(f"{path}: no array {', '.join(missing)}; delete it and run again")
        at = np.searchsorted(arrays["feature"], features)
        absent = features[np.append(arrays["feature"], "")[at] != features]
        if absent.size:
            raise InputError(
                f"{path}: {absent.size} features of the frozen model are missing, the first is {str(absent[0])!r};"
                " delete it and run again"
            )
        for name in names:
            stacked[name][row] = arrays[name][at]
    return stacked


def described(rows: Sequence["MatrixRow"], measures: Iterable[str]) -> list[dict[str, schema.Cell]]:
    """What the sheets say of each sample, and the clinical measures of its visit; None where unknown."""
    return [
        {
            "sample": row.sample,
            **{name: _known(getattr(row, name)) for name in schema.OBS},
            **{name: row.measures.get(name) for name in measures},
        }
        for row in rows
    ]


def assemble(
    rows: Sequence["MatrixRow"],
    *,
    features: Features,
    values: Mapping[str, NDArray[np.float64]],
    measures: Mapping[str, schema.Kind],
    about: Mapping[str, object],
) -> "AnnData":
    """The matrix of the samples in `rows`.

    Args:
        rows: one per row of each array of `values`.
        features: the columns.
        values: `value` and `layer_*`, samples by features.
        measures: the protocol's clinical measures with their kinds, in its order.
        about: what `uns` tells.
    """
    return schema.build(
        rows=described(rows, measures),
        kinds={**schema.OBS, **measures},
        var={name: list(texts) for name, texts in features.var.items()},
        X=values["value"],
        layers={name.removeprefix(LAYER): array for name, array in values.items() if name.startswith(LAYER)},
        about=about,
    )


def run(
    *,
    study: Path,
    release: str,
    assay: Literal["microarray"],
    tissue: Tissue,
    timepoint: Timepoint,
    rows: str,
    models: list[Path],
    matrix: Path,
    receipt: Path,
) -> None:
    """Write one matrix of a release.

    Args:
        study: the study directory.
        release: the wave up to which samples count.
        assay: the assay.
        tissue: the tissue.
        timepoint: the timepoint.
        rows: digest of the rows of the sheets that this matrix was planned with.
        models: the frozen models of all platforms on which the release has this tissue (either site, for
            skin) at any timepoint.
        matrix: where to write the matrix (h5ad).
        receipt: where to write its checksum and counts (JSON).
    """
    from scleromyomics.plan.rows import matrix_rows
    from scleromyomics.plan.study import load_study

    planned = matrix_rows(
        study, release=release, assay=assay, tissue=tissue, timepoint=timepoint, expected=rows
    )
    measures = {name: one.type for name, one in load_study(study).protocol.measures.items()}
    quality = {row.sample: read_json(study / row.quality) for row in planned}
    kept = [row for row in planned if not quality[row.sample]["held"]]
    features = common_features(models)
    made_with = versions("anndata", "h5py", "numpy")
    assembled = assemble(
        kept,
        features=features,
        values=stack([study / row.profile for row in kept], features.var["feature"]),
        measures=measures,
        about={
            "assay": assay,
            "tissue": tissue,
            "timepoint": timepoint,
            **SCALES[assay],
            "freeze": np.array(sorted({row.freeze for row in kept}), dtype=object),
            "features_lost": dict(features.lost),
            "code": code_digest("scleromyomics.matrices.tissue"),
            "versions": made_with,
        },
    )
    schema.write(assembled, matrix)
    write_json(
        receipt,
        {
            "sha256": sha256(matrix),
            "size": matrix.stat().st_size,
            "n_samples": len(kept),
            "n_features": assembled.n_vars,
            "features_lost": dict(features.lost),
            "held": {row.sample: quality[row.sample]["reasons"] for row in planned if row not in kept},
            "versions": made_with,
        },
    )


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Say of a product (npz) that is absent, damaged or lacks something that it cannot be read."""
    try:
        yield
    except KeyError as error:
        raise InputError(f"{path}: {error.args[0]}; delete it and run again") from None
    except (OSError, ValueError, EOFError, BadZipFile, zlib.error) as error:
        raise InputError(f"{path}: cannot be read ({' '.join(str(error).split())}); run again") from None


def _load(path: Path, names: Sequence[str] = ()) -> dict[str, NDArray[np.generic]]:
    """The arrays of an npz file: all, or those named."""
    with reading(path), path.open("rb") as handle, np.load(handle, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in names or arrays.files}


def _known(value: schema.Cell) -> schema.Cell:
    return None if value == "" else value


if __name__ == "__main__":
    entry_point(run)
