"""A study is loaded whole, or every fault of it is told."""

import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sheet_faults import CONFIG, SmallStudy, _sample

from scleromyomics.core.errors import InputError
from scleromyomics.plan.study import DEFAULT_PROTOCOL, load_study

Write = Callable[..., Path]


def test_the_sheets_become_records(study_dir: Write) -> None:
    cohort = load_study(study_dir()).cohort
    assert list(cohort.participants) == [f"P{number:02d}" for number in range(1, 9)]
    assert cohort.participants["P07"].autoantibodies == ("anti-Scl-70", "ANA")
    assert cohort.participants["P07"].eligibility["pregnant_or_breastfeeding"] is False
    assert cohort.participants["P07"].eligibility["capillaroscopic_anomaly"] is None
    assert cohort.participants["P07"].eligibility["age"] == 46
    assert cohort.visits["P07", "D1"].measures["mrss"] == 12
    assert cohort.visits["P07", "D1"].measures["fvc"] is None
    assert cohort.samples["P01_D1_pbmc_again"].bridge == "P01_D1_pbmc"
    assert cohort.samples["P01_D1_serum"].paths == ("raw/proteins_W1.tsv",)
    assert cohort.samples["P01_D1_serum"].column == "P01"
    assert [one.drug for one in cohort.treatments] == ["rituximab", "mycophenolate mofetil"]
    assert cohort.events[0].subtype == "ild"


def test_the_order_of_rows_does_not_matter(study_dir: Write) -> None:
    first = load_study(study_dir()).cohort
    study = SmallStudy()
    for rows in study.sheets.values():
        random.Random(3).shuffle(rows)  # noqa: S311
    second = load_study(study_dir(study)).cohort
    assert first == second
    assert list(first.samples) == list(second.samples)


def test_the_newest_wave_is_released_unless_configured(study_dir: Write) -> None:
    folder = study_dir()
    assert load_study(folder).release == "W2"
    earlier = load_study(folder, overrides={"release": "W1"})
    assert earlier.release == "W1"
    assert {one.wave for one in earlier.released.samples.values()} == {"W1"}
    assert load_study(folder, overrides={"release": None}).release == "W2"


def test_overrides_stand_above_the_file_and_leave_the_rest_of_a_block(study_dir: Write) -> None:
    study = SmallStudy(config=CONFIG + "analysis: {keep_ineligible: true}\n")
    loaded = load_study(study_dir(study), overrides={"analysis": {"covariates": ["sex"]}})
    assert loaded.config.analysis.keep_ineligible
    assert loaded.config.analysis.covariates == ["sex"]
    assert "chip_a" in loaded.config.microarray.platforms


def test_a_faulty_override_is_named_as_such(study_dir: Write) -> None:
    with pytest.raises(InputError, match=r"^--config, key analysis.keep_ineligible: 'maybe'"):
        load_study(study_dir(), overrides={"analysis": {"keep_ineligible": "maybe"}})


def test_a_study_without_protocol_takes_the_default_and_its_own_comes_first(study_dir: Write) -> None:
    assert load_study(study_dir()).protocol.title.startswith("SSc and inflammatory")
    text = DEFAULT_PROTOCOL.read_text(encoding="utf-8").replace("title: SSc and", "title: Our SSc and")
    assert load_study(study_dir(SmallStudy(protocol=text))).protocol.title.startswith("Our SSc")


def test_an_empty_folder_lacks_every_file(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        load_study(tmp_path)
    files = [line.partition(":")[0] for line in str(error.value).splitlines()]
    assert files == [
        "config.yaml",
        "events.tsv",
        "participants.tsv",
        "samples.tsv",
        "treatments.tsv",
        "visits.tsv",
    ]


def test_a_wide_window_of_warnings_does_not_stop_a_study(study_dir: Write) -> None:
    study = SmallStudy()
    study.sheets["visits"][3]["day"] = "500"
    (warning,) = load_study(study_dir(study)).warnings
    assert (
        str(warning)
        == "visits.tsv, line 5, column day: '500': is outside the window of M12; allowed: day 275 to 455 for M12"
    )


def test_events_and_treatments_may_have_no_rows(study_dir: Write) -> None:
    study = SmallStudy()
    study.edits = [
        (name, lambda one: one.split(b"\n")[0] + b"\n") for name in ("events.tsv", "treatments.tsv")
    ]
    assert load_study(study_dir(study)).cohort.events == ()


def large_study() -> SmallStudy:
    """400 participants, 3 visits, 4 assays: 15,600 samples."""
    study = SmallStudy()
    people = study.sheets["participants"][0]
    study.sheets["participants"] = []
    study.sheets["visits"] = []
    study.sheets["samples"] = []
    study.sheets["treatments"] = [row | {"participant": "P0003"} for row in study.sheets["treatments"]]
    study.sheets["events"] = [study.sheets["events"][0] | {"participant": "P0003"}]
    tissues = {1: ["muscle"], 2: ["muscle"], 3: ["skin_healthy"], 4: ["skin_sclerotic", "skin_healthy"]}
    formats = {"microarray": "cel", "variants": "vcf", "proteomics": "diann", "scrna": "h5ad"}
    for number in range(400):
        name, population = f"P{number:04d}", number % 4 + 1
        study.sheets["participants"].append(people | {"participant": name, "population": str(population)})
        for wave, (timepoint, day) in enumerate((("D1", "0"), ("M12", "365"), ("Y5", "1826")), start=1):
            visit = {
                "participant": name,
                "visit": timepoint,
                "timepoint": timepoint,
                "day": day,
                "crp": f"{number}.5",
            }
            study.sheets["visits"].append(visit)
            for assay, form in formats.items():
                for tissue in ["pbmc", "serum", *tissues[population]]:
                    sample = f"{name}_{timepoint}_{tissue}_{assay}"
                    path = f"raw/{sample}" if form != "diann" else f"raw/{wave}_{tissue}.tsv#{name}"
                    row = _sample(sample, name, timepoint, tissue, assay, f"W{wave}", form, path)
                    row["platform"] = "chip_a" if assay == "microarray" else f"{assay}_a"
                    study.sheets["samples"].append(row)
    study.config += "variants: {reference: {fasta: g.fa}, platforms: {variants_a: {}}}\n"
    return study


def test_15600_samples_load_within_seconds(study_dir: Write) -> None:
    folder = study_dir(large_study())
    took = []
    for _ in range(3):
        start = time.process_time()
        study = load_study(folder)
        took.append(time.process_time() - start)
    assert len(study.cohort.samples) == 15_600
    assert min(took) < 3, took  # 0.9 s on an idle core; the bound leaves room for slower machines


def test_loading_a_study_imports_nothing_heavy() -> None:
    code = "import sys, scleromyomics.plan.study; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"pandas", "scipy", "anndata", "snakemake", "matplotlib", "h5py", "sklearn"}
    assert not heavy & set(done.stdout.split())
