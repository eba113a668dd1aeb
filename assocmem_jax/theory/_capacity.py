"""Capacity from a prediction: the first load at which it crosses a threshold."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from .._base.checks import ArrayLike
from .._base.errors import ArgumentError
from .._core.rule import AbstractRule
from ..patterns import AbstractEnsemble, Gaussian
from ._domain import Values, at_each, parameters, require
from ._registry import Formula, formula_of


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

    The first, where a prediction turns around and crosses more than once, as distances
    of the softmax do, and scores of noisy queries to a pseudoinverse at n = d. A real
    number, where the prediction crosses the threshold between two whole ones, to a
    relative error of 1e-9; recall, which is known as a mean over points, moves it by up
    to 1 %. `capacity` of a measured study estimates the same. It takes 10 to 40
    predictions, and some 120 where one falls like a step, as of many dimensions.

    Args:
        rule: the retrieval rule.
        d: dimension of the keys.
        threshold: what the score falls to, or a distance rises to.
        metric: the score, one of those that `predict` takes.
        v: dimension of the values. `None` is d.
        ensemble: how keys are drawn.
        query_noise: standard deviation of the noise per coordinate of a query.

    Raises:
        ValueError: if no prediction is known, or it does not cross the threshold
            between one pair and e**600, or the most pairs that it is known for.

    Example:
        >>> import assocmem_jax as am
        >>> am.theory.capacity(am.DotProduct(), 64, 0.9).round(1)
        15.7
    """
    call = "theory.capacity"
    formula = formula_of(call, rule, metric, ensemble)
    d, threshold = parameters(call, d=d, threshold=threshold)
    require(call, "d", d, d >= 1, "d >= 1")

    def crossing(d, threshold):
        score = lambda n: float(formula.function(d, n, v=v, query_noise=query_noise))
        start, far = score(1.0), np.log(formula.largest_n)
        scale = max(abs(start), abs(threshold)) or 1.0

        def excess(log_n):
            off = _score_at(score, formula, np.exp(log_n)) - threshold
            # Bounded, as a mean square may be infinite.
            return np.arctan(off / scale)

        around = start != threshold and _first_bracket(excess, np.log(d), far)
        if not around:
            raise ArgumentError(
                call,
                "threshold",
                f"must be crossed on the way from one pair, with a {metric} of "
                f"{start:g}, to very many, got {threshold:g} for d = {d:g}",
                f"Up to n = {formula.largest_n:.3g} it is not crossed.",
            )
        root: Any = brentq(excess, *around, xtol=1e-10)
        return float(np.exp(root))

    # Far out, where nothing is left to find, terms of a series overflow.
    with np.errstate(over="ignore", divide="ignore", under="ignore"):
        return at_each(crossing, d, threshold)


def _score_at(score: Callable[[float], float], formula: Formula, n: float) -> float:
    if formula.from_two and 1 < n < 2:
        # The second pair is there with probability n - 1.
        return (2 - n) * score(1.0) + (n - 1) * score(2.0)
    return score(n)


def _first_bracket(
    excess: Callable[[float], float], kink: float, far: float
) -> tuple[float, float] | None:
    """Two places around the first zero of a function of positive numbers, from 0 on.

    The function may have a kink. Elsewhere it turns around at most once between three
    steps: the first takes n to e, the others the logarithm half as far again.
    """
    steps = [0.0, 1.0]
    while steps[-1] < far:
        steps.append(1.5 * steps[-1])
    steps = sorted({x for x in (*steps, kink) if x < far} | {far})
    seen: list[tuple[float, float]] = []
    for place in steps:
        there = excess(place)
        if seen and seen[0][1] * there <= 0:
            return seen[-1][0], place
        seen.append((place, there))
        sizes = [abs(y) for _, y in seen[-3:]]
        if len(sizes) == 3 and sizes[1] < min(sizes[0], sizes[2]):
            # It came nearer to 0 and went away: how near?
            (before, first), _, (after, _) = seen[-3:]
            size = lambda x, sign=np.sign(first): sign * excess(x)
            nearest: Any = minimize_scalar(
                size, bounds=(before, after), method="bounded"
            )
            if nearest.fun <= 0:
                return before, float(nearest.x)
    return None
