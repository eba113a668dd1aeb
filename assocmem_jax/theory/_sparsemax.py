r"""Closed forms of the sparsemax (sparse Hopfield) memory.

Weights are $p_j = (\beta s_j - t)_+$, and t makes them add up to 1. Given the norm R of
the query, the score R y of the right key and the largest other score R z, t solves

$$(\beta R y - t)_+ + (\beta R z - t)_+ +
(n - 2)\, E[(\beta R Z - t)_+ \mid Z < z] = 1$$

where the sum over all but the two is replaced by its mean.
"""

from functools import partial

import numpy as np
from scipy.special import ndtr

from .._base.checks import ArrayLike
from . import _targets
from ._cosine import mean_cosine, mean_norm
from ._domain import Values, at_each, require
from ._extremes import check_pairs, extremes
from ._sizes import sizes


def sparsemax_cosine(
    d: ArrayLike,
    n: ArrayLike,
    beta: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
) -> Values:
    r"""Mean cosine of the sparsemax memory with Gaussian keys, nearly exact.

    $E\, C_v(p_i / |p|)$ over the norm of a query, the right key along it and the
    largest other score, with the mean of the rest: for d >= 8 within 0.01, within 0.015
    with noise.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, 1 or from 2 to 1e12.
        beta: inverse temperature, at least 0.
        v: dimension of the values, at least 1; `d` if `None`.
        query_noise: standard deviation of the noise per coordinate of a query.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Hu et al. (2023), arXiv:2309.12673 (the rule). Derived here.
    """
    arrays = check("theory.sparsemax_cosine", d, n, beta, v, query_noise)
    return at_each(_cosine, *arrays)


def sparsemax_distance(
    d: ArrayLike,
    n: ArrayLike,
    beta: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
) -> Values:
    r"""Mean distance of the sparsemax memory with Gaussian keys, nearly exact.

    $\mu_v E\, [(1 - p_i)^2 + \sum_{j \ne i} p_j^2]^{1/2}$, with $\mu_v$ = `mean_norm`:
    within 2 % for d >= 8 where it is above a tenth of $\mu_v$, as otherwise few keys
    decide. It is 0 where retrieval is exact: `sparsemax_exact_fraction`.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, 1 or from 2 to 1e12.
        beta: inverse temperature, at least 0.
        v: dimension of the values, at least 1; `d` if `None`.
        query_noise: standard deviation of the noise per coordinate of a query.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Hu et al. (2023), arXiv:2309.12673 (the rule). Derived here.
    """
    arrays = check("theory.sparsemax_distance", d, n, beta, v, query_noise)
    d, n, v, query_noise, beta = arrays
    return mean_norm(v) * at_each(partial(_error, power=1), d, n, query_noise, beta)


def sparsemax_squared_error(
    d: ArrayLike,
    n: ArrayLike,
    beta: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
) -> Values:
    r"""Mean squared distance of the sparsemax memory with Gaussian keys, nearly exact.

    $v\, E\, [(1 - p_i)^2 + \sum_{j \ne i} p_j^2]$: within 4 % for d >= 8 where it is
    above a tenth of v, as otherwise few keys decide.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, 1 or from 2 to 1e12.
        beta: inverse temperature, at least 0.
        v: dimension of the values, at least 1; `d` if `None`.
        query_noise: standard deviation of the noise per coordinate of a query.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Hu et al. (2023), arXiv:2309.12673 (the rule). Derived here.
    """
    arrays = check("theory.sparsemax_squared_error", d, n, beta, v, query_noise)
    d, n, v, query_noise, beta = arrays
    return v * at_each(partial(_error, power=2), d, n, query_noise, beta)


def sparsemax_exact_fraction(d: ArrayLike, n: ArrayLike, beta: ArrayLike) -> Values:
    r"""Share of the stored keys that are answered by their own value alone, exact.

    Those whose score is ahead of all others by $1 / \beta$:
    $E\, \Phi(R - 1 / (\beta R))^{n - 1}$ over the norm R.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, from 1 to 1e12.
        beta: inverse temperature, at least 0.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Martins & Astudillo (2016), arXiv:1602.02068 (the margin). Derived here.
    """
    d, n, _, _, beta = check("theory.sparsemax_exact_fraction", d, n, beta, None, 0.0)
    return at_each(_exact, d, n, beta)


def check(call, d, n, beta, v, query_noise):
    """Parameters of a sparsemax memory as arrays, with beta last."""
    arrays = sizes(call, d, n, v, query_noise, beta=beta)
    check_pairs(call, arrays[1], "1e12")
    require(call, "beta", arrays[4], arrays[4] >= 0, "beta >= 0")
    return arrays


def _cosine(d, n, v, query_noise, beta):
    if n == 1:
        return 1.0
    target, rest, density = _nodes(d, n, query_noise, beta)
    cosine = mean_cosine(np.minimum(target / np.sqrt(target**2 + rest), 1), v)
    return float(min((density * cosine).sum(), 1.0))


def _error(d, n, query_noise, beta, power):
    """Mean of a power of the distance, per coordinate of a value."""
    if n == 1:
        return 0.0
    target, rest, density = _nodes(d, n, query_noise, beta)
    return float((density * ((1 - target) ** 2 + rest) ** (power / 2)).sum())


def _exact(d, n, beta):
    chi, density = _targets.norms(d, min(_targets.best_step(n), 0.25) / 4)
    with np.errstate(over="ignore"):
        ahead = chi - 1 / (max(beta, 1e-100) * chi)
    return float(min(density @ ndtr(ahead) ** (n - 1), 1.0))


def _nodes(d, n, query_noise, beta):
    """Weight of the right pair, sum of squares of the others, and density."""
    norm, along, largest, density = extremes(d, n, query_noise)
    _, target, rest = weights(slope_of(beta, norm), along, largest, n)
    return target, rest, density


def slope_of(beta, norm):
    """Score of a unit coordinate. Beyond 1e8 a single pair has all of the weight."""
    return np.clip(np.clip(beta, 1e-100, 1e12) * norm, 1e-100, 1e8)


def weights(slope, along, largest, n):
    """The threshold t, the right pair's weight, sum of squares of the others."""
    right, other = np.broadcast_arrays(slope * along, slope * largest)
    high = np.maximum(right, other)
    low = high - 1

    def rest(t):
        """Sums of all but the two: of the weights and of their squares."""
        limit = np.clip(t / slope, -40, largest)
        # In the upper tail, probabilities next to 1 would leave no digits.
        upper = limit > 0
        mass = np.where(
            upper, ndtr(-limit) - ndtr(-largest), ndtr(largest) - ndtr(limit)
        )
        density_of = lambda x: np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
        first = density_of(limit) - density_of(largest)
        second = mass + limit * density_of(limit) - largest * density_of(largest)
        others = (n - 2) / ndtr(largest)
        total = slope * first - t * mass
        squares = slope**2 * second - 2 * slope * t * first + t**2 * mass
        return others * np.maximum(total, 0), others * np.maximum(squares, 0)

    plus = lambda x: np.maximum(x, 0)
    for _ in range(60):
        t = (low + high) / 2
        above = plus(right - t) + plus(other - t) + rest(t)[0] > 1
        low, high = np.where(above, t, low), np.where(above, high, t)
    t = (low + high) / 2
    return t, plus(right - t), plus(other - t) ** 2 + rest(t)[1]
