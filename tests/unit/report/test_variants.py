"""What the report says of genotypes: tests apart, estimates as odds, samples and not arrays, and that they stay."""

import numpy as np
import pytest
from cohorts import default_protocol

from scleromyomics.compare.genotype import UNIT, UNIT_FRACTION
from scleromyomics.core.results import COLUMNS, write_results
from scleromyomics.plan.config.analysis import Analysis
from scleromyomics.report import answers, build, views
from scleromyomics.report.formats import LONGEST_NAME, shortened
from scleromyomics.report.labels import Labels
from scleromyomics.report.read import read_answers

LABELS = Labels(default_protocol())
INSERTION = "chr1:1001:A:" + "ACGT" * 30


def written(path, *, tests=("dosage", "burden"), unit=UNIT, question="ssc_vs_control_d1", features=40):
    """A result file, 30 rows of each test without a test."""
    n = features * len(tests)
    columns = {name: {"string": "", "int32": 0, "double": np.nan}[kind] for name, kind in COLUMNS.items()}
    numbers = np.random.default_rng(1).normal(size=n)
    p_value = np.where(np.arange(n) % features < features - 30, np.abs(numbers) / 10, np.nan)
    names = [
        f"chr1:{1000 + i}:A:G" if test == "dosage" else f"ENSG{i:02d}:lof"
        for test in tests
        for i in range(features)
    ]
    names[1] = INSERTION
    write_results(
        path,
        columns
        | {
            "question": question,
            "contrast": "ssc - ssc_control",
            "assay": "variants",
            "tissue": "pbmc",
            "test": np.repeat(tests, features),
            "feature": names,
            "gene_symbol": ["IFIH1" if i % 2 else "" for i in range(n)],
            "p_value": p_value,
            "q_value": p_value,
            "unit": unit,
            "flag": np.where(np.isnan(p_value), "does not vary", ""),
            **{
                name: np.where(np.isnan(p_value), np.nan, numbers)
                for name in ("estimate", "ci_low", "ci_high")
            },
            **dict.fromkeys(("n_samples", "n_participants"), 16),
            **dict.fromkeys(("n_case", "n_reference"), 8),
        },
        rows=n,
    )
    return path


def answered(path, question="ssc_vs_control_d1", kind="between"):
    verdict = {
        "question": question, "kind": kind, "title": "T", "assay": "variants", "tissue": "pbmc",
        "reference_tissue": "",
        "final": "RUN", "planned": "RUN", "reason": "", "remedy": "",
    }  # fmt: skip
    (one,) = answers.answers([verdict], answers.Results(read_answers([path]), {}, {}), LABELS)
    return one


def test_the_tests_of_an_answer_are_tables_of_their_own_that_say_what_they_are(tmp_path):
    one = answered(written(tmp_path / "t.parquet"))
    assert [table.heading.split(",")[0] for table in one.tables] == [
        "rare variants of each gene",
        "each variant",
    ]
    burden, dosage = one.tables
    assert any("counted in each gene" in note for note in burden.notes)
    assert any("Germline genotypes" in note for note in dosage.notes)
    assert one.count == 80
    for table in one.tables:
        assert "30 features could not be tested (30 does not vary)." in table.notes
        assert dict(table.facts)["Features tested"] == "10"


def test_odds_are_explained_and_no_effect_is_called_detectable(tmp_path):
    table = answered(written(tmp_path / "t.parquet")).tables[0]
    assert "twice the odds of being in the first group per copy" in table.reading
    assert "Smallest detectable effect" not in dict(table.facts)
    path = written(
        tmp_path / "w.parquet", tests=("allele_fraction",), unit=UNIT_FRACTION, question="ssc_change_d1_m12"
    )
    within = answered(path, "ssc_change_d1_m12", "within").tables[0]
    assert "twice the odds that a read carries the allele" in within.reading
    assert any("clones and mosaics" in note for note in within.notes)


def test_long_insertions_do_not_widen_the_page(tmp_path):
    one = answered(written(tmp_path / "t.parquet"))
    features = [row["feature"] for table in one.tables for row in table.features]
    assert shortened(INSERTION) in features
    assert max(map(len, features)) <= LONGEST_NAME + 3
    assert shortened("chr1:1000:A:G") == "chr1:1000:A:G"


def test_burdens_are_named_by_gene_and_class(tmp_path):
    burden = answered(written(tmp_path / "t.parquet")).tables[0]
    assert "IFIH1 lof" in burden.alternative


@pytest.fixture
def quality():
    fixed = {
        "platform": "exome",
        "batch": "b1",
        "wave": "W1",
        "held": "false",
        "reasons": "",
        "tissue": "pbmc",
    }
    return [
        fixed | {"sample": f"S{i}", "participant": f"P{i}", "sex_call": "F", "reads": "1000000",
                 "coverage": f"{60 + i}",
                 "contamination": "", "covered_20x": "0.9"}
        for i in range(4)
    ]  # fmt: skip


def test_quality_speaks_of_samples_and_draws_what_is_to_be_looked_at(quality):
    view = views.quality_view("variants", quality, LABELS)
    assert view["noun"] == "sample"
    assert [figure["title"] for figure in view["figures"]] == ["Mean depth over targets"]
    assert "4 samples from 60.0 to 63.0" in view["figures"][0]["alternative"]
    assert [label for label, _ in view["measures"]][1:] == [
        *(
            "Reads",
            "Mean depth over targets",
            "DNA of another person (of all)",
            "Targets with 20 reads or more",
        )
    ]


def test_contamination_that_was_not_estimated_is_not_called_zero(quality):
    view = views.quality_view("variants", quality, LABELS)
    assert {row["measured"][3] for row in view["rows"]} == {"not estimated"}


def page(assay):
    seen = {
        "participant": "P1", "population": "4", "group": "ssc", "visit": "d1", "timepoint": "D1", "tissue": "pbmc",
        "assay": assay, "expected": "true", "received": "1", "status": "received", "reason": "",
    }  # fmt: skip
    sources = build.Sources(
        release="W1",
        completeness=[seen],
        attrition=[],
        eligibility=[],
        verdicts=[],
        held=[],
        quality={},
        profiles={},
        results=answers.Results({}, {}, {}),
    )
    return build.page(default_protocol(), Analysis(), sources)


def test_where_there_are_genotypes_the_page_says_that_they_stay():
    assert "Genotypes are germline data" in page("variants")
    assert "Ancestry is not adjusted for" in page("variants")
    assert "germline" not in page("microarray")
