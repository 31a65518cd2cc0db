"""The words of reasons: counts, lists and groups, in one line."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from scleromyomics.plan.vocabulary import Group

GROUPS: Mapping[Group, str] = {
    "ssc": "SSc",
    "ssc_control": "SSc controls",
    "im": "IM",
    "im_control": "IM controls",
}
"""What reasons call the groups."""

SHOWN = 4  # most names that one reason lists


def number(count: int, what: str, rest: str = "") -> str:
    """`3 complete pairs`, `1 complete pair`, with the rest of the phrase behind it."""
    return f"{count} {what.removesuffix('s') if count == 1 else what} {rest}".rstrip()


def listed(names: Iterable[str]) -> str:
    """The distinct names, sorted; of many only the first."""
    distinct = sorted(set(names))
    rest = len(distinct) - SHOWN
    return ", ".join(distinct[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def joined(names: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def left_out(excluded: Mapping[str, str]) -> tuple[str, ...]:
    """How many participants with samples do not count, and why; nothing if none."""
    return (f"{len(excluded)} left out ({_tally(excluded.values())})",) if excluded else ()


def incomplete(reasons: Mapping[str, str]) -> tuple[str, ...]:
    """How many participants have one profile of two, and why; nothing if none."""
    return (f"{len(reasons)} incomplete ({_tally(reasons.values())})",) if reasons else ()


def dropped(covariates: Mapping[str, str]) -> tuple[str, ...]:
    """Covariates that are not in the model, each with its reason."""
    return tuple(f"not adjusted for {name} ({reason})" for name, reason in covariates.items())


def unadjustable(covariates: Mapping[str, str]) -> str:
    """Covariates without which there is no answer, each with the reason why it is not in the model."""
    reasons = [f"{name} ({reason})" for name, reason in covariates.items()]
    return f"cannot be adjusted for {joined(reasons)}"


def _tally(reasons: Iterable[str]) -> str:
    """How often each reason occurs, by what stands before its colon."""
    counts = Counter(reason.partition(":")[0] for reason in reasons)
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
