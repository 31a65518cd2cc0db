"""The frozen model of one platform: all that an array processed alone is set on and compared with.

Everything is fitted once on the arrays of a freeze, each tissue with equal weight, and never changes for a
later array (the idea of frozen RMA, McCall et al. 2010, doi:10.1093/biostatistics/kxp059, without its
weights). Values are log2.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scleromyomics.core.files import replacing

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """A frozen platform; the arrays that only chips have are empty for expression tables.

    Attributes:
        chip: chip type as the CEL headers name it; "" for expression tables.
        feature: names, ascending.
        gene_symbol: of each feature, "" where the annotation has none.
        gene_id: of each feature, "" where the annotation has none.
        target: quantile target, ascending background-corrected intensities (one per probe).
        effect: log2 probe effects in the chip's probe order.
        tissue: names of the tissues seen in the freeze, ascending.
        median: tissues x features, median log2 value over the freeze's arrays.
        error: standard error of each feature expected of an array that the fit has not seen, log2.
        scale: median over the freeze of log2 mean raw probe intensity; nan for tables.
        background: median over the freeze of log2 background; nan for tables.
        degradation: median over the freeze of the 5' to 3' rise, log2; nan where the chip allows none.
        sex_cut: XIST minus Y genes, log2, above which an array is female; nan where that tells nothing.
    """

    chip: str
    feature: "NDArray[np.str_]"
    gene_symbol: "NDArray[np.str_]"
    gene_id: "NDArray[np.str_]"
    target: "NDArray[np.float64]"
    effect: "NDArray[np.float64]"
    tissue: "NDArray[np.str_]"
    median: "NDArray[np.float64]"
    error: "NDArray[np.float64]"
    scale: float
    background: float
    degradation: float
    sex_cut: float

    def save(self, path: Path) -> None:
        """Write the model (npz), atomically; the same model gives the same bytes."""
        with replacing(path) as temporary:
            np.savez_compressed(
                temporary, **{field.name: getattr(self, field.name) for field in fields(self)}
            )

    @classmethod
    def load(cls, path: Path) -> "Model":
        """Read a model that `save` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            return cls(
                **{name: stored[name] if stored[name].ndim else stored[name].item() for name in stored}
            )

    def reference(self, tissue: str) -> "NDArray[np.float64] | None":
        """Median of each feature in `tissue`, log2; None where the freeze has no array of that tissue."""
        place = np.flatnonzero(self.tissue == tissue)
        return self.median[place[0]] if place.size else None
