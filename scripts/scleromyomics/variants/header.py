"""The header of our alignments: the genome's contigs, and a read group per lane; no path, program or date."""

from pathlib import Path

from scleromyomics.core.errors import InputError


def contigs(dictionary: Path) -> dict[str, dict[str, str]]:
    """The fields of each contig (SN, LN, M5) by name, in order, from a sequence dictionary (genome.dict).

    Raises:
        InputError: it holds none.
    """
    rows = (
        dict(field.partition(":")[::2] for field in line.split("\t")[1:])
        for line in dictionary.read_text(encoding="utf-8").splitlines()
        if line.startswith("@SQ\t")
    )
    found = {row["SN"]: row for row in rows}
    if not found:
        raise InputError(f"file {dictionary}: found no @SQ line; allowed: a sequence dictionary")
    return found


def group(sample: str, lane: int) -> str:
    """The identifier of the read group of a lane, counted from 1."""
    return f"{sample}.L{lane}"


def group_line(sample: str, lane: int) -> str:
    """The @RG line of a lane."""
    return f"@RG\tID:{group(sample, lane)}\tSM:{sample}\tLB:{sample}\tPL:ILLUMINA"


def text(dictionary: Path, sample: str, lanes: int, order: str = "SO:unsorted\tGO:query") -> str:
    """The whole header.

    Args:
        dictionary: genome.dict.
        sample: name of the sample.
        lanes: number of read groups.
        order: how the records are sorted, as the fields of @HD.
    """
    lines = [
        f"@HD\tVN:1.6\t{order}",
        *(
            "\t".join(["@SQ", *(f"{key}:{row[key]}" for key in ("SN", "LN", "M5") if key in row)])
            for row in contigs(dictionary).values()
        ),
        *(group_line(sample, lane + 1) for lane in range(lanes)),
    ]
    return "".join(f"{line}\n" for line in lines)
