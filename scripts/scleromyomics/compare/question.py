"""Answer one question in one assay and tissue, feature by feature.

What is compared is what the verdict was given for; how, depends on what the assay measures: abundances
(`compare.abundance`), or genotypes and allele fractions (`compare.variants`). A table may hold several tests and
contrasts; q-values are Benjamini and Hochberg's within each. A feature that cannot be tested keeps its row, with the
reason in its flag.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scleromyomics.core.cli import entry_point
from scleromyomics.core.results import COLUMNS, write_results
from scleromyomics.plan.vocabulary import Assay, Tissue

if TYPE_CHECKING:
    from scleromyomics.plan.cells import Cell
    from scleromyomics.plan.study import Study


def run(
    *,
    study: Path,
    release: str,
    question: str,
    assay: Assay,
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
        matrices: the matrices concerned (h5ad): of each tissue at the question's timepoint, or at all of them; of
            genotypes between participants, the gene burdens beside them as well.
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
    if assay == "variants":
        from scleromyomics.compare.variants import answer
    else:
        from scleromyomics.compare.abundance import answer
    columns = answer(matrices, read, cell)
    write_results(table, {**fixed, **columns}, rows=len(columns["feature"]))


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
