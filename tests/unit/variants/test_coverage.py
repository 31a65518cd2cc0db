"""Reads and depth are those of samtools, duplicates and overlaps of mates counted once, by what they tell of sex."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from called import TOOLS, Haplotype, Reference, paired_reads, sequence, write_cram, write_reference

from scleromyomics.core.tools import find_tool, pipe
from scleromyomics.variants.coverage import (
    Depth,
    block_depth,
    by_kind,
    count_reads,
    kind_of,
    read_depth,
)
from scleromyomics.variants.loci import Genome
from scleromyomics.variants.records import Blocks
from scleromyomics.variants.regions import Span, cut, read_targets

CONTIGS = {
    "chr1": sequence(5000, 1),
    "chr2": sequence(3000, 2),
    "chrX": sequence(4000, 3),
    "chrY": sequence(2000, 4),
}
TARGETS = [
    ("chr1", 500, 1500),
    ("chr1", 2000, 2100),
    ("chr2", 0, 3000),
    ("chrX", 0, 4000),
    ("chrY", 100, 1900),
]
DEPTHS = {"chr1": 30, "chr2": 30, "chrX": 15, "chrY": 12}


@pytest.fixture(scope="module")
def man(tmp_path_factory: pytest.TempPathFactory) -> tuple[Reference, Path]:
    folder = tmp_path_factory.mktemp("man")
    reference = write_reference(
        folder / "reference", CONTIGS, targets=TARGETS, pseudoautosomal=["chrX:1-1000", "chrY:1-100"]
    )
    lines = []
    for name, bases in CONTIGS.items():
        lines += paired_reads(f"r{name}", name, [Haplotype.of(bases, [])], DEPTHS[name], length=120)
    duplicated = [line for number, line in enumerate(lines) if number // 2 % 10 == 0]
    for line in duplicated:
        name, flag, *rest = line.split("\t")
        lines.append("\t".join([f"d{name}", str(int(flag) | 1024), *rest]))
    return reference, write_cram(folder / "aligned.cram", reference, "s1", lines)


def depth_of(reference: Reference, cram: Path, folder: Path, tool: str, threads: int = 1) -> dict[str, Depth]:
    parts = cut(
        [f"{name}:1-{len(bases)}" for name, bases in CONTIGS.items()],
        read_targets(reference.targets),
        bases=2000,
    )
    samtools = find_tool("samtools", tool)
    genome = Genome.load(reference.fasta)
    return read_depth(cram, genome, parts, samtools, folder=folder, threads=threads, what="s1")


@pytest.mark.parametrize("tool", TOOLS)
def test_depth_over_targets_equals_samtools_depth(
    man: tuple[Reference, Path], tmp_path: Path, tool: str
) -> None:
    found = depth_of(*man, tmp_path, tool)
    samtools = find_tool("samtools", "embedded")
    command = ("depth", "-a", "-s", "-b", man[0].targets, "--reference", man[0].fasta, man[1])
    rows = [line.split("\t") for line in pipe(samtools(*command), what="depth").decode().splitlines()]
    expected = {"autosome": [], "x": [], "y": [], "other": []}
    for name, pos, depth in rows:
        shared = name == "chrX" and int(pos) <= 1000
        expected["other" if shared else {"chrX": "x", "chrY": "y"}.get(name, "autosome")].append(int(depth))
    for kind, depths in expected.items():
        assert (
            found[kind].counts.tolist() == np.bincount(depths, minlength=found[kind].counts.size).tolist()
        ), kind
        assert found[kind].mean == pytest.approx(np.mean(depths))
        assert found[kind].least(10) == pytest.approx(np.mean(np.array(depths) >= 10))


def test_the_number_of_workers_changes_nothing(man: tuple[Reference, Path], tmp_path: Path) -> None:
    one, three = (depth_of(*man, tmp_path, "auto", threads) for threads in (1, 3))
    assert {kind: depth.counts.tolist() for kind, depth in one.items()} == {
        kind: depth.counts.tolist() for kind, depth in three.items()
    }


@pytest.mark.parametrize("tool", TOOLS)
def test_reads_are_counted(man: tuple[Reference, Path], tool: str) -> None:
    genome = Genome.load(man[0].fasta)
    found = count_reads(man[1], genome, find_tool("samtools", tool), "s1")
    copies = found.duplicates / found.total
    assert copies == pytest.approx(1 / 11, abs=0.01)
    assert found.mapped == found.total == found.paired == found.proper
    assert found.insert_size == pytest.approx(300, abs=6)
    assert found.insert_size_mad == pytest.approx(30 / 1.4826, abs=4)
    assert found.gc == pytest.approx(0.5, abs=0.02)
    expected = sum(DEPTHS[name] * len(bases) for name, bases in CONTIGS.items())
    assert 0.9 * expected < found.bases < expected  # overlapping mates count once


@pytest.mark.parametrize("tool", TOOLS)
def test_no_reads_are_counted_as_none(man: tuple[Reference, Path], tmp_path: Path, tool: str) -> None:
    cram = write_cram(tmp_path / "empty.cram", man[0], "s1", [])
    found = count_reads(cram, Genome.load(man[0].fasta), find_tool("samtools", tool), "s1")
    assert (found.total, found.insert_size, found.gc, found.bases) == (0, None, None, 0)
    depth = depth_of(man[0], cram, tmp_path, tool)
    assert depth["autosome"].mean == 0
    assert depth["autosome"].uniformity is None


def test_autosomes_are_the_numbered_contigs_or_all_others(man: tuple[Reference, Path]) -> None:
    genome = Genome.load(man[0].fasta)
    assert [kind_of(genome, Span(name, 2000, 2001)) for name in ("chr1", "chrX", "chrY", "chrUn_1")] == [
        *("autosome", "x", "y", "other")
    ]
    plain = replace(genome, contigs=("contig", "chrM"))
    assert [kind_of(plain, Span(name, 1, 2)) for name in ("contig", "chrM")] == ["autosome", "other"]


def test_stretches_are_cut_where_x_and_y_share_sequence(man: tuple[Reference, Path]) -> None:
    genome = Genome.load(man[0].fasta)
    found = by_kind(genome, [Span("chrX", 500, 2000), Span("chrY", 101, 200), Span("chr2", 1, 9)])
    assert found == {
        "other": [Span("chrX", 500, 1000)],
        "x": [Span("chrX", 1001, 2000)],
        "y": [Span("chrY", 101, 200)],
        "autosome": [Span("chr2", 1, 9)],
    }


def test_uniformity_is_the_part_with_a_fifth_of_the_mean() -> None:
    counts = np.zeros(31, dtype=np.int64)
    counts[[0, 4, 6, 30]] = [10, 10, 20, 60]
    depth = Depth(counts=counts)
    assert depth.mean == pytest.approx(19.6)
    assert depth.uniformity == pytest.approx(0.9)  # 4 is more than 3.92
    assert (depth + depth).mean == depth.mean
    assert Depth(counts=np.zeros(1, dtype=np.int64)).mean is None


def test_a_gvcf_tells_depth_from_blocks_and_variants(man: tuple[Reference, Path]) -> None:
    genome = Genome.load(man[0].fasta)
    parts = cut([f"{name}:1-{len(bases)}" for name, bases in CONTIGS.items()], read_targets(man[0].targets))
    blocks = Blocks(
        contig=np.array([0, 2], dtype=np.int16),
        start=np.array([501, 1001]),
        end=np.array([1400, 3000]),
        single=np.zeros(2, dtype=bool),
        dp=np.array([20, 8]),
        gq=np.array([60, 24]),
    )
    variants = np.array([0, 0], dtype=np.int16), np.array([1401, 700]), np.array([31, 99])
    found = block_depth(genome, parts, blocks, variants)
    assert found["autosome"].bases == 1000 + 100 + 3000
    assert found["autosome"].sum == 900 * 20 + 31  # a variant inside a block is no further base
    assert found["x"].mean == pytest.approx(2000 * 8 / 3000)
    assert found["y"].mean == 0
