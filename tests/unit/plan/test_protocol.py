"""A protocol that contradicts itself is refused, with every contradiction."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sheet_faults import SmallStudy

from scleromyomics.core.errors import InputError
from scleromyomics.plan.study import DEFAULT_PROTOCOL, load_study

TEXT = DEFAULT_PROTOCOL.read_text(encoding="utf-8")
EDITS = [
    (
        "question twice",
        "id: ssc_vs_control_m12,",
        "id: ssc_vs_control_d1,",
        "questions[1].id: 'ssc_vs_control_d1': is there twice",
    ),
    ("unknown measure", "measure: fvc,", "measure: fcv,", "is not among the measures; allowed: mrss"),
    (
        "unknown group",
        "group: ssc, measure: fvc",
        "group: scl, measure: fvc",
        "is not in the list; allowed: im_control",
    ),
    (
        "unknown kind",
        'kind: between, title: "SSc vs its control at inclusion"',
        'kind: versus, title: "SSc"',
        "allowed: between, within",
    ),
    (
        "case against itself",
        "case: ssc, reference: im, timepoint: D1",
        "case: im, reference: im, timepoint: D1",
        "is the case itself",
    ),
    (
        "later before earlier",
        "group: ssc, earlier: D1, later: M12",
        "group: ssc, earlier: M12, later: D1",
        "is not after earlier",
    ),
    (
        "event without anchor",
        "group: ssc, complication: systemic",
        "group: ssc",
        "both or neither of complication and treatment",
    ),
    (
        "no class of treatment",
        "group: ssc, treatment: [cell_therapy]",
        "group: ssc, treatment: []",
        "treatment",
    ),
    (
        "a check of a check",
        "baseline: last, sensitivity_of: ssc_systemic_complication}",
        "baseline: last, sensitivity_of: im_systemic_complication_recent}",
        "is no other event question that stands for itself",
    ),
    (
        "a check of another kind",
        "baseline: last, sensitivity_of: ssc_systemic_complication}",
        "baseline: last, sensitivity_of: ssc_vs_control_d1}",
        "is no other event question that stands for itself",
    ),
    (
        "a subtype of another group",
        "timepoint: D1, subtype: DM}",
        "timepoint: D1, subtype: dcSSc}",
        "is no subtype of im",
    ),
    (
        "one tissue twice",
        "case: ssc, tissue_pair: [skin_sclerotic, skin_healthy]",
        "case: ssc, tissue_pair: [pbmc, pbmc]",
        "is one tissue twice",
    ),
    (
        "control of nobody",
        "control_of: 4",
        "control_of: 9",
        "populations.3.control_of: '9': is not another population; allowed: 1, 2, 4",
    ),
    ("one group twice", "group: ssc_control", "group: ssc", "is the group of another population too"),
    ("unknown tissue", "muscle: [D1]", "liver: [D1]", "is not in the list"),
    ("criterion twice", "id: no_cancer", "id: adult", "eligibility[11].id: 'adult': is there twice"),
    (
        "criterion without rule",
        "field: age, type: number, minimum: 18",
        "field: age, type: number",
        "has no rule for its type number",
    ),
    (
        "field of two types",
        "field: cancer_within_3_years, equals: false",
        "field: immunological_anomaly, type: number, maximum: 3",
        "differs from another criterion on this field",
    ),
    ("field that is a column", "field: cancer_within_3_years", "field: sex", "sex is a column already"),
    ("field that is no name", "field: cancer_within_3_years", "field: Cancer 3", "is no name of a column"),
    (
        "criterion of no population",
        "populations: [3], field: capillaroscopic_anomaly",
        "populations: [7], field: capillaroscopic_anomaly",
        "7 is not a population",
    ),
    (
        "day outside its window",
        "{day: 365, earliest",
        "{day: 500, earliest",
        "is not within earliest to latest",
    ),
    (
        "windows that overlap",
        "earliest: 275",
        "earliest: 10",
        "is in the window of D1; allowed: days after 14",
    ),
    ("inclusion on day 1", "D1: {day: 0,", "D1: {day: 1,", "is not the day of inclusion"),
    ("limits turned round", "minimum: 0, maximum: 51", "minimum: 60, maximum: 51", "is above maximum"),
    (
        "category without levels",
        "label: Renal crisis, type: boolean",
        "label: Renal crisis, type: category",
        "levels do not go with its type",
    ),
    ("systemic and infectious", "infectious: [lung,", "infectious: [ild,", "ild is systemic and infectious"),
    (
        "unknown key",
        "visit_within_days: 30",
        "visit_within_days: 30\n  fatal: [x]",
        "key events.fatal: there is no such key",
    ),
    (
        "missing block",
        "title: SSc and inflammatory myopathies, longitudinal multi-omics",
        "",
        "key title: this key is missing",
    ),
    ("no YAML", "populations:\n", "populations: [\n", "is not YAML"),
]


@pytest.mark.parametrize(
    ("old", "new", "words"), [edit[1:] for edit in EDITS], ids=[edit[0] for edit in EDITS]
)
def test_a_contradiction_is_reported_with_its_key(
    old: str, new: str, words: str, study_dir: Callable[..., Path]
) -> None:
    assert old in TEXT
    with pytest.raises(InputError) as error:
        load_study(study_dir(SmallStudy(protocol=TEXT.replace(old, new, 1))))
    lines = [line for line in str(error.value).splitlines() if line.startswith("protocol.yaml")]
    assert any(words in line for line in lines), lines
    assert all("pydantic" not in line for line in lines)


def test_the_repositorys_protocol_has_no_contradiction(study_dir: Callable[..., Path]) -> None:
    assert load_study(study_dir(SmallStudy(protocol=TEXT))).protocol.questions
