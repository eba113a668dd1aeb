r"""The distance of the softmax memory, and its square by one more exact integral.

With weights $p_j$ that add up to 1 the squared error per coordinate of a value is
$E\, (1 - p_i)^2 + (n - 1) E\, p_j^2$, where i is the right pair and j another one. The
first mean needs the right pair's weight, of `_kernel`. The second is the same for pair
j, seen as the right one of its own: given its coordinate z along the query,
$p_j = 1 / (1 + T)$ with T the sum of the ratios of the n - 2 others and of the right
pair, which is at $e^{\beta |q| (|q| - z)}$.
"""

from functools import partial

import numpy as np
from scipy.special import erfcx, log_ndtr

from .._base.checks import ArrayLike
from . import _kernel, _targets
from ._cosine import mean_norm
from ._domain import Values, at_each
from ._extremes import check_pairs, extremes
from ._softmax import absent, check, weight


# Nodes of Gauss and Legendre on each panel of z, of this width at most.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(6)
_WIDTH = 1.2
_BLOCK = 512


def softmax_squared_error(
    d: ArrayLike,
    n: ArrayLike,
    beta: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
) -> Values:
    r"""Mean squared distance of the softmax memory with Gaussian keys.

    Exact for queries without noise.

    $v\, E\, [(1 - p_i)^2 + \sum_{j \ne i} p_j^2]$: from 0 where the right pair has all
    of the weight, to 2 v where another one has, and v (1 - 1 / n) where all have the
    same. Evaluated to 1e-6 of v, in 0.1 to 0.6 s a point up to n = 1e9, longer for more
    pairs in few dimensions. With noise it is as `softmax_distance` is: within 3 % where
    it is above a tenth of v.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, 1 or from 2 to 1e30.
        beta: inverse temperature, at least 0.
        v: dimension of the values, at least 1; `d` if `None`.
        query_noise: standard deviation of the noise per coordinate of a query.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Ramsauer et al. (2021), arXiv:2008.02217, eq. 3 (the rule).
        Derived here.
    """
    call = "theory.softmax_squared_error"
    d, n, v, query_noise, beta = check(call, "gaussian", d, n, beta, v, query_noise)
    check_pairs(call, n, "1e30")
    return v * at_each(_squared_error, d, n, query_noise, beta)


def _squared_error(d, n, query_noise, beta):
    if n == 1 or query_noise > 0:
        return _mean_error(d, n, query_noise, beta, power=2)
    first, second = (weight(d, n, 0.0, beta, power=power) for power in (1, 2))
    return float(max(1 - 2 * first + second, 0.0) + _noise(d, n, beta))


def _noise(d, n, beta):
    """Mean of the sum of the squares of all other weights."""
    beta = np.clip(beta, 1e-100, 1e12)
    u, profile = _kernel.weight_profile(n, 2)
    chi, density = _targets.norms(d, min(_targets.best_step(n), 0.25))
    total = 0.0
    for norm, share in zip(chi, density, strict=True):
        z, weights = _others(norm, beta * norm, n)
        weights = share * weights * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
        for start in range(0, len(z), _BLOCK):
            part = slice(start, start + _BLOCK)
            size = z[part].shape
            pair = _targets.Targets(z[part], np.full(size, norm), weights[part])
            log_right = u + (beta * norm * (norm - z[part]))[:, None]
            right = np.exp(-np.exp(np.clip(log_right, -745, 700)))
            q = np.minimum(absent(u, pair, d, n, beta, "gaussian"), 1 - 1e-16)
            present = np.exp((n - 2) * np.log1p(-q) + np.log(n - 1))
            total += pair.weights @ ((present * right) @ profile)
    return float(total)


def _others(norm, slope, n):
    """Nodes and weights for a coordinate along a query, dense around its norm."""
    # Lower ones have less than e^-40 of the right pair's weight.
    low = max(norm - 20 / slope, -9.0)
    high = max(_targets.reach(n), low + 1)
    steps = 2.0 ** np.arange(5)
    near = norm + np.concatenate([-steps, [0.0], steps]) / slope
    even = np.linspace(low, high, int((high - low) / _WIDTH) + 2)
    edges = np.unique(np.concatenate([even, near[(near > low) & (near < high)]]))
    middle, half = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
    z = middle[:, None] + half[:, None] * _NODES
    return z.ravel(), (half[:, None] * _WEIGHTS).ravel()


def softmax_distance(
    d: ArrayLike,
    n: ArrayLike,
    beta: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
) -> Values:
    r"""Mean distance of the softmax memory with Gaussian keys, nearly exact.

    $\mu_v E\, [(1 - p_i)^2 + \sum_{j \ne i} p_j^2]^{1/2}$ over the norm of a query,
    the right key along it and the largest other score, with the mean weights of the
    rest; $\mu_v$ = `mean_norm`. Within 3 % for d >= 8 where it is above a hundredth of
    $\mu_v$. Below, the mean is that of a few short keys, which a sample may not hold;
    exact is the mean square, `softmax_squared_error`.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, 1 or from 2 to 1e300.
        beta: inverse temperature, at least 0.
        v: dimension of the values, at least 1; `d` if `None`.
        query_noise: standard deviation of the noise per coordinate of a query.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Ramsauer et al. (2021), arXiv:2008.02217, eq. 3 (the rule).
        Derived here.
    """
    call = "theory.softmax_distance"
    d, n, v, query_noise, beta = check(call, "gaussian", d, n, beta, v, query_noise)
    check_pairs(call, n, "1e300")
    return mean_norm(v) * at_each(
        partial(_mean_error, power=1), d, n, query_noise, beta
    )


def _mean_error(d, n, query_noise, beta, power):
    """Mean of a power of the distance, per coordinate of a value."""
    if n == 1:
        return 0.0
    norm, along, largest, density = extremes(d, n, query_noise)
    slope = slope_of(beta, norm)
    log_right, log_square = log_weights(slope, along, largest, n)
    miss = -np.expm1(log_right)
    return float((density * np.hypot(miss, np.exp(log_square / 2)) ** power).sum())


def slope_of(beta, norm):
    """By how much the logarithm of a weight grows with the key's coordinate."""
    return np.clip(beta, 1e-200, 1e9) * norm


def log_weights(slope, along, largest, n):
    """Logarithms of the right pair's weight and of the sum of squares of the others."""
    with np.errstate(divide="ignore"):
        many = np.log(n - 2) - log_ndtr(largest)

    def log_sum(power):
        """Logarithm of the sum of a power of the others' ratios to the right pair."""
        c = power * slope
        below = largest - c
        # log Phi + below^2 / 2, without cancellation where c is large.
        scaled = np.where(
            below < 0,
            np.log(erfcx(np.maximum(-below, 0) / np.sqrt(2)) / 2),
            log_ndtr(below) + below**2 / 2,
        )
        rest = many - largest**2 / 2 + scaled
        return c * (largest - along) + np.logaddexp(0, rest)

    log_right = -np.logaddexp(0, log_sum(1))
    return log_right, log_sum(2) + 2 * log_right
