"""The profiles behind changes, a row each, hold what the pairs hold, and say the same."""

import numpy as np
import pytest
from cohorts import Cohorts
from random_cohorts import random_study

from scleromyomics.plan.cells import Cell, cells, questions
from scleromyomics.plan.changes import find_changes, is_within, select_changes
from scleromyomics.plan.contrasts import Samples
from scleromyomics.plan.pairs import Pairing
from scleromyomics.stats.design import combine, estimable, factor

WITHIN = Cell("ssc_change_d1_m12", "microarray", "pbmc", "")
BEYOND = Cell("ssc_change_vs_control_d1_m12", "microarray", "pbmc", "")
BOTH_SKINS = Cell("ssc_sclerotic_vs_healthy_skin", "microarray", "skin_sclerotic", "skin_healthy")


def followed(**population):
    """People with blood at D1 in batch b1 and at M12 in b2."""
    cohorts = Cohorts()
    for number, count in population.items():
        for name in cohorts.people(int(number[1:]), count):
            cohorts.sample(name, "D1", batch="b1")
            cohorts.sample(name, "M12", batch="b2")
    return cohorts


def column(found, name):
    return found.design.matrix[:, found.design.names.index(name)].tolist()


def test_there_is_a_row_per_profile_before_then_after():
    cohorts = followed(p4=2)
    (early,), (late,) = cohorts.people(4, 1), cohorts.people(4, 1)
    cohorts.sample(early, "D1", batch="b1")
    cohorts.sample(late, "M12", batch="b2")
    changes = select_changes(cohorts.study(), WITHIN)
    found = changes.repeated
    assert changes.single
    assert len(changes.rows) == 2
    assert found.participants == ("S001", "S001", "S002", "S002", "S003", "S004")
    assert [one.participant for one in found.units] == list(found.participants)
    assert found.design.names == ("intercept", "change", "batch[b2]")
    assert column(found, "change") == [0, 1, 0, 1, 0, 1]
    assert column(found, "batch[b2]") == [0, 1, 0, 1, 0, 1]
    assert found.contrast.tolist() == [0, 1, 0]


def test_groups_and_their_difference_of_changes_have_a_column_each():
    cohorts = followed(p4=2, p3=1)
    (alone,) = cohorts.people(3, 1)
    cohorts.sample(alone, "M12", batch="b2")
    found = select_changes(cohorts.study(), BEYOND).repeated
    assert found.participants == ("S001", "S001", "S002", "S002", "R001", "R001", "R002")
    assert found.design.names == ("intercept", "change", "group", "case", "batch[b2]")
    assert column(found, "group") == [1, 1, 1, 1, 0, 0, 0]
    assert column(found, "change") == [0, 1, 0, 1, 0, 1, 1]
    assert column(found, "case") == [0, 1, 0, 1, 0, 0, 0]
    assert found.contrast.tolist() == [0, 0, 0, 1, 0]


def test_the_two_measurements_of_a_bridge_share_an_intercept_of_their_own_and_have_no_change():
    cohorts = followed(p4=3)
    again = cohorts.sample("S001", "D1", batch="b2", bridge="S001_D1_pbmc_microarray_1")
    found = select_changes(cohorts.study(), WITHIN).repeated
    assert found.participants[-2:] == (f"bridge {again}",) * 2
    assert [one.batch for one in found.units[-2:]] == ["b1", "b2"]
    assert column(found, "bridge") == [0] * 6 + [1, 1]
    assert column(found, "change")[-2:] == [0, 0]
    assert column(found, "batch[b2]")[-2:] == [0, 1]


def test_bridges_that_link_no_batches_of_the_pairs_are_left_out():
    cohorts = followed(p4=3)
    cohorts.sample("S001", "D1", batch="b9", bridge="S001_D1_pbmc_microarray_1")
    found = select_changes(cohorts.study(), WITHIN).repeated
    assert "bridge" not in found.design.names
    assert len(found.units) == 6


def test_batches_are_told_apart_by_platform_where_there_are_several():
    cohorts = followed(p4=2)
    (other,) = cohorts.people(4, 1)
    cohorts.sample(other, "D1", batch="b1", platform="exon")
    found = select_changes(cohorts.study(), WITHIN).repeated
    assert found.design.names[-2:] == ("batch[chip/b2]", "batch[exon/b1]")


def test_tissues_are_pooled_by_participant():
    cohorts = Cohorts()
    both, one = cohorts.people(4, 2)
    cohorts.sample(both, tissue="skin_healthy")
    cohorts.sample(both, tissue="skin_sclerotic")
    cohorts.sample(one, tissue="skin_sclerotic")
    found = select_changes(cohorts.study(), BOTH_SKINS).repeated
    assert found.participants == (both, both, one)
    assert column(found, "change") == [0, 1, 1]


def within_cells(seeds):
    """Changes of random studies that have a complete pair."""
    for seed in seeds:
        study, held = random_study(np.random.default_rng(seed))
        pairing = Pairing(Samples(study, held))
        for cell in cells(study):
            if is_within(questions(study)[cell.question]):
                changes = find_changes(pairing, cell)
                if changes.complete:
                    yield changes


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_profiles_determine_whatever_the_pairs_determine(first):
    told = 0
    for changes in within_cells(range(first, first + 50)):
        if estimable(changes.design, changes.contrast):
            told += 1
            assert estimable(changes.repeated.design, changes.repeated.contrast)
    assert told > 20


def test_with_a_column_per_participant_profiles_say_what_the_pairs_say():
    rng = np.random.default_rng(1)
    told = 0
    for changes in within_cells(range(60)):
        found = changes.repeated
        if not estimable(changes.design, changes.contrast):
            continue
        told += 1
        people = factor("participant", found.participants)
        whole = combine(found.design, people)
        y = rng.normal(size=len(found.units))
        place = {
            (name, unit): row
            for row, (name, unit) in enumerate(zip(found.participants, found.units, strict=True))
        }
        names = [name for side in changes.sides for name in side.complete]
        names += [f"bridge {second.samples[0]}" for _, second in changes.linked]
        differences = [
            y[place[name, after]] - y[place[name, before]]
            for name, (before, after) in zip(names, changes.rows, strict=True)
        ]
        by_profile = np.linalg.lstsq(whole.matrix, y, rcond=None)[0]
        by_pair = np.linalg.lstsq(changes.design.matrix, differences, rcond=None)[0]
        contrast = np.concatenate([found.contrast, np.zeros(len(people.names))])
        assert contrast @ by_profile == pytest.approx(changes.contrast @ by_pair, abs=1e-8)
    assert told > 20
