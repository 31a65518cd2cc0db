"""Targets are sorted, merged and inside the genome, whatever the BED looks like; each fault is one line."""

import gzip
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scleromyomics.core.errors import InputError
from scleromyomics.core.files import read_json, sha256, write_json
from scleromyomics.variants.targets import merged, read_bed, run

CONTIGS = {"chr2": 1000, "chr10": 500, "chrM": 90}


def bed(folder: Path, text: str) -> Path:
    path = folder / "t.bed"
    path.write_text(text)
    return path


def made(folder: Path, **flags: Any) -> tuple[str, dict[str, Any]]:
    write_json(folder / "reference.json", {"contigs": CONTIGS, "order": list(CONTIGS)})
    run(
        reference=folder / "reference.json",
        targets=folder / "targets.bed",
        receipt=folder / "targets.json",
        **flags,
    )
    return (folder / "targets.bed").read_text(), read_json(folder / "targets.json")


def test_regions_come_sorted_and_merged_in_the_order_of_the_genome(tmp_path: Path) -> None:
    text = (
        "browser position chr2\ntrack name=x\n#comment\n\nchr10\t5\t9\tname\t0\t+\n"
        "chr2\t100\t200\nchr2\t0\t50\nchr2\t200\t210\nchr2\t150\t160\nchr2\t211\t212\r\n"
    )
    found, told = made(tmp_path, bed=bed(tmp_path, text))
    assert found == "chr2\t0\t50\nchr2\t100\t210\nchr2\t211\t212\nchr10\t5\t9\n"
    assert (told["regions"], told["bases"]) == (4, {"chr2": 161, "chr10": 4})
    assert (told["whole_genome"], told["sha256"]) == (False, sha256(tmp_path / "targets.bed"))


def test_a_gzip_bed_and_one_with_blanks_are_read(tmp_path: Path) -> None:
    path = tmp_path / "t.bed.gz"
    path.write_bytes(gzip.compress(b"chr2 1 5\nchrM   0 90"))
    assert made(tmp_path, bed=path)[0] == "chr2\t1\t5\nchrM\t0\t90\n"


def test_without_a_bed_targets_are_whole_contigs(tmp_path: Path) -> None:
    found, told = made(tmp_path)
    assert found == "chr2\t0\t1000\nchr10\t0\t500\nchrM\t0\t90\n"
    assert (told["whole_genome"], told["bed_sha256"]) == (True, "")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("chr2\t5\t1001", "found chr2 5 to 1001; allowed: an end up to 1000, the contig's length"),
        ("chr2\t9\t9", "found chr2 9 to 9; allowed: an end beyond the start"),
        ("chr2\t9\t5", "found chr2 9 to 5; allowed: an end beyond the start"),
        ("2\t1\t5", "found contig '2' where the genome has 'chr2'; allowed: the genome's names (rename its first"),
        ("MT\t1\t5", "found contig 'MT' where the genome has 'chrM'"),
        ("chr77\t1\t5", "found contig 'chr77'; allowed: contigs of the genome (chr2, chr10, chrM)"),
        ("chr2\t-1\t5", "found 'chr2\\t-1\\t5'; allowed: contig, start and end, between tabs"),
        ("chr2\t1", "found 'chr2\\t1'; allowed: contig, start and end"),
        ("chr2\tone\t5", "found 'chr2\\tone\\t5'"),
    ],
)  # fmt: skip
def test_a_fault_names_file_and_line(tmp_path: Path, line: str, reason: str) -> None:
    path = bed(tmp_path, f"#x\nchr2\t1\t5\n{line}\n")
    with pytest.raises(InputError) as caught:
        made(tmp_path, bed=path)
    assert str(caught.value).startswith(f"file {path}, line 3: {reason}")
    assert not (tmp_path / "targets.bed").exists()


def test_all_faults_are_told_at_once_and_a_wrong_naming_only_once(tmp_path: Path) -> None:
    path = bed(tmp_path, "1\t1\t5\n" * 3 + "chr2\t9\t9\n" * 20)
    with pytest.raises(InputError) as caught:
        read_bed(path, CONTIGS)
    lines = str(caught.value).splitlines()
    assert len(lines) == 10
    assert [line.split(": ")[0].rsplit(" ")[-1] for line in lines[:3]] == ["1", "4", "5"]


def test_a_bed_without_regions_and_a_cut_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found no region"):
        made(tmp_path, bed=bed(tmp_path, "#only\n"))
    path = tmp_path / "t.bed.gz"
    path.write_bytes(gzip.compress(b"chr2\t1\t5\n" * 100)[:-6])
    with pytest.raises(InputError, match="found a damaged gzip file"):
        made(tmp_path, bed=path)
    with pytest.raises(InputError, match="found no file"):
        made(tmp_path, bed=tmp_path / "absent.bed")


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), min_size=1, max_size=20))
def test_merging_covers_the_same_bases_once(rows: list[tuple[int, int]]) -> None:
    regions = np.array([(start, start + length) for start, length in rows])
    covered = {base for start, end in regions.tolist() for base in range(start, end)}
    found = merged(regions).tolist()
    assert [base for start, end in found for base in range(start, end)] == sorted(covered)
    assert all(a[1] < b[0] for a, b in pairwise(found))
