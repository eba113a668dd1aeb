r"""Closed forms of the pseudoinverse (optimal linear) memory with Gaussian keys.

The weights of an answer are $a = K (K^\top K)^{-1} q$ for n >= d, with the keys as rows
of K. Write $K = O S^{1/2}$, where $S = K^\top K$ and the n x d matrix O has orthonormal
columns. O is uniform and independent of S. For $q = k_i + s e$,
$a = O (o + s c)$ with $o = O^\top e_i$ and $c = S^{-1/2} e$: $|o|^2 = B$ is
Beta(d/2, (n - d)/2), and c is independent of it, isotropic, and Student's t in d
dimensions, $c = g / \kappa$ with g normal and $\kappa = \chi_{n - d + 1}$. So

$$a_i = B + s \sqrt B c_1, \qquad |a|^2 = (\sqrt B + s c_1)^2 + s^2 |c_\perp|^2.$$

For n <= d, $a = e_i + s (K K^\top)^{-1} K e$, where the noise is Student's t in n
dimensions, $g / \chi_{d - n + 1}$. That is the same law with B = 1. In both cases the
number of dimensions is min(n, d) and that of degrees of freedom |n - d| + 1.
"""

import numpy as np
from scipy.interpolate import make_interp_spline
from scipy.special import betaincinv, expit, gammaincinv, ndtri

from .._base.checks import ArrayLike
from . import _nodes
from ._cosine import mean_cosine
from ._domain import Values, at_each, require
from ._recall import recall, scattered
from ._sizes import sizes


def pseudoinverse_cosine(
    d: ArrayLike,
    n: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
) -> Values:
    r"""Mean cosine of the pseudoinverse memory with Gaussian keys, exact.

    Without noise $E\, C_v(\sqrt B)$ with $B \sim$ Beta(d/2, (n - d)/2) for n > d, and 1
    up to n = d; $C_v$ is `mean_cosine`. With noise s per coordinate of the query,

    $$E\, C_v\left(\sqrt B\, \frac{\sqrt B \kappa + s g}
    {\sqrt{(\sqrt B \kappa + s g)^2 + s^2 \chi^2_{\min(n, d) - 1}}}\right), \qquad
    \kappa = \chi_{|n - d| + 1},$$

    with B = 1 up to n = d, g normal, and all of them independent. Noise hurts most at
    n = d. Evaluated to 1e-9 (2e-7 for v = 1), in 10 ms a point with noise and 1 ms
    without.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, at least 1.
        v: dimension of the values, at least 1; `d` if `None`.
        query_noise: standard deviation of the noise per coordinate of a query.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Derived here, from the laws of Wishart matrices of Muirhead (1982),
            doi:10.1002/9780470316559, chapter 3.
    """
    parameters = sizes("theory.pseudoinverse_cosine", d, n, v, query_noise)
    return at_each(_cosine, *parameters)


def pseudoinverse_cosine_approximation(
    d: ArrayLike, n: ArrayLike, *, v: ArrayLike | None = None
) -> Values:
    r"""Mean cosine of the pseudoinverse memory in elementary functions.

    $\sqrt p (1 - (1 - p) (1 / (4 d) + 1 / (2 v)))$ with $p = \min(1, d / n)$. It is
    within 0.003 of `pseudoinverse_cosine` for d and v of at least 8, within 0.0007 for
    at least 16, and within 5e-5 for at least 64.

    Args:
        d: dimension of the keys, at least 8.
        n: stored pairs, at least 1.
        v: dimension of the values, at least 8; `d` if `None`.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Derived here: the mean and variance of B, and `mean_cosine` to order 1 / v.
    """
    call = "theory.pseudoinverse_cosine_approximation"
    d, n, v, _ = sizes(call, d, n, v, 0.0)
    require(call, "d", d, d >= 8, "d >= 8")
    require(call, "v", v, v >= 8, "v >= 8")
    p = np.minimum(1, d / n)
    return np.sqrt(p) * (1 - (1 - p) * (1 / (4 * d) + 1 / (2 * v)))


def pseudoinverse_recall(
    d: ArrayLike,
    n: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
) -> Values:
    """Mean recall@1 of the pseudoinverse memory with Gaussian keys.

    The right value is the nearest to the answer in Euclidean distance. 1 without noise
    up to n = d. Within 0.02 for v <= d, 0.03 for v <= 16 d, and 0.06 beyond: too large,
    where it is wrong.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, at least 1.
        v: dimension of the values, at least 1; `d` if `None`.
        query_noise: standard deviation of the noise per coordinate of a query.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Derived here, in `theory/_recall.py`.
    """
    parameters = sizes("theory.pseudoinverse_recall", d, n, v, query_noise)
    return at_each(_recall, *parameters)


def _cosine(d, n, v, query_noise):
    leverage, left, weights = _nodes.beta(d / 2, max(n - d, 0) / 2)
    if query_noise == 0:
        return float(weights @ mean_cosine(np.sqrt(leverage), v))
    freedom, rank = abs(n - d) + 1, min(n, d)
    share, rest, radial = _nodes.beta((freedom + 1) / 2, (rank - 1) / 2)
    # Smooth in the log-odds of the squared correlation, and needed at many of them.
    log_odds = np.linspace(-75, 75, 2000)
    table = make_interp_spline(log_odds, mean_cosine(np.sqrt(expit(log_odds)), v), 5)
    total = 0.0
    for height, gap, weight in zip(leverage, left, weights, strict=True):
        if weight < 1e-14 or height == 0:
            continue
        # Along o and across, both over sqrt(B) and the radius of `tilt`.
        slope = query_noise / np.sqrt(height)
        angle, angular = _nodes.tilt(freedom, slope)
        tilted = (np.cos(angle) + slope * np.sin(angle))[:, None]
        along, across = tilted**2 * share, slope**2 * rest
        mass = weight * angular[:, None] * radial
        seen = (mass > 1e-16) & (along > 0)
        missing = gap * (along + across) + height * across
        odds = height * along[seen] / np.maximum(missing[seen], 1e-200)
        cosine = table(np.log(np.clip(odds, 1e-32, 1e32)))
        # Proportional to the correlation where that is small.
        cosine = cosine * np.sqrt(np.minimum(1e32 * odds, 1))
        total += (mass * np.sign(tilted))[seen] @ cosine
    return min(max(total, -1.0), 1.0)


def _recall(d, n, v, query_noise):
    freedom, rank = abs(n - d) + 1, min(n, d)

    def weights(uniform):
        leverage = betaincinv(d / 2, (n - d) / 2, uniform[:, 0]) if n > d else 1.0
        scale = query_noise / np.sqrt(2 * gammaincinv(freedom / 2, uniform[:, 1]))
        along = np.sqrt(leverage) + scale * ndtri(uniform[:, 2])
        across = 0.0
        if rank > 1:
            across = scale * np.sqrt(2 * gammaincinv((rank - 1) / 2, uniform[:, 3]))
        noise = np.sqrt((1 - leverage) * along**2 + across**2)
        return np.sqrt(leverage) * along, noise, [scattered(n - 1)]

    return recall(weights, v)
