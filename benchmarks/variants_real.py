"""Real people through the whole path: what is known of them, and what is found.

    python benchmarks/variants_real.py

Needs samtools and bcftools, and the public data (tests/data.py says where they lie): NA12878 on 12 kb of chr22 from
FASTQ (GIAB's 14 variants) and on the mitochondrion (3 variants that its laboratory expects, one copy); HG00100,
HG00101 and HG00102 on 4 kb of chr17 (what `bcftools call -m` finds in all three together, from the pileup beside
them); NA12891 and NA12892 on 5 kb of chr20 (where a somatic caller that took the one for the other's tumour found
them to differ). BAM files whose reads have no read group get one by `samtools addreplacerg` first: admission refuses
them as they come. Each sample is taken alone, with the programs of this machine and with the embedded ones.
Writes benchmarks/results/variants_real.tsv: a row for each variant that is expected or found, what stands in the
calls (genotype, filters, QUAL, reads with both alleles), and why where the two differ.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from variants_common import DATA, KINDS, RESULTS, make_reference, missing, run, sample_steps, shell

from scleromyomics.core.files import write_tsv

Variant = tuple[int, str, str]
QUERY = r"%POS\t%REF\t%ALT[\t%SAMPLE=%GT]\n"
ASIDE = "the list names differences of the two only"
NOT_LISTED = "an indel, found by freebayes in the same data too: the extract of GIAB's list has SNVs only"
NO_REFERENCE = "no read shows the reference: the list writes every gain as ref->het"
WHY = {
    ("na12878_chr22_tiny", 5638): NOT_LISTED,
    ("na12878_chr22_tiny", 9251): NOT_LISTED,
    **{("na1289x_chr20_pair", pos): NO_REFERENCE for pos in (1706, 2455, 2640, 2660, 3366)},
    ("na1289x_chr20_pair", 1873): "a difference that the list has too, below its threshold (LowEVS)",
}


@dataclass(frozen=True)
class Real:
    """One set: its genome, its samples' files, and the genotypes that are known of each sample.

    `told`: what the list says; `whole`: whether it names all variants.
    """

    name: str
    fasta: str
    samples: Mapping[str, Sequence[str]]
    sexes: str
    told: str
    whole: bool = True


SETS = (
    Real(
        "na12878_chr22_tiny",
        "q.fa",
        {"NA12878": ("R1.fastq.gz", "R2.fastq.gz")},
        "F",
        f"bcftools query -f '{QUERY}' NA12878.chr22.tiny.giab.vcf",
    ),
    Real(
        "na12878_chrM",
        "chrM_hg19.fa",
        {"NA12878": ("NA12878_chrM_200-200.bam",)},
        "F",
        f"bcftools query -i 'ALT!=\".\"' -f '{QUERY}' expected_genome.vcf.gz",
    ),
    Real(
        "hg001xx_chr17_trio",
        "mpileup.ref.fa",
        {f"HG0010{i}": (f"mpileup.{i + 1}.bam",) for i in range(3)},
        "FMF",
        f"bcftools call -mv mpileup.vcf | bcftools query -f '{QUERY}'",
    ),
    Real(
        "na1289x_chr20_pair",
        "demo20.fa",
        {name: (f"{name}_demo20.bam",) for name in ("NA12891", "NA12892")},
        "MF",
        'for kind in snvs indels; do bcftools query -i \'FILTER="PASS" & NT="ref"\''
        r" -f '%POS\t%REF\t%ALT\tNA12891=0/1\tNA12892=0/0\n' expected_somatic.$kind.vcf.gz; done",
        whole=False,
    ),
)


def with_group(path: Path, sample: str, folder: Path) -> Path:
    """A BAM file whose reads have a read group."""
    if path.suffix != ".bam" or run("samtools", "view", "-c", "-e", "![RG]", path).strip() == "0":
        return path
    made, group = folder / f"{sample}.bam", f"@RG\tID:{sample}\tSM:{sample}"
    run("samtools", "addreplacerg", "-m", "overwrite_all", "-w", "-r", group, "-o", made, path)
    print(f"{path.name}: its reads got a read group")
    return made


def expected(text: str) -> dict[str, dict[Variant, str]]:
    """Genotypes by sample from lines of position, alleles, and sample=genotype of each."""
    found: dict[str, dict[Variant, str]] = {}
    for line in text.splitlines():
        pos, ref, alt, *genotypes = line.split("\t")
        for one in genotypes:
            sample, _, genotype = one.partition("=")
            found.setdefault(sample, {})[int(pos), ref, alt] = genotype.replace("|", "/")
    return found


def copies(genotype: str) -> str:
    """none, some or all."""
    alleles = genotype.split(maxsplit=1)[0].split("/") if genotype else ["0"]
    return "all" if set(alleles) == {"1"} else "some" if "1" in alleles else "none"


@dataclass(frozen=True)
class Calls:
    """The records of one sample: position, end, alleles, QUAL, FILTER, genotype, depth, reads with both alleles."""

    records: Sequence[Sequence[str]]

    @classmethod
    def read(cls, path: Path) -> "Calls":
        cells = r"%POS\t%END\t%REF\t%ALT\t%QUAL\t%FILTER[\t%GT\t%DP\t%AD]\n"
        return cls([line.split("\t") for line in run("bcftools", "query", "-f", cells, path).splitlines()])

    @property
    def passed(self) -> dict[Variant, str]:
        """Genotypes of the variants that no filter takes."""
        return {(int(r[0]), r[2], r[3]): r[6] for r in self.records if r[5] == "PASS" and "1" in r[6]}

    def at(self, variant: Variant) -> str:
        """What stands there."""
        for pos, _, ref, alt, qual, filters, genotype, depth, reads in self.records:
            if (int(pos), ref, alt) == variant:
                told = f"QUAL {float(qual):.0f}, " if qual != "." else ""
                return f"{genotype} {filters} ({told}{depth} reads: {reads})"
        for pos, end, _, alt, _, filters, genotype, depth, _ in self.records:
            if int(pos) <= variant[0] <= int(end) and alt in {".", "<*>"}:
                return f"{genotype} {filters} (block, {depth} reads)"
        return "no record"


def genotype(calls: Calls, variant: Variant) -> str:
    """The genotype that counts: as if there were none where a filter takes the variant."""
    return calls.passed.get(variant, "0/0")


def reason(there: str) -> str:
    """Why a variant that is expected does not count, from what stands there."""
    if "low_" in there:
        return "found, and a filter takes it: few reads for a sample alone; the list is of three samples together"
    if "undecided" in there:
        return (
            "one read of few shows it: no genotype for a sample alone; the list is of three samples together"
        )
    return "not explained"


def measure(one: Real, folder: Path) -> list[dict[str, object]]:
    place, rows, found = DATA / one.name, [], {}
    truth = expected(shell("cd {p} && " + one.told.replace("{", "{{").replace("}", "}}"), p=place))
    for kind in KINDS:
        reference = make_reference(folder / f"{one.name}.{kind}", place / one.fasta, kind)
        for sex, (sample, names) in zip(one.sexes, one.samples.items(), strict=True):
            made = folder / f"{one.name}.{kind}.{sample}"
            raw = [with_group(place / name, sample, folder) for name in names]
            form = "fastq" if len(raw) == 2 else "bam"
            for command in sample_steps(
                made, reference, raw, kind, sample=sample, form=form, sex=sex
            ).values():
                run(*command)
            found[sample, kind] = Calls.read(made / "calls.bcf")
            told = json.loads((made / "quality.json").read_text())
            print(one.name, sample, kind, f"{told['measures']['coverage']:.1f}x", *told["reasons"])
    for sample in one.samples:
        known = truth.get(sample, {})
        both = known.keys() | set().union(*(found[sample, kind].passed for kind in KINDS))
        for variant in sorted(both):
            row: dict[str, object] = {
                "set": one.name,
                "sample": sample,
                "variant": ":".join(map(str, variant)),
            }
            row["expected"] = known.get(variant, "none" if one.whole else "")
            row |= {kind: found[sample, kind].at(variant) for kind in KINDS}
            meant = copies(known.get(variant, ""))
            same = all(copies(genotype(found[sample, kind], variant)) == meant for kind in KINDS)
            if variant not in known and not one.whole:
                row |= {"same": "", "why": WHY.get((one.name, variant[0]), ASIDE)}
            elif meant != "none" or not same or not one.whole:
                why = "" if same else WHY.get((one.name, variant[0])) or reason(str(row["native"]))
                row |= {"same": "yes" if same else "no", "why": why}
            else:
                continue
            rows.append(row)
    if len(one.samples) == 2:
        rows += [compare(one, kind, [found[sample, kind] for sample in one.samples]) for kind in KINDS]
    return rows


def compare(one: Real, kind: str, pair: Sequence[Calls]) -> dict[str, object]:
    """Whether two samples are one person: variants with the same genotype in both, and with different ones."""
    both = set().union(*(calls.passed for calls in pair))
    same = sum(copies(genotype(pair[0], v)) == copies(genotype(pair[1], v)) for v in both)
    text = f"{same} with the same genotype, {len(both) - same} with different ones"
    row = {"set": one.name, "sample": "+".join(one.samples), "variant": f"{len(both)} that pass in either"}
    return row | {"expected": "two people", kind: text, "same": "yes" if same < len(both) / 2 else "no"}


def main() -> None:
    if missing(("samtools", "bcftools", "bwa"), *(DATA / one.name for one in SETS)):
        return
    with tempfile.TemporaryDirectory() as name:
        rows = [row for one in SETS for row in measure(one, Path(name))]
    for row in rows:
        print(*row.values(), sep="\t")
    columns = ["set", "sample", "variant", "expected", *KINDS, "same", "why"]
    write_tsv(RESULTS / "variants_real.tsv", columns, [dict.fromkeys(columns, "") | row for row in rows])


if __name__ == "__main__":
    main()
