"""The closed lists agree with the protocol that comes with the project."""

from typing import get_args

from scleromyomics.plan.defaults import default_protocol
from scleromyomics.plan.vocabulary import Assay, Group, ScheduledTimepoint, Timepoint, Tissue


def test_scheduled_timepoints_are_timepoints() -> None:
    assert set(get_args(ScheduledTimepoint)) < set(get_args(Timepoint))


def test_the_default_protocol_uses_every_word() -> None:
    protocol = default_protocol()
    assert {one.group for one in protocol.populations.values()} == set(get_args(Group))
    assert set(protocol.assays) == set(get_args(Assay))
    assert set(protocol.visits) == set(get_args(ScheduledTimepoint))
    assert {tissue for one in protocol.populations.values() for tissue in one.tissues} == set(
        get_args(Tissue)
    )


def test_words_are_safe_in_paths_and_commands() -> None:
    for words in (Assay, Group, Timepoint, Tissue):
        assert all(word.isascii() and word.replace("_", "").isalnum() for word in get_args(words))
