"""One matrix from the profiles of its samples."""

from pathlib import Path

import numpy as np
import pytest

from scleromyomics.core import matrix as schema
from scleromyomics.core.errors import InputError
from scleromyomics.core.files import read_json, sha256
from scleromyomics.matrices import tissue as tool


def build(folder, name="D1", models=None):
    target, receipt = folder.path / f"{name}.h5ad", folder.path / f"{name}.receipt.json"
    tool.run(
        study=folder.path,
        release="W1",
        assay="microarray",
        tissue="pbmc",
        timepoint="D1",
        rows="",
        models=models or [folder.model],
        matrix=target,
        receipt=receipt,
    )
    return schema.read(target), read_json(receipt)


def test_values_are_those_of_the_profiles(folder):
    folder.add("S2", [4, 5, 6])
    folder.add("S1", [1, 2, 3])
    matrix, receipt = build(folder)
    assert list(matrix.obs_names) == ["S1", "S2"]
    np.testing.assert_array_equal(matrix.X, [[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(matrix.layers["raw"], [[2, 3, 4], [5, 6, 7]])
    assert receipt["sha256"] == sha256(folder.path / "D1.h5ad")
    assert (receipt["n_samples"], receipt["n_features"]) == (2, 3)


def test_obs_tells_what_the_sheets_say(folder):
    folder.add("S1", [1, 2, 3], age=61.5, sex="M", batch="B7", eligible=False, overlap=True)
    one = build(folder)[0].obs.loc["S1"]
    assert (one["participant"], one["age"], one["sex"], one["batch"]) == ("P_S1", 61.5, "M", "B7")
    assert not one["eligible"]
    assert one["overlap"]
    assert one["mrss"] == 12


def test_what_is_unknown_is_missing(folder):
    folder.add("S1", [1, 2, 3])
    obs = build(folder)[0].obs
    assert obs[["disease_subtype", "ild"]].isna().to_numpy().all()
    assert str(obs["ild"].dtype) == "boolean"


def test_held_samples_are_left_out_and_named(folder):
    folder.add("S1", [1, 2, 3])
    folder.add("S2", [], np.array([], dtype="U1"), reasons=["file S2.CEL: truncated"])
    matrix, receipt = build(folder)
    assert list(matrix.obs_names) == ["S1"]
    assert receipt["held"] == {"S2": ["file S2.CEL: truncated"]}


def test_with_every_sample_held_the_matrix_keeps_its_features(folder):
    folder.add("S1", [], np.array([], dtype="U1"), reasons=["refused"])
    matrix, _ = build(folder)
    assert matrix.shape == (0, 3)
    assert list(matrix.var["gene_symbol"]) == ["Gf1", "Gf2", "Gf3"]


def test_the_order_of_rows_changes_no_byte(folder):
    for sample in ("S1", "S2", "S3"):
        folder.add(sample, np.arange(3) * float(sample[1]))
    build(folder, "a")
    folder.rows.reverse()
    build(folder, "b")
    assert sha256(folder.path / "a.h5ad") == sha256(folder.path / "b.h5ad")


def test_a_deleted_sample_is_one_row_less_and_changes_no_other(folder):
    for sample in ("S1", "S2", "S3"):
        folder.add(sample, np.arange(3) * float(sample[1]))
    whole, _ = build(folder, "a")
    del folder.rows[1]
    rest, _ = build(folder, "b")
    assert list(rest.obs_names) == ["S1", "S3"]
    np.testing.assert_array_equal(rest.X, whole[["S1", "S3"]].X)


def test_several_platforms_share_their_common_features_and_the_loss_is_told(folder):
    other = np.array(["f0", "f2", "f3", "f4"])
    models = [folder.model, folder.model_of("other", other)]
    folder.add("S1", [1, 2, 3])
    folder.add("S2", [10, 20, 30, 40], other, platform="other")
    matrix, receipt = build(folder, models=models)
    assert list(matrix.var_names) == ["f2", "f3"]
    np.testing.assert_array_equal(matrix.X, [[2, 3], [20, 30]])
    assert receipt["features_lost"] == {"F1 chip": 1, "F1 other": 2}
    assert {k: int(v) for k, v in matrix.uns[schema.KEY]["features_lost"].items()} == receipt["features_lost"]


def test_a_profile_without_the_models_features_is_refused(folder):
    folder.add("S1", [1, 2], np.array(["f1", "f2"]))
    with pytest.raises(InputError, match=r"S1\.npz: 1 features of the frozen model are missing.* 'f3'"):
        build(folder)
    assert not (folder.path / "D1.h5ad").exists()


def test_a_damaged_profile_is_named_in_one_line(folder):
    row = folder.add("S1", [1, 2, 3])
    (folder.path / row.profile).write_bytes((folder.path / row.profile).read_bytes()[:100])
    with pytest.raises(InputError, match=r"^[^\n]*S1\.npz: cannot be read [^\n]*$"):
        build(folder)


def test_without_a_model_there_are_no_features():
    with pytest.raises(InputError, match="--models: none given"):
        tool.common_features([])


def test_an_unannotated_model_is_named(tmp_path: Path):
    np.savez(tmp_path / "model.npz", feature=np.array(["f1"]))
    with pytest.raises(InputError, match=r"model\.npz: .*gene_symbol.* not .*archive"):
        tool.common_features([tmp_path / "model.npz"])
