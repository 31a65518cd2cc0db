import re
from itertools import pairwise

import numpy as np
import pysam
import pytest

from scleromyomics.core.files import read_tsv
from scleromyomics.core.tools import find_tool, pipe
from scleromyomics.simulate.alleles import located
from scleromyomics.simulate.coding import reverse_complement, text, translate
from scleromyomics.simulate.genome import (
    PARALOGUE,
    PSEUDOGENE,
    TRACT,
    genome,
    proteins,
    write_fasta,
    write_gff3,
    write_targets,
)
from scleromyomics.simulate.scenario import RESOURCES

ROWS = read_tsv(RESOURCES / "genes.tsv")


def spliced(reference, gene, exons):
    parts = [reference.sequence(gene.contig)[start:end] for start, end in exons]
    whole = np.concatenate(parts)
    return text(whole if gene.forward else reverse_complement(whole))


def test_every_named_gene_is_on_its_chromosome_and_no_two_overlap(reference):
    chromosome = {row["gene_symbol"]: row["chromosome"] for row in ROWS}
    named = [gene for gene in reference.genes if gene.symbol != PSEUDOGENE]
    assert {gene.symbol for gene in named} == set(chromosome)
    for gene in named:
        wanted = {"X": {"chrX"}, "Y": {"chrY"}}.get(chromosome[gene.symbol], {"chr1", "chr2"})
        assert gene.contig in wanted
    assert all(
        before.end < after.start
        for before, after in pairwise(reference.genes)
        if before.contig == after.contig
    )
    assert {gene.forward for gene in named} == {True, False}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_coding_sequences_translate_from_a_start_to_the_only_stop(seed):
    reference = genome(ROWS, seed=seed)
    coding = [gene for gene in reference.genes if gene.biotype == "protein_coding"]
    assert len(coding) == len(ROWS) - 1  # XIST
    for gene in coding:
        for transcript in gene.transcripts:
            protein = translate(spliced(reference, gene, transcript.coding))
            assert protein.startswith("M")
            assert protein.index("*") == len(protein) - 1
        assert 2 <= len(gene.transcripts[0].exons) <= 4
        assert proteins(reference)[gene.symbol] == translate(reference.coding_sequence(gene))[:-1]
    assert any(len(gene.transcripts) == 2 for gene in coding)


def test_proteins_differ_and_are_cut_by_trypsin_as_human_ones_are(reference):
    made = proteins(reference)
    assert list(made) == sorted(made)
    assert len(set(made.values())) == len(made)
    assert all(150 <= len(one) <= 220 for one in made.values())
    together = "".join(made.values())
    assert 0.1 <= sum(map(together.count, "KR")) / len(together) <= 0.12
    for protein in made.values():
        peptides = re.findall(r"[^KR]*[KR]|[^KR]+$", protein)
        assert sum(7 <= len(one) <= 30 for one in peptides) >= 4


def test_introns_run_from_gt_to_ag(reference):
    for gene in reference.genes:
        if gene.symbol == PSEUDOGENE:
            continue
        for (_, start), (end, _) in pairwise(gene.transcripts[0].exons):
            intron = reference.sequence(gene.contig)[start:end]
            sense = text(intron if gene.forward else reverse_complement(intron))
            assert sense.startswith("GT")
            assert sense.endswith("AG")


def test_the_pseudogene_differs_in_about_two_percent_and_not_in_the_middle(reference):
    both = [reference.gene(symbol) for symbol in (PARALOGUE, PSEUDOGENE)]
    first, second = (
        sequence if gene.forward else reverse_complement(sequence)
        for gene in both
        for sequence in [reference.sequence(gene.contig)[gene.start : gene.end]]
    )
    differs = first != second
    assert 0.005 < differs.mean() < 0.03
    middle = len(differs) // 2
    assert not differs[middle - TRACT // 2 + 1 : middle + TRACT // 2].any()
    assert both[0].contig != both[1].contig


def test_the_files_hold_the_genome_as_readers_of_these_formats_see_it(reference, tmp_path):
    write_fasta(tmp_path / "genome.fa", reference)
    lines = (tmp_path / "genome.fa").read_text().splitlines()
    assert max(map(len, lines)) == 60
    with pysam.FastaFile(str(tmp_path / "genome.fa")) as fasta:
        assert tuple(fasta.references) == reference.names
        for name in fasta.references:
            sequence = fasta.fetch(name)
            assert sequence.upper() == text(reference.sequence(name))
            assert (name == "chr2") == bool(re.search("[acgt]", sequence))
    write_targets(tmp_path / "targets.bed", reference)
    bed = [line.split("\t") for line in (tmp_path / "targets.bed").read_text().splitlines()]
    bounds = [(reference.names.index(contig), int(start), int(end)) for contig, start, end in bed]
    assert bounds == sorted(bounds)
    assert all(before[0] < after[0] or before[2] < after[1] for before, after in pairwise(bounds))
    assert all(
        0 <= start < end <= len(reference.sequence(contig)) for contig, start, end in reference.targets
    )
    inside = np.zeros(len(reference), bool)
    for contig, start, end in reference.targets:
        inside[reference.place(contig, start) : reference.place(contig, end)] = True
    assert inside[reference.coding_at >= 0].all()
    assert 80_000 < inside.sum() < 130_000


def test_bcftools_reads_the_genes_and_finds_the_consequences_that_the_simulator_says(known, tmp_path):
    reference = known.genome
    write_fasta(tmp_path / "genome.fa", reference)
    write_gff3(tmp_path / "genes.gff3", reference)
    lines = ["##fileformat=VCFv4.2"]
    lines += [f"##contig=<ID={name},length={len(reference.sequence(name))}>" for name in reference.names]
    lines.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO")
    for one in known.sites:
        contig, position = located(reference, one.place)
        lines.append(f"{contig}\t{position}\t.\t{one.ref}\t{one.alt}\t.\t.\t.")
    (tmp_path / "sites.vcf").write_text("\n".join(lines) + "\n")
    bcftools = find_tool("bcftools", "embedded")
    files = ["-f", tmp_path / "genome.fa", "-g", tmp_path / "genes.gff3", tmp_path / "sites.vcf"]
    pipe(bcftools("csq", "--local-csq", "--force", "-Ov", "-o", tmp_path / "csq.vcf", *files), what="genes")
    main = {gene.transcripts[0].name for gene in reference.genes}
    found = {}
    for record in pysam.VariantFile(str(tmp_path / "csq.vcf")):
        for entry in record.info.get("BCSQ", ()):
            effects, symbol, transcript = [*entry.split("|"), "", ""][:3]
            if transcript in main:
                found[record.contig, record.pos, record.ref, record.alts[0]] = (symbol, effects.split("&"))
    other = [
        (one.gene, one.consequence, found.get(key))
        for one in known.sites
        for key in [(*located(reference, one.place), one.ref, one.alt)]
        if one.consequence not in ("", "intron", "utr", "non_coding")
        and (one.gene != found[key][0] or one.consequence not in found[key][1])
    ]
    assert not other


def test_the_same_seed_gives_the_same_genome_and_another_another(reference):
    np.testing.assert_array_equal(genome(ROWS, seed=1).bases, reference.bases)
    assert (genome(ROWS, seed=2).bases != reference.bases).mean() > 0.5
