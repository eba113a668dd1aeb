"""A search for the load at which a rule stops to pass, in few evaluations."""

from collections.abc import Callable, Mapping

import numpy as np
import xarray as xr
from jaxtyping import Float

from .._base.checks import check_count
from .._base.errors import ArgumentError
from .._statistics.capacity import check_threshold
from ..metrics._table import METRICS


def search(
    evaluate: Callable[[int], Float[np.ndarray, " trials"]],
    *,
    start: int,
    limit: int,
    threshold: float | int,
    metric: str,
    tolerance: float,
) -> dict[int, np.ndarray]:
    """Evaluate the loads around the capacity, without a grid.

    Args:
        evaluate: the metric of each trial at a load.
        start: the load to begin with.
        limit: the largest load to try.
        threshold: where the metric stops to pass.
        metric: its name, as for `capacity`.
        tolerance: how far apart the last load that passes and the first that fails may
            be, relative to the former. Much below the relative width of the interval of
            the capacity it costs evaluations and gains nothing.

    Returns:
        The scores of all evaluated loads, from the smallest on, for `as_study`.

    Raises:
        ValueError: if a setting is out of range.
    """
    check_count("search_capacity", "start", start, 1)
    check_count("search_capacity", "limit", limit, start)
    check_threshold("search_capacity", metric, threshold)
    if not tolerance > 0:
        raise ArgumentError(
            "search_capacity",
            "tolerance",
            f"must be positive, got {tolerance}",
            "0.05 leaves at most 5 % between two loads.",
        )
    sign = METRICS[metric].sign
    return bracket_and_narrow(
        evaluate,
        start=start,
        limit=limit,
        passes=lambda scores: bool(sign * np.mean(scores) >= sign * threshold),
        tolerance=tolerance,
    )


def bracket_and_narrow(
    evaluate: Callable[[int], Float[np.ndarray, " trials"]],
    *,
    start: int,
    limit: int,
    passes: Callable[[np.ndarray], bool],
    tolerance: float,
) -> dict[int, np.ndarray]:
    """Double or halve the load until it is bracketed, then bisect in log n.

    In the end an octave on either side of the bracket is evaluated too, so that samples
    of the trials that cross elsewhere are seen to do so.

    Args:
        evaluate: the scores of a load. Called once per load.
        start: the first load. If it passes, loads are doubled up to the limit, else
            halved down to 1.
        limit: the largest load.
        passes: whether scores are good enough.
        tolerance: bisection ends where the ratio of the two loads is at most
            `1 + tolerance`, or they are neighbors.

    Returns:
        The scores of all evaluated loads, from the smallest on. But for the octave on
        either side, all loads up to some load pass, and all larger ones fail.
    """
    scores = {}
    low, load, high = 0, start, limit + 1

    def good(load):
        scores[load] = evaluate(load)
        return passes(scores[load])

    def bracketed():
        return low > 0 and high <= limit

    while low < load < high and not bracketed():
        if good(load):
            low, load = load, min(2 * load, limit)
        else:
            high, load = load, max(load // 2, 1)
    while bracketed() and high > max(low + 1, (1 + tolerance) * low):
        load = min(max(round(np.sqrt(low * high)), low + 1), high - 1)
        if good(load):
            low = load
        else:
            high = load
    if bracketed():
        for load in (max(low // 2, 1), min(2 * high, limit)):
            if load not in scores:
                scores[load] = evaluate(load)
    return dict(sorted(scores.items()))


def as_study(scores: Mapping[int, np.ndarray], metric: str) -> xr.Dataset:
    """Scores by load as a study over `n` and `trial`, for `capacity`."""
    return xr.Dataset(
        {metric: (("n", "trial"), np.stack(list(scores.values())))},
        {"n": list(scores)},
    )
