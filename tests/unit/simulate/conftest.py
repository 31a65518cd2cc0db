"""The toy genome and its population, drawn once."""

import pytest

from scleromyomics.core.files import read_tsv
from scleromyomics.simulate.genome import Genome, genome
from scleromyomics.simulate.germline import Catalogue, catalogue
from scleromyomics.simulate.scenario import RESOURCES


@pytest.fixture(scope="session")
def reference() -> Genome:
    return genome(read_tsv(RESOURCES / "genes.tsv"), seed=1)


@pytest.fixture(scope="session")
def known(reference: Genome) -> Catalogue:
    return catalogue(reference, seed=1)
