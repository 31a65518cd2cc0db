"""The definition of a whole-transcript chip gives the PM probes of each gene, or is refused in one line."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from scleromyomics.core.errors import InputError
from scleromyomics.microarray.chip import read_chip
from scleromyomics.microarray.pgf import read_pgf

PGF = """#%chip_type=WT-1_0-st-v1
#%chip_type=WT-1_1-st-v1
#%lib_set_name=WT-1_0-st
#%pgf_format_version=1.0
#%header0=probeset_id\ttype\tprobeset_name
#%header1=\tatom_id
#%header2=\t\tprobe_id\ttype\tgc_count\tprobe_length
700\tmain\tp700
\t1
\t\t3\tpm:st\t10\t25
\t2
\t\t1\tpm:st\t11\t25
701\tmain
\t3
\t\t7\tpm:st\t9\t25
\t\t8\tmm:st\t9\t25
900\tcontrol->affx\t
\t4
\t\t12\tpm:at\t8\t25
"""
CLF = """#%chip_type=WT-1_0-st-v1
#%rows=3
#%cols=4
#%sequential=1
#%order=row_major
#%header0=probe_id\tx\ty
""" + "".join(f"{i + 1}\t{i % 4}\t{i // 4}\n" for i in range(12))
MPS = """#%chip_type=WT-1_0-st-v1
probeset_id\ttranscript_cluster_id\tprobeset_list\tprobe_count
gene2\t2\t701 900\t2
gene1\t1\t700\t2
gene3\t3\t701\t1
"""


def files(folder: Path, pgf: str = PGF, clf: str = CLF, mps: str = MPS) -> list[Path]:
    paths = []
    for suffix, text in (("pgf", pgf), ("clf", clf), ("mps", mps)):
        paths.append(folder / f"wt.{suffix}")
        paths[-1].write_text(text)
    return paths


def genes(paths: list[Path]) -> dict[str, list[int]]:
    chip = read_chip(paths)
    parts = np.split(chip.probes, chip.starts[1:-1])
    return {str(name): cells.tolist() for name, cells in zip(chip.features, parts, strict=True)}


EXPECTED = {"gene1": [2, 0], "gene2": [6, 11], "gene3": [6]}


def test_each_gene_has_the_pm_probes_of_its_probe_sets(tmp_path: Path) -> None:
    assert genes(files(tmp_path)) == EXPECTED


def test_the_files_may_come_in_any_order_with_any_line_ends_and_packed(tmp_path: Path) -> None:
    paths = files(tmp_path, *(text.replace("\n", "\r\n") for text in (PGF, CLF, MPS)))
    packed = [path.with_name(path.name + ".gz") for path in paths]
    for path, target in zip(paths, packed, strict=True):
        target.write_bytes(gzip.compress(path.read_bytes()))
    assert genes(paths[::-1]) == genes(packed) == EXPECTED


def test_the_chip_answers_to_every_name_of_its_pgf(tmp_path: Path) -> None:
    chip = read_chip(files(tmp_path))
    assert (chip.name, chip.rows, chip.cols) == ("WT-1_0-st-v1", 3, 4)
    assert chip.fits("wt-1_1-ST-v1")
    assert not chip.fits("WT-2_0")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mps": MPS.replace("701 900", "701 905")}, r"wt\.mps: found probe set 905, which is not in wt\.pgf"),
        ({"clf": CLF.replace("12\t3\t2\n", "")}, r"wt\.pgf: found probe 12, which is not in wt\.clf"),
        ({"clf": CLF.replace("v1", "v9")}, r"wt\.clf: found chip types .*v9.*; allowed: those of wt\.pgf"),
        ({"clf": CLF.replace("#%cols=4", "#%cols=3")}, "a cell at x 3 or y 2; allowed: cells within 3 x 3"),
        ({"clf": CLF.replace("#%rows=3\n", "")}, "rows and cols .*; allowed: two whole numbers"),
        ({"mps": MPS.replace("probeset_list", "list")}, "allowed: a column probeset_list"),
        ({"mps": MPS.replace("gene2", "gene1")}, "probe set 'gene1' twice; allowed: each name once"),
        ({"pgf": PGF.replace("701\tmain", "700\tmain")}, "a probe set listed twice"),
        ({"pgf": PGF.replace("701\tmain", "70x\tmain")}, "found '70x' in line 13; allowed: a whole number"),
        ({"pgf": PGF.replace("700\tmain\tp700\n", "")}, "a probe before the first probe set"),
        ({"mps": ""}, "an empty file"),
    ],
)  # fmt: skip
def test_a_broken_library_set_is_refused(tmp_path: Path, change: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_chip(files(tmp_path, **change))


def test_a_file_cut_within_a_line_is_refused(tmp_path: Path) -> None:
    contents = {"pgf": PGF, "clf": CLF, "mps": MPS}
    for name, text in contents.items():
        for length in range(len(text)):
            if length and text[length - 1] != "\n":
                with pytest.raises(InputError, match=r"^file .*; allowed: "):
                    read_pgf(*files(tmp_path, **{name: text[:length]}))
