r"""Closed forms of the memory that averages over a ball, by Epanechnikov's kernel.

The ball around the query has the squared radius $2 / \beta$. Given the query, the right
key lies in it with probability I, and each of the n - 1 others, independently, with
probability P. Of M others the answer is the mean of all values in the ball.

Gaussian keys: given $q = k + s e$, a key that is independent of q is at a squared
distance that is a noncentral chi-squared variable of d degrees of freedom and
noncentrality $|q|^2$; and the right key is normal of mean $q / (1 + s^2)$ and variance
$s^2 / (1 + s^2)$ per coordinate, so that its distance follows such a law, too.
"""

from functools import partial

import numpy as np
from scipy.special import bdtr, betainc, chndtr

from .._base.checks import ArrayLike
from . import _kernel, _targets
from ._domain import Values, at_each, require


# Of the norm of queries, which the largest of many pairs makes sharp.
_STEP = 0.02


def epanechnikov_cosine(
    d: ArrayLike,
    n: ArrayLike,
    beta: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
    keys: str = "gaussian",
) -> Values:
    r"""Mean cosine of the memory with Epanechnikov's kernel, exact.

    $E\, I\, C_v((1 + M)^{-1/2})$ with M others in the ball, binomial of n - 1 and P; an
    answer of zero, where the ball is empty, has cosine 0. Evaluated to 1e-8.

    Args:
        d: dimension of the keys, from 1 to 1e4.
        n: stored pairs, from 1 to 1e300. Below 2, the second is there with probability
            n - 1.
        beta: inverse width; the ball has a squared radius of 2 / `beta`. At least 0.
        v: dimension of the values, at least 1; `d` if `None`.
        query_noise: standard deviation of the noise per coordinate of a query; 0 unless
            keys are Gaussian.
        keys: `"gaussian"`, `"spherical"` (norm $\sqrt d$) or `"bipolar"`.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Hoover et al. (2025), arXiv:2506.10801 (the rule). Derived here, by the integral
        in `theory/_kernel.py`.
    """
    arrays = _check("theory.epanechnikov_cosine", keys, d, n, beta, v, query_noise)
    return at_each(partial(_cosine, keys=keys), *arrays)


def epanechnikov_squared_error(
    d: ArrayLike,
    n: ArrayLike,
    beta: ArrayLike,
    *,
    v: ArrayLike | None = None,
    keys: str = "gaussian",
) -> Values:
    r"""Mean squared distance of the memory with Epanechnikov's kernel, exact.

    $v\, E\, M / (1 + M) = v\, (1 - E\, (1 - (1 - P)^n) / (n P))$, for queries without
    noise. Evaluated to 1e-8.

    Args:
        d: dimension of the keys, from 1 to 1e4.
        n: stored pairs, from 1 to 1e300.
        beta: inverse width; the ball has a squared radius of 2 / `beta`. At least 0.
        v: dimension of the values, at least 1; `d` if `None`.
        keys: `"gaussian"`, `"spherical"` (norm $\sqrt d$) or `"bipolar"`.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Hoover et al. (2025), arXiv:2506.10801 (the rule). Derived here.
    """
    call = "theory.epanechnikov_squared_error"
    d, n, v, _, beta = _check(call, keys, d, n, beta, v, 0.0)
    return v * at_each(partial(_error, keys=keys), d, n, beta)


def epanechnikov_exact_fraction(
    d: ArrayLike,
    n: ArrayLike,
    beta: ArrayLike,
    *,
    query_noise: ArrayLike = 0.0,
    keys: str = "gaussian",
) -> Values:
    r"""Share of the queries that are answered by the right value alone, exact.

    $E\, I\, (1 - P)^{n - 1}$: the right key is in the ball, and no other. On the sphere
    of radius $\sqrt d$, without noise, $P = I_{1 - t^2}((d - 1) / 2, 1 / 2) / 2$ with
    $t = 1 - 1 / (\beta d)$. The same holds for all kernels of this support. Evaluated
    to 1e-8.

    Args:
        d: dimension of the keys, from 1 to 1e4.
        n: stored pairs, from 1 to 1e300.
        beta: inverse width; the ball has a squared radius of 2 / `beta`. At least 0.
        query_noise: standard deviation of the noise per coordinate of a query; 0 unless
            keys are Gaussian.
        keys: `"gaussian"`, `"spherical"` (norm $\sqrt d$) or `"bipolar"`.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Hoover et al. (2025), arXiv:2506.10801 (exact retrieval). Derived here.
    """
    call = "theory.epanechnikov_exact_fraction"
    d, n, _, query_noise, beta = _check(call, keys, d, n, beta, None, query_noise)
    return at_each(partial(_exact, keys=keys), d, n, query_noise, beta)


def _check(call, keys, d, n, beta, v, query_noise):
    """Parameters as arrays, with beta last."""
    arrays = _targets.check(call, keys, d, n, v, query_noise, beta=beta)
    d, n, _, query_noise, beta = arrays
    require(call, "d", d, d <= 1e4, "d <= 1e4")
    require(call, "n", n, n <= 1e300, "n <= 1e300")
    require(call, "beta", beta, beta >= 0, "beta >= 0")
    if keys != "gaussian":
        domain = "query_noise = 0 unless keys are Gaussian"
        require(call, "query_noise", query_noise, query_noise == 0, domain)
    return arrays


def _cosine(d, n, v, query_noise, beta, keys):
    right, other, weights = _in_ball(d, query_noise, beta, keys)
    # A ratio of weights is 1 in the ball and 0 outside.
    absent = lambda u, target: -np.expm1(-np.exp(u)) * target.along[:, None]
    target = _targets.Targets(other, other, weights * right)
    return min(_kernel.mean(_kernel.cosine_profile(n, v), n, target, absent), 1.0)


def _error(d, n, beta, keys):
    """Mean squared distance per coordinate of a value, of queries without noise."""
    _, other, weights = _in_ball(d, 0.0, beta, keys)
    p = np.clip(other, 1e-300 / n, 1 - 1e-16)
    return float(max(1 - weights @ (-np.expm1(n * np.log1p(-p)) / (n * p)), 0.0))


def _exact(d, n, query_noise, beta, keys):
    right, other, weights = _in_ball(d, query_noise, beta, keys)
    alone = np.exp((n - 1) * np.log1p(-np.minimum(other, 1 - 1e-16)))
    return float(min((weights * right) @ alone, 1.0))


def _in_ball(d, query_noise, beta, keys):
    """Probabilities of the right key and of another one, and weights, by query."""
    square, sure = 2 / np.clip(beta, 1e-100, 1e100), np.ones(1)
    if keys == "gaussian":
        return _gaussian(d, query_noise, square)
    if keys == "bipolar" or d == 1:
        # Keys that differ in fewer signs than a quarter of the squared radius.
        fewer = np.ceil(min(square / 4, d + 1)) - 1
        return sure, np.array([bdtr(fewer, int(d), 0.5) if fewer < d else 1.0]), sure
    along = max(1 - square / (2 * d), -1.0)
    tail = betainc((d - 1) / 2, 0.5, (1 - along) * (1 + along)) / 2
    return sure, np.array([tail if along >= 0 else 1 - tail]), sure


def _gaussian(d, query_noise, square):
    # Beyond, noise is all there is.
    variance = min(query_noise, 1e8) ** 2
    chi, weights = _targets.norms(d, _STEP)
    other = _noncentral(square, d, (1 + variance) * chi**2)
    right = np.ones_like(chi)
    if variance:
        share = variance / (1 + variance)
        right = _noncentral(square / share, d, variance * chi**2)
    return right, other, weights


def _noncentral(x, d, noncentrality):
    """Probability that a noncentral chi-squared variable is below x."""
    # Far from its mean it is sure: 40 standard deviations.
    mean, spread = d + noncentrality, np.sqrt(2 * (d + 2 * noncentrality))
    near = (x < mean + 40 * spread + 1e3) & (x > mean - 40 * spread)
    found = np.where(near, chndtr(np.where(near, x, 1.0), d, noncentrality), x > mean)
    return np.clip(found, 0.0, 1.0)
