"""What each section of the report shows, computed from the release's tables and free of markup.

Tables come as rows of text, as their writers left them. Nothing here escapes: the templates do.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scleromyomics.describe.profiles import OVERLAP
from scleromyomics.plan.attrition import LOST, PARTICIPANTS, SMALLEST
from scleromyomics.plan.protocol import Protocol
from scleromyomics.report.figures import Point, strips, volcano
from scleromyomics.report.formats import counted, interval, names, number, probability

if TYPE_CHECKING:
    from numpy.typing import NDArray

Row = Mapping[str, str]
Columns = Mapping[str, "NDArray[Any]"]

TOP = 25  # features in an answer's table: what a reader goes through; all are in the file
LABELLED = 10  # features named in a volcano plot: more would overlap
TIMEPOINTS = ("D1", "M12", "Y5", "EVENT", "ROUTINE")
TISSUES = {
    "pbmc": "PBMC",
    "serum": "Serum",
    "muscle": "Muscle",
    "skin_sclerotic": "Sclerotic skin",
    "skin_healthy": "Healthy skin",
}
ABSENT = {"missing": "missing", "lost": "not due any more"}  # status of completeness.tsv: how it is said
STATES = {
    "seen": "Seen",
    "missing": "Missing",
    "death": "Died",
    "withdrawal": "Withdrew",
    "lost": "Lost",
    "not_due": "Not due",
}  # levels of attrition.tsv: how they are said
TRAITS = {
    "age": "Age",
    "sex": "Sex",
    "overlap": "Overlap of both diseases",
    "disease_subtype": "Subtype",
    "disease_duration": "Disease duration",
}  # measures of attrition.tsv besides the protocol's
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
}
INTERVAL_WIDTH = 160  # drawing units of the small interval beside each feature


class Labels:
    """The study's words for groups, assays, tissues and questions."""

    def __init__(self, protocol: Protocol) -> None:
        self.group: dict[str, str] = {p.group: p.label for p in protocol.populations.values()}
        self.population: dict[str, str] = {str(key): p.label for key, p in protocol.populations.items()}
        self.assay: dict[str, str] = {key: assay.label for key, assay in protocol.assays.items()}
        self.measure = TRAITS | {key: measure.label for key, measure in protocol.measures.items()}
        self.order = {question.id: index for index, question in enumerate(protocol.questions)}
        self.control = {
            str(key): str(p.control_of) if p.control_of else "" for key, p in protocol.populations.items()
        }

    def tissue(self, name: str) -> str:
        """A tissue as a reader calls it."""
        return TISSUES.get(name, name)

    def described(self, group: str) -> str:
        """A group of a table of profiles."""
        main = group.removesuffix(OVERLAP)
        return self.group[main] + (", with overlap" if main != group else "")

    def place(self, tissue: str, reference: str) -> str:
        """The tissue of a comparison, or both."""
        return (
            f"{self.tissue(tissue)} vs {self.tissue(reference).lower()}" if reference else self.tissue(tissue)
        )


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
            traits = [_trait(row, labels) for row in known]
            compared.append(place | {"kept": kept, "lost": lost, "rows": traits})
    return {"states": list(STATES.values()), "visits": visits, "compared": compared, "smallest": SMALLEST}


def profiles_view(assay: str, tissue: str, columns: Columns, path: str, labels: Labels) -> dict[str, Any]:
    """One assay and tissue: participants and the median spread per group and timepoint.

    Args:
        assay: the assay.
        tissue: the tissue.
        columns: the table of profiles, as its writer sorted it.
        path: where it is in the release.
        labels: the study's words.
    """
    group, timepoint, spread = columns["group"], columns["timepoint"], columns["sd"]
    new = np.ones(len(group), dtype=bool)
    new[1:] = (group[1:] != group[:-1]) | (timepoint[1:] != timepoint[:-1])
    starts = np.flatnonzero(new)
    cells = {}
    for start, stop in zip(starts, np.append(starts, len(group))[1:], strict=True):
        known = spread[start:stop][np.isfinite(spread[start:stop])]
        cells[group[start], timepoint[start]] = {
            "n": int(columns["n_participants"][start:stop].max()),
            "spread": number(float(np.median(known)) if known.size else None),
            "batches": columns["batches"][start].replace(";", ", "),
        }
    times = [time for time in TIMEPOINTS if any(key[1] == time for key in cells)]
    groups = [name for main in labels.group for name in (main, main + OVERLAP)]
    return {
        "assay": labels.assay.get(assay, assay),
        "place": labels.tissue(tissue),
        "path": path,
        "unit": str(columns["unit"][0]) if len(group) else "",
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


def verdict_groups(verdicts: Sequence[Row], answered: Iterable[str], labels: Labels) -> list[dict[str, Any]]:
    """The verdicts per question, in the order of the library; `answered` are the anchors of the answers."""
    anchors = set(answered)
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(verdicts, key=lambda row: labels.order.get(row["question"], len(labels.order))):
        name = anchor(row["question"], row["assay"], row["tissue"])
        groups.setdefault(row["question"], []).append(
            {
                **row,
                "assay_label": labels.assay.get(row["assay"], row["assay"]),
                "place": labels.place(row["tissue"], row["reference_tissue"]),
                "anchor": name if name in anchors else "",
                "n": _sizes(
                    case=int(row["n_case"]), reference=int(row["n_reference"]), pairs=int(row["n_pairs"])
                )
                or "none",
            }
        )
    return [{"title": rows[0]["title"], "kind": rows[0]["kind"], "rows": rows} for rows in groups.values()]


def quality_view(assay: str, rows: Sequence[Row], labels: Labels) -> dict[str, Any]:
    """One assay's quality: a strip plot per numeric measure, and the arrays with their reasons."""
    described = ("sample", "participant", "tissue", "platform", "batch", "wave", "held", "reasons")
    measures = [name for name in (rows[0] if rows else {}) if name not in described]
    numeric = [name for name in measures if _is_numeric([row[name] for row in rows])]
    held = [row for row in rows if row["held"] == "true"]
    return {
        "assay": labels.assay.get(assay, assay),
        "count": len(rows),
        "held": [{**row, "place": labels.tissue(row["tissue"])} for row in held],
        "figures": [_strip(name, rows, labels) for name in numeric],
        "measures": [(MEASURES.get(name, (name, ""))[0], name in numeric) for name in measures],
        "rows": [
            {
                **row,
                "place": labels.tissue(row["tissue"]),
                "measured": [
                    number(float(row[name])) if name in numeric and row[name] else row[name] or "–"
                    for name in measures
                ],
            }
            for row in rows
        ],
    }


@dataclass(frozen=True, slots=True)
class Answer:
    """One answered question in one assay and tissue."""

    anchor: str
    title: str
    assay: str
    place: str
    verdict: Row
    facts: list[tuple[str, str]]
    figure: str
    caption: str
    alternative: str
    features: list[dict[str, Any]]
    count: int
    has_unadjusted: bool
    unit: str
    path: str


def answer(verdict: Row, columns: Columns, path: str, labels: Labels) -> Answer:
    """The answer held by a result table (sorted by p, as its writer left it)."""
    estimate, p_value = columns["estimate"], columns["p_value"]
    tested = np.flatnonzero(np.isfinite(estimate) & np.isfinite(p_value))
    top = tested[:TOP]
    detectable = columns["mde"]
    mde = float(np.nanmedian(detectable)) if np.isfinite(detectable).any() else float("nan")
    shown = [_feature_name(columns, i) for i in top[:LABELLED]]
    unit = str(columns["unit"][0])
    axis = f"Estimate ({unit})" if unit else "Estimate"
    place = labels.place(verdict["tissue"], verdict["reference_tissue"])
    return Answer(
        anchor=anchor(verdict["question"], verdict["assay"], verdict["tissue"]),
        title=verdict["title"],
        assay=labels.assay.get(verdict["assay"], verdict["assay"]),
        place=place,
        verdict=verdict,
        facts=_facts(columns, mde, tested.size),
        figure=volcano(estimate, p_value, mde=mde, top=top, labels=shown, axis=axis),
        caption=_caption(mde, unit),
        alternative=_alternative(estimate[tested], p_value[tested], shown),
        features=_features(columns, top),
        count=int(estimate.size),
        has_unadjusted=bool(np.isfinite(columns["estimate_unadjusted"]).any()),
        unit=unit,
        path=path,
    )


def anchor(question: str, assay: str, tissue: str) -> str:
    """The page's name for an answer."""
    return f"answer-{question}-{assay}-{tissue}"


def _strip(name: str, rows: Sequence[Row], labels: Labels) -> dict[str, str]:
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
    spread = f"{counted(len(points), 'array')} from {number(min(values))} to {number(max(values))}"
    return {
        "title": axis,
        "meaning": meaning,
        "image": strips(points, axis=axis),
        "alternative": f"{axis} of {spread}; held back: {names(crossed) or 'none'}.",
    }


def _facts(columns: Columns, mde: float, tested: int) -> list[tuple[str, str]]:
    """What a reader needs to know before the numbers."""
    case, reference, pairs, people = (
        int(columns[name].max()) for name in ("n_case", "n_reference", "n_pairs", "n_participants")
    )
    sizes = _sizes(case=case, reference=reference, pairs=pairs)
    unit = str(columns["unit"][0])
    return [
        ("Contrast", str(columns["contrast"][0])),
        ("Participants", sizes or counted(people, "participant")),
        ("Model", str(columns["formula"][0])),
        ("Method", str(columns["method"][0])),
        ("Features tested", f"{tested:,}"),
        ("Smallest detectable effect", f"{number(mde)} {unit}".strip() + " (median over features)"),
    ]


def _features(columns: Columns, top: "NDArray[np.int64]") -> list[dict[str, Any]]:
    def floats(name: str) -> "NDArray[np.float64]":
        return columns[name][top]

    estimate, low, high = floats("estimate"), floats("ci_low"), floats("ci_high")
    reach = float(np.nanmax(np.abs([low, high, estimate]), initial=0.0)) or 1.0
    drawn = {
        name: np.round((1 + values / reach) * INTERVAL_WIDTH / 2, 1)
        for name, values in (("low", low), ("middle", estimate), ("high", high))
    }
    unadjusted, p_value, q_value = floats("estimate_unadjusted"), floats("p_value"), floats("q_value")
    return [
        {
            "gene": str(columns["gene_symbol"][i]),
            "feature": str(columns["feature"][i]),
            "estimate": number(estimate[k]),
            "interval": interval(low[k], high[k]),
            "drawn": {name: float(values[k]) for name, values in drawn.items()},
            "unadjusted": number(unadjusted[k]),
            "p": probability(p_value[k]),
            "q": probability(q_value[k]),
            "flag": str(columns["flag"][i]),
        }
        for k, i in enumerate(top)
    ]


def _caption(mde: float, unit: str) -> str:
    text = (
        "Each point is a feature. Blue diamonds are the features of the table below, the first of them named;"
        " they are those with the smallest p, whatever its size."
    )
    if np.isnan(mde):
        return text
    return (
        f"{text} Dashed lines: the smallest effect that this comparison is likely to find,"
        f" {' '.join(filter(None, (number(mde), unit)))} either way (median over features). Between them, not being"
        " found says little."
    )


def _alternative(
    estimate: "NDArray[np.float64]", p_value: "NDArray[np.float64]", shown: Sequence[str]
) -> str:
    if not estimate.size:
        return "Volcano plot without a point: no feature could be tested."
    return (
        f"Volcano plot of {counted(estimate.size, 'feature')}: estimates from {number(estimate.min())} to"
        f" {number(estimate.max())}; smallest p {probability(p_value.min())};"
        f" smallest p first: {names(shown, LABELLED)}."
    )


def _feature_name(columns: Columns, index: int) -> str:
    return str(columns["gene_symbol"][index] or columns["feature"][index])


def _sizes(*, case: int, reference: int, pairs: int) -> str:
    counts = ((case, "case"), (reference, "reference"), (pairs, "complete pair"))
    return ", ".join(counted(count, word) for count, word in counts if count)


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
