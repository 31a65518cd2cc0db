"""What the simulated cohort plants is found as often as theory says, and little else.

The short version of benchmarks/toy_answers.py: the same latent truth and the same comparisons, without raw files.
"""

import numpy as np
import pytest

from scleromyomics.compare.changes import PAIRED, compare_changes
from scleromyomics.compare.groups import compare_groups
from scleromyomics.core.files import read_tsv
from scleromyomics.plan.changes import Changes
from scleromyomics.plan.contrasts import Comparison, Member, Unit
from scleromyomics.plan.pairs import Pairs
from scleromyomics.simulate.latent import (
    LATER,
    Profiles,
    State,
    batch_effect,
    effects,
    expression,
    simulate_profiles,
    transcripts,
)
from scleromyomics.simulate.scenario import RESOURCES
from scleromyomics.stats.design import unscaled_variance
from scleromyomics.stats.power import detection_power

STUDIES, PER_GROUP = 30, 8
BATCH_SD = 0.2  # log2
DAYS = {"D1": 0, "M12": LATER}
GENES = read_tsv(RESOURCES / "genes.tsv")


def comparison(profiles: Profiles, rng: np.random.Generator) -> Comparison:
    """The people of a study: women of various ages, in turn in one of two batches."""
    members = [
        Member(
            participant=f"P{number:02d}",
            role="case" if case else "reference",
            samples=(f"S{number:02d}",),
            platform="chip",
            batch=f"B{number % 2}",
            wave="W1",
            age=float(rng.uniform(25, 75)),
            sex="F",
        )
        for number, case in enumerate(profiles.case)
    ]
    return Comparison(tuple(members), {}, ("age",), {})


def between(genes, seed):
    """SSc against its control: the columns of the answer, the truth and the true standard errors."""
    profiles = simulate_profiles(
        genes, case="ssc", reference="ssc_control", tissue="pbmc", per_group=PER_GROUP, seed=seed
    )
    rng = np.random.default_rng(seed)
    asked = comparison(profiles, rng)
    batch = rng.normal(0, BATCH_SD, (2, len(genes)))[np.arange(len(profiles.case)) % 2]
    found = compare_groups(profiles.values + batch, asked)
    se = profiles.spread * np.sqrt(unscaled_variance(asked.design, asked.contrast))
    return found, profiles.truth, se


def changes(genes, seed, *, groups, batches):
    """The first group's change, beyond the other's where there is one; each visit has its batch."""
    sides, profiles, moved = [], {}, []
    for group in groups:
        pairs = {}
        for name in (f"{group}{number}" for number in range(PER_GROUP)):
            states = [State(name, visit, day, (group,), "F") for visit, day in DAYS.items()]
            pairs[name] = tuple(
                Unit(name, (f"{name} {state.visit}",), "chip", batch, "W1")
                for state, batch in zip(states, batches, strict=True)
            )
            for state, unit in zip(states, pairs[name], strict=True):
                batch = batch_effect(genes, "chip", unit.batch, sd=BATCH_SD, seed=seed)
                profiles[unit.samples] = expression(genes, state, "pbmc", seed=seed) + batch
        before, after = (effects(genes, state, "pbmc", seed=seed) for state in states)
        moved.append(after - before)
        sides.append(Pairs(pairs, {}, tuple(DAYS)))
    asked = Changes(tuple(sides), ())
    before, after = (np.array([profiles[row[side].samples] for row in asked.rows]) for side in (0, 1))
    rows = np.array([profiles[unit.samples] for unit in asked.repeated.units])
    found, method = compare_changes(before, after, rows, asked)
    assert method == PAIRED
    variance = 2 * genes.spread**2 * (1 - genes.shared)  # of a difference: the participant's own part cancels
    return (
        found,
        moved[0] - sum(moved[1:]),
        np.sqrt(variance * unscaled_variance(asked.design, asked.contrast)),
    )


def within(genes, seed):
    """The change of SSc, all in one batch."""
    return changes(genes, seed, groups=["ssc"], batches=("B0", "B0"))


def interaction(genes, seed):
    """The change of SSc beyond its control's; time is aliased with batch."""
    return changes(genes, seed, groups=["ssc", "ssc_control"], batches=("B0", "B1"))


def study(ask, seed: int) -> dict[str, float]:
    """Simulate a study, answer it, and compare it with the truth."""
    found, truth, se = ask(transcripts(GENES, seed=seed), seed)
    moves, called = truth != 0, found["q_value"] <= 0.05
    effect, df = truth[moves], found["df"][moves]
    return {
        "power": (found["p_value"][moves] <= 0.05).mean(),
        "expected": detection_power(effect, se[moves], df, alpha=0.05).mean(),
        "slope": effect @ found["estimate"][moves] / (effect @ effect),
        "found": (called & moves).sum(),
        "false": (called & ~moves).sum() / max(called.sum(), 1),
        "null": (found["p_value"][~moves] <= 0.05).mean(),
        "best": moves[np.argmin(found["p_value"])],
    }


@pytest.fixture(scope="module", params=[between, within, interaction])
def studies(request) -> dict[str, np.ndarray]:
    found = [study(request.param, seed) for seed in range(1, STUDIES + 1)]
    return {name: np.array([one[name] for one in found], dtype=float) for name in found[0]}


def se(values: np.ndarray) -> float:
    """Standard error of the mean over studies."""
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def test_planted_features_are_found_as_often_as_noncentral_t_says(studies):
    difference = studies["power"] - studies["expected"]
    assert abs(difference.mean()) <= 0.03 + 2 * se(difference)
    assert studies["expected"].mean() > 0.7  # or there would be little to find


def test_planted_effects_are_estimated_without_bias(studies):
    assert abs(studies["slope"].mean() - 1) <= 4 * se(studies["slope"])


def test_the_first_of_a_table_is_planted(studies):
    assert studies["best"].mean() > 0.9
    assert studies["found"].mean() > 5


def test_false_discoveries_are_within_their_rate(studies):
    assert studies["false"].mean() <= 0.05 + 3 * se(studies["false"])


def test_what_does_not_move_is_rejected_as_often_as_the_level_says(studies):
    assert abs(studies["null"].mean() - 0.05) <= 4 * se(studies["null"])
