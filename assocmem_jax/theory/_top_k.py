r"""The memory that adds up the values of the k largest scores, weighted by these.

Given the norm of the query, scores in units of it are y of the right key, which is the
norm R of a query without noise, and normal variables z of the others. The k-th largest
of these is near $z_k = \Phi^{-1}(1 - (k - 1/2) / (n - 1))$: the right pair is kept
where $y > z_k$, and the k - 1 others that are kept have squares of mean
$z_k \phi(z_k) / \Phi(-z_k) + 1$.
"""

import numpy as np
from scipy.special import log_ndtr, ndtri

from .._base.checks import ArrayLike
from . import _targets
from ._cosine import mean_cosine
from ._domain import Values, at_each, require
from ._dot_product import dot_product_cosine
from ._nearest import nearest_key_probability
from ._sizes import sizes


def top_k_cosine(
    d: ArrayLike,
    n: ArrayLike,
    k: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
) -> Values:
    r"""Mean cosine of the dot product of the k largest scores alone.

    Exact for k = 1, where it is `nearest_key_probability`, and for n up to k, where it
    is `dot_product_cosine`. Else it is $E\, 1(y > z_k) C_v(y / \sqrt{y^2 + N_k})$ with
    $N_k = (k - 1) (z_k \phi(z_k) / \Phi(-z_k) + 1)$: within 0.02, within 0.04 with
    noise.

    Args:
        d: dimension of the keys, at least 1; at least 16 for 1 < k < n.
        n: stored pairs, from 1 to 1e15.
        k: how many scores are kept, a whole number, at least 1.
        v: dimension of the values, at least 1; `d` if `None`.
        query_noise: standard deviation of the noise per coordinate of a query.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Derived here.
    """
    call = "theory.top_k_cosine"
    d, n, v, query_noise, k = sizes(call, d, n, v, query_noise, k=k)
    whole = (k >= 1) & (k == np.round(k))
    require(call, "k", k, whole, "whole numbers k >= 1")
    require(call, "n", n, n <= 1e15, "n <= 1e15")
    domain = "d >= 16 where 1 < k < n"
    require(call, "d", d, (d >= 16) | (k == 1) | (k >= n), domain)
    return at_each(_cosine, d, n, v, query_noise, k)


def _cosine(d, n, v, query_noise, k):
    if k == 1:
        return float(nearest_key_probability(d, n, query_noise=query_noise))
    if k >= n:
        return float(dot_product_cosine(d, n, v=v, query_noise=query_noise))
    share = (k - 0.5) / (n - 1)
    z = -ndtri(share) if share < 1 else -np.inf
    target = _targets.targets(d, query_noise, "gaussian", 0.02)
    noise = k - 1.0
    if share < 1:
        # The ratio of density and tail, without underflow.
        mills = np.exp(-(z**2) / 2 - np.log(2 * np.pi) / 2 - log_ndtr(-z))
        noise *= z * mills + 1
    y = target.along
    size = mean_cosine(abs(y) / np.hypot(y, np.sqrt(max(noise, 0.0))), v)
    mean = target.weights @ np.where(y > z, np.sign(y) * size, 0)
    return float(np.clip(mean, -1, 1))
