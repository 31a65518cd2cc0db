"""Tiny genomes and reads for tests: written by the tests themselves, always the same."""

import gzip
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scleromyomics.variants import reference

Pair = tuple[str, str, str]
"""Name, first mate, second mate."""

COMPLEMENT = str.maketrans("ACGTN", "TGCAN")
CONTIGS = {"chr1": 6000, "chr2": 3000, "chrM": 800}

TOOLS = [
    "embedded",
    pytest.param(
        "auto",
        marks=pytest.mark.skipif(
            not all(map(shutil.which, ("samtools", "bcftools", "bwa"))),
            reason="samtools, bcftools and bwa are not on the PATH",
        ),
    ),
]
"""Both kinds of tools, native ones where they are."""


def genome(contigs: Mapping[str, int] = CONTIGS, seed: int = 1) -> dict[str, str]:
    """Random contigs."""
    random = np.random.default_rng(seed)
    return {name: "".join(random.choice(list("ACGT"), length)) for name, length in contigs.items()}


def write_fasta(path: Path, sequences: Mapping[str, str], width: int = 70) -> Path:
    """A FASTA file with lines of `width` letters."""
    with path.open("w") as out:
        for name, letters in sequences.items():
            out.write(f">{name} of a test\n")
            out.writelines(f"{letters[i : i + width]}\n" for i in range(0, len(letters), width))
    return path


def make_reference(folder: Path, sequences: Mapping[str, str], tools: str = "embedded", **flags: Any) -> Path:
    """The reference of a freeze in `folder`/reference; returns genome.fa."""
    folder.mkdir(exist_ok=True)
    made = folder / "reference" / "genome.fa"
    reference.run(
        **{
            "fasta": write_fasta(folder / "source.fa", sequences),
            "genome": made,
            "dictionary": made.with_suffix(".dict"),
            "receipt": made.with_name("receipt.json"),
            "region_bases": 2500,
            "bwa": tools,
            "samtools": tools,
            "bcftools": tools,
        }
        | flags
    )
    return made


def reverse(letters: str) -> str:
    """The other strand."""
    return letters.translate(COMPLEMENT)[::-1]


def pairs(sequences: Mapping[str, str], number: int, *, seed: int = 2, length: int = 80) -> list[Pair]:
    """Pairs of reads from fragments of about 250 bases, with errors."""
    random = np.random.default_rng(seed)
    found = []
    names = list(sequences)
    weights = np.array([len(sequences[name]) for name in names], float)
    for i in range(number):
        contig = sequences[names[random.choice(len(names), p=weights / weights.sum())]]
        size = int(np.clip(random.normal(250, 30), length, 400))
        start = int(random.integers(0, len(contig) - size))
        fragment = contig[start : start + size]
        if random.random() < 0.5:
            fragment = reverse(fragment)
        mates = (fragment[:length], reverse(fragment)[:length])
        found.append((f"r{i}", *(_with_errors(mate, random) for mate in mates)))
    return found


def _with_errors(letters: str, random: np.random.Generator) -> str:
    wrong = np.flatnonzero(random.random(len(letters)) < 0.005)
    changed = list(letters)
    for place in wrong:
        changed[place] = "ACGT"[int(random.integers(4))]
    return "".join(changed)


def fastq(reads: Iterable[tuple[str, str]], quality: str = "I", low: str = "#") -> str:
    """FASTQ text of named reads; the last base of each has the quality `low`."""
    return "".join(
        f"@{name}\n{letters}\n+\n{(quality * len(letters))[:-1] + low if letters else ''}\n"
        for name, letters in reads
    )


def write_lane(folder: Path, reads: Sequence[Pair], name: str = "lane") -> list[Path]:
    """R1 and R2 of a lane, compressed."""
    files = [folder / f"{name}_R{mate}.fastq.gz" for mate in (1, 2)]
    for mate, path in enumerate(files, 1):
        text = fastq((f"{read[0]}/{mate}", read[mate]) for read in reads)
        with path.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as out:
            out.write(text.encode())
    return files
