"""Two groups of participants in two batches, and profiles in which the cases are moved."""

import numpy as np

from scleromyomics.plan.contrasts import Comparison, Member

FEATURES = 400
MOVED = 20  # the first features, by EFFECT
EFFECT = 1.5  # log2
SD = 0.4  # log2


def people(n: int = 24, *, seed: int = 1) -> list[Member]:
    """Cases and references in two batches; names of samples in another order than those of participants."""
    rng = np.random.default_rng(seed)
    return [
        Member(
            participant=f"P{i:02d}",
            role="case" if i % 2 else "reference",
            samples=(f"S{n - i:02d}",),
            platform="chip",
            batch=f"B{i // 4 % 2}",
            wave="W1",
            age=float(rng.uniform(30, 70)),
            sex="F" if i % 3 else "M",
        )
        for i in range(n)
    ]


def comparison(members: list[Member], covariates: tuple[str, ...] = ("age", "sex")) -> Comparison:
    ordered = sorted(members, key=lambda one: one.participant)
    return Comparison(tuple(ordered), {}, covariates, {})


def profiles(members: list[Member], *, seed: int = 2, effect: float = EFFECT) -> dict[str, np.ndarray]:
    """The values of every sample: batches differ, cases differ in the features moved."""
    rng = np.random.default_rng(seed)
    batch = {name: rng.normal(size=FEATURES) for name in ("B0", "B1")}
    values = {}
    for member in members:
        for sample in member.samples:
            values[sample] = 8 + batch[member.batch] + SD * rng.normal(size=FEATURES)
            values[sample][:MOVED] += effect * (member.role == "case")
    return values


def fields(member: Member) -> dict[str, object]:
    """A member's values by name."""
    return {name: getattr(member, name) for name in Member.__slots__}
