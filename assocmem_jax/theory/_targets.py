r"""Laws of the scores of the right pair and of another pair, as nodes and weights.

For Gaussian keys and a query $q = k + s e$, the norm of the query is
$\sqrt{1 + s^2} \chi$ with $\chi$ a chi variable of d degrees of freedom. Given q, the
key is $q / (1 + s^2)$ plus a normal vector of variance $s^2 / (1 + s^2)$. So its
coordinate along the query is $(\chi + s g) / \sqrt{1 + s^2}$, with g normal; that of
another key is normal.

A coordinate of a uniform point of the sphere of radius $\sqrt d$ is
$\sqrt d \tanh(\lambda / 2)$, with $\lambda$ of density proportional to
$\cosh(\lambda / 2)^{1 - d}$.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import expit, log_expit, xlogy

from . import _nodes, _scores
from ._domain import require
from ._sizes import sizes


class Targets(NamedTuple):
    """Nodes for the right key's coordinate along the query, and the query's norm."""

    along: np.ndarray
    norm: np.ndarray
    weights: np.ndarray


def check(call, keys, d, n, v, query_noise, **more):
    """Parameters of a rule that weighs by scores, and `more`, as arrays."""
    _scores.check(call, keys, d, n, v, query_noise)
    arrays = sizes(call, d, n, v, query_noise, **more)
    if keys == "spherical":
        domain = "d = 1 and d >= 2 where keys are spherical"
        require(call, "d", arrays[0], (arrays[0] == 1) | (arrays[0] >= 2), domain)
    return arrays


def reach(n: float) -> float:
    """What no score of n others exceeds, in standard deviations, up to 1e-10."""
    return np.sqrt(2 * (np.log(n) + np.log(1e10)))


def best_step(n: float) -> float:
    """Step that resolves the law of the largest of n normal variables."""
    return 0.6 / np.sqrt(2 * np.log(n) + 1.44)


def targets(d: float, query_noise: float, keys: str, step: float) -> Targets:
    """Nodes that resolve what varies along the query on the scale of `step`."""
    # Beyond, noise is all there is.
    query_noise = min(query_noise, 1e100)
    if keys != "gaussian":
        return _fixed_norm(d, query_noise, step)
    scale = np.hypot(1, query_noise)
    chi, weights = norms(d, min(step * scale, 0.5))
    if query_noise == 0:
        return Targets(chi, chi, weights)
    noise, density = normals(8.0, min(step * scale / query_noise, 0.5))
    along = (chi[:, None] + query_noise * noise) / scale
    return _seen(along, scale * chi[:, None], weights[:, None] * density)


def norms(d: float, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights for a chi variable of d degrees of freedom."""
    # Logarithmic near 0 and linear far from it: x, with r = log(1 + e^x).
    low = np.sqrt(d) - 9 if d > 100 else -40 / d - 1
    x = np.arange(low, np.sqrt(d) + 9, step)
    r = np.logaddexp(0, x)
    log_density = xlogy(d - 1, r) - r**2 / 2 + log_expit(x)
    weights = np.exp(log_density - log_density.max())
    seen = weights > 1e-17
    return r[seen], weights[seen] / weights[seen].sum()


def normals(high: float, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights for a normal variable, up to `high` on both sides."""
    x = np.arange(-np.ceil(high / step), np.ceil(high / step) + 1) * step
    weights = np.exp(-(x**2) / 2)
    return x, weights / weights.sum()


def tangents(d: float, n: float, steepness: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights for a coordinate of a point of the sphere, d >= 2.

    Args:
        d: dimension of the sphere's space.
        n: stored pairs.
        steepness: of the logarithm of what is integrated, per unit of lambda.
    """
    # Where the density is 1e-10 / n of its largest.
    fall = reach(n) ** 2 / 2 / (d - 1)
    end = 2 * (fall + np.log1p(np.sqrt(-np.expm1(-2 * fall))))
    step = min(0.3, 0.5 / np.sqrt(d + 1), 0.5 / steepness)
    angle, _ = normals(end, step)
    half = abs(angle) / 2
    weights = np.exp((1 - d) * (half + np.log1p(np.exp(-2 * half)) - np.log(2)))
    return np.sqrt(d) * np.tanh(angle / 2), weights / weights.sum()


def signs(d: float, n: float) -> tuple[np.ndarray, np.ndarray]:
    """Values and probabilities of a coordinate between keys of signs."""
    # By Hoeffding's inequality, what is further out has no more mass than a normal law.
    far = min(np.ceil((reach(n) + 1) * np.sqrt(d) / 2), np.floor(d / 2))
    heads = np.arange(np.floor(d / 2) - far, np.ceil(d / 2) + far + 1)
    weights = _nodes.binomial(heads, d, 0.5)
    seen = weights > 1e-14 / n
    return (2 * heads[seen] - d) / np.sqrt(d), weights[seen]


def squares(d: float, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights for the square of a coordinate of a point of the sphere."""
    logit = np.arange(-80, min(80, 80 / (d - 1) + 6), min(step, 0.25))
    log_density = log_expit(logit) / 2 + (d - 1) / 2 * log_expit(-logit)
    weights = np.exp(log_density - log_density.max())
    return d * expit(logit), weights / weights.sum()


def _fixed_norm(d, query_noise, step):
    root = np.sqrt(d)
    if query_noise == 0:
        return Targets(np.array([root]), np.array([root]), np.ones(1))
    # The part of the query along the key, and its norm across.
    noise, density = normals(8.0, min(step, 0.5))
    across, weights = norms(d - 1, 0.5)
    part = root + query_noise * noise[:, None]
    norm = np.hypot(part, query_noise * across)
    return _seen(root * part / norm, norm, density[:, None] * weights)


def _seen(along, norm, weights):
    along, norm = np.broadcast_arrays(along, norm)
    seen = weights > 1e-13
    return Targets(along[seen], norm[seen], weights[seen] / weights[seen].sum())
