r"""The right key, the largest of the other scores, and the rest below it.

For Gaussian keys and a query of norm R, the scores of the other keys are R z with z
normal. All but the largest are independent normal variables below it, and what depends
on many of them is near its mean given the largest.
"""

import numpy as np
from scipy.special import gammaincinv, log_ndtr, ndtri, ndtri_exp

from . import _targets
from ._domain import require
from ._nodes import lattice


# Points over which queries with noise are averaged.
_POINTS = 2**14
# Nodes of Gauss and Legendre for what is below the largest.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)


def check_pairs(call: str, n: np.ndarray, most: str) -> None:
    """Raise unless n is 1, or there are others of which one has the largest score."""
    known = (n == 1) | ((n >= 2) & (n <= float(most)))
    require(call, "n", n, known, f"n = 1 and 2 <= n <= {most}")


def extremes(d: float, n: float, query_noise: float = 0.0) -> tuple[np.ndarray, ...]:
    """Nodes for the right key and the largest other score, and weights of both.

    Args:
        d: dimension of the keys.
        n: stored pairs, at least 2.
        query_noise: standard deviation of the noise per coordinate of a query; with it
            a mean is right to about 1e-3.

    Returns:
        Norm of the query, the right key's coordinate along it, the largest coordinate
        of the others, weights; they broadcast.
    """
    if query_noise > 0:
        return *draws(lattice(3, _POINTS), d, n, query_noise), np.array(1 / _POINTS)
    chi, density = _targets.norms(d, min(_targets.best_step(n), 0.25))
    # By the logarithm of a uniform variable, as Phi(z)^(n - 1) is uniform. On half of
    # the logit's line each, so that both tails are seen.
    logit = np.arange(-30, 30.25, 0.25)
    log_uniform = -np.logaddexp(0, -logit)
    largest = ndtri_exp(log_uniform / (n - 1))
    weights = np.exp(log_uniform - np.logaddexp(0, logit))
    norm, weights = chi[:, None], density[:, None] * weights / weights.sum()
    return norm, norm, largest, weights


def draws(
    uniform: np.ndarray, d: float, n: float, query_noise: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Norm of a query, right key along it and largest other, of 3 uniform columns."""
    # Beyond, noise is all there is.
    query_noise = min(query_noise, 1e100)
    scale = np.hypot(1, query_noise)
    key = np.sqrt(2 * gammaincinv(d / 2, uniform[:, 0]))
    along = (key + query_noise * ndtri(uniform[:, 1])) / scale
    return scale * key, along, ndtri_exp(np.log(uniform[:, 2]) / (n - 1))


def below(largest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights for a normal variable below each of these, in rows."""
    low = np.minimum(largest - 1, -9)[:, None]
    half = (largest[:, None] - low) / 2
    z = low + half * (1 + _NODES)
    log_density = -(z**2) / 2 - log_ndtr(largest)[:, None]
    weights = half * _WEIGHTS * np.exp(log_density)
    return z, weights / weights.sum(1, keepdims=True)
