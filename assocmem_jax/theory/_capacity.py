"""Capacity from a prediction: the load at which it crosses a threshold."""

from typing import Any

import numpy as np
from scipy.optimize import brentq

from .._checks import ArrayLike
from .._rule import AbstractRule
from .._rules import Pseudoinverse
from ..patterns import AbstractEnsemble, Gaussian
from ._domain import Values, at_each, parameters, require
from ._laws import law


# The logarithm of the largest load that is tried.
_LAST = 600.0


def capacity(
    rule: AbstractRule,
    d: ArrayLike,
    threshold: ArrayLike = 0.9,
    *,
    metric: str = "cosine",
    v: int | None = None,
    ensemble: AbstractEnsemble = Gaussian(),
    query_noise: float = 0.0,
) -> Values:
    r"""The capacity $n^*$: the number of pairs at which a mean score is the threshold.

    A real number, where the prediction crosses the threshold between two whole ones;
    relative error 1e-9. `capacity` of a measured study estimates the same.

    Args:
        rule: the retrieval rule.
        d: dimension of the keys.
        threshold: what the score falls to, or a distance rises to.
        metric: the score, one of those that `predict` takes.
        v: dimension of the values. `None` is d.
        ensemble: how keys are drawn.
        query_noise: standard deviation of the noise per coordinate of a query.

    Raises:
        ValueError: if no prediction is known, it does not cross the threshold between
            one pair and e**600, or it is the one of noisy queries to a pseudoinverse,
            which falls up to n = d and rises again.

    Example:
        >>> import assocmem_jax as am
        >>> am.theory.capacity(am.DotProduct(), 64, 0.9).round(1)
        15.7
    """
    call = "theory.capacity"
    formula = law(call, rule, metric, ensemble)
    if isinstance(rule, Pseudoinverse) and query_noise:
        raise ValueError(
            f"`{call}(query_noise=...)` must be 0 for `Pseudoinverse`, got "
            f"{query_noise:g}: with noise it has no single capacity. Use `predict`."
        )
    d, threshold = parameters(call, d=d, threshold=threshold)
    require(call, "d", d, d >= 1, "d >= 1")

    def crossing(d, threshold):
        excess = lambda log_n: (
            float(formula(d, np.exp(log_n), v=v, query_noise=query_noise)) - threshold
        )
        low, high = 0.0, 1.0
        first = excess(low)
        same_side = lambda log_n: first * excess(log_n) > 0
        while same_side(high) and high < _LAST:
            low, high = high, min(1.5 * high, _LAST)
        if first == 0 or same_side(high):
            raise ValueError(
                f"`{call}(threshold=...)` must be between the {metric} of one pair, "
                f"{first + threshold:g}, and that of very many, got {threshold:g} for "
                f"d = {d:g}."
            )
        root: Any = brentq(excess, low, high, xtol=1e-12)
        return float(np.exp(root))

    # Far out, where nothing is left to find, terms of a series overflow.
    with np.errstate(over="ignore", divide="ignore", under="ignore"):
        return at_each(crossing, d, threshold)
