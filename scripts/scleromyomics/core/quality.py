"""What the quality of samples has in common in all assays: lines that hold a sample back, and a release's table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scleromyomics.core.files import read_json, write_tsv

DESCRIBED = ("sample", "participant", "tissue", "platform", "batch", "wave")
"""Columns of a release's table that come from the sheets."""


def fault(what: str, value: float | None, *, lowest: float, highest: float, unit: str = "") -> list[str]:
    """One line where a value lies beyond its limits: what was found, what is allowed. An unknown one is no fault.

    Args:
        what: is measured.
        value: that was found.
        lowest: allowed; 0 or less infinite: there is no lower limit worth naming.
        highest: allowed; infinite: no upper one.
        unit: of the limits.
    """
    if value is None or lowest <= value <= highest:
        return []
    if highest == float("inf"):
        allowed = f"at least {lowest:g}"
    elif lowest in {0.0, float("-inf")}:
        allowed = f"at most {highest:g}"
    else:
        allowed = f"{lowest:g} to {highest:g}"
    return [f"{what}: found {value:.3g}; allowed {allowed} {unit}".rstrip()]


def sex_fault(call: str | None, sheet: str, by: str) -> list[str]:
    """One line where the call contradicts the sheet; `by` says from what it was made."""
    return [f"sex: found {call} by {by}; the sheet says {sheet}"] if call in {"F", "M"} - {sheet} else []


def collect(
    rows: Sequence[Mapping[str, object]], qualities: Sequence[Mapping[str, Any]], measures: Sequence[str]
) -> list[dict[str, object]]:
    """Join a release's rows with their quality records, reasons on one line."""
    return [
        {**row, "held": found["held"], "reasons": "; ".join(found["reasons"]), "sex_call": found["sex_call"]}
        | {name: found["measures"][name] for name in measures}
        for row, found in zip(rows, qualities, strict=True)
    ]


def write_table(table: Path, study: Path, samples: Sequence[Any], measures: Sequence[str]) -> None:
    """Write the quality of a release's samples of one assay (TSV, one line per sample).

    Args:
        table: where to write it.
        study: the study directory.
        samples: rows with the columns of `DESCRIBED` and the path of their quality record.
        measures: names of the assay's measures.
    """
    rows = [{name: getattr(sample, name) for name in DESCRIBED} for sample in samples]
    lines = collect(rows, [read_json(study / sample.quality) for sample in samples], measures)
    write_tsv(table, [*DESCRIBED, "held", "reasons", "sex_call", *measures], lines)
