r"""The memory that adds up the values of the k largest scores, weighted by these.

Given the norm R of the query, a stored key, the scores of the others are R z with z
normal. The k-th largest is near $R z_k$ with
$z_k = \Phi^{-1}(1 - (k - 1/2) / (n - 1))$: the right pair is kept where $R > z_k$, and
the k - 1 others that are kept have squares of mean $z_k \phi(z_k) / \Phi(-z_k) + 1$.
"""

import numpy as np
from scipy.special import log_ndtr, ndtri

from .._base.checks import ArrayLike
from . import _targets
from ._cosine import mean_cosine
from ._domain import Values, at_each, parameters, require
from ._nearest import nearest_key_probability


def top_k_cosine(
    d: ArrayLike, n: ArrayLike, k: ArrayLike, *, v: ArrayLike | None = None
) -> Values:
    r"""Mean cosine of the dot product of the k largest scores alone.

    Exact for k = 1, where it is `nearest_key_probability`. For larger k it is
    $E\, 1(R > z_k) C_v(R / \sqrt{R^2 + N_k})$ with
    $N_k = (k - 1) (z_k \phi(z_k) / \Phi(-z_k) + 1)$: within 0.02. For k = n it is
    nearly the dot product.

    Args:
        d: dimension of the keys, at least 1; at least 16 for k > 1.
        n: stored pairs, a whole number, at least 1; at least 16 for k > 1.
        k: how many scores are kept, a whole number from 1 to n.
        v: dimension of the values, at least 1; `d` if `None`.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Derived here.
    """
    call = "theory.top_k_cosine"
    d, n, k, v = parameters(call, d=d, n=n, k=k, v=d if v is None else v)
    for name, x in (("d", d), ("n", n), ("v", v)):
        require(call, name, x, x >= 1, f"{name} >= 1")
    whole = (k >= 1) & (k <= n) & (k == np.round(k))
    require(call, "k", k, whole, "whole numbers 1 <= k <= n")
    require(call, "n", n, (n == np.round(n)) & (n <= 1e15), "whole numbers to 1e15")
    for name, x in (("d", d), ("n", n)):
        require(call, name, x, (x >= 16) | (k == 1), f"{name} >= 16 where k > 1")
    return at_each(_cosine, d, n, k, v)


def _cosine(d, n, k, v):
    if k == 1:
        return float(nearest_key_probability(d, n))
    share = (k - 0.5) / (n - 1)
    z = -ndtri(share) if share < 1 else -np.inf
    norms, weights = _targets.norms(d, 0.02)
    noise = k - 1.0
    if share < 1:
        # The ratio of density and tail, without underflow.
        mills = np.exp(-(z**2) / 2 - np.log(2 * np.pi) / 2 - log_ndtr(-z))
        noise *= z * mills + 1
    kept = norms > z
    cosine = mean_cosine(norms / np.hypot(norms, np.sqrt(max(noise, 0.0))), v)
    return float(weights @ np.where(kept, cosine, 0))
