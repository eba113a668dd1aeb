"""A search for the load at which a rule first stops to pass, in few evaluations."""

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from .._base.checks import check_count
from .._base.errors import ArgumentError
from .._statistics.capacity import check_threshold
from .._statistics.curve import fitted, num_passing
from .._statistics.intervals import kind_of
from ..metrics._table import METRICS


# Ratio of loads on the way up. A narrower valley can be jumped over.
GROWTH = 1.25
# The loads beyond the first that fails, relative to it.
_BEYOND = (1.0, np.sqrt(2), 2.0)


def search(
    evaluate: Callable[[int], Float[np.ndarray, " trials"]],
    *,
    start: int,
    limit: int,
    threshold: float | int,
    metric: str,
    tolerance: float,
    critical: Collection[int] = (),
    asked: int | None = None,
) -> dict[int, np.ndarray]:
    """Evaluate the loads around the first crossing, without a grid.

    Loads grow by a quarter, and stop at critical ones on the way, until one fails; if
    the first load fails, they start from 1. A load may fail by chance: two more, up to
    an octave beyond, show whether the curve goes on falling. If it does, the bracket is
    bisected in log n, and if it does not, loads grow on. All along, curves are seen as
    `capacity` sees them.

    Args:
        evaluate: the metric of each trial at a load. Called once per load.
        start: the load to begin with.
        limit: the largest load to try.
        threshold: where the metric stops to pass.
        metric: its name, as for `capacity`.
        tolerance: how far apart the last load that passes and the first that fails may
            be, relative to the former. Much below the relative width of the interval of
            the capacity it costs evaluations and gains nothing.
        critical: loads at which the curve may have a valley.
        asked: number of pairs that are asked, at most; `None` asks all.

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
    sign, kind = METRICS[metric].sign, kind_of(metric)
    critical = sorted(load for load in critical if 1 <= load <= limit)
    scores, load = {}, start
    while load is not None:
        scores[load] = evaluate(load)
        loads = sorted(scores)
        samples = np.stack([sign * scores[n].astype(float) for n in loads], axis=-1)
        # What is no number fails, as an infinite distance does.
        samples = np.nan_to_num(samples, nan=-1e100, posinf=1e100, neginf=-1e100)
        n = np.array(loads, float)
        queries = n if asked is None else np.minimum(n, asked)
        curve = fitted(n, samples, kind, critical, queries)
        passed = num_passing(curve.means, sign * threshold)
        wanted = _wanted(loads, passed, start, limit, tolerance, critical)
        load = next((n for n in wanted if n not in scores), None)
    return dict(sorted(scores.items()))


def _wanted(
    loads: list[int],
    passed: int,
    start: int,
    limit: int,
    tolerance: float,
    critical: list[int],
) -> Iterator[int]:
    """Loads that a search needs, the most urgent first.

    Args:
        loads: those that were evaluated, from the smallest on.
        passed: how many of them pass before the first that fails.
        start: the first that was evaluated.
        limit: the largest load.
        tolerance: as in `search`.
        critical: as in `search`, in order.
    """

    def grown(n: int) -> int:
        stops = [load for load in critical if load > n]
        return min([max(round(GROWTH * n), n + 1), limit, *stops[:1]])

    fails = passed < len(loads)
    highest = loads[passed] if fails else loads[-1]
    seen = min(_BEYOND[-1] * highest, limit) if fails else highest
    yield from (load for load in critical if load <= seen)
    if passed == 0:
        yield 1
    for low, high in itertools.pairwise(loads[: passed + 1]):
        if high > grown(low) and (low >= start or highest <= start):
            yield grown(low)
    if not fails:
        yield grown(highest)
        return
    for inner, outer in itertools.pairwise(_BEYOND):
        nearest = min(round(inner * highest), limit)
        farthest = min(round(outer * highest), limit)
        if not any(nearest < load <= farthest for load in loads):
            yield farthest
    if passed == 0:
        return
    low = loads[passed - 1]
    if highest > max(low + 1, (1 + tolerance) * low):
        yield min(max(round(np.sqrt(low * highest)), low + 1), highest - 1)
    if loads[0] > max(low // 2, 1):
        yield max(low // 2, 1)


def as_study(
    scores: Mapping[int, np.ndarray], metric: str, asked: int | None = None
) -> xr.Dataset:
    """Scores by load as a study over `n` and `trial`, for `capacity`."""
    coords: dict[str, Any] = {"n": list(scores)}
    if asked is not None:
        coords["asked"] = "n", np.minimum(coords["n"], asked)
    return xr.Dataset(
        {metric: (("n", "trial"), np.stack(list(scores.values())))}, coords
    )
