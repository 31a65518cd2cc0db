import numpy as np
import pytest
from scipy.stats import false_discovery_control

from scleromyomics.stats.multiplicity import benjamini_hochberg


def test_equals_scipy_ties_included():
    p = np.random.default_rng(1).random(500).round(2)
    np.testing.assert_allclose(benjamini_hochberg(p), false_discovery_control(p), rtol=1e-14)


def test_untested_features_stay_nan_and_are_not_counted():
    p = np.array([0.01, np.nan, 0.02, np.nan, 0.5])
    q = benjamini_hochberg(p)
    assert np.isnan(q[[1, 3]]).all()
    assert q[[0, 2, 4]] == pytest.approx([0.03, 0.03, 0.5])


def test_the_order_of_the_features_does_not_matter():
    rng = np.random.default_rng(2)
    p, order = rng.random(50), rng.permutation(50)
    assert np.array_equal(benjamini_hochberg(p)[order], benjamini_hochberg(p[order]))


@pytest.mark.parametrize("p", [np.array([]), np.array([np.nan, np.nan])])
def test_nothing_tested_is_no_error(p):
    assert benjamini_hochberg(p).shape == p.shape
