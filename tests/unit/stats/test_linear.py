import numpy as np
import pytest

from scleromyomics.stats import linear
from scleromyomics.stats.design import combine, factor, two_groups
from scleromyomics.stats.linear import fit_contrast

NAMES = ("estimate", "unscaled", "variance", "df", "n")


@pytest.fixture
def study():
    rng = np.random.default_rng(3)
    design = two_groups(
        "case",
        np.arange(12) % 2,
        covariates={"age": rng.uniform(20, 70, 12)},
        factors={"batch": list("AAABBB" * 2)},
    )
    return 8 + rng.normal(size=(40, 12)), design, design.contrast({"case": 1})


def one_by_one(Y, design, contrast, weights):
    """Every feature on its own, by the pseudo-inverse of its own rows."""
    results = []
    for y, w in zip(Y, weights, strict=True):
        seen = np.isfinite(y) & (w > 0)
        root = np.sqrt(w[seen])
        X = design.matrix[seen] * root[:, None]
        inverse = np.linalg.pinv(X)
        coefficients = inverse @ (y[seen] * root)
        rank = np.linalg.matrix_rank(X)
        rss = np.sum((y[seen] * root - X @ coefficients) ** 2)
        spanned = np.allclose(contrast @ inverse @ X, contrast, atol=1e-8)
        df = seen.sum() - rank
        results.append(
            [
                contrast @ coefficients if spanned else np.nan,
                np.linalg.norm(contrast @ inverse) if spanned else np.nan,
                rss / df if df else np.nan,
                df,
                seen.sum(),
            ]
        )
    return np.array(results).T


def assert_same(fit, expected):
    for name, values in zip(NAMES, expected, strict=True):
        np.testing.assert_allclose(getattr(fit, name), values, rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("missing", [0.0, 0.1, 0.5, 0.8])
def test_every_feature_is_fitted_as_if_alone(study, missing):
    Y, design, contrast = study
    Y[np.random.default_rng(4).random(Y.shape) < missing] = np.nan
    assert_same(fit_contrast(Y, design, contrast), one_by_one(Y, design, contrast, np.ones_like(Y)))


def test_weights_are_exact_per_feature_and_useless_ones_are_missing_values(study):
    Y, design, contrast = study
    rng = np.random.default_rng(5)
    weights = rng.uniform(0.01, 30, Y.shape)
    weights[rng.random(Y.shape) < 0.1] = 0
    Y[rng.random(Y.shape) < 0.1] = np.nan
    expected = one_by_one(Y, design, contrast, weights)
    assert_same(fit_contrast(Y, design, contrast, weights), expected)
    assert_same(fit_contrast(Y, design, contrast, np.where(weights > 0, weights, np.nan)), expected)


def test_equal_weights_change_nothing_but_the_scale(study):
    Y, design, contrast = study
    plain, weighted = (
        fit_contrast(Y, design, contrast),
        fit_contrast(Y, design, contrast, np.full(Y.shape, 4.0)),
    )
    np.testing.assert_allclose(weighted.estimate, plain.estimate, rtol=1e-11)
    np.testing.assert_allclose(weighted.unscaled**2 * weighted.variance, plain.unscaled**2 * plain.variance)


def test_a_feature_without_one_group_has_no_estimate_but_a_variance(study):
    Y, design, contrast = study
    Y[0, 1::2] = np.nan
    fit = fit_contrast(Y, design, contrast)
    assert np.isnan(fit.estimate[0])
    assert np.isnan(fit.unscaled[0])
    assert fit.variance[0] > 0
    assert fit.df[0] == 3
    assert not np.isnan(fit.estimate[1:]).any()


def test_a_feature_missing_everywhere_has_nothing(study):
    Y, design, contrast = study
    Y[5] = np.nan
    fit = fit_contrast(Y, design, contrast)
    assert np.isnan([fit.estimate[5], fit.unscaled[5], fit.variance[5]]).all()
    assert (fit.df[5], fit.n[5]) == (0, 0)


def test_an_estimable_contrast_of_a_deficient_design_is_estimated(study):
    Y, design, contrast = study
    twice = combine(design, factor("wave", list("AAABBB" * 2)))
    assert_same(
        fit_contrast(Y, twice, twice.contrast({"case": 1})),
        [getattr(fit_contrast(Y, design, contrast), name) for name in NAMES],
    )


def test_the_size_of_the_chunks_does_not_matter(study, monkeypatch):
    Y, design, contrast = study
    Y[::3, 2] = np.nan
    whole = fit_contrast(Y, design, contrast)
    monkeypatch.setattr(linear, "CHUNK", 500)
    assert_same(fit_contrast(Y, design, contrast), [getattr(whole, name) for name in NAMES])


def test_a_feature_does_not_depend_on_its_company(study):
    Y, design, contrast = study
    Y[::2, 3] = np.nan
    whole = fit_contrast(Y, design, contrast)
    for row in (0, 1):
        alone = fit_contrast(Y[row : row + 1], design, contrast)
        np.testing.assert_allclose(alone.estimate[0], whole.estimate[row], rtol=1e-12)


def test_a_nearly_aliased_design_keeps_its_digits():
    rng = np.random.default_rng(6)
    case = np.arange(20) % 2
    design = two_groups("case", case, covariates={"dose": case + 1e-4 * rng.normal(size=20)})
    truth = design.contrast({"intercept": 8, "case": 3, "dose": 2})
    Y = np.tile(design.matrix @ truth, (3, 1))
    Y[1, 4] = Y[2, 7] = np.nan
    fit = fit_contrast(Y, design, design.contrast({"case": 1}))
    np.testing.assert_allclose(fit.estimate, 3, rtol=1e-9)


def test_no_features_is_no_error(study):
    _, design, contrast = study
    assert fit_contrast(np.empty((0, 12)), design, contrast).estimate.shape == (0,)


def test_what_cannot_be_fitted_is_refused(study):
    Y, design, contrast = study
    with pytest.raises(ValueError, match=r"12 samples in the design, matrix of shape \(40, 11\)"):
        fit_contrast(Y[:, 1:], design, contrast)
    with pytest.raises(ValueError, match="weights of shape"):
        fit_contrast(Y, design, contrast, np.ones((2, 2)))
    aliased = two_groups("case", np.arange(12) % 2, factors={"batch": list("AB" * 6)})
    with pytest.raises(ValueError, match=r"~ 1 \+ case \+ batch does not determine the contrast"):
        fit_contrast(Y, aliased, aliased.contrast({"case": 1}))
    Y[0, 0] = -np.inf
    with pytest.raises(ValueError, match="infinite values; a missing value is NaN"):
        fit_contrast(Y, design, contrast)
