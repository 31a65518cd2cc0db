"""What each section of the report but the answers shows, computed from the release's tables and free of markup.

Tables come as rows of text, as their writers left them. Nothing here escapes: the templates do.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scleromyomics.describe.profiles import FREQUENCY, OVERLAP
from scleromyomics.plan.attrition import LOST, PARTICIPANTS, SMALLEST
from scleromyomics.report.figures import Point, strips
from scleromyomics.report.formats import counted, names, number, sizes
from scleromyomics.report.labels import KINDS, TIMEPOINTS, TISSUES, Columns, Labels, Row

Cell = tuple[str, str, str]  # question, assay, tissue

ABSENT = {"missing": "missing", "lost": "not due any more"}  # status of completeness.tsv: how it is said
STATES = {
    "seen": "Seen",
    "missing": "Missing",
    "death": "Died",
    "withdrawal": "Withdrew",
    "lost": "Lost",
    "not_due": "Not due",
}  # levels of attrition.tsv: how they are said
VERDICTS = {
    "RUN": "the data can answer this",
    "CAUTION": "answered, with the reservation that stands beside it",
    "SKIP": "the data cannot answer this; the reason and the remedy stand beside it",
}
MEASURES = {
    "rle_median": ("RLE median (log2)", "how far the array's values lie from the frozen medians; 0 is best"),
    "rle_iqr": ("RLE interquartile range (log2)", "how widely they scatter around them; small is best"),
    "nuse": ("NUSE (times the freeze)", "how well the probes of a gene agree; 1 is as good as the freeze"),
    "scale": ("Scale (log2 against the freeze)", "mean raw intensity; 0 is that of the freeze"),
    "background": ("Background (log2 against the freeze)", "background intensity; 0 is that of the freeze"),
    "degradation": (
        "5′ to 3′ rise (log2 above the freeze)",
        "degraded RNA is brighter at the 3′ end; 0 is the freeze",
    ),
    "sex_score": ("XIST minus Y genes (log2)", "high in women, low in men; compared with the sheet"),
    "reads": ("Reads", ""),
    "mapped": ("Reads that align (of all)", "low where the DNA is not, or not only, human"),
    "duplicates": ("Reads that are copies (of all)", "high where the library held few molecules"),
    "proper_pairs": ("Pairs as expected (of all)", ""),
    "insert_size": ("Insert size (bases)", "median length of the sequenced pieces"),
    "insert_size_mad": ("Insert size, spread (bases)", ""),
    "gc": ("G and C (of all bases)", "near 0.4 in genomes, near 0.5 in exomes"),
    "coverage": ("Mean depth over targets", "the reads that speak for a genotype"),
    "covered_10x": ("Targets with 10 reads or more", "the part where genotypes are reliable"),
    "covered_20x": ("Targets with 20 reads or more", ""),
    "covered_30x": ("Targets with 30 reads or more", ""),
    "uniformity": ("Targets with a fifth of the mean depth", "1 where the depth is even"),
    "on_target": ("Depth on targets (of all)", "what the capture kit enriched; 1 for whole genomes"),
    "contamination": ("DNA of another person (of all)", "0 is best; not estimated without common sites"),
    "contamination_sites": ("Common sites looked at", ""),
    "x_ratio": ("X over autosomes (depth)", "1 in women, a half in men; compared with the sheet"),
    "y_ratio": ("Y over autosomes (depth)", "0 in women, a half in men; compared with the sheet"),
    "x_heterozygous": ("Heterozygous variants on X", ""),
    "variants": ("Variants that pass", ""),
    "indels": ("Of these, indels", ""),
    "filtered": ("Variants that a filter takes", ""),
    "titv": ("Transitions per transversion", "2.0 to 2.1 in genomes, near 3 in exomes; errors lower it"),
    "het_hom": ("Heterozygous per homozygous variant", "1 to 2; a mixture of two people raises it"),
}
"""What measures are called, and how to read them; those without a word on that are in the table only."""

NOUNS = {"microarray": "array"}  # what a sample of an assay is called
UNKNOWN = {
    "contamination": "not estimated"
}  # what is said of a measure without a value, where a dash is not enough


def glance(
    completeness: Sequence[Row],
    eligibility: Sequence[Row],
    verdicts: Sequence[Row],
    held: Sequence[Row],
    labels: Labels,
) -> dict[str, Any]:
    """Counts of the whole release."""
    people = {row["participant"]: row["population"] for row in completeness}
    size = Counter(people.values())
    outcomes = {outcome: _participants(eligibility, outcome) for outcome in ("not_met", "unknown")}
    samples: Counter[tuple[str, str, str]] = Counter()
    for row in completeness:
        samples[row["assay"], row["tissue"], row["timepoint"]] += _received(row)
    rows = sorted(
        {(assay, tissue) for (assay, tissue, _), count in samples.items() if count}, key=_tissue_order
    )
    times = _timepoints(completeness)
    final = Counter(row["final"] for row in verdicts)
    without = unmeasured(completeness, labels)
    return {
        "participants": len(people),
        "populations": [
            {"number": key, "label": label, "count": size[key], "control_of": labels.control[key]}
            for key, label in labels.population.items()
        ],
        "samples": sum(samples.values()),
        "timepoints": times,
        "sample_rows": [
            {
                "assay": labels.assay[assay],
                "tissue": labels.tissue(tissue),
                "counts": [samples[assay, tissue, time] for time in times],
            }
            for assay, tissue in rows
        ],
        "held": len({row["sample"] for row in held}),
        "ineligible": len(outcomes["not_met"]),
        "unknown": len(outcomes["unknown"] - outcomes["not_met"]),
        "verdicts": [(verdict, final[verdict], meaning) for verdict, meaning in VERDICTS.items()],
        "waiting": sum("in this version" in row["reason"] for row in verdicts),
        "unsampled": sum(
            row["final"] == "SKIP" and labels.assay.get(row["assay"]) in without for row in verdicts
        ),
    }


def completeness_tables(completeness: Sequence[Row], labels: Labels) -> list[dict[str, Any]]:
    """Per assay that has any sample: group and tissue by timepoint, received of expected, and who is missing."""
    times = _timepoints(completeness)
    groups = list(labels.group)
    tables = []
    for assay in labels.assay:
        mine = [row for row in completeness if row["assay"] == assay]
        if not any(map(_received, mine)):
            continue
        keys = sorted(
            {(row["group"], row["tissue"]) for row in mine},
            key=lambda key: (groups.index(key[0]), _tissue_order(key)),
        )
        rows = []
        for group, tissue in keys:
            lines = [row for row in mine if (row["group"], row["tissue"]) == (group, tissue)]
            rows.append(
                {
                    "group": labels.group[group],
                    "tissue": labels.tissue(tissue),
                    "cells": [
                        _completeness_cell([row for row in lines if row["timepoint"] == time])
                        for time in times
                    ],
                    "absent": [
                        (words, [_absence(row) for row in lines if row["status"] == status])
                        for status, words in ABSENT.items()
                    ],
                }
            )
        unexpected = [
            f"{labels.tissue(row['tissue'])} of {_absence(row)}"
            for row in mine
            if row["status"] == "unexpected"
        ]
        tables.append(
            {"assay": labels.assay[assay], "timepoints": times, "rows": rows, "unexpected": unexpected}
        )
    return tables


def unmeasured(completeness: Sequence[Row], labels: Labels) -> list[str]:
    """Assays without a sample so far."""
    seen = {row["assay"] for row in completeness if _received(row)}
    return [label for assay, label in labels.assay.items() if assay not in seen]


def attrition_view(attrition: Sequence[Row], labels: Labels) -> dict[str, Any]:
    """Per group and visit the participants by state, and lost against kept where anyone was lost."""
    sections: dict[tuple[str, str], list[Row]] = {}
    for row in attrition:
        sections.setdefault((row["group"], row["timepoint"]), []).append(row)
    visits, compared = [], []
    for (group, timepoint), rows in sections.items():
        states = {row["level"]: int(row["n"]) for row in rows if row["measure"] == PARTICIPANTS}
        place = {"group": labels.group[group], "timepoint": timepoint}
        expected = states["seen"] + states["missing"]
        visits.append(place | {"expected": expected, "counts": [states[name] for name in STATES]})
        kept, lost = states["seen"], sum(states[name] for name in LOST)
        known = [row for row in rows if row["measure"] != PARTICIPANTS and _has_data(row)]
        if lost:
            enough = min(kept, lost) >= SMALLEST
            traits = [_trait(row, labels) for row in known] if enough else []
            compared.append(place | {"kept": kept, "lost": lost, "rows": traits})
    return {"states": list(STATES.values()), "visits": visits, "compared": compared, "smallest": SMALLEST}


def profiles_view(assay: str, tissue: str, columns: Columns, path: str, labels: Labels) -> dict[str, Any]:
    """One assay and tissue: participants and the median spread per group and timepoint.

    The spread is shown where all features have one unit; genotypes and gene burdens, which have two, are counted.

    Args:
        assay: the assay.
        tissue: the tissue.
        columns: the table of profiles, as `read.read_profiles` sums it up.
        path: where it is in the release.
        labels: the study's words.
    """
    units = sorted(set(columns["unit"]))
    unit = units[0] if len(units) == 1 and units[0] != FREQUENCY else ""
    cells: dict[tuple[str, str], dict[str, Any]] = {}
    for group, timepoint, n, spread, batches in zip(
        *(columns[name] for name in ("group", "timepoint", "n_participants", "sd", "batches")), strict=True
    ):
        before = cells.get((group, timepoint), {"n": 0})
        cells[group, timepoint] = {
            "n": max(int(n), before["n"]),
            "spread": number(float(spread)) if unit else "",
            "batches": batches.replace(";", ", "),
        }
    times = [time for time in TIMEPOINTS if any(key[1] == time for key in cells)]
    groups = [name for main in labels.group for name in (main, main + OVERLAP)]
    return {
        "assay": labels.assay.get(assay, assay),
        "place": labels.tissue(tissue),
        "path": path,
        "unit": unit,
        "timepoints": times,
        "rows": [
            {"group": labels.described(name), "cells": [cells.get((name, time)) for time in times]}
            for name in groups
            if any(key[0] == name for key in cells)
        ],
    }


def eligibility_tables(eligibility: Sequence[Row]) -> dict[str, Any]:
    """Per criterion the number of participants per outcome; per participant what is not met or unknown."""
    tally: dict[str, Counter[str]] = {}
    for row in eligibility:
        tally.setdefault(row["label"], Counter())[row["outcome"]] += 1
    return {
        "criteria": [
            {"label": label, **{outcome: counts[outcome] for outcome in ("met", "not_met", "unknown")}}
            for label, counts in tally.items()
        ],
        "open": [
            row for outcome in ("not_met", "unknown") for row in eligibility if row["outcome"] == outcome
        ],
    }


def verdict_kinds(
    verdicts: Sequence[Row], anchors: Mapping[Cell, str], unmeasured: Sequence[str], labels: Labels
) -> dict[str, Any]:
    """The verdicts by kind and question, in the order of the library.

    Args:
        verdicts: the final verdicts.
        anchors: where on the page the answer of a cell (question, assay, tissue) is.
        unmeasured: labels of the assays without a sample: their verdicts, all SKIP, are counted rather than listed.
        labels: the study's words.
    """
    kinds: dict[str, dict[str, list[dict[str, Any]]]] = {kind: {} for kind in KINDS}
    waiting: Counter[str] = Counter()
    for row in sorted(verdicts, key=lambda row: labels.order[row["question"]]):
        assay = labels.assay.get(row["assay"], row["assay"])
        if assay in unmeasured and row["final"] == "SKIP":
            waiting[assay] += 1
            continue
        counts = {
            "case": "n_case",
            "reference": "n_reference",
            "people": "n_participants",
            "pairs": "n_pairs",
        }
        kinds[row["kind"]].setdefault(row["question"], []).append(
            {
                **row,
                "reason": labels.named(row["reason"]),
                "remedy": labels.named(row["remedy"]),
                "assay_label": assay,
                "place": labels.place(row["tissue"], row["reference_tissue"]),
                "anchor": anchors.get((row["question"], row["assay"], row["tissue"]), ""),
                "n": sizes(**{name: int(row[column]) for name, column in counts.items()}),
            }
        )
    return {
        "kinds": [
            {
                "heading": KINDS[kind].heading,
                "questions": [
                    {
                        "title": rows[0]["title"],
                        "checked": labels.title.get(labels.checked[question] or "", ""),
                        "rows": rows,
                    }
                    for question, rows in questions.items()
                ],
            }
            for kind, questions in kinds.items()
            if questions
        ],
        "waiting": sorted(waiting.items()),
    }


def quality_view(assay: str, rows: Sequence[Row], labels: Labels) -> dict[str, Any]:
    """One assay's quality: a strip plot per measure to look at, and the samples with their reasons."""
    described = ("sample", "participant", "tissue", "platform", "batch", "wave", "held", "reasons")
    measures = [name for name in (rows[0] if rows else {}) if name not in described]
    numeric = [name for name in measures if _is_numeric([row[name] for row in rows])]
    held = [row for row in rows if row["held"] == "true"]
    return {
        "assay": labels.assay.get(assay, assay),
        "noun": NOUNS.get(assay, "sample"),
        "count": len(rows),
        "held": [{**row, "place": labels.tissue(row["tissue"])} for row in held],
        "figures": [
            _strip(name, rows, labels, NOUNS.get(assay, "sample")) for name in numeric if _looked_at(name)
        ],
        "measures": [(MEASURES.get(name, (name, ""))[0], name in numeric) for name in measures],
        "rows": [
            {
                **row,
                "place": labels.tissue(row["tissue"]),
                "measured": [
                    number(float(row[name]))
                    if name in numeric and row[name]
                    else row[name] or UNKNOWN.get(name, "–")
                    for name in measures
                ],
            }
            for row in rows
        ],
    }


def _looked_at(name: str) -> bool:
    return MEASURES.get(name, (name, name))[1] != ""


def _strip(name: str, rows: Sequence[Row], labels: Labels, noun: str) -> dict[str, str]:
    axis, meaning = MEASURES.get(name, (name, ""))
    points = [
        Point(
            lane=(labels.tissue(row["tissue"]), row["batch"]),
            value=float(row[name]),
            held=row["sample"] if row["held"] == "true" else "",
        )
        for row in rows
        if row[name]
    ]
    values = [point.value for point in points]
    crossed = [point.held for point in points if point.held]
    spread = f"{counted(len(points), noun)} from {number(min(values))} to {number(max(values))}"
    return {
        "title": axis,
        "meaning": meaning,
        "image": strips(points, axis=axis),
        "alternative": f"{axis} of {spread}; held back: {names(crossed) or 'none'}.",
    }


def _completeness_cell(rows: Sequence[Row]) -> dict[str, Any] | None:
    """Received of expected, as text and as a heat step from 0 (none) to 4 (all); None where nothing is due."""
    if not rows:
        return None
    due = sum(map(_expected, rows))
    received = sum(_expected(row) and _received(row) > 0 for row in rows)
    extra = sum(_received(row) > 0 and not _expected(row) for row in rows)
    return {
        "received": received,
        "expected": due,
        "extra": extra,
        "heat": 4 * received // due if due else None,
    }


def _has_data(row: Row) -> bool:
    """Whether anyone has a value, or the level."""
    counts = ("count_kept", "count_lost") if row["level"] else ("n_kept", "n_lost")
    return any(int(row[name]) for name in counts)


def _trait(row: Row, labels: Labels) -> dict[str, str]:
    """One measure of lost against kept."""
    label = labels.measure.get(row["measure"], row["measure"])
    points = row["difference_unit"] == "fraction"
    low, middle, high = (
        (number(100 * float(row[name]) if points else float(row[name])) if row[name] else "")
        for name in ("low", "difference", "high")
    )
    if row["level"]:
        label += f": {row['level']}" if row["level"] != "true" else ""
    elif row["unit"]:
        label += f" ({row['unit']})"
    return {
        "label": label,
        "kept": _side(row, "kept"),
        "lost": _side(row, "lost"),
        "difference": f"{middle} {'points' if points else 'SD'}" if middle else "–",
        "interval": f"{low} to {high}" if middle else "",
    }


def _side(row: Row, side: str) -> str:
    """`12.0 (SD 3.10), n 8`, or `3 of 8 (38 %)`."""
    n = int(row[f"n_{side}"])
    if not n:
        return "unknown"
    value = float(row[side])
    if row["level"]:
        return f"{row[f'count_{side}']} of {n} ({value:.0%})".replace("%", "\N{NO-BREAK SPACE}%")
    spread = f" (SD {number(float(row[f'{side}_sd']))})" if row[f"{side}_sd"] else ""
    return f"{number(value)}{spread}, n {n}"


def _absence(row: Row) -> str:
    return f"{row['participant']} at {row['timepoint']}" + (f" ({row['reason']})" if row["reason"] else "")


def _expected(row: Row) -> bool:
    return row["expected"] == "true"


def _received(row: Row) -> int:
    """Samples received; replicates count."""
    return int(row["received"])


def _timepoints(completeness: Sequence[Row]) -> list[str]:
    present = {row["timepoint"] for row in completeness}
    return [time for time in TIMEPOINTS if time in present]


def _tissue_order(key: tuple[str, str]) -> tuple[str, int]:
    return key[0], list(TISSUES).index(key[1])


def _participants(eligibility: Sequence[Row], outcome: str) -> set[str]:
    return {row["participant"] for row in eligibility if row["outcome"] == outcome}


def _is_numeric(cells: Sequence[str]) -> bool:
    """Whether all filled cells, and at least one, are numbers."""
    filled = [cell for cell in cells if cell]
    try:
        return bool(np.isfinite([float(cell) for cell in filled]).all()) and bool(filled)
    except ValueError:
        return False
