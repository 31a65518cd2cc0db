"""Quality measures are what they say on data made for it; limits are named; a release's table is complete."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from scleromyomics.core.files import read_tsv, write_json
from scleromyomics.microarray import quality
from scleromyomics.microarray.quality import (
    Limits,
    degradation,
    faults,
    nuse,
    position_means,
    raw_log2,
    rle,
    sex_call,
    sex_cut,
    sex_fault,
    sex_score,
    standard_error,
)

VALUES = Path(__file__).parents[2] / "reference" / "rma" / "values.npz"
FINE = {**dict.fromkeys(quality.MEASURES), "rle_median": 0.0, "rle_iqr": 0.5, "nuse": 1.0}
LIMITS = Limits(
    rle_median_max=0.2, rle_iqr_max=1, nuse_max=1.25, scale_max=1, background_max=1, degradation_max=1
)


def test_rle_is_the_median_and_spread_of_the_difference_to_the_frozen_median() -> None:
    reference = np.array([5.0, 6, 7, 8, 9])
    assert rle(reference + np.array([-1, 0, 0.5, 1, 2]), reference) == (0.5, 1.0)


def test_nuse_is_one_for_frozen_errors_and_grows_with_the_noise() -> None:
    reference = standard_error(np.array([0.1, 0.2, 0.0]), np.array([11, 16, 1]))
    assert nuse(reference, reference) == 1
    assert nuse(1.5 * reference, reference) == pytest.approx(1.5)
    assert nuse(reference, np.zeros(3)) is None  # chips of one probe per set have no spread


def test_the_standard_error_is_that_of_normal_residuals() -> None:
    spread = np.median(np.abs(np.random.default_rng(1).normal(0, 0.3, 100_000)))
    assert standard_error(spread, np.array([9]))[0] == pytest.approx(0.1, rel=0.02)


def test_position_means_equal_affys() -> None:
    with np.load(VALUES) as stored:
        probes, starts, expected = stored["probes"].astype(np.float64), stored["starts"], stored["positions"]
    found = [position_means(array, starts) for array in probes]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_degradation_is_the_rise_from_the_first_to_the_last_position() -> None:
    starts = np.arange(0, 1101, 11)
    probes = np.tile(2 ** np.linspace(6, 8.5, 11), 100)
    assert degradation(probes, starts) == pytest.approx(2.5)


def test_a_chip_whose_probe_sets_differ_in_size_has_no_degradation() -> None:
    assert np.isnan(degradation(np.ones(15), np.array([0, 1, 3, 6, 10, 15])))


def test_a_raw_zero_has_a_finite_logarithm() -> None:
    assert raw_log2(np.array([0.0, 8.0])).tolist() == [0.0, 3.0]


GENES = np.array(["XIST", "DDX3Y", "DDX3Y", "UTY", "ACTB"])


def test_the_sex_score_weighs_every_y_gene_the_same() -> None:
    assert sex_score(np.array([9.0, 3, 5, 8, 12]), GENES) == 9 - (4 + 8) / 2
    assert sex_score(np.ones(5), np.array(["ACTB"] * 5)) is None
    assert sex_score(np.ones(5), np.array(["XIST"] * 5)) is None


def test_the_sex_cut_lies_between_women_and_men_and_one_swap_does_not_move_it() -> None:
    scores, sexes = np.array([6.0, 5, 5.5, -3, -4, -3.5]), np.array(list("FFFMMM"))
    assert sex_cut(scores, sexes, 1) == 1.0
    assert sex_cut(scores, np.array(list("FFMMMM")), 1) == pytest.approx(1.0, abs=0.3)


def test_the_sex_cut_is_zero_for_one_sex_and_unknown_where_the_sexes_do_not_differ() -> None:
    assert sex_cut(np.array([6.0, 5]), np.array(["F", "F"]), 1) == 0
    assert np.isnan(sex_cut(np.array([0.1, 0.0]), np.array(["F", "M"]), 1))


@pytest.mark.parametrize(
    ("score", "cut", "call"),
    [(3, 1, "F"), (-2, 1, "M"), (1.5, 1, "undetermined"), (None, 1, None), (3, np.nan, None)],
)
def test_sex_is_called_beyond_the_margin_only(score: float | None, cut: float, call: str | None) -> None:
    assert sex_call(score, cut, 1) == call


def test_only_a_sex_that_contradicts_the_sheet_is_a_fault() -> None:
    assert sex_fault("F", "M") == ["sex: found F by XIST and Y genes; the sheet says M"]
    assert [sex_fault(call, "M") for call in ("M", "undetermined", None)] == [[], [], []]


def test_every_limit_has_its_line_and_an_unknown_measure_is_no_fault() -> None:
    assert faults(FINE, LIMITS) == []
    poor = dict.fromkeys(quality.MEASURES, -2.0) | {"rle_iqr": 1.5, "nuse": 2.0}
    assert faults(poor, LIMITS) == [
        "RLE median: found -2; allowed -0.2 to 0.2 log2",
        "RLE interquartile range: found 1.5; allowed at most 1 log2",
        "NUSE: found 2; allowed at most 1.25 times the freeze",
        "scale against the freeze: found -2; allowed -1 to 1 log2",
        "background against the freeze: found -2; allowed -1 to 1 log2",
    ]  # less degraded than the freeze is no fault
    assert faults(FINE | {"degradation": 1.2}, LIMITS) == [
        "5' to 3' rise above the freeze: found 1.2; allowed at most 1 log2"
    ]


def test_the_table_of_a_release_has_every_sample_with_its_reasons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = []
    for sample, reasons in (("a", []), ("b", ["NUSE: found 2", "sex: found F"])):
        verdict = {
            "sample": sample,
            "tissue": "pbmc",
            "held": bool(reasons),
            "reasons": reasons,
            "sex_call": "F",
        }
        write_json(tmp_path / f"{sample}.json", verdict | {"measures": FINE})
        described = dict.fromkeys(("participant", "tissue", "platform", "batch", "wave"), "x")
        rows.append(SimpleNamespace(sample=sample, quality=tmp_path / f"{sample}.json", **described))
    monkeypatch.setattr("scleromyomics.plan.rows.release_rows", lambda *_, **__: rows)
    quality.run(study=tmp_path, release="W1", rows="0", table=tmp_path / "quality.tsv")
    lines = read_tsv(tmp_path / "quality.tsv")
    assert [line["held"] for line in lines] == ["false", "true"]
    assert lines[1]["reasons"] == "NUSE: found 2; sex: found F"
    assert lines[0]["nuse"] == "1.0"
    assert lines[0]["scale"] == ""
