r"""From the weights of an answer to its cosine and distance.

An answer is a weighted sum of the stored values, $\hat v = \sum_j a_j v_j$. Given the
weights, and for values with independent coordinates from N(0, 1), the coordinates of
the right value and of the answer are v independent pairs of normal numbers with
correlation $\rho = a_i / |a|$, where i is the right pair. So the cosine is a sample
correlation about the known mean zero, and the distance is $\tau$ times a chi variable,
with $\tau^2 = (1 - a_i)^2 + \sum_{j \ne i} a_j^2$.

References:
    Hotelling (1953), doi:10.1111/j.2517-6161.1953.tb00135.x (the mean of a sample
        correlation; here with v degrees of freedom).
"""

import numpy as np
from scipy.special import hyp2f1, poch

from .._base.checks import ArrayLike
from ._domain import Values, parameters, require


def mean_norm(v: ArrayLike) -> Values:
    r"""Mean norm of a vector of v independent coordinates from N(0, 1), exact.

    $\mu_v = \sqrt 2\, \Gamma((v + 1) / 2) / \Gamma(v / 2)$, the mean of a chi variable:
    $\sqrt v (1 - 1 / (4 v))$ but for terms of order $v^{-3/2}$.

    Args:
        v: dimension, at least 1.

    Raises:
        ValueError: if `v` is below 1.
    """
    (v,) = parameters("theory.mean_norm", v=v)
    require("theory.mean_norm", "v", v, v >= 1, "v >= 1")
    return np.sqrt(2) * poch(v / 2, 0.5)


def mean_cosine(correlation: ArrayLike, v: ArrayLike) -> Values:
    r"""Mean cosine of a value and an answer that correlates with it, exact.

    $C_v(\rho) = A_v \rho\, {}_2F_1(1/2, 1/2; v/2 + 1; \rho^2)$ with
    $A_v = \mu_v^2 / v$; $\rho (1 - (1 - \rho^2) / (2 v))$ but for terms of order
    $v^{-2}$.

    Args:
        correlation: $\rho$ of their coordinates, from -1 to 1.
        v: dimension of the values, at least 1.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Hotelling (1953), doi:10.1111/j.2517-6161.1953.tb00135.x.
    """
    call = "theory.mean_cosine"
    rho, v = parameters(call, correlation=correlation, v=v)
    require(call, "correlation", rho, abs(rho) <= 1, "-1 <= correlation <= 1")
    require(call, "v", v, v >= 1, "v >= 1")
    scale = mean_norm(v) ** 2 / v
    return np.clip(scale * rho * _hypergeometric(rho**2, v / 2 + 1), -1, 1)


def _hypergeometric(x, c):
    """2F1(1/2, 1/2; c; x) on [0, 1]."""
    x, c = np.broadcast_arrays(x, c)
    small = c < 50
    # SciPy has NaN near x = 1 for large c. There the terms fall off fast.
    series, term = np.ones(x.shape), np.ones(x.shape)
    for k in range(30):
        term = term * x * (k + 0.5) ** 2 / ((np.where(small, 50, c) + k) * (k + 1))
        series = series + term
    return np.where(small, hyp2f1(0.5, 0.5, np.where(small, c, 1.0), x), series)
