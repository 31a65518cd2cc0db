"""The frozen path is RMA on the arrays it was fitted on; tissues weigh the same; outliers are left out, once."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from chips import Group, group, row, write_annotation, write_group

from scleromyomics.core.errors import InputError
from scleromyomics.core.files import read_json, read_tsv, sha256
from scleromyomics.microarray import admit, fit
from scleromyomics.microarray.model import Model
from scleromyomics.microarray.quality import nuse
from scleromyomics.microarray.rma import prepare, process
from scleromyomics.plan.rows import FreezeRow

REFERENCE = Path(__file__).parents[2] / "reference" / "rma"
LIMITS = {"rle_median_max": 0.2, "rle_iqr_max": 1.0, "nuse_max": 1.25, "sex_margin": 1.0}
TWO_TISSUES = ["pbmc", "pbmc", "skin_healthy", "skin_healthy"] * 3


def fitted(made: Group, *, threads: int = 1) -> fit.Joint:
    weights = fit.tissue_weights(made.tissues)
    return fit.joint_fit(made.probes.__getitem__, weights, made.starts, threads=threads)


def frozen(joint: fit.Joint, made: Group) -> Model:
    nothing, names = np.empty(0), np.array(made.features)
    return Model(
        chip="toychip",
        feature=names,
        gene_symbol=names,
        gene_id=names,
        target=joint.target,
        effect=joint.effect,
        tissue=np.empty(0, dtype=str),
        median=nothing,
        error=nothing,
        scale=0,
        background=0,
        degradation=0,
        sex_cut=0,
    )


def run_fit(
    rows: list[FreezeRow], folder: Path, monkeypatch: pytest.MonkeyPatch, *, chip: Path | None, **more: object
) -> tuple[Model, dict[str, dict[str, str]], dict[str, object]]:
    """Model, lines of the sample table by sample, and receipt."""
    monkeypatch.setattr("scleromyomics.plan.rows.freeze_rows", lambda *_, **__: rows)
    model, samples, receipt = folder / "model.npz", folder / "samples.tsv", folder / "receipt.json"
    named = {"study": folder, "freeze": "F1", "platform": "toy", "rows": "0"}
    fit.run(**named, chip=chip, model=model, samples=samples, receipt=receipt, **LIMITS | more)
    return Model.load(model), {line["sample"]: line for line in read_tsv(samples)}, read_json(receipt)


def test_rma_equals_affy_and_preprocess_core() -> None:
    with np.load(REFERENCE / "values.npz") as stored:
        probes, starts = stored["probes"].astype(np.float64), stored["starts"]
        affy, core = stored["affy"], stored["polish"]
    joint = fit.joint_fit(probes.__getitem__, np.ones(len(probes), dtype=np.int64), starts)
    for peer in (affy, core):
        np.testing.assert_allclose(joint.plain.T, peer, rtol=0, atol=1e-10)


def test_the_frozen_path_of_each_array_alone_equals_rma_where_tissues_have_equally_many() -> None:
    made = group(TWO_TISSUES)
    assert any(np.unique(array).size < array.size for array in made.probes)  # ties take part
    joint = fitted(made)
    for array, expected, error, same in zip(
        made.probes, joint.plain.T, joint.error.T, joint.values.T, strict=True
    ):
        alone, alone_error = process(prepare(array, made.starts), frozen(joint, made), made.starts)
        np.testing.assert_allclose(alone, expected, rtol=0, atol=1e-13)
        np.testing.assert_array_equal(alone, same)
        np.testing.assert_array_equal(alone_error, error)


def test_a_tissue_weighs_the_same_however_many_arrays_it_has() -> None:
    few = group(["pbmc", "pbmc", "skin_healthy", "skin_healthy"])
    twice = [0, 1, 0, 1, 2, 3]  # each blood array a second time
    many = replace(few, probes=few.probes[twice], tissues=[few.tissues[i] for i in twice])
    assert fit.tissue_weights(many.tissues).tolist() == [1, 1, 1, 1, 2, 2]
    one, other = fitted(few), fitted(many)
    np.testing.assert_allclose(other.target, one.target, rtol=1e-13)
    np.testing.assert_allclose(other.values[:, [0, 1, 4, 5]], one.values, rtol=0, atol=1e-10)
    assert np.abs(other.plain - other.values).max() > 1e-3  # plain RMA leans on blood


def test_a_fit_is_the_same_with_any_number_of_threads() -> None:
    made = group(["pbmc", "pbmc", "skin_healthy"])
    one, four = fitted(made), fitted(made, threads=4)
    for name, value in vars(one).items():
        np.testing.assert_array_equal(getattr(four, name), value)


def test_whole_number_weights_are_the_smallest() -> None:
    assert fit.tissue_weights(["a"] * 4 + ["b"] * 6).tolist() == [3] * 4 + [2] * 6
    assert fit.tissue_weights(["a", "b", "b", "a"]).tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("count", [4, 5, 8, 20])
def test_the_error_of_unseen_arrays_is_foretold_from_the_arrays_of_the_fit(count: int) -> None:
    made = group(["pbmc"] * 26)
    joint = fitted(replace(made, probes=made.probes[:count], tissues=made.tissues[:count]))
    model = replace(frozen(joint, made), error=joint.novelty * np.median(joint.error, axis=1))
    unseen = [process(prepare(one, made.starts), model, made.starts)[1] for one in made.probes[20:]]
    assert np.median([nuse(error, model.error) for error in unseen]) == pytest.approx(1, abs=0.1)


def test_a_fit_of_clean_arrays_uses_all_and_reports_how_far_it_is_from_rma(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = group(TWO_TISSUES)
    chip, rows = write_group(tmp_path, made)
    annotation = write_annotation(tmp_path / "genes.tsv", made)
    model, lines, receipt = run_fit(rows, tmp_path, monkeypatch, chip=chip, annotation=annotation, threads=2)
    assert {(line["used"], line["reason"]) for line in lines.values()} == {("true", "")}
    assert receipt["sha256"] == sha256(tmp_path / "model.npz")
    assert receipt["samples"] == {"pbmc": 6, "skin_healthy": 6}
    assert receipt["distance_to_plain_rma"]["max"] < 1e-12
    assert receipt["features_without_gene"] == 1
    assert model.gene_symbol[0] == "XIST"
    assert model.sex_cut == pytest.approx(0, abs=0.5)
    np.testing.assert_array_equal(model.tissue, ["pbmc", "skin_healthy"])


def test_planted_outliers_are_dropped_and_the_model_is_that_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = group(TWO_TISSUES)
    chip, rows = write_group(tmp_path / "clean", made)
    noisy = made.probes.copy()
    noisy[3] *= 2 ** np.random.default_rng(9).normal(0, 1.2, noisy[3].size)
    noisy[8] = np.roll(noisy[8], 1100)  # wrong probes: expression of other genes
    bad_chip, bad_rows = write_group(tmp_path / "bad", replace(made, probes=np.clip(noisy, 1, 65535)))
    bad_rows[5] = replace(bad_rows[5], sex="F")  # a man's array under a woman's name
    model, lines, receipt = run_fit(bad_rows, tmp_path / "bad", monkeypatch, chip=bad_chip)
    assert [name for name, line in lines.items() if line["used"] == "false"] == ["s03", "s08"]
    assert "NUSE: found" in lines["s03"]["reason"]
    assert "RLE interquartile range: found" in lines["s08"]["reason"]
    assert lines["s08"]["reason"].startswith("outlier of the first fit: ")
    assert (receipt["dropped_as_outliers"], receipt["not_used"]) == (2, 2)

    named = write_annotation(tmp_path / "genes.tsv", made)
    lines = run_fit(bad_rows, tmp_path / "bad", monkeypatch, chip=bad_chip, annotation=named)[1]
    assert lines["s05"]["reason"].endswith("sex: found M by XIST and Y genes; the sheet says F")

    rest = [one for one in rows if one.sample not in {"s03", "s08"}]
    expected, *_ = run_fit(rest, tmp_path / "clean", monkeypatch, chip=chip)
    np.testing.assert_array_equal(model.target, expected.target)
    np.testing.assert_array_equal(model.effect, expected.effect)


def test_refused_and_ineligible_samples_take_no_part_and_a_changed_file_stops_the_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chip, rows = write_group(tmp_path, group(["pbmc"] * 6))
    rows[0] = replace(rows[0], usable=False, reason="not eligible: age")
    rows[1].raw.write_bytes(rows[1].raw.read_bytes()[:-100])
    admit.run(sample="s01", raw=rows[1].raw, format="cel", chip=chip, receipt=rows[1].receipt)
    _, lines, receipt = run_fit(rows, tmp_path, monkeypatch, chip=chip)
    assert lines["s00"]["reason"] == "not eligible: age"
    assert "truncated" in lines["s01"]["reason"]
    assert receipt["not_used"] == 2
    shutil.copyfile(rows[2].raw, rows[3].raw)
    with pytest.raises(InputError, match=r"s03.CEL: found other content than was admitted"):
        run_fit(rows, tmp_path, monkeypatch, chip=chip)
    with pytest.raises(InputError, match=r"found no usable sample among 1 .not eligible: age"):
        run_fit(rows[:1], tmp_path, monkeypatch, chip=chip)


def table_rows(folder: Path, header: str, lines: list[str], tissues: list[str]) -> list[FreezeRow]:
    raw = folder / "table.tsv"
    raw.write_text("\n".join([header, *lines]) + "\n")
    rows = []
    for column, tissue in zip(header.split("\t")[1:], tissues, strict=True):
        receipt = folder / column / "raw.receipt.json"
        admit.run(sample=column, raw=raw, format="table", column=column, receipt=receipt)
        rows.append(replace(row(column, tissue, "F", raw, receipt.parent, column=column)))
    return rows


def test_a_table_is_frozen_on_the_features_that_all_samples_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["g2\t5\t5.2\t5.1", "g1\t8\t8.1\t7.9", "g3\t6\tNA\t6.1"]
    rows = table_rows(tmp_path, "feature\ta\tb\tc", lines, ["pbmc", "pbmc", "muscle"])
    model, _, receipt = run_fit(rows, tmp_path, monkeypatch, chip=None)
    assert model.feature.tolist() == ["g1", "g2"]
    np.testing.assert_allclose(model.median, [[7.9, 5.1], [8.05, 5.1]])
    assert receipt["distance_to_plain_rma"] == {"max": None, "median": None}


def test_a_column_that_is_not_log2_is_left_out_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = table_rows(tmp_path, "feature\ta\tb", ["g1\t8\t250.5", "g2\t7\t9"], ["pbmc", "pbmc"])
    _, lines, _ = run_fit(rows, tmp_path, monkeypatch, chip=None)
    assert lines["a"]["used"] == "true"
    assert "column b: found a value of size 250.5; allowed: log2 values" in lines["b"]["reason"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "feature\tgene_symbol\nf\tA\n",
            "found no column gene_id; allowed: feature, gene_symbol and gene_id",
        ),
        (
            "feature\tgene_symbol\tgene_id\nf\tA\t1\nf\tB\t2\n",
            "line 3: found feature f again; allowed: each once",
        ),
    ],
)
def test_a_broken_annotation_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "genes.tsv").write_text(text)
    with pytest.raises(InputError, match=words):
        fit.read_genes(tmp_path / "genes.tsv")
