r"""Ridge regression memory whose pairs have weights, with Gaussian keys.

With $S = \sum_{j \ne i} w_j k_j k_j^\top + \lambda I$, the weights of the answer depend
on $k_i$ through $h = k_i^\top S^{-1} k_i$, which for large d is near the root of

$$h \left(\lambda + \sum_j \frac{w_j}{1 + w_j h}\right) = d.$$

For a query $k_i + s e$ the right value has the weight $a_i = w_i h / (1 + w_i h)$, and
the squares of the others add up to $g\, ((1 - a_i)^2 + s^2)$ with

$$g = \frac{h^2 s_2}{d - h^2 s_2}, \qquad s_2 = \sum_j \frac{w_j^2}{(1 + w_j h)^2}.$$

References:
    Derived here, as for equal weights: Hastie, Montanari, Rosset & Tibshirani (2022),
        arXiv:1903.08560, theorem 5.
"""

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq

from .._base.checks import ArrayLike
from .._base.errors import ArgumentError
from ._cosine import mean_cosine
from ._domain import parameters, require


def weighted_ridge_cosine(
    d: ArrayLike,
    weights: ArrayLike,
    penalty: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
) -> Float[np.ndarray, " n"]:
    r"""Mean cosine of each pair of a ridge memory of weighted pairs, for large sizes.

    $C_v(\rho_i) (1 - (1 - \rho_i^2) / (4 d))$ with
    $\rho_i^{-2} = 1 + g ((1 - a_i)^2 + s^2) / a_i^2$, of the limit at the head of this
    file, where $\lambda h / d$ of the pair itself does not count in $s_2$: none of it
    in the limit of least squares, all of it in that of the dot product. A pair of
    weight zero has the cosine 0. Mesa layers with decay $\gamma$ have
    $w_i = \gamma^{n - i}$. With equal weights it is `ridge_cosine`, within 0.002. For
    at least d / 2 pairs the mean over pairs is within 0.04, and each pair within 0.1:
    the fewer pairs hold most of the weight, the more it is off.

    Args:
        d: dimension of the keys, at least 16.
        weights: $w_i \ge 0$, of each pair.
        penalty: $\lambda > 0$, in units of squared scores; at least d / 10 with noise.
        v: dimension of the values, at least 1; `d` if `None`.
        query_noise: standard deviation s of the noise per coordinate of a query, up to
            1.

    Returns:
        The mean cosine of each pair.

    Raises:
        ValueError: if a parameter is outside of its range, or one but `weights` is not
            one number.

    Example:
        >>> import numpy as np
        >>> from assocmem_jax.theory import weighted_ridge_cosine
        >>> age = np.arange(300)
        >>> float(weighted_ridge_cosine(48, 0.98**age, 5.0).mean().round(4))
        0.2431

    References:
        Derived here, at the head of `theory/_weighted_ridge.py`.
    """
    call = "theory.weighted_ridge_cosine"
    (w,) = parameters(call, weights=weights)
    if w.ndim != 1 or not len(w):
        complaint = f"must have one axis of some pairs, got shape {w.shape}"
        raise ArgumentError(call, "weights", complaint, "Pass one number per pair.")
    require(call, "weights", w, w >= 0, "weights >= 0")
    given = {"d": d, "penalty": penalty, "query_noise": query_noise}
    numbers = parameters(call, **given, v=d if v is None else v)
    for name, x in zip((*given, "v"), numbers, strict=True):
        if x.ndim:
            complaint = f"must be one number, got shape {x.shape}"
            raise ArgumentError(call, name, complaint, "Call it for each.")
    size, strength, noise, columns = numbers
    require(call, "d", size, size >= 16, "d >= 16")
    require(call, "penalty", strength, strength > 0, "penalty > 0")
    in_range = (noise >= 0) & (noise <= 1)
    require(call, "query_noise", noise, in_range, "0 <= query_noise <= 1")
    enough = (noise == 0) | (strength >= size / 10)
    domain = "penalty >= d / 10 with query noise"
    require(call, "penalty", strength, enough, domain)
    require(call, "v", columns, columns >= 1, "v >= 1")
    square = _squared_correlation(float(size), w, float(strength), float(noise))
    cosine = mean_cosine(np.sqrt(square), columns)
    return np.asarray(cosine * (1 - (1 - square) / (4 * size)))


def _squared_correlation(d, w, penalty, noise):
    # In units of the penalty, lambda h / d lies between 0 and 1; h may be huge.
    with np.errstate(over="ignore"):
        ratio = np.minimum(w / penalty * d, 1e300)
    filled = lambda y: np.exp(y) + np.sum(_leverage(ratio * np.exp(y))) / d - 1
    root: float = brentq(filled, -705.0, 0.0, xtol=1e-13)  # pyright: ignore
    x = np.exp(root)
    leverage = _leverage(ratio * x)
    # Relative to the largest, as squares of small ones are out of range.
    largest = max(leverage.max(), np.finfo(float).tiny)
    share = leverage / largest
    # h^2 s_2 over d, without the part of the pair itself.
    others = (np.sum(share**2) - x * share**2) / d
    g = others / np.maximum(1 - others * largest**2, np.finfo(float).tiny)
    total = share**2 + g * ((1 - leverage) ** 2 + noise**2)
    return share**2 / np.where(total > 0, total, 1)


def _leverage(x):
    """The share of a pair in its own answer, x / (1 + x)."""
    return np.where(x < 1, x / (1 + np.minimum(x, 1)), 1 / (1 + 1 / np.maximum(x, 1)))
