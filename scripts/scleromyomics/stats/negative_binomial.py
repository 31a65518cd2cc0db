"""The steps of DESeq2 that are repeated for each feature, for all features at once.

Love, Huber, Anders 2014, doi:10.1186/s13059-014-0550-8. Counts of a feature follow a negative binomial with
mean s exp(x'b), s the size factor of the sample, and variance mu + alpha mu^2. `inference()` hands these
functions to PyDESeq2, which calls them with its names and keeps its own for the rest. Where PyDESeq2 differs
from DESeq2 1.38 they follow DESeq2: variances of coefficients take means of at least `min_mu`, the trend of
dispersions leaves out those at the lower bound, an estimate that gains nothing over its start stays there.
One thing is not as in DESeq2: a search for a dispersion that stalls on rounding ends there, so that results do
not depend on processors and their number by more than 1e-5.
Samples are rows, features columns, coefficients are on the natural log scale.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scleromyomics.stats.design import Matrix, Vector

Prior = tuple[Vector, float]  # mean of each feature's log dispersion, and variance

CHUNK = 2**21  # numbers worked on at a time (16 MB)
MIN_MU = 0.5  # the smallest fitted mean, in counts (DESeq2)
RIDGE = 1e-6 / np.log(2) ** 2  # of the coefficients: 1e-6 on the log2 scale (DESeq2)
GAIN = 1e-6  # of log likelihood: the search for a dispersion ends with a step that gains less (DESeq2)
NO_GAIN = 1e-6  # a dispersion whose likelihood gained less than this fraction stays at its start (DESeq2)
ARMIJO = 1e-4  # the fraction of the gain promised by the slope that a step must bring (DESeq2)
STALLED = (
    1e-5  # of log dispersion: a step so small that fails for rounding ends it too (not DESeq2: its grid)
)
STEPS = 100  # of that search (DESeq2); what has not ended by then is searched on a grid
GRID = 20  # points of that grid (DESeq2)
LOG_ALPHA = (-30.0, 10.0)  # steps end here (DESeq2)
START_ABOVE = 0.1  # times the trend: lower estimates do not start the search with the prior (DESeq2)
TREND_ABOVE = 1e-6  # dispersions below this (100 times the lower bound) do not inform the trend (DESeq2)
TREND_WITHIN = (1e-4, 15.0)  # nor do those that are so many times the trend (DESeq2)
TREND_START = (0.1, 1.0)  # asymptotic dispersion and extra-Poisson term where the trend begins (DESeq2)
TREND_ITERATIONS = 11  # of leaving out and fitting again; DESeq2 gives up here
PRIOR_FLOOR = 0.25  # the smallest prior variance of log dispersions (DESeq2)
FEW_DF = 3  # up to here the variance of log dispersions is found by matching distributions (DESeq2)


def inference() -> Any:
    """PyDESeq2's inference object with the functions of this module, on one core."""
    from pydeseq2.default_inference import DefaultInference  # type: ignore[import-untyped]

    before = np.empty(0)

    def alpha_mle(*, alpha_hat: Vector, prior_reg: bool = False, **given: Any) -> Any:
        """Asked for each feature alone first, then with the prior: from where the first search ended (DESeq2)."""
        nonlocal before
        start = np.where(before > START_ABOVE * alpha_hat, before, alpha_hat) if prior_reg else alpha_hat
        found = fit_dispersions(alpha_hat=alpha_hat, start=start, prior_reg=prior_reg, **given)
        before = found[0]
        return found

    ours = DefaultInference(n_cpus=1)
    ours.lin_reg_mu, ours.irls, ours.alpha_mle = linear_means, fit_coefficients, alpha_mle
    ours.wald_test, ours.dispersion_trend_gamma_glm = wald_tests, fit_trend
    return ours


def linear_means(counts: Matrix, size_factors: Vector, design_matrix: Matrix, min_mu: float) -> Matrix:
    """Means of the cells of a design that has no others: least squares of normalised counts."""
    q = np.linalg.qr(design_matrix)[0]
    means: Matrix = np.maximum(q @ (q.T @ (counts / size_factors[:, None])) * size_factors[:, None], min_mu)
    return means


def fit_coefficients(  # noqa: PLR0917 - PyDESeq2's names and order
    counts: Matrix,
    size_factors: Vector,
    design_matrix: Matrix,
    disp: Vector,
    min_mu: float,
    beta_tol: float,
    min_beta: float = -30.0,
    max_beta: float = 30.0,
    maxiter: int = 100,
    **_: object,
) -> tuple[Matrix, Matrix, Matrix, NDArray[np.bool_]]:
    """Iteratively reweighted least squares; features where it fails are given to PyDESeq2's solver.

    Returns:
        Coefficients (features by p), means and leverages (samples by features), and whether each converged.
    """
    from pydeseq2.utils import irls_solver  # type: ignore[import-untyped]

    samples, features = counts.shape
    normalised = np.log(counts / size_factors[:, None] + 0.1)
    beta = np.asarray((np.linalg.pinv(design_matrix) @ normalised).T, dtype=np.float64)
    mu, hat = np.empty((2, features, samples))
    converged = np.zeros(features, dtype=bool)
    for rows in _chunks(features, design_matrix):
        beta[rows], converged[rows] = _reweighted(
            counts.T[rows], size_factors, design_matrix, disp[rows], beta[rows], min_mu, beta_tol, maxiter
        )
        converged[rows] &= ((beta[rows] >= min_beta) & (beta[rows] <= max_beta)).all(axis=1)
        mu[rows] = _means(beta[rows], size_factors, design_matrix, min_mu)
        weights = mu[rows] / (1.0 + disp[rows, None] * mu[rows])
        inverse = np.linalg.inv(_information(weights, design_matrix) + RIDGE * np.eye(beta.shape[1]))
        hat[rows] = weights * np.einsum("fns,ns->fn", design_matrix @ inverse, design_matrix)
    for row in np.flatnonzero(~converged):
        beta[row], mu[row], hat[row], converged[row] = irls_solver(
            counts[:, row], size_factors, design_matrix, disp[row], min_mu, beta_tol, min_beta, max_beta
        )
    return beta, mu.T, hat.T, converged


def fit_dispersions(
    *,
    counts: Matrix,
    design_matrix: Matrix,
    mu: Matrix,
    alpha_hat: Vector,
    start: Vector,
    min_disp: float,
    max_disp: float,
    prior_disp_var: float | None = None,
    prior_reg: bool = False,
    **_: object,
) -> tuple[Vector, NDArray[np.bool_]]:
    """Dispersions of greatest Cox-Reid adjusted likelihood, or posterior density.

    Args:
        counts: samples by features.
        design_matrix: samples by coefficients.
        mu: means, samples by features.
        alpha_hat: the prior mean where there is a prior.
        start: where the search begins.
        min_disp: lower bound.
        max_disp: upper bound.
        prior_disp_var: variance of the normal prior of log dispersions.
        prior_reg: whether the prior counts.

    Returns:
        Dispersions, and whether the search for each ended.
    """
    variance = prior_disp_var if prior_reg and prior_disp_var else np.inf
    found, ended = start.astype(float), np.ones(len(start), dtype=bool)
    mean = np.log(alpha_hat)
    for rows in _chunks(len(alpha_hat), design_matrix):
        begin = np.log(start[rows])
        log_alpha, gain, initial, steps = _ascend(
            counts.T[rows], mu.T[rows], design_matrix, begin, np.log(min_disp / 10.0), (mean[rows], variance)
        )
        ended[rows] = steps < STEPS
        if not prior_reg:
            log_alpha = np.where(gain < NO_GAIN * np.abs(initial), begin, log_alpha)
            ended[rows] &= steps > 1
        found[rows] = np.clip(np.exp(log_alpha), min_disp, max_disp)
    rest = np.flatnonzero(~ended & (found > 10.0 * min_disp))
    if rest.size:
        bounds = np.log(min_disp), np.log(max_disp)
        on_grid = _grid(counts.T[rest], mu.T[rest], design_matrix, bounds, (mean[rest], variance))
        found[rest] = np.clip(np.exp(on_grid), min_disp, max_disp)
    return found, ended


def wald_tests(
    design_matrix: Matrix,
    disp: Vector,
    lfc: Matrix,
    mu: Matrix,
    contrast: Vector,
    **_: object,
) -> tuple[Vector, Vector, Vector]:
    """Two-sided Wald tests of a contrast against 0: p-values, statistics, standard errors (natural log)."""
    from scipy.special import ndtr

    se = np.full(len(lfc), np.nan)
    fitted = np.isfinite(lfc).all(axis=1) & np.isfinite(disp)
    ridge = RIDGE * np.eye(len(contrast))
    for rows in _chunks(len(lfc), design_matrix):
        kept = np.arange(len(lfc))[rows][fitted[rows]]
        means = np.maximum(mu.T[kept], MIN_MU)
        information = _information(means / (1.0 + disp[kept, None] * means), design_matrix)
        solved = np.linalg.solve(
            information + ridge, np.broadcast_to(contrast[:, None], (kept.size, *contrast.shape, 1))
        )
        se[kept] = np.sqrt((solved.transpose(0, 2, 1) @ information @ solved)[:, 0, 0])
    statistic = (lfc @ contrast) / se
    return 2.0 * ndtr(-np.abs(statistic)), statistic, se


def fit_trend(covariates: Any, targets: Any) -> tuple[Vector, Vector, bool]:
    """The trend a0 + a1 / mean of dispersions: a gamma model fitted again until outliers settle.

    Args:
        covariates: 1 / mean of each feature.
        targets: its dispersion.

    Returns:
        (a0, a1), the trend at each feature, and whether it was found with both positive.
    """
    x = np.column_stack([np.ones(len(covariates)), np.asarray(covariates, dtype=float)])
    y = np.asarray(targets, dtype=float)
    usable = y >= TREND_ABOVE
    trend = np.array(TREND_START)
    for _ in range(TREND_ITERATIONS):
        ratio = y / (x @ trend)
        kept = usable & (ratio > TREND_WITHIN[0]) & (ratio < TREND_WITHIN[1])
        before, trend = trend, _gamma_fit(x[kept], y[kept], trend)
        if not (trend > 0).all():
            break
        if np.sum(np.log(trend / before) ** 2) < 1e-6:
            return trend, x @ trend, True
    return trend, x @ trend, False


def prior_variance_at_few_df(log_residuals: Vector, df: int) -> float:
    """Prior variance of log dispersions where few degrees of freedom skew their estimates.

    The variance for which the normal prior, convolved with log(chi square(df) / df), has the smallest Kullback-
    Leibler divergence from the distribution of the log residuals. DESeq2 draws the convolution at random; here
    it is computed.

    Args:
        log_residuals: log of the dispersions over their trend.
        df: residual degrees of freedom, up to `FEW_DF`.
    """
    from scipy.special import ndtr
    from scipy.stats import chi2

    edges = np.arange(-20, 21) / 2.0
    observed = np.histogram(log_residuals[np.abs(log_residuals) < edges[-1]], edges, density=True)[0]
    noise = np.log(chi2.ppf((np.arange(2000) + 0.5) / 2000, df) / df)
    variances = np.linspace(0.0, 8.0, 200)
    divergence = []
    for sd in np.sqrt(np.maximum(variances, 1e-6)):
        density = np.diff(ndtr((edges[:, None] - noise) / sd).mean(axis=1)) / np.diff(edges)
        shift = 1e-4 / np.diff(edges)[0]  # one draw of DESeq2's 10,000: its smallest density
        divergence.append(np.sum(observed * (np.log(observed + shift) - np.log(density + shift))))
    return float(max(variances[int(np.argmin(divergence))], PRIOR_FLOOR))


def _chunks(features: int, design: Matrix) -> Iterator[slice]:
    step = max(1, CHUNK // (4 * design.shape[0] + 3 * design.shape[1] ** 2))
    return (slice(start, start + step) for start in range(0, features, step))


def _information(weights: Matrix, design: Matrix) -> NDArray[np.float64]:
    """X'WX of each feature: features x p x p."""
    n, p = design.shape
    products = (design[:, :, None] * design[:, None, :]).reshape(n, p * p)
    stack: NDArray[np.float64] = (weights @ products).reshape(-1, p, p)
    return stack


def _means(beta: Matrix, size_factors: Vector, design: Matrix, min_mu: float) -> Matrix:
    means: Matrix = np.maximum(np.exp(np.clip(beta @ design.T, -700, 700)) * size_factors, min_mu)
    return means


def _reweighted(  # noqa: PLR0917
    counts: Matrix,
    size_factors: Vector,
    design: Matrix,
    disp: Vector,
    start: Matrix,
    min_mu: float,
    tolerance: float,
    iterations: int,
) -> tuple[Matrix, NDArray[np.bool_]]:
    """Coefficients of features (rows), and whether their deviance settled."""
    beta, converged = start.copy(), np.zeros(len(start), dtype=bool)
    active, old = np.arange(len(start)), np.full(len(start), np.inf)
    ridge = RIDGE * np.eye(start.shape[1])
    for _ in range(iterations):
        y, alpha = counts[active], disp[active, None]
        mu = _means(beta[active], size_factors, design, min_mu)
        weights = mu / (1.0 + alpha * mu)
        working = np.log(mu / size_factors) + (y - mu) / mu
        right = (weights * working) @ design
        beta[active] = np.linalg.solve(_information(weights, design) + ridge, right[:, :, None])[:, :, 0]
        mu = _means(beta[active], size_factors, design, min_mu)
        deviance = -2.0 * _log_likelihood(y, mu, alpha)
        settled = np.abs(deviance - old[active]) < tolerance * (np.abs(deviance) + 0.1)
        old[active] = deviance
        converged[active[settled]] = True
        active = active[~settled]
        if not active.size:
            break
    return beta, converged


def _log_likelihood(y: Matrix, mu: Matrix, alpha: Matrix) -> Vector:
    """Log probability of each feature's counts."""
    from scipy.special import gammaln

    r = 1.0 / alpha
    terms = (
        gammaln(y + r) - gammaln(r) - gammaln(y + 1.0) + y * np.log(mu / (mu + r)) - r * np.log1p(mu * alpha)
    )
    total: Vector = terms.sum(axis=1)
    return total


def _ascend(  # noqa: PLR0917
    counts: Matrix, mu: Matrix, design: Matrix, start: Vector, lowest: float, prior: Prior
) -> tuple[Vector, Vector, Vector, NDArray[np.int64]]:
    """DESeq2's search: along the slope of each feature's log posterior, in steps that shrink where one fails.

    Returns:
        Log dispersions, what was gained (by the steps above `lowest`), the log posterior at the start, and the
        number of steps.
    """
    log_alpha, rate = start.copy(), np.ones(start.size)
    accepted, steps_made = np.zeros((2, start.size), dtype=int)
    value, slope = _posterior(counts, mu, design, start, prior)
    initial, active = value.copy(), np.arange(start.size)
    for _ in range(STEPS):
        here, uphill = log_alpha[active], slope[active]
        steps = rate[active] * uphill
        bounded = np.clip(here + steps, *LOG_ALPHA) - here
        with np.errstate(invalid="ignore", divide="ignore"):
            rate[active] = np.where(bounded == steps, rate[active], bounded / uphill)
        at, its_slope = _posterior(
            counts[active], mu[active], design, here + bounded, (prior[0][active], prior[1])
        )
        gain = at - value[active]
        taken = gain >= ARMIJO * rate[active] * uphill**2
        moved = active[taken]
        log_alpha[moved], slope[moved] = (here + bounded)[taken], its_slope[taken]
        low = taken & (gain >= GAIN) & (log_alpha[active] < lowest)
        value[active] = np.where(taken & ~low, at, value[active])
        steps_made[active] += 1
        accepted[moved] += 1
        rate[active[~taken]] /= 2.0
        rate[moved] = np.minimum(1.1 * rate[moved], 1.0) / np.where(accepted[moved] % 5 == 0, 2.0, 1.0)
        active = active[~(low | np.where(taken, gain < GAIN, np.abs(bounded) < STALLED))]
        if not active.size:
            break
    return log_alpha, value - initial, initial, steps_made


def _grid(counts: Matrix, mu: Matrix, design: Matrix, bounds: tuple[float, float], prior: Prior) -> Vector:
    """The best of a grid of log dispersions, then of a finer one around it (DESeq2's way out)."""
    grid = np.linspace(*bounds, GRID)
    centre: Vector = np.zeros(len(counts))
    for offsets in (grid, np.linspace(grid[0] - grid[1], grid[1] - grid[0], GRID)):
        trials = centre[:, None] + offsets
        values = [_posterior(counts, mu, design, trial, prior)[0] for trial in trials.T]
        centre = trials[np.arange(len(counts)), np.argmax(values, axis=0)]
    return centre


def _posterior(
    y: Matrix, mu: Matrix, design: Matrix, log_alpha: Vector, prior: Prior
) -> tuple[Vector, Vector]:
    """Cox-Reid adjusted log posterior of each feature at its log dispersion, up to a constant, and its slope."""
    from scipy.special import digamma, gammaln

    alpha = np.exp(log_alpha)[:, None]
    r, growth = 1.0 / alpha, np.log1p(mu * alpha)
    terms = gammaln(y + r) - y * np.log(mu + r) - r * growth
    slopes = digamma(r) + growth - mu * alpha / (1.0 + mu * alpha) - digamma(y + r) + y / (mu + r)
    weights = mu / (1.0 + mu * alpha)
    information = _information(weights, design)
    falling = np.linalg.solve(information, _information(-(weights**2), design))
    value = terms.sum(axis=1) - y.shape[1] * gammaln(r[:, 0]) - 0.5 * np.linalg.slogdet(information)[1]
    slope = r[:, 0] * slopes.sum(axis=1) - 0.5 * alpha[:, 0] * np.trace(falling, axis1=1, axis2=2)
    away = log_alpha - prior[0]
    return value - away**2 / (2.0 * prior[1]), slope - away / prior[1]


def _gamma_fit(x: Matrix, y: Vector, start: Vector) -> Vector:
    """A gamma model with identity link: least squares with weights 1 / mean^2, until they settle (as R's glm)."""
    coefficients: Vector = start
    for _ in range(100):
        mean = x @ coefficients
        before, coefficients = coefficients, np.linalg.pinv(x / mean[:, None]) @ (y / mean)
        while not (x @ coefficients > 0).all():
            coefficients = (coefficients + before) / 2.0
        if np.abs(coefficients / before - 1.0).max() < 1e-10:
            break
    return coefficients
