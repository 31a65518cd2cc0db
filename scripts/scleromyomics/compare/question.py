"""Answer one question in one assay and tissue, feature by feature.

What is compared is what the verdict was given for. Between groups (`plan.contrasts`): a row per participant,
replicates averaged, groups adjusted for batch, age and sex. Within participants (`plan.changes`): a row per
complete pair, after minus before, adjusted for the differences of batches, which bridges tell apart; where the
control's change is subtracted, the difference of the groups' changes. Each feature is fitted by least squares
and its variance moderated over all features (Smyth 2004, doi:10.2202/1544-6115.1027). Estimates are on the
matrix's scale; q-values are Benjamini and Hochberg's within the table. A feature that is constant, never
measured, or left without residual degrees of freedom keeps its row, with a flag and without a test.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from scleromyomics.core import matrix as schema
from scleromyomics.core.cli import InputError, entry_point
from scleromyomics.core.files import read_tsv
from scleromyomics.core.results import COLUMNS, write_results
from scleromyomics.plan.vocabulary import Tissue

if TYPE_CHECKING:
    from anndata import AnnData

    from scleromyomics.plan.cells import Cell
    from scleromyomics.plan.changes import Changes
    from scleromyomics.plan.contrasts import Comparison, Unit
    from scleromyomics.plan.protocol.questions import Question
    from scleromyomics.plan.study import Study
    from scleromyomics.stats.design import Design, Vector

METHOD = "moderated linear model (Smyth 2004)"
MISSING = "missing values"  # the one flag of features that are tested


def pool(matrices: Sequence["AnnData"]) -> "AnnData":
    """The samples of all matrices, with the features that they share."""
    import anndata as ad

    return ad.concat(matrices, join="inner", merge="first", uns_merge="first")


def compare(values: NDArray[np.float64], comparison: "Comparison") -> dict[str, NDArray[np.generic]]:
    """Compare the groups in each feature.

    Args:
        values: samples by features, on a log scale; the samples of the members one after another; NaN where
            not measured.
        comparison: who is compared, and the model.

    Returns:
        The columns of a result table that differ between features, by name; one value per feature.
    """
    from scleromyomics.stats.design import without
    from scleromyomics.stats.linear import fit_contrast

    participants = [member.participant for member in comparison.members for _ in member.samples]
    Y = schema.merge_rows(values, participants)[1].T  # members are sorted by participant, as merged rows are
    plain = fit_contrast(Y, *without(comparison.design, comparison.contrast, comparison.covariates))
    columns = _tested(Y, comparison.design, comparison.contrast)
    untested = np.isnan(columns["estimate"])
    measured = np.isfinite(Y)
    case = np.array([member.role == "case" for member in comparison.members], dtype=bool)
    return {
        **columns,
        "estimate_unadjusted": np.where(untested, np.nan, plain.estimate),
        "n_samples": np.isfinite(values).sum(axis=0),
        "n_case": measured[:, case].sum(axis=1),
        "n_reference": measured[:, ~case].sum(axis=1),
        "n_participants": measured.sum(axis=1),
    }


def compare_changes(
    before: NDArray[np.float64], after: NDArray[np.float64], changes: "Changes"
) -> dict[str, NDArray[np.generic]]:
    """Compare participants with themselves in each feature.

    Args:
        before: rows of the changes' design by features, on a log scale; NaN where not measured.
        after: the same rows, later (or at the event, or in the tissue of interest).
        changes: whose changes, and the model.

    Returns:
        The columns of a result table that differ between features, by name; one value per feature.
    """
    Y = (after - before).T
    columns = _tested(Y, changes.design, changes.contrast)
    measured = np.isfinite(Y)
    pairs = measured[:, : len(changes.complete)]
    cases = len(changes.sides[0].complete)
    samples = [sum(len(unit.samples) for unit in pair) for pair in changes.complete]
    return {
        **columns,
        "estimate_pairs": columns["estimate"],
        "p_pairs": columns["p_value"],
        "n_samples": pairs @ np.array(samples, dtype=np.int64),
        "n_case": pairs[:, :cases].sum(axis=1),
        "n_reference": pairs[:, cases:].sum(axis=1),
        "n_participants": pairs.sum(axis=1),
        "n_pairs": pairs.sum(axis=1),
    }


def _tested(Y: NDArray[np.float64], design: "Design", contrast: "Vector") -> dict[str, NDArray[np.generic]]:
    """Estimates and moderated tests of one contrast in features (rows) by rows of the design."""
    from scleromyomics.stats.linear import fit_contrast
    from scleromyomics.stats.moderation import moderated_t
    from scleromyomics.stats.multiplicity import benjamini_hochberg
    from scleromyomics.stats.power import smallest_detectable_effect

    fit = fit_contrast(Y, design, contrast)
    flags = _flags(Y, fit.df, fit.estimate)
    tested = np.isin(flags, ("", MISSING))
    columns = {name: np.full(len(Y), np.nan) for name, kind in COLUMNS.items() if kind == "double"}
    if tested.any():
        estimate, unscaled = fit.estimate[tested], fit.unscaled[tested]
        moderated = moderated_t(estimate, unscaled, fit.variance[tested], fit.df[tested])
        for name in ("se", "ci_low", "ci_high", "statistic", "df", "p_value"):
            columns[name][tested] = getattr(moderated, name)
        columns["estimate"][tested] = estimate
        columns["mde"][tested] = smallest_detectable_effect(unscaled, moderated.posterior, moderated.df)
        columns["q_value"] = benjamini_hochberg(columns["p_value"])
    return {**columns, "flag": flags}


def run(
    *,
    study: Path,
    release: str,
    question: str,
    assay: Literal["microarray"],
    tissue: Tissue,
    rows: str,
    matrices: list[Path],
    verdicts: Path,
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
        verdicts: the final verdicts (TSV).
        table: where to write the result table (Parquet).
    """
    verdict = _verdict(verdicts, question=question, assay=assay, tissue=tissue)
    fixed = {
        **dict.fromkeys(COLUMNS, ""),
        **dict.fromkeys((name for name, kind in COLUMNS.items() if kind == "int32"), 0),
        **dict.fromkeys((name for name, kind in COLUMNS.items() if kind == "double"), np.nan),
        "question": question,
        "assay": assay,
        "tissue": tissue,
        "reference_tissue": verdict["reference_tissue"],
        "test": "abundance",
        "method": METHOD,
        "verdict": verdict["final"],
    }
    if verdict["final"] == "SKIP":
        write_results(table, fixed, rows=0)
        return
    from scleromyomics.plan.rows import question_study

    read, cell = question_study(
        study, release=release, question=question, assay=assay, tissue=tissue, expected=rows
    )
    samples = pool([schema.read(path) for path in matrices])
    write_results(
        table,
        {
            **fixed,
            "feature": samples.var["feature"].to_numpy(),
            "gene_symbol": samples.var["gene_symbol"].to_numpy(),
            "unit": samples.uns[schema.KEY]["scale"],
            **_answer(samples, read, cell),
        },
        rows=samples.n_vars,
    )


def _answer(samples: "AnnData", study: "Study", cell: "Cell") -> dict[str, object]:
    """The columns that differ between questions, or between features."""
    from scleromyomics.plan.cells import questions
    from scleromyomics.plan.changes import is_within, select_changes
    from scleromyomics.plan.contrasts import select

    held = dict.fromkeys(study.released.samples.keys() - set(samples.obs_names), "in no matrix")
    question = questions(study)[cell.question]
    if is_within(question):
        changes = select_changes(study, cell, held)
        before, after = (_merged(samples, [row[side] for row in changes.rows]) for side in (0, 1))
        return {
            "contrast": _change(question, changes.sides[0].sides),
            "formula": changes.design.formula,
            "method": f"{METHOD} of paired differences",
            **compare_changes(before, after, changes),
        }
    comparison = select(study, cell, held)
    own = samples[[sample for member in comparison.members for sample in member.samples]]
    return {
        "contrast": _contrast(own, comparison),
        "formula": comparison.design.formula,
        **compare(own.X, comparison),
    }


def _merged(samples: "AnnData", units: Sequence["Unit"]) -> NDArray[np.float64]:
    """The profile of each unit, its replicates averaged over those that measured the feature."""
    names = [(number, sample) for number, unit in enumerate(units) for sample in unit.samples]
    rows = samples.obs_names.get_indexer([sample for _, sample in names])
    labels = [f"{number:08d}" for number, _ in names]
    return schema.merge_rows(samples.X[rows], labels)[1]


def _change(question: "Question", sides: tuple[str, str]) -> str:
    """What minus what, in whom."""
    from scleromyomics.plan.cells import groups_of

    before, after = sides
    return " - ".join(f"({group}: {after} - {before})" for group in groups_of(question))


def _flags(
    Y: NDArray[np.float64], df: NDArray[np.float64], estimate: NDArray[np.float64]
) -> NDArray[np.str_]:
    """What to know about each feature: why it is not tested, or that values are missing."""
    measured = np.isfinite(Y)
    low = np.where(measured, Y, np.inf).min(axis=1)
    high = np.where(measured, Y, -np.inf).max(axis=1)
    return np.select(
        [~measured.any(axis=1), low == high, np.isnan(estimate), df <= 0, ~measured.all(axis=1)],
        ["not measured", "constant", "not estimable", "no residual degrees of freedom", MISSING],
        default="",
    )


def _contrast(samples: "AnnData", comparison: "Comparison") -> str:
    """What minus what: group, and the tissue where there are two."""
    first = {member.role: member.samples[0] for member in comparison.members}
    sides = [samples.obs.loc[first[role], ["group", "tissue"]].tolist() for role in ("case", "reference")]
    two_tissues = len({tissue for _, tissue in sides}) > 1
    return " - ".join(f"{group} {tissue}" if two_tissues else group for group, tissue in sides)


def _verdict(verdicts: Path, **cell: str) -> Mapping[str, str]:
    found = [row for row in read_tsv(verdicts) if all(row[name] == value for name, value in cell.items())]
    if len(found) != 1:
        raise InputError(
            f"{verdicts}: {len(found)} rows for {' '.join(cell.values())}; exactly one is allowed"
        )
    return found[0]


if __name__ == "__main__":
    entry_point(run)
