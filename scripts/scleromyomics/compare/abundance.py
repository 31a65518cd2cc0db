"""Answers from abundances on a log scale, one value per sample and feature: what each kind of question compares.

Groups (`compare.groups`), changes within participants (`compare.changes`) or a slope on a clinical measure
(`compare.associations`). Estimates are on the matrix's scale.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scleromyomics.compare import words
from scleromyomics.core import matrix as schema

if TYPE_CHECKING:
    from anndata import AnnData

    from scleromyomics.plan.cells import Cell
    from scleromyomics.plan.contrasts import Member, Unit
    from scleromyomics.plan.study import Study


def pool(matrices: Sequence["AnnData"]) -> "AnnData":
    """The samples of all matrices, with the features that they share."""
    import anndata as ad

    return ad.concat(matrices, join="inner", merge="first", uns_merge="first")


def answer(matrices: Sequence[Path], study: "Study", cell: "Cell") -> dict[str, Any]:
    """The columns of a result table that differ between questions, or between features.

    Args:
        matrices: the matrices concerned (h5ad).
        study: the study; its release's samples count.
        cell: what is asked.
    """
    samples = pool([schema.read(path) for path in matrices])
    columns = _answer(samples, study, cell)
    blocks = len(columns["estimate"]) // max(samples.n_vars, 1)  # one per contrast
    return {
        "feature": np.tile(samples.var["feature"].to_numpy(), blocks),
        "gene_symbol": np.tile(samples.var["gene_symbol"].to_numpy(), blocks),
        "unit": samples.uns[schema.KEY]["scale"],
        "test": "abundance",
        **columns,
    }


def _answer(samples: "AnnData", study: "Study", cell: "Cell") -> dict[str, Any]:
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
            "contrast": words.change(question, changes),
            "formula": design.formula,
            "method": method,
            **columns,
        }
    comparison = select(study, cell, held)
    own = samples[[sample for member in comparison.members for sample in member.samples]]
    return {
        "contrast": words.groups(study, cell, question),
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
