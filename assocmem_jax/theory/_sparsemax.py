r"""Closed forms of the sparsemax (sparse Hopfield) memory.

Weights are $p_j = (\beta s_j - t)_+$, and t makes them add up to 1. Given the norm R of
a stored key and the largest other score R z, t solves

$$(\beta R^2 - t)_+ + (\beta R z - t)_+ +
(n - 2)\, E[(\beta R Z - t)_+ \mid Z < z] = 1$$

where the sum over all but the two is replaced by its mean.
"""

import numpy as np
from scipy.special import ndtr

from .._checks import ArrayLike
from . import _targets
from ._cosine import mean_cosine, mean_norm
from ._domain import Values, at_each, parameters, require
from ._extremes import extremes


def sparsemax_cosine(
    d: ArrayLike, n: ArrayLike, beta: ArrayLike, *, v: ArrayLike | None = None
) -> Values:
    r"""Mean cosine of the sparsemax memory with Gaussian keys, nearly exact.

    $E\, C_v(p_i / |p|)$ over the norm of a key and the largest other score, with the
    mean of the rest: within 0.01 for d >= 8.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, 1 or from 2 to 1e12.
        beta: inverse temperature, above 0.
        v: dimension of the values, at least 1; `d` if `None`.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Hu et al. (2023), arXiv:2309.12673 (the rule). Derived here.
    """
    arrays = _check("theory.sparsemax_cosine", d, n, beta, v)
    return at_each(_cosine, *arrays)


def sparsemax_distance(
    d: ArrayLike, n: ArrayLike, beta: ArrayLike, *, v: ArrayLike | None = None
) -> Values:
    r"""Mean distance of the sparsemax memory with Gaussian keys, nearly exact.

    $\mu_v E\, [(1 - p_i)^2 + \sum_{j \ne i} p_j^2]^{1/2}$, with $\mu_v$ = `mean_norm`:
    within 2 % for d >= 8 where it is above a tenth of $\mu_v$, as otherwise few keys
    decide. It is 0 where retrieval is exact: `sparsemax_exact_fraction`.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, 1 or from 2 to 1e12.
        beta: inverse temperature, above 0.
        v: dimension of the values, at least 1; `d` if `None`.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Hu et al. (2023), arXiv:2309.12673 (the rule). Derived here.
    """
    d, n, beta, v = _check("theory.sparsemax_distance", d, n, beta, v)
    return mean_norm(v) * at_each(_distance, d, n, beta)


def sparsemax_exact_fraction(d: ArrayLike, n: ArrayLike, beta: ArrayLike) -> Values:
    r"""Share of the stored keys that are answered by their own value alone, exact.

    Those whose score is ahead of all others by $1 / \beta$:
    $E\, \Phi(R - 1 / (\beta R))^{n - 1}$ over the norm R.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, from 1 to 1e12.
        beta: inverse temperature, above 0.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Martins & Astudillo (2016), arXiv:1602.02068 (the margin). Derived here.
    """
    d, n, beta, _ = _check("theory.sparsemax_exact_fraction", d, n, beta, None)
    return at_each(_exact, d, n, beta)


def _check(call, d, n, beta, v):
    v = d if v is None else v
    d, n, beta, v = parameters(call, d=d, n=n, beta=beta, v=v)
    require(call, "d", d, d >= 1, "d >= 1")
    domain = "n = 1 and 2 <= n <= 1e12"
    require(call, "n", n, (n == 1) | ((n >= 2) & (n <= 1e12)), domain)
    require(call, "beta", beta, beta > 0, "beta > 0")
    require(call, "v", v, v >= 1, "v >= 1")
    return d, n, beta, v


def _cosine(d, n, beta, v):
    if n == 1:
        return 1.0
    target, rest, weights = _weights(d, n, beta)
    norm = np.sqrt(target**2 + rest)
    cosine = mean_cosine(np.minimum(target / norm, 1), v)
    return float(min((weights * cosine).sum(), 1.0))


def _distance(d, n, beta):
    if n == 1:
        return 0.0
    target, rest, weights = _weights(d, n, beta)
    return float((weights * np.sqrt((1 - target) ** 2 + rest)).sum())


def _exact(d, n, beta):
    chi, density = _targets.norms(d, min(_targets.best_step(n), 0.25) / 4)
    with np.errstate(over="ignore"):
        ahead = chi - 1 / (max(beta, 1e-100) * chi)
    return float(min(density @ ndtr(ahead) ** (n - 1), 1.0))


def _weights(d, n, beta):
    """Weight of the right pair, sum of squares of the others, and density."""
    norm, z, density = extremes(d, n)
    slope = np.clip(beta, 1e-100, 1e12) * norm
    right, other = np.broadcast_arrays(slope * norm, slope * z)
    high = np.maximum(right, other)
    low = high - 1

    def rest(t):
        """Sums of all but the two: of the weights and of their squares."""
        limit = np.clip(t / slope, -40, z)
        mass = ndtr(z) - ndtr(limit)
        density_of = lambda x: np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
        first = density_of(limit) - density_of(z)
        second = mass + limit * density_of(limit) - z * density_of(z)
        others = (n - 2) / ndtr(z)
        total = slope * first - t * mass
        squares = slope**2 * second - 2 * slope * t * first + t**2 * mass
        return others * np.maximum(total, 0), others * np.maximum(squares, 0)

    plus = lambda x: np.maximum(x, 0)
    for _ in range(60):
        t = (low + high) / 2
        above = plus(right - t) + plus(other - t) + rest(t)[0] > 1
        low, high = np.where(above, t, low), np.where(above, high, t)
    t = (low + high) / 2
    return plus(right - t), plus(other - t) ** 2 + rest(t)[1], density
