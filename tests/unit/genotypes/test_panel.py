"""Controls are counted once per participant, by the sample with most reads; candidates are read as they stand."""

from pathlib import Path

import numpy as np
import pytest
from loci import Variant, sites, tools, write_candidates, write_genome

from scleromyomics.core.tools import find_tool
from scleromyomics.genotypes.panel import Panel, candidate_reads, with_candidates


def reads(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int32)


def test_of_a_participant_the_sample_with_most_reads_counts_at_each_site() -> None:
    panel = Panel(3)
    panel.add([(reads(10, 50, 0), reads(1, 2, 0)), (reads(40, 20, 0), reads(0, 9, 0))])
    panel.add([(reads(5, 5, 5), reads(5, 0, 1))])
    panel.add([])
    assert panel.depth.tolist() == [45, 55, 5]
    assert panel.alternate.tolist() == [5, 2, 1]


@pytest.mark.parametrize("bcftools", tools("bcftools"))
def test_candidates_are_sorted_with_their_reads(bcftools: str, tmp_path: Path) -> None:
    genome, tool = write_genome(tmp_path / "reference"), find_tool("bcftools", bcftools)
    low = [Variant(where="chr2:9:A:T", dp=50, ad=3), Variant(where="chr1:9:AC:A", dp=40, ad=5)]
    write_candidates(tmp_path / "candidates.bcf", "S1", low)
    found = candidate_reads(tmp_path / "candidates.bcf", genome, tool, tmp_path / "scratch.tsv")
    assert found.sites.names(genome.contigs).tolist() == ["chr1:9:AC:A", "chr2:9:A:T"]
    assert {name: values.tolist() for name, values in found.columns.items()} == {
        "dp": [40, 50],
        "ad": [5, 3],
        "forward": [2, 1],
        "reverse": [3, 2],
    }
    where = sites(genome, ["chr1:8:A:T", "chr2:9:A:T"])
    depth, alternate = with_candidates(where, reads(7, 8), reads(1, 0), found)
    assert (depth.tolist(), alternate.tolist()) == ([7, 50], [1, 3])
    write_candidates(tmp_path / "none.bcf", "S1", [])
    assert len(candidate_reads(tmp_path / "none.bcf", genome, tool, tmp_path / "scratch.tsv").sites) == 0
