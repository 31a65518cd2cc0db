import numpy as np
import pytest

from scleromyomics.stats import mixed
from scleromyomics.stats.design import combine, factor, indicator, intercept, two_groups
from scleromyomics.stats.linear import fit_contrast
from scleromyomics.stats.mixed import fit_mixed, moderated_contrast
from scleromyomics.stats.moderation import moderated_t

NAMES = ("estimate", "variance", "df", "components", "boundary", "n")
PARTICIPANT = np.repeat(np.arange(10), 4)
TISSUE = np.tile([0, 0, 1, 1], 10)
VISIT = np.tile([0, 1], 20)
CASE = PARTICIPANT % 2


def by_group_and_visit(case, visit):
    later = visit == 1
    return combine(
        intercept(len(case)),
        indicator("case", case),
        indicator("later", later),
        indicator("change", later & (case == 1)),
    )


@pytest.fixture
def study():
    rng = np.random.default_rng(3)
    design = by_group_and_visit(CASE, VISIT)
    contrasts = [
        design.contrast({"case": 1, "change": 0.5}),
        design.contrast({"case": 1}),
        design.contrast({"change": 1}),
    ]
    shared = (
        rng.normal(size=(30, 10))[:, PARTICIPANT] + rng.normal(size=(30, 20))[:, PARTICIPANT * 2 + TISSUE]
    )
    return 8 + shared + rng.normal(size=(30, 40)), design, contrasts


def assert_same(one, other, rtol=1e-6):
    for name in NAMES:
        np.testing.assert_allclose(
            getattr(one, name), getattr(other, name), rtol=rtol, atol=1e-9, err_msg=name
        )


def covariance(w, groups, ratios):
    total = np.diag(1 / w)
    for ratio, labels in zip(ratios, groups, strict=True):
        total += ratio * (labels[:, None] == labels)
    return total


def profile(one, ratios):
    """Deviance, generalised inverse of the information, coefficients and residual variance of one feature."""
    y, X, w, groups = one
    V = covariance(w, groups, ratios)
    inverse = np.linalg.inv(V)
    information = X.T @ inverse @ X
    eigenvalues = np.linalg.eigvalsh(information)
    eigenvalues = eigenvalues[eigenvalues > 1e-9 * eigenvalues[-1]]
    spread = np.linalg.pinv(information, rcond=1e-9, hermitian=True)
    beta = spread @ X.T @ inverse @ y
    df = len(y) - eigenvalues.size
    rss = (y - X @ beta) @ inverse @ (y - X @ beta)
    value = np.linalg.slogdet(V)[1] + np.log(eigenvalues).sum() + df * np.log(rss)
    return value, spread, beta, rss / df, df


def numeric_df(one, ratios, contrast):
    """Satterthwaite by finite differences in log ratios: 1/df = 1/(n - p) + d' H^-1 d."""

    def at(shift):
        value, spread, _, sigma2, df = profile(one, np.exp(shift) * ratios)
        return value, np.log(sigma2 * (contrast @ spread @ contrast)), df

    free, h = np.flatnonzero(ratios > 0), 1e-3
    unit = np.eye(len(ratios))[free] * h
    df = at(0 * ratios)[2]
    slope = np.array([(at(u)[1] - at(-u)[1]) / (2 * h) for u in unit])
    hessian = np.array(
        [
            [(at(u + v)[0] - at(u - v)[0] - at(v - u)[0] + at(-u - v)[0]) / (4 * h * h) for u in unit]
            for v in unit
        ]
    )
    return 1 / (1 / df + (slope @ np.linalg.solve(hessian, slope) if free.size else 0))


@pytest.mark.parametrize("missing", [0.0, 0.15, 0.4])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("levels", [1, 2])
def test_every_feature_is_fitted_as_if_alone_by_its_whole_covariance_matrix(study, missing, weighted, levels):
    Y, design, contrasts = study
    Y = Y[:8]
    rng = np.random.default_rng(4)
    Y[rng.random(Y.shape) < missing] = np.nan
    W = rng.gamma(3, 1, Y.shape) if weighted else None
    labels = [PARTICIPANT, PARTICIPANT * 2 + TISSUE][:levels]
    fit = fit_mixed(Y, design, contrasts, PARTICIPANT, nested=TISSUE if levels == 2 else None, weights=W)
    grid = np.stack(np.meshgrid(*[[0, 0.1, 0.5, 1, 3, 10]] * levels), axis=-1).reshape(-1, levels)
    for f, y in enumerate(Y):
        seen = np.isfinite(y)
        groups = [label[seen] for label in labels]
        one = (y[seen], design.matrix[seen], np.ones(40)[seen] if W is None else W[f, seen], groups)
        ratios = fit.components[:-1, f] / fit.components[-1, f]
        value, spread, beta, sigma2, _ = profile(one, ratios)
        nearby = [ratios * np.array(factors) for factors in ([0.99] * levels, [1.01] * levels)]
        assert all(value <= profile(one, other)[0] + 1e-8 for other in (*grid, *nearby))
        assert fit.components[-1, f] == pytest.approx(sigma2, rel=1e-8)
        assert fit.boundary[f] == (ratios == 0).any()
        assert fit.n[f] == seen.sum()
        for k, contrast in enumerate(contrasts):
            assert fit.estimate[k, f] == pytest.approx(contrast @ beta, rel=1e-8)
            assert fit.variance[k, f] == pytest.approx(sigma2 * (contrast @ spread @ contrast), rel=1e-8)
            assert fit.df[k, f] == pytest.approx(numeric_df(one, ratios, contrast), rel=1e-4)


def test_on_balanced_complete_data_the_contrasts_are_limma_on_differences_and_on_means():
    rng = np.random.default_rng(5)
    participant = np.repeat(np.arange(14), 2)
    design = by_group_and_visit(participant % 2, np.tile([0, 1], 14))
    sd = np.sqrt(0.2 * 6 / rng.chisquare(6, (200, 1)))
    Y = 8 + sd * (rng.normal(size=(200, 28)) + 3 * rng.normal(size=(200, 14))[:, participant])
    within, between = design.contrast({"change": 1}), design.contrast({"case": 1, "change": 0.5})
    fit = fit_mixed(Y, design, [within, between], participant)
    assert not fit.boundary.any()
    simple = two_groups("case", np.arange(14) % 2)
    pairs = Y.reshape(200, 14, 2)
    for k, values in enumerate([pairs[:, :, 1] - pairs[:, :, 0], pairs.mean(axis=2)]):
        plain = fit_contrast(values, simple, simple.contrast({"case": 1}))
        expected = moderated_t(plain.estimate, plain.unscaled, plain.variance, plain.df)
        found = moderated_contrast(fit, k)
        for name in ("se", "statistic", "df", "p_value", "ci_low", "ci_high"):
            np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-8, err_msg=name)
        np.testing.assert_allclose(fit.df[k], 12, rtol=1e-8)


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_a_fit_on_the_boundary_is_the_fixed_model_and_says_so(study, missing):
    _, design, contrasts = study
    rng = np.random.default_rng(6)
    Y = rng.normal(size=(60, 40))
    Y -= 0.5 * Y.reshape(60, 10, 4).mean(axis=2)[:, PARTICIPANT]  # participants differ less than by chance
    Y[rng.random(Y.shape) < missing] = np.nan
    fit = fit_mixed(Y, design, contrasts, PARTICIPANT)
    on = fit.boundary
    assert on.mean() > 0.5
    assert (fit.components[0, on] == 0).all()
    assert (fit.components[0, ~on] > 0).all()
    for k, contrast in enumerate(contrasts):
        plain = fit_contrast(Y, design, contrast)
        np.testing.assert_allclose(fit.estimate[k, on], plain.estimate[on], rtol=1e-9)
        np.testing.assert_allclose(fit.variance[k, on], (plain.unscaled**2 * plain.variance)[on], rtol=1e-9)
        np.testing.assert_allclose(fit.df[k, on], plain.df[on], rtol=1e-12)


def test_a_feature_without_repeats_is_fitted_by_the_fixed_model(study):
    Y, design, contrasts = study
    Y[0] = np.where((TISSUE == 0) & (VISIT == PARTICIPANT // 2 % 2), Y[0], np.nan)
    fit = fit_mixed(Y, design, contrasts, PARTICIPANT)
    plain = fit_contrast(Y[:1], design, contrasts[1])
    assert fit.n[0] == 10
    assert fit.boundary[0]
    assert fit.estimate[1, 0] == pytest.approx(plain.estimate[0])
    assert fit.variance[1, 0] == pytest.approx(plain.unscaled[0] ** 2 * plain.variance[0])
    assert fit.df[1, 0] == plain.df[0] == 6


def test_useless_weights_are_missing_values_and_equal_ones_change_nothing_but_the_residual_scale(study):
    Y, design, contrasts = study
    rng = np.random.default_rng(7)
    holes = rng.random(Y.shape) < 0.2
    gone = fit_mixed(np.where(holes, np.nan, Y), design, contrasts, PARTICIPANT)
    for useless in (0.0, -1.0, np.nan):
        assert_same(fit_mixed(Y, design, contrasts, PARTICIPANT, weights=np.where(holes, useless, 1.0)), gone)
    quadruple = fit_mixed(Y, design, contrasts, PARTICIPANT, weights=np.full(Y.shape, 4.0))
    plain = fit_mixed(Y, design, contrasts, PARTICIPANT)
    for name in ("estimate", "variance", "df"):
        np.testing.assert_allclose(getattr(quadruple, name), getattr(plain, name), rtol=1e-7)
    np.testing.assert_allclose(quadruple.components, plain.components * [[1], [4]], rtol=1e-6)


def test_units_and_origin_of_the_values_do_not_matter(study):
    Y, design, contrasts = study
    fit, other = (fit_mixed(values, design, contrasts, PARTICIPANT) for values in (Y, 1e-6 * (Y + 500)))
    np.testing.assert_allclose(other.estimate, 1e-6 * fit.estimate, rtol=1e-6)
    np.testing.assert_allclose(other.variance, 1e-12 * fit.variance, rtol=1e-6)
    np.testing.assert_allclose(other.df, fit.df, rtol=1e-6)


@pytest.mark.parametrize("nested", [None, TISSUE])
def test_the_order_of_samples_and_the_names_of_participants_do_not_matter(study, nested):
    Y, design, contrasts = study
    Y[::2, 5] = np.nan
    fit = fit_mixed(Y, design, contrasts, PARTICIPANT, nested=nested)
    order = np.random.default_rng(8).permutation(40)
    names = np.array([f"P{9 - p}" for p in PARTICIPANT])[order]
    mixed_up = type(design)(design.matrix[order], design.names)
    again = fit_mixed(
        Y[:, order], mixed_up, contrasts, names, nested=None if nested is None else nested[order]
    )
    assert_same(again, fit)


def test_neither_chunks_nor_company_matter(study, monkeypatch):
    Y, design, contrasts = study
    Y[::3, 2] = np.nan
    whole = fit_mixed(Y, design, contrasts, PARTICIPANT)
    monkeypatch.setattr(mixed, "CHUNK", 1)
    assert_same(fit_mixed(Y, design, contrasts, PARTICIPANT), whole, rtol=1e-9)


def test_an_estimable_contrast_of_a_deficient_design_is_estimated(study):
    Y, design, contrasts = study
    Y[::2, 3] = np.nan
    twice = combine(design, factor("wave", [str(v) for v in VISIT]))
    wider = [np.append(contrast, 0) for contrast in contrasts]
    one, other = (fit_mixed(Y, d, c, PARTICIPANT) for d, c in [(design, contrasts[:2]), (twice, wider[:2])])
    assert_same(one, other)


def test_what_a_feature_cannot_tell_is_nan_and_the_rest_is_not(study):
    Y, design, contrasts = study
    Y[0] = np.nan
    Y[1, CASE == 1] = np.nan  # no cases
    Y[2, 4:] = np.nan  # as many values as coefficients, or fewer
    Y[3] = Y[3, PARTICIPANT * 4]  # nothing varies within participants
    fit = fit_mixed(Y, design, contrasts, PARTICIPANT)
    for name in ("estimate", "variance", "df"):
        assert np.isnan(getattr(fit, name)[:, :4]).all()
        assert not np.isnan(getattr(fit, name)[:, 4:]).any()
    assert list(fit.n[:4]) == [0, 20, 4, 40]
    assert np.isfinite(fit.components[:, 1]).all()
    later = fit_mixed(Y, design, [design.contrast({"later": 1})], PARTICIPANT)
    assert np.isfinite(later.estimate[0, 1])
    test = moderated_contrast(fit, 0)
    assert np.array_equal(np.isnan(test.p_value), np.arange(30) < 4)


@pytest.mark.parametrize("nested", [None, TISSUE])
@pytest.mark.parametrize("weighted", [False, True])
def test_features_of_few_distinct_values_are_fitted_or_nan_but_never_a_warning(study, nested, weighted):
    Y, design, contrasts = study
    rng = np.random.default_rng(11)
    Y = np.vstack([np.round(Y), Y > 9, np.where(rng.random(Y.shape) < 0.9, 0, Y), Y[:, PARTICIPANT * 4]])
    Y[rng.random(Y.shape) < np.tile([0, 0.5, 0.8], 40)[:, None]] = np.nan
    weights = 10 ** rng.uniform(-3, 3, Y.shape) if weighted else None
    fit = fit_mixed(Y, design, contrasts, PARTICIPANT, nested=nested, weights=weights)
    plain = fit_contrast(Y, design, contrasts[2], weights)
    known = ~np.isnan(fit.df[2])
    assert 0.3 < known.mean() < 1
    assert np.array_equal(known, ~np.isnan(fit.variance[2]))
    assert (fit.variance[2, known] >= 0).all()
    assert (fit.df[2, known] > 0).all()
    assert (fit.df[2, known] <= plain.df[known] * (1 + 1e-9)).all()


def test_a_constant_feature_has_no_effect_and_no_variance(study):
    Y, design, contrasts = study
    Y[0] = 7.3
    Y[1] = np.where(np.arange(40) == 2, np.nan, 7.3)
    fit = fit_mixed(Y, design, contrasts, PARTICIPANT)
    np.testing.assert_allclose(fit.estimate[:, :2], 0, atol=1e-12)
    np.testing.assert_allclose(fit.variance[:, :2], 0, atol=1e-20)
    assert fit.boundary[:2].all()


def test_participants_that_differ_ten_thousand_times_more_than_their_visits_keep_their_digits(study):
    Y, design, contrasts = study
    rng = np.random.default_rng(9)
    Y = rng.normal(size=(20, 40)) + 1e3 * rng.normal(size=(20, 10))[:, PARTICIPANT]
    fit = fit_mixed(Y, design, contrasts, PARTICIPANT)
    means = Y.reshape(20, 10, 4).mean(axis=2)
    simple = two_groups("case", np.arange(10) % 2)
    plain = fit_contrast(means, simple, simple.contrast({"case": 1}))
    np.testing.assert_allclose(fit.estimate[0], plain.estimate, rtol=1e-7)
    np.testing.assert_allclose(fit.variance[0], plain.unscaled**2 * plain.variance, rtol=1e-6)
    np.testing.assert_allclose(fit.df[0], 8, rtol=1e-6)


def test_with_few_participants_the_moderated_test_keeps_its_level():
    rng = np.random.default_rng(10)
    participant, visit = np.repeat(np.arange(10), 3), np.tile([0, 1, 2], 10)
    design = combine(two_groups("case", participant % 2), factor("visit", [f"V{v}" for v in visit]))
    contrasts = [design.contrast({"case": 1}), design.contrast({"visit[V1]": 1})]
    noise = rng.normal(size=(20_000, 30)) + rng.normal(size=(20_000, 10))[:, participant]
    fit = fit_mixed(noise * np.sqrt(8 / rng.chisquare(8, (20_000, 1))), design, contrasts, participant)
    for k in range(2):  # Monte Carlo error 0.0015
        assert 0.045 <= np.mean(moderated_contrast(fit, k).p_value < 0.05) <= 0.055


def test_no_features_is_no_error(study):
    _, design, contrasts = study
    fit = fit_mixed(np.empty((0, 40)), design, contrasts, PARTICIPANT)
    assert fit.estimate.shape == (3, 0)
    assert fit.components.shape == (2, 0)


def test_what_cannot_be_fitted_is_refused(study):
    Y, design, contrasts = study
    with pytest.raises(ValueError, match=r"40 samples in the design, matrix of shape \(30, 39\)"):
        fit_mixed(Y[:, 1:], design, contrasts, PARTICIPANT)
    with pytest.raises(ValueError, match="weights of shape"):
        fit_mixed(Y, design, contrasts, PARTICIPANT, weights=np.ones((2, 2)))
    with pytest.raises(ValueError, match="groups: 3 labels for 40 samples"):
        fit_mixed(Y, design, contrasts, ["a", "b", "c"])
    with pytest.raises(ValueError, match="no participant has two samples"):
        fit_mixed(Y, design, contrasts, np.arange(40))
    with pytest.raises(ValueError, match="no nested group has two samples"):
        fit_mixed(Y, design, contrasts, PARTICIPANT, nested=np.arange(40))
    with pytest.raises(ValueError, match="no participant has two nested groups"):
        fit_mixed(Y, design, contrasts, PARTICIPANT, nested=CASE)
    aliased = two_groups("case", CASE, factors={"batch": [str(c) for c in CASE]})
    with pytest.raises(ValueError, match=r"~ 1 \+ case \+ batch does not determine the contrast"):
        fit_mixed(Y, aliased, [aliased.contrast({"case": 1})], PARTICIPANT)
    with pytest.raises(ValueError, match="infinite weights"):
        fit_mixed(Y, design, contrasts, PARTICIPANT, weights=np.full(Y.shape, np.inf))
    Y[0, 0] = np.inf
    with pytest.raises(ValueError, match="infinite values; a missing value is NaN"):
        fit_mixed(Y, design, contrasts, PARTICIPANT)
