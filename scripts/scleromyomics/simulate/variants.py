"""Raw files of exomes and whole genomes from the toy genome and everybody's germline: FASTQ, BAM, CRAM, gVCF, VCF.

References: the genome, its genes, the kit's targets, and what a population database and ClinVar know of its sites.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from scleromyomics.core.files import replacing
from scleromyomics.plan.cohort import Cohort, Sample
from scleromyomics.plan.protocol import Protocol
from scleromyomics.simulate import alignments, callset, fastq, genome, reads
from scleromyomics.simulate.alleles import Variant, located
from scleromyomics.simulate.coding import bases, text
from scleromyomics.simulate.genome import Genome
from scleromyomics.simulate.germline import Catalogue, Genotypes, Person, catalogue, germline
from scleromyomics.simulate.latent import stream
from scleromyomics.simulate.mosaics import Mosaic, mosaics

EXOME, WHOLE, CALLS = "ToyExome", "ToyGenome", "ToyVcf"
DEPTH = {EXOME: 100.0, WHOLE: 35.0, CALLS: 100.0}
"""Mean depth, copies counted, where the cohort's script has none."""
DEPTH_SD = 0.08
"""Spread of depth between samples, log scale."""
CONTAMINATION = 0.12
"""Part of a contaminated sample that is another participant's."""
CLINICAL = 12
"""Sites in the excerpt of ClinVar."""
SIGNIFICANCE = {
    "synonymous": "Benign",
    "missense": "Uncertain_significance",
    "frameshift": "Pathogenic",
    "stop_gained": "Pathogenic",
    "splice_donor": "Likely_pathogenic",
    "splice_acceptor": "Likely_pathogenic",
}
"""What ClinVar says of a consequence."""
CHROMOSOMES = 152_312
"""Chromosomes that the population database has looked at."""


@dataclass(frozen=True)
class Population:
    """Everything that the raw files of variants are drawn from.

    Attributes:
        known: the genome and the population's sites.
        people: all participants.
        script: what the cohort's script says of this assay: depth, mosaics, frame_pair.
        seed: of the study.
    """

    known: Catalogue
    people: Mapping[str, Person]
    script: Mapping[str, Any]
    seed: int

    @cached_property
    def kit(self) -> reads.Kit:
        """The exome kit."""
        return reads.capture(self.known.genome, seed=self.seed)

    def genotypes(self, participant: str) -> Genotypes:
        """Germline of a participant."""
        paired = participant in self.script.get("frame_pair", ())
        return germline(self.known, self.people[participant], frame_pair=paired)

    def mosaics(self, participant: str, tissue: str) -> list[Mosaic]:
        """Mosaic variants of a participant's tissue."""
        declared = self.script.get("mosaics", ())
        own = self.genotypes(participant)
        return mosaics(self.known, self.people[participant], own, tissue, declared)

    def haplotypes(self, participant: str) -> tuple[reads.Haplotype, reads.Haplotype]:
        """Both haplotypes of a participant."""
        own, sex = self.genotypes(participant), self.people[participant].sex
        return reads.haplotypes(self.known.genome, own, sex)


def population(
    genes: Sequence[Mapping[str, str]],
    cohort: Cohort,
    protocol: Protocol,
    script: Mapping[str, Any],
    *,
    seed: int,
) -> Population:
    """Draw the genome and its sites.

    Args:
        genes: rows of genes.tsv.
        cohort: whose participants are drawn when they are asked for.
        protocol: names their groups.
        script: what the cohort's script says of this assay.
        seed: of the study.
    """
    people = {
        one.participant: Person(one.participant, one.sex, protocol.populations[one.population].group)
        for one in cohort.participants.values()
    }
    known = catalogue(genome.genome(genes, seed=seed), seed=seed)
    return Population(known, people, script, seed)


def configuration() -> dict[str, Any]:
    """The assay as config.yaml names it."""
    folder = "references"
    return {
        "reference": {
            "fasta": f"{folder}/genome.fa",
            "gff3": f"{folder}/genes.gff3",
            "common": f"{folder}/common.vcf.gz",
            "annotations": {"gnomad": f"{folder}/gnomad.vcf.gz", "clinvar": f"{folder}/clinvar.vcf.gz"},
        },
        "platforms": {
            EXOME: {"targets": f"{folder}/targets.bed"},
            WHOLE: {},
            CALLS: {"targets": f"{folder}/targets.bed", "absent_is_reference": True},
        },
        "burden": {"rarity": "gnomad"},
    }


def write_references(folder: Path, known: Catalogue) -> None:
    """Write the genome, its genes, the targets, and three VCFs with their indexes."""
    of = known.genome
    genome.write_fasta(folder / "genome.fa", of)
    genome.write_gff3(folder / "genes.gff3", of)
    genome.write_targets(folder / "targets.bed", of)
    frequency = '##INFO=<ID=AF,Number=A,Type=Float,Description="Frequency of the allele">'
    count = '##INFO=<ID=AN,Number=1,Type=Integer,Description="Chromosomes looked at">'
    copies = '##INFO=<ID=AC,Number=A,Type=Integer,Description="Copies of the allele">'
    significance = '##INFO=<ID=CLNSIG,Number=.,Type=String,Description="Clinical significance">'
    gene = '##INFO=<ID=GENEINFO,Number=1,Type=String,Description="Gene symbol and number">'

    def counted(one: Variant) -> str:
        return f"AC={round(one.frequency * CHROMOSOMES)};AN={CHROMOSOMES};AF={one.frequency:.6g}"

    common = [
        one
        for one in known.sites
        if one.kind in ("common", "risk")
        and len(one.ref) == len(one.alt)
        and located(of, one.place)[0] not in ("chrX", "chrY", "chrM")
    ]
    _write_sites(folder / "common.vcf.gz", of, common, [frequency], lambda one: f"AF={one.frequency:.6g}")
    listed = [one for one in known.sites if one.listed]
    _write_sites(folder / "gnomad.vcf.gz", of, listed, [copies, count, frequency], counted)
    _write_sites(
        folder / "clinvar.vcf.gz",
        of,
        _clinical(known),
        [significance, gene],
        lambda one: f"CLNSIG={_significance(one)};GENEINFO={one.gene}:{of.gene(one.gene).gene_id[-6:]}",
    )


def _clinical(known: Catalogue) -> list[Variant]:
    """Sites that ClinVar knows: some of every consequence, and the risk allele."""
    rng = stream(known.seed, "clinvar")
    per_kind = defaultdict(list)
    for one in known.sites:
        if one.consequence in SIGNIFICANCE and one.kind in ("low", "rare"):
            per_kind[_significance(one)].append(one)
    found = [known.planted.risk]
    for kind in sorted(per_kind):
        some = rng.permutation(len(per_kind[kind]))[: CLINICAL // len(per_kind)]
        found += [per_kind[kind][one] for one in some]
    return sorted(found, key=lambda one: one.place)


def _significance(one: Variant) -> str:
    return "risk_factor" if one.kind == "risk" else SIGNIFICANCE[one.consequence]


def _write_sites(
    path: Path,
    of: Genome,
    sites: Iterable[Variant],
    declared: Sequence[str],
    information: Callable[[Variant], str],
) -> None:
    """Write a VCF of sites without samples, compressed with bgzip, and its index."""
    import pysam

    lines = ["##fileformat=VCFv4.2", *declared]
    lines += [f"##contig=<ID={contig},length={len(of.sequence(contig))}>" for contig in of.names]
    lines.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO")
    for one in sites:
        contig, position = located(of, one.place)
        lines.append(f"{contig}\t{position}\t.\t{one.ref}\t{one.alt}\t.\tPASS\t{information(one)}")
    with TemporaryDirectory() as scratch:
        plain = Path(scratch) / path.name.removesuffix(".gz")
        plain.write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")
        packed = Path(pysam.tabix_index(str(plain), preset="vcf", force=True))
        for suffix in ("", ".tbi"):
            with replacing(path.with_name(path.name + suffix)) as temporary:
                temporary.write_bytes(packed.with_name(packed.name + suffix).read_bytes())


def write_raw(
    directory: Path,
    samples: Sequence[Sample],
    days: Mapping[str, int],
    of: Population,
    *,
    contaminated: Mapping[str, str],
) -> None:
    """Write the raw files of all samples.

    Args:
        directory: of the study.
        samples: those of this assay.
        days: day of each sample's visit.
        of: genome and people.
        contaminated: by sample, the participant of whom a part of the material is.
    """
    shared: dict[Path, dict[str, callset.Called]] = defaultdict(dict)
    for sample in samples:
        found = _Library.of(sample, days[sample.sample], of, contaminated.get(sample.sample))
        paths = [directory / path for path in sample.paths]
        if sample.format == "vcf":
            shared[paths[0]][sample.column] = found.called(of)
        elif sample.format == "gvcf":
            callset.write_gvcf(paths[0], of.known.genome, found.called(of), _label(sample))
        else:
            found.write_reads(paths, sample, of)
    for path, columns in shared.items():
        rng = stream(of.seed, "vcf", path.name)
        callset.write_vcf(path, of.known.genome, columns, rng)


@dataclass(frozen=True)
class _Library:
    """What a sample was sequenced from."""

    haplotypes: tuple[reads.Haplotype, ...]
    molecules: reads.Molecules
    mosaics: list[tuple[Mosaic, float]]
    genotypes: Genotypes
    rng: np.random.Generator

    @classmethod
    def of(cls, sample: Sample, day: int, of: Population, other: str | None) -> "_Library":
        rng = stream(of.seed, "library", sample.sample)
        own, known = of.haplotypes(sample.participant), of.known.genome
        haplotypes: tuple[reads.Haplotype, ...] = own
        shares = [0.5, 0.5]
        if other:
            haplotypes += of.haplotypes(other)
            shares = [(1 - CONTAMINATION) / 2] * 2 + [CONTAMINATION / 2] * 2
        kit = None if sample.platform == WHOLE else of.kit
        depth = of.script.get("depth", DEPTH).get(sample.platform, DEPTH[sample.platform])
        pairs = round(reads.pairs_for(depth, kit, known) * np.exp(rng.normal(0, DEPTH_SD)))
        drawn = reads.molecules(haplotypes, shares, pairs, genome=known, kit=kit, rng=rng)
        grown = [(one, one.fraction(day)) for one in of.mosaics(sample.participant, sample.tissue)]
        return cls(haplotypes, drawn, grown, of.genotypes(sample.participant), rng)

    def called(self, of: Population) -> callset.Called:
        return callset.called(of.known.genome, self.genotypes, self.haplotypes, self.molecules)

    def write_reads(self, paths: Sequence[Path], sample: Sample, of: Population) -> None:
        true = reads.ends(self.haplotypes, self.molecules, self.mosaics, self.rng)
        mates = reads.sequenced(true, self.molecules, self.rng)
        names = fastq.names(len(self.molecules), self.rng)
        if sample.format == "fastq":
            index = text(bases("ACGT")[stream(of.seed, "index", sample.sample).integers(0, 4, 8)])
            fastq.write_fastq(paths, names, mates, index)
            return
        alignments.write_alignments(
            paths[0],
            sample.format,  # type: ignore[arg-type]
            genome=of.known.genome,
            of=self.haplotypes,
            library=self.molecules,
            mates=mates,
            named=names,
            label=_label(sample),
        )


def _label(sample: Sample) -> str:
    """The sequencing centre's own name of a sample."""
    return f"SC_{sample.participant[1:]}"
