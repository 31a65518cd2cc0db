"""What the simulated cohort plants is found as often as theory says, and little else.

The short version of benchmarks/toy_baseline.py: the same latent truth and the same comparison, without raw files.
"""

import numpy as np
import pytest

from scleromyomics.compare.groups import compare_groups
from scleromyomics.core.files import read_tsv
from scleromyomics.plan.contrasts import Comparison, Member
from scleromyomics.simulate.latent import Profiles, simulate_profiles, transcripts
from scleromyomics.simulate.scenario import RESOURCES
from scleromyomics.stats.design import unscaled_variance
from scleromyomics.stats.power import detection_power

STUDIES, PER_GROUP = 40, 8
BATCH_SD = 0.2  # log2
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


def study(seed: int) -> dict[str, float]:
    """Simulate a study, answer it, and compare it with the truth."""
    genes = transcripts(GENES, seed=seed)
    profiles = simulate_profiles(
        genes, case="ssc", reference="ssc_control", tissue="pbmc", per_group=PER_GROUP, seed=seed
    )
    rng = np.random.default_rng(seed)
    asked = comparison(profiles, rng)
    batch = rng.normal(0, BATCH_SD, (2, len(genes)))[np.arange(len(profiles.case)) % 2]
    found = compare_groups(profiles.values + batch, asked)
    moves, called = profiles.truth != 0, found["q_value"] <= 0.05
    se = profiles.spread * np.sqrt(unscaled_variance(asked.design, asked.contrast))
    effect, df = profiles.truth[moves], found["df"][moves]
    return {
        "power": (found["p_value"][moves] <= 0.05).mean(),
        "expected": detection_power(effect, se[moves], df, alpha=0.05).mean(),
        "slope": effect @ found["estimate"][moves] / (effect @ effect),
        "found": (called & moves).sum(),
        "false": (called & ~moves).sum() / max(called.sum(), 1),
        "null": (found["p_value"][~moves] <= 0.05).mean(),
        "best": moves[np.argmin(found["p_value"])],
    }


@pytest.fixture(scope="module")
def studies() -> dict[str, np.ndarray]:
    found = [study(seed) for seed in range(1, STUDIES + 1)]
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
