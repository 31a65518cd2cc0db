"""Matrices that tests of several modules read."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from anndata import AnnData

from scleromyomics.core import matrix as schema


@pytest.fixture
def matrix_of() -> Callable[..., AnnData]:
    """Make a matrix of one timepoint from samples (mappings of `obs`), their values and the features' symbols."""

    def build(
        samples: Sequence[dict[str, object]],
        X: np.ndarray,
        symbols: Sequence[str],
        *,
        tissue: str = "pbmc",
        timepoint: str = "D1",
    ) -> AnnData:
        fixed = dict.fromkeys(schema.OBS, None) | {
            "tissue": tissue,
            "timepoint": timepoint,
            "visit": timepoint,
            "group": "ssc",
            "platform": "chip",
            "batch": "b1",
            "eligible": True,
            "overlap": False,
        }
        rows = [fixed | {"sample": f"{tissue}_{timepoint}_{n:03d}"} | one for n, one in enumerate(samples)]
        names = [f"f{n:05d}" for n in range(len(symbols))]
        about = {"assay": "microarray", "tissue": tissue, "timepoint": timepoint, "unit": "log2 intensity"}
        return schema.build(
            rows=rows,
            kinds=schema.OBS,
            var={"feature": names, "gene_symbol": list(symbols), "gene_id": names},
            X=X,
            layers={"raw": X},
            about=dict.fromkeys(schema.ABOUT, "x") | about,
        )

    return build
