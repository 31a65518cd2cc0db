"""What samples.tsv may say without being warned."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sheet_faults import Cells, SmallStudy

from scleromyomics.plan.study import load_study

Write = Callable[..., Path]
GENOME = "variants: {reference: {fasta: g.fa}, platforms: {exome: {}}}\n"


def with_rows(*changes: dict[str, str], like: int = 5) -> SmallStudy:
    study = SmallStudy()
    row: Cells = study.sheets["samples"][like]
    study.sheets["samples"] += [
        row | {"sample": f"N{place}", "path": f"raw/N{place}"} | one for place, one in enumerate(changes)
    ]
    return study


@pytest.mark.parametrize(
    "rows",
    [
        [{"replicate": "2"}],
        [{"replicate": "3"}, {"replicate": "2"}],
        [{"assay": "variants", "platform": "exome", "format": "vcf", "path": "raw/all.vcf.gz#P02"}],
        [
            {
                "assay": "variants",
                "platform": "exome",
                "format": "fastq",
                "path": "raw/a_1.fq.gz;raw/a_2.fq.gz",
            }
        ],
        [{"assay": "scrna", "platform": "tenx", "format": "10x_mtx", "path": "raw/P02"}],
        [{"platform": "chip_table", "format": "table", "path": "raw/t.tsv#P02"}],
        [{"replicate": "2", "md5": "d41d8cd98f00b204e9800998ecf8427e"}],
    ],
    ids=["replicate", "replicates in any order", "shared vcf", "pairs of reads", "folder", "table", "md5"],
)
def test_it_is_accepted_without_warning(rows: list[dict[str, str]], study_dir: Write) -> None:
    study = with_rows(*rows)
    study.config += GENOME
    assert load_study(study_dir(study)).warnings == ()


def test_tissues_taken_after_inclusion_may_be_taken_at_an_event_and_others_are_warned_of(
    study_dir: Write,
) -> None:
    study = with_rows({"visit": "E1"}, {"visit": "E1", "tissue": "muscle"})
    visit = study.sheets["visits"][2] | {"visit": "E1", "timepoint": "EVENT", "day": "200"}
    study.sheets["visits"].append(visit)
    (warning,) = load_study(study_dir(study)).warnings
    assert "does not take muscle from population 1 at EVENT visits" in str(warning)


def test_a_platform_of_one_assay_may_have_reads_and_calls(study_dir: Write) -> None:
    study = with_rows(
        {"assay": "variants", "platform": "exome", "format": "fastq", "path": "raw/1.fq;raw/2.fq"},
        {"assay": "variants", "platform": "exome", "format": "vcf", "tissue": "muscle"},
    )
    study.config += GENOME
    assert load_study(study_dir(study)).warnings == ()
