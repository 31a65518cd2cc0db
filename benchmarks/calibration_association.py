"""Do the tests of the `association` questions keep their level? Simulated studies in which nothing is related.

    python benchmarks/calibration_association.py

Each study has 3, 5, 8 or 20 participants, 200 features (residual standard deviations of 0.3 to 0.5 log2, a
participant's own level with a standard deviation of 0.4), age, sex and one or two batches, and 10 % of all values
missing. The measure has a participant's own level and a change at each visit; over repeated visits 30 % of the
visits are missing. Ordered categories have four levels, with 40, 30, 20 and 10 % of the participants. Models are
the product's: age is dropped, and studies skipped that cannot be adjusted for sex, as its verdicts do (3 residual
degrees of freedom).

Writes benchmarks/results/calibration_association.tsv: rejection rate at 0.05 with its standard error between
studies. For ordered categories the likelihood ratio stands beside the score test that the product reports.
"""

from pathlib import Path

import numpy as np

from scleromyomics.compare.associations import compare_association
from scleromyomics.core.files import write_tsv
from scleromyomics.plan.associations import ChangeSlope, OrdinalOdds, RepeatedSlopes, Slope, adjusted
from scleromyomics.plan.contrasts import Member, Unit
from scleromyomics.stats.ordinal import fit_odds

FEATURES, STUDIES, LEAST_DF = 200, 250, 3
PARTICIPANTS = (3, 5, 8, 20)
MISSING, LOST = 0.1, 0.3  # of values; of visits
TIMEPOINTS = ("D1", "M12", "Y5")
RESULTS = Path(__file__).parent / "results"
COLUMNS = ("test", "participants", "studies", "skipped", "rate", "se", "low", "high")


def people(rng, number):
    """Participants with age, sex and batch."""
    batch = rng.permutation(np.arange(number) % rng.integers(1, 3))
    age = rng.uniform(25, 75, number)
    sex = rng.permutation(np.arange(number) % 2)
    return [
        Member(f"P{i:02d}", "case", (f"s{i}",), "chip", f"b{batch[i]}", "W1", age[i], "FM"[sex[i]])
        for i in range(number)
    ]


def selection(rng, kind, number):
    """An association of some kind with a measure that nothing depends on."""
    own = people(rng, number)
    shared = {"measure": "m", "per": "", "excluded": {}, "absent": (), "dropped": {}, "minimum_df": LEAST_DF}
    shared["required"] = () if kind == "change on change" else ("sex",)
    level = rng.normal(0, 1, number)
    score = level[:, None] + rng.normal(0, 0.7, (number, 3))
    if kind == "slopes over visits":
        kept = rng.random(score.shape) >= LOST
        kept[~kept.any(axis=1), 0] = True
        rows = np.argwhere(kept)
        return RepeatedSlopes(
            members=tuple(own[i] for i, _ in rows),
            values=tuple(score[kept].tolist()),
            timepoints=tuple(TIMEPOINTS[visit] for _, visit in rows),
            covariates=("sex", "age"),
            **shared,
        )
    if kind == "change on change":
        return ChangeSlope(
            members=tuple(own),
            values=tuple((score[:, 1] - score[:, 0]).tolist()),
            before=tuple(Unit(one.participant, one.samples, "chip", one.batch, "W1") for one in own),
            baselines=tuple(score[:, 0].tolist()),
            bridges=(),
            covariates=("baseline",),
            **shared,
        )
    if kind == "odds":
        values = rng.choice([0.0, 1.0, 2.0, 3.0], number, p=[0.4, 0.3, 0.2, 0.1])
        return OrdinalOdds(members=tuple(own), values=tuple(values), covariates=("sex", "age"), **shared)
    return Slope(members=tuple(own), values=tuple(level.tolist()), covariates=("sex", "age"), **shared)


def profiles(rng, association):
    """A participant's own level and noise, with missing values, per unit of each side."""
    names = sorted({one.participant for one in association.members})
    own = dict(zip(names, rng.normal(8, 0.4, (len(names), FEATURES)), strict=True))
    sd = rng.uniform(0.3, 0.5, FEATURES)
    found = []
    for side in association.sides:
        values = np.array([own[one.participant] + rng.normal(0, sd) for one in side])
        found.append(np.where(rng.random(values.shape) < MISSING, np.nan, values))
    return found


def study(rng, kind, number):
    """Rejection rates of one study by test; nothing where it is skipped."""
    association = adjusted(selection(rng, kind, number))
    values = profiles(rng, association)
    names = association.answered
    if not names:
        return {}
    p = compare_association(values, association, "log2")["p_value"].reshape(len(names), -1)
    found = dict(zip(names, p, strict=True))
    if kind == "odds":
        odds = fit_odds(values[0].T, association.outcome, association.design.matrix)
        found["odds of a higher level, likelihood ratio"] = odds.p_likelihood
    return {
        name: np.mean(one[np.isfinite(one)] <= 0.05) for name, one in found.items() if np.isfinite(one).any()
    }


def rows(studies):
    """One row per test and number of participants."""
    kinds = {
        "slope": ("slope",),
        "change on change": ("change on change",),
        "slopes over visits": ("between participants", "within participants"),
        "odds": ("odds of a higher level", "odds of a higher level, likelihood ratio"),
    }
    for seed, (kind, names) in enumerate(kinds.items()):
        for number in PARTICIPANTS:
            found = [study(np.random.default_rng([seed, number, i]), kind, number) for i in range(studies)]
            for name in names:
                rates = np.array([one[name] for one in found if name in one])
                if rates.size > 1:
                    yield row(name, number, rates, studies - rates.size)


def row(name, number, rates, skipped):
    """Mean rate over studies, its standard error and 95 % interval."""
    mean, se = rates.mean(), rates.std(ddof=1) / np.sqrt(rates.size)
    numbers = [round(float(x), 4) for x in (mean, se, mean - 1.96 * se, mean + 1.96 * se)]
    return dict(zip(COLUMNS, [name, number, rates.size, skipped, *numbers], strict=True))


def main():
    found = []
    for line in rows(STUDIES):
        print(line, flush=True)
        found.append(line)
    write_tsv(RESULTS / "calibration_association.tsv", COLUMNS, found)


if __name__ == "__main__":
    main()
