import numpy as np
import pytest

from scleromyomics.stats.reml import OneLevel, TwoLevels, deviance, deviance_value

NESTED = np.repeat(np.arange(12), 3)  # two nested groups in each of six participants
PARTICIPANT = NESTED // 2
DF = np.full(4, 33.0)


@pytest.fixture
def data():
    rng = np.random.default_rng(1)
    x = np.column_stack([np.ones(36), rng.normal(size=(36, 2))])
    return x, rng.normal(size=(4, 36)), rng.gamma(2, 1, (4, 36))


def sums(x, y, w, groups):
    z = np.concatenate([np.broadcast_to(x, (4, *x.shape)), y[:, :, None]], axis=2)
    member = (groups[:, None] == np.unique(groups)).astype(float)
    s = w @ member
    total = np.einsum("fn,fnq,ng->fgq", w, z, member)
    within = np.einsum("fn,fnq,fnr->fqr", w, z, z) - np.einsum("fg,fgq,fgr->fqr", 1 / s, total, total)
    return within, s, total


def one_level(x, y, w):
    within, s, total = sums(x, y, w, PARTICIPANT)
    return OneLevel(within, s, np.ones(6), np.einsum("fg,fgq,fgr->fgqr", 1 / s, total, total))


def two_levels(x, y, w):
    return TwoLevels(*sums(x, y, w, NESTED), first=np.arange(0, 12, 2))


def dense(x, y, w, ratio):
    """The deviance from the whole covariance matrix of one feature."""
    covariance = np.diag(1 / w)
    for value, groups in zip(ratio, (PARTICIPANT, NESTED), strict=False):
        covariance += value * (groups[:, None] == groups)
    inverse = np.linalg.inv(covariance)
    information = x.T @ inverse @ x
    beta = np.linalg.solve(information, x.T @ inverse @ y)
    rss = (y - x @ beta) @ inverse @ (y - x @ beta)
    logdet = np.linalg.slogdet(covariance)[1] + np.log(w).sum()
    return logdet + np.linalg.slogdet(information)[1] + 33 * np.log(rss), beta, rss, information


@pytest.mark.parametrize(
    ("terms", "ratio"),
    [(one_level, [0.0]), (one_level, [2.5]), (two_levels, [0.0, 0.0]), (two_levels, [0.7, 3.0])],
)
def test_the_deviance_is_that_of_the_whole_covariance_matrix(data, terms, ratio):
    found = deviance(terms(*data).at(np.tile(ratio, (4, 1))), DF)
    alone = deviance_value(terms(*data).form(np.tile(ratio, (4, 1))), DF)
    x, Y, W = data
    for f, (y, w) in enumerate(zip(Y, W, strict=True)):
        value, beta, rss, information = dense(x, y, w, ratio)
        assert found.value[f] == pytest.approx(value, rel=1e-12)
        assert alone[f] == pytest.approx(value, rel=1e-12)
        assert found.rss[f] == pytest.approx(rss, rel=1e-12)
        np.testing.assert_allclose(found.beta[f], beta, rtol=1e-10)
        np.testing.assert_allclose(found.inverse[f], np.linalg.inv(information), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(("terms", "ratio"), [(one_level, [1.2]), (two_levels, [0.7, 1.5])])
def test_the_derivatives_are_those_of_finite_differences(data, terms, ratio):
    terms, ratio, h = terms(*data), np.tile(ratio, (4, 1)), 1e-5
    here = deviance(terms.at(ratio), DF)
    for level in range(ratio.shape[1]):
        shift = h * (np.arange(ratio.shape[1]) == level)
        up, down = (deviance(terms.at(ratio + sign * shift), DF) for sign in (1, -1))
        x_up, x_down = (np.linalg.inv(side.inverse) for side in (up, down))
        for exact, high, low in (
            (here.gradient[:, level], up.value, down.value),
            (here.hessian[:, level], up.gradient, down.gradient),
            (here.rss_slope[:, level], up.rss, down.rss),
            (here.slope[:, level], x_up, x_down),
        ):
            np.testing.assert_allclose(exact, (high - low) / (2 * h), rtol=1e-6, atol=1e-7)


def test_a_class_of_equal_groups_is_their_sum(data):
    x, Y, _ = data
    terms = one_level(x, Y, np.ones_like(Y))
    ratio = np.linspace(0.1, 9, 4)[:, None]
    together = OneLevel(
        terms.within, np.full((1, 1), 6.0), np.array([6.0]), terms.between.sum(axis=1, keepdims=True)
    )
    one, other = deviance(terms.at(ratio), DF), deviance(together.at(ratio), DF)
    for name in ("value", "gradient", "hessian"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("terms", [one_level, two_levels])
def test_a_part_of_the_features_is_that_part(data, terms):
    whole, part = terms(*data), terms(*data).rows(np.array([2, 0]))
    ratio = np.full((4, whole.levels), 0.4)
    values = deviance(whole.at(ratio), DF).value
    np.testing.assert_allclose(deviance(part.at(ratio[:2]), DF[:2]).value, values[[2, 0]], rtol=1e-14)
