"""From a study's sheets and per-sample products through matrices and verdicts to answers, as the rules go."""

from pathlib import Path

import numpy as np
import pytest

from scleromyomics.cohort import verdicts
from scleromyomics.compare import question
from scleromyomics.core.errors import InputError
from scleromyomics.core.files import read_tsv, write_json, write_tsv
from scleromyomics.core.results import read_results
from scleromyomics.matrices import timepoint, tissue
from scleromyomics.plan.cells import Cell
from scleromyomics.plan.rows import Rows, rows_digest
from scleromyomics.plan.study import load_study

FEATURES = np.array([f"f{i:03d}" for i in range(200)])
MOVED = 8
ASKED = Cell("ssc_vs_control_d1", "microarray", "pbmc", "")


class Folder:
    """A study directory with ten participants in each of two populations."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.people = [
            {
                "participant": f"P{i:02d}",
                "population": 3 + i % 2,
                "overlap": False,
                "sex": "F" if i % 3 else "M",
                "age": 40 + i,
            }
            for i in range(20)
        ]
        self.samples = [
            {
                "sample": f"S{90 - i}",
                "participant": f"P{i:02d}",
                "visit": "V1",
                "tissue": "pbmc",
                "assay": "microarray",
                "replicate": 1,
                "platform": "chip",
                "batch": f"B{i // 2 % 2}",
                "wave": "W1",
                "format": "table",
                "path": f"raw.tsv#S{90 - i}",
            }
            for i in range(20)
        ]
        self.held: dict[str, str] = {}
        (path / "config.yaml").write_text("microarray: {platforms: {chip: {}}}\n")

    def write(self) -> None:
        """Write sheets and products: the first features of cases are moved."""
        visits = [
            {"participant": one["participant"], "visit": "V1", "timepoint": "D1", "day": 0}
            for one in self.people
        ]
        for name, rows in (("participants", self.people), ("visits", visits), ("samples", self.samples)):
            write_tsv(self.path / f"{name}.tsv", list(rows[0]), rows)
        write_tsv(self.path / "events.tsv", ["participant", "day", "kind", "subtype"], [])
        drugs = ["participant", "drug", "class", "start_day", "stop_day", "dose", "dose_unit"]
        write_tsv(self.path / "treatments.tsv", drugs, [])
        for one in self.samples:
            self._products(one)
        quality = [
            {
                "sample": s["sample"],
                "held": s["sample"] in self.held,
                "reasons": self.held.get(s["sample"], ""),
            }
            for s in self.samples
        ]
        write_tsv(self.path / "quality.tsv", ["sample", "held", "reasons"], quality)
        model = self.path / "F1" / "chip" / "model.npz"
        model.parent.mkdir(parents=True, exist_ok=True)
        np.savez(model, feature=FEATURES, gene_symbol=np.char.upper(FEATURES), gene_id=FEATURES)

    def _products(self, one: dict[str, object]) -> None:
        name = str(one["sample"])
        number = int(str(one["participant"])[1:])
        value = np.random.default_rng(number).normal(8, 0.4, len(FEATURES))
        value[:MOVED] += 1.5 * (number % 2)
        folder = self.path / "results/samples/microarray/F1" / name
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / "profile.npz", feature=FEATURES, value=value, layer_raw=value)
        reasons = [self.held[name]] if name in self.held else []
        write_json(folder / "quality.json", {"held": bool(reasons), "reasons": reasons})

    def rows(self) -> Rows:
        return Rows(load_study(self.path))

    def build(self) -> None:
        """Call the modules as the rules do."""
        self.write()
        rows, at = self.rows(), {"assay": "microarray", "tissue": "pbmc", "timepoint": "D1"}
        job = {"study": self.path, "release": "W1"}
        tissue.run(
            **job,
            **at,
            rows=rows_digest(rows.matrix(**at)),
            models=[self.path / "F1" / "chip" / "model.npz"],
            matrix=self.path / "D1.h5ad",
            receipt=self.path / "D1.receipt.json",
        )
        timepoint.run(matrices=[self.path / "D1.h5ad"], matrix=self.path / "D1.h5mu")
        verdicts.run(
            **job,
            rows=rows_digest(rows.cohort()),
            quality=[self.path / "quality.tsv"],
            verdicts=self.path / "verdicts.tsv",
            held=self.path / "held_back.tsv",
        )
        question.run(
            **job,
            question=ASKED.question,
            assay=ASKED.assay,
            tissue=ASKED.tissue,
            rows=rows_digest(rows.question(ASKED)),
            matrices=[self.path / "D1.h5ad"],
            quality=[self.path / "quality.tsv"],
            table=self.path / "answer.parquet",
        )

    def verdict(self) -> dict[str, str]:
        found = read_tsv(self.path / "verdicts.tsv")
        return next(r for r in found if (r["question"], r["assay"], r["tissue"]) == ASKED_PATH)


ASKED_PATH = (ASKED.question, ASKED.assay, ASKED.tissue)


@pytest.fixture
def study(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def answer(study: Folder) -> dict[str, np.ndarray]:
    table = read_results(study.path / "answer.parquet")
    return {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}


def test_what_was_planted_is_answered(study):
    study.build()
    found = answer(study)
    assert set(found["feature"][:MOVED]) == set(FEATURES[:MOVED])
    assert (found["estimate"][:MOVED] > 0.9).all()
    assert set(found["n_case"]) == set(found["n_reference"]) == {10}
    assert study.verdict()["final"] == found["verdict"][0] != "SKIP"
    assert read_tsv(study.path / "held_back.tsv") == []


def test_the_order_of_the_sheets_changes_nothing(study):
    study.build()
    before = {one: (study.path / one).read_bytes() for one in ("D1.h5ad", "D1.h5mu", "answer.parquet")}
    study.people.reverse()
    study.samples = study.samples[7:] + study.samples[:7]
    study.build()
    assert before == {one: (study.path / one).read_bytes() for one in before}


def test_a_held_sample_is_named_and_is_one_case_less(study):
    study.held = {"S89": "RLE median 0.9; allowed: at most 0.2"}  # of P01, a case
    study.build()
    (held,) = read_tsv(study.path / "held_back.tsv")
    assert (held["sample"], held["participant"], held["reason"]) == ("S89", "P01", study.held["S89"])
    assert study.verdict()["n_case"] == "9"
    assert set(answer(study)["n_case"]) == {9}
    assert set(answer(study)["n_reference"]) == {10}


def test_a_sample_held_back_by_the_configuration_is_treated_alike(study):
    config = study.path / "config.yaml"
    config.write_text(config.read_text() + "hold_back: {S89: swapped at the bench}\n")
    study.build()
    assert read_tsv(study.path / "held_back.tsv")[0]["reason"] == "swapped at the bench"
    assert set(answer(study)["n_case"]) == {9}


def test_with_too_few_left_the_verdict_turns_to_skip_and_the_table_is_empty(study):
    study.held = {one["sample"]: "truncated" for one in study.samples[1:17:2]}
    study.build()
    assert study.verdict()["planned"] != "SKIP"
    assert study.verdict()["final"] == "SKIP"
    assert len(answer(study)["feature"]) == 0


def test_a_bridge_sample_does_not_count_beside_the_sample_it_measures_again(study):
    study.build()
    before = answer(study)
    again = {**study.samples[0], "sample": "S50", "batch": "B1", "wave": "W1", "path": "raw.tsv#S50"}
    again |= {"replicate": 2, "bridge": "S90"}
    study.samples = [{**one, "bridge": ""} for one in study.samples] + [again]
    study.build()
    np.testing.assert_array_equal(before["p_value"], answer(study)["p_value"])


def test_sheets_that_changed_since_the_plan_are_refused(study):
    study.build()
    digest = rows_digest(study.rows().cohort())
    study.people[0]["age"] = 77
    study.write()
    with pytest.raises(InputError, match=r"the sheets or config\.yaml changed while the workflow ran"):
        verdicts.run(
            study=study.path,
            release="W1",
            rows=digest,
            quality=[study.path / "quality.tsv"],
            verdicts=study.path / "v.tsv",
            held=study.path / "h.tsv",
        )
