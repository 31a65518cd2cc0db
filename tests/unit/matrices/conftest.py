"""A study's sheets and per-sample products, as small as the tests of this folder need them."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from scleromyomics.core import matrix as schema
from scleromyomics.core.files import write_json

FEATURES = np.array(["f1", "f2", "f3"])


@dataclass(frozen=True)
class Row:
    """What `plan.rows` tells of a sample."""

    sample: str
    participant: str
    population: int = 4
    group: str = "ssc"
    overlap: bool = False
    disease_subtype: str = ""
    eligible: bool = True
    sex: str = "F"
    age: float = 50.0
    visit: str = "V1"
    timepoint: str = "D1"
    day: int = 0
    tissue: str = "pbmc"
    replicate: int = 1
    bridge: str | None = None
    platform: str = "chip"
    batch: str = "B1"
    wave: str = "W1"
    freeze: str = "F1"
    measures: tuple = (("mrss", 12), ("ild", None))
    profile: Path = Path()
    quality: Path = Path()

    def __getattribute__(self, name):
        value = object.__getattribute__(self, name)
        return dict(value) if name == "measures" else value


@dataclass
class Folder:
    """A study directory with one frozen model and the products of samples."""

    path: Path
    model: Path
    rows: list

    def model_of(self, platform: str, features: np.ndarray) -> Path:
        """Write another model."""
        path = self.path / "F1" / platform / "model.npz"
        path.parent.mkdir(parents=True)
        symbols = np.char.add("G", features)
        np.savez_compressed(path, feature=features, gene_symbol=symbols, gene_id=np.full(len(features), ""))
        return path

    def add(self, sample: str, value, features=FEATURES, *, reasons=(), **fields) -> Row:
        """Write the products of one sample."""
        row = Row(sample, fields.pop("participant", f"P_{sample}"), **fields)
        row = replace(row, profile=Path(f"{sample}.npz"), quality=Path(f"{sample}.json"))
        value = np.asarray(value, dtype=float)
        np.savez_compressed(self.path / row.profile, feature=features, value=value, layer_raw=value + 1)
        quality = {"sample": sample, "tissue": row.tissue, "held": bool(reasons), "reasons": list(reasons)}
        write_json(self.path / row.quality, quality)
        self.rows.append(row)
        return row


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    one = Folder(tmp_path, Path(), [])
    one.model = one.model_of("chip", FEATURES)
    kinds = {"mrss": SimpleNamespace(type="integer"), "ild": SimpleNamespace(type="boolean")}
    study = SimpleNamespace(protocol=SimpleNamespace(measures=kinds))
    monkeypatch.setitem(
        sys.modules, "scleromyomics.plan.rows", SimpleNamespace(matrix_rows=lambda *_, **__: one.rows)
    )
    monkeypatch.setitem(sys.modules, "scleromyomics.plan.study", SimpleNamespace(load_study=lambda _: study))
    return one


@pytest.fixture
def written(tmp_path: Path):
    """Write a matrix of some rows; returns its path."""

    def write(rows, X, *, tissue="pbmc", timepoint="D1", name=None) -> Path:
        X = np.asarray(X, dtype=float)
        features = [f"f{i}" for i in range(X.shape[1])]
        made = schema.build(
            rows=[
                {
                    "sample": row.sample,
                    **{n: getattr(row, n) or None for n in schema.OBS},
                    "mrss": row.measures["mrss"],
                }
                | {
                    "population": row.population,
                    "day": row.day,
                    "eligible": row.eligible,
                    "overlap": row.overlap,
                }
                for row in rows
            ],
            kinds={**schema.OBS, "mrss": "integer"},
            var={"feature": features, "gene_symbol": features, "gene_id": features},
            X=X,
            layers={"raw": X},
            about={
                **dict.fromkeys(schema.ABOUT, "x"),
                "assay": "microarray",
                "tissue": tissue,
                "timepoint": timepoint,
            },
        )
        path = tmp_path / f"{name or tissue}.h5ad"
        schema.write(made, path)
        return path

    return write


@pytest.fixture
def row():
    """A row of `plan.rows`."""
    return Row
