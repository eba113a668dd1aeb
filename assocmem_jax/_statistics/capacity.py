"""Capacity: the load at which a rule stops to pass."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float

from .._base.errors import ArgumentError
from .._base.suggest import suggest
from ..metrics._own import row_of
from ..metrics._table import METRICS, Metric
from .curve import between, chord, fitted, last_vouched, num_passing
from .intervals import (
    Band,
    band,
    check_confidence,
    drop_axes,
    kind_of,
    num_queries,
    trial_scores,
)


_METHOD = (
    "First crossing of the threshold by the antitonic regression of the means over "
    "trials, between true rises, linear in log n; interval: where the ends of the "
    "intervals of the means cross, stretched by what the slopes on either side leave "
    "open between the loads"
)
_LONG_NAMES = {
    "capacity": "load at which the mean over trials crosses the threshold",
    "low": "lower end of the confidence interval of the capacity",
    "high": "upper end of the confidence interval of the capacity",
    "log_error": "standard error of the logarithm of the capacity",
    "bracket_low": "largest measured load up to which every load passes",
    "bracket_high": "smallest measured load that fails",
    "censored": "side of the measured loads on which the capacity lies",
    "trials": "number of trials used",
    "passes_again": "smallest measured load beyond the capacity that passes again",
    "skipped": "load at which the rule is singular that was passed over unmeasured",
}


class _Capacity(NamedTuple):
    """The capacity of one cell; by default, of one that nothing is known of."""

    capacity: float = np.nan
    low: float = 0.0
    high: float = np.inf
    log_error: float = np.nan
    bracket_low: float = 0.0
    bracket_high: float = np.inf
    censored: str = "unknown"
    trials: int = 0
    passes_again: float = np.nan
    skipped: float = np.nan


def capacity(
    ds: xr.Dataset,
    metric: str = "cosine",
    threshold: float | int = 0.9,
    *,
    confidence: float = 0.95,
) -> xr.Dataset:
    """The load up to which a rule passes, with a confidence interval.

    The capacity is the load n at which the mean over trials of the metric first
    crosses the threshold: every smaller load passes. Means that rise from one load to a
    larger one by chance are pooled (antitonic regression), so that one unlucky load
    does not end the capacity. Where they truly rise, they are not: at the 5 % level of
    Student's test of the differences within trials, divided by the number of pairs of
    loads, or where a rule is known to turn (`AbstractRule.critical_loads`). A valley
    below the threshold is the first crossing then, and `passes_again` says that the
    curve recovers. Between the last load that passes and the first that fails, the
    curve is taken as linear in log n. No answer is made up beyond the measured loads:
    there the capacity is NaN, `censored` says on which side it lies, and the interval
    is open on that side.

    The interval holds all loads at which the mean may be at the threshold: it begins
    beyond the last load whose mean is above it beyond doubt, as that load vouches for
    all smaller ones up to the last true rise, and ends before the first whose mean is
    below it. Doubt is Student's interval over trials of the pooled means, for shares at
    least that of independent queries. Between two loads nothing was measured. There the
    interval is stretched to what the curve can do with slopes between that of its chord
    and those of the loads before and after: little where loads are dense, up to the
    whole bracket where they are doubled and the curve has a step. Where that is too
    much, measure loads between, or let `search_capacity` choose them.

    In simulations intervals of 95 % held the capacity in 95 to 98 % of studies of a
    cosine with 2 to 16 trials, at 8 loads per decade, and at 16 and 60 with noise of
    their own; in 96 % and more of studies of a share, as loads are distant there;
    and in 94 % and more of those of the pseudoinverse with marginalized values. With 2
    trials these intervals are wide, and often open: Student's quantile is 12.7.

    Args:
        ds: a study with axes `n` and `trial`, of at least two trials. Any other axes
            are kept.
        metric: `cosine`, `recall`, `success` or `all_correct`, which pass at or above
            the threshold, or `distance` or `squared_error`, which pass at or below it;
            or one of your own, of which the attributes of the variable say its side.
        threshold: where the metric stops to pass. `all_correct` is usually asked to be
            0.5, a distance depends on the scale of the values.
        confidence: of each interval by itself.

    Returns:
        A dataset over the axes but `n` and `trial`:

        - `capacity`, NaN where censored.
        - `low` and `high`, the interval; 0 and infinity mean below the smallest and
          above the largest load.
        - `log_error`, the standard error of the logarithm of the capacity.
        - `bracket_low` and `bracket_high`, the measured loads next to the capacity; 0
          and infinity where there is none.
        - `censored`: `no`; `below`, as the smallest load fails; `above`, as the largest
          load passes; `unknown`, as fewer than two trials or no load was measured, or
          a load was skipped.
        - `trials`, the number used.
        - `passes_again`, the smallest measured load beyond the capacity from which on
          the metric passes again after a true rise; NaN where it does not.
        - `skipped`, a load below the first that fails at which the rule is known to
          turn, and which was not measured; NaN where there is none. Where loads on
          either side of it pass, the curve may have crossed between them: the capacity
          is unknown, and its interval goes down to the load before.

    Raises:
        TypeError: if `ds` is no dataset.
        ValueError: if the study lacks the metric, the axis `n` with its loads or a
            second trial, or a setting is out of range.

    References:
        Ayer et al. (1955), doi:10.1214/aoms/1177728423 (antitonic regression).
    """
    scores = trial_scores("capacity", ds, metric)
    known = row_of(metric, ds[metric].attrs)
    row = check_threshold("capacity", metric, known, threshold)
    check_confidence("capacity", "confidence", confidence)
    if "n" not in scores.dims:
        raise ArgumentError(
            "capacity",
            "ds",
            f"must have an axis `n`, got {scores.dims}",
            "Select loads by a list to keep it.",
        )
    if "n" not in scores.coords:
        raise ArgumentError(
            "capacity",
            "ds",
            "must have a coordinate `n`, got an axis without loads",
            "Assign them: `ds.assign_coords(n=...)`.",
        )
    scores = scores.sortby("n").transpose(..., "trial", "n")
    cells = drop_axes(scores, "n", "trial")
    n, samples = scores["n"].to_numpy().astype(float), scores.to_numpy()
    queries = num_queries(scores)
    assert queries is not None
    queries = queries.broadcast_like(scores.isel(trial=0, drop=True))
    asked = queries.transpose(*cells.dims, "n").to_numpy()
    known = json.loads(ds.attrs.get("critical_loads", "{}"))
    found = [
        _measure(
            n,
            asked[index],
            row.sign * samples[index],
            metric,
            row.sign * threshold,
            confidence,
            _critical(known, cells[index]),
        )
        for index in np.ndindex(cells.shape)
    ]
    # What was asked, so that theory can answer it, too.
    spec = {name: ds.attrs[name] for name in ("spec",) if name in ds.attrs}
    return _to_dataset(found, cells).assign_attrs(
        **spec,
        metric=metric,
        threshold=float(threshold),
        confidence=float(confidence),
        trials=scores.sizes["trial"],
        method=_METHOD,
    )


def check_threshold(
    function: str, metric: str, row: Metric | None, threshold: float | int
) -> Metric:
    """The row of a metric; raise unless it has one and can cross the threshold."""
    if row is None:
        complaint = f"must be a metric with a better side, got {metric!r}"
        raise ArgumentError(function, "metric", complaint, suggest(metric, METRICS))
    lowest, highest = row.lowest, row.highest
    # All of them can be right, but not more than all.
    reached = threshold == highest and row.reaches_highest
    if not (lowest < threshold < highest or reached):
        where = f"between {lowest:g} and {highest:g}"
        if np.isinf(highest):
            where = f"finite and above {lowest:g}" if lowest else "positive and finite"
        raise ArgumentError(
            function,
            "threshold",
            f"must be {where} for `{metric}`, got {threshold}",
            "No load could cross it.",
        )
    return row


def _to_dataset(found: list[_Capacity], cells: xr.DataArray) -> xr.Dataset:
    """The capacities, cell by cell, over the axes of the cells."""
    variables = {}
    for name, column in zip(_Capacity._fields, zip(*found, strict=True), strict=True):
        attrs = {"long_name": _LONG_NAMES[name]}
        if name != "censored":
            attrs["units"] = "1"
        variables[name] = (cells.dims, np.reshape(column, cells.shape), attrs)
    return xr.Dataset(variables, cells.coords)


def _critical(known: Mapping[str, Any], cell: xr.DataArray) -> list[float | int]:
    """Loads at which the rule of a cell is singular.

    Args:
        known: the attribute that `sweep` writes: `loads` by rule and dimension, and
            `clean`, the axes on which all zero means queries as they were stored.
        cell: a cell. What its coordinates do not say may be anything.
    """
    at = {str(name): coord.item() for name, coord in cell.coords.items()}
    axes = known.get("clean", [])
    # Levels are text where some of them depend on d.
    if axes and all(at.get(axis) in (0, "0.0") for axis in axes):
        return []
    return [
        load
        for rule, sizes in known.get("loads", {}).items()
        if at.get("rule", rule) == rule
        for d, loads in sizes.items()
        if at.get("d", int(d)) == int(d)
        for load in loads
    ]


def _measure(
    n: Float[np.ndarray, " n"],
    queries: Float[np.ndarray, " n"],
    samples: Float[np.ndarray, "trial n"],
    metric: str,
    threshold: float | int,
    confidence: float,
    critical: list[float | int],
) -> _Capacity:
    """The capacity of one cell, where larger is better."""
    samples = samples[~np.isnan(samples).all(axis=1)]
    complete = ~np.isnan(samples).any(axis=0)
    n, queries, samples = n[complete], queries[complete], samples[:, complete]
    trials = len(samples)
    if trials < 2 or n.size == 0:
        return _Capacity(trials=trials)
    # Infinities would become NaN where they are subtracted.
    samples = np.clip(samples, -1e100, 1e100)
    curve = fitted(n, samples, kind_of(metric), critical, queries)
    means = band(curve.samples.T, metric, queries, confidence)
    passed = num_passing(means.mean, threshold)
    low, high = _span(n, means, curve.starts, threshold, means.factor)
    estimate, log_error, bracket, censored = np.nan, np.nan, (0.0, n[0]), "below"
    if passed == len(n):
        bracket, censored = (n[-1], np.inf), "above"
    elif passed > 0:
        estimate = chord(n, means.mean, passed, threshold)
        log_error = _log_error(n, means, curve.starts, threshold)
        bracket, censored = (n[passed - 1], n[passed]), "no"
    again = np.flatnonzero(means.mean[passed:] >= threshold)
    missed = [x for x in critical if x < min(bracket[1], n[-1]) and x not in n]
    if missed:
        # Between its neighbors the curve can be anywhere.
        beside = int(np.searchsorted(n, missed[0]))
        low = min(low, n[beside - 1] if beside else 0.0)
        high = max(high, min(bracket[1], n[-1]))
        if missed[0] < bracket[0]:
            estimate, log_error, censored = np.nan, np.nan, "unknown"
    return _Capacity(
        estimate,
        low,
        high,
        log_error,
        float(bracket[0]),
        float(bracket[1]),
        censored,
        trials,
        float(n[passed + again[0]]) if again.size else np.nan,
        missed[0] if missed else np.nan,
    )


def _log_error(
    n: Float[np.ndarray, " n"], means: Band, starts: list[int], threshold: float | int
) -> float:
    """The standard error of the logarithm of the capacity."""
    (first, last), (low, high) = (
        _span(n, means, starts, threshold, errors) for errors in (0, 1)
    )
    with np.errstate(divide="ignore"):
        sides = np.log([first / low if low else np.inf, high / last])
    # Anywhere between the two with the same chance.
    gap = np.log(last / first) / np.sqrt(12)
    closed = sides[np.isfinite(sides)]
    return float(np.hypot(closed.mean(), gap)) if closed.size else np.nan


def _span(
    n: Float[np.ndarray, " n"],
    means: Band,
    starts: list[int],
    threshold: float | int,
    errors: Float[np.ndarray, " n"] | int,
) -> tuple[float, float]:
    """The first and the last load at which curves so many errors apart may cross."""
    below = means.mean - errors * means.error
    above = means.mean + errors * means.error
    low, high = 0.0, np.inf
    passed = last_vouched(below, starts, threshold)
    if passed == len(n):
        low = float(n[-1])
    elif passed > 0:
        low, _ = between(n, below, passed, threshold)
    passed = num_passing(above, threshold)
    if passed == 0:
        high = float(n[0])
    elif passed < len(n):
        _, high = between(n, above, passed, threshold)
    return low, high
