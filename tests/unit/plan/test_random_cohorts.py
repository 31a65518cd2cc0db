"""2,000 random cohorts: no verdict fails, and each is what numpy's rank says of models written down anew here.

A change within participants is checked on the samples themselves, with a column per participant, in place of the
differences that the plan is made with; the counts are taken from the sheets once more.
"""

from collections import Counter

import numpy as np
import pytest
from random_cohorts import random_study

from scleromyomics.plan.associations import ChangeSlope, OrdinalOdds, RepeatedSlopes, find_association
from scleromyomics.plan.cells import cells
from scleromyomics.plan.changes import find_changes, is_within
from scleromyomics.plan.contrasts import Samples, arms, compare_groups
from scleromyomics.plan.judging.facts import Facts
from scleromyomics.plan.occasions import Occasions
from scleromyomics.plan.pairs import linking
from scleromyomics.plan.verdicts import judge

COHORTS, CHUNK = 2000, 100
WITHOUT_SEX = "cannot be adjusted for sex"


def dummies(labels):
    """Indicator columns of all levels."""
    return np.array([[label == level for level in sorted(set(labels))] for label in labels], dtype=float)


def technical(units):
    """Indicator columns of batches, each on its platform."""
    return dummies([(one.platform, one.batch) for one in units])


def determined(column, *rest):
    """Whether a column lies in the span of the others, by numpy's rank alone."""
    others = np.hstack(rest)
    norm = np.linalg.norm(column)
    scaled = np.asarray(column, dtype=float) / (norm or 1.0)
    return np.linalg.matrix_rank(np.column_stack([others, scaled])) == np.linalg.matrix_rank(others)


def recovers(design, contrast):
    """Whether least squares recovers the contrast of any coefficients."""
    truth = np.random.default_rng(1).normal(size=len(contrast))
    estimate = np.linalg.lstsq(design.matrix, design.matrix @ truth, rcond=None)[0]
    return np.isclose(contrast @ estimate, contrast @ truth, rtol=1e-6, atol=1e-6)


def fits(design, contrast):
    """Whether it does, and leaves residuals."""
    return recovers(design, contrast) and len(design.matrix) > np.linalg.matrix_rank(design.matrix)


def in_pairs(sides):
    """The complete pairs of all sides."""
    return [pair for side in sides for pair in side.complete.values()]


def in_order(pairs):
    """Before and after of each pair, one after the other."""
    return [unit for pair in pairs for unit in pair]


def changes_are_hidden(sides, bridges):
    """Whether participants and batches determine the change, or the difference of two changes."""
    pairs = in_pairs(sides)
    units = [*in_order(pairs), *in_order(bridges)]
    people = [*(one.participant for one in in_order(pairs))]
    people += [f"bridge {number // 2}" for number in range(2 * len(bridges))]
    later = np.array([0.0, 1.0] * len(pairs) + [0.0, 0.0] * len(bridges))
    rest = [dummies(people), technical(units)]
    if len(sides) == 1:
        return determined(later, *rest)
    case = np.array([name in sides[0].complete for name in people], dtype=float)
    return determined(later * case, *rest, later[:, None])


def check_changes(pairing, one, question):
    changes = find_changes(pairing, one.cell)
    counts = [len(side.complete) for side in changes.sides]
    assert (one.n_case, one.n_reference) == (counts[0], sum(counts[1:]))
    assert one.n_pairs == sum(counts)
    names = [name for side in changes.sides for name in side.complete]
    assert len(names) == len(set(names))
    if one.verdict == "SKIP" and "aliased" not in one.reason:
        return
    assert changes_are_hidden(changes.sides, changes.linked) == (one.verdict == "SKIP")
    if one.verdict != "SKIP":
        assert fits(changes.design, changes.contrast)
    if question.kind == "event":
        check_choice(pairing, one, question, changes)


def check_choice(pairing, one, question, changes):
    """Those without the event are subtracted wherever that can be done, and named where it cannot."""
    found = Occasions(pairing, one.cell, question)
    alone, both = [found.cases], [found.cases, found.others]
    hidden = {
        len(sides): changes_are_hidden(sides, linking(in_pairs(sides), changes.bridges))
        for sides in (alone, both)
    }
    if len(changes.sides) > 1:
        assert not hidden[2] or hidden[1]
    else:
        assert hidden[2] or not found.others.complete
        assert one.verdict == "SKIP" or f"uncontrolled ({changes.others} without it" in one.reason


def check_groups(samples, one, question):
    comparison = compare_groups(samples, one.cell)
    compared = arms(samples.study.protocol, one.cell, question)
    assert (one.n_case, one.n_reference) == tuple(
        len(counted(samples, one.cell, arm, question)) for arm in compared[:2]
    )
    without_sex = WITHOUT_SEX in one.reason
    if one.verdict == "SKIP" and not (without_sex or {"aliased", "platforms,"} & set(one.reason.split())):
        return
    members = comparison.members
    sides = [
        [m for m in members if (m.role, m.control) in {(arm.role, arm.control) for arm in pair}]
        for pair in ([compared] if len(compared) == 2 else [compared[::2], compared[1::2]])
    ]
    hidden = any(
        determined([(m.role, m.control) == (side[0].role, side[0].control) for m in side], labels)
        for side in sides
        for labels in (technical(side), dummies([m.wave for m in side]))
    )
    platforms = [{m.platform for m in members if m.role == role} for role in ("case", "reference")]
    apart = len(compared) > 2 and not platforms[0] & platforms[1]
    assert (hidden or apart) == (one.verdict == "SKIP" and not without_sex)
    case = np.array([m.role == "case" for m in members], dtype=float)
    own = np.array([not m.control for m in members], dtype=float)
    rest = [technical(members), *([np.column_stack([case, own])] if len(compared) > 2 else [])]
    lost = sex_is_lost(samples.study.config, columns(members, "sex"), rest, case * own)
    assert without_sex == (lost and not (hidden or apart))
    if one.verdict != "SKIP":
        assert not determined(case * own, *rest, *(columns(members, name) for name in comparison.covariates))
        assert fits(comparison.design, comparison.contrast)


def sex_is_lost(config, sexes, rest, column=None, *, used=0):
    """Whether sex, which an answer needs where it varies, hides a column or leaves no residual."""
    needed = "sex" in config.analysis.covariates and "sex" in config.verdicts.skip_without
    if not needed or sexes.shape[1] < 2:
        return False
    if column is not None and determined(column, *rest, sexes):
        return True
    whole = np.hstack([*rest, sexes, *([] if column is None else [column[:, None]])])
    return len(whole) - np.linalg.matrix_rank(whole) - used < 1


def columns(members, covariate):
    values = [getattr(one, covariate) for one in members]
    return dummies(values) if covariate == "sex" else np.array(values)[:, None] - np.mean(values)


def counted(samples, cell, arm, question):
    """Participants of a group with a usable sample, from the sheets."""
    study = samples.study
    people = study.cohort.participants
    exclude = study.config.analysis.unknown_eligibility == "exclude"
    found = set()
    for name, one in study.released.samples.items():
        who = people[one.participant]
        timepoint = study.cohort.visits[one.participant, one.visit].timepoint
        case = arm.group == question.case
        if (
            (one.tissue, one.assay, timepoint) == (arm.tissue, cell.assay, arm.timepoint)
            and study.protocol.populations[who.population].group == arm.group
            and name not in samples.held
            and who.age >= 18
            and not who.overlap
            and not (exclude and None in who.eligibility.values())
            and not (case and question.subtype and who.disease_subtype != question.subtype)
        ):
            found.add(one.participant)
    return found


def check_association(pairing, one):
    selected = find_association(pairing, one.cell)
    assert one.n_case == len({member.participant for member in selected.members})
    without_sex = WITHOUT_SEX in one.reason
    if one.verdict == "SKIP" and not without_sex and "aliased" not in one.reason:
        return
    lost = slope_lacks_sex(pairing.samples.study.config, selected)
    if isinstance(selected, OrdinalOdds):
        assert without_sex == lost == (one.verdict == "SKIP")
        assert len(set(selected.values)) > 1
        return
    told = [name for name in selected.names if not slope_is_hidden(selected, name)]
    assert bool(told) == (one.verdict != "SKIP" or without_sex)
    assert told == [name for name in selected.names if selected.determined(name)]
    first = selected.names[0]
    assert without_sex == (lost and first in told and selected.residual_df(first) > 0)
    assert (first in selected.answered) <= (not without_sex)
    for name in selected.answered:
        assert f"the slope {name} is not answered" not in one.reason
        assert recovers(*selected.model(name))


def slope_lacks_sex(config, selected):
    """Whether the slope between participants cannot be adjusted for sex."""
    if isinstance(selected, ChangeSlope):
        return False
    members, values = selected.members, np.array(selected.values)
    rest, sexes = [technical(members)], columns(members, "sex")
    if isinstance(selected, OrdinalOdds):
        return sex_is_lost(config, sexes, rest, used=len(set(selected.values)) - 1)
    if isinstance(selected, RepeatedSlopes):
        people = dummies(selected.groups)
        average = (people / people.sum(axis=0)).T
        rest = [average @ one for one in (*rest, dummies(selected.timepoints))]
        sexes, values = average @ sexes, average @ values
    return sex_is_lost(config, sexes, rest, values - values.mean())


def slope_is_hidden(selected, name):
    """Whether batches, visits, covariates (and participants) determine the measure."""
    values, members = np.array(selected.values), selected.members
    if isinstance(selected, ChangeSlope):
        return change_is_hidden(selected, values)
    rest = [technical(members), *(columns(members, one) for one in selected.covariates)]
    if not isinstance(selected, RepeatedSlopes):
        return determined(values - values.mean(), *rest)
    people = dummies(selected.groups)
    means = people @ (people.T @ values / people.sum(axis=0))
    deviations = np.where(np.abs(values - means) < 1e-9, 0.0, values - means)
    visits = dummies(selected.timepoints)
    if name == "within participants":
        return determined(deviations, people, visits, technical(members))
    average = (people / people.sum(axis=0)).T
    return determined(average @ means - (average @ means).mean(), *(average @ one for one in (*rest, visits)))


def change_is_hidden(selected, values):
    """The same of a measure's change, on samples with a column per participant."""
    sides = selected.sides
    bridges = len(sides[0]) - len(selected.before)
    units = [*sides[0], *sides[1]]
    later = np.array([0.0] * len(sides[0]) + [1.0] * len(values) + [0.0] * bridges)
    padded = [
        np.concatenate([np.array(one), np.zeros(bridges)])
        for one in (values - values.mean(), selected.baselines)
    ]
    measure, baseline = (later * np.concatenate([one, one]) for one in padded)
    rest = [dummies([*range(len(sides[0]))] * 2), technical(units), later[:, None]]
    rest += [baseline[:, None]] if "baseline" in selected.covariates else []
    return determined(measure, *rest)


def check(study, held):
    """All verdicts on a study; how many there are of each kind."""
    facts = Facts(Samples(study, held))
    pairing = facts.pairing
    tally = Counter()
    for cell in cells(study):
        one = judge(facts, cell)
        question = pairing.samples.questions[cell.question]
        assert one.reason
        assert "\n" not in one.reason + one.remedy
        assert one.n_participants == one.n_case + one.n_reference
        assert (one.verdict != "SKIP") <= (one.remedy == "")
        if question.kind == "association":
            check_association(pairing, one)
        elif is_within(question):
            check_changes(pairing, one, question)
        else:
            check_groups(pairing.samples, one, question)
        tally[question.kind, one.verdict != "SKIP", "aliased" in one.reason] += 1
        tally[question.kind, WITHOUT_SEX] += WITHOUT_SEX in one.reason
    return tally


@pytest.mark.parametrize("first", range(0, COHORTS, CHUNK))
def test_verdicts_are_what_numpy_ranks_the_designs(first):
    tally = Counter()
    for seed in range(first, first + CHUNK):
        tally += check(*random_study(np.random.default_rng(seed)))
    for kind in ("between", "within", "interaction", "event", "tissue", "association"):
        assert tally[kind, True, False] + tally[kind, True, True]  # answered somewhere
        assert tally[kind, False, True]  # and aliased elsewhere
    assert tally["between", WITHOUT_SEX] + tally["tissue", WITHOUT_SEX]
    assert tally["association", WITHOUT_SEX]
