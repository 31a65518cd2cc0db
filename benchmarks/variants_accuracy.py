"""Germline calls on simulated reads of known people, beside bcftools by hand and freebayes, in one run.

    python benchmarks/variants_accuracy.py [--folder kept] [--only genome_5x ...]

Needs dwgsim, bwa, samtools, bcftools and freebayes, and 1.1 Mb of hg19 chr20 (tests/data.py says where it lies).
People: 1,500 SNPs and 300 indels each, in Hardy-Weinberg proportions at sites of a population, written into two
sequences; dwgsim reads each (150 bp pairs, no mutations of its own), so that the truth is exact. Of exomes a quarter
of the variants lies on the targets: exons of 200 bp every 2 kb, read with 200 bp on both sides.
Callers: our steps from FASTQ (admission, alignment, calls, profile) with the configuration's defaults, with the
programs of this machine and with the embedded ones, and the former with all that filters take; by hand `bwa mem |
samtools fixmate | sort | markdup` and `bcftools mpileup | call -m | norm`, as it comes and from QUAL 20; freebayes
from QUAL 20 on the same alignments.
Compared are genotypes of left-aligned, split and atomised variants. Calls that differ in form only are no errors:
where the two sequences that calls near each other spell (in some phase) are the truth's, they are right. A wrong
genotype counts as one missed and one false variant. Only positions count where reads can be placed: at least 90 % of
error-free reads with a mapping quality of 20, not within 300 bp of the ends, and on targets.
Writes benchmarks/results/variants_accuracy.tsv: a row for each study and caller, `all` for the three error rates
together, and what the quality step says of the sample, with the list of the population's sites.
"""

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from variants_common import (
    CHR20,
    RESULTS,
    THREADS,
    make_reference,
    missing,
    read_fasta,
    run,
    sample_steps,
    shell,
    versions,
)

from scleromyomics.core.files import read_json, write_tsv

PROGRAMS = ("dwgsim", "bwa", "samtools", "bcftools", "freebayes")
CONTIG = "chr20mini"
SNPS, INDELS, APART = 1500, 300, 5  # per person; bases between neighbours
FREQUENCIES = (0.8, 1.6)  # beta distribution: 1.8 heterozygous sites per homozygous one
EXON, EVERY, BESIDE, EDGE = 200, 2000, 200, 300
ENRICHED = 0.25  # of the variants of an exome that lie on exons
RATES = (0.001, 0.005, 0.01)
CALLERS = {
    "native": 'FILTER="PASS" & N_ALT>0 & ALT!="<*>"',
    "embedded": 'FILTER="PASS" & N_ALT>0 & ALT!="<*>"',
    "native without filters": 'N_ALT>0 & ALT!="<*>"',
    "bcftools": "N_ALT>0",
    "bcftools QUAL>=20": "QUAL>=20",
    "freebayes QUAL>=20": "QUAL>=20",
}
"""Which records each one's calls are."""
MEASURES = ("coverage", "covered_10x", "contamination", "contamination_sites", "titv", "het_hom")
NEAR = 60  # bases between errors that are looked at together
MOST_PHASES = 12  # heterozygous calls that are tried in all phases

Variant = tuple[int, str, str]
Person = Mapping[Variant, tuple[int, int]]
"""Copies of each variant on both sequences."""


@dataclass(frozen=True)
class Study:
    """One data set: `depth` over the genome, or `exome` of it; `mixed`: part of the reads from another person."""

    name: str
    seed: int
    depth: float
    error: float
    exome: bool = False
    mixed: float = 0.0


STUDIES = (
    *(Study(f"genome_30x_e{rate:g}", i, 30, rate) for i, rate in enumerate(RATES, 1)),
    *(Study(f"exome_100x_e{rate:g}", i, 80, rate, exome=True) for i, rate in enumerate(RATES, 11)),
    *(Study(f"genome_{depth}x", 2, depth, 0.005) for depth in (5, 10)),
    *(Study(f"genome_30x_mixed_{percent}", 2, 30, 0.005, mixed=percent / 100) for percent in (2, 5)),
)


def exons(length: int) -> list[tuple[int, int]]:
    """Starts and ends, from 0."""
    return [(start, start + EXON) for start in range(EVERY, length - EVERY, EVERY)]


def make_people(sequence: str, seed: int, *, exome: bool) -> tuple[list[Person], dict[Variant, float]]:
    """Two people, the first with `SNPS` and `INDELS`; and the frequencies of all SNPs of their population."""
    rng = np.random.default_rng(seed)
    taken, targets = np.zeros(len(sequence), dtype=bool), exons(len(sequence))
    wanted = {"snp": SNPS, "indel": INDELS}
    people: list[dict[Variant, tuple[int, int]]] = [{}, {}]
    common: dict[Variant, float] = {}
    while any(wanted.values()):
        kind = "snp" if rng.random() < SNPS / (SNPS + INDELS) else "indel"
        at = int(rng.integers(EDGE, len(sequence) - EDGE))
        if exome and rng.random() < ENRICHED:
            at = targets[rng.integers(len(targets))][0] + int(rng.integers(EXON))
        variant = draw(sequence, at, kind, rng)
        frequency, copies = rng.beta(*FREQUENCIES), rng.random((2, 2))
        span = slice(variant[0] - 1 - APART, variant[0] + len(variant[1]) + APART)
        carried = [tuple((one < frequency).astype(int).tolist()) for one in copies]
        if taken[span].any() or "N" in sequence[span] or (any(carried[0]) and not wanted[kind]):
            continue
        taken[span] = True
        for person, one in zip(people, carried, strict=True):
            if any(one):
                person[variant] = one
        wanted[kind] -= any(carried[0])
        if kind == "snp":
            common[variant] = round(min(max(frequency, 0.0001), 0.9999), 4)
    return list(people), common


def draw(sequence: str, at: int, kind: str, rng: np.random.Generator) -> Variant:
    """A left-aligned variant at a position (from 0): SNPs two thirds transitions, insertions half repeats."""
    base = sequence[at]
    if kind == "snp":
        others = {"A": "GCT", "C": "TAG", "G": "ACT", "T": "CAG"}.get(base, "ACG")
        return at + 1, base, others[0] if rng.random() < 2 / 3 else others[rng.integers(1, 3)]
    size = min(int(rng.geometric(0.45)), 30)
    copy = sequence[at + 1 : at + 1 + size]
    if rng.random() < 0.5:
        ref, alt = base + copy, base
    else:
        new = copy if rng.random() < 0.5 else "".join("ACGT"[i] for i in rng.integers(0, 4, size))
        ref, alt = base, base + new
    while ref[-1] == alt[-1] and at:
        at -= 1
        ref, alt = sequence[at] + ref[:-1], sequence[at] + alt[:-1]
    return at + 1, ref, alt


def spell(sequence: str, variants: Iterable[Variant], low: int = 0, high: int | None = None) -> str | None:
    """The bases from `low` to `high` (from 0) with variants; None where they contradict each other."""
    pieces, at, high = [], low, len(sequence) if high is None else high
    for pos, ref, alt in sorted(variants):
        if pos - 1 < at or sequence[pos - 1 : pos - 1 + len(ref)] != ref:
            return None
        pieces += [sequence[at : pos - 1], alt]
        at = pos - 1 + len(ref)
    return "".join([*pieces, sequence[at:high]])


def simulate(stem: Path, sequence: str, person: Person, study: Study, *, part: float = 1.0) -> list[Path]:
    """Reads of a person, `part` of the study's depth: FASTQ of both mates."""
    made = [Path(f"{stem}.{mate}.fastq.gz") for mate in (1, 2)]
    for path in made:
        path.unlink(missing_ok=True)
    for copy in (0, 1):
        carried = sorted(variant for variant, copies in person.items() if copies[copy])
        fasta, name, error = Path(f"{stem}.{copy}.fa"), f"{stem.name}c{copy}", f"{study.error:g}"
        fasta.write_text(f">{name}\n{spell(sequence, carried)}\n")
        run("samtools", "faidx", fasta)
        where: list[str | Path] = []
        if study.exome:
            pos = np.array([variant[0] for variant in carried])
            moved = np.cumsum([0, *(len(alt) - len(ref) for _, ref, alt in carried)])
            spans = np.array(exons(len(sequence))) + np.array([-BESIDE, BESIDE])
            spans = spans + moved[np.searchsorted(pos, spans, "right")]
            bed = Path(f"{stem}.{copy}.bed")
            bed.write_text("".join(f"{name}\t{start}\t{end}\n" for start, end in spans.tolist()))
            where = ["-x", bed]
        lengths = ("-1", "150", "-2", "150", "-d", "350", "-s", "50")
        depth, seed = f"{study.depth * part / 2:g}", str(2 * study.seed + copy + 1000 * (part < 0.5))
        run(
            *("dwgsim", "-z", seed, "-C", depth, *lengths, "-e", error, "-E", error, "-r", "0", "-y", "0"),
            *("-H", "-o", "1", *where, fasta, f"{stem}.{copy}"),
        )
        for mate, path in enumerate(made, 1):
            reads = Path(f"{stem}.{copy}.bwa.read{mate}.fastq.gz")
            with path.open("ab") as out, reads.open("rb") as handle:
                shutil.copyfileobj(handle, out)
            reads.unlink()
    return made


def align_by_hand(stem: Path, reads: Sequence[Path], fasta: Path) -> Path:
    cram = Path(f"{stem}.cram")
    shell(
        "bwa mem -t {t} -R '@RG\\tID:{n}\\tSM:{n}\\tPL:ILLUMINA' {f} {a} {b} | samtools fixmate -u -m - -"
        " | samtools sort -u -@ {t} -T {c}.tmp - | samtools markdup -u - - | samtools view -C -T {f} -o {c} -"
        " && samtools index {c}",
        t=THREADS,
        n=stem.name,
        f=fasta,
        a=reads[0],
        b=reads[1],
        c=cram,
    )
    return cram


def call_by_hand(stem: Path, reads: Sequence[Path], fasta: Path, bed: Path) -> dict[str, Path]:
    """The calls of bcftools and of freebayes."""
    made = {"bcftools": Path(f"{stem}.bcf"), "freebayes": Path(f"{stem}.freebayes.vcf")}
    if not made["freebayes"].exists():
        cram = align_by_hand(stem, reads, fasta)
        shell(
            "bcftools mpileup -f {f} -R {b} -a AD,DP -Ou {c} | bcftools call -mv -Ou"
            " | bcftools norm -f {f} -m -any -Ob -o {o}",
            f=fasta,
            b=bed,
            c=cram,
            o=made["bcftools"],
        )
        shell(
            "samtools view -b -T {f} -o {m} {c} && samtools index {m}"
            " && freebayes -f {f} -t {b} {m} > {v}.part && mv {v}.part {v}",
            f=fasta,
            b=bed,
            c=cram,
            m=f"{stem}.bam",
            v=made["freebayes"],
        )
    return made


def placeable(folder: Path, sequence: str, fasta: Path) -> np.ndarray:
    """Positions at which reads can be placed."""
    reads = simulate(folder / "errorless", sequence, {}, Study("", 500, 30, 0))
    cram, depths = align_by_hand(folder / "errorless", reads, fasta), []
    for quality in ("20", "0"):
        told = run("samtools", "depth", "-a", "-Q", quality, "--reference", fasta, cram)
        depths.append(np.array(told.split()[2::3], dtype=int))
    good = depths[0] >= 0.9 * np.maximum(depths[1], 1)
    good[:EDGE] = good[-EDGE:] = False
    return good


def read_calls(path: Path, fasta: Path, only: str) -> dict[Variant, int]:
    """Copies of each variant, in the form in which all are compared."""
    text = shell(
        "bcftools view -i '{o}' {p} | bcftools norm -f {f} -a - | bcftools norm -f {f} -m -any -"
        " | bcftools query -i 'ALT!=\"*\"' -f '%POS\\t%REF\\t%ALT[\\t%GT]\\n'",
        o=only,
        p=path,
        f=fasta,
    )
    found: dict[Variant, int] = {}
    for line in text.splitlines():
        pos, ref, alt, genotype = line.split("\t")
        if copies := genotype.count("1"):
            found[int(pos), ref, alt] = copies
    return found


def errors(sequence: str, truth: Person, calls: Mapping[Variant, int]) -> set[Variant]:
    """Variants missed, false, or with another genotype, without those that differ from the truth in form only."""
    wrong = [one for one in truth.keys() | calls.keys() if sum(truth.get(one, (0, 0))) != calls.get(one, 0)]
    groups: list[list[Variant]] = []
    for one in sorted(wrong):
        if groups and one[0] - groups[-1][-1][0] < NEAR:
            groups[-1].append(one)
        else:
            groups.append([one])
    return {one for group in groups if not same_sequences(sequence, group, truth, calls) for one in group}


def same_sequences(
    sequence: str, group: Sequence[Variant], truth: Person, calls: Mapping[Variant, int]
) -> bool:
    """Whether around some variants the truth and the calls, in some phase, are the same two sequences."""
    low, high = group[0][0] - NEAR, max(pos + len(ref) for pos, ref, _ in group) + NEAR
    real, found = ([v for v in some if low < v[0] and v[0] + len(v[1]) < high] for some in (truth, calls))
    meant = {spell(sequence, [v for v in real if truth[v][copy]], low, high) for copy in (0, 1)}
    both, single = [v for v in found if calls[v] == 2], [v for v in found if calls[v] == 1]
    if len(single) > MOST_PHASES:
        return False
    for phase in product((0, 1), repeat=max(len(single) - 1, 0)):
        on = dict(zip(single, (0, *phase), strict=False))
        if meant == {
            spell(sequence, both + [v for v in single if on[v] == copy], low, high) for copy in (0, 1)
        }:
            return True
    return False


def counts(
    sequence: str, truth: Person, calls: Mapping[Variant, int], mask: np.ndarray
) -> dict[str, np.ndarray]:
    """Of SNPs and indels: variants, missed, false, and wrong genotypes (which are among both)."""
    wrong, found = errors(sequence, truth, calls), {}
    for kind in ("snp", "indel"):
        here = [v for v in truth.keys() | calls.keys() if mask[v[0] - 1]]
        here = [v for v in here if (len(v[1]) == len(v[2])) == (kind == "snp")]
        missed, false = (sum(v in some and v in wrong for v in here) for some in (truth, calls))
        genotypes = sum(v in truth and v in calls and v in wrong for v in here)
        found[kind] = np.array([sum(v in truth for v in here), missed, false, genotypes])
    return found


def row_of(study: str, caller: str, found: Mapping[str, np.ndarray]) -> dict[str, object]:
    row: dict[str, object] = {"study": study, "caller": caller}
    for kind, numbers in found.items():
        number, missed, false, genotypes = numbers.tolist()
        right = number - missed
        row |= {f"{kind}s": number, f"{kind}_missed": missed, f"{kind}_false": false}
        row |= {f"{kind}_wrong_genotype": genotypes}
        row[f"{kind}_f1"] = round(2 * right / max(2 * right + missed + false, 1), 5)
    return row


def write_common(path: Path, common: Mapping[Variant, float], length: int) -> None:
    with path.open("w") as out:
        out.write(f"##fileformat=VCFv4.2\n##contig=<ID={CONTIG},length={length}>\n")
        out.write('##INFO=<ID=AF,Number=A,Type=Float,Description="Frequency">\n')
        out.write("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")
        for (pos, ref, alt), frequency in sorted(common.items()):
            out.write(f"{CONTIG}\t{pos}\t.\t{ref}\t{alt}\t.\t.\tAF={frequency}\n")


def our_calls(stem: Path, kind: str, reads: Sequence[Path], bed: Path, common: Path) -> tuple[Path, dict]:
    """Our calls, and what the quality step says."""
    place = Path(f"{stem}.{kind}.sample")
    if not (place / "profile.receipt.json").exists():
        reference = make_reference(Path(f"{stem}.{kind}"), CHR20, kind, bed=bed, common=common)
        for command in sample_steps(place, reference, reads, kind, sample=stem.name).values():
            run(*command)
    told = read_json(place / "quality.json")
    row = {name: told["measures"][name] for name in MEASURES}
    row = {name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()}
    return place / "calls.bcf", row | {"held": told["held"], "reasons": "; ".join(told["reasons"])}


def measure(
    study: Study, folder: Path, sequence: str, good: np.ndarray
) -> dict[str, tuple[dict[str, np.ndarray], dict]]:
    """Counts, and what the quality step says, of each caller."""
    (person, another), common = make_people(sequence, study.seed, exome=study.exome)
    stem, fasta = folder / study.name, folder / "hand.fa"
    reads = simulate(stem, sequence, person, study, part=1 - study.mixed)
    if study.mixed:
        further = simulate(folder / "another", sequence, another, study, part=study.mixed)
        for path, other in zip(reads, further, strict=True):
            with path.open("ab") as out:
                out.write(other.read_bytes())
    bed, sites = Path(f"{stem}.targets.bed"), Path(f"{stem}.common.vcf")
    spans = exons(len(sequence)) if study.exome else [(0, len(sequence))]
    bed.write_text("".join(f"{CONTIG}\t{start}\t{end}\n" for start, end in spans))
    write_common(sites, common, len(sequence))
    mask = np.zeros_like(good)
    for start, end in spans:
        mask[start:end] = good[start:end]
    ours = {kind: our_calls(stem, kind, reads, bed, sites) for kind in ("native", "embedded")}
    files = {kind: calls for kind, (calls, _) in ours.items()} | call_by_hand(stem, reads, fasta, bed)
    found = {}
    for caller, only in CALLERS.items():
        calls = read_calls(files[caller.split()[0]], fasta, only)
        found[caller] = counts(sequence, person, calls, mask), ours[caller][1] if caller in ours else {}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--folder", type=Path, help="where to keep what is made; what is there is not made again"
    )
    parser.add_argument("--only", nargs="+", choices=[study.name for study in STUDIES], metavar="STUDY")
    given = parser.parse_args()
    if missing(PROGRAMS, CHR20):
        return
    print(versions())
    sequence = read_fasta(CHR20)
    rows, sums = [], {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        fasta = folder / "hand.fa"
        fasta.write_text(f">{CONTIG}\n{sequence}\n")
        run("samtools", "faidx", fasta)
        run("bwa", "index", fasta)
        good = placeable(folder, sequence, fasta)
        print(f"reads can be placed at {good.mean():.2%} of the positions")
        for study in STUDIES:
            if given.only and study.name not in given.only:
                continue
            for caller, (found, quality) in measure(study, folder, sequence, good).items():
                rows.append(row_of(study.name, caller, found) | quality)
                print(json.dumps(rows[-1]), flush=True)
                group = sums.setdefault((study.name.partition("_e0")[0] + "_all", caller), {})
                group |= {kind: group.get(kind, 0) + numbers for kind, numbers in found.items()}
    whole = [
        row_of(*key, found) for key, found in sums.items() if key[0] in {"genome_30x_all", "exome_100x_all"}
    ]
    print(*map(json.dumps, whole), sep="\n")
    if not given.only:
        columns = list(dict.fromkeys(name for row in rows for name in row))
        write_tsv(
            RESULTS / "variants_accuracy.tsv",
            columns,
            [dict.fromkeys(columns, "") | row for row in rows + whole],
        )


if __name__ == "__main__":
    main()
