"""An array alone gives what it gives in any company, byte for byte; poor, foreign or changed files are held back."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from chips import group, row, write_annotation, write_group
from data import real_data

from scleromyomics.core.errors import InputError
from scleromyomics.core.files import read_json, sha256
from scleromyomics.microarray import admit, fit, quality, rma
from scleromyomics.microarray.chip import read_chip
from scleromyomics.plan.config.microarray import MicroarrayQuality
from scleromyomics.plan.rows import FreezeRow

sys.path.append(str(Path(__file__).parents[2] / "reference" / "rma"))
import make

LIMITS = MicroarrayQuality().model_dump()
FIT_LIMITS = {name: LIMITS[name] for name in ("rle_median_max", "rle_iqr_max", "nuse_max", "sex_margin")}
TISSUES = ["pbmc", "pbmc", "skin_healthy", "skin_healthy"] * 3

STARTS = group(TISSUES).starts
PLACE = (
    np.arange(STARTS[-1]) - np.repeat(STARTS[:-1], np.diff(STARTS))
) / 10  # 0 at the 5' end, 1 at the 3' end

needs_r = pytest.mark.skipif(not shutil.which("Rscript"), reason="Rscript is not installed")


@pytest.fixture(scope="module")
def freeze(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[FreezeRow]]:
    """Chip, frozen model, and the samples it was fitted on."""
    folder = tmp_path_factory.mktemp("freeze")
    made = group(TISSUES)
    chip, rows = write_group(folder, made)
    return (
        chip,
        frozen(folder, rows, chip=chip, annotation=write_annotation(folder / "genes.tsv", made)),
        rows,
    )


def frozen(folder: Path, rows: list[FreezeRow], **more: Path | None) -> Path:
    named = {"study": folder, "freeze": "F1", "platform": "toy", "rows": "0", "model": folder / "model.npz"}
    files = {"samples": folder / "samples.tsv", "receipt": folder / "fit.json"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scleromyomics.plan.rows.freeze_rows", lambda *_, **__: rows)
        fit.run(**named, **files, **FIT_LIMITS, **more)
    return folder / "model.npz"


def processed(
    one: FreezeRow, model: Path, folder: Path, *, chip: Path | None
) -> tuple[bytes, dict[str, object]]:
    """Bytes of the profile, and the quality record."""
    paths = {name: folder / f"{one.sample}.{name}" for name in ("quality", "receipt")}
    profile = folder / f"{one.sample}.npz"
    rma.run(
        sample=one.sample,
        raw=one.raw,
        admission=one.receipt,
        tissue=one.tissue,
        sex=one.sex,
        chip=chip,
        model=model,
        profile=profile,
        **paths,
        **LIMITS,
    )
    assert read_json(paths["receipt"])["sha256"] == sha256(profile)
    return profile.read_bytes(), read_json(paths["quality"])


def like(
    rows: list[FreezeRow], folder: Path, chip: Path, change: object, *, sample: str = "new"
) -> FreezeRow:
    """A later array: that of sample s00 after `change` of its probes' intensities, admitted."""
    made = group(TISSUES)
    probes = np.clip(change(made.probes[:1].copy()), 1, 65535)
    _, (one,) = write_group(folder, replace(made, probes=probes, tissues=["pbmc"], sexes=["F"]))
    return replace(one, sample=sample)


def test_an_array_alone_equals_the_same_array_in_any_company(
    freeze: tuple[Path, Path, list[FreezeRow]], tmp_path: Path
) -> None:
    chip, model, rows = freeze
    together = [processed(one, model, tmp_path, chip=chip) for one in rows]
    for one, expected in list(zip(rows, together, strict=True))[::-3]:
        shutil.rmtree(tmp_path)
        tmp_path.mkdir()
        assert processed(one, model, tmp_path, chip=chip) == expected


def test_clean_arrays_are_not_held_back_and_their_sex_is_called(
    freeze: tuple[Path, Path, list[FreezeRow]], tmp_path: Path
) -> None:
    chip, model, rows = freeze
    for one in rows:
        _, found = processed(one, model, tmp_path, chip=chip)
        assert (found["held"], found["reasons"], found["sex_call"]) == (False, [], one.sex)
        assert found["measures"].keys() == set(quality.MEASURES)
        assert 0.7 < found["measures"]["nuse"] < 1.1


def test_a_profile_holds_sorted_features_log2_values_and_the_raw_scale(
    freeze: tuple[Path, Path, list[FreezeRow]], tmp_path: Path
) -> None:
    chip, model, rows = freeze
    processed(rows[0], model, tmp_path, chip=chip)
    made = group(TISSUES)
    with np.load(tmp_path / "s00.npz") as profile:
        assert profile["feature"].tolist() == made.features
        first = made.probes[0, : made.starts[1]]
        assert profile["layer_raw"][0] == pytest.approx(np.log2(first.mean()))
        assert np.corrcoef(profile["value"], profile["layer_raw"])[0, 1] > 0.8


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda x: x * 2 ** np.random.default_rng(1).normal(0, 1.5, x.shape), "NUSE: found"),
        (lambda x: np.roll(x, 1100, axis=1), "RLE interquartile range: found"),
        (lambda x: x * 5, "scale against the freeze: found 2."),
        (lambda x: x + 400, "background against the freeze: found"),
        (lambda x: x * 2 ** (3 * PLACE - 2), "5' to 3' rise above the freeze: found"),
    ],
    ids=["noise", "wrong genes", "bright", "background", "degraded"],
)
def test_a_planted_outlier_is_held_back_with_its_reason(
    freeze: tuple[Path, Path, list[FreezeRow]], tmp_path: Path, change: object, reason: str
) -> None:
    chip, model, rows = freeze
    _, found = processed(like(rows, tmp_path, chip, change), model, tmp_path, chip=chip)
    assert found["held"]
    assert any(reason in text for text in found["reasons"]), found


def test_the_wrong_sex_and_an_unseen_tissue_are_reasons_to_hold_back(
    freeze: tuple[Path, Path, list[FreezeRow]], tmp_path: Path
) -> None:
    chip, model, rows = freeze
    _, found = processed(replace(rows[0], sex="M"), model, tmp_path, chip=chip)
    assert found["reasons"] == ["sex: found F by XIST and Y genes; the sheet says M"]
    _, found = processed(replace(rows[0], tissue="muscle"), model, tmp_path, chip=chip)
    assert found["reasons"] == ["tissue muscle: not among the tissues of this freeze (pbmc, skin_healthy)"]
    assert found["measures"]["rle_median"] is None


def test_a_refused_file_gives_an_empty_profile_with_the_reason(
    freeze: tuple[Path, Path, list[FreezeRow]], tmp_path: Path
) -> None:
    chip, model, rows = freeze
    one = replace(rows[0], sample="cut", raw=tmp_path / "cut.CEL", folder=tmp_path / "cut")
    one.raw.write_bytes(rows[0].raw.read_bytes()[:-7])
    admit.run(sample="cut", raw=one.raw, format="cel", chip=chip, receipt=one.receipt)
    _, found = processed(one, model, tmp_path, chip=chip)
    assert found["held"]
    assert "truncated" in found["reasons"][0]
    assert set(found["measures"].values()) == {None}
    with np.load(tmp_path / "cut.npz") as profile:
        assert {name: profile[name].size for name in profile} == {"feature": 0, "value": 0, "layer_raw": 0}


def test_a_file_that_changed_since_admission_is_refused(
    freeze: tuple[Path, Path, list[FreezeRow]], tmp_path: Path
) -> None:
    chip, model, rows = freeze
    with pytest.raises(InputError, match=r"s01.CEL: found other content than was admitted"):
        processed(replace(rows[0], raw=rows[1].raw), model, tmp_path, chip=chip)


def test_a_file_of_another_chip_is_refused(
    freeze: tuple[Path, Path, list[FreezeRow]], tmp_path: Path
) -> None:
    _, _, rows = freeze
    write_group(tmp_path, group(["pbmc"], sets=30), chip_name="other")
    with pytest.raises(InputError, match=r"found chip toychip of .* cells; allowed: chip other of"):
        rma.read_probes(rows[0].raw, read_chip([tmp_path / "other.cdf"]))


def test_a_table_column_is_taken_as_given_on_the_models_features(tmp_path: Path) -> None:
    raw = tmp_path / "table.tsv"
    raw.write_text("feature\ta\tb\tc\ng2\t5\t5.2\t\ng1\t8\t8.1\t8.1\ng3\t6\t6\t6.5\n")
    rows = [row(name, "pbmc", "F", raw, tmp_path / name, column=name) for name in "abc"]
    for one in rows:
        admit.run(sample=one.sample, raw=raw, format="table", column=one.column, receipt=one.receipt)
    model = frozen(tmp_path, rows[:2], chip=None)
    _, found = processed(rows[1], model, tmp_path, chip=None)
    assert not found["held"]
    assert found["measures"]["nuse"] is None
    with np.load(tmp_path / "b.npz") as profile:
        assert profile["feature"].tolist() == ["g1", "g2", "g3"]
        assert profile["value"].tolist() == [8.1, 5.2, 6]
    _, found = processed(rows[2], model, tmp_path, chip=None)
    assert found["reasons"] == ["features: found 1 of the frozen model's 3 missing; allowed: none"]


def test_the_real_array_equals_affy() -> None:
    folder = real_data("microarray/test3_chip")
    chip = read_chip([folder / "Test3.CDF"])
    probes = rma.read_probes(folder / "Test3-1-121502.CEL", chip)
    joint = fit.joint_fit(lambda _: probes, np.ones(1, dtype=np.int64), chip.starts)
    table = np.genfromtxt(
        folder / "Test3_reference_signals.tsv.gz", delimiter="\t", names=True, dtype=None, encoding="utf-8"
    )
    expected = dict(zip(table["probeset"].tolist(), table["affy_rma_log2"].tolist(), strict=True))
    assert len(expected) == chip.features.size
    wanted = [expected[feature] for feature in chip.features.tolist()]
    np.testing.assert_allclose(joint.plain[:, 0], wanted, rtol=0, atol=1e-10)


@needs_r
@pytest.mark.r
def test_simulated_arrays_equal_affy_live(tmp_path: Path) -> None:
    made = group(TISSUES, sets=1000, seed=7)
    write_group(tmp_path, made)
    peer = make.affy(tmp_path, "toychip", len(TISSUES))
    joint = fit.joint_fit(
        made.probes.__getitem__, np.ones(len(TISSUES), dtype=np.int64), made.starts, threads=2
    )
    np.testing.assert_allclose(joint.plain.T, peer["affy"], rtol=0, atol=1e-10)
    means = [quality.position_means(array, made.starts) for array in made.probes]
    np.testing.assert_allclose(means, peer["positions"], rtol=0, atol=1e-10)


@needs_r
@pytest.mark.r
def test_the_real_array_equals_affy_live(tmp_path: Path) -> None:
    folder = real_data("microarray/test3_chip")
    for name in ("Test3.CDF", "Test3-1-121502.CEL"):
        shutil.copyfile(folder / name, tmp_path / name)
    chip = read_chip([folder / "Test3.CDF"])
    probes = rma.read_probes(folder / "Test3-1-121502.CEL", chip)
    joint = fit.joint_fit(lambda _: probes, np.ones(1, dtype=np.int64), chip.starts)
    np.testing.assert_allclose(joint.plain.T, make.affy(tmp_path, "Test3", 1)["affy"], rtol=0, atol=1e-10)


@needs_r
@pytest.mark.r
def test_whole_transcript_layouts_equal_preprocess_core_live(tmp_path: Path) -> None:
    random = np.random.default_rng(8)
    starts = np.concatenate([[0], np.cumsum(random.integers(1, 60, 400))])  # probe sets of all sizes
    signal = 2 ** (random.normal(6, 2, starts[-1]) + random.normal(0, 0.4, (5, starts[-1])))
    probes = np.round(signal + random.normal(40, 6, signal.shape).clip(1), 1)
    peer = make.preprocess_core(tmp_path, probes, starts)
    joint = fit.joint_fit(probes.__getitem__, np.ones(5, dtype=np.int64), starts)
    np.testing.assert_allclose(joint.plain.T, peer["polish"], rtol=0, atol=1e-10)
