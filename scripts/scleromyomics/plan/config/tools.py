"""Which programs are used where there is a choice."""

from scleromyomics.plan.block import Block


class Tools(Block):
    """Programs for sequencing data: `auto` (one on the PATH, else the embedded one), `embedded`, or a path."""

    bwa: str = "auto"
    """BWA-MEM; `auto` takes bwa-mem2, bwa, or pybwa. All align alike; bwa-mem2 is fastest and needs most memory."""
    samtools: str = "auto"
    """samtools; embedded: pysam's."""
    bcftools: str = "auto"
    """bcftools; embedded: pysam's. A freeze keeps the versions that it was begun with."""
