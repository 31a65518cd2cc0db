"""The matrix file: its schema, its bytes, and what it refuses."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scleromyomics.core import matrix as schema
from scleromyomics.core.errors import InputError
from scleromyomics.core.files import sha256

MEASURES = {"mrss": "integer", "fvc": "number", "ild": "boolean", "stage": "category"}
ABOUT = {
    "assay": "microarray",
    "tissue": "pbmc",
    "timepoint": "D1",
    "unit": "log2 intensity",
    "scale": "log2",
    "freeze": np.array(["F1"], dtype=object),
    "code": "0123456789ab",
    "versions": {"scleromyomics": "0.1.0"},
}


def row(sample: str, **changes: object) -> dict[str, object]:
    return {
        "sample": sample,
        "participant": f"P{sample}",
        "population": 4,
        "group": "ssc",
        "visit": "V1",
        "timepoint": "D1",
        "day": 0,
        "tissue": "pbmc",
        "replicate": 1,
        "bridge": None,
        "platform": "chip",
        "batch": "B1",
        "wave": "W1",
        "freeze": "F1",
        "sex": "F",
        "age": 50.5,
        "eligible": True,
        "overlap": False,
        "disease_subtype": None,
        "mrss": 12,
        "fvc": 80.0,
        "ild": True,
        "stage": "early",
        **changes,
    }


TWO = (row("S1"), row("S2", mrss=None, fvc=None, ild=None, stage=None))


def a_matrix(rows=TWO, features=("f1", "f2", "f3")):
    X = np.arange(len(rows) * len(features), dtype=float).reshape(len(rows), len(features))
    return schema.build(
        rows=rows,
        kinds={**schema.OBS, **MEASURES},
        var={"feature": features, "gene_symbol": ["G"] * len(features), "gene_id": [""] * len(features)},
        X=X,
        layers={"raw": X + 1},
        about=ABOUT,
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    schema.write(a_matrix(), tmp_path / "D1.h5ad")
    return tmp_path / "D1.h5ad"


def reseal(path: Path) -> None:
    """Make a tampered file look as if this project had written it."""
    digest = schema._digest(path)
    with path.open("r+b") as handle:
        handle.seek(schema.SEAL_AT)
        handle.write(schema.SEAL + digest)


def test_a_matrix_is_read_as_it_was_written(file):
    written, read = a_matrix(), schema.read(file)
    np.testing.assert_array_equal(read.X, written.X)
    np.testing.assert_array_equal(read.layers["raw"], written.layers["raw"])
    assert read.obs.equals(written.obs)
    assert read.var.equals(written.var)
    assert read.uns[schema.KEY]["versions"] == ABOUT["versions"]
    assert list(read.uns[schema.KEY]["freeze"]) == ["F1"]


def test_the_types_of_columns_do_not_depend_on_the_data():
    known, unknown, none = (
        a_matrix(rows).obs.dtypes.astype(str).to_dict()
        for rows in ([row("S1")], [row("S1", **dict.fromkeys(MEASURES))], [])
    )
    assert known == unknown == none
    assert known["mrss"] == "Int64"
    assert known["ild"] == "boolean"


def test_the_order_of_samples_and_features_changes_nothing(tmp_path):
    rows = [row("S1", age=1.0), row("S2", age=2.0), row("S3", age=3.0)]
    X = np.arange(6.0).reshape(3, 2)
    for name, by_row, by_column in (("a", [0, 1, 2], [0, 1]), ("b", [2, 0, 1], [1, 0])):
        features = np.array(["f1", "f2"])[by_column]
        one = schema.build(
            rows=[rows[i] for i in by_row],
            kinds={**schema.OBS, **MEASURES},
            var={"feature": features, "gene_symbol": features, "gene_id": features},
            X=X[np.ix_(by_row, by_column)],
            layers={"raw": X[np.ix_(by_row, by_column)]},
            about=ABOUT,
        )
        schema.write(one, tmp_path / f"{name}.h5ad")
    assert sha256(tmp_path / "a.h5ad") == sha256(tmp_path / "b.h5ad")


def test_the_same_matrix_gives_the_same_bytes_in_every_process(file, tmp_path):
    code = (
        "import sys; sys.path[:0] = sys.argv[1:3]\n"
        "from pathlib import Path; import test_matrix as t\n"
        "t.schema.write(t.a_matrix(), Path(sys.argv[3]))"
    )
    scripts = Path(schema.__file__).parents[2]
    for seed in ("1", "2"):
        other = tmp_path / f"{seed}.h5ad"
        command = [sys.executable, "-c", code, str(scripts), str(Path(__file__).parent), str(other)]
        subprocess.run(command, check=True, env={"PYTHONHASHSEED": seed}, capture_output=True)
        assert sha256(other) == sha256(file)


def test_a_matrix_without_samples_is_whole(tmp_path):
    schema.write(a_matrix(rows=[]), tmp_path / "none.h5ad")
    assert schema.read(tmp_path / "none.h5ad").shape == (0, 3)


def test_a_matrix_without_features_is_whole(tmp_path):
    schema.write(a_matrix(features=[]), tmp_path / "none.h5ad")
    assert schema.read(tmp_path / "none.h5ad").shape == (2, 0)


def test_other_programs_read_the_file(file):
    import anndata as ad

    assert ad.read_h5ad(file).shape == (2, 3)


def test_arrays_are_compressed(file):
    import h5py

    with h5py.File(file) as stored:
        assert {stored[name].compression for name in ("X", "layers/raw", "obs/age")} == {"gzip"}


def test_every_changed_bit_is_found(file):
    whole = file.read_bytes()
    rng = np.random.default_rng(7)
    for at in [schema.SEAL_AT, *rng.integers(schema.USER_BLOCK, len(whole), size=300)]:
        damaged = bytearray(whole)
        damaged[at] ^= 1 << int(rng.integers(8))
        file.write_bytes(damaged)
        with pytest.raises(InputError, match=r"^\S+D1\.h5ad: [^\n]+$"):
            schema.read(file)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_cut_file_is_refused_in_one_line(file, share):
    whole = file.read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match=r"D1\.h5ad: (changed or damaged|not a matrix written)"):
        schema.read(file)


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"absent\.h5ad: cannot be read \(No such file or directory\)"):
        schema.read(tmp_path / "absent.h5ad")


def test_a_foreign_h5ad_is_refused(tmp_path):
    a_matrix().write_h5ad(tmp_path / "foreign.h5ad")
    with pytest.raises(InputError, match=r"foreign\.h5ad: not a matrix written by this project"):
        schema.read(tmp_path / "foreign.h5ad")


def test_links_and_values_outside_the_file_are_refused(file, tmp_path):
    import h5py

    whole = file.read_bytes()
    (tmp_path / "values.bin").write_bytes(bytes(16))
    layout = h5py.VirtualLayout(shape=(2,), dtype="f8")
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", shape=(2,))
    faults = {
        "is a link": lambda f: f["uns"].__setitem__("x", h5py.ExternalLink("other.h5", "/x")),
        "is a link to": lambda f: f["uns"].__setitem__("x", h5py.SoftLink("/X")),
        "keeps its values in another file": lambda f: f["uns"].create_dataset(
            "x", shape=(2,), dtype="f8", external=[(str(tmp_path / "values.bin"), 0, 16)]
        ),
        "keeps its values in another file;": lambda f: f["uns"].create_virtual_dataset("x", layout),
        "holds objects": lambda f: f["uns"].create_dataset("x", data=np.void(b"pickled")),
        "has the encoding 'pickle'": lambda f: f["uns"].attrs.__setitem__("encoding-type", "pickle"),
    }
    for words, spoil in faults.items():
        file.write_bytes(whole)
        with h5py.File(file, "r+") as stored:
            spoil(stored)
        reseal(file)
        with pytest.raises(InputError, match=rf"D1\.h5ad: uns(/x)? {words}"):
            schema.read(file)


def test_all_faults_of_a_matrix_are_named_together():
    broken = a_matrix()
    broken.obs = broken.obs.drop(columns="batch").assign(age=1)
    broken.X[1, 2] = np.inf
    del broken.layers["raw"]
    broken.uns[schema.KEY] = {**ABOUT, "tissue": "muscle"}
    del broken.uns[schema.KEY]["code"]
    with pytest.raises(InputError) as error:
        schema.validate(broken, "m.h5ad")
    assert str(error.value).splitlines() == [
        "m.h5ad: no obs column 'batch'",
        "m.h5ad: obs column 'age' is int64; must be float64 (number)",
        "m.h5ad: no layer 'raw'",
        "m.h5ad: X has an infinite value (sample 'S2', feature 'f3'); a missing value is NaN",
        "m.h5ad: uns['scleromyomics'] has no 'code'",
        "m.h5ad: obs column 'tissue' has pbmc; the matrix is of muscle",
    ]


def test_a_sample_or_feature_twice_is_refused():
    with pytest.raises(InputError, match=r"sample 'S1' twice\n.*feature 'f' twice"):
        a_matrix(rows=[row("S1"), row("S1")], features=["f", "f"])


def test_a_refused_matrix_leaves_no_file(tmp_path):
    broken = a_matrix()
    del broken.layers["raw"]
    with pytest.raises(InputError):
        schema.write(broken, tmp_path / "m.h5ad")
    assert list(tmp_path.iterdir()) == []


def test_rows_of_a_unit_are_averaged_over_what_was_measured():
    values = np.array([[9.0, 1.0], [1.0, np.nan], [3.0, np.nan]])
    units, means = schema.merge_rows(values, ["Q", "P", "P"])
    assert units == ["P", "Q"]
    np.testing.assert_array_equal(means, [[2, np.nan], [9, 1]])
