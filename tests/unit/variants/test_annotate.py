"""What is known of a site is a function of the site: gene, most severe consequence, frequency of its own allele."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from loci import LENGTHS, sequences, sites, tools, write_genome

from scleromyomics.core.errors import InputError
from scleromyomics.core.tools import find_tool, pipe
from scleromyomics.variants.annotate import (
    CLASSES,
    SEVERITY,
    Annotation,
    Sources,
    annotate,
    classes,
    numbers,
    per_gene,
    write_bed,
)
from scleromyomics.variants.loci import TEXT, Genome, Sites

CONTIGS = sequences()
CHR1 = CONTIGS["chr1"]
KINDS = tools("bcftools")


@pytest.fixture
def genome(tmp_path: Path) -> Genome:
    return write_genome(tmp_path / "reference")


def base(pos: int, last: int | None = None) -> str:
    return CHR1[pos - 1 : last or pos]


def snv(pos: int, alt: str = "") -> str:
    return f"chr1:{pos}:{base(pos)}:{alt or dict(zip('ACGT', 'CGTA', strict=True))[base(pos)]}"


def stop(frame: str = "AAA") -> str:
    """The site that turns the first lysine of the first exon into a stop."""
    pos = next(p for p in range(1054, 1090, 3) if base(p, p + 2) == frame)
    return f"chr1:{pos}:A:T"


def done(genome: Genome, names: Sequence[str], bcftools: str, **more: object) -> tuple[Sites, Annotation]:
    settings = {
        "annotations": None,
        "fields": None,
        "rarity": "",
        "rarity_field": "AF",
        "rarity_maximum": 0.001,
    }
    where, _ = sites(genome, names).distinct()
    return where, annotate(where, Sources.of(genome, **settings | more), find_tool("bcftools", bcftools))


def by_name(genome: Genome, found: tuple[Sites, Annotation], *columns: str) -> dict[str, tuple[object, ...]]:
    rows = zip(*(getattr(found[1], name).tolist() for name in columns), strict=True)
    return dict(zip(found[0].names(genome.contigs).tolist(), rows, strict=True))


def write_vcf(
    path: Path, lines: Sequence[str], *, contigs: Sequence[str] = tuple(LENGTHS), index: bool = False
) -> Path:
    head = ["##fileformat=VCFv4.2", *(f"##contig=<ID={name}>" for name in contigs)]
    head += ['##INFO=<ID=AF,Number=A,Type=Float,Description="frequency">']
    head += ['##INFO=<ID=SIG,Number=.,Type=String,Description="significance">']
    head += ['##INFO=<ID=TEXT,Number=1,Type=String,Description="what is not wanted">']
    path.write_text("\n".join([*head, "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO", *lines]) + "\n")
    if not index:
        return path
    tool, packed = find_tool("bcftools", "embedded"), path.with_suffix(".bcf")
    pipe(tool("view", "--no-version", "-Ob", "-o", packed, path), what="annotation")
    pipe(tool("index", packed), what="annotation")
    return packed


@pytest.mark.parametrize("bcftools", KINDS)
def test_consequences_are_those_of_the_gene(genome: Genome, bcftools: str) -> None:
    deleted = next(p for p in range(1057, 1090) if base(p) != base(p + 1))
    wanted = {
        snv(500): ("", "", "", "other"),
        snv(1051): ("TOY1", "ENSG01", "start_lost", "missense"),
        stop(): ("TOY1", "ENSG01", "stop_gained", "lof"),
        f"chr1:{deleted}:{base(deleted, deleted + 1)}:{base(deleted)}": (
            "TOY1",
            "ENSG01",
            "frameshift",
            "lof",
        ),
        snv(1101): ("TOY1", "ENSG01", "splice_donor", "lof"),
        snv(1150): ("TOY1", "ENSG01", "intron", "other"),
        snv(1199): ("TOY1", "ENSG01", "splice_acceptor", "lof"),
        snv(1249): ("TOY1", "ENSG01", "stop_lost", "missense"),
        snv(1350): ("TOY2", "ENSG02", "3_prime_utr", "other"),
        "chr2:5:A:C": ("", "", "", "other"),  # no genes on the contig
        "chrX:5:A:C": ("", "", "", "other"),
    }
    found = by_name(
        genome, done(genome, list(wanted), bcftools), "gene_symbol", "gene_id", "consequence", "group"
    )
    assert found == wanted


@pytest.mark.parametrize("bcftools", KINDS)
def test_a_site_in_two_genes_has_the_most_severe_and_keeps_both(genome: Genome, bcftools: str) -> None:
    _, about = done(genome, [snv(1199), snv(1249)], bcftools)
    assert about.consequence.tolist() == ["splice_acceptor", "stop_lost"]
    rows, genes = per_gene(about.transcripts)
    assert rows.tolist() == [0, 0, 1, 1]
    assert genes["gene_symbol"].tolist() == ["TOY1", "TOY2"] * 2
    assert genes["consequence"].tolist() == ["splice_acceptor", "3_prime_utr", "stop_lost", "3_prime_utr"]
    assert about.transcripts[0].split(",")[0] == "splice_acceptor|TOY1|ENSG01|ENST01|protein_coding"


@pytest.mark.parametrize("bcftools", KINDS)
def test_what_is_known_of_a_site_does_not_depend_on_the_others(
    genome: Genome, bcftools: str, tmp_path: Path
) -> None:
    lines = [
        f"chr1\t{pos}\t.\t{base(pos)}\t{snv(pos)[-1]}\t.\t.\tAF={pos / 10000}" for pos in range(900, 1300, 7)
    ]
    vcf = write_vcf(tmp_path / "known.vcf", lines, index=True)
    names = [snv(pos) for pos in range(901, 1300, 3)] + [stop()]
    more = {"annotations": [f"known={vcf}"], "rarity": "known"}
    together = by_name(
        genome, done(genome, names, bcftools, **more), "consequence", "transcripts", "frequency", "rare"
    )
    for part in (names[:40], names[40:41], names[41:]):
        alone = by_name(
            genome, done(genome, part, bcftools, **more), "consequence", "transcripts", "frequency", "rare"
        )
        assert {name: list(map(str, row)) for name, row in alone.items()} == {
            name: list(map(str, together[name])) for name in alone
        }


@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize("bcftools", KINDS)
def test_frequencies_are_of_the_allele_however_the_file_writes_it(
    genome: Genome, bcftools: str, index: bool, tmp_path: Path
) -> None:
    r = base(600)
    others = [one for one in "ACGT" if one != r]
    lines = [
        "chr1\t300\t.\tGC\tG\t.\t.\tAF=0.5;TEXT=other",  # another deletion
        "chr1\t307\trs2\tCAC\tC\t.\t.\tAF=0.25;SIG=benign",  # in a repeat, not left-aligned
        f"chr1\t600\trs1\t{r}\t{others[0]},{others[1]}\t.\t.\tAF=0.2,0.0005;SIG=a,b;TEXT=x",  # two alleles
        f"chr1\t700\t.\t{base(700, 702)}\t{base(700, 701)}{snv(702)[-1]}\t.\t.\tAF=0.125",  # not trimmed
        f"chr1\t800\t.\t{base(800)}\t{snv(800)[-1]}\t.\t.\tAF=.",
        f"chrX\t5\t.\t{'N'}\tA\t.\t.\tAF=0.5",  # not the base of this genome
    ]
    vcf = write_vcf(tmp_path / "known.vcf", lines, index=index)
    wanted = {
        "chr1:300:GCA:G": (0.25, False, "benign"),
        f"chr1:600:{r}:{others[0]}": (0.2, False, "a,b"),
        f"chr1:600:{r}:{others[1]}": (0.0005, True, "a,b"),
        f"chr1:600:{r}:{others[2]}": (None, True, ""),
        snv(702): (0.125, False, ""),
        snv(800): (None, True, ""),
        snv(900): (None, True, ""),
    }
    found = done(genome, list(wanted), bcftools, annotations=[f"g={vcf}"], fields=["g:SIG"], rarity="g")
    rows = zip(
        found[1].frequency.tolist(), found[1].rare.tolist(), found[1].fields["g_SIG"].tolist(), strict=True
    )
    plain = [(None if np.isnan(freq) else pytest.approx(freq), rare, text) for freq, rare, text in rows]
    assert dict(zip(found[0].names(genome.contigs).tolist(), plain, strict=True)) == wanted


def test_without_a_frequency_nothing_is_rare(genome: Genome) -> None:
    _, about = done(genome, [snv(500), stop()], "embedded")
    assert about.rare.tolist() == [False, False]
    assert np.isnan(about.frequency).all()


def test_without_genes_there_are_no_consequences(tmp_path: Path) -> None:
    genome = write_genome(tmp_path / "bare", genes=False)
    _, about = done(genome, [stop()], "embedded")
    assert (about.consequence.tolist(), about.group.tolist()) == ([""], ["other"])


def test_no_sites_are_annotated_as_none(genome: Genome, tmp_path: Path) -> None:
    vcf = write_vcf(tmp_path / "known.vcf", [])
    where, about = done(genome, [], "embedded", annotations=[f"g={vcf}"], fields=["g:SIG"], rarity="g")
    assert len(where) == about.frequency.size == about.fields["g_SIG"].size == about.consequence.size == 0


@pytest.mark.parametrize(
    ("settings", "contigs", "message"),
    [
        ({"rarity": "h"}, tuple(LENGTHS), r"annotation h: found no file of this name; allowed: g"),
        (
            {"rarity": "g", "rarity_field": "MAF"},
            tuple(LENGTHS),
            r"found no INFO field MAF; allowed: one of its header",
        ),
        (
            {"rarity": "g"},
            ("1", "2"),
            r"found contig 1; allowed: the names of the genome \(chr1, ...\); rename with",
        ),
        (
            {"rarity": "g", "rarity_field": "SIG"},
            tuple(LENGTHS),
            r"field SIG: found soft; allowed: frequencies",
        ),
        (
            {"rarity": "g", "rarity_field": "TEXT"},
            tuple(LENGTHS),
            r"found 12; allowed: frequencies, from 0 to 1",
        ),
    ],
)
def test_annotations_that_cannot_be_right_are_refused(
    settings: dict[str, str], contigs: tuple[str, ...], message: str, genome: Genome, tmp_path: Path
) -> None:
    line = f"chr1\t500\t.\t{base(500)}\t{snv(500)[-1]}\t.\t.\tSIG=soft;TEXT=12"
    vcf = write_vcf(tmp_path / "g.vcf", [line] if "chr1" in contigs else [], contigs=contigs)
    with pytest.raises(InputError, match=message):
        done(genome, [snv(500)], "embedded", annotations=[f"g={vcf}"], **settings)
    with pytest.raises(InputError, match="annotation g: found no file"):
        done(genome, [snv(500)], "embedded", annotations=["g=/none.vcf"], rarity="g")


def test_several_numbers_count_as_the_highest() -> None:
    found = numbers(np.array(["0.1,0.3", "", ".", "1e-4"], dtype=TEXT), "here")
    np.testing.assert_array_equal(found, [0.3, np.nan, np.nan, 1e-4])


def test_every_term_has_a_rank_and_classes_are_of_those_terms() -> None:
    assert len(set(SEVERITY)) == len(SEVERITY) == 20
    assert set(CLASSES) <= set(SEVERITY)
    assert classes(np.array(["stop_gained", "", "inframe_deletion", "synonymous"], dtype=TEXT)).tolist() == [
        *("lof", "other", "missense", "other")
    ]


def test_parts_of_a_bed_are_joined_over_short_gaps_and_end_with_the_contig(
    genome: Genome, tmp_path: Path
) -> None:
    where = sites(genome, ["chr1:10:A:C", "chr1:30:A:C", "chr1:2995:A:C", "chr2:1:A:C"])
    write_bed(tmp_path / "a.bed", genome, where.contig, first=where.pos - 10, last=where.pos + 10)
    assert (tmp_path / "a.bed").read_text() == "chr1\t0\t40\nchr1\t2984\t3000\nchr2\t0\t11\n"
    write_bed(tmp_path / "a.bed", genome, where.contig, first=where.pos, last=where.pos, jump=19)
    assert (tmp_path / "a.bed").read_text() == "chr1\t9\t30\nchr1\t2994\t2995\nchr2\t0\t1\n"
