"""Matrices of genotypes: small types, sparse where most is zero, and what of these is refused."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from scleromyomics.core import matrix as schema
from scleromyomics.core.errors import InputError
from scleromyomics.core.files import sha256

ABOUT = dict.fromkeys(schema.ABOUT, "x") | {"tissue": "pbmc", "timepoint": "D1", "scale": schema.DOSAGE}
GT = np.array([[0, 1, -1, 2], [0, 0, 1, -1], [0, 0, 0, 0]], dtype=np.int8)


def rows(samples):
    return [dict.fromkeys(schema.OBS) | {"sample": s, "tissue": "pbmc", "timepoint": "D1"} for s in samples]


def layers(gt=GT):
    depth = np.where(gt < 0, 0, 30).astype(np.uint16)
    alternate = np.where(gt > 0, gt * 15, 0).astype(np.uint16)
    fraction = np.divide(alternate, depth, out=np.full(gt.shape, np.nan, np.float32), where=depth > 0)
    return {
        "GT": gt,
        "DP": depth,
        "AD": sparse.csr_matrix(alternate),
        "GQ": np.where(gt < 0, 0, 99).astype(np.uint8),
        "allele_fraction": sparse.csr_matrix(fraction),
    }


def dosage(gt=GT):
    return sparse.csr_matrix(np.where(gt < 0, np.nan, gt).astype(np.float32))


def a_matrix(samples=("S1", "S2", "S3"), features=("a", "b", "c", "d"), gt=GT, **changes):
    features = list(features)
    parts = {
        "rows": rows(samples),
        "kinds": schema.OBS,
        "var": {
            "feature": features,
            "gene_symbol": pd.Categorical(["G"] * len(features), categories=["G"]),
            "gene_id": features,
            "pos": np.arange(len(features), dtype=np.int32),
            "frequency": np.full(len(features), np.nan),
        },
        "X": dosage(gt),
        "layers": layers(gt),
        "about": ABOUT,
    }
    return schema.build(**{**parts, **changes})


@pytest.fixture
def file(tmp_path):
    schema.write(a_matrix(), tmp_path / "D1.h5ad")
    return tmp_path / "D1.h5ad"


def reseal(path):
    digest = schema._digest(path)
    with path.open("r+b") as handle:
        handle.seek(schema.SEAL_AT)
        handle.write(schema.SEAL + digest)


def test_what_is_written_is_read_in_the_same_types(file):
    written, read = a_matrix(), schema.read(file)
    assert sparse.issparse(read.X)
    np.testing.assert_array_equal(read.X.toarray(), np.where(GT < 0, np.nan, GT))
    for name, form in schema.FORMS[schema.DOSAGE].items():
        values = read.X if name == "X" else read.layers[name]
        assert values.dtype == form.dtype
        assert sparse.issparse(values) == form.sparse
    assert read.var.equals(written.var)
    assert read.var.dtypes.astype(str).to_dict() == {
        "feature": "object",
        "gene_symbol": "category",
        "gene_id": "object",
        "pos": "int32",
        "frequency": "float64",
    }


def test_homozygous_reference_takes_no_room_and_not_called_is_stored():
    assert a_matrix().X.nnz == np.count_nonzero(GT)
    assert np.isnan(a_matrix().X.data).sum() == (GT < 0).sum()


def test_layers_are_read_as_asked_for(file):
    assert set(schema.read(file, layers=["GQ"]).layers) == {"GQ"}
    assert not schema.read(file, layers=()).layers


def test_what_a_file_is_about_is_told_without_its_values(file, tmp_path):
    assert schema.read_about(file)["scale"] == schema.DOSAGE
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(InputError, match="changed or damaged"):
        schema.read_about(file)


def test_the_order_of_samples_features_and_stored_values_changes_no_byte(file, tmp_path):
    by_row, by_column = [2, 0, 1], [3, 1, 0, 2]
    gt = GT[np.ix_(by_row, by_column)]
    places = [range(4)[::-1]] * 3  # backwards, zeros stored
    X = sparse.csr_matrix(
        (dosage(gt).toarray()[:, ::-1].ravel(), np.ravel(places), [0, 4, 8, 12]), shape=GT.shape
    )
    var = {name: np.array(list("abcd"))[by_column] for name in ("feature", "gene_id")}
    fixed = a_matrix().var
    other = a_matrix(
        [f"S{i + 1}" for i in by_row],
        gt=gt,
        X=X,
        var=var
        | {
            "gene_symbol": fixed["gene_symbol"].array,
            "pos": np.arange(4, dtype=np.int32)[by_column],
            "frequency": np.full(4, np.nan),
        },
    )
    columns = list(a_matrix().var)
    other.var = other.var[columns]
    schema.write(other, tmp_path / "other.h5ad")
    assert sha256(tmp_path / "other.h5ad") == sha256(file)


@pytest.mark.parametrize(("samples", "features"), [((), tuple("abcd")), (("S1", "S2", "S3"), ()), ((), ())])
def test_an_empty_matrix_is_whole(tmp_path, samples, features):
    made = a_matrix(samples, features, GT[: len(samples), : len(features)])
    schema.write(made, tmp_path / "none.h5ad")
    assert schema.read(tmp_path / "none.h5ad").shape == (len(samples), len(features))


def test_types_are_not_cast():
    wrong = layers() | {"DP": np.full(GT.shape, 70_000), "GQ": np.zeros(GT.shape, np.int16), "AD": GT}
    with pytest.raises(InputError) as error:
        a_matrix(layers=wrong, X=np.where(GT < 0, np.nan, GT))
    assert str(error.value).splitlines() == [
        "matrix: X is float64; must be a sparse float32 array (CSR)",
        "matrix: DP is int64; must be a dense uint16 array",
        "matrix: AD is int8; must be a sparse uint16 array (CSR)",
        "matrix: GQ is int16; must be a dense uint8 array",
    ]


def test_genotypes_have_all_of_their_layers_and_no_other():
    wrong = layers() | {"raw": np.zeros(GT.shape)}
    del wrong["DP"]
    with pytest.raises(
        InputError, match=r"^matrix: no layer 'DP'\nmatrix: layer 'raw'; allowed: GT, DP, AD, GQ,"
    ):
        a_matrix(layers=wrong)


def test_other_scales_stay_dense():
    values = np.zeros(GT.shape)
    broken = a_matrix(X=values, layers={"raw": values}, about={**ABOUT, "scale": "log2"})
    broken.X = dosage()
    with pytest.raises(InputError, match=r"^matrix: X is sparse; must be a dense float64 array$"):
        schema.validate(broken, "matrix")


def test_infinite_values_are_named():
    X = dosage()
    X.data[1] = np.inf
    with pytest.raises(InputError, match=r"X has an infinite value \(sample 'S1', feature 'c'\)"):
        a_matrix(X=X)


def test_stored_zeros_and_disorder_are_refused(tmp_path):
    broken = a_matrix()
    broken.X.data[0] = 0
    with pytest.raises(InputError, match="X stores a zero"):
        schema.write(broken, tmp_path / "m.h5ad")
    broken = a_matrix()
    broken.X.indices[:2] = broken.X.indices[1::-1]
    with pytest.raises(InputError, match="X is not stored as `sparse` stores it"):
        schema.write(broken, tmp_path / "m.h5ad")


def put(name, index, value):
    def spoil(file):
        file[f"X/{name}"][index] = value

    return spoil


def of_type(name, dtype):
    def spoil(file):
        values = file[f"X/{name}"][:].astype(dtype)
        del file[f"X/{name}"]
        file["X"].create_dataset(name, data=values)

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        put("indices", 0, 10**9),
        put("indices", 1, -5),
        put("indptr", 1, 10**9),
        put("indptr", 1, 0),
        put("indptr", 0, 1),
        put("indptr", -1, 2),
        of_type("indices", "f8"),
        of_type("indices", "u4"),
        of_type("indptr", "i8"),
        of_type("data", "f8"),
        of_type("data", "S4"),
        lambda f: f["X"].attrs.__setitem__("shape", (10**9, 4)),
        lambda f: f["X"].attrs.__setitem__("shape", (3, 10**15)),
        lambda f: f["X"].attrs.__setitem__("shape", (4,)),
        lambda f: f["X"].attrs.__setitem__("encoding-type", "csc_matrix"),
        lambda f: f["X"].__delitem__("indices"),
        lambda f: f["layers/GT"].attrs.__setitem__("encoding-type", "csr_matrix"),
    ],
)
def test_a_sparse_array_that_points_elsewhere_is_refused_in_a_line(file, spoil):
    """As if somebody had made the file: none of these reaches compiled code."""
    import h5py

    with h5py.File(file, "r+") as stored:
        spoil(stored)
    reseal(file)
    with pytest.raises(InputError, match=r"^\S+D1\.h5ad: [^\n]+$"):
        schema.read(file)


def test_every_changed_bit_is_found(file):
    whole = file.read_bytes()
    rng = np.random.default_rng(7)
    for at in rng.integers(schema.USER_BLOCK, len(whole), size=100):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << int(rng.integers(8))
        file.write_bytes(damaged)
        with pytest.raises(InputError, match=r"^\S+D1\.h5ad: [^\n]+$"):
            schema.read(file)
