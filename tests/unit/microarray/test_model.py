"""A frozen model comes back from its file as it was, byte for byte."""

from pathlib import Path

import numpy as np

from scleromyomics.microarray.model import Model

MODEL = Model(
    chip="toychip",
    feature=np.array(["a_at", "b_at"]),
    gene_symbol=np.array(["XIST", ""]),
    gene_id=np.array(["ENSG1", ""]),
    target=np.array([1.0, 2.0, 4.0]),
    effect=np.array([0.0, -1.0, 1.0]),
    tissue=np.array(["muscle", "pbmc"]),
    median=np.array([[5.0, 6.0], [7.0, 8.0]]),
    error=np.array([0.1, 0.2]),
    scale=8.0,
    background=6.0,
    degradation=float("nan"),
    sex_cut=0.5,
)


def test_a_model_comes_back_from_its_file(tmp_path: Path) -> None:
    MODEL.save(tmp_path / "model.npz")
    first = (tmp_path / "model.npz").read_bytes()
    found = Model.load(tmp_path / "model.npz")
    for name, value in vars(MODEL).items():
        np.testing.assert_array_equal(getattr(found, name), value)
    assert isinstance(found.chip, str)
    assert isinstance(found.scale, float)
    found.save(tmp_path / "model.npz")
    assert (tmp_path / "model.npz").read_bytes() == first


def test_a_tissue_has_its_own_medians_and_an_unseen_one_none() -> None:
    found = MODEL.reference("pbmc")
    assert found is not None
    assert found.tolist() == [7.0, 8.0]
    assert MODEL.reference("skin_healthy") is None
