"""Curves of means over loads: how they fall, where they rise, where they cross."""

import itertools
from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy import optimize, special

from .intervals import Kind


# The chance that a curve which falls is taken to rise anywhere.
_FALSE_RISES = 0.05


class Curve(NamedTuple):
    """Scores of trials over loads, pooled so that their means fall.

    Attributes:
        samples: the scores, those of pooled loads replaced by their mean.
        starts: the first load of each stretch, by its place. Within a stretch means
            fall; between two they may rise.
    """

    samples: Float[np.ndarray, "trial n"]
    starts: list[int]

    @property
    def means(self) -> Float[np.ndarray, " n"]:
        """The means over trials."""
        return self.samples.sum(axis=0) / len(self.samples)


def fitted(
    n: Float[np.ndarray, " n"],
    samples: Float[np.ndarray, "trial n"],
    kind: Kind,
    turns: Collection[float | int] = (),
    queries: Float[np.ndarray, " n"] | None = None,
) -> Curve:
    """The antitonic regression of means over loads, between all that truly rise.

    Args:
        n: loads in increasing order.
        samples: scores of which the larger are better, none NaN.
        kind: of the scores. Shares weigh as many as their queries.
        turns: loads at which a curve is known to turn.
        queries: of a trial at each load. `None` is n.
    """
    queries = n if queries is None else queries
    weights = queries if kind == "share" else np.ones_like(n)
    rising = _rises(samples, None if kind == "score" else weights)
    starts = [0]
    turns_at = [i + 1 for i, load in enumerate(n[:-1]) if load in turns]
    for start, stop in itertools.pairwise([0, *turns_at, len(n)]):
        if start:
            starts.append(start)
        starts += _cuts(rising[:stop, :stop], samples[:, :stop].mean(axis=0), start)
    pooled = samples.copy()
    for start, stop in itertools.pairwise([*starts, len(n)]):
        part, weight = samples[:, start:stop], weights[start:stop]
        fit = optimize.isotonic_regression(
            part.mean(axis=0), weights=weight, increasing=False
        )
        for first, last in itertools.pairwise(fit.blocks):
            if last - first > 1:
                mean = part[:, first:last] @ weight[first:last]
                mean = mean / weight[first:last].sum()
                pooled[:, start + first : start + last] = mean[:, None]
    return Curve(pooled, starts)


def _rises(
    samples: Float[np.ndarray, "trial n"], queries: Float[np.ndarray, " n"] | None
) -> Bool[np.ndarray, "n n"]:
    """Whether the mean truly rises from one load to another, larger one.

    By Student's test of the differences within trials, at a level divided by the number
    of pairs of loads. Shares scatter at least as those of independent queries do.
    """
    trials, loads = samples.shape
    means = samples.mean(axis=0)
    rise = means[None, :] - means[:, None]
    scatter = np.atleast_2d(np.cov(samples, rowvar=False))
    alone = np.diag(scatter)
    variance = np.maximum(alone[:, None] + alone[None, :] - 2 * scatter, 0)
    if queries is not None:
        right = (means * trials * queries + 1) / (trials * queries + 2)
        least = right * (1 - right) / queries
        variance = np.maximum(variance, least[:, None] + least[None, :])
    pairs = max(loads * (loads - 1) // 2, 1)
    level = -special.stdtrit(trials - 1, _FALSE_RISES / pairs)
    return np.triu(rise > level * np.sqrt(variance / trials), 1)


def _cuts(
    rising: Bool[np.ndarray, "n n"], means: Float[np.ndarray, " n"], start: int
) -> list[int]:
    """The places after the bottom of each valley, from some place on."""
    cuts = []
    while (above := rising[start:, start:].any(axis=0)).any():
        top = start + int(above.argmax())
        start += int(means[start:top].argmin()) + 1
        cuts.append(start)
    return cuts


def num_passing(means: Float[np.ndarray, " n"], threshold: float | int) -> int:
    """Number of loads that pass before the first that fails."""
    fails = means < threshold
    return int(fails.argmax()) if fails.any() else len(means)


def last_vouched(
    low: Float[np.ndarray, " n"], starts: list[int], threshold: float | int
) -> int:
    """Number of loads that pass beyond doubt.

    A load vouches for all smaller ones of its stretch, as means fall there.

    Args:
        low: lower ends of the intervals of the means.
        starts: the first load of each stretch, by its place.
        threshold: at or above it a load passes.
    """
    for start, stop in itertools.pairwise([*starts, len(low)]):
        passes = np.flatnonzero(low[start:stop] >= threshold)
        passed = start + int(passes[-1]) + 1 if passes.size else start
        if passed < stop:
            return passed
    return len(low)


def chord(
    n: Float[np.ndarray, " n"],
    curve: Float[np.ndarray, " n"],
    passed: int,
    threshold: float | int,
) -> float:
    """Where a line in log n, from the last load that passes to the next, crosses."""
    low, high = n[passed - 1 : passed + 1]
    top, bottom = curve[passed - 1 : passed + 1]
    part = (top - threshold) / (top - bottom)
    # As a power, so that a load that just passes is returned without rounding.
    return float(low * (high / low) ** part)


def between(
    n: Float[np.ndarray, " n"],
    curve: Float[np.ndarray, " n"],
    passed: int,
    threshold: float | int,
) -> tuple[float, float]:
    """The loads between which a curve can cross, from the slopes on either side.

    Straight on from the loads before the bracket, or straight back from those after it,
    at most as far as the bracket. Where there are none, as far as that.
    """
    x, passes, fails = np.log(n), passed - 1, passed
    before = np.maximum.accumulate(curve[passes::-1])[::-1]
    y = np.concatenate([before, np.minimum.accumulate(curve[fails:])])
    ends = [chord(n, curve, passed, threshold)]
    for at, beside, far in ((passes, passes - 1, fails), (fails, fails + 1, passes)):
        slope = 0.0
        if 0 <= beside < len(n):
            slope = (y[beside] - y[at]) / (x[beside] - x[at])
        crosses = x[at] + (threshold - y[at]) / slope if slope < 0 else x[far]
        inside = np.exp(np.clip(crosses, x[passes], x[fails]))
        ends.append(float(np.clip(inside, n[passes], n[fails])))
    return min(ends), max(ends)
