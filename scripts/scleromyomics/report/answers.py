"""What the report shows of the answers, computed from the release's tables and free of markup.

An answer is a question in an assay and tissue; it holds a table for each of its contrasts. A question that checks
another one under other assumptions is shown under that one's answer.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from scleromyomics.compare.changes import PAIRED
from scleromyomics.compare.families import LEVEL
from scleromyomics.compare.genotype import UNIT, UNIT_FRACTION
from scleromyomics.compare.tables import Key
from scleromyomics.compare.tested import BOUNDARY, MISSING, MIXED
from scleromyomics.report.figures import volcano
from scleromyomics.report.formats import counted, interval, names, number, probability, shortened, sizes
from scleromyomics.report.labels import KINDS, Columns, Labels, Row
from scleromyomics.report.read import ROWS, Searched

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOP = 25  # features in an answer's table: what a reader goes through; all are in the file
LABELLED = 10  # features named in a volcano plot: more would overlap
SETS = 5  # gene sets shown per table
LEADING = 6  # genes named of a set: what fits on a line
INTERVAL_WIDTH = 120  # drawing units of the small interval beside each feature
DISAGREE = "complete pairs"  # how a flag begins that says that they differ from the mixed model
OPPOSITE = "complete pairs have the opposite sign"
SEPARATED = "separated"
TESTS = {
    "dosage": "each variant",
    "burden": "rare variants of each gene",
    "allele_fraction": "reads with the allele",
}
"""What several tests of one answer are told apart by."""

MEANINGS = {
    "dosage": (
        "Germline genotypes: does who has more copies of the allele belong to one group rather than the other? They"
        " are the same at every visit and in every tissue: answers from several of them are no replication."
    ),
    "burden": (
        "Rare variants that end a protein (lof) or change it (missense), counted in each gene: does who carries them"
        " belong to one group rather than the other? More than two count as two. A gene says more than its variants,"
        " of which few people carry the same one."
    ),
    "allele_fraction": (
        "Does the share of reads with the allele differ within the same participants? Inherited variants stay at a"
        " half, or all: what moves are clones and mosaics, changes of copy number, or errors of sequencing."
        " The test takes participants to change alike."
    ),
}
"""How to read a test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One contrast of an answer."""

    anchor: str
    heading: str  # empty where the answer has one table only
    facts: list[tuple[str, str]]
    notes: list[str]
    figure: str
    caption: str
    alternative: str
    features: list[dict[str, Any]]
    reading: str  # how to read the estimate's unit
    unit: str
    has_unadjusted: bool
    has_pairs: bool
    gene_sets: dict[str, Any]
    n: str
    smallest_q: str
    called: int  # features with q up to LEVEL
    searched: Searched | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answered question in one assay and tissue."""

    anchor: str
    kind: str
    title: str
    assay: str
    place: str
    verdict: Row
    reasons: list[str]
    remedy: str
    tables: list[Table]
    path: str
    count: int  # rows of the file
    checked: str  # the title of the question that this one checks
    agreement: list[str] = field(default_factory=list)  # with the answer that it checks
    checks: "list[Answer]" = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Results:
    """The answers of a release, as its files hold them."""

    tables: Mapping[Key, Columns]
    families: Mapping[Key, Searched]
    gene_sets: Mapping[Key, Columns]


def answers(verdicts: Sequence[Row], results: Results, labels: Labels) -> list[Answer]:
    """Answers in the order of kinds, then of the question library, then of the verdicts; checks in their answers."""
    places: dict[tuple[str, ...], dict[Key, Columns]] = {}
    for key in sorted(results.tables):
        places.setdefault((key.question, key.assay, key.tissue), {})[key] = results.tables[key]
    cells = {
        (row["question"], row["assay"], row["tissue"]): row
        for row in sorted(
            verdicts, key=lambda row: (list(KINDS).index(row["kind"]), labels.order[row["question"]])
        )
        if (row["question"], row["assay"], row["tissue"]) in places
    }
    found = {cell: _answer(row, places[cell], results, labels) for cell, row in cells.items()}
    shown = []
    for cell, one in found.items():
        checked = (labels.checked[cell[0]] or "", *cell[1:])
        if checked in found:
            one.agreement.extend(_agreement(places[checked], places[cell]))
            found[checked].checks.append(one)
        else:
            shown.append(one)
    return shown


def anchor(question: str, assay: str, tissue: str) -> str:
    """The page's name for an answer."""
    return f"answer-{question}-{assay}-{tissue}"


def every(found: Sequence[Answer]) -> Iterator[Answer]:
    """Each answer, followed by its checks."""
    for one in found:
        yield one
        yield from one.checks


def sections(found: Sequence[Answer]) -> list[dict[str, Any]]:
    """The answers by kind of question."""
    kinds = [(kind, [one for one in found if one.kind == kind]) for kind in KINDS]
    return [{"kind": kind, **KINDS[kind]._asdict(), "answers": mine} for kind, mine in kinds if mine]


def families(searched: Mapping[Key, Searched], labels: Labels) -> list[dict[str, Any]]:
    """How many tables each family has, how many were selected, and how many features are called in these."""
    members: dict[tuple[str, str], list[Searched]] = {}
    for one in searched.values():
        kind, _, assay = one.family.partition("__")
        members.setdefault((kind, assay), []).append(one)
    return [
        {
            "kind": KINDS[kind].heading,
            "assay": labels.assay.get(assay, assay),
            "tables": len(members[kind, assay]),
            "selected": sum(one.selected for one in members[kind, assay]),
            "called": sum(one.called for one in members[kind, assay]),
        }
        for kind, assay in sorted(members, key=lambda key: (list(KINDS).index(key[0]), key[1]))
    ]


def summary(found: Sequence[Answer]) -> dict[str, int]:
    """Answers and tables counted; checks make no discoveries of their own and are not."""
    tables = [table for one in found if not one.checked for table in one.tables]
    return {
        "answers": sum(not one.checked for one in found),
        "tables": len(tables),
        "called": sum(table.called > 0 for table in tables),
        "family": sum(table.searched is not None and table.searched.called > 0 for table in tables),
    }


def _answer(verdict: Row, tables: Mapping[Key, Columns], results: Results, labels: Labels) -> Answer:
    first = next(iter(tables))
    name = anchor(first.question, first.assay, first.tissue)
    return Answer(
        anchor=name,
        kind=verdict["kind"],
        title=verdict["title"],
        assay=labels.assay.get(first.assay, first.assay),
        place=labels.place(verdict["tissue"], verdict["reference_tissue"]),
        verdict=verdict,
        reasons=[labels.named(part) for part in verdict["reason"].split("; ") if part],
        remedy=labels.named(verdict["remedy"]),
        tables=[
            _table(
                key,
                columns,
                anchor=name if len(tables) == 1 else f"{name}-{number}",
                alone=len(tables) == 1,
                kind=verdict["kind"],
                searched=results.families.get(key),
                gene_sets=results.gene_sets.get(key),
                labels=labels,
            )
            for number, (key, columns) in enumerate(tables.items(), 1)
        ],
        path=f"compare/{first.question}/{first.assay}/{first.tissue}.parquet",
        count=sum(int(columns[ROWS].sum()) for columns in tables.values()),
        checked=labels.title.get(labels.checked[first.question] or "", ""),
    )


def _table(
    key: Key,
    columns: Columns,
    *,
    anchor: str,
    alone: bool,
    kind: str,
    searched: Searched | None,
    gene_sets: Columns | None,
    labels: Labels,
) -> Table:
    """One table, sorted by p, as its writer left it."""
    estimate, p_value, q_value = (columns[name] for name in ("estimate", "p_value", "q_value"))
    tested = np.flatnonzero(np.isfinite(estimate) & np.isfinite(p_value))
    top = tested[:TOP]
    detectable = columns["mde"]
    mde = float(np.nanmedian(detectable)) if np.isfinite(detectable).any() else float("nan")
    named = [_feature_name(columns, i, key.test) for i in top[:LABELLED]]
    unit = str(columns["unit"][0])
    contrast = labels.named(key.contrast)
    pairs = columns["estimate_pairs"][tested]
    n = _most(columns)
    called = int((q_value[tested] <= LEVEL).sum())
    return Table(
        anchor=anchor,
        heading="" if alone else ", ".join(filter(None, (key.cell_type, TESTS.get(key.test, ""), contrast))),
        facts=[
            ("What is estimated", contrast),
            ("Participants", sizes(**n)),
            ("Samples", f"{int(columns['n_samples'].max()):,}"),
            ("Model", str(columns["formula"][0])),
            ("Method", str(columns["method"][0])),
            ("Features tested", f"{tested.size:,}"),
            *([] if np.isnan(mde) else [("Smallest detectable effect", _detectable(mde, unit))]),
            *([("In the search over all tables", _found(searched, called))] if searched else []),
        ],
        notes=[
            *filter(None, [_method(kind, key, columns, labels), MEANINGS.get(key.test, "")]),
            *_flagged(columns, tested),
        ],
        figure=volcano(
            estimate,
            p_value,
            mde=mde,
            top=top,
            labels=named,
            axis=f"Estimate ({unit})" if unit else "Estimate",
        ),
        caption=_caption(mde, unit),
        alternative=_alternative(contrast, estimate[tested], p_value[tested], named),
        features=_features(columns, top, searched),
        reading=_reading(unit),
        unit=unit,
        has_unadjusted=bool(np.isfinite(columns["estimate_unadjusted"]).any()),
        has_pairs=bool(np.any(np.isfinite(pairs) & (pairs != estimate[tested]))),
        gene_sets=_gene_sets(gene_sets),
        n=sizes(**n),
        smallest_q=probability(float(q_value[tested].min()) if tested.size else None),
        called=called,
        searched=searched,
    )


def _most(columns: Columns) -> dict[str, int]:
    """Participants and pairs, of the features that most were measured in."""
    names = {"case": "n_case", "reference": "n_reference", "people": "n_participants", "pairs": "n_pairs"}
    return {name: int(columns[column].max()) for name, column in names.items()}


def _found(searched: Searched, called: int) -> str:
    """What the search over all tables says of one; `called` features have a small q within it."""
    chosen = "selected" if searched.selected else "not selected"
    return (
        f"{chosen} at {LEVEL} (q of the table {probability(searched.q_table)}); {searched.called:,} with q_family"
        f" up to {LEVEL}, {called:,} with q up to {LEVEL}"
    )


def _method(kind: str, key: Key, columns: Columns, labels: Labels) -> str:
    """What was done, in a sentence; nothing where the table says it all."""
    people, pairs = (int(columns[name].max()) for name in ("n_participants", "n_pairs"))
    method = str(columns["method"][0])
    if kind == "association":
        return _slope(labels.named(key.contrast), pairs)
    if method == MIXED:
        single = people - pairs
        who = f"{counted(single, 'single profile')}" if single else "features with missing values"
        return (
            f"Mixed model of {counted(pairs, 'complete pair')} and {who}. The estimate of the complete pairs alone"
            " stands beside it, as a check."
        )
    if method == PAIRED:
        return (
            f"Paired differences: {counted(pairs, 'participant')}, all with both profiles. The complete pairs are"
            " all there is, so that no other estimate stands beside."
        )
    return ""


def _slope(contrast: str, pairs: int) -> str:
    """What a slope, or odds, says."""
    measure, _, slope = contrast.partition(": ")
    if slope == "between participants":
        return (
            f"Between participants: is there more of a feature in those whose {measure} is higher, on average over"
            " their visits? Each participant counts once, with the means over the visits."
        )
    if slope == "within participants":
        return (
            "Within participants: is there more of a feature at the visits at which the same participant's"
            f" {measure} is higher? Only participants with several visits can say so."
        )
    if pairs:
        return (
            f"Change against change, in {counted(pairs, 'participant')} with both profiles: does a feature rise where"
            f" the {measure} rises? The measure's value at the start is in the model."
        )
    return f"A positive estimate: more of the feature where the {measure} is higher."


def _flagged(columns: Columns, tested: "NDArray[np.int64]") -> list[str]:
    """How many features carry which reservation, and how many could not be tested."""
    flags = Counter(columns["flag"][tested].tolist())
    told = {
        text: sum(count for flag, count in flags.items() if text in flag)
        for text in (DISAGREE, OPPOSITE, BOUNDARY, SEPARATED, MISSING)
    }
    of = f"of {counted(int(tested.size), 'feature')}"
    notes = {
        DISAGREE: f"In {told[DISAGREE]:,} {of} the complete pairs alone disagree (in {told[OPPOSITE]:,} with the"
        " opposite sign, else by more than a standard error): flagged.",
        BOUNDARY: f"In {told[BOUNDARY]:,} {of} the model found no variance between participants (a boundary of the"
        " fit): profiles of one participant then count like those of different ones.",
        SEPARATED: f"In {told[SEPARATED]:,} {of} the feature puts the levels in complete order (separated): the size"
        " of the estimate is then the prior's rather than the data's; its interval is wide even where p is small.",
        MISSING: f"In {told[MISSING]:,} {of} values are missing: these rest on fewer participants.",
    }
    rest = np.setdiff1d(np.arange(len(columns["flag"])), tested)
    reasons: Counter[str] = Counter()
    for flag, count in zip(columns["flag"][rest].tolist(), columns[ROWS][rest].tolist(), strict=True):
        reasons[flag] += count
    untested = [
        f"{counted(reasons.total(), 'feature')} could not be tested ("
        + ", ".join(f"{count:,} {reason or 'no p-value'}" for reason, count in sorted(reasons.items()))
        + ")."
    ]
    return [note for text, note in notes.items() if told[text]] + (untested if rest.size else [])


def _features(columns: Columns, top: "NDArray[np.int64]", searched: Searched | None) -> list[dict[str, Any]]:
    def floats(name: str) -> "NDArray[np.float64]":
        return columns[name][top]

    estimate, low, high = floats("estimate"), floats("ci_low"), floats("ci_high")
    reach = float(np.nanmax(np.abs([low, high, estimate]), initial=0.0)) or 1.0
    drawn = {
        name: np.round((1 + values / reach) * INTERVAL_WIDTH / 2, 1)
        for name, values in (("low", low), ("middle", estimate), ("high", high))
    }
    q_family: Mapping[str, float] = searched.q_family if searched else {}
    shown = {"p": "p_value", "q": "q_value", "p_pairs": "p_pairs"}
    plain = {"unadjusted": "estimate_unadjusted", "pairs": "estimate_pairs"}
    return [
        {
            "gene": str(columns["gene_symbol"][i]),
            "feature": shortened(str(columns["feature"][i])),
            "estimate": number(estimate[k]),
            "interval": interval(low[k], high[k]),
            "drawn": {name: float(values[k]) for name, values in drawn.items()},
            **{name: number(columns[column][i]) for name, column in plain.items()},
            **{name: probability(columns[column][i]) for name, column in shown.items()},
            "q_family": probability(q_family.get(str(columns["feature"][i]))),
            "flag": str(columns["flag"][i]),
        }
        for k, i in enumerate(top)
    ]


def _gene_sets(columns: Columns | None) -> dict[str, Any]:
    """The sets with the smallest p, and how many have none; those without p come by size of their estimate."""
    if columns is None:
        return {"rows": [], "untested": []}
    estimate, p_value = columns["estimate"], columns["p_value"]
    order = np.lexsort([columns["gene_set"].astype(str), -np.abs(estimate), p_value])
    order = order[np.isfinite(estimate[order])][:SETS]
    without = Counter(columns["flag"][np.isnan(p_value)].tolist())
    return {
        "rows": [
            {
                "name": str(columns["gene_set"][i]).replace("_", " "),
                "direction": str(columns["direction"][i]),
                "size": int(columns["n_in_set"][i]),
                "genes": names(list(filter(None, str(columns["genes"][i]).split(";"))), LEADING) or "–",
                "correlation": number(columns["correlation"][i]),
                "p": probability(p_value[i]),
                "q": probability(columns["q_value"][i]),
            }
            for i in order
        ],
        "tested": int(np.isfinite(p_value).sum()),
        "untested": [f"{counted(count, 'set')}: {flag}" for flag, count in sorted(without.items())],
    }


def _agreement(answered: Mapping[Key, Columns], check: Mapping[Key, Columns]) -> list[str]:
    """How many of the first features of the answer have an estimate of the same sign in its check, per table."""
    if len(answered) != len(check):
        return []
    told = []
    for mine, other in zip(answered.values(), check.values(), strict=True):
        theirs = dict(zip(other["feature"].tolist(), other["estimate"].tolist(), strict=True))
        first = zip(mine["feature"][:TOP].tolist(), mine["estimate"][:TOP].tolist(), strict=True)
        both = [(here, theirs[name]) for name, here in first if np.isfinite(here * theirs.get(name, np.nan))]
        same = sum(here * there > 0 for here, there in both)
        told.append(
            f"Of the {counted(len(both), 'feature')} above, {same} have an estimate of the same sign here."
        )
    return told


def _reading(unit: str) -> str:
    """What an estimate of 1 means, where that is not plain."""
    measured, _, step = unit.partition(" per ")
    of = " per doubling of the feature" if step == "log2" else f" per {step}" if step else ""
    if measured == "log2":
        return f"An estimate of 1 means twice as much{of}, of −1 half as much."
    if measured == UNIT:
        return "An estimate of 0.69 means twice the odds of being in the first group per copy, of −0.69 half."
    if measured == UNIT_FRACTION:
        return (
            "An estimate of 0.69 means twice the odds that a read carries the allele, of −0.69 half the odds."
        )
    if measured == "log odds":
        return f"An estimate of 0.69 means twice the odds of a higher level{of}, of −0.69 half the odds."
    return ""


def _detectable(mde: float, unit: str) -> str:
    return f"{number(mde)} {unit}".strip() + " (median over features)"


def _caption(mde: float, unit: str) -> str:
    text = "Blue diamonds: the features of the table below."
    if np.isnan(mde):
        return text
    return (
        f"{text} Dashed lines: the smallest detectable effect, {f'{number(mde)} {unit}'.strip()} either way."
    )


def _alternative(
    contrast: str, estimate: "NDArray[np.float64]", p_value: "NDArray[np.float64]", shown: Sequence[str]
) -> str:
    if not estimate.size:
        return f"Volcano plot of {contrast} without a point: no feature could be tested."
    return (
        f"Volcano plot of {contrast}, {counted(estimate.size, 'feature')}: estimates from {number(estimate.min())} to"
        f" {number(estimate.max())}; smallest p {probability(p_value.min())};"
        f" smallest p first: {names(shown, LABELLED)}."
    )


def _feature_name(columns: Columns, index: int, test: str) -> str:
    gene, feature = str(columns["gene_symbol"][index]), str(columns["feature"][index])
    kind = f" {feature.rpartition(':')[2]}" if test == "burden" else ""
    return gene + kind if gene else shortened(feature)
