"""The study's words for groups, assays, tissues, measures and questions, as a reader knows them."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from scleromyomics.describe.profiles import OVERLAP
from scleromyomics.plan.protocol import Protocol
from scleromyomics.plan.reasons import GROUPS

if TYPE_CHECKING:
    from numpy.typing import NDArray

Row = Mapping[str, str]
Columns = Mapping[str, "NDArray[Any]"]


class Kind(NamedTuple):
    """A kind of question."""

    heading: str
    meaning: str  # what such a question compares


TIMEPOINTS = ("D1", "M12", "Y5", "EVENT", "ROUTINE")
TISSUES = {
    "pbmc": "PBMC",
    "serum": "Serum",
    "muscle": "Muscle",
    "skin_sclerotic": "Sclerotic skin",
    "skin_healthy": "Healthy skin",
}
TRAITS = {
    "age": "Age",
    "sex": "Sex",
    "overlap": "Overlap of both diseases",
    "disease_subtype": "Subtype",
    "disease_duration": "Disease duration",
}  # measures of attrition.tsv besides the protocol's
KINDS = {
    "between": Kind("Groups", "One group of patients minus another, at the same visit."),
    "within": Kind(
        "Change over time",
        "Each participant minus themselves at an earlier visit. Natural evolution, treatment and all else that"
        " changed in between look the same here.",
    ),
    "interaction": Kind(
        "Change beyond another group's",
        "The change of one group minus the change of another over the same interval: what both share is gone.",
    ),
    "event": Kind(
        "Events and treatments",
        "Each participant at a complication, or after the start of a treatment, minus themselves before it; minus"
        " the change of participants without it, where there are enough of them. The reservations say where there"
        " are not: natural evolution and regression to the mean then look the same as an effect.",
    ),
    "tissue": Kind(
        "Tissues",
        "One tissue minus another: of the same participants, or of different groups, where the difference is one"
        " between tissues as well as one between patients.",
    ),
    "association": Kind(
        "Clinical measures",
        "How a feature goes with a clinical measure, per step of the measure. That two go together does not say"
        " which of them moves the other, or whether a third moves both.",
    ),
}  # in the order of the page
NAME = re.compile(r"[a-z][a-z0-9_]*")


class Labels:
    """The study's words."""

    def __init__(self, protocol: Protocol) -> None:
        self.group: dict[str, str] = {p.group: p.label for p in protocol.populations.values()}
        self.population: dict[str, str] = {str(key): p.label for key, p in protocol.populations.items()}
        self.assay: dict[str, str] = {key: assay.label for key, assay in protocol.assays.items()}
        self.measure = TRAITS | {key: measure.label for key, measure in protocol.measures.items()}
        self._names: dict[str, str] = {
            **{key: measure.label for key, measure in protocol.measures.items()},
            **{key: self._inside(key) for key in TISSUES},
            **{str(key): name for key, name in GROUPS.items()},
        }
        self.title = {question.id: question.title for question in protocol.questions}
        self.checked = {question.id: question.sensitivity_of for question in protocol.questions}
        self.order = {question.id: index for index, question in enumerate(protocol.questions)}
        self.control = {
            str(key): str(p.control_of) if p.control_of else "" for key, p in protocol.populations.items()
        }

    def tissue(self, name: str) -> str:
        """A tissue as a reader calls it."""
        return TISSUES.get(name, name)

    def described(self, group: str) -> str:
        """A group of a table of profiles."""
        main = group.removesuffix(OVERLAP)
        return self.group[main] + (", with overlap" if main != group else "")

    def place(self, tissue: str, reference: str) -> str:
        """The tissue of a comparison, or both."""
        return f"{self.tissue(tissue)} vs {self._inside(reference)}" if reference else self.tissue(tissue)

    def named(self, words: str) -> str:
        """A sentence with the names of groups, tissues and measures instead of their keys, and true minus signs."""
        return NAME.sub(lambda found: self._names.get(found[0], found[0]), words).replace(" - ", " − ")

    def _inside(self, tissue: str) -> str:
        """A tissue within a sentence."""
        name = self.tissue(tissue)
        return name if name.isupper() else name.lower()
