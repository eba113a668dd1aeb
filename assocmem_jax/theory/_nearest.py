r"""Whether the right key has the largest score: the softmax at infinite $\beta$.

For Gaussian keys the scores of the others are $|q| z_j$ with $z_j$ normal, and that of
the right one is $|q| y$: see `_targets`. It is the largest with probability
$\Phi(y)^{n - 1}$ given y.
"""

import numpy as np
from scipy.special import betaincc, ndtr, stdtr

from .._base.checks import ArrayLike
from .._base.errors import called_as
from . import _targets
from ._cosine import mean_norm
from ._domain import Values, at_each, parameters, require


def nearest_key_probability(
    d: ArrayLike, n: ArrayLike, *, query_noise: ArrayLike = 0.0
) -> Values:
    r"""Probability that the right key has the largest score, exact.

    $E\, \Phi(y)^{n - 1}$ with $y = (\chi_d + s g) / \sqrt{1 + s^2}$. Without noise it
    falls where ln n is d / 2, over a range of $\sqrt{d / 2}$. The cosine of the softmax
    tends to it for large $\beta$. Evaluated to 1e-6.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, from 1 to 1e300.
        query_noise: standard deviation of the noise per coordinate of a query.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Derived here.
    """
    call = "theory.nearest_key_probability"
    with called_as(call, instead_of=("theory.top_k_probability",)):
        return top_k_probability(d, n, 1, query_noise=query_noise)


def nearest_distance(
    d: ArrayLike,
    n: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
) -> Values:
    r"""Mean distance of the value of the nearest key, exact.

    $\sqrt 2\, \mu_v (1 - P)$, with P = `nearest_key_probability` and $\mu_v$ =
    `mean_norm`: two values that are drawn are so far apart. Evaluated to 1e-6.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, from 1 to 1e300.
        v: dimension of the values, at least 1; `d` if `None`.
        query_noise: standard deviation of the noise per coordinate of a query.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Derived here.
    """
    wrong, v = _wrong("theory.nearest_distance", d, n, v, query_noise)
    return np.sqrt(2) * mean_norm(v) * wrong


def nearest_squared_error(
    d: ArrayLike,
    n: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
) -> Values:
    r"""Mean squared distance of the value of the nearest key, exact.

    $2 v (1 - P)$ with P = `nearest_key_probability`. Evaluated to 1e-6.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, from 1 to 1e300.
        v: dimension of the values, at least 1; `d` if `None`.
        query_noise: standard deviation of the noise per coordinate of a query.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Derived here.
    """
    wrong, v = _wrong("theory.nearest_squared_error", d, n, v, query_noise)
    return 2 * v * wrong


def nearest_cosine(
    d: ArrayLike,
    n: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
) -> Values:
    """Mean cosine of the value of the nearest key, exact; its recall@1 is the same.

    `nearest_key_probability`, as values of two pairs have a mean cosine of zero,
    whatever their dimension. Evaluated to 1e-6.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, from 1 to 1e300.
        v: dimension of the values, at least 1; `d` if `None`. Nothing depends on it.
        query_noise: standard deviation of the noise per coordinate of a query.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Derived here.
    """
    wrong, v = _wrong("theory.nearest_cosine", d, n, v, query_noise)
    return np.broadcast_arrays(1 - wrong, v)[0][()]


def top_k_probability(
    d: ArrayLike, n: ArrayLike, k: ArrayLike, *, query_noise: ArrayLike = 0.0
) -> Values:
    r"""Probability that the right key is among those of the k largest scores, exact.

    The mean over y, as in `nearest_key_probability`, of the binomial probability that
    fewer than k of n - 1 others, each with probability $\Phi(-y)$, have larger ones.
    Evaluated to 1e-6.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, from 1 to 1e300, whole unless k is 1.
        k: how many scores, a whole number from 1 to n.
        query_noise: standard deviation of the noise per coordinate of a query.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Derived here.
    """
    call = "theory.top_k_probability"
    d, n, k, s = parameters(call, d=d, n=n, k=k, query_noise=query_noise)
    require(call, "d", d, d >= 1, "d >= 1")
    require(call, "n", n, (n >= 1) & (n <= 1e300), "1 <= n <= 1e300")
    whole = (k >= 1) & (k <= np.maximum(n, 1)) & (k == np.round(k))
    require(call, "k", k, whole, "whole numbers 1 <= k <= n")
    require(call, "n", n, (k == 1) | (n == np.round(n)), "whole numbers where k > 1")
    require(call, "query_noise", s, s >= 0, "query_noise >= 0")
    return at_each(_top_k, d, n, k, s)


def all_nearest_probability(d: ArrayLike, n: ArrayLike) -> Values:
    r"""Probability that every stored key has the largest score for itself.

    One other key beats a given one with probability $P(t_d > \sqrt d)$, where $t_d$ is
    Student's variable, about $2^{-d / 2} / \sqrt{\pi d}$. The n (n - 1) events are
    nearly independent where they are rare: $e^{-n (n - 1) P}$, within 0.05 of
    simulations for d >= 4. Half are gone at $n \approx 2^{d / 4}$, far below the
    $e^{d / 2}$ of a typical key.

    Args:
        d: dimension of the keys, at least 4.
        n: stored pairs, from 1 to 1e150.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Derived here.
    """
    call = "theory.all_nearest_probability"
    d, n = parameters(call, d=d, n=n)
    require(call, "d", d, d >= 4, "d >= 4")
    require(call, "n", n, (n >= 1) & (n <= 1e150), "1 <= n <= 1e150")
    with np.errstate(over="ignore"):
        return np.exp(-n * (n - 1) * stdtr(d, -np.sqrt(d)))[()]


def _wrong(call, d, n, v, query_noise):
    """Probability that another key is the nearest, and the dimension of values."""
    given = d if v is None else v
    d, n, v, query_noise = parameters(call, d=d, n=n, v=given, query_noise=query_noise)
    require(call, "v", v, v >= 1, "v >= 1")
    with called_as(call, instead_of=("theory.top_k_probability",)):
        return 1 - top_k_probability(d, n, 1, query_noise=query_noise), v


def _top_k(d, n, k, query_noise):
    target = _targets.targets(d, query_noise, "gaussian", _targets.best_step(n))
    beaten = ndtr(-target.along)
    if k == 1:
        kept = np.exp((n - 1) * np.log1p(-np.minimum(beaten, 1 - 1e-16)))
    else:
        kept = betaincc(k, n - k, beaten) if k < n else np.ones_like(beaten)
    return float(min(target.weights @ kept, 1.0))
