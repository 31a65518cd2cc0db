"""Background correction is that of preprocessCore, and keeps intensities positive and in order."""

from pathlib import Path

import numpy as np
import pytest

from scleromyomics.core.errors import InputError
from scleromyomics.microarray.background import adjust, estimate, mode

VALUES = Path(__file__).parents[2] / "reference" / "rma" / "values.npz"


def test_correction_equals_preprocess_core() -> None:
    with np.load(VALUES) as stored:
        probes, expected = stored["probes"].astype(np.float64), stored["background"]
    for array, wanted in zip(probes, expected, strict=True):
        found = adjust(array, estimate(np.sort(array)))
        np.testing.assert_allclose(np.log2(found), np.log2(wanted), rtol=0, atol=1e-11)


def test_the_mode_of_normal_values_is_near_their_mean() -> None:
    values = np.sort(np.random.default_rng(1).normal(100, 10, 50_000))
    assert mode(values) == pytest.approx(100, abs=1)


def test_correction_is_positive_and_strictly_increasing_far_below_the_background() -> None:
    random = np.random.default_rng(3)
    background = estimate(np.sort(random.normal(1000, 5, 5000) + random.exponential(50, 5000)))
    corrected = adjust(np.arange(0.0, 3000.0), background)
    assert corrected.min() > 0
    assert np.diff(corrected).min() > 0


@pytest.mark.parametrize("values", [np.full(100, 7.0), np.array([1.0, 9.0])])
def test_intensities_without_spread_are_refused(values: np.ndarray) -> None:
    with pytest.raises(InputError, match="background correction needs at least 2"):
        estimate(values)
