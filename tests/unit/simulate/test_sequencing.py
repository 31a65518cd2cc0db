"""FASTQ, BAM, CRAM, gVCF and VCF hold the sample that was simulated, in the form that their readers expect."""

import gzip
import hashlib
import re

import dnaio
import numpy as np
import pysam
import pytest

from scleromyomics.simulate import alignments, callset, fastq, reads
from scleromyomics.simulate.alleles import name
from scleromyomics.simulate.coding import text
from scleromyomics.simulate.genome import write_fasta
from scleromyomics.simulate.germline import Person, germline
from scleromyomics.simulate.latent import stream
from scleromyomics.simulate.reads import LENGTH

MAN = Person("P403", "M", "ssc")
LANES = [f"s_L00{lane}_R{mate}.fastq.gz" for lane in (1, 2) for mate in (1, 2)]


class Sample:
    """A man's exome at low depth."""

    def __init__(self, known):
        self.genome, rng = known.genome, stream(1, "sequencing")
        self.own = germline(known, MAN)
        self.haplotypes = reads.haplotypes(known.genome, self.own, MAN.sex)
        kit = reads.capture(known.genome, seed=1)
        pairs = reads.pairs_for(30.0, kit, known.genome)
        self.library = reads.molecules(
            self.haplotypes, (0.5, 0.5), pairs, genome=known.genome, kit=kit, rng=rng
        )
        self.mates = reads.sequenced(reads.ends(self.haplotypes, self.library, [], rng), self.library, rng)
        self.names = fastq.names(len(self.library), rng)

    def align(self, path, form):
        alignments.write_alignments(
            path,
            form,
            genome=self.genome,
            of=self.haplotypes,
            library=self.library,
            mates=self.mates,
            named=self.names,
            label="SC_403",
        )
        return path


@pytest.fixture(scope="module")
def sample(known):
    return Sample(known)


@pytest.fixture(scope="module")
def lanes(sample, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lanes")
    paths = [folder / one for one in LANES]
    fastq.write_fastq(paths, sample.names, sample.mates, "ACGTACGT")
    return paths


@pytest.fixture(scope="module")
def bam(sample, tmp_path_factory):
    return sample.align(tmp_path_factory.mktemp("bam") / "s.bam", "bam")


@pytest.fixture(scope="module")
def called(sample):
    return callset.called(sample.genome, sample.own, sample.haplotypes, sample.library)


def test_two_lanes_hold_every_pair_once_with_mates_in_step(sample, lanes):
    seen = set()
    for lane, (first, second) in enumerate(zip(lanes[::2], lanes[1::2], strict=True), start=1):
        with dnaio.open(first, second) as pairs:
            for one, two in pairs:
                own, mate = one.name.split(), two.name.split()
                assert own[0] == mate[0]
                assert (own[1], mate[1]) == ("1:N:0:ACGTACGT", "2:N:0:ACGTACGT")
                assert re.fullmatch(rf"SIM01:7:FC01:{lane}:11\d\d:\d{{5}}:\d{{5}}", own[0])
                assert len(one.sequence) == len(one.qualities) == len(two) == LENGTH
                seen.add(own[0])
    assert len(seen) == len(sample.library)


def test_reads_are_written_as_they_were_sequenced(sample, lanes):
    with dnaio.open(lanes[0]) as first:
        for row, one in zip(range(1000), first, strict=False):
            assert one.sequence == text(sample.mates.bases[0][row])
            assert one.qualities == text(sample.mates.qualities[0][row] + np.uint8(33))


def test_the_same_reads_give_the_same_bytes(sample, lanes, bam, tmp_path):
    again = [tmp_path / one for one in LANES]
    fastq.write_fastq(again, sample.names, sample.mates, "ACGTACGT")
    assert [one.read_bytes() for one in again] == [one.read_bytes() for one in lanes]
    assert gzip.decompress(lanes[0].read_bytes())[:1] == b"@"
    assert lanes[0].read_bytes()[4:8] == bytes(4)  # no time of writing
    assert sample.align(tmp_path / "s.bam", "bam").read_bytes() == bam.read_bytes()
    crams = [sample.align(tmp_path / f"{one}.cram", "cram").read_bytes() for one in "ab"]
    assert crams[0] == crams[1]


def test_aligned_reads_are_sorted_in_read_groups_and_the_header_names_the_reference_by_its_sum(sample, bam):
    with pysam.AlignmentFile(str(bam)) as file:
        header = file.header.to_dict()
        records = list(file)
    assert header["HD"]["SO"] == "coordinate"
    sums = {one["SN"]: one["M5"] for one in header["SQ"]}
    for contig in sample.genome.names:
        sequence = text(sample.genome.sequence(contig))
        assert sums[contig] == hashlib.md5(sequence.encode(), usedforsecurity=False).hexdigest()
    groups = {one["ID"] for one in header["RG"]}
    assert groups == {"FC01.1", "FC01.2"}
    assert {one["SM"] for one in header["RG"]} == {"SC_403"}
    assert len(records) == 2 * len(sample.library)
    mapped = [one for one in records if not one.is_unmapped]
    places = [(one.reference_id, one.reference_start) for one in mapped]
    assert places == sorted(places)
    assert all(one.is_unmapped for one in records[len(mapped) :])
    assert len(records) - len(mapped) == 2 * sample.library.foreign.sum()
    assert {one.get_tag("RG") for one in records} == groups
    copies = sum(one.is_duplicate for one in mapped) / len(mapped)
    assert copies == pytest.approx(0.08, abs=0.01)


def test_aligned_reads_lie_where_they_are_from(sample, bam):
    """They differ from the reference as NM says; mates mirror each other; adapters are clipped."""
    sequences = {contig: text(sample.genome.sequence(contig)) for contig in sample.genome.names}
    with pysam.AlignmentFile(str(bam)) as file:
        records = [one for one in file if not one.is_unmapped]
    ends = {}
    spliced = 0
    for one in records:
        pairs = one.get_aligned_pairs()
        inside = range(one.query_alignment_start, one.query_alignment_end)
        sequence = sequences[one.reference_name]
        differences = sum(
            (at in inside and place is None)
            or (at is None)
            or (place is not None and one.query_sequence[at] != sequence[place])
            for at, place in pairs
        )
        assert differences == one.get_tag("NM")
        spliced += "I" in one.cigarstring or "D" in one.cigarstring
        ends.setdefault(one.query_name, []).append(one)
    assert spliced > 50
    assert np.mean([one.get_tag("NM") for one in records]) < 1.5
    for first, second in ends.values():
        assert first.is_read1 != second.is_read1
        assert first.is_reverse != second.is_reverse
        assert (first.next_reference_start, second.next_reference_start) == (
            second.reference_start,
            first.reference_start,
        )
        assert first.template_length == -second.template_length
        assert abs(first.template_length) == max(one.reference_end for one in (first, second)) - min(
            one.reference_start for one in (first, second)
        )
        if abs(first.template_length) < LENGTH - 10:
            assert all("S" in one.cigarstring for one in (first, second))


def test_a_cram_holds_what_the_bam_holds_and_no_path(sample, bam, tmp_path):
    cram = sample.align(tmp_path / "s.cram", "cram")
    write_fasta(tmp_path / "genome.fa", sample.genome)
    options = {"reference_filename": str(tmp_path / "genome.fa")}
    with pysam.AlignmentFile(str(cram), **options) as one, pysam.AlignmentFile(str(bam)) as other:
        assert one.header.to_dict() == other.header.to_dict()
        assert all("UR" not in line for line in one.header.to_dict()["SQ"])
        for left, right in zip(one, other, strict=True):
            assert left.query_name == right.query_name
            assert left.flag == right.flag
            assert left.cigarstring == right.cigarstring
            assert left.query_sequence == right.query_sequence
            assert left.query_qualities == right.query_qualities
    assert cram.stat().st_size < bam.stat().st_size / 2


def padded(genome):
    inside = np.zeros(len(genome), bool)
    for contig, start, end in genome.targets:
        inside[genome.place(contig, start) - 100 : genome.place(contig, end) + 100] = True
    return inside


def expected(sample, inside):
    """Copies of the participant's own alleles by name, as a caller that takes everyone for diploid calls them."""
    found = {}
    x = sample.genome.starts[2]
    for one, copies in zip(sample.own.variants, sample.own.copies.T, strict=True):
        if inside[one.place]:
            haploid = x <= one.place < sample.genome.starts[4]
            found[name(sample.genome, one)] = 2 if haploid else int(copies.sum())
    return found


def test_a_gvcf_covers_the_padded_targets_once_and_calls_the_true_genotypes(sample, called, tmp_path):
    callset.write_gvcf(tmp_path / "s.g.vcf.gz", sample.genome, called, "SC_403")
    covered = np.zeros(len(sample.genome), int)
    found = {}
    with pysam.VariantFile(str(tmp_path / "s.g.vcf.gz")) as file:
        assert list(file.header.samples) == ["SC_403"]
        for record in file:
            place = sample.genome.place(record.contig, record.pos - 1)
            assert text(sample.genome.bases[place : place + len(record.ref)]) == record.ref
            assert record.alts[-1] == "<NON_REF>"
            covered[place : sample.genome.place(record.contig, record.stop)] += 1
            call = record.samples[0]
            if len(record.alts) > 1:
                variant = f"{record.contig}:{record.pos}:{record.ref}:{record.alts[0]}"
                found[variant] = sum(call["GT"])
                assert sum(call["AD"]) == call["DP"]
                assert len(call["PL"]) == 6
                assert call["PL"][int(np.argmin(call["PL"]))] == 0
            else:
                assert call["GT"] == (0, 0)
                assert call["MIN_DP"] <= call["DP"]
                assert call["GQ"] == min(99, 3 * call["MIN_DP"])
    inside = padded(sample.genome)
    assert covered.max() == 1
    assert (covered[inside] == 1).all()
    true = expected(sample, inside)
    assert len(found) > 80
    assert set(found) <= set(true)
    agree = sum(found.get(variant) == copies for variant, copies in true.items())
    assert agree >= 0.95 * len(true)


def test_a_vcf_holds_the_sites_of_its_samples_and_marks_the_false_ones(sample, called, known, tmp_path):
    other = Person("P402", "F", "ssc")
    own = germline(known, other)
    haplotypes = reads.haplotypes(known.genome, own, "F")
    kit = reads.capture(known.genome, seed=1)
    library = reads.molecules(
        haplotypes, (0.5, 0.5), 20_000, genome=known.genome, kit=kit, rng=stream(1, "other")
    )
    columns = {"first": called, "second": callset.called(known.genome, own, haplotypes, library)}
    callset.write_vcf(tmp_path / "both.vcf.gz", sample.genome, columns, stream(1, "vcf"))
    inside = np.zeros(len(sample.genome), bool)
    for contig, start, end in sample.genome.targets:
        inside[sample.genome.place(contig, start) : sample.genome.place(contig, end)] = True
    true = expected(sample, inside)
    found, false = {}, []
    with pysam.VariantFile(str(tmp_path / "both.vcf.gz")) as file:
        assert list(file.header.samples) == ["first", "second"]
        for record in file:
            variant = f"{record.contig}:{record.pos}:{record.ref}:{record.alts[0]}"
            if "LowQual" in record.filter:
                false.append(variant)
                continue
            assert list(record.filter) == ["PASS"]
            copies = [sum(filter(None, call["GT"])) for call in record.samples.values()]
            assert any(copies)
            found[variant] = copies[0]
            assert record.info["AC"][0] == sum(copies)
    assert len(false) == 3
    assert not set(false) & set(true)
    agree = sum(found.get(variant, 0) == copies for variant, copies in true.items())
    assert agree >= 0.95 * len(true)
    assert all(not copies for variant, copies in found.items() if variant not in true)
