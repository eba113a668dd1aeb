"""Capacity: the load at which a rule stops to pass."""

import zlib
from typing import NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float, Int
from scipy import stats

from .._base.checks import check_count
from .._base.errors import ArgumentError
from .._base.suggest import suggest
from ..metrics._table import METRICS
from .intervals import check_confidence, drop_axes, trial_scores


_METHOD = (
    "First crossing of the threshold by the running minimum of the means over trials, "
    "linear in log n; percentile bootstrap over trials, jointly for all loads, with "
    "the level expanded for few trials (Student's t below 6), stretched by what the "
    "slopes on either side leave open between the loads"
)
# Below this number of trials no level of the percentiles is wide enough.
_ENOUGH_TRIALS = 6
_LONG_NAMES = {
    "capacity": "load at which the mean over trials crosses the threshold",
    "low": "lower end of the confidence interval of the capacity",
    "high": "upper end of the confidence interval of the capacity",
    "bracket_low": "largest measured load up to which every load passes",
    "bracket_high": "smallest measured load that fails",
    "censored": "side of the measured loads on which the capacity lies",
    "trials": "number of trials used",
}


class _Capacity(NamedTuple):
    """The capacity of one cell; by default, of one that nothing is known of."""

    capacity: float = np.nan
    low: float = 0.0
    high: float = np.inf
    bracket_low: float = 0.0
    bracket_high: float = np.inf
    censored: str = "unknown"
    trials: int = 0


def capacity(
    ds: xr.Dataset,
    metric: str = "cosine",
    threshold: float | int = 0.9,
    *,
    confidence: float = 0.95,
    resamples: int | np.integer = 999,
    seed: int | np.integer = 0,
) -> xr.Dataset:
    """The load up to which a rule passes, with a confidence interval.

    The capacity is the load n at which the mean over trials of the metric first
    crosses the threshold: every smaller load passes. Between the last load that passes
    and the first that fails, the running minimum of the means is taken as linear in
    log n. No answer is made up beyond the measured loads: there the capacity is NaN,
    `censored` says on which side it lies, and the interval is open on that side.

    The interval is a percentile bootstrap over trials. The loads of one trial share
    their patterns, so a trial is drawn with all its loads. For few trials the level is
    expanded as Hesterberg proposes, and below 6 Student's interval of log n with the
    bootstrap's standard error is taken. In simulated studies of a cosine the interval
    of 95 % held the capacity in 93 to 97 % of cases, from 2 trials on.

    Between two loads nothing was measured. The interval is stretched to what the curve
    can do there with slopes between that of its chord and those of the loads before and
    after: little where loads are dense, up to the whole bracket where they are doubled
    and the curve has a step. Where that is too much, measure loads between, or let
    `search_capacity` choose them.

    Where the noise of neighboring loads is independent and exceeds the fall of the
    curve between them, one unlucky load is enough to end the capacity too early. With
    16 trials and means of error 0.025, the interval held it in 96 % of cases at 16
    loads per decade and in 88 % at 60. Prefer more trials to loads as dense as that.

    A trial with no number at all was not run and is left out. So is then a load that
    some other trial lacks, as every load must see the same trials. An infinite distance
    counts as a failure.

    Args:
        ds: a study with axes `n` and `trial`, of at least two trials. Any other axes
            are kept.
        metric: `cosine`, `recall`, `success` or `all_correct`, which pass at or above
            the threshold, or `distance` or `squared_error`, which pass at or below it.
        threshold: where the metric stops to pass. `all_correct` is usually asked to be
            0.5, a distance depends on the scale of the values.
        confidence: of each interval by itself.
        resamples: of the bootstrap. At 999 an end moves from seed to seed by about 2 %
            of the width of the interval.
        seed: of the bootstrap. Each cell has its own stream, which depends on the seed
            and the coordinates of the cell alone.

    Returns:
        A dataset over the axes but `n` and `trial`:

        - `capacity`, NaN where censored.
        - `low` and `high`, the interval, stretched to the capacity where it misses it;
          0 and infinity mean below the smallest and above the largest load.
        - `bracket_low` and `bracket_high`, the measured loads next to the capacity; 0
          and infinity where there is none.
        - `censored`: `no`; `below`, as the smallest load fails; `above`, as the largest
          load passes; `unknown`, as fewer than two trials or no load was measured.
        - `trials`, the number used.

    Raises:
        ValueError: if the study lacks the metric, the axis `n` or a second trial, or a
            setting is out of range.

    References:
        Efron & Tibshirani (1993), doi:10.1201/9780429246593, ch. 13.
        Hesterberg (2015), doi:10.1080/00031305.2015.1089789 (the level).
    """
    scores = trial_scores("capacity", ds, metric)
    check_threshold("capacity", metric, threshold)
    check_confidence("capacity", "confidence", confidence)
    check_count("capacity", "resamples", resamples, 1)
    check_count("capacity", "seed", seed, 0)
    if "n" not in scores.dims:
        raise ArgumentError(
            "capacity",
            "ds",
            f"must have an axis `n`, got {scores.dims}",
            "Select loads by a list to keep it.",
        )
    sign = METRICS[metric].sign
    scores = scores.sortby("n").transpose(..., "trial", "n")
    cells = drop_axes(scores, "n", "trial")
    n, samples = scores["n"].to_numpy().astype(float), sign * scores.to_numpy()
    found = [
        _measure(
            n,
            samples[index],
            sign * threshold,
            confidence,
            int(resamples),
            np.random.default_rng([int(seed), _fingerprint(cells[index])]),
        )
        for index in np.ndindex(cells.shape)
    ]
    # What was asked, so that theory can answer it, too.
    asked = {name: ds.attrs[name] for name in ("spec",) if name in ds.attrs}
    return _to_dataset(found, cells).assign_attrs(
        **asked,
        metric=metric,
        threshold=float(threshold),
        confidence=float(confidence),
        trials=scores.sizes["trial"],
        resamples=int(resamples),
        seed=int(seed),
        method=_METHOD,
    )


def crossing(
    n: Float[np.ndarray, " n"],
    means: Float[np.ndarray, "*curves n"],
    threshold: float | int,
) -> Float[np.ndarray, "*curves"]:
    """The load at which falling curves first cross a threshold.

    Args:
        n: loads in increasing order.
        means: the curves. Their running minima are used.
        threshold: at or above it a load passes.

    Returns:
        One load per curve: 0 where the first fails, infinity where the last passes.
    """
    envelope = np.minimum.accumulate(means, axis=-1)
    passed = _count_passing(means, threshold)
    fails = np.minimum(passed, len(n) - 1)
    passes = np.maximum(fails - 1, 0)
    take = lambda at: np.take_along_axis(envelope, at[..., None], axis=-1)[..., 0]
    top, bottom = take(passes), take(fails)
    inside = (passed > 0) & (passed < len(n))
    part = np.zeros(np.shape(top))
    np.divide(top - threshold, top - bottom, out=part, where=inside)
    # As a power, so that a load that just passes is returned without rounding.
    between = n[passes] * (n[fails] / n[passes]) ** part
    return np.select([passed == 0, passed == len(n)], [0.0, np.inf], between)


def _count_passing(
    means: Float[np.ndarray, "*curves n"], threshold: float | int
) -> Int[np.ndarray, "*curves"]:
    """Number of loads that pass before the first that fails."""
    fails = means < threshold
    return np.where(fails.any(axis=-1), fails.argmax(axis=-1), means.shape[-1])


def check_threshold(function: str, metric: str, threshold: float | int) -> None:
    """Raise unless the metric has a capacity and can cross the threshold."""
    if metric not in METRICS:
        complaint = f"must be a metric with a better side, got {metric!r}"
        raise ArgumentError(function, "metric", complaint, suggest(metric, METRICS))
    known = METRICS[metric]
    lowest, highest = known.lowest, known.highest
    # All of them can be right, but not more than all.
    reached = threshold == highest and known.reaches_highest
    if not (lowest < threshold < highest or reached):
        where = f"between {lowest:g} and {highest:g}"
        if np.isinf(highest):
            where = "positive and finite"
        raise ArgumentError(
            function,
            "threshold",
            f"must be {where} for `{metric}`, got {threshold}",
            "No load could cross it.",
        )


def _to_dataset(found: list[_Capacity], cells: xr.DataArray) -> xr.Dataset:
    """The capacities, cell by cell, over the axes of the cells."""
    variables = {}
    for name, column in zip(_Capacity._fields, zip(*found, strict=True), strict=True):
        attrs = {"long_name": _LONG_NAMES[name]}
        if name != "censored":
            attrs["units"] = "1"
        variables[name] = (cells.dims, np.reshape(column, cells.shape), attrs)
    return xr.Dataset(variables, cells.coords)


def _fingerprint(cell: xr.DataArray) -> int:
    """A number that depends on the coordinates of a cell alone."""
    named = {str(name): coord.item() for name, coord in cell.coords.items()}
    return zlib.crc32(repr(sorted(named.items())).encode())


def _measure(
    n: Float[np.ndarray, " n"],
    samples: Float[np.ndarray, "trial n"],
    threshold: float | int,
    confidence: float,
    resamples: int,
    rng: np.random.Generator,
) -> _Capacity:
    """The capacity of one cell, where larger is better."""
    samples = samples[~np.isnan(samples).all(axis=1)]
    complete = ~np.isnan(samples).any(axis=0)
    n, samples = n[complete], samples[:, complete]
    trials = len(samples)
    if trials < 2 or n.size == 0:
        return _Capacity(trials=trials)
    # Infinities would become NaN where a resample leaves their trial out.
    samples = np.clip(samples, -1e100, 1e100)
    means = samples.sum(axis=0) / trials
    estimate = float(crossing(n, means, threshold))
    passed = int(_count_passing(means, threshold))
    counts = rng.multinomial(trials, np.full(trials, 1 / trials), size=resamples)
    # Not `@`: so small a product loses more to the threads of BLAS than it gains.
    sums = np.einsum("rt,tn->rn", counts.astype(float), samples)
    replicates = np.sort(crossing(n, sums / trials, threshold))
    # Order statistics, not quantiles between them: these may be 0 or infinite.
    rank = max(int(_tail(confidence, trials) * (resamples + 1)), 1)
    low = min(float(replicates[rank - 1]), estimate)
    high = max(float(replicates[-rank]), estimate)
    closed = replicates[(replicates > 0) & np.isfinite(replicates)]
    if trials < _ENOUGH_TRIALS and closed.size:
        student = stats.t.ppf((1 + confidence) / 2, trials - 1)
        half = student * np.log(closed).std() * np.sqrt(trials / (trials - 1))
        low = min(low, estimate * np.exp(-half))
        high = max(high, estimate * np.exp(half))
    if passed == 0:
        high = high or float(n[0])
        return _Capacity(np.nan, 0.0, high, 0.0, float(n[0]), "below", trials)
    if passed == len(n):
        low = min(low, float(n[-1]))
        return _Capacity(np.nan, low, np.inf, float(n[-1]), np.inf, "above", trials)
    bracket = float(n[passed - 1]), float(n[passed])
    first, last = _between(n, means, passed, threshold)
    low, high = min(low, first), max(high, last)
    return _Capacity(estimate, low, high, *bracket, "no", trials)


def _between(
    n: Float[np.ndarray, " n"],
    means: Float[np.ndarray, " n"],
    passed: int,
    threshold: float | int,
) -> tuple[float, float]:
    """The loads between which a curve can cross, from the slopes on either side.

    Straight on from the loads before the bracket, or straight back from those after it,
    at most as far as the bracket. Where there are none, as far as that.
    """
    x, y = np.log(n), np.minimum.accumulate(means)
    passes, fails, ends = passed - 1, passed, []
    for at, beside, far in ((passes, passes - 1, fails), (fails, fails + 1, passes)):
        slope = 0.0
        if 0 <= beside < len(n):
            slope = (y[beside] - y[at]) / (x[beside] - x[at])
        crosses = x[at] + (threshold - y[at]) / slope if slope < 0 else x[far]
        inside = np.exp(np.clip(crosses, x[passes], x[fails]))
        ends.append(float(np.clip(inside, n[passes], n[fails])))
    return min(ends), max(ends)


def _tail(confidence: float, trials: int) -> float:
    """The share of resamples beyond each end, smaller for few trials."""
    student = stats.t.ppf((1 - confidence) / 2, trials - 1)
    return float(stats.norm.cdf(np.sqrt(trials / (trials - 1)) * student))
