"""Answers from genotypes: dosage and gene burden between groups, allele fractions within participants.

Germline genotypes do not change, so that groups are compared by them (tests `dosage`, every variant, and `burden`,
every gene and class of variants) and participants with themselves by the share of reads that carry an allele
(`allele_fraction`): clones that grow or shrink, mosaicism between tissues. Replicates are one call each, the one with
most support; of burdens that with most sites called; reads add up (`stats.calls`). A table has a block of rows per
test. Sites are worked on in blocks, so that genotypes are never dense all at once.

Reads of one sample are not independent draws: their overdispersion is estimated from all sites, as if no fraction
changed, and taken to be no smaller than the configuration says.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scleromyomics.compare import words
from scleromyomics.compare.abundance import pool
from scleromyomics.compare.genotype import (
    FEWEST,
    METHOD_EXACT,
    METHOD_FIRTH,
    METHOD_FRACTION,
    UNIT,
    UNIT_FRACTION,
    compare_allele_fractions,
    compare_genotypes,
    exact,
    with_both_alleles,
)
from scleromyomics.compare.tested import Columns
from scleromyomics.core import matrix as schema
from scleromyomics.stats.allele_fraction import overdispersion
from scleromyomics.stats.calls import merge_burdens, merge_calls
from scleromyomics.stats.multiplicity import benjamini_hochberg

if TYPE_CHECKING:
    from anndata import AnnData

    from scleromyomics.plan.cells import Cell
    from scleromyomics.plan.changes import Changes
    from scleromyomics.plan.contrasts import Comparison, Unit
    from scleromyomics.plan.study import Study

BLOCK = 2**22  # numbers worked on at a time (32 MB)
SITES_FOR_RHO = (
    20_000  # sites, evenly spread, that tell the overdispersion: its standard error is then below 1 %
)

Rows = Sequence[NDArray[np.intp]]  # of the samples of each unit


def answer(matrices: Sequence[Path], study: "Study", cell: "Cell") -> dict[str, Any]:
    """The columns of a result table that differ between questions, tests or features.

    Args:
        matrices: the matrices concerned (h5ad), of genotypes and of gene burdens.
        study: the study; its release's samples count.
        cell: what is asked; no association.
    """
    from scleromyomics.plan.cells import questions
    from scleromyomics.plan.changes import is_within, select_changes
    from scleromyomics.plan.contrasts import select

    question = questions(study)[cell.question]
    within = is_within(question)
    scales = {path: schema.read_about(path)["scale"] for path in matrices}

    def pooled(scale: str, layers: Sequence[str]) -> "AnnData":
        return pool([schema.read(path, layers=layers) for path in matrices if scales[path] == scale])

    genotypes = pooled(schema.DOSAGE, ("AD", "DP") if within else ("GQ",))
    held = dict.fromkeys(study.released.samples.keys() - set(genotypes.obs_names), "in no matrix")
    if within:
        changes = select_changes(study, cell, held)
        rho, columns = _fractions(genotypes, changes, least=study.config.variants.mosaic.overdispersion)
        return {
            **_named(genotypes, "allele_fraction", columns),
            "contrast": words.change(question, changes),
            "formula": changes.design.formula,
            "unit": UNIT_FRACTION,
            "method": f"{METHOD_FRACTION}, overdispersion {rho:.2g}",
        }
    comparison = select(study, cell, held)
    blocks = [_named(genotypes, "dosage", _dosages(genotypes, comparison))]
    if schema.BURDEN in scales.values():
        burdens = pooled(schema.BURDEN, ("called",))
        blocks.append(_named(burdens, "burden", _burdens(burdens, comparison)))
    return {
        **{name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]},
        "contrast": words.groups(study, cell, question),
        "formula": comparison.design.formula,
        "unit": UNIT,
        "method": METHOD_EXACT if exact(comparison) else METHOD_FIRTH,
    }


def _named(matrix: "AnnData", test: str, columns: Columns) -> Columns:
    """The block of a test, with q-values of its own."""
    return {
        **columns,
        "q_value": benjamini_hochberg(columns["p_value"]),
        "feature": matrix.var_names.to_numpy(dtype=object),
        "gene_symbol": matrix.var["gene_symbol"].to_numpy(dtype=object),
        "test": np.full(matrix.n_vars, test),
    }


def _dosages(matrix: "AnnData", comparison: "Comparison") -> Columns:
    rows = _rows(matrix, comparison.members)
    own = np.concatenate(rows)
    quality = matrix.layers["GQ"]
    stored = matrix.X[own].tocsc()

    def compared(sites: slice) -> Columns:
        dosage = stored[:, sites].toarray().astype(np.float64)
        merged, start = np.empty((len(rows), dosage.shape[1])), 0
        for number, samples in enumerate(rows):
            mine = dosage[start : start + len(samples)]
            start += len(samples)
            merged[number] = (
                mine[0] if len(mine) == 1 else merge_calls(mine, quality[samples, sites].astype(float))[0]
            )
        return compare_genotypes(merged, np.isfinite(dosage).sum(axis=0), comparison)

    return _by_block(compared, matrix.n_vars, len(own))


def _burdens(matrix: "AnnData", comparison: "Comparison") -> Columns:
    rows = _rows(matrix, comparison.members)
    called = matrix.layers["called"]
    merged = np.array([merge_burdens(matrix.X[samples], called[samples]) for samples in rows])
    seen = np.isfinite(matrix.X[np.concatenate(rows)]).sum(axis=0)
    return _by_block(
        lambda genes: compare_genotypes(merged[:, genes], seen[genes], comparison), matrix.n_vars, len(rows)
    )


def _fractions(matrix: "AnnData", changes: "Changes", *, least: float) -> tuple[float, Columns]:
    """The overdispersion, and the columns."""
    sides = [_rows(matrix, [pair[side] for pair in changes.rows]) for side in (0, 1)]
    samples = np.unique(np.concatenate([rows for side in sides for rows in side]))
    places = [[np.searchsorted(samples, rows) for rows in side] for side in sides]
    stored, depth = matrix.layers["AD"][samples].tocsc(), matrix.layers["DP"][samples]

    def reads(sites: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Alternate reads and depths, (before, after) x rows x sites, replicates added up."""
        both = stored[:, sites].toarray(), depth[:, sites]
        alternate, every = (
            np.array([[values[rows].sum(axis=0, dtype=np.float64) for rows in side] for side in places])
            for values in both
        )
        return alternate, every

    numbers = 2 * len(changes.rows)
    both = [with_both_alleles(*reads(sites), changes) for sites in _blocks(matrix.n_vars, numbers)]
    telling = np.flatnonzero(np.concatenate(both) >= FEWEST)
    rho = least
    if telling.size:
        chosen = telling[:: -(-telling.size // SITES_FOR_RHO)]
        rho = max(least, overdispersion(*(values.transpose(0, 2, 1) for values in reads(chosen))))
    return rho, _by_block(
        lambda sites: compare_allele_fractions(*reads(sites), changes, rho=rho), matrix.n_vars, numbers
    )


def _rows(matrix: "AnnData", units: "Sequence[Unit]") -> Rows:
    """Where the samples of each unit stand."""
    return [matrix.obs_names.get_indexer(list(unit.samples)) for unit in units]


def _blocks(features: int, numbers: int) -> Iterator[slice]:
    """Parts of the features, with `numbers` numbers for each feature; one at least."""
    step = max(1, BLOCK // max(1, numbers))
    yield from (slice(start, start + step) for start in range(0, max(features, 1), step))


def _by_block(compared: Any, features: int, numbers: int) -> Columns:
    parts = [compared(sites) for sites in _blocks(features, numbers)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
