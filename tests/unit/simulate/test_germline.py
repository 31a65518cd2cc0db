from dataclasses import replace

import numpy as np
import pysam
import pytest

from scleromyomics.core.tools import find_tool, pipe
from scleromyomics.simulate.alleles import left_aligned, located, name
from scleromyomics.simulate.coding import TRANSITION, text
from scleromyomics.simulate.genome import PARALOGUE, PSEUDOGENE, write_fasta, write_gff3
from scleromyomics.simulate.germline import SEVERE, Catalogue, Person, germline
from scleromyomics.simulate.mosaics import mosaics
from scleromyomics.simulate.planted import FRAME_GENE, LOSS_GENE, MISSENSE_GENE, RISK_GENE

WOMAN = Person("P401", "F", "ssc")
MAN = Person("P403", "M", "ssc")
DECLARED = [
    {"tissue": "pbmc", "participants": ["P401"], "number": 3, "grow": True},
    {"tissue": "muscle", "participants": ["P401", "P403"], "number": 2},
]


def alleles(own):
    return {(one.place, one.ref, one.alt): tuple(own.copies[:, at]) for at, one in enumerate(own.variants)}


def test_sites_are_those_of_the_reference_left_aligned_and_apart(known):
    reference = known.genome
    ends = 0
    for one in known.sites:
        assert text(reference.bases[one.place : one.place + len(one.ref)]) == one.ref
        assert one.ref[0] == one.alt[0] or len(one.ref) == len(one.alt) == 1
        assert left_aligned(reference, one.place, one.ref, one.alt) == (one.place, one.ref, one.alt)
        assert one.place > ends
        ends = one.place + len(one.ref)


def test_there_are_as_many_sites_of_each_kind_as_declared(known):
    common = [one for one in known.sites if one.kind == "common"]
    assert len(common) == pytest.approx(len(known.genome) / 600, rel=0.1)
    snvs = [one for one in known.sites if len(one.ref) == len(one.alt)]
    assert 1 - len(snvs) / len(known.sites) == pytest.approx(0.12, abs=0.015)
    transitions = sum(TRANSITION[ord(one.ref)] == ord(one.alt) for one in snvs)
    assert transitions / (len(snvs) - transitions) == pytest.approx(2, abs=0.2)
    assert max(abs(len(one.ref) - len(one.alt)) for one in known.sites) == 8
    frequencies = np.array([one.frequency for one in common])
    assert np.median(frequencies) < 0.3
    assert frequencies.min() >= 0.05
    assert frequencies.max() <= 0.95
    rare = [one for one in known.sites if one.kind == "rare"]
    assert all(one.frequency < 0.001 for one in rare)
    assert np.mean([one.listed for one in rare]) == pytest.approx(0.5, abs=0.03)
    assert all(one.listed for one in known.sites if one.kind != "rare")


def test_common_variants_end_no_protein_and_planted_genes_hold_planted_ones_alone(known):
    assert not [one for one in known.sites if one.kind in ("common", "low") and one.consequence in SEVERE]
    planted = {RISK_GENE, LOSS_GENE, MISSENSE_GENE, FRAME_GENE}
    inside = [one for one in known.sites if one.gene in planted and one.consequence != "intron"]
    assert inside == [known.planted.risk]


def test_genotypes_are_in_hardy_weinberg_proportions(known):
    people = [germline(known, Person(f"H{number}", "F", "im_control")) for number in range(400)]
    place = {one.place: at for at, one in enumerate(known.sites)}
    dosage = np.zeros((len(people), len(known.sites)), int)
    for row, own in zip(dosage, people, strict=True):
        row[[place[one.place] for one in own.variants]] = own.copies.sum(axis=0)
    autosomal = known.places < known.genome.starts[known.genome.names.index("chrX")]
    chosen = autosomal & np.array([one.kind == "common" for one in known.sites])
    frequency = known.frequency("im_control")[chosen]
    n = len(people)
    observed = dosage[:, chosen].mean(axis=0) / 2
    z = (observed - frequency) / np.sqrt(frequency * (1 - frequency) / (2 * n))
    assert z.std() == pytest.approx(1, abs=0.1)
    assert abs(z.mean()) < 0.2
    expected = 2 * frequency * (1 - frequency)
    heterozygous = (dosage[:, chosen] == 1).mean(axis=0)
    z = (heterozygous - expected) / np.sqrt(expected * (1 - expected) / n)
    assert z.std() == pytest.approx(1, abs=0.1)
    assert abs(z.mean()) < 0.2


def test_a_participant_is_the_same_whoever_else_there_is_and_another_is_another(known):
    own = germline(known, WOMAN)
    germline(known, MAN)
    again = germline(known, WOMAN)
    assert own.variants == again.variants
    np.testing.assert_array_equal(own.copies, again.copies)
    fewer = Catalogue(known.genome, known.sites, known.planted, seed=2)
    for other in (germline(known, replace(WOMAN, participant="P402")), germline(fewer, WOMAN)):
        shared = alleles(own).items() & alleles(other).items()
        assert len(shared) < 0.8 * len(own.variants)


def test_men_have_one_x_and_one_y_and_the_mitochondrion_is_one(known):
    contig = dict(enumerate(known.genome.names))
    for person in (WOMAN, MAN):
        own = germline(known, person)
        where = [contig[one] for one in known.genome.contig_at(np.array([one.place for one in own.variants]))]
        copies = {name: own.copies[:, [one == name for one in where]] for name in set(where)}
        np.testing.assert_array_equal(copies["chrM"][0], copies["chrM"][1])
        assert (copies["chr1"].sum(axis=0) == 2).any()
        if person is MAN:
            assert not copies["chrX"][1].any()
            assert not copies["chrY"][0].any()
        else:
            assert copies["chrX"][1].any()
            assert "chrY" not in copies


def test_the_risk_allele_is_common_in_ssc_alone(known):
    def frequency(group):
        people = [germline(known, Person(f"R{number}", "F", group)) for number in range(100)]
        return np.mean([sum(alleles(own).get(key, (0, 0))) for own in people]) / 2

    key = (known.planted.risk.place, known.planted.risk.ref, known.planted.risk.alt)
    assert frequency("ssc") == pytest.approx(0.85, abs=0.08)
    for group in ("ssc_control", "im", "im_control"):
        assert frequency(group) == pytest.approx(0.1, abs=0.08)


@pytest.mark.parametrize(
    ("group", "gene"),
    [("ssc", LOSS_GENE), ("im", MISSENSE_GENE), ("ssc_control", None), ("im_control", None)],
)
def test_most_of_a_group_carry_a_private_variant_of_its_gene_and_nobody_else_does(known, group, gene):
    people = [germline(known, Person(f"L{number}", "F", group)) for number in range(60)]
    private = [[one for one in own.variants if not one.frequency] for own in people]
    assert all(one.gene == gene and not one.listed for own in private for one in own)
    if gene:
        carriers = [own for own in private if own]
        assert 0.7 < len(carriers) / len(people) < 0.97
        assert len({one.place for own in carriers for one in own}) > 0.6 * len(carriers)
        found = {one.consequence for own in carriers for one in own}
        assert found <= (set(SEVERE) if gene == LOSS_GENE else {"missense"})
        assert len(found) > 1 or gene == MISSENSE_GENE


def test_two_frameshifts_keep_the_frame_together(known, tmp_path):
    """As bcftools csq sees them on one haplotype, and alone."""
    reference, pair = known.genome, known.planted.frame_pair
    write_fasta(tmp_path / "genome.fa", reference)
    write_gff3(tmp_path / "genes.gff3", reference)
    head = ["##fileformat=VCFv4.2", '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">']
    head += [f"##contig=<ID={contig},length=200000>" for contig in reference.names]
    head.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tboth")
    files = ["-f", tmp_path / "genome.fa", "-g", tmp_path / "genes.gff3"]

    def effects(variants):
        lines = [
            "\t".join([*map(str, located(reference, one.place)), ".", one.ref, one.alt]) for one in variants
        ]
        body = [f"{line}\t.\t.\t.\tGT\t0|1" for line in lines]
        (tmp_path / "in.vcf").write_text("\n".join([*head, *body]) + "\n")
        bcftools = find_tool("bcftools", "embedded")
        out = tmp_path / "out.vcf"
        pipe(bcftools("csq", "--force", "-Ov", "-o", out, *files, tmp_path / "in.vcf"), what="pair")
        records = [record.info["BCSQ"] for record in pysam.VariantFile(str(out))]
        return {effect for entries in records for one in entries for effect in one.split("|")[0].split("&")}

    assert all("frameshift" in effects([one]) for one in pair)
    assert "frameshift" not in effects(pair)
    assert "inframe_altering" in effects(pair)
    own = germline(known, WOMAN, frame_pair=True)
    carried = [alleles(own)[one.place, one.ref, one.alt] for one in pair]
    assert carried[0] == carried[1]
    assert sum(carried[0]) == 1


def test_mosaic_variants_are_exonic_unique_and_no_germline_variants(known):
    reference, own = known.genome, germline(known, WOMAN)
    found = mosaics(known, WOMAN, own, "pbmc", DECLARED)
    assert len(found) == 3
    paralogues = {PARALOGUE, PSEUDOGENE}
    for one in found:
        assert len(one.variant.ref) == len(one.variant.alt) == 1 != len({one.variant.ref, one.variant.alt})
        assert chr(reference.bases[one.variant.place]) == one.variant.ref
        assert reference.coding_at[one.variant.place] >= 0
        assert one.variant.gene not in paralogues
        assert min(abs(one.variant.place - other.place) for other in own.variants) >= 60
        assert one.variant.place not in known.places
    assert found == mosaics(known, WOMAN, own, "pbmc", DECLARED)


def test_mosaic_variants_are_those_of_one_tissue_and_some_grow(known):
    own = germline(known, WOMAN)
    blood, muscle = (mosaics(known, WOMAN, own, tissue, DECLARED) for tissue in ("pbmc", "muscle"))
    other = mosaics(known, MAN, germline(known, MAN), "muscle", DECLARED)
    names = [{name(known.genome, one.variant) for one in found} for found in (blood, muscle, other)]
    assert [len(found) for found in names] == [3, 2, 2]
    assert not names[0] & names[1]
    assert not names[1] & names[2]
    assert not mosaics(known, MAN, germline(known, MAN), "pbmc", DECLARED)
    for one in blood:
        assert 0.05 <= one.fraction(0) < one.fraction(365) <= 0.25
        assert one.fraction(365) >= 1.5 * one.fraction(0)
        assert one.fraction(1800) == one.fraction(365)
    for one in muscle:
        assert 0.05 <= one.fraction(0) == one.fraction(365) <= 0.25
