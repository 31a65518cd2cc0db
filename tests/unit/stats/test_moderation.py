import numpy as np
import pytest
from scipy.special import polygamma
from scipy.stats import t as student

from scleromyomics.stats.moderation import (
    Prior,
    fit_prior,
    moderated_t,
    posterior_variance,
    t_quantile,
    trigamma_inverse,
    two_sided_p,
)


@pytest.mark.parametrize("y", [1e-3, 0.1, 1.0, 7.3, 300.0, 9e5])
def test_trigamma_is_inverted(y):
    assert trigamma_inverse(float(polygamma(1, y))) == pytest.approx(y, rel=1e-7)


def test_the_prior_is_recovered_from_many_features_with_unequal_df():
    rng = np.random.default_rng(1)
    df = rng.integers(3, 30, 200_000).astype(float)
    true = 0.2 * 8 / rng.chisquare(8, df.size)
    prior = fit_prior(true * rng.chisquare(df) / df, df)
    assert prior.df == pytest.approx(8, rel=0.02)
    assert prior.variance == pytest.approx(0.2, rel=0.01)


def test_one_shared_variance_gives_an_infinite_prior_and_every_feature_that_variance():
    df = np.full(50, 4.0)
    variance = np.linspace(0.99, 1.01, 50)  # closer together than 4 degrees of freedom allow
    prior = fit_prior(variance, df)
    assert prior.df == np.inf
    assert posterior_variance(variance, df, prior) == pytest.approx(np.full(50, 1.0))


def test_total_df_never_exceeds_those_of_all_features_together():
    variance = np.linspace(0.99, 1.01, 50)
    test = moderated_t(np.ones(50), np.ones(50), variance, np.full(50, 4.0))
    assert test.df == pytest.approx(np.full(50, 200.0))


def test_a_feature_without_residual_df_has_the_prior_variance_and_is_tested_with_the_prior_df():
    df = np.array([5.0] * 30 + [0.0])
    variance = np.append(np.geomspace(0.01, 10, 30), np.nan)
    test = moderated_t(np.ones(31), np.ones(31), variance, df)
    assert test.posterior[-1] == pytest.approx(test.prior.variance)
    assert test.df[-1] == pytest.approx(test.prior.df)
    assert 0 < test.p_value[-1] < 1


def test_a_single_feature_is_not_moderated():
    assert fit_prior(np.array([0.3]), np.array([4.0])) == Prior(df=0.0, variance=0.3)
    test = moderated_t(np.array([1.0]), np.array([0.5]), np.array([0.3]), np.array([4.0]))
    assert test.p_value[0] == pytest.approx(2 * student.sf(1 / (0.5 * np.sqrt(0.3)), 4), rel=1e-12)


def test_without_residual_df_anywhere_there_is_no_test():
    with pytest.raises(ValueError, match="no feature has residual degrees of freedom"):
        fit_prior(np.array([np.nan, np.nan]), np.zeros(2))


def test_an_inestimable_feature_stays_nan_and_still_informs_the_prior():
    rng = np.random.default_rng(2)
    variance, df = rng.chisquare(5, 20) / 5, np.full(20, 5.0)
    estimate = np.where(np.arange(20) == 3, np.nan, 1.0)
    test = moderated_t(estimate, np.ones(20), variance, df)
    assert np.isnan([test.se[3], test.statistic[3], test.p_value[3], test.ci_low[3], test.ci_high[3]]).all()
    assert test.prior == fit_prior(variance, df)


def test_the_interval_excludes_zero_exactly_when_p_is_below_its_level():
    rng = np.random.default_rng(3)
    test = moderated_t(rng.normal(0, 2, 500), np.ones(500), rng.chisquare(5, 500) / 5, np.full(500, 5.0))
    excludes = (test.ci_low > 0) | (test.ci_high < 0)
    assert np.array_equal(excludes, test.p_value < 0.05)


def test_all_variances_zero_gives_no_nan_p_value_where_there_is_an_effect():
    test = moderated_t(np.array([0.0, 1.0]), np.ones(2), np.zeros(2), np.full(2, 3.0))
    assert test.p_value[1] < 1
    assert not np.isnan(test.p_value).any()


def test_p_values_and_quantiles_are_those_of_student_far_into_the_tail():
    df = np.array([1.0, 4.5, 30.0, 4.5])
    np.testing.assert_allclose(two_sided_p(np.full(4, -40.0), df), 2 * student.sf(40.0, df), rtol=1e-10)
    np.testing.assert_allclose(t_quantile(df, 0.975), student.ppf(0.975, df), rtol=1e-10)
