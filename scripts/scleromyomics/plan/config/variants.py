"""Exome and whole genome: reference, targets, how variants are called, and when a sample is held back."""

from typing import Annotated

from pydantic import Field, PositiveInt

from scleromyomics.plan.block import Block

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]


class Reference(Block):
    """The genome that reads are aligned to, and what is known of its positions; all files lie on this machine."""

    fasta: str | None = None
    """FASTA of the genome, plain, gzip or bgzip."""
    gff3: str | None = None
    """Genes (GFF3 in Ensembl's form, as bcftools csq reads it); absent: no consequences, no burden."""
    common: str | None = None
    """Sites with common alleles (VCF with INFO/AF), for contamination; absent: it is not estimated."""
    annotations: dict[Name, str] = {}
    """VCFs to annotate variants with (gnomAD, ClinVar, ...), each under its name."""
    fields: list[Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*:\w+$")]] = []
    """INFO fields of them to show beside each variant, as name:FIELD (clinvar:CLNSIG)."""
    sha256: dict[str, Digest] = {}
    """SHA-256 of these files by path, where they are to be checked."""
    x: str = "chrX"
    """The contig of the X chromosome; one that the genome does not have is not looked at."""
    y: str = "chrY"
    """The contig of the Y chromosome."""
    mitochondrion: str = "chrM"
    """The contig of the mitochondrial genome, called with one copy."""
    pseudoautosomal: list[Annotated[str, Field(pattern=r"^[^:\s]+:\d+-\d+$")]] = []
    """Parts of X and Y (contig:first-last, from 1) that men have two copies of."""


class VariantsPlatform(Block):
    """One capture kit, or whole genomes, under the name that samples.tsv gives it."""

    targets: str | None = None
    """BED of what the kit captures; absent: the whole genome."""
    absent_is_reference: bool = False
    """VCFs that are no gVCFs: whether a target position without a record is homozygous reference. Such a VCF does
    not tell it from one that was not covered, so without this word its sample is held back."""


class Trimming(Block):
    """What is cut from reads before alignment (measured in any case)."""

    adapters: list[Annotated[str, Field(pattern=r"^[ACGTN]+$")]] = []
    """Adapters to cut from the 3' ends of both mates; none: reads stay as they are (BWA-MEM clips)."""
    quality: Annotated[int, Field(ge=0, le=40)] = 0
    """Phred quality below which 3' ends are cut."""


class Calling(Block):
    """How variants are called in each sample alone."""

    minimum_mapping_quality: Annotated[int, Field(ge=0)] = 20
    """Reads below it are not counted: with 20, one in a hundred is placed wrongly."""
    minimum_base_quality: Annotated[int, Field(ge=0)] = 13
    """Bases below it are not counted: with 13, one in twenty is read wrongly."""
    maximum_depth: PositiveInt = 2000
    """Reads looked at per position; more are left out."""
    gvcf_depths: Annotated[list[PositiveInt], Field(min_length=1)] = [1, 5, 10, 20, 30]
    """Depths at which blocks without variants are divided."""
    region_bases: PositiveInt = 20_000_000
    """A genome is called in parts of at most this many bases, side by side on the cores of a job."""
    minimum_quality: Positive = 3
    """QUAL, Phred, of a variant that passes: at 3 it is as likely as none. Higher limits lose variants at a depth of
    30 (SNP F1 0.997 with 20, 0.999 with 3, on simulated reads of real sequence); the filters tell artefacts."""
    filters: dict[Name, str] = {
        "low_depth": "FMT/DP < 5",
        "low_genotype_quality": "FMT/GQ < 5",
        "reference_quality": "N_ALT=0 & FMT/GQ < 20",
        "strand_bias": "FMT/SP > 60",
        "allele_balance": 'GT="het" & FMT/AD[0:1] < 0.2 * FMT/DP',
        "indel_support": "INDEL=1 & IMF < 0.1",
    }
    """Candidate artefacts: bcftools expressions under the name that FILTER shows. A variant that one applies to
    stays in the sample's file and is not called in matrices."""


class VariantsQuality(Block):
    """Beyond which a sample is held back."""

    mapped_min: Fraction = 0.9
    """Part of the reads that align: below, another genome or much contamination."""
    duplicates_max: Fraction = 0.5
    """Part of the reads that are copies: beyond, the library held too few molecules."""
    proper_pairs_min: Fraction = 0.5
    """Part of the reads whose mate lies where it should: below, mates of different files were put together."""
    coverage_min: Positive = 10
    """Mean depth over targets: at 10, one in a hundred heterozygous sites shows one allele by chance."""
    covered_10x_min: Fraction = 0.7
    """Part of the targets with a depth of 10 or more."""
    contamination_max: Fraction = 0.03
    """Part of another person's DNA: beyond 3 %, genotypes at low depth become wrong."""
    titv_min: Annotated[float, Field(ge=0)] = 1.2
    """Transitions per transversion of SNVs that pass: genomes have 2.0 to 2.1, exomes near 3, errors 0.5."""
    het_hom_max: Positive = 4.0
    """Heterozygous per homozygous variant: people have 1 to 2; a mixture of two has more."""
    variants_min: PositiveInt = 100
    """Fewest variants on which the last two rules are judged: fewer tell nothing."""
    autosome_ratio_female_x: Fraction = 0.75
    """X depth over that of autosomes from which a sample counts as having two X."""
    autosome_ratio_male_y: Fraction = 0.15
    """Y depth over that of autosomes from which a sample counts as having a Y."""


class Burden(Block):
    """Which variants count in a gene."""

    rarity: Name | None = None
    """The annotation whose frequency says what is rare; absent: no burden. Never the cohort itself."""
    field: str = "AF"
    """The INFO field with the frequency; a site that the annotation does not have counts as absent from it."""
    maximum: Fraction = 0.001
    """Highest frequency of a rare allele."""


class Mosaic(Block):
    """Differences of allele fractions within a participant, and candidates for mosaic variants."""

    minimum_depth: PositiveInt = 20
    """Reads that a position needs in both samples."""
    minimum_alternate: PositiveInt = 3
    """Reads with the allele that make a position a candidate in a sample."""
    minimum_fraction: Fraction = 0.02
    """Allele fraction that makes it one: sequencing errors of one allele stay near 0.001."""
    maximum_fraction: Fraction = 0.35
    """Allele fraction above which a variant is taken for germline."""
    overdispersion: Annotated[float, Field(ge=0, lt=1)] = 0.002
    """Correlation of the reads of a sample at one position beyond chance (rho of the beta-binomial)."""
    false_discovery_rate: Fraction = 0.01
    """Level of the test against the error rate in controls, over all candidates of a participant."""


class VariantsConfig(Block):
    """Exomes and whole genomes."""

    reference: Reference = Reference()
    platforms: dict[str, VariantsPlatform] = {}
    """Capture kits and genomes of the study, by the name in the platform column of samples.tsv."""
    trimming: Trimming = Trimming()
    calling: Calling = Calling()
    quality: VariantsQuality = VariantsQuality()
    burden: Burden = Burden()
    mosaic: Mosaic = Mosaic()
