"""Limits have their line each; sex is called where X and Y agree; a release's table is complete."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from called import LIMITS

from scleromyomics.core.files import read_tsv, write_json
from scleromyomics.variants import quality
from scleromyomics.variants.quality import MEASURES, Limits, faults, sex_by_genotypes, sex_call

SET = Limits(**{name: value for name, value in LIMITS.items() if not name.startswith("autosome")})
FINE = dict.fromkeys(MEASURES) | {
    "reads": 1000,
    "mapped": 0.99,
    "duplicates": 0.1,
    "coverage": 35.0,
    "covered_10x": 0.98,
    "contamination": 0.01,
    "variants": 5000,
    "titv": 2.1,
    "het_hom": 1.6,
}


def test_a_fine_sample_has_no_fault_and_an_unknown_measure_is_none() -> None:
    assert faults(FINE, SET) == []
    assert faults(dict.fromkeys(MEASURES), SET) == []


def test_every_limit_has_its_line() -> None:
    poor = {
        "mapped": 0.5,
        "duplicates": 0.6,
        "proper_pairs": 0.1,
        "coverage": 4.0,
        "covered_10x": 0.1,
        "contamination": 0.0512,
    }
    assert faults(FINE | poor | {"titv": 0.9, "het_hom": 5.0}, SET) == [
        "reads that align: found 0.5; allowed at least 0.9 of all",
        "reads that are copies: found 0.6; allowed at most 0.5 of all",
        "reads whose mate lies where it should: found 0.1; allowed at least 0.5 of all",
        "mean depth over targets: found 4; allowed at least 10",
        "targets with 10 reads or more: found 0.1; allowed at least 0.7 of all",
        "DNA of another person: found 0.0512; allowed at most 0.03 of all",
        "transitions per transversion: found 0.9; allowed at least 1.2",
        "heterozygous per homozygous variant: found 5; allowed at most 4",
    ]
    assert faults(FINE | {"reads": 0, "mapped": None}, SET) == ["reads: found 0; allowed at least 1"]


def test_few_variants_are_not_judged() -> None:
    assert faults(FINE | {"variants": 99, "titv": 0.1, "het_hom": 50}, SET) == []


@pytest.mark.parametrize(
    ("x", "y", "call"),
    [
        (1.0, 0.01, "F"),
        (0.5, 0.45, "M"),
        (1.0, 0.4, "undetermined"),
        (0.5, 0.0, "undetermined"),
        (0.98, None, "F"),
        (0.52, None, "M"),
        (None, 0.4, "M"),
        (None, 0.0, "F"),
        (None, None, None),
    ],
)
def test_sex_is_called_where_x_and_y_agree(x: float | None, y: float | None, call: str | None) -> None:
    limits = {"female_x": LIMITS["autosome_ratio_female_x"], "male_y": LIMITS["autosome_ratio_male_y"]}
    assert sex_call(x, y, **limits) == call


@pytest.mark.parametrize(("part", "call"), [(0.6, "F"), (0.02, "M"), (0.2, "undetermined"), (None, None)])
def test_without_reads_heterozygous_variants_on_x_tell_the_sex(part: float | None, call: str | None) -> None:
    assert sex_by_genotypes(part) == call


def test_the_table_of_a_release_has_every_sample_with_its_reasons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = []
    for sample, reasons in (("a", []), ("b", ["coverage: found 2", "sex: found F"])):
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
    assert list(lines[0])[-len(MEASURES) :] == list(MEASURES)
    assert [line["held"] for line in lines] == ["false", "true"]
    assert lines[1]["reasons"] == "coverage: found 2; sex: found F"
    assert (lines[0]["titv"], lines[0]["on_target"]) == ("2.1", "")
