r"""Ridge regression memory with Gaussian keys, for large sizes.

With $S = \sum_{j \ne i} k_j k_j^\top + \lambda I$, the weights of the answer depend on
$k_i$ through $h = k_i^\top S^{-1} k_i$ and $g = |K S^{-1} k_i|^2$, which for large d
are near their means, and those near the root of

$$\lambda h^2 + (\lambda + n - d) h - d = 0, \qquad g = h + \lambda\, dh / d\lambda.$$

For a query $k_i + s e$: $a_i = h / (1 + h)$ and
$\sum_{j \ne i} a_j^2 = g (1 - a_i)^2 + g s^2$.

References:
    Hastie, Montanari, Rosset & Tibshirani (2022), arXiv:1903.08560 (limits of ridge
        regression). The corrections for finite d are fitted here.
"""

import numpy as np

from .._base.checks import ArrayLike
from ._cosine import mean_cosine, mean_norm
from ._domain import Values, parameters, require
from ._sizes import sizes


def ridge_cosine(
    d: ArrayLike,
    n: ArrayLike,
    penalty: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
) -> Values:
    r"""Mean cosine of the ridge memory, for large sizes.

    $C_v(\rho) (1 - (1 - \rho^2) / (4 d))$ with
    $\rho^{-2} = 1 + g ((1 - a_i)^2 + s^2) / a_i^2$, of the limit at the head of this
    file, where n is less by $\lambda h / d$: 0 in the limit of the pseudoinverse, 1 in
    that of the dot product. $C_v$ is `mean_cosine` and s the query noise. For v >= 2
    within 0.02 (within 0.007 for d >= 64); for v = 1, where a cosine is a sign, within
    0.05 (within 0.025 for d >= 64).

    Args:
        d: dimension of the keys, at least 16.
        n: stored pairs, at least 1.
        penalty: $\lambda > 0$, in units of squared scores; at least d / 10 with noise.
            The limits are the pseudoinverse and, but for its gain, the dot product.
        v: dimension of the values, at least 1; `d` if `None`.
        query_noise: standard deviation of the noise per coordinate of a query, up to 1.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Hastie et al. (2022), arXiv:1903.08560, theorem 5, for the limit.
    """
    d, n, v, noise, penalty = _check(
        "theory.ridge_cosine", d, n, penalty, v, query_noise
    )
    inverse, _ = _limit(d, n, penalty)
    inverse, root_g = _limit(d, n - penalty / (inverse * d), penalty)
    # Over a_i, the factors 1 - a_i and s of the norm of the other weights.
    crosstalk = (root_g * inverse) ** 2 + (root_g * noise * (1 + inverse)) ** 2
    square = 1 / (1 + crosstalk)
    return mean_cosine(np.sqrt(square), v) * (1 - (1 - square) / (4 * d))


def ridge_squared_error(
    d: ArrayLike,
    n: ArrayLike,
    penalty: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
) -> Values:
    r"""Mean squared distance of the ridge memory, for large sizes.

    $v\, ((1 + g) (1 - a_i)^2 + g s^2)$ of the limit at the head of this file, with s
    the query noise. Within 0.1 v (within 0.015 v for d >= 64).

    Args:
        d: dimension of the keys, at least 16.
        n: stored pairs, at least 1.
        penalty: $\lambda > 0$, in units of squared scores; at least d / 10 with noise.
        v: dimension of the values, at least 1; `d` if `None`.
        query_noise: standard deviation of the noise per coordinate of a query, up to 1.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Hastie et al. (2022), arXiv:1903.08560, theorem 5.
    """
    call = "theory.ridge_squared_error"
    d, n, v, noise, penalty = _check(call, d, n, penalty, v, query_noise)
    return v * _error(d, n, penalty, noise)


def ridge_distance(
    d: ArrayLike,
    n: ArrayLike,
    penalty: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
) -> Values:
    r"""Mean distance of the ridge memory, for large sizes.

    `mean_norm` of v times the root of `ridge_squared_error` / v, within
    $0.06 \sqrt v$ (within $0.03 \sqrt v$ for d >= 64).

    Args:
        d: dimension of the keys, at least 16.
        n: stored pairs, at least 1.
        penalty: $\lambda > 0$, in units of squared scores; at least d / 10 with noise.
        v: dimension of the values, at least 1; `d` if `None`.
        query_noise: standard deviation of the noise per coordinate of a query, up to 1.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Hastie et al. (2022), arXiv:1903.08560, theorem 5.
    """
    call = "theory.ridge_distance"
    d, n, v, noise, penalty = _check(call, d, n, penalty, v, query_noise)
    return mean_norm(v) * np.sqrt(_error(d, n, penalty, noise))


def ridge_best_penalty(n: ArrayLike, query_noise: ArrayLike) -> Values:
    r"""The penalty of least mean squared distance, exact for any keys and values.

    $\lambda = n s^2$ with s the query noise: over the noise,
    $\sum_i |v_i - W (k_i + s e_i)|^2$ has mean $|V - W K|^2 + n s^2 |W|^2$.

    Args:
        n: stored pairs, at least 1.
        query_noise: standard deviation of the noise per coordinate of a query.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Bishop (1995), doi:10.1162/neco.1995.7.1.108 (noise is a penalty).
    """
    call = "theory.ridge_best_penalty"
    n, noise = parameters(call, n=n, query_noise=query_noise)
    require(call, "n", n, n >= 1, "n >= 1")
    require(call, "query_noise", noise, noise >= 0, "query_noise >= 0")
    return n * noise**2


def _check(call, d, n, penalty, v, query_noise):
    arrays = sizes(call, d, n, v, query_noise, penalty=penalty)
    d, _, _, noise, penalty = arrays
    require(call, "d", d, d >= 16, "d >= 16")
    require(call, "query_noise", noise, noise <= 1, "query_noise <= 1")
    require(call, "penalty", penalty, penalty > 0, "penalty > 0")
    enough = (noise == 0) | (penalty >= d / 10)
    require(call, "penalty", penalty, enough, "penalty >= d / 10 with query noise")
    return arrays


def _limit(d, n, penalty):
    """1 / h and the square root of g, in forms that lose no digits."""
    excess = d - n - penalty
    root = np.hypot(excess, 2 * np.sqrt(penalty) * np.sqrt(d))
    below = excess > 0
    inverse = np.where(
        below,
        2 * penalty / (np.where(below, excess, 1) + root),
        (root - np.minimum(excess, 0)) / (2 * d),
    )
    return inverse, np.sqrt(2 * n * d / (n + d + penalty + root)) / np.sqrt(root)


def _error(d, n, penalty, noise):
    inverse, root_g = _limit(d, n, penalty)
    miss = inverse / (1 + inverse)
    return miss**2 + (root_g * miss) ** 2 + (root_g * noise) ** 2
