import numpy as np
import pytest

from scleromyomics.stats.power import ALPHA, detection_power, smallest_detectable_effect


def test_alpha_is_what_five_percent_false_discoveries_imply():
    found, false = 0.80 * 0.01, ALPHA * 0.99
    assert false / (false + found) == pytest.approx(0.05, abs=1e-3)


@pytest.mark.parametrize("alpha", [0.05, ALPHA])
@pytest.mark.parametrize("df", [3.0, 7.4, 40.0, 1e5])
def test_the_smallest_detectable_effect_is_found_with_the_stated_power(df, alpha):
    effect = smallest_detectable_effect(0.5, np.array([0.1, 0.2, 0.9]), df, alpha=alpha)
    assert detection_power(effect, 0.5 * np.sqrt(0.2), df, alpha=alpha) == pytest.approx(0.8, abs=1e-5)


def test_power_equals_that_of_r():
    # R 4.2.2: 1 - pt(qt(1 - a / 2, df), df, ncp) + pt(-qt(1 - a / 2, df), df, ncp), ncp = 3, a = 0.05
    expected = [0.619261459403, 0.796545010134, 0.838916626133]
    assert detection_power(1.5, 0.5, np.array([4.0, 14.0, 58.0]), alpha=0.05) == pytest.approx(
        expected, rel=1e-9
    )


def test_power_of_no_effect_is_the_level_of_the_test():
    assert detection_power(0.0, 0.3, 12.0, alpha=0.01) == pytest.approx(0.01, rel=1e-10)


def test_power_grows_with_the_effect_whatever_its_sign_and_ends_at_one():
    power = detection_power(np.array([0.5, 1.0, 2.0, 50.0]), 0.25, 8.0)
    assert (np.diff(power) > 0).all()
    assert power[-1] == pytest.approx(1)
    assert np.array_equal(detection_power(np.array([-0.5, -1.0, -2.0, -50.0]), 0.25, 8.0), power)


def test_observed_power_of_plain_t_tests_is_the_one_told():
    rng = np.random.default_rng(1)
    a, b = rng.normal(0, 1, (20_000, 6)), rng.normal(1.8, 1, (20_000, 6))
    se = np.sqrt((a.var(axis=1, ddof=1) + b.var(axis=1, ddof=1)) / 6)
    found = np.abs((b - a).mean(axis=1) / se) > 2.2281388519649385
    assert found.mean() == pytest.approx(
        float(detection_power(1.8, np.sqrt(1 / 3), 10.0, alpha=0.05)), abs=0.01
    )


def test_features_with_other_designs_have_other_effects_and_unknown_ones_none():
    effect = smallest_detectable_effect(
        np.array([0.5, 1.0, np.nan]), np.array([0.2, np.nan, 0.2]), np.array([9.0, 9.0, 9.0])
    )
    assert effect[1] == pytest.approx(2 * effect[0])
    assert np.isnan(effect[2])
