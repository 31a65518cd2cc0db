"""The toy study's genotypes, mosaic variants and answers beside the truth that was planted.

    python benchmarks/toy_variants.py [STUDY]

STUDY is a finished toy study; without it, one is simulated and run (several minutes). Writes
benchmarks/results/toy_variants.tsv: F1 of the germline alleles that samples carry within the targets, for SNVs and
indels, in all sites and outside the paralogous pair KRT14 and KRT14P1; sensitivity of planted mosaic variants of an
allele fraction of 5 % or more and false ones per Mb of targets; and where the planted risk allele and gene burdens
stand in the answers.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from scleromyomics.core import matrix as schema
from scleromyomics.core.files import read_tsv, write_tsv
from scleromyomics.core.results import read_results

RESULT = Path(__file__).parent / "results" / "toy_variants.tsv"
COMMAND = Path(sys.executable).with_name("scleromyomics")
LEAST = 0.05  # allele fraction of the mosaic variants that are to be found
PARALOGUES = ("KRT14", "KRT14P1")

Row = dict[str, object]


def carried(study: Path) -> pd.DataFrame:
    """Truth: copies of every germline allele (rows) in every participant."""
    tables = [
        pd.read_csv(path, sep="\t", dtype=str, index_col="variant").iloc[:, 4:]
        for path in sorted((study / "truth").glob("genotypes_W*.tsv"))
    ]
    joined = tables[0]
    for table in tables[1:]:
        joined = joined.combine_first(table)
    return joined.fillna("0|0").map(lambda text: text.count("1"))


def targets(study: Path) -> pd.DataFrame:
    names = ["contig", "start", "end"]
    return pd.read_csv(study / "references" / "targets.bed", sep="\t", names=names, usecols=[0, 1, 2])


def inside(variants: pd.Index, beds: pd.DataFrame) -> np.ndarray:
    """Whether the first base of each variant lies in a target."""
    parts = [name.split(":") for name in variants]
    held = np.zeros(len(parts), dtype=bool)
    for contig, rows in beds.groupby("contig"):
        here = np.array([part[0] == contig for part in parts], dtype=bool)
        pos = np.array([int(part[1]) for part in parts])
        at = np.searchsorted(rows["start"].to_numpy(), pos, "left") - 1
        held |= here & (at >= 0) & (rows["end"].to_numpy()[np.maximum(at, 0)] >= pos)
    return held


def paralogous(study: Path, variants: pd.Index) -> np.ndarray:
    """Whether each variant lies within a gene of the pair."""
    spans = [
        (fields[0], int(fields[3]), int(fields[4]))
        for line in (study / "references" / "genes.gff3").read_text().splitlines()
        if not line.startswith("#")
        for fields in [line.split("\t")]
        if fields[2] in {"gene", "pseudogene"}
        and any(f"Name={name};" in f"{fields[8]};" for name in PARALOGUES)
    ]
    parts = [(name.split(":")[0], int(name.split(":")[1])) for name in variants]
    return np.array(
        [any(c == contig and a <= pos <= b for contig, a, b in spans) for c, pos in parts], dtype=bool
    )


def genotypes(study: Path, release: Path) -> list[Row]:
    """F1 of carried alleles over all samples, and of exact copies."""
    truth, beds = carried(study), targets(study)
    mosaic = {
        (row["sample"], row["variant"])
        for path in sorted((study / "truth").glob("mosaics_W*.tsv"))
        for row in read_tsv(path)
    }
    counts = {(kind, part): np.zeros(4, dtype=int) for kind in ("SNV", "indel") for part in ("all", "unique")}
    for path in sorted((release / "matrices" / "variants").glob("*/*.h5ad")):
        if path.name.endswith(".burden.h5ad"):
            continue
        matrix = schema.read(path)
        called = pd.DataFrame(matrix.layers["GT"], index=matrix.obs_names, columns=matrix.var_names)
        for sample, person in matrix.obs["participant"].astype(str).items():
            names = called.columns.union(truth.index)
            found = called.loc[sample].reindex(names, fill_value=0).to_numpy()
            true = truth[person].reindex(names, fill_value=0).to_numpy()
            haploid = np.array([name.startswith(("chrX", "chrY", "chrM")) for name in names])
            use = inside(names, beds) & np.array([(sample, name) not in mosaic for name in names])
            alleles = [name.split(":")[2:] for name in names]
            snv = np.array([len(ref) == len(alt) for ref, alt in alleles])
            pair = paralogous(study, names)
            for kind, of_kind in (("SNV", snv), ("indel", ~snv)):
                for part, rows in (("all", use), ("unique", use & ~pair)):
                    here = rows & of_kind
                    hit = here & (found > 0) & (true > 0)
                    wrong = hit & ~haploid & (found != true)
                    false, missed = here & (found > 0) & (true == 0), here & (found <= 0) & (true > 0)
                    counts[kind, part] += [one.sum() for one in (hit, false, missed, wrong)]
    return [
        {
            "what": f"germline {kind}, {'all targets' if part == 'all' else 'outside the paralogous pair'}",
            "value": round(2 * hit / (2 * hit + false + missed), 5),
            "unit": "F1 of carried alleles",
            "detail": f"{hit} found, {false} false, {missed} missed, {wrong} with wrong copies",
        }
        for (kind, part), (hit, false, missed, wrong) in counts.items()
    ]


def mosaics(study: Path, release: Path) -> list[Row]:
    """Sensitivity of planted mosaic variants, and false ones."""
    held = {row["sample"] for row in read_tsv(release / "cohort" / "held_back.tsv")}
    planted = [
        row
        for path in sorted((study / "truth").glob("mosaics_W*.tsv"))
        for row in read_tsv(path)
        if row["sample"] not in held
    ]
    wanted = {(row["participant"], row["variant"]) for row in planted if float(row["fraction"]) >= LEAST}
    called = {
        (row["participant"], row["feature"])
        for row in read_tsv(release / "variants" / "mosaic.tsv")
        if row["call"] == "mosaic"
    }
    false = called - {(row["participant"], row["variant"]) for row in planted}
    people = len({row["participant"] for row in read_tsv(release / "variants" / "mosaic.tsv")})
    beds = targets(study)
    megabases = (beds["end"] - beds["start"]).sum() / 1e6
    return [
        {
            "what": f"planted mosaic variants of {LEAST:.0%} or more",
            "value": round(len(wanted & called) / len(wanted), 4),
            "unit": "sensitivity",
            "detail": f"{len(wanted & called)} of {len(wanted)} (of participants with several samples)",
        },
        {
            "what": "false mosaic variants",
            "value": round(len(false) / (people * megabases), 3),
            "unit": "per Mb of targets and participant",
            "detail": f"{len(false)} in {people} participants of {megabases:.3f} Mb",
        },
    ]


def answers(study: Path, release: Path) -> list[Row]:
    """Where what was planted stands in the answers."""
    effects = {
        row["effect"]: row for row in read_tsv(study / "truth" / "variant_effects.tsv") if row["gene_symbol"]
    }
    rows: list[Row] = []
    wanted = (
        ("ssc_vs_control_d1", "dosage", effects["risk"]["variants"], "feature"),
        ("ssc_vs_control_d1", "burden", effects["loss_of_function"]["gene_symbol"], "gene_symbol"),
    )
    for question, test, name, column in wanted:
        table = read_results(release / "compare" / question / "variants" / "pbmc.parquet").to_pandas()
        table = table[(table["test"] == test) & table["p_value"].notna()].reset_index(drop=True)
        at = table.index[table[column] == name]
        found = table.loc[at[0]] if len(at) else None
        rows.append(
            {
                "what": f"{question}: {test} of {name}",
                "value": int(at[0]) + 1 if len(at) else None,
                "unit": "rank by p",
                "detail": f"p {found['p_value']:.2g}, q {found['q_value']:.2g}, of {len(table)} tested"
                if found is not None
                else f"not tested; {len(table)} tested",
            }
        )
    return rows


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        if len(sys.argv) > 1:
            study = Path(sys.argv[1])
        else:
            study = Path(folder) / "toy"
            subprocess.run([COMMAND, "simulate", study], check=True)
            subprocess.run([COMMAND, "run", study], check=True)
        release = max((study / "results" / "releases").iterdir())
        rows = [*genotypes(study, release), *mosaics(study, release), *answers(study, release)]
    for row in rows:
        print(*row.values(), sep="\t")
    write_tsv(RESULT, list(rows[0]), rows)


if __name__ == "__main__":
    main()
