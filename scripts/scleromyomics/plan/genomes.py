"""What the rules of variants ask of a study: references, each sample's way in, and whose genotypes are pooled."""

from collections import Counter
from functools import cached_property

from scleromyomics.plan import paths
from scleromyomics.plan.cohort import Sample
from scleromyomics.plan.config.variants import VariantsPlatform
from scleromyomics.plan.rows import Rows

READS = {"fastq", "bam", "cram"}
"""Formats that are aligned here; the others come with genotypes."""


class Genomes:
    """The references and samples of one release."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._release = rows.study.release
        self._settings = rows.study.config.variants
        self._reference = self._settings.reference

    # --- references

    def file(self, role: str) -> list[str]:
        """The file of a role (fasta, gff3, common), if the configuration names one."""
        named = getattr(self._reference, role)
        return [named] if named else []

    @property
    def annotations(self) -> list[str]:
        """Files to annotate variants with."""
        return list(self._reference.annotations.values())

    @property
    def named_annotations(self) -> list[str]:
        """The same as `name=file`."""
        return [f"{name}={file}" for name, file in self._reference.annotations.items()]

    @property
    def digests(self) -> list[str]:
        """`file=SHA-256` of the references that are to be checked."""
        return [f"{file}={digest}" for file, digest in self._reference.sha256.items()]

    @property
    def filters(self) -> list[str]:
        """`name=expression` of each filter of candidate artefacts."""
        return [f"{name}={expression}" for name, expression in self._settings.calling.filters.items()]

    def genome(self, freeze: str, name: str) -> str:
        """The file `name` of the genome of a freeze."""
        return str(paths.genome_folder(freeze) / name)

    def common(self, freeze: str) -> list[str]:
        """Sites with common alleles, if the configuration names any."""
        return [self.genome(freeze, "common.bcf")] if self._reference.common else []

    def platform(self, name: str) -> VariantsPlatform:
        """The settings of a platform."""
        return self._settings.platforms[name]

    def bed(self, platform: str) -> list[str]:
        """The BED of what a platform captures; empty for whole genomes."""
        targets = self.platform(platform).targets
        return [targets] if targets else []

    def targets(self, sample: str, name: str) -> str:
        """The file `name` of the targets of a sample's platform."""
        one = self._sample(sample)
        return str(paths.frozen_folder("variants", self._rows.placement.freeze[sample], one.platform) / name)

    # --- samples

    def aligned(self, sample: str, name: str) -> list[str]:
        """The file `name` of a sample's alignment; empty for samples that come with genotypes."""
        return [self._product(sample, name)] if self._sample(sample).format in READS else []

    def source(self, sample: str) -> list[str]:
        """What variants are called from: the alignment, or the file with genotypes."""
        return self.aligned(sample, "aligned.cram") or list(self._sample(sample).paths)

    # --- what is pooled

    @cached_property
    def samples(self) -> list[str]:
        """All processed samples of the release."""
        return [row.sample for row in self._rows.release(assay="variants")]

    @cached_property
    def freezes(self) -> list[str]:
        """The freezes of these samples."""
        return sorted({self._rows.placement.freeze[sample] for sample in self.samples})

    def products(self, name: str) -> list[str]:
        """The file `name` of every sample."""
        return [self._product(sample, name) for sample in self.samples]

    @cached_property
    def genomes(self) -> list[str]:
        """The genome of each of their freezes."""
        return [self.genome(freeze, "genome.fa") for freeze in self.freezes]

    @cached_property
    def all_targets(self) -> list[str]:
        """The targets of all their platforms."""
        return sorted({self.targets(sample, "targets.bed") for sample in self.samples})

    @cached_property
    def models(self) -> list[str]:
        """Frozen models behind the samples."""
        return sorted({self.targets(sample, "model.npz") for sample in self.samples})

    @cached_property
    def model_receipts(self) -> list[str]:
        """The receipts of these models."""
        return sorted({self.targets(sample, "model.receipt.json") for sample in self.samples})

    @cached_property
    def repeated(self) -> list[str]:
        """Participants with several samples."""
        counts = Counter(self._sample(sample).participant for sample in self.samples)
        return sorted(name for name, count in counts.items() if count > 1)

    def own(self, participant: str) -> list[str]:
        """The samples of a participant."""
        return [sample for sample in self.samples if self._sample(sample).participant == participant]

    def own_products(self, participant: str, name: str) -> list[str]:
        """The file `name` of every sample of a participant."""
        return [self._product(sample, name) for sample in self.own(participant)]

    def own_aligned(self, participant: str, name: str) -> list[str]:
        """The file `name` of the alignments of a participant."""
        return [path for sample in self.own(participant) for path in self.aligned(sample, name)]

    def own_genome(self, participant: str) -> str:
        """The genome of a participant's first sample; all freezes of a release have the same sequences."""
        return self.genome(self._rows.placement.freeze[self.own(participant)[0]], "genome.fa")

    @cached_property
    def tables(self) -> list[str]:
        """The comparisons of samples, one table per participant with several."""
        folder = paths.variants_folder(self._release) / "within"
        return [str(folder / f"{participant}.parquet") for participant in self.repeated]

    @cached_property
    def counts(self) -> list[str]:
        """The reads behind these tables."""
        return [table.replace(".parquet", ".counts.parquet") for table in self.tables]

    @cached_property
    def panels(self) -> list[str]:
        """The tables that name the control samples of the frozen models."""
        return sorted({self.targets(sample, "samples.tsv") for sample in self.samples})

    @cached_property
    def alignments(self) -> list[str]:
        """The alignments of all samples that have one."""
        return [path for sample in self.samples for path in self.aligned(sample, "aligned.cram")]

    @cached_property
    def results(self) -> list[str]:
        """What the release holds of variants besides matrices and answers."""
        folder = paths.variants_folder(self._release)
        names = ("sites.parquet", "genotypes.bcf", "germline.h5ad", "discordant.tsv", "mosaic.tsv")
        return [str(folder / name) for name in names] if self.samples else []

    def _sample(self, name: str) -> Sample:
        return self._rows.study.cohort.samples[name]

    def _product(self, sample: str, name: str) -> str:
        folder = paths.sample_folder("variants", self._rows.placement.freeze[sample], sample)
        return str(folder / name)
