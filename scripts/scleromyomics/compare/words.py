"""What a question's estimates are minus what: the `contrast` of its tables."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scleromyomics.plan.cells import Cell
    from scleromyomics.plan.changes import Changes
    from scleromyomics.plan.protocol.questions import Question
    from scleromyomics.plan.study import Study


def change(question: "Question", changes: "Changes") -> str:
    """What minus what, in whom."""
    from scleromyomics.plan.protocol.questions import groups_of

    groups = groups_of(question)
    named = [*groups, f"{groups[0]} without it"] if len(groups) < len(changes.sides) else groups
    before, after = changes.sides[0].sides
    return " - ".join(f"({name}: {after} - {before})" for name, _ in zip(named, changes.sides, strict=True))


def groups(study: "Study", cell: "Cell", question: "Question") -> str:
    """What minus what: groups, and the tissues where there are two."""
    from scleromyomics.plan.contrasts import arms

    compared = arms(study.protocol, cell, question)
    two_tissues = len({arm.tissue for arm in compared}) > 1
    words = [f"{arm.group} {arm.tissue}" if two_tissues else arm.group for arm in compared]
    if len(words) == 2:
        return " - ".join(words)
    return f"({words[0]} - {words[2]}) - ({words[1]} - {words[3]})"
