"""Quality of one sample: what is measured, beyond which limits it is held back, and a release's table of it.

- Reads: how many, the parts that align, are copies, and are paired as expected; insert size; G and C.
- Depth over targets: mean, the parts with at least 10, 20 and 30 reads, the part with at least a fifth of the mean;
  the part of all depth that lies on targets.
- Contamination: the part of the DNA that is another person's (see `contamination`); None where it is not estimated.
- Sex: depth of X and Y over that of autosomes; without reads, heterozygous variants on X.
- Variants that pass: how many, how many of them are indels, transitions per transversion, heterozygous per homozygous
  SNV on autosomes; and the part of all variants that a filter takes.

A measure that the data cannot tell is None, and no rule judges it. The rule collects a release's samples in a table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scleromyomics.core.cli import entry_point
from scleromyomics.core.quality import fault, write_table

MEASURES = (
    *("reads", "mapped", "duplicates", "proper_pairs", "insert_size", "insert_size_mad", "gc"),
    *("coverage", "covered_10x", "covered_20x", "covered_30x", "uniformity", "on_target"),
    *("contamination", "contamination_sites", "x_ratio", "y_ratio", "x_heterozygous"),
    *("variants", "indels", "filtered", "titv", "het_hom"),
)
HETEROZYGOUS_X = (0.1, 0.3)  # of SNVs on X: men have wrong ones only, of women's more than half are
FEWEST_ON_X = 50  # SNVs on X that tell a sex

Measures = Mapping[str, float | None]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Beyond which a sample is held back (reasons: the configuration's quality block)."""

    mapped_min: float
    duplicates_max: float
    proper_pairs_min: float
    coverage_min: float
    covered_10x_min: float
    contamination_max: float
    titv_min: float
    het_hom_max: float
    variants_min: int


def faults(measures: Measures, limits: Limits) -> list[str]:
    """One line per measure beyond its limit: what was found, what is allowed. An unknown one is no fault."""
    top = float("inf")
    enough = (measures["variants"] or 0) >= limits.variants_min
    rules = [
        ("reads", "reads", 1.0, top, ""),
        ("mapped", "reads that align", limits.mapped_min, top, "of all"),
        ("duplicates", "reads that are copies", 0.0, limits.duplicates_max, "of all"),
        ("proper_pairs", "reads whose mate lies where it should", limits.proper_pairs_min, top, "of all"),
        ("coverage", "mean depth over targets", limits.coverage_min, top, ""),
        ("covered_10x", "targets with 10 reads or more", limits.covered_10x_min, top, "of all"),
        ("contamination", "DNA of another person", 0.0, limits.contamination_max, "of all"),
    ]
    if enough:
        rules += [
            ("titv", "transitions per transversion", limits.titv_min, top, ""),
            ("het_hom", "heterozygous per homozygous variant", 0.0, limits.het_hom_max, ""),
        ]
    return [
        line
        for name, text, lowest, highest, unit in rules
        for line in fault(text, measures[name], lowest=lowest, highest=highest, unit=unit)
    ]


def sex_call(x_ratio: float | None, y_ratio: float | None, *, female_x: float, male_y: float) -> str | None:
    """F or M where the depths of X and Y agree, else "undetermined"; None where neither is known.

    Args:
        x_ratio: depth of X over that of autosomes; 1 in women, a half in men.
        y_ratio: depth of Y over that of autosomes; a half in men.
        female_x: ratio from which a sample counts as having two X.
        male_y: ratio from which a sample counts as having a Y.
    """
    told = [] if x_ratio is None else ["F" if x_ratio >= female_x else "M"]
    told += [] if y_ratio is None else ["M" if y_ratio >= male_y else "F"]
    if not told:
        return None
    return told[0] if len(set(told)) == 1 else "undetermined"


def sex_by_genotypes(heterozygous: float | None) -> str | None:
    """F or M from the part of SNVs on X that are heterozygous; None where it is not known."""
    if heterozygous is None:
        return None
    low, high = HETEROZYGOUS_X
    return "M" if heterozygous <= low else "F" if heterozygous >= high else "undetermined"


def run(*, study: Path, release: str, rows: str, table: Path) -> None:
    """Write the quality of every exome and genome of a release as one table.

    Args:
        study: the study directory.
        release: name of the release.
        rows: digest of the sheet rows that the plan was made from.
        table: where to write the table (TSV, one line per sample).
    """
    from scleromyomics.plan.rows import release_rows

    samples = release_rows(study, release=release, assay="variants", expected=rows)
    write_table(table, study, samples, MEASURES)


if __name__ == "__main__":
    entry_point(run)
