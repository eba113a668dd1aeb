r"""Distances of the pseudoinverse memory with Gaussian keys.

With the notation of `_pseudoinverse.py`, $\tau^2 = 1 - 2 a_i + |a|^2$ is
$1 - B + s^2 |c|^2$, where $|c|^2 = F$ is a ratio of chi-squares of min(n, d) and
|n - d| + 1 degrees of freedom, independent of B.
"""

import numpy as np

from .._base.checks import ArrayLike
from . import _nodes
from ._cosine import mean_norm
from ._domain import Values, at_each
from ._sizes import sizes


def pseudoinverse_squared_error(
    d: ArrayLike,
    n: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
) -> Values:
    r"""Mean squared distance of the pseudoinverse memory with Gaussian keys, exact.

    $v\, (1 - p + s^2 \gamma^2)$ with $p = \min(1, d / n)$, s the query noise and
    $\gamma$ the `pseudoinverse_noise_gain`. Infinite with noise where |n - d| <= 1.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, at least 1.
        v: dimension of the values, at least 1; `d` if `None`.
        query_noise: standard deviation of the noise per coordinate of a query.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Derived here, from the mean of an inverse Wishart matrix: Muirhead (1982),
            doi:10.1002/9780470316559, section 3.2.
    """
    call = "theory.pseudoinverse_squared_error"
    d, n, v, query_noise = sizes(call, d, n, v, query_noise)
    gain = np.where(query_noise > 0, pseudoinverse_noise_gain(d, n), 0)
    return v * (np.maximum(1 - d / n, 0) + (query_noise * gain) ** 2)


def pseudoinverse_noise_gain(d: ArrayLike, n: ArrayLike) -> Values:
    r"""Noise of the answer per unit of query noise, root mean square, exact.

    $\gamma = \sqrt{\min(n, d) / (|n - d| - 1)}$ per coordinate, for Gaussian keys and
    values: $\sqrt{n / (d - n - 1)}$ below n = d. Infinite where |n - d| <= 1.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, at least 1.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Derived here: $\gamma^2$ is the mean of $|c|^2$ at the head of this file.
    """
    d, n, _, _ = sizes("theory.pseudoinverse_noise_gain", d, n, None, 0.0)
    excess = abs(n - d) - 1
    finite = excess > 0
    square = np.minimum(n, d) / np.where(finite, excess, 1)
    return np.where(finite, np.sqrt(square), np.inf)[()]


def pseudoinverse_distance(
    d: ArrayLike,
    n: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
) -> Values:
    r"""Mean distance of the pseudoinverse memory with Gaussian keys, exact.

    $\mu_v\, E \sqrt{1 - B + s^2 F}$ with $\mu_v$ = `mean_norm`, B as for
    `pseudoinverse_cosine`, s the query noise and independent
    $F = \chi^2_{\min(n, d)} / \chi^2_{|n - d| + 1}$. 0 without noise up to n = d, and
    infinite with noise at n = d. Evaluated to a relative 1e-9.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, at least 1.
        v: dimension of the values, at least 1; `d` if `None`.
        query_noise: standard deviation of the noise per coordinate of a query.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Derived here: $1 - 2 a_i + |a|^2 = 1 - B + s^2 |c|^2$ at the head of this file.
    """
    parameters = sizes("theory.pseudoinverse_distance", d, n, v, query_noise)
    return at_each(_distance, *parameters)


def _distance(d, n, v, query_noise):
    freedom, rank, excess = abs(n - d) + 1, min(n, d), max(n - d, 0)
    if query_noise and freedom == 1:
        return np.inf
    mean = 0.0
    if query_noise:
        # E sqrt(F), with the mean of 1 / chi_m as that of chi_m over m - 1.
        mean = query_noise * mean_norm(rank) * mean_norm(freedom) / (freedom - 1)
    # The rest is (1 - B) / (sqrt(1 - B + s^2 F) + s sqrt(F)), which has a short tail;
    # the factor 1 - B makes (n - d) / 2 of the law of B one larger.
    _, rest, weights = _nodes.beta(d / 2, excess / 2 + 1)
    keep = rest > 0
    weights, rest = weights[keep], rest[keep][:, None]
    up, down, mass = (x[:-2] for x in _nodes.beta(rank / 2, freedom / 2))
    noise = query_noise**2 * up
    root = np.sqrt(down) / (np.sqrt(rest * down + noise) + np.sqrt(noise))
    return mean_norm(v) * (mean + excess / n * (weights @ root @ mass))
