r"""Answers whose weights are scores, or the positive part of scores.

The weight of a pair is the dot product of its key with the query, $a_j = |q| z_j$ with
$z_j$ the coordinate of the key along the query. Given the query, the weights of the
other pairs are independent, so all that a mean needs of them is the Laplace transform
M of one $z_j^2$. It enters by two identities, with $T = \sum_{j \ne i} a_j^2 / a_i^2$
and $\tau$ as in `_cosine.py`:

$$E\, C_v(\pm (1 + T)^{-1/2}) = \pm \frac{A_v}{\sqrt \pi} \int_0^\infty t^{-1/2} e^{-t}
{}_1F_1(1/2; v / 2 + 1; t)\, E e^{-t T} dt,$$

$$E \tau = \frac{1}{2 \sqrt \pi} \int_0^\infty t^{-3/2} (1 - E e^{-t \tau^2}) dt.$$

The first follows from the power series of $C_v$ and
$\Gamma(s) (1 + T)^{-s} = \int_0^\infty t^{s - 1} e^{-t (1 + T)} dt$.
"""

from typing import NamedTuple

import numpy as np
from scipy.interpolate import make_interp_spline
from scipy.special import gammaln, logsumexp

from .._base.errors import ArgumentError
from . import _nodes
from ._cosine import mean_norm
from ._domain import require
from ._sizes import sizes


# Step of the trapezoidal rule in ln t, and how far it reaches beyond the scale of t.
_STEP, _REACH = 0.34, 62.0


class Target(NamedTuple):
    """Nodes for the law of the right pair's score and of the norm of the query."""

    score: np.ndarray
    norm: np.ndarray
    weights: np.ndarray


def check(call, keys, d, n, v, query_noise):
    """Parameters of a rule that weighs by scores, as arrays; v is d where not given."""
    d, n, v, query_noise = sizes(call, d, n, v, query_noise)
    if keys not in ("gaussian", "spherical", "bipolar"):
        complaint = f"must be 'gaussian', 'spherical' or 'bipolar', got {keys!r}"
        raise ArgumentError(call, "keys", complaint)
    if keys == "bipolar":
        domain = "query_noise = 0 where keys are bipolar"
        require(call, "query_noise", query_noise, query_noise == 0, domain)
        require(call, "d", d, d == np.round(d), "whole d where keys are bipolar")
        require(call, "d", d, d <= 2**31, "d <= 2**31 where keys are bipolar")
    return d, n, v, query_noise


def target(d: float, query_noise: float, keys: str, active: float) -> Target:
    """The law of the right pair's score and of the norm of the query, as nodes."""
    score, norm, weights = _target(d, query_noise, keys)
    seen = weights > 1e-14
    score = score if active == 1 else np.maximum(score, 0)
    return Target(score[seen], norm[seen], weights[seen])


def _target(d, query_noise, keys):
    if keys == "gaussian":
        return _gaussian_target(d, query_noise)
    root = np.sqrt(d)
    if query_noise == 0:
        return Target(np.array([d]), np.array([root]), np.ones(1))
    # The part of the noise along the key, and the part across.
    along, density = _nodes.panel(-8.5, 8.5, -root / query_noise, 0.5)
    density = density * np.exp(-(along**2) / 2)
    half_square, across = _nodes.gamma((d - 1) / 2)
    projection = root + query_noise * along[:, None]
    norm = np.sqrt(projection**2 + 2 * query_noise**2 * half_square)
    score = np.broadcast_to(root * projection, norm.shape)
    weights = density[:, None] / density.sum() * across
    return Target(score.ravel(), norm.ravel(), weights.ravel())


def cosine(d, n, v, query_noise, active, keys):
    """Mean cosine, where a share `active` of other pairs with scores has a weight."""
    score, norm, weights = target(d, query_noise, keys, active)
    weights, score, norm = (x[score != 0] for x in (weights, score, norm))
    if not len(score):
        return 0.0
    y = abs(score) / norm
    scale = np.log1p((n - 1) / (weights @ y**2))
    # Beyond these t the integrand is below e^-31 of its largest.
    t, step = _grid(-_REACH - scale, np.log(60) + _REACH / v)
    kernel = np.sqrt(t) * _confluent(t, v)

    def given(y):
        others = (n - 1) * _log_transform(t[:, None] / y**2, d, active, keys)
        return kernel @ np.exp(others)

    factor = mean_norm(v) ** 2 / v / np.sqrt(np.pi) * step
    mean = factor * (_smooth(given, y) @ (weights * np.sign(score)))
    return min(max(mean, -1.0), 1.0)


def squared_error(d, n, v, query_noise, active, keys):
    """Mean squared distance, where a share `active` of other pairs has a weight."""
    score, norm, weights = target(d, query_noise, keys, active)
    return v * (weights @ ((score - 1) ** 2 + active * (n - 1) * norm**2))


def distance(d, n, v, query_noise, active, keys):
    """Mean distance, where a share `active` of other pairs has a weight."""
    score, norm, weights = target(d, query_noise, keys, active)
    scale = squared_error(d, n, 1.0, query_noise, active, keys)
    if scale == 0:
        return 0.0
    t, step = _grid(-_REACH - np.log(scale), _REACH - np.log(scale))
    missing = np.zeros(t.shape)
    for start in range(0, len(score), 4096):
        part = slice(start, start + 4096)
        others = _log_transform(t[:, None] * norm[part] ** 2, d, active, keys)
        fall = (n - 1) * others - t[:, None] * (score[part] - 1) ** 2
        missing -= np.expm1(fall) @ weights[part]
    return mean_norm(v) * step / (2 * np.sqrt(np.pi)) * (missing @ t**-0.5)


def _gaussian_target(d, query_noise):
    if query_noise == 0:
        # At a score of 1 the distance to the value itself has a kink.
        half_square, weights = _nodes.gamma(d / 2, split=0.5)
        return Target(2 * half_square, np.sqrt(2 * half_square), weights)
    # The query's norm in units of sqrt(1 + query_noise^2), and what of the noise the
    # query does not tell, are a chi and a normal variable: in polar coordinates a
    # chi variable of d + 1 degrees of freedom and an independent angle.
    half_square, radial = _nodes.gamma((d + 1) / 2)
    angle, angular = _nodes.tilt(d, query_noise)
    cosine = np.cos(angle)[:, None]
    tilted = cosine + query_noise * np.sin(angle)[:, None]
    score = 2 * half_square * cosine * tilted
    norm = np.sqrt(2 * (1 + query_noise**2) * half_square) * cosine
    return Target(score.ravel(), norm.ravel(), (angular[:, None] * radial).ravel())


def _log_transform(x, d, active, keys):
    """Logarithm of the mean of e^(-x z^2) for one other pair; z = 0 if not active."""
    if keys == "gaussian":
        log_mean = -np.log1p(2 * x) / 2
    else:
        squares, weights = _squares(d, keys)
        exact = lambda x: np.log(-_log_mean_exp(x, squares, weights))
        log_mean = -np.exp(_smooth(exact, x.ravel())).reshape(x.shape)
    return log_mean if active == 1 else np.log1p(active * np.expm1(log_mean))


def _squares(d, keys):
    """Nodes for the law of z^2 where the keys are of norm sqrt(d)."""
    if keys == "spherical":
        share, _, weights = _nodes.beta(0.5, (d - 1) / 2)
        return d * share, weights
    # They enter as e^(-x z^2), the less the larger: up to 9 standard deviations.
    heads = np.arange(np.ceil(d / 2), min(d, np.ceil(d / 2 + 4.5 * np.sqrt(d))) + 1)
    both = np.where(2 * heads == d, 1, 2)
    return (2 * heads - d) ** 2 / d, both * _nodes.binomial(heads, d, 0.5)


def _confluent(t, v):
    """The function e^-t 1F1(1/2; v / 2 + 1; t) of the first identity."""
    _, rest, mass = _nodes.beta(0.5, (v + 1) / 2)
    near = np.exp(-t[:, None] * rest) @ mass
    # Far out, where the nodes end, two terms of the asymptotic series do.
    k = (v + 1) / 2
    series = 1 + k / (2 * t) + 3 * k * (k + 1) / (8 * t**2)
    log_far = gammaln(v / 2 + 1) - np.log(np.pi) / 2 - k * np.log(t)
    far = np.exp(np.minimum(log_far, 0)) * series
    return np.where(t < 1e4 * k, near, far)


def _smooth(function, x):
    """A smooth function of positive numbers; of many, by a spline in log x."""
    if x.size < 1000:
        return function(x)
    log_x = np.log(x)
    low, high = log_x.min(), log_x.max()
    knots = np.linspace(low - 0.1, high + 0.1, 100 + int(16 * (high - low)))
    return make_interp_spline(knots, function(np.exp(knots)), 5)(log_x)


def _log_mean_exp(x, squares, weights):
    small = x < 1
    result = np.empty(x.shape)
    result[small] = np.log1p(np.expm1(-x[small, None] * squares) @ weights)
    result[~small] = logsumexp(-x[~small, None] * squares, axis=1, b=weights)
    return result


def _grid(low, high):
    log_t = np.linspace(low, high, int(np.ceil((high - low) / _STEP)) + 1)
    return np.exp(log_t), log_t[1] - log_t[0]
