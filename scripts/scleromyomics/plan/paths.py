"""Where every result lies, relative to the study directory."""

from pathlib import Path

RESULTS = Path("results")


def sample_folder(assay: str, freeze: str, sample: str) -> Path:
    """Per-sample products of one assay, made against one freeze."""
    return RESULTS / "samples" / assay / freeze / sample


def frozen_folder(assay: str, freeze: str, platform: str) -> Path:
    """Models of one assay and platform, fitted once."""
    return RESULTS / "frozen" / assay / freeze / platform


def release_folder(release: str) -> Path:
    """Everything that belongs to one cumulative release."""
    return RESULTS / "releases" / release


def matrix(release: str, assay: str, tissue: str, timepoint: str) -> Path:
    """One assay in one tissue at one timepoint."""
    return release_folder(release) / "matrices" / assay / tissue / f"{timepoint}.h5ad"


def burden(release: str, tissue: str, timepoint: str) -> Path:
    """The gene burdens of one tissue at one timepoint, beside the genotypes."""
    return matrix(release, "variants", tissue, timepoint).with_suffix(".burden.h5ad")


def profiles(release: str, assay: str, tissue: str) -> Path:
    """Mean and spread of each group at each timepoint, in one assay and tissue."""
    return release_folder(release) / "describe" / assay / f"{tissue}.parquet"


def table(release: str, question: str, assay: str, tissue: str) -> Path:
    """The answer to one question in one assay and tissue."""
    return release_folder(release) / "compare" / question / assay / f"{tissue}.parquet"


def families(release: str) -> Path:
    """The false discovery rate over all tables."""
    return release_folder(release) / "compare" / "families.parquet"


def gene_sets(release: str) -> Path:
    """The gene sets that move in each table."""
    return release_folder(release) / "compare" / "gene_sets.parquet"


def genome_folder(freeze: str) -> Path:
    """The genome of a freeze of variants, and what is known of its positions."""
    return RESULTS / "frozen" / "variants" / freeze / "reference"


def variants_folder(release: str) -> Path:
    """Genotypes of a release: germline data of single people."""
    return release_folder(release) / "variants"
