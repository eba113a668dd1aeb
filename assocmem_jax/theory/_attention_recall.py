r"""Recall of the nearest value, where weights of scores add up to 1.

Given the norm of a query, the right key along it and the largest other score, the other
pairs are one whose weight is known and n - 2 whose scores are independent normal
variables below it. All of them compete as in `_recall`.
"""

from functools import partial

import numpy as np

from .._base.checks import ArrayLike
from . import _softmax, _sparsemax
from ._domain import Values, at_each
from ._extremes import below, check_pairs, draws
from ._recall import Competitors, recall
from ._softmax_error import log_weights, slope_of


def softmax_recall(
    d: ArrayLike,
    n: ArrayLike,
    beta: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
) -> Values:
    """Mean recall@1 of the softmax memory with Gaussian keys.

    Probability that no other stored value is nearer to the answer than the right one.
    An approximation: within 0.03 for n >= 8, within 0.08 for fewer pairs. For large v
    it is `nearest_key_probability`.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, 1 or from 2 to 1e12.
        beta: inverse temperature, at least 0.
        v: dimension of the values, at least 1; `d` if `None`.
        query_noise: standard deviation of the noise per coordinate of a query.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Ramsauer et al. (2021), arXiv:2008.02217, eq. 3 (the rule).
        Derived here.
    """
    call = "theory.softmax_recall"
    arrays = _softmax.check(call, "gaussian", d, n, beta, v, query_noise)
    check_pairs(call, arrays[1], "1e12")
    return at_each(partial(_recall, _softmax_weights), *arrays)


def sparsemax_recall(
    d: ArrayLike,
    n: ArrayLike,
    beta: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
) -> Values:
    """Mean recall@1 of the sparsemax memory with Gaussian keys.

    Probability that no other stored value is nearer to the answer than the right one.
    An approximation: within 0.03 for n >= 8, within 0.08 for fewer pairs.

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
    arrays = _sparsemax.check("theory.sparsemax_recall", d, n, beta, v, query_noise)
    return at_each(partial(_recall, _sparsemax_weights), *arrays)


def _recall(weights_of, d, n, v, query_noise, beta):
    if n == 1:
        return 1.0

    def weights(uniform):
        norm, along, largest = draws(uniform, d, n, query_noise)
        target, square, weigh = weights_of(beta, norm, along, largest, n)
        noise = np.sqrt(square)
        share = lambda z: np.minimum(weigh(z) / np.maximum(noise, 1e-150)[:, None], 1)
        z, mass = below(largest)
        second = Competitors(1, share(largest[:, None]), np.ones(1))
        return target, noise, [second, Competitors(n - 2, share(z), mass)]

    return recall(weights, v)


def _softmax_weights(beta, norm, along, largest, n):
    """Weight of the right pair, squares of the others, and weights by their scores."""
    slope = slope_of(beta, norm)
    log_right, log_square = log_weights(slope, along, largest, n)
    ahead = lambda z: slope[:, None] * (z - along[:, None]) + log_right[:, None]
    weigh = lambda z: np.exp(np.minimum(ahead(z), 0))
    return np.exp(log_right), np.exp(log_square), weigh


def _sparsemax_weights(beta, norm, along, largest, n):
    slope = _sparsemax.slope_of(beta, norm)
    t, target, square = _sparsemax.weights(slope, along, largest, n)
    weigh = lambda z: np.maximum(slope[:, None] * z - t[:, None], 0)
    return target, square, weigh
