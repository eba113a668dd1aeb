"""The best step size of the delta rule."""

from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from .._base.checks import ArrayLike
from ._delta import check_delta, cosine_at
from ._domain import Values, at_each, require


def delta_best_rate(
    d: ArrayLike, n: ArrayLike, *, v: ArrayLike | None = None
) -> Values:
    """The constant rate, up to 1, with the largest `delta_cosine`.

    It falls from 1 for few pairs to 3 to 6 times (d / n)^2 for many, where it gains
    next to nothing over the dot product. By a bounded search in the logarithm of the
    rate. The formula is flat there: the rate is known to 1 %, its cosine to 1e-9.

    Args:
        d: dimension of the keys, at least 2.
        n: number of pairs, at least 1 and at most 1e4 d.
        v: dimension of the values; d where it is `None`.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Derived here.
    """
    call = "theory.delta_best_rate"
    d, n, _, v = check_delta(call, d, n, 1.0, v)
    require(call, "n", n, n <= 1e4 * d, "n <= 1e4 d")
    return at_each(_best_rate, d, n, v)


def _best_rate(d, n, v):
    if n == 1:
        return 1.0
    loss = lambda log_rate: -cosine_at(d, n, np.exp(log_rate), v)
    bounds = (2 * np.log(0.1 * d / (d + n)), 0.0)
    best: Any = minimize_scalar(loss, bounds=bounds, method="bounded")
    # The search does not try the ends.
    return np.exp(best.x) if best.fun < loss(0.0) else 1.0
