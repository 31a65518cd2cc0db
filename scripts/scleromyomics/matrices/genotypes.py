"""Genotypes and gene burdens of one tissue and timepoint as two matrices (`core.matrix`).

Genotypes: samples by all sites of the release, copies of the alternate allele as each sample's own profile tells
them (`genotypes.lookup`): 0, 1 or 2; 0 or 1 where a person has one copy (X and Y in men outside the pseudoautosomal
parts, the mitochondrion), as `ploidy_female` and `ploidy_male` say. A site that no earlier wave had is marked
(`frozen` false); it changes no value at another site. Reads are those of the sample's call, or of its candidates
where they have the allele (in a few reads, too few for a call): below that, none are counted.

Burdens of genes, counted over the same genotypes: see `matrices.burdens`.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scleromyomics.core import matrix as schema
from scleromyomics.core.cli import InputError, entry_point
from scleromyomics.core.files import read_json, sha256, write_json
from scleromyomics.core.provenance import code_digest
from scleromyomics.core.tools import Tool, frozen_tool
from scleromyomics.core.versions import versions
from scleromyomics.genotypes.lookup import Genotypes, Intervals, Profile, genotypes
from scleromyomics.genotypes.panel import candidate_reads, with_candidates
from scleromyomics.genotypes.sites import COLUMNS, read_sites
from scleromyomics.matrices.burdens import Counted, coding_genes
from scleromyomics.matrices.tissue import described, reading
from scleromyomics.plan.vocabulary import Timepoint, Tissue
from scleromyomics.stats.calls import HIGHEST, allele_fraction, storable_reads
from scleromyomics.variants.loci import TEXT, Genome, Sites, find, same_genome

if TYPE_CHECKING:
    import pyarrow as pa
    from anndata import AnnData

    from scleromyomics.plan.rows import MatrixRow

TOLD = (
    *("feature", "gene_symbol", "gene_id", "contig", "pos", "ref", "alt"),
    *("consequence", "class", "frequency", "rare", "frozen"),
)
"""Columns of the table of sites that become annotation of the matrix, before those of the study's own annotations.
What a later wave changes (who carries an allele) is none of it."""

READING = (
    "X: copies of the alternate allele, 0 where nothing is stored (homozygous reference), NaN where not called; one"
    " at most where ploidy_female or ploidy_male is 1. GT: the same, -1 where not called. DP: reads. AD: with the"
    " allele. GQ: Phred. allele_fraction: AD / DP, NaN without reads"
)


@dataclass(frozen=True, eq=False)
class Table:
    """The sites of a release.

    Attributes:
        genome: of the release.
        sites: in the order of the file.
        columns: what the file says of each, by name of the column.
    """

    genome: Genome
    sites: Sites
    columns: Mapping[str, NDArray[Any]]

    @classmethod
    def load(cls, path: Path, genome: Genome) -> "Table":
        """Read what genotypes_sites wrote."""
        import pyarrow as pa

        try:
            sites, table = read_sites(path, genome)
        except pa.ArrowException as error:
            raise InputError(f"{path}: not a whole Parquet file ({str(error).splitlines()[0]})") from None
        return cls(genome, sites, {name: _column(table[name]) for name in table.column_names})

    @property
    def var(self) -> dict[str, Any]:
        """The features of the matrix, with what is known of them."""
        own = [name for name in self.columns if name not in COLUMNS]
        ploidy = {
            f"ploidy_{name}": self.genome.ploidy(self.sites, name[0].upper()) for name in ("female", "male")
        }
        return {name: _annotation(name, self.columns[name]) for name in (*TOLD, *own)} | ploidy


class Arrays:
    """`X` and the layers of a matrix of genotypes, put in sample by sample."""

    def __init__(self, samples: int, order: NDArray[np.intp]) -> None:
        """Make room for dense arrays, with the sites in this order; sparse ones grow."""
        from scipy.sparse import csr_matrix

        forms, features = schema.FORMS[schema.DOSAGE], order.size
        self._order = order
        self._dense = {
            name: np.empty((samples, features), dtype=one.dtype)
            for name, one in forms.items()
            if not one.sparse
        }
        self._sparse: dict[str, list[Any]] = {
            name: [csr_matrix((0, features), dtype=one.dtype)] for name, one in forms.items() if one.sparse
        }

    def put(self, row: int, found: Genotypes, depth: NDArray[np.int32], alternate: NDArray[np.int32]) -> None:
        """The next sample: its genotypes, and its reads (those with the allele are no more than all)."""
        from scipy.sparse import csr_matrix

        gt, quality = found.gt[self._order], found.gq[self._order]
        depth, alternate = depth[self._order], np.maximum(alternate[self._order], 0)
        depth = np.maximum(depth, alternate)
        stored = storable_reads(depth, alternate)
        values = {
            "GT": gt,
            "DP": stored[0],
            "GQ": np.where(gt < 0, 0, np.clip(quality, 0, HIGHEST)),
            "X": np.where(gt < 0, np.nan, gt).astype(np.float32),
            "AD": stored[1],
            "allele_fraction": allele_fraction(depth, alternate),
        }
        for name, array in self._dense.items():
            array[row] = values[name]
        for name, rows in self._sparse.items():
            rows.append(csr_matrix(values[name][None]))

    def all(self) -> dict[str, Any]:
        """The arrays by name."""
        from scipy.sparse import vstack

        return {**self._dense, **{name: vstack(rows, format="csr") for name, rows in self._sparse.items()}}


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """Where genotypes are looked up.

    Attributes:
        study: the study directory.
        table: the sites.
        targets: what each freeze and platform captures.
        bcftools: reads candidates.
    """

    study: Path
    table: Table
    targets: Mapping[tuple[str, str], Intervals]
    bcftools: Tool

    def look(self, row: "MatrixRow", counted: Counted) -> tuple[Genotypes, tuple[Any, Any], dict[str, Any]]:
        """One sample: genotypes, depth and alternate reads, and burdens."""
        path, genome, sites = self.study / row.profile, self.table.genome, self.table.sites
        with reading(path):
            own = _consequences(path, genome)
            profile = Profile.load(path, genome)
        captured = self.targets.get((row.freeze, row.platform))
        found = genotypes(profile, sites, genome.ploidy(sites, row.sex), captured)
        with tempfile.TemporaryDirectory() as folder:
            scratch = Path(folder) / "candidates.tsv"
            seen = candidate_reads(path.with_name("candidates.bcf"), genome, self.bcftools, scratch)
        reads = with_candidates(sites, found.dp, found.ad, seen)
        burdens = counted.burdens(found.gt, find(sites, profile.sites), *own)
        return found, reads, burdens


def assemble(
    rows: Sequence["MatrixRow"],
    source: Source,
    counted: Counted,
    *,
    measures: Mapping[str, schema.Kind],
    about: Mapping[str, object],
) -> tuple["AnnData", "AnnData"]:
    """The matrices of genotypes and of burdens.

    Args:
        rows: the samples, sorted.
        source: where their genotypes are looked up.
        counted: what counts for burdens.
        measures: the protocol's clinical measures with their kinds, in its order.
        about: what `uns` of both tells.
    """
    var = source.table.var
    order = np.argsort(var["feature"], kind="stable")
    arrays = Arrays(len(rows), order)
    features = counted.var
    shape = len(rows), len(features["feature"])
    layers = {name: np.empty(shape) for name in ("raw", "called", "new_sites")}
    for number, row in enumerate(rows):
        found, reads, burdens = source.look(row, counted)
        arrays.put(number, found, *reads)
        for name, values in burdens.items():
            layers[name][number] = values
    common: dict[str, Any] = {"rows": described(rows, measures), "kinds": {**schema.OBS, **measures}}
    values = arrays.all()
    dosage = schema.build(
        **common,
        var={name: values[order] for name, values in var.items()},
        X=values.pop("X"),
        layers=values,
        about={
            **about,
            "unit": "copies of the alternate allele",
            "scale": schema.DOSAGE,
            "reading": READING,
        },
    )
    told = {**about, "unit": "rare alleles", "scale": schema.BURDEN}
    return dosage, schema.build(**common, var=features, X=layers["raw"], layers=layers, about=told)


def run(
    *,
    study: Path,
    release: str,
    tissue: Tissue,
    timepoint: Timepoint,
    rows: str,
    sites: Path,
    genomes: list[Path],
    targets: list[Path],
    matrix: Path,
    burden: Path,
    receipt: Path,
    rarity: str = "",
    bcftools: str = "auto",
) -> None:
    """Write the two matrices of one tissue and timepoint of a release.

    Args:
        study: the study directory.
        release: the wave up to which samples count.
        tissue: the tissue.
        timepoint: the timepoint.
        rows: digest of the rows of the sheets that these matrices were planned with.
        sites: the sites of the release (Parquet).
        genomes: FASTA of each freeze; the genes lie beside the first.
        targets: what each platform captures, `<freeze>/<platform>/targets.bed`.
        matrix: where to write the genotypes (h5ad).
        burden: where to write the gene burdens (h5ad).
        receipt: where to write their checksums and counts (JSON).
        rarity: the annotation that tells what is rare; none where empty.
        bcftools: auto, embedded, or a path.
    """
    from scleromyomics.plan.rows import matrix_rows
    from scleromyomics.plan.study import load_study

    planned = matrix_rows(
        study, release=release, assay="variants", tissue=tissue, timepoint=timepoint, expected=rows
    )
    quality = {row.sample: read_json(study / row.quality) for row in planned}
    kept = sorted((row for row in planned if not quality[row.sample]["held"]), key=lambda row: row.sample)
    genome = same_genome(genomes)
    table = Table.load(sites, genome)
    counted = Counted.of(table.columns, coding_genes(genome.genes) if rarity and genome.genes else {})
    made_with = versions("anndata", "h5py", "numpy")
    made = assemble(
        kept,
        Source(
            study=study,
            table=table,
            targets={(path.parts[-3], path.parts[-2]): Intervals.load(path, genome) for path in targets},
            bcftools=frozen_tool("bcftools", bcftools, genomes[0].with_name("receipt.json")),
        ),
        counted,
        measures={name: one.type for name, one in load_study(study).protocol.measures.items()},
        about={
            "assay": "variants",
            "tissue": tissue,
            "timepoint": timepoint,
            "freeze": np.array(sorted({row.freeze for row in kept}), dtype=object),
            "rarity": rarity,
            "code": code_digest("scleromyomics.matrices.genotypes"),
            "versions": made_with,
        },
    )
    for one, target in zip(made, (matrix, burden), strict=True):
        schema.write(one, target)
    write_json(
        receipt,
        {
            "sha256": {"matrix": sha256(matrix), "burden": sha256(burden)},
            "size": {"matrix": matrix.stat().st_size, "burden": burden.stat().st_size},
            "n_samples": len(kept),
            "n_features": made[0].n_vars,
            "n_new_features": int((~table.columns["frozen"].astype(bool)).sum()),
            "n_genes": len(counted.genes),
            "held": {row.sample: quality[row.sample]["reasons"] for row in planned if row not in kept},
            "versions": made_with,
        },
    )


def _consequences(path: Path, genome: Genome) -> tuple[NDArray[Any], NDArray[Any]]:
    """Gene and most severe consequence of each record of a profile, in the order of `Profile.sites`."""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        contigs = stored["contigs"]
        number = genome.contig(contigs, str(path)) if contigs.size else np.empty(0, np.int16)
        sites = Sites.of(number[stored["contig"]], stored["pos"], stored["ref"], stored["alt"])
        order = sites.order()
        return stored["gene_id"][order].astype(TEXT), stored["consequence"][order].astype(TEXT)


def _column(column: "pa.ChunkedArray") -> NDArray[Any]:
    import pyarrow as pa

    values: NDArray[Any] = column.to_numpy()
    return values.astype(TEXT) if pa.types.is_string(column.type) else values


def _annotation(name: str, values: NDArray[Any]) -> Any:
    """A column of `var`: names and numbers as they are, texts that repeat as categories."""
    import pandas as pd

    if name == "feature":
        return values.astype(object)
    if values.dtype == bool:
        return pd.Categorical(np.where(values, "true", "false"))
    return pd.Categorical(values.astype(object)) if values.dtype == TEXT else values


if __name__ == "__main__":
    entry_point(run)
