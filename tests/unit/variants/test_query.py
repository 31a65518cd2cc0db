"""Tables of bcftools become arrays: missing values, contigs by number, alleles in upper case."""

from pathlib import Path

import numpy as np
import pytest
from loci import write_genome

from scleromyomics.core.errors import InputError
from scleromyomics.variants.loci import Genome
from scleromyomics.variants.query import read_query


@pytest.fixture
def genome(tmp_path: Path) -> Genome:
    return write_genome(tmp_path / "reference")


def test_a_dot_is_nothing_and_alleles_are_upper_case(genome: Genome, tmp_path: Path) -> None:
    table = tmp_path / "table.tsv"
    table.write_text('chr2\t5\tacg\ta\t7\t.\t0.5\t"a\nchr1\t9\tT\tC\t.\tx,y\t.\t.\n')
    kinds = {"count": "int32", "text": "string", "number": "double", "quote": "string"}
    found = read_query(table, genome, kinds)
    assert found.sites.names(genome.contigs).tolist() == ["chr2:5:ACG:A", "chr1:9:T:C"]
    assert found.columns["count"].tolist() == [7, 0]
    assert found.columns["text"].tolist() == ["", "x,y"]
    np.testing.assert_array_equal(found.columns["number"], [0.5, np.nan])
    assert found.columns["quote"].tolist() == ['"a', ""]


def test_an_empty_table_has_no_rows(genome: Genome, tmp_path: Path) -> None:
    table = tmp_path / "table.tsv"
    table.touch()
    found = read_query(table, genome, ("text",))
    assert (len(found.sites), found.columns["text"].size) == (0, 0)


def test_other_contigs_are_refused_or_left_out(genome: Genome, tmp_path: Path) -> None:
    table = tmp_path / "table.tsv"
    table.write_text("chrUn\t5\tA\tC\t1\nchr1\t9\tT\tC\t2\n")
    with pytest.raises(InputError, match=r"table.tsv: found contig chrUn"):
        read_query(table, genome, {"count": "int32"})
    found = read_query(table, genome, {"count": "int32"}, others=True)
    assert found.columns["count"].tolist() == [2]
    table.write_text("chrUn\t5\tA\tC\t1\n")
    assert len(read_query(table, genome, {"count": "int32"}, others=True).sites) == 0
