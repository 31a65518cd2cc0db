"""The matrix of every assay: samples (rows) by features (columns), as an AnnData file (h5ad).

`X` is the analysis scale, `layers["raw"]` the scale before it; both float64, NaN where not measured.
`obs_names` are samples and `var_names` features, both sorted. `obs` tells whose, where, when and how each
sample was measured, then the clinical measures of its visit; `uns["scleromyomics"]` how the matrix was made.

Files are gzip-compressed and sealed: the 512 bytes that HDF5 leaves to its users at the start of a file (its
user block) carry the SHA-256 of all that follows, so that a changed bit is found before anything is read.
HDF5 alone does not see one in text. The same matrix gives the same bytes.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from scleromyomics.core.errors import InputError
from scleromyomics.core.files import replacing

if TYPE_CHECKING:
    import h5py
    from anndata import AnnData

Kind: TypeAlias = Literal["category", "integer", "number", "boolean"]
Cell: TypeAlias = float | int | bool | str | None

KEY = "scleromyomics"
"""Where `uns` says how the matrix came about."""

OBS: Mapping[str, Kind] = {
    "participant": "category",
    "population": "integer",
    "group": "category",
    "visit": "category",
    "timepoint": "category",
    "day": "integer",  # days since inclusion
    "tissue": "category",
    "replicate": "integer",
    "bridge": "category",  # the sample whose material was measured again
    "platform": "category",
    "batch": "category",
    "wave": "category",
    "freeze": "category",
    "sex": "category",
    "age": "number",  # years at inclusion
    "eligible": "boolean",
    "overlap": "boolean",
    "disease_subtype": "category",
}
"""The columns that every matrix has, and their kinds; clinical measures follow them."""

VAR = ("feature", "gene_symbol", "gene_id")
"""The annotation that every feature has ("" where unknown)."""

ABOUT = ("assay", "tissue", "timepoint", "unit", "scale", "freeze", "code", "versions")
"""What `uns` tells: freeze ids, the digest of the code, the versions of tools."""

DTYPES: Mapping[Kind, str] = {
    "category": "category",
    "integer": "Int64",
    "number": "float64",
    "boolean": "boolean",
}
"""The pandas types of the kinds: each has a missing value, so that a type never depends on the data."""

COMPRESSION = {"compression": "gzip", "compression_opts": 4}
USER_BLOCK = 512  # bytes; the smallest that HDF5 allows
SEAL_AT = 256  # bytes; MuData writes its own mark into the first half of the block
SEAL = b"scleromyomics sha256 "

ENCODINGS = (
    *("anndata", "MuData", "dataframe", "dict", "array", "string-array", "categorical"),
    *("nullable-integer", "nullable-boolean", "numeric-scalar", "string", "null"),
)
"""What the groups and datasets of a matrix may be: no encoding that could run code or name another file."""


def build(
    *,
    rows: Sequence[Mapping[str, Cell]],
    kinds: Mapping[str, Kind],
    var: Mapping[str, Sequence[str]],
    X: NDArray[np.float64],
    layers: Mapping[str, NDArray[np.float64]],
    about: Mapping[str, object],
) -> "AnnData":
    """Put a matrix together; samples and features are sorted by name.

    Args:
        rows: one mapping per sample: `sample` and the columns of `kinds`; None where unknown.
        kinds: the columns of `obs`, in order, with their kinds.
        var: `VAR` and the assay's own columns, one text per feature.
        X: samples by features, on the analysis scale.
        layers: samples by features, on other scales.
        about: the entries of `ABOUT`, and the assay's own.

    Raises:
        InputError: if the result does not follow the schema.
    """
    import anndata as ad
    import pandas as pd

    samples = np.array([str(row["sample"]) for row in rows], dtype=object)
    features = np.array(var["feature"], dtype=object)
    by_sample, by_feature = np.argsort(samples, kind="stable"), np.argsort(features, kind="stable")
    columns = {name: [rows[i][name] for i in by_sample] for name in kinds}
    _refuse(
        "matrix",
        [
            *_names_faults("sample", samples[by_sample].tolist()),
            *_names_faults("feature", features[by_feature].tolist()),
        ],
    )
    order = np.ix_(by_sample, by_feature)
    matrix = ad.AnnData(
        X=np.asarray(X, dtype=np.float64)[order],
        obs=pd.DataFrame(
            {name: _column(values, kinds[name]) for name, values in columns.items()},
            index=pd.Index(samples[by_sample], dtype=object),
        ),
        var=pd.DataFrame(
            {name: np.array(values, dtype=object)[by_feature] for name, values in var.items()},
            index=pd.Index(features[by_feature], dtype=object),
        ),
        layers={name: np.asarray(layer, dtype=np.float64)[order] for name, layer in layers.items()},
        uns={KEY: dict(about)},
    )
    validate(matrix, "matrix")
    return matrix


def validate(matrix: "AnnData", source: str) -> None:
    """Refuse a matrix that does not follow the schema.

    Args:
        matrix: what to look at.
        source: what the error calls it.

    Raises:
        InputError: one line per fault.
    """
    _refuse(
        source, [*_obs_faults(matrix), *_var_faults(matrix), *_value_faults(matrix), *_about_faults(matrix)]
    )


def write(matrix: "AnnData", target: Path) -> None:
    """Write a matrix, whole or not at all; the same matrix gives the same bytes."""
    import h5py
    from anndata.io import write_elem

    validate(matrix, str(target))
    with sealed(target) as path, h5py.File(path, "w", userblock_size=USER_BLOCK) as file:
        write_elem(file, "/", matrix, dataset_kwargs=COMPRESSION)


def read(path: Path) -> "AnnData":
    """Read a matrix that this project wrote.

    Raises:
        InputError: if the file is missing, is no longer what was written, points outside itself, or does not
            follow the schema.
    """
    check_file(path)
    from anndata.io import read_h5ad

    matrix = read_h5ad(path)
    validate(matrix, str(path))
    return matrix


def merge_rows(values: NDArray[np.float64], units: Sequence[str]) -> tuple[list[str], NDArray[np.float64]]:
    """Average the rows that belong to the same unit, leaving out what was not measured.

    Args:
        values: samples by features; NaN is a missing value.
        units: the unit of each sample.

    Returns:
        The units, sorted, and their means: units by features, NaN where no sample has a value.
    """
    names, which = np.unique(np.asarray(units, dtype=np.str_), return_inverse=True)
    sums, counts = np.zeros((2, len(names), values.shape[1]))
    measured = ~np.isnan(values)
    np.add.at(sums, which, np.where(measured, values, 0.0))
    np.add.at(counts, which, measured)
    return names.tolist(), np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)


@contextmanager
def sealed(target: Path) -> Iterator[Path]:
    """Give a temporary path for an HDF5 file with a user block; seal it and rename it onto `target`."""
    with replacing(target) as path:
        yield path
        digest = _digest(path)
        with path.open("r+b") as handle:
            handle.seek(SEAL_AT)
            handle.write(SEAL + digest)


def check_file(path: Path) -> None:
    """Refuse a matrix file (h5ad, h5mu) that is not, bit for bit and in itself, what this project wrote.

    Raises:
        InputError: one line that names the file.
    """
    try:
        with path.open("rb") as handle:
            handle.seek(SEAL_AT)
            seal = handle.read(USER_BLOCK - SEAL_AT).rstrip(b"\0")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); build it again") from None
    if not re.fullmatch(SEAL + rb"[0-9a-f]{64}", seal):
        raise InputError(f"{path}: not a matrix written by this project (its first 512 bytes carry no seal)")
    if seal != SEAL + _digest(path):
        raise InputError(f"{path}: changed or damaged since it was written; delete it and build it again")
    _refuse_foreign(path)


def _refuse(source: str, faults: Sequence[str]) -> None:
    if faults:
        raise InputError("\n".join(f"{source}: {fault}" for fault in faults))


def _refuse_foreign(path: Path) -> None:
    """Refuse links to other files and encodings that a matrix does not have."""
    import h5py

    def look(name: str, link: object) -> str | None:
        if not isinstance(link, h5py.HardLink):
            return f"{name} is a link to somewhere else"
        return _foreign(name, file[name])

    with h5py.File(path, "r") as file:
        fault = file.visititems_links(look)
    if fault:
        raise InputError(f"{path}: {fault}; a matrix holds its own plain arrays only")


def _foreign(name: str, item: "h5py.Group | h5py.Dataset") -> str | None:
    import h5py

    encoding = str(item.attrs.get("encoding-type", "dict"))
    if encoding not in ENCODINGS:
        return f"{name} has the encoding {encoding!r}"
    if isinstance(item, h5py.Dataset):
        if item.external or item.is_virtual:
            return f"{name} keeps its values in another file"
        if item.dtype.kind == "V" or h5py.check_ref_dtype(item.dtype):
            return f"{name} holds objects"
    return None


def _digest(path: Path) -> bytes:
    with path.open("rb") as handle:
        handle.seek(USER_BLOCK)
        return hashlib.file_digest(handle, "sha256").hexdigest().encode()


def _column(values: Sequence[Cell], kind: Kind) -> Any:
    import pandas as pd

    if kind == "category":
        levels = sorted({str(value) for value in values if value is not None})
        return pd.Categorical([None if v is None else str(v) for v in values], categories=levels)
    if kind == "number":
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    return pd.array(list(values), dtype=DTYPES[kind])


def _obs_faults(matrix: "AnnData") -> Iterator[str]:
    obs = matrix.obs
    yield from _names_faults("sample", list(matrix.obs_names))
    for name, kind in OBS.items():
        if name not in obs:
            yield f"no obs column {name!r}"
        elif obs[name].dtype != DTYPES[kind]:
            yield f"obs column {name!r} is {obs[name].dtype}; must be {DTYPES[kind]} ({kind})"
    for name in sorted(obs.columns.difference(list(OBS))):
        if str(obs[name].dtype) not in DTYPES.values():
            yield f"obs column {name!r} is {obs[name].dtype}; allowed: {', '.join(DTYPES.values())}"


def _var_faults(matrix: "AnnData") -> Iterator[str]:
    yield from _names_faults("feature", list(matrix.var_names))
    for name in VAR:
        if name not in matrix.var:
            yield f"no var column {name!r}"
    if "feature" in matrix.var and list(matrix.var["feature"]) != list(matrix.var_names):
        yield "var column 'feature' differs from the names of the features"


def _names_faults(what: str, names: list[str]) -> Iterator[str]:
    if names != sorted(names):
        yield f"{what}s are not sorted"
    yield from (f"{what} {name!r} twice" for name, n in sorted(Counter(names).items()) if n > 1)


def _value_faults(matrix: "AnnData") -> Iterator[str]:
    if "raw" not in matrix.layers:
        yield "no layer 'raw'"
    for name, values in {"X": matrix.X, **matrix.layers}.items():
        if not isinstance(values, np.ndarray) or values.dtype != np.float64:
            found = getattr(values, "dtype", type(values).__name__)
            yield f"{name} is {found}; must be a dense float64 array"
        elif np.isinf(values).any():
            row, column = np.argwhere(np.isinf(values))[0]
            yield (
                f"{name} has an infinite value (sample {matrix.obs_names[row]!r}, feature "
                f"{matrix.var_names[column]!r}); a missing value is NaN"
            )


def _about_faults(matrix: "AnnData") -> Iterator[str]:
    about = matrix.uns.get(KEY, {})
    for name in ABOUT:
        if name not in about:
            yield f"uns[{KEY!r}] has no {name!r}"
    for name in ("tissue", "timepoint"):
        others = sorted(set(matrix.obs.get(name, ())) - {about.get(name)})
        if name in about and others:
            yield f"obs column {name!r} has {', '.join(others)}; the matrix is of {about[name]}"
