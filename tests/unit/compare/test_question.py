"""One question between groups, from matrices to a result table."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from cohorts import default_protocol
from groups import FEATURES, MOVED, comparison, fields, people, profiles

from scleromyomics.compare import question as tool
from scleromyomics.core import matrix as schema
from scleromyomics.core.files import sha256
from scleromyomics.core.results import read_results
from scleromyomics.plan import contrasts
from scleromyomics.plan.cells import Cell
from scleromyomics.plan.contrasts import Comparison, Member

ASKED = Cell("ssc_vs_control_d1", "microarray", "pbmc", "")


class Study:
    """A folder with matrices and verdicts, and the comparison that the sheets would give."""

    def __init__(self, path: Path, members: list[Member], values: dict[str, np.ndarray]) -> None:
        self.path, self.members, self.values = path, members, values
        self.final = "RUN"
        self.cell = ASKED

    def matrix(self, members: list[Member], tissue: str = "pbmc") -> Path:
        features = [f"f{i:03d}" for i in range(FEATURES)]
        samples = [(m, s) for m in members for s in m.samples]
        X = np.array([self.values[s] for _, s in samples])
        made = schema.build(
            rows=[
                {
                    **dict.fromkeys(schema.OBS),
                    "sample": sample,
                    "participant": member.participant,
                    "group": {"case": "ssc", "reference": "ssc_control"}[member.role],
                    "tissue": tissue,
                    "timepoint": "D1",
                }
                for member, sample in samples
            ],
            kinds=schema.OBS,
            var={"feature": features, "gene_symbol": [f"G{i}" for i in range(FEATURES)], "gene_id": features},
            X=X,
            layers={"raw": X},
            about={**dict.fromkeys(schema.ABOUT, "x"), "tissue": tissue, "timepoint": "D1", "scale": "log2"},
        )
        path = self.path / f"{tissue}.h5ad"
        schema.write(made, path)
        return path

    def run(self, *matrices: Path, cell: Cell = ASKED, name: str = "t") -> Path:
        self.cell = cell
        table = self.path / f"{name}.parquet"
        tool.run(
            study=self.path,
            release="W1",
            question=cell.question,
            assay="microarray",
            tissue=cell.tissue,
            rows="",
            matrices=list(matrices),
            quality=[],
            table=table,
        )
        return table


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    members = people()
    one = Study(tmp_path, members, profiles(members))

    def released() -> SimpleNamespace:
        return SimpleNamespace(samples={s: m for m in one.members for s in m.samples})

    def select(_study: object, _cell: object, held: dict[str, str]) -> Comparison:
        return comparison([m for m in one.members if not held.keys() & set(m.samples)])

    def question_study(*_: object, **__: object) -> tuple[SimpleNamespace, Cell]:
        return SimpleNamespace(released=released(), protocol=default_protocol()), one.cell

    rows = SimpleNamespace(question_study=question_study)
    monkeypatch.setitem(sys.modules, "scleromyomics.plan.rows", rows)
    monkeypatch.setattr(contrasts, "select", select)
    monkeypatch.setattr(tool, "_verdict", lambda *_: one.final)
    return one


def test_the_table_is_complete_and_sorted_by_p(study):
    table = read_results(study.run(study.matrix(study.members)))
    first = table.slice(0, 1).to_pylist()[0]
    p = table["p_value"].to_numpy()
    assert table.num_rows == FEATURES
    assert (np.diff(p) >= 0).all()
    assert first["contrast"] == "ssc - ssc_control"
    assert first["formula"] == "~ 1 + case + age + sex + batch"
    assert (first["unit"], first["test"], first["verdict"]) == ("log2", "abundance", "RUN")
    assert first["method"] == "moderated linear model (Smyth 2004)"
    assert (first["n_samples"], first["n_case"], first["n_reference"]) == (24, 12, 12)
    assert (first["n_participants"], first["n_pairs"], first["estimate_pairs"]) == (24, 0, None)
    assert first["gene_symbol"] == f"G{int(first['feature'][1:])}"
    assert set(table["feature"].to_pylist()[:MOVED]) == {f"f{i:03d}" for i in range(MOVED)}


def test_the_order_of_samples_members_and_matrices_changes_no_byte(study):
    one = study.run(study.matrix(study.members), name="a")
    study.members.reverse()
    other = study.run(study.matrix(study.members), name="b")
    assert sha256(one) == sha256(other)


def test_participants_are_matched_by_id(study):
    before = read_results(study.run(study.matrix(study.members), name="a"))
    rename = {m.samples[0]: f"X{i:02d}" for i, m in enumerate(study.members)}  # another order of rows
    study.values = {rename[name]: profile for name, profile in study.values.items()}
    study.members = [Member(**{**fields(m), "samples": (rename[m.samples[0]],)}) for m in study.members]
    after = read_results(study.run(study.matrix(study.members), name="b"))
    assert before.equals(after)


def test_a_sample_that_quality_held_back_is_one_participant_less(study):
    whole = read_results(study.run(study.matrix(study.members), name="a"))
    less = read_results(study.run(study.matrix(study.members[1:]), name="b"))
    for name, change in (("n_samples", 1), ("n_participants", 1), ("n_reference", 1), ("n_case", 0)):
        assert set(whole[name].to_numpy() - less[name].to_numpy()) == {change}


def test_two_tissues_are_compared_across_groups(study):
    case = [m for m in study.members if m.role == "case"]
    rest = [m for m in study.members if m.role == "reference"]
    paths = study.matrix(case, "skin_sclerotic"), study.matrix(rest, "skin_healthy")
    for name, order in (("a", paths), ("b", paths[::-1])):
        cell = Cell("ssc_sclerotic_vs_control_skin", "microarray", "skin_sclerotic", "skin_healthy")
        made = study.run(*order, cell=cell, name=name)
        first = read_results(made).slice(0, 1).to_pylist()[0]
        assert first["contrast"] == "ssc skin_sclerotic - ssc_control skin_healthy"
        assert (first["tissue"], first["reference_tissue"]) == ("skin_sclerotic", "skin_healthy")
        assert (first["n_case"], first["n_reference"]) == (12, 12)
    assert sha256(study.path / "a.parquet") == sha256(study.path / "b.parquet")


def test_a_question_that_cannot_be_answered_gets_no_row(study):
    study.final = "SKIP"
    assert read_results(study.run(study.path / "absent.h5ad")).num_rows == 0


def test_the_verdict_stands_in_every_row(study):
    study.final = "CAUTION"
    table = read_results(study.run(study.matrix(study.members)))
    assert set(table["verdict"].to_pylist()) == {"CAUTION"}
