"""The matrix of every assay: samples (rows) by features (columns), as an AnnData file (h5ad).

`X` is the analysis scale, `layers["raw"]` the scale before it; both dense float64, NaN where not measured. Genotypes,
of which there can be millions, have small types of their own (`FORMS`): in a sparse array (CSR) a value that is
not stored is 0, and one that is missing is stored as NaN.
`obs_names` are samples and `var_names` features, both sorted. `obs` tells whose, where, when and how each
sample was measured, then the clinical measures of its visit; `uns["scleromyomics"]` how the matrix was made.

Files are gzip-compressed and sealed: the 512 bytes that HDF5 leaves to its users at the start of a file (its
user block) carry the SHA-256 of all that follows, so that a changed bit is found before anything is read.
HDF5 alone does not see one in text. The same matrix gives the same bytes.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from scleromyomics.core.errors import InputError
from scleromyomics.core.files import replacing

if TYPE_CHECKING:
    import h5py
    from anndata import AnnData
    from scipy.sparse import csr_matrix

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


class Form(NamedTuple):
    """The type of an array of samples by features."""

    dtype: str
    sparse: bool = False


DENSE = Form("float64")
"""What `X`, the layer `raw` and all others are, except for the scales of `FORMS`."""

DOSAGE = "dosage"
"""The scale of genotypes: copies of the alternate allele."""

BURDEN = "burden"
"""The scale of gene burdens: rare alleles that a sample carries in a gene; layer `called`: its sites with a call."""

FORMS: Mapping[str, Mapping[str, Form]] = {
    DOSAGE: {
        "X": Form("float32", sparse=True),  # copies; NaN where not called
        "GT": Form("int8"),  # copies; -1 where not called
        "DP": Form("uint16"),  # reads
        "AD": Form("uint16", sparse=True),  # reads with the allele
        "GQ": Form("uint8"),  # Phred; 0 where not called
        "allele_fraction": Form("float32", sparse=True),  # AD / DP; NaN without reads
    }
}
"""By scale the types of `X` and of its layers, which a matrix of that scale has, and no others."""

COMPRESSION = {"compression": "gzip", "compression_opts": 4}
USER_BLOCK = 512  # bytes; the smallest that HDF5 allows
SEAL_AT = 256  # bytes; MuData writes its own mark into the first half of the block
SEAL = b"scleromyomics sha256 "

ENCODINGS = (
    *("anndata", "MuData", "dataframe", "dict", "array", "string-array", "categorical"),
    *("nullable-integer", "nullable-boolean", "numeric-scalar", "string", "null", "csr_matrix"),
)
"""What the groups and datasets of a matrix may be: no encoding that could run code or name another file."""


def build(
    *,
    rows: Sequence[Mapping[str, Cell]],
    kinds: Mapping[str, Kind],
    var: Mapping[str, Any],
    X: "NDArray[np.float64] | csr_matrix",
    layers: "Mapping[str, NDArray[Any] | csr_matrix]",
    about: Mapping[str, object],
) -> "AnnData":
    """Put a matrix together; samples and features are sorted by name.

    Args:
        rows: one mapping per sample: `sample` and the columns of `kinds`; None where unknown.
        kinds: the columns of `obs`, in order, with their kinds.
        var: `VAR` and the assay's own columns, one text per feature; numbers (arrays) and categories as well.
        X: samples by features, on the analysis scale; in the types of `FORMS` where the scale is one of them.
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
    forms = FORMS.get(str(about.get("scale")), {})
    arrays = {
        name: _ordered(values, forms.get(name, DENSE), by_sample, by_feature)
        for name, values in {"X": X, **layers}.items()
    }
    matrix = ad.AnnData(
        X=arrays.pop("X"),
        obs=pd.DataFrame(
            {name: _column(values, kinds[name]) for name, values in columns.items()},
            index=pd.Index(samples[by_sample], dtype=object),
        ),
        var=pd.DataFrame(
            {name: _annotation(values)[by_feature] for name, values in var.items()},
            index=pd.Index(features[by_feature], dtype=object),
        ),
        layers=arrays,
        uns={KEY: dict(about)},
    )
    validate(matrix, "matrix")
    return matrix


def validate(matrix: "AnnData", source: str, *, layers: Collection[str] | None = None) -> None:
    """Refuse a matrix that does not follow the schema.

    Args:
        matrix: what to look at.
        source: what the error calls it.
        layers: those that it was read with; None for all.

    Raises:
        InputError: one line per fault.
    """
    values = _value_faults(matrix, layers)
    _refuse(source, [*_obs_faults(matrix), *_var_faults(matrix), *values, *_about_faults(matrix)])


def write(matrix: "AnnData", target: Path) -> None:
    """Write a matrix, whole or not at all; the same matrix gives the same bytes."""
    import h5py
    from anndata.io import write_elem

    validate(matrix, str(target))
    with sealed(target) as path, h5py.File(path, "w", userblock_size=USER_BLOCK) as file:
        write_elem(file, "/", matrix, dataset_kwargs=COMPRESSION)


def read(path: Path, *, layers: Collection[str] | None = None) -> "AnnData":
    """Read a matrix that this project wrote.

    Args:
        path: the file (h5ad).
        layers: which layers to read; None for all. Those of genotypes take much more memory than `X`.

    Raises:
        InputError: if the file is missing, is no longer what was written, points outside itself, or does not
            follow the schema.
    """
    check_file(path)
    with _sound(path):
        matrix = _read(path, layers)
    validate(matrix, str(path), layers=layers)
    return matrix


def read_about(path: Path) -> dict[str, Any]:
    """What `uns` of a matrix file tells, without reading its values.

    Raises:
        InputError: as `read`.
    """
    check_file(path)
    import anndata as ad
    import h5py

    with _sound(path), h5py.File(path, "r") as file:
        found = ad.io.read_elem(file["uns"]).get(KEY, {})
    _refuse(str(path), [f"uns[{KEY!r}] has no {name!r}" for name in ABOUT if name not in found])
    return dict(found)


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


def sparse(values: Any) -> "csr_matrix":
    """An array as a sparse one, in the only way that its values can be stored: sorted, once each, no zero."""
    from scipy.sparse import csr_matrix

    found = csr_matrix(values)
    found.sum_duplicates()
    found.eliminate_zeros()
    if found.dtype.kind == "f":
        found.data[np.isnan(found.data)] = np.nan  # one of the many bit patterns
    index = _index_type(found)
    found.indices, found.indptr = found.indices.astype(index), found.indptr.astype(index)
    return found


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


@contextmanager
def _sound(path: Path) -> Iterator[None]:
    """Say of a file whose parts do not fit each other that it is no matrix."""
    try:
        yield
    except (ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
        raise InputError(f"{path}: no whole matrix ({' '.join(str(error).split())})") from None


def _read(path: Path, layers: Collection[str] | None) -> "AnnData":
    import anndata as ad
    import h5py

    if layers is None:
        return ad.io.read_h5ad(path)
    with h5py.File(path, "r") as file:
        parts = {name: ad.io.read_elem(file[name]) for name in ("X", "obs", "var", "uns")}
        some = {name: ad.io.read_elem(file["layers"][name]) for name in layers if name in file["layers"]}
    return ad.AnnData(**parts, layers=some)


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
    if encoding == "csr_matrix":
        return _foreign_sparse(name, item)
    if isinstance(item, h5py.Dataset):
        if item.external or item.is_virtual:
            return f"{name} keeps its values in another file"
        if item.dtype.kind == "V" or h5py.check_ref_dtype(item.dtype):
            return f"{name} holds objects"
    return None


def _foreign_sparse(name: str, item: Any) -> str | None:
    """A sparse array whose parts do not fit; the places in them are looked at when they are read."""
    import h5py

    parts = [item.get(part) for part in ("data", "indices", "indptr")] if isinstance(item, h5py.Group) else []
    shape = tuple(item.attrs.get("shape", ()))
    if len(shape) != 2 or not parts or any(not isinstance(p, h5py.Dataset) or p.ndim != 1 for p in parts):
        return f"{name} is no sparse array"
    data, indices, starts = parts
    if {indices.dtype.kind, starts.dtype.kind} != {"i"} or len(data) != len(indices):
        return f"{name} is no sparse array"
    rows = len(starts) - 1
    return f"{name} has {rows} rows and says {shape[0]}" if rows != shape[0] else None


def _digest(path: Path) -> bytes:
    with path.open("rb") as handle:
        handle.seek(USER_BLOCK)
        return hashlib.file_digest(handle, "sha256").hexdigest().encode()


def _ordered(
    values: Any, form: Form, by_sample: NDArray[np.intp], by_feature: NDArray[np.intp]
) -> "NDArray[Any] | csr_matrix":
    """The array with its rows and columns in order; those of small types can be very large, and are not cast."""
    array = sparse(values) if form.sparse else np.asarray(values, dtype=None if form != DENSE else np.float64)
    for axis, order in enumerate((by_sample, by_feature)):
        if (np.diff(order) < 0).any():
            array = array[order] if axis == 0 else array[:, order]
    return sparse(array) if form.sparse else array


def _index_type(values: "csr_matrix") -> type[np.signedinteger[Any]]:
    """The type of its indices, which scipy leaves to how it was made."""
    return np.int32 if max(values.nnz, *values.shape) <= np.iinfo(np.int32).max else np.int64


def _annotation(values: Any) -> Any:
    """A column of `var`: numbers and categories as they are, all else as texts."""
    import pandas as pd

    if isinstance(values, pd.Categorical) or (isinstance(values, np.ndarray) and values.dtype.kind in "if"):
        return values
    return np.array(values, dtype=object)


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


def _value_faults(matrix: "AnnData", read: Collection[str] | None) -> Iterator[str]:
    forms = FORMS.get(str(matrix.uns.get(KEY, {}).get("scale")), {})
    needed = [name for name in forms or ("raw",) if name != "X"]
    yield from (
        f"no layer {name!r}"
        for name in needed
        if name not in matrix.layers and (read is None or name in read)
    )
    for name, values in {"X": matrix.X, **matrix.layers}.items():
        if forms and name not in forms:
            yield f"layer {name!r}; allowed: {', '.join(needed)}"
            continue
        form = forms.get(name, DENSE)
        fault = _sparse_fault(values, form) if form.sparse else _dense_fault(values, form)
        if fault:
            yield f"{name} {fault}"
        elif form.dtype.startswith("float"):
            yield from _infinite(matrix, name, values)


def _dense_fault(values: Any, form: Form) -> str:
    if isinstance(values, np.ndarray) and values.dtype == form.dtype:
        return ""
    found = "sparse" if hasattr(values, "indptr") else getattr(values, "dtype", type(values).__name__)
    return f"is {found}; must be a dense {form.dtype} array"


def _sparse_fault(values: Any, form: Form) -> str:
    """What is wrong with a sparse array; its places are looked at before anything that is compiled uses them."""
    if getattr(values, "format", "") != "csr" or values.dtype != form.dtype:
        return (
            f"is {getattr(values, 'dtype', type(values).__name__)}; must be a sparse {form.dtype} array (CSR)"
        )
    try:
        values.check_format(full_check=True)
    except ValueError as error:
        return f"is no sparse array ({error})"
    falls = np.flatnonzero(np.diff(values.indices.astype(np.int64)) <= 0) + 1
    if not np.isin(falls, values.indptr).all() or values.indices.dtype != _index_type(values):
        return "is not stored as `sparse` stores it: features not in order"
    return "stores a zero" if (values.data == 0).any() else ""


def _infinite(matrix: "AnnData", name: str, values: Any) -> Iterator[str]:
    stored = values if isinstance(values, np.ndarray) else values.data
    if np.isinf(stored).any():
        if isinstance(values, np.ndarray):
            row, column = np.argwhere(np.isinf(values))[0]
        else:
            first = int(np.flatnonzero(np.isinf(stored))[0])
            row, column = np.searchsorted(values.indptr, first, side="right") - 1, values.indices[first]
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
