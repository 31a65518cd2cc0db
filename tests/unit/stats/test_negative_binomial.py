"""Each step of the negative binomial model against an independent reference: scipy's likelihood and optimisers."""

import numpy as np
import pytest
from pydeseq2.utils import irls_solver
from scipy import optimize, stats

from scleromyomics.stats import negative_binomial
from scleromyomics.stats.negative_binomial import (
    MIN_MU,
    PRIOR_FLOOR,
    RIDGE,
    TREND_START,
    fit_coefficients,
    fit_dispersions,
    fit_trend,
    inference,
    linear_means,
    prior_variance_at_few_df,
    wald_tests,
)

FEATURES, SAMPLES = 12, 16
TOLERANCE = 1e-13  # of the deviance, relative
PYDESEQ2_TOLERANCE = 1e-8
LOWEST, HIGHEST = 1e-8, 16.0  # dispersions
DESIGN = np.column_stack(
    [np.ones(SAMPLES), np.arange(SAMPLES) % 2, np.random.default_rng(3).normal(size=SAMPLES)]
)
SIZE_FACTORS = np.random.default_rng(4).uniform(0.6, 1.6, SAMPLES)


def simulated(features=FEATURES, *, level=200.0, seed=1):
    """Counts (samples by features), their means and dispersions."""
    rng = np.random.default_rng(seed)
    dispersion = rng.uniform(0.05, 0.4, features)
    beta = rng.normal([np.log(level), 0, 0], 0.3, (features, 3))
    mu = SIZE_FACTORS[:, None] * np.exp(DESIGN @ beta.T)
    return rng.poisson(rng.gamma(1 / dispersion, mu * dispersion)).astype(float), mu, dispersion


def log_likelihood(counts, mu, dispersion):
    return stats.nbinom.logpmf(counts, 1 / dispersion, 1 / (1 + mu * dispersion)).sum()


def information(mu, dispersion):
    return DESIGN.T @ (DESIGN * (mu / (1 + mu * dispersion))[:, None])


def coefficients(counts, dispersion, **given):
    return fit_coefficients(counts, SIZE_FACTORS, DESIGN, dispersion, MIN_MU, TOLERANCE, **given)


def dispersions(counts, mu, centre, **given):
    return fit_dispersions(
        counts=counts,
        design_matrix=DESIGN,
        mu=mu,
        alpha_hat=centre,
        start=given.pop("start", centre),
        min_disp=LOWEST,
        max_disp=HIGHEST,
        **given,
    )


def adjusted_profile(counts, mu, log_alpha, prior=None):
    """Log likelihood less half the log determinant of the information (Cox and Reid), and a normal prior."""
    alpha = np.exp(log_alpha)
    value = log_likelihood(counts, mu, alpha) - 0.5 * np.linalg.slogdet(information(mu, alpha))[1]
    return value + (stats.norm.logpdf(log_alpha, np.log(prior[0]), np.sqrt(prior[1])) if prior else 0.0)


def test_coefficients_have_the_greatest_likelihood():
    counts, _, dispersion = simulated()
    beta, mu, _, converged = coefficients(counts, dispersion)
    assert converged.all()
    np.testing.assert_allclose(mu, SIZE_FACTORS[:, None] * np.exp(DESIGN @ beta.T))
    for gene in range(FEATURES):
        best = optimize.minimize(
            lambda b, g=gene: -log_likelihood(counts[:, g], SIZE_FACTORS * np.exp(DESIGN @ b), dispersion[g]),
            [np.log(200), 0, 0],
            method="Nelder-Mead",
            options={"xatol": 1e-7, "fatol": 1e-10, "maxiter": 5000},
        )
        np.testing.assert_allclose(beta[gene], best.x, atol=1e-5)


def test_leverages_are_the_diagonal_of_the_weighted_hat_matrix():
    counts, _, dispersion = simulated()
    _, mu, hat, _ = coefficients(counts, dispersion)
    for gene in range(FEATURES):
        root = np.sqrt(mu[:, gene] / (1 + mu[:, gene] * dispersion[gene]))[:, None] * DESIGN
        np.testing.assert_allclose(hat[:, gene], np.diag(root @ np.linalg.pinv(root)), rtol=1e-4)


def test_means_are_at_least_the_smallest_one():
    counts, _, dispersion = simulated(level=0.3)
    assert coefficients(counts, dispersion)[1].min() == MIN_MU


def test_means_of_the_cells_of_a_design_are_those_of_normalised_counts():
    counts, _, _ = simulated()
    cell = np.arange(SAMPLES) % 2
    found = linear_means(counts, SIZE_FACTORS, np.column_stack([np.ones(SAMPLES), cell]), MIN_MU)
    normalised = counts / SIZE_FACTORS[:, None]
    expected = np.where(cell[:, None], normalised[cell == 1].mean(axis=0), normalised[cell == 0].mean(axis=0))
    np.testing.assert_allclose(found, SIZE_FACTORS[:, None] * expected)


@pytest.mark.parametrize("variance", [None, 0.5])
def test_dispersions_have_the_greatest_adjusted_profile_likelihood(variance):
    counts, mu, _ = simulated(30)
    centre = np.full(30, 0.1)
    found, ended = dispersions(
        counts, mu, centre, start=np.ones(30), prior_disp_var=variance, prior_reg=variance is not None
    )
    assert ended.all()
    for gene in range(30):
        prior = (0.1, variance) if variance else None
        best = optimize.minimize_scalar(
            lambda a, g=gene, p=prior: -adjusted_profile(counts[:, g], mu[:, g], a, p),
            bounds=(np.log(LOWEST), np.log(HIGHEST)),
            method="bounded",
        )
        assert np.log(found[gene]) == pytest.approx(best.x, abs=2e-3)


def test_a_start_that_is_as_good_as_the_maximum_is_kept():
    """DESeq2 asks for a gain of a millionth of the log likelihood."""
    counts, mu, _ = simulated(1)
    best = dispersions(counts, mu, np.ones(1))[0]
    assert dispersions(counts, mu, best * 1.001)[0] == pytest.approx(best * 1.001, rel=1e-12)


def test_a_search_from_the_maximum_ends_there_though_rounding_hides_every_gain():
    """Else some would be left to the grid, 3 to 6 % away."""
    counts, mu, _ = simulated(500, level=5000.0)
    centre, prior = np.full(500, 0.1), {"prior_disp_var": 1.0, "prior_reg": True}
    found, _ = dispersions(counts, mu, centre, start=np.ones(500), **prior)
    again, ended = dispersions(counts, mu, centre, start=found, **prior)
    assert ended.all()
    np.testing.assert_allclose(again, found, rtol=1e-3)


def test_a_prior_draws_dispersions_to_its_mean():
    counts, mu, _ = simulated(30)
    centre = np.full(30, 0.1)
    free = np.log(dispersions(counts, mu, centre, start=np.ones(30))[0] / 0.1)
    tied = np.log(dispersions(counts, mu, centre, prior_disp_var=0.1, prior_reg=True)[0] / 0.1)
    assert (np.abs(tied) < np.abs(free)).all()
    assert (np.sign(tied) == np.sign(free)).all()


def test_dispersions_end_at_their_bounds():
    """Counts that are all as expected, and one count in all samples: no dispersion, and the greatest."""
    mu = np.full((SAMPLES, 2), 20.0)
    counts = mu.copy()
    counts[:, 1] = 0
    counts[0, 1] = 1e6
    found, _ = dispersions(counts, mu, np.full(2, 0.1))
    assert found.tolist() == [LOWEST, HIGHEST]


def test_a_search_that_does_not_end_is_made_on_a_grid(monkeypatch):
    counts, mu, _ = simulated(30)
    centre = np.full(30, 1e-3)
    expected = dispersions(counts, mu, centre)[0]
    monkeypatch.setattr(negative_binomial, "STEPS", 2)
    found, ended = dispersions(counts, mu, centre)
    assert not ended.any()
    step = np.log(HIGHEST / LOWEST) / 19  # of the coarse grid; the fine one has 2 / 19 of it
    np.testing.assert_allclose(np.log(found), np.log(expected), atol=step / 19 + 1e-3)


def test_wald_tests_use_the_variance_of_ridge_estimates():
    counts, mu, dispersion = simulated()
    beta = coefficients(counts, dispersion)[0]
    contrast = np.array([0.0, 1.0, -0.5])
    p_value, statistic, se = wald_tests(DESIGN, dispersion, beta, mu, contrast)
    for gene in range(FEATURES):
        fisher = information(mu[:, gene], dispersion[gene])
        bread = np.linalg.inv(fisher + RIDGE * np.eye(3))
        assert se[gene] == pytest.approx(np.sqrt(contrast @ bread @ fisher @ bread @ contrast))
        assert statistic[gene] == pytest.approx(beta[gene] @ contrast / se[gene])
        assert p_value[gene] == pytest.approx(2 * stats.norm.sf(abs(statistic[gene])))


def test_wald_tests_take_no_mean_below_the_smallest_one_and_skip_what_was_not_fitted():
    low, smallest = np.full((SAMPLES, 3), 0.01), np.full((SAMPLES, 3), MIN_MU)
    dispersion, beta = np.array([0.1, np.nan, 0.1]), np.zeros((3, 3))
    beta[2, 0] = np.nan
    contrast = np.array([0.0, 1.0, 0.0])
    se = wald_tests(DESIGN, dispersion, beta, low, contrast)[2]
    assert np.isnan(se).tolist() == [False, True, True]
    assert se[0] == wald_tests(DESIGN, dispersion, beta, smallest, contrast)[2][0]


def trend_data():
    rng = np.random.default_rng(1)
    inverse = np.exp(-rng.uniform(1, 9, 800))
    return inverse, (0.05 + 2 * inverse) * rng.gamma(4, 1 / 4, 800)


def best_trend(inverse, dispersion):
    found = optimize.minimize(
        lambda a: np.sum(np.log(a[0] + a[1] * inverse) + dispersion / (a[0] + a[1] * inverse)),
        [0.4, 0.4],
        bounds=[(1e-6, None)] * 2,
        options={"ftol": 1e-15, "gtol": 1e-9},
    )
    return found.x


def test_the_trend_is_a_gamma_model_with_identity_link():
    inverse, dispersion = trend_data()
    found, fitted, converged = fit_trend(inverse, dispersion)
    assert converged
    np.testing.assert_allclose(found, best_trend(inverse, dispersion), rtol=1e-4)
    np.testing.assert_allclose(fitted, found[0] + found[1] * inverse)


def test_a_trend_is_found_though_the_first_step_leads_to_negative_dispersions():
    """As at low counts: dispersions that vary much, over a flat trend."""
    rng = np.random.default_rng(49)
    inverse = rng.gamma(0.7, 2, 60) + 0.05
    dispersion = (0.4 + 0.4 * inverse) * rng.gamma(0.5, 2, 60) + 1e-3
    x = np.column_stack([np.ones(60), inverse])
    start = (x @ TREND_START)[:, None]
    step = np.linalg.lstsq(x / start, dispersion / start[:, 0])[0]
    assert (x @ step).min() < 0
    found, _, converged = fit_trend(inverse, dispersion)
    assert converged
    np.testing.assert_allclose(found, best_trend(inverse, dispersion), rtol=1e-4)


def test_the_trend_leaves_out_dispersions_at_the_bound_and_far_from_it():
    inverse, dispersion = trend_data()
    odd = np.concatenate([dispersion, [1e-8] * 50, [50.0] * 50])
    found = fit_trend(np.concatenate([inverse, np.full(100, 1e-2)]), odd)[0]
    np.testing.assert_allclose(found, fit_trend(inverse, dispersion)[0], rtol=1e-5)


def test_a_trend_that_rises_with_the_mean_is_not_found():
    inverse = np.linspace(0.001, 0.1, 200)
    assert not fit_trend(inverse, 0.2 - inverse)[2]


@pytest.mark.parametrize("df", [1, 2, 3])
def test_the_prior_variance_at_few_degrees_of_freedom_is_that_behind_the_noise(df):
    rng = np.random.default_rng(1)
    noise = np.log(rng.chisquare(df, 20_000) / df)
    assert prior_variance_at_few_df(noise + rng.normal(0, 1.2, 20_000), df) == pytest.approx(1.44, rel=0.1)
    assert prior_variance_at_few_df(noise, df) == PRIOR_FLOOR


def test_the_search_with_the_prior_starts_where_the_one_without_ended(monkeypatch):
    starts = []

    def recorded(*, start, alpha_hat, **_):
        starts.append(start)
        return np.array([0.5, 0.001]), np.ones(2, dtype=bool)

    monkeypatch.setattr(negative_binomial, "fit_dispersions", recorded)
    engine = inference()
    engine.alpha_mle(alpha_hat=np.array([0.1, 0.2]))
    engine.alpha_mle(alpha_hat=np.array([0.3, 0.3]), prior_reg=True)
    assert [start.tolist() for start in starts] == [[0.1, 0.2], [0.5, 0.3]]  # 0.001 is far below the trend


def test_a_gene_whose_coefficients_do_not_settle_is_given_to_the_optimiser(monkeypatch):
    """Reweighted least squares go to and fro where means of some samples are at the smallest one."""
    counts = np.array([[26.0, 0, 0, 0, 0, 0, 11], [20.0, 31, 18, 25, 40, 22, 19]]).T
    design = np.column_stack([np.ones(7), [1, 1, 1, 0, 0, 0, 0], [1, 0, 0, 1, 1, 0, 0]])
    asked = []

    def solver(counts, *given):
        asked.append(counts.tolist())
        return irls_solver(counts, *given)

    monkeypatch.setattr("pydeseq2.utils.irls_solver", solver)
    beta, mu, _, converged = fit_coefficients(
        counts, np.ones(7), design, np.full(2, 0.5), MIN_MU, PYDESEQ2_TOLERANCE
    )
    assert asked == [counts[:, 0].tolist()]
    assert converged.all()
    np.testing.assert_allclose(mu, np.maximum(np.exp(design @ beta.T), MIN_MU), rtol=1e-6)

    def objective(b):
        return -log_likelihood(counts[:, 0], np.maximum(np.exp(design @ b), MIN_MU), 0.5)

    assert objective(beta[0]) <= min(objective(beta[0] + step) for step in 0.05 * np.eye(3)) + 1e-6
    assert objective(beta[0]) <= min(objective(beta[0] - step) for step in 0.05 * np.eye(3)) + 1e-6


@pytest.mark.parametrize("chunk", [1, 1000])
def test_what_a_gene_gets_does_not_depend_on_the_others(monkeypatch, chunk):
    counts, mu, dispersion = simulated(60)
    contrast = np.array([0.0, 1.0, 0.0])

    def everything(genes):
        beta, means, hat, _ = coefficients(counts[:, genes], dispersion[genes])
        found, _ = dispersions(counts[:, genes], mu[:, genes], dispersion[genes])
        return [beta, means.T, hat.T, found, wald_tests(DESIGN, found, beta, means, contrast)[2]]

    together = everything(slice(None))
    alone = everything([7])
    monkeypatch.setattr(negative_binomial, "CHUNK", chunk)
    for whole, single, chunked in zip(together, alone, everything(slice(None)), strict=True):
        np.testing.assert_allclose(chunked, whole, rtol=1e-9)
        np.testing.assert_allclose(single[0], whole[7], rtol=1e-9)
