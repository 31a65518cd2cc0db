"""Chips: where their definitions and annotations are, and when an array is held back."""

from typing import Annotated

from pydantic import Field

from scleromyomics.plan.block import Block

Limit = Annotated[float, Field(gt=0)]


class Platform(Block):
    """One chip type or expression-table platform, under the name that samples.tsv gives it."""

    definition: list[str] = []
    """Chip definition files: one CDF, or PGF, CLF and MPS; none for expression tables."""
    annotation: str | None = None
    """Table (TSV) with the columns feature, gene_symbol, gene_id; absent: features stay without genes."""
    sha256: dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = {}
    """SHA-256 of these files by path, where they are to be checked."""


class MicroarrayQuality(Block):
    """Beyond which an array is held back, and left out of the frozen model."""

    rle_median_max: Limit = 0.2
    """Size of the median relative log2 expression, log2: normalised arrays centre on 0, and 0.2 (15 %) over
    half of all features is no biology."""
    rle_iqr_max: Limit = 1.0
    """Interquartile range of the relative log2 expression, log2: 1 means that half of all features are off by
    more than about 1.4-fold; patients of one tissue stay near 0.5."""
    nuse_max: Limit = 1.25
    """Normalised unscaled standard error, times the freeze's: 1.25 is where arrays measured alone against
    frozen errors are called poor (McCall et al. 2011, doi:10.1186/1471-2105-12-137)."""
    scale_max: Limit = 1.585
    """Size of the log2 ratio of the mean raw intensity to the freeze's: the vendor's rule that arrays
    compared with each other have scale factors within 3-fold."""
    background_max: Limit = 1.585
    """Size of the log2 ratio of the background to the freeze's: 3-fold, as for the scale; beyond, washing
    or the scanner differed."""
    degradation_max: Limit = 1.0
    """Rise of log2 raw intensity from the 5' to the 3' end above the freeze's, log2: 1 means that the 3' end
    is twice as bright, against the 5' end, as it is in the freeze."""
    sex_margin: Limit = 1.0
    """Distance of XIST minus Y genes from the frozen cut at which sex is called, log2: three times the spread
    within a sex (about 0.3); the sexes are 4 or more apart."""


class MicroarrayConfig(Block):
    """RNA chips."""

    platforms: dict[str, Platform] = {}
    """Chips and tables of the study, by the name in the platform column of samples.tsv."""
    quality: MicroarrayQuality = MicroarrayQuality()
