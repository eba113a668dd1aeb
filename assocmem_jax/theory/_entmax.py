r"""Closed forms of the entmax (sparse Hopfield) memory.

Weights are $p_j = ((\alpha - 1) \beta s_j - t)_+^q$ with $q = 1 / (\alpha - 1)$, and t
makes them add up to 1. As for the sparsemax, which is that of $\alpha = 2$, t is found
given the norm of the query, the score of the right key and the largest other score,
with the sum over all but the two replaced by its mean. That is an integral over a
normal density of the power q of the distance from where weights begin, by the nodes of
Gauss and Jacobi for this power.
"""

import functools

import numpy as np
from scipy.special import ndtr, roots_sh_jacobi

from .._base.checks import ArrayLike
from ._cosine import mean_cosine
from ._domain import Values, at_each, require
from ._extremes import check_pairs, extremes
from ._sizes import sizes
from ._sparsemax import slope_of


# Nodes of an integral, and the coordinate below which there is nothing to integrate.
_NODES, _FAR = 16, -9.0


def entmax_cosine(
    d: ArrayLike,
    n: ArrayLike,
    beta: ArrayLike,
    alpha: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
) -> Values:
    r"""Mean cosine of the entmax memory with Gaussian keys, nearly exact.

    $E\, C_v(p_i / |p|)$ over the norm of a query, the right key along it and the
    largest other score, with the mean of the rest: for d >= 8 within 0.01, within 0.02
    with noise. The share of exact answers is `sparsemax_exact_fraction` at
    $(\alpha - 1) \beta$.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, 1 or from 2 to 1e12.
        beta: inverse temperature, at least 0.
        alpha: the order, from 1.05 to 4.
        v: dimension of the values, at least 1; `d` if `None`.
        query_noise: standard deviation of the noise per coordinate of a query.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Santos et al. (2024), arXiv:2402.13725 (the rule). Derived here.
    """
    call = "theory.entmax_cosine"
    arrays = sizes(call, d, n, v, query_noise, beta=beta, alpha=alpha)
    check_pairs(call, arrays[1], "1e12")
    require(call, "beta", arrays[4], arrays[4] >= 0, "beta >= 0")
    known = (arrays[5] >= 1.05) & (arrays[5] <= 4)
    require(call, "alpha", arrays[5], known, "1.05 <= alpha <= 4")
    return at_each(_cosine, *arrays)


def _cosine(d, n, v, query_noise, beta, alpha):
    if n == 1:
        return 1.0
    norm, along, largest, density = extremes(d, n, query_noise)
    target, rest = _weights(slope_of(beta, norm), along, largest, n, alpha)
    cosine = mean_cosine(np.minimum(target / np.sqrt(target**2 + rest), 1), v)
    return float(min((density * cosine).sum(), 1.0))


def _weights(slope, along, largest, n, alpha):
    """The right pair's weight, and the sum of the squares of the others."""
    power, gain = 1 / (alpha - 1), (alpha - 1) * slope
    right, other = np.broadcast_arrays(gain * along, gain * largest)
    raised = lambda x, order: np.maximum(x, 0) ** order
    # The threshold is within 1 of the best.
    low, high = np.maximum(right, other) - 1, np.maximum(right, other)
    for _ in range(40):
        t = (low + high) / 2
        two = raised(right - t, power) + raised(other - t, power)
        above = two + _rest(t, power, gain, largest, n) > 1
        low, high = np.where(above, t, low), np.where(above, high, t)
    t = (low + high) / 2
    squares = raised(other - t, 2 * power) + _rest(t, 2 * power, gain, largest, n)
    return raised(right - t, power), squares


def _rest(t, order, gain, largest, n):
    """The sum of a power of what exceeds the threshold, over all but two pairs."""
    begin = t / gain
    low = np.clip(begin, _FAR, largest)
    width, inside = largest - low, begin > _FAR
    # From where weights begin, nodes know the power; from far above that it is smooth.
    near, far = _nodes(order), _nodes(0.0)
    total = np.zeros(np.shape(t))
    for (u, near_weight), (x, far_weight) in zip(near, far, strict=True):
        z = low + width * np.where(inside, u, x)
        weight = np.where(inside, near_weight, far_weight)
        base = np.where(inside, gain * width, gain * z - t)
        part = weight * np.maximum(base, 0) ** order
        total += part * np.exp(-(z**2) / 2)
    return (n - 2) / ndtr(largest) / np.sqrt(2 * np.pi) * width * total


@functools.lru_cache(maxsize=8)
def _nodes(order):
    """Nodes and weights on [0, 1] for the weight x^order."""
    return tuple(zip(*roots_sh_jacobi(_NODES, order + 1, order + 1), strict=True))
