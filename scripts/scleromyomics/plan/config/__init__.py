"""The configuration of a study (`config.yaml`): one block per file, defaults included."""

from typing import Annotated

from pydantic import Field

from scleromyomics.plan.block import Block
from scleromyomics.plan.config.analysis import Analysis
from scleromyomics.plan.config.freeze import Freeze
from scleromyomics.plan.config.microarray import MicroarrayConfig
from scleromyomics.plan.config.tools import Tools
from scleromyomics.plan.config.variants import VariantsConfig
from scleromyomics.plan.config.verdicts import VerdictThresholds
from scleromyomics.plan.vocabulary import Assay

__all__ = ["Config"]


class Config(Block):
    """Everything that a study may set; a study's file names only what differs from these defaults."""

    seed: int = 1
    """Seed of every random step."""
    release: Annotated[str, Field(pattern=r"^W\d+$")] | None = None
    """The release to build; absent: that of the newest wave in samples.tsv."""
    hold_back: dict[str, str] = {}
    """Samples to leave out of models, matrices and answers, each with the reason that the report shows."""
    analysis: Analysis = Analysis()
    freeze: dict[Assay, list[Freeze]] = {}
    """Per assay, the waves on which frozen models are fitted; absent: F1, on the assay's first wave."""
    gene_sets: list[str] = []
    """Gene sets to test beside the curated ones: GMT files (name, description, genes; tabs between)."""
    microarray: MicroarrayConfig = MicroarrayConfig()
    variants: VariantsConfig = VariantsConfig()
    tools: Tools = Tools()
    verdicts: VerdictThresholds = VerdictThresholds()
