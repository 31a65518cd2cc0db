"""What was found about one cell of the question grid: counts, reasons, and the verdict that follows."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from scleromyomics.plan.reasons import joined
from scleromyomics.plan.vocabulary import Verdict


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about a cell; `skip` makes it SKIP, `cautions` make it CAUTION.

    Attributes:
        head: the counts, in words.
        n_case: participants who count on the case's side (of complete pairs, where pairs are compared).
        n_reference: the same of the reference.
        n_pairs: complete pairs.
        skip: why the question cannot be answered.
        remedy: what would change that.
        cautions: what weakens the answer.
        notes: what else to know.
    """

    head: str
    n_case: int = 0
    n_reference: int = 0
    n_pairs: int = 0
    skip: str = ""
    remedy: str = ""
    cautions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The verdict."""
        return "SKIP" if self.skip else "CAUTION" if self.cautions else "RUN"

    @property
    def reason(self) -> str:
        """The whole finding in one line."""
        parts = (self.head, self.skip) if self.skip else (self.head, *self.cautions)
        return "; ".join([*parts, *self.notes])


def too_few(found: Finding, gaps: Iterable[str], more: Iterable[str], needed: Iterable[str]) -> Finding:
    """SKIP: by the protocol, which nothing remedies, or for want of samples.

    Args:
        found: the counts.
        gaps: what the protocol says that it does not take; empty texts where it does.
        more: what would be enough.
        needed: what is absent, and the rule.
    """
    structural = [gap for gap in dict.fromkeys(gaps) if gap]
    if structural:
        return replace(found, skip="; ".join(structural))
    return replace(found, skip="; ".join(needed), remedy=joined(list(more)))
