"""Capacity from a prediction: the load at which it crosses a threshold."""

from typing import Any

import numpy as np
from scipy.optimize import brentq

from .._base.checks import ArrayLike
from .._base.errors import ArgumentError
from .._core.rule import AbstractRule
from .._rules import Pseudoinverse
from ..patterns import AbstractEnsemble, Gaussian
from ._domain import Values, at_each, parameters, require
from ._registry import formula_of


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

    A real number, where the prediction crosses the threshold between two whole ones,
    to a relative error of 1e-9; recall, which is known as a mean over points, moves it
    by up to 1 %. `capacity` of a measured study estimates the same. It takes the time
    of about 15 predictions.

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
            one pair and e**600, or the most pairs that it is known for, or it is the
            one of noisy queries to a pseudoinverse, which falls up to n = d and rises
            again.

    Example:
        >>> import assocmem_jax as am
        >>> am.theory.capacity(am.DotProduct(), 64, 0.9).round(1)
        15.7
    """
    call = "theory.capacity"
    formula = formula_of(call, rule, metric, ensemble)
    if isinstance(rule, Pseudoinverse) and query_noise:
        raise ArgumentError(
            call,
            "query_noise",
            f"must be 0 for `Pseudoinverse`, got {query_noise:g}: with noise it has no "
            "single capacity",
            "Use `predict`.",
        )
    d, threshold = parameters(call, d=d, threshold=threshold)
    require(call, "d", d, d >= 1, "d >= 1")

    def crossing(d, threshold):
        score = lambda n: float(formula.function(d, n, v=v, query_noise=query_noise))

        def excess(log_n):
            n = np.exp(log_n)
            if formula.from_two and 1 < n < 2:
                # The second pair is there with probability n - 1.
                return (2 - n) * score(1.0) + (n - 1) * score(2.0) - threshold
            return score(n) - threshold

        def beyond(low):
            """The next load that is tried, and the excess there."""
            log_n = min(max(1.0, 1.5 * low), np.log(formula.largest_n))
            if log_n > low:
                return log_n, excess(log_n)
            raise ArgumentError(
                call,
                "threshold",
                f"must be between the {metric} of one pair, {first + threshold:g}, and "
                f"that of very many, got {threshold:g} for d = {d:g}",
                f"Up to n = {np.exp(low):.3g} it is not crossed.",
            )

        low, first = 0.0, excess(0.0)
        high, there = beyond(low)
        while first * there > 0 or first == 0:
            low = high
            high, there = beyond(low)
        root: Any = brentq(excess, low, high, xtol=1e-10)
        return float(np.exp(root))

    # Far out, where nothing is left to find, terms of a series overflow.
    with np.errstate(over="ignore", divide="ignore", under="ignore"):
        return at_each(crossing, d, threshold)
