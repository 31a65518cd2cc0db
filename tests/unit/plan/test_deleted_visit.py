"""A visit that is deleted changes counts and pairs as predicted, and nothing of the questions that do not use it."""

import pytest
from cohorts import DAYS, Cohorts

from scleromyomics.plan.associations import find_association
from scleromyomics.plan.cells import questions
from scleromyomics.plan.changes import find_changes, is_within
from scleromyomics.plan.contrasts import Samples, arms, compare_groups
from scleromyomics.plan.pairs import Pairing
from scleromyomics.plan.protocol.questions import groups_of
from scleromyomics.plan.rows import Rows, rows_digest
from scleromyomics.plan.verdicts import planned_verdicts

MILD = {"verdicts": {"caution_below_freeze_samples": 1}}
TISSUES = {
    1: {"pbmc": DAYS, "muscle": ["D1"]},
    2: {"pbmc": DAYS, "muscle": ["D1"]},
    3: {"pbmc": DAYS, "skin_healthy": DAYS},
    4: {"pbmc": DAYS, "skin_healthy": DAYS, "skin_sclerotic": DAYS},
}
SUBTYPES = {2: ("DM", "ASyS"), 4: ("dcSSc", "lcSSc")}


def cohort():
    """Ten of each population with everything at each visit; some with complications or treatments."""
    cohorts = Cohorts()
    for population, tissues in TISSUES.items():
        for number, name in enumerate(cohorts.people(population, 10)):
            subtypes = SUBTYPES.get(population, ("",))
            advanced = -3000 if number % 2 else -100
            cohorts.change(
                name, disease_subtype=subtypes[number % len(subtypes)], onset_day=advanced, age=40.0 + number
            )
            for timepoint in DAYS:
                known = {
                    "mrss": (7 * number + len(timepoint)) % 11,
                    "ck": 90.0 + number**2 + DAYS[timepoint] / (3 + number),
                }
                cohorts.visit(
                    name, timepoint, **known, mrss_biopsy_site=str(number % 3), fvc=70.0 + number**2 % 13
                )
                for tissue, times in tissues.items():
                    if timepoint in times:
                        cohorts.sample(name, timepoint, tissue=tissue)
    for name in ("S001", "S002", "S003", "S004", "M001", "M002", "M003", "M004"):
        cohorts.event(name, 300, "complication", "ild")
        cohorts.visit(name, "EVENT", visit="E1", day=320)
        cohorts.sample(name, "EVENT", visit="E1")
    for name in ("S004", "S005", "S006", "S007"):
        cohorts.treat(name, 100)
    return cohorts


def without(cohorts, name, visit):
    """The cohort without one visit and its samples."""
    fewer = cohort()
    del fewer.visits[name, visit]
    fewer.samples = {
        sample: one
        for sample, one in cohorts.samples.items()
        if (one.participant, one.visit) != (name, visit)
    }
    return fewer


def sides(pairing, cell):
    """Who counts on which side with what visits; who has one profile of two; who is named for having none."""
    cohorts, question = pairing.samples.cohort, pairing.samples.questions[cell.question]

    def visits(units):
        return {cohorts.samples[name].visit for unit in units if unit for name in unit.samples}

    if question.kind == "association":
        found = find_association(pairing, cell)
        units = [unit for side in found.sides for unit in side]
        people = {one.participant for one in found.members}
        counted = {name: visits([one for one in units if one.participant == name]) for name in people}
        return [counted], {}, {*found.excluded, *found.absent}
    if is_within(question):
        found = find_changes(pairing, cell)
        complete = [{name: visits(pair) for name, pair in side.complete.items()} for side in found.sides]
        single = {name: visits(pair) for side in found.sides for name, pair in side.single.items()}
        return complete, single, {name for side in found.sides for name in side.incomplete}
    found = compare_groups(pairing.samples, cell)
    compared = arms(pairing.samples.study.protocol, cell, question)
    counted = [
        {m.participant: visits([m]) for m in found.members if (m.role, m.control) == (arm.role, arm.control)}
        for arm in compared
    ]
    return counted, {}, set(found.excluded)


def times(question):
    """The scheduled visits that a question takes samples of; none: those around an event."""
    named = (getattr(question, name, None) for name in ("timepoint", "earlier", "later", "change_from"))
    return {*filter(None, named), *(getattr(question, "visits", None) or ())}


class Judged:
    """Verdicts, digests, and who counts where."""

    def __init__(self, cohorts):
        study = cohorts.study(**MILD)
        rows, self.pairing = Rows(study), Pairing(Samples(study))
        chips = [one for one in planned_verdicts(study) if one.cell.assay == "microarray"]
        self.verdicts = {one.cell: one for one in chips}
        self.digests = {cell: rows_digest(rows.question(cell)) for cell in self.verdicts}
        self.sides = {cell: sides(self.pairing, cell) for cell in self.verdicts}
        self.questions = questions(study)
        self.group = self.pairing.samples.group

    def loses(self, cell, name, visit):
        """For each side, whether someone who counts there counts with this visit."""
        return [visit in side.get(name, ()) for side in self.sides[cell][0]]

    def uses(self, cell, name, visit):
        """Whether a question uses a visit of a participant: to count them, or to say why they do not count."""
        _, single, named = self.sides[cell]
        if any(self.loses(cell, name, visit)) or visit in single.get(name, ()):
            return True
        question = self.questions[cell.question]
        if name not in named or self.group[name] not in groups_of(question) or visit not in times(question):
            return False
        says_why = question.kind in {"within", "interaction"} or getattr(question, "change_from", None)
        return bool(says_why or name in self.pairing.samples.at(cell.assay, cell.tissue, visit))


REPLACED = {("S004", "E1", "event")}  # after a treatment, the visit at 12 months is the next one
BEFORE = Judged(cohort())


@pytest.mark.parametrize(
    ("name", "visit"),
    [(f"{group}{number}", visit) for group in "IMRS" for number in ("003", "008") for visit in DAYS]
    + [("S001", "D1"), ("S004", "D1"), ("S004", "E1"), ("M002", "E1"), ("S005", "M12"), ("S010", "M12")],
)
def test_only_the_questions_that_use_a_deleted_visit_change(name, visit):
    after = Judged(without(cohort(), name, visit))
    used = {cell for cell in BEFORE.verdicts if BEFORE.uses(cell, name, visit)}
    changed = {cell for cell, one in BEFORE.verdicts.items() if one != after.verdicts[cell]}
    redone = {cell for cell, one in BEFORE.digests.items() if one != after.digests[cell]}
    assert used
    assert changed | redone == used
    for cell in used:
        question, lost = BEFORE.questions[cell.question], BEFORE.loses(cell, name, visit)
        one, then = BEFORE.verdicts[cell], after.verdicts[cell]
        assert cell in redone or not any(lost)
        if (name, visit, question.kind) in REPLACED and "treatment" in question.model_fields_set:
            lost = [False] * len(lost)
        if getattr(question, "visits", None) and len(BEFORE.sides[cell][0][0].get(name, ())) > 1:
            lost = [False]
        assert one.n_case - then.n_case == lost[0]
        assert one.n_reference - then.n_reference == (len(lost) > 1 and lost[1])
        assert one.n_pairs - then.n_pairs == (any(lost) if one.n_pairs else 0)
