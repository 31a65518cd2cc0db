import numpy as np
import pytest

from scleromyomics.simulate import chip
from scleromyomics.simulate.latent import stream

LAYOUT = chip.layout(200, seed=1)


def test_every_probe_has_a_cell_of_its_own_and_its_mismatch_lies_under_it():
    cells = np.concatenate([LAYOUT.pm.ravel(), LAYOUT.mm.ravel()])
    assert len(np.unique(cells)) == len(cells) == 2 * 200 * chip.PROBES
    assert cells.max() < LAYOUT.side**2
    np.testing.assert_array_equal(LAYOUT.mm, LAYOUT.pm + LAYOUT.side)
    np.testing.assert_array_equal(LAYOUT.mm // LAYOUT.side % 2, 1)


def test_the_chip_is_no_larger_than_needed():
    assert (LAYOUT.side - 2) ** 2 < 2 * 200 * chip.PROBES <= LAYOUT.side**2


def test_names_of_probe_sets_are_unique():
    assert len(np.unique(LAYOUT.features)) == 200


def test_intensities_are_positive_and_within_the_scanner():
    cells = chip.scan(LAYOUT, np.linspace(0, 20, 200), stream(1, "a"))
    assert cells.dtype == np.float32
    assert cells.shape == (LAYOUT.side**2,)
    assert cells.min() >= 1
    assert cells.max() == chip.SATURATION


def test_expression_twice_as_high_gives_a_signal_twice_as_high():
    low = chip.scan(LAYOUT, np.full(200, 9.0), stream(1, "a"))[LAYOUT.pm]
    high = chip.scan(LAYOUT, np.full(200, 10.0), stream(1, "a"))[LAYOUT.pm]
    ratio = (high - chip.BACKGROUND).mean() / (low - chip.BACKGROUND).mean()
    assert ratio == pytest.approx(2, rel=0.01)


def test_the_3_prime_end_is_brighter_and_more_so_on_a_poor_array():
    expression = np.full(200, 10.0)
    good = chip.scan(LAYOUT, expression, stream(1, "a"))
    poor = chip.scan(LAYOUT, expression, stream(1, "a"), poor=True)
    rise = [np.log2(cells[LAYOUT.pm]).mean(axis=0) for cells in (good, poor)]
    assert rise[0][-1] - rise[0][0] > 0.4
    assert rise[1][-1] - rise[1][0] > 1.5
    assert np.percentile(poor, 5) > 2 * np.percentile(good, 5)
