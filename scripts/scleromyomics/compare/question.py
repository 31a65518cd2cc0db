"""Answer one question in one assay and tissue, feature by feature.

What is compared is what the verdict was given for: groups (`compare.groups`), changes within participants
(`compare.changes`) or a slope on a clinical measure (`compare.associations`). Estimates are on the matrix's
scale; q-values are Benjamini and Hochberg's within the table. A feature that cannot be tested keeps its row, with
the reason in its flag.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from scleromyomics.core import matrix as schema
from scleromyomics.core.cli import entry_point
from scleromyomics.core.results import COLUMNS, write_results
from scleromyomics.plan.vocabulary import Tissue

if TYPE_CHECKING:
    from anndata import AnnData

    from scleromyomics.plan.cells import Cell
    from scleromyomics.plan.changes import Changes
    from scleromyomics.plan.contrasts import Member, Unit
    from scleromyomics.plan.protocol.questions import Question
    from scleromyomics.plan.study import Study


def pool(matrices: Sequence["AnnData"]) -> "AnnData":
    """The samples of all matrices, with the features that they share."""
    import anndata as ad

    return ad.concat(matrices, join="inner", merge="first", uns_merge="first")


def run(
    *,
    study: Path,
    release: str,
    question: str,
    assay: Literal["microarray"],
    tissue: Tissue,
    rows: str,
    matrices: list[Path],
    quality: list[Path],
    table: Path,
) -> None:
    """Write the result table of one question in one assay and tissue; zero rows where the verdict is SKIP.

    Args:
        study: the study directory.
        release: the wave up to which samples count.
        question: id of the question in the protocol's library.
        assay: the assay.
        tissue: the tissue; of the cases, where the reference's is another one.
        rows: digest of the rows of the sheets that this comparison was planned with.
        matrices: the matrices concerned (h5ad): of each tissue at the question's timepoint, or at all of them.
        quality: the quality table of each assay that has samples: whom the verdict leaves out.
        table: where to write the result table (Parquet).
    """
    from scleromyomics.cohort.verdicts import held_by_quality
    from scleromyomics.plan.rows import question_study

    read, cell = question_study(
        study, release=release, question=question, assay=assay, tissue=tissue, expected=rows
    )
    verdict = _verdict(read, cell, held_by_quality(quality))
    fixed = {
        **dict.fromkeys(COLUMNS, ""),
        **dict.fromkeys((name for name, kind in COLUMNS.items() if kind == "int32"), 0),
        **dict.fromkeys((name for name, kind in COLUMNS.items() if kind == "double"), np.nan),
        "question": question,
        "assay": assay,
        "tissue": tissue,
        "reference_tissue": cell.reference_tissue,
        "test": "abundance",
        "verdict": verdict,
    }
    if verdict == "SKIP":
        write_results(table, fixed, rows=0)
        return
    samples = pool([schema.read(path) for path in matrices])
    answer = _answer(samples, read, cell)
    blocks = len(answer["estimate"]) // max(samples.n_vars, 1)  # one per contrast
    write_results(
        table,
        {
            **fixed,
            "feature": np.tile(samples.var["feature"].to_numpy(), blocks),
            "gene_symbol": np.tile(samples.var["gene_symbol"].to_numpy(), blocks),
            "unit": samples.uns[schema.KEY]["scale"],
            **answer,
        },
        rows=samples.n_vars * blocks,
    )


def _answer(samples: "AnnData", study: "Study", cell: "Cell") -> dict[str, Any]:
    """The columns that differ between questions, or between features."""
    from scleromyomics.compare.associations import compare_association
    from scleromyomics.compare.changes import compare_changes
    from scleromyomics.compare.groups import compare_groups
    from scleromyomics.compare.tested import LINEAR, MIXED
    from scleromyomics.plan.associations import select_association
    from scleromyomics.plan.cells import questions
    from scleromyomics.plan.changes import is_within, select_changes
    from scleromyomics.plan.contrasts import select
    from scleromyomics.plan.protocol.questions import Association

    held = dict.fromkeys(study.released.samples.keys() - set(samples.obs_names), "in no matrix")
    question = questions(study)[cell.question]
    if isinstance(question, Association):
        association = select_association(study, cell, held)
        profiles = [_merged(samples, side) for side in association.sides]
        return compare_association(profiles, association, samples.uns[schema.KEY]["scale"])
    if is_within(question):
        changes = select_changes(study, cell, held)
        before, after = (_merged(samples, [row[side] for row in changes.rows]) for side in (0, 1))
        columns, method = compare_changes(before, after, _merged(samples, changes.repeated.units), changes)
        design = changes.repeated.design if method == MIXED else changes.design
        return {
            "contrast": _change(question, changes),
            "formula": design.formula,
            "method": method,
            **columns,
        }
    comparison = select(study, cell, held)
    own = samples[[sample for member in comparison.members for sample in member.samples]]
    return {
        "contrast": _contrast(study, cell, question),
        "formula": comparison.design.formula,
        "method": LINEAR,
        **compare_groups(own.X, comparison),
    }


def _merged(samples: "AnnData", units: Sequence["Unit | Member"]) -> NDArray[np.float64]:
    """The profile of each unit, its replicates averaged over those that measured the feature."""
    names = [(number, sample) for number, unit in enumerate(units) for sample in unit.samples]
    rows = samples.obs_names.get_indexer([sample for _, sample in names])
    labels = [f"{number:08d}" for number, _ in names]
    return schema.merge_rows(samples.X[rows], labels)[1]


def _change(question: "Question", changes: "Changes") -> str:
    """What minus what, in whom."""
    from scleromyomics.plan.protocol.questions import groups_of

    groups = groups_of(question)
    named = [*groups, f"{groups[0]} without it"] if len(groups) < len(changes.sides) else groups
    before, after = changes.sides[0].sides
    return " - ".join(f"({name}: {after} - {before})" for name, _ in zip(named, changes.sides, strict=True))


def _contrast(study: "Study", cell: "Cell", question: "Question") -> str:
    """What minus what: groups, and the tissues where there are two."""
    from scleromyomics.plan.contrasts import arms

    compared = arms(study.protocol, cell, question)
    two_tissues = len({arm.tissue for arm in compared}) > 1
    words = [f"{arm.group} {arm.tissue}" if two_tissues else arm.group for arm in compared]
    if len(words) == 2:
        return " - ".join(words)
    return f"({words[0]} - {words[2]}) - ({words[1]} - {words[3]})"


def _verdict(study: "Study", cell: "Cell", held: Mapping[str, str]) -> str:
    """The final verdict, as verdicts.tsv has it.

    It is not read from there: that table is made again after any change of the cohort, and Snakemake does not look
    at the parameters of a job behind one that it is going to run.
    """
    from scleromyomics.plan.contrasts import Samples
    from scleromyomics.plan.judging.facts import Facts
    from scleromyomics.plan.verdicts import judge

    return judge(Facts(Samples(study, held)), cell).verdict


if __name__ == "__main__":
    entry_point(run)
