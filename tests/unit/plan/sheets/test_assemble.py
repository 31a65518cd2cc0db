"""Rows become records, sorted."""

from collections.abc import Callable
from pathlib import Path

from sheet_faults import SmallStudy

from scleromyomics.plan.study import load_study


def test_every_row_is_one_record_and_keys_are_sorted(study_dir: Callable[..., Path]) -> None:
    cohort, sheets = load_study(study_dir()).cohort, SmallStudy().sheets
    for name in ("participants", "visits", "samples"):
        records = getattr(cohort, name)
        assert len(records) == len(sheets[name])
        assert list(records) == sorted(records)
    assert len(cohort.events) == len(sheets["events"])
    assert len(cohort.treatments) == len(sheets["treatments"])


def test_blank_cells_are_unknown_and_not_zero(study_dir: Callable[..., Path]) -> None:
    cohort = load_study(study_dir()).cohort
    assert cohort.participants["P01"].onset_day is None
    assert cohort.participants["P01"].disease_subtype == ""
    assert cohort.treatments[0].dose is None
    assert cohort.treatments[1].stop_day is None
    assert cohort.samples["P01_D1_pbmc"].md5 == ()
    assert cohort.samples["P01_D1_pbmc"].bridge is None
