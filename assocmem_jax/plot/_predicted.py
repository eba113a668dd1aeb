"""Predictions of theory for a study that is drawn."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from .. import patterns
from .._base.text import from_text, public
from .._catalog.rules import PARTS, RULES
from .._core.fields import varied
from .._core.rule import AbstractRule
from .._spec.axes import corruptions
from .._spec.described import level_of
from .._spec.levels import at_dimension, point_at, taken_by
from ..patterns import AbstractEnsemble
from ..theory._capacity import capacity
from ..theory._registry import formula_of
from ._asked import described
from ._axes import over


_ENSEMBLES = public(patterns, AbstractEnsemble)
# Points for each doubling: of n along a curve, of d along a line of capacities, which
# cost some 15 predictions each, and of both in a map.
_ALONG_CURVES, _ALONG_CAPACITIES, _IN_MAPS = 6, 3, 2
# Coordinates that say nothing of which study it is.
_BESIDE = ("rule", "trial", "asked", "state_bytes")


def predictions(
    dataset: xr.Dataset, metric: str, hue: str
) -> list[Callable[[np.ndarray], np.ndarray] | None]:
    """The predicted metric as a function of n, for each line in the order drawn.

    `None` where no prediction is known, or the dataset does not say what it measured.
    Where a formula does not hold for some n, it has NaN there.
    """
    data = over("plot.curves", "dataset", dataset[[metric]], (hue, "n"), free="trial")
    spec = _spec_of(data)
    return [_prediction(data, spec, metric, {hue: x}) for x in data[hue].values]


def loads_between(n: np.ndarray) -> np.ndarray:
    """Numbers of pairs for a smooth curve through the range of n."""
    between = _between(n, _ALONG_CURVES)
    # Between one pair and two there is nothing.
    return np.union1d(between[between >= 2], n)


def predicted_map(
    dataset: xr.Dataset, metric: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Dimensions, loads, and the predicted metric over them, for a map.

    `None` where no prediction is known, or the dataset does not say what it measured.
    """
    data = over("plot.heatmap", "dataset", dataset[[metric]], ("d", "n"), free="trial")
    d, n = (
        np.union1d(data[name].values, _between(data[name].values, _IN_MAPS))
        for name in ("d", "n")
    )
    spec = _spec_of(data)
    formulas = [_prediction(data, spec, metric, {"d": x}) for x in d]
    if not any(formulas):
        return None
    nothing = np.full(len(n), np.nan)
    return d, n, np.array([nothing if at is None else at(n) for at in formulas])


def predicted_capacity(points: xr.Dataset) -> tuple[np.ndarray, np.ndarray] | None:
    """Dimensions, and the capacity of theory there, for the capacities of one rule.

    From the dimension before the first to that after the last where a capacity is not
    above the loads that were tried. `None` where nothing is known.
    """
    d = points["d"].values.astype(float)
    (near,) = np.nonzero(points["censored"].values != "above")
    if len(near) == 0:
        return None
    d = d[max(near[0] - 1, 0) : near[-1] + 2]
    d = np.union1d(d, _between(d, _ALONG_CAPACITIES))
    spec = _spec_of(points)
    settings = [_setting(points, spec, {"d": x}) for x in d]
    metric, threshold = (points.attrs.get(x) for x in ("metric", "threshold"))
    if metric is None or threshold is None:
        return None

    def at(setting: _Setting | None) -> float:
        if setting is None:
            return np.nan
        rule, ensemble, size, v, noise = setting
        common: dict[str, Any] = {"v": v, "ensemble": ensemble, "query_noise": noise}
        try:
            found = capacity(rule, size, threshold, metric=metric, **common)
        except ValueError:
            return np.nan
        return float(found)

    n = np.array([at(setting) for setting in settings])
    return (d, n) if np.isfinite(n).any() else None


def _between(x: np.ndarray, points: int) -> np.ndarray:
    """Numbers through the range of `x`, so many for each doubling."""
    return np.geomspace(x.min(), x.max(), int(points * np.log2(x.max() / x.min())) + 2)


class _Setting(NamedTuple):
    """What theory must know of a line."""

    rule: AbstractRule
    ensemble: AbstractEnsemble
    d: float
    v: int | None
    noise: float


def _spec_of(dataset: xr.Dataset) -> dict[str, Any]:
    """What a dataset says of its study; nothing if it is not of that study alone.

    A dataset that is put together from several studies has the words of the first.
    """
    spec = described(dataset)
    for name, labels in dataset.coords.items():
        # What a caller has added along known dimensions tells of no other study; a
        # single label may be what is left of an axis along which studies were put
        # together. Rules are looked up one by one.
        if name in _BESIDE or labels.ndim and name not in dataset.dims:
            continue
        try:
            for label in labels.values.ravel().tolist():
                level_of(spec, str(name), label)
        except (KeyError, TypeError, ValueError):
            return {}
    return spec


def _setting(dataset: xr.Dataset, spec: Mapping[str, Any], entry: dict):
    """The setting of a line; `None` where there is none that theory knows."""
    chosen = lambda name: entry[name] if name in entry else dataset[name].values.item()

    def level(name: str, default: Any = None) -> Any:
        if name in dataset.coords:
            return level_of(spec, name, chosen(name))
        return spec.get(name, default)

    try:
        d = float(chosen("d"))
        # A study of before there was an axis is one at its level zero.
        others = [level(name, 0) for name in corruptions() if name != "query_noise"]
        drawn = spec["values"] in (None, "marginalized", "Gaussian()")
        # What is predicted are answers for stored pairs.
        if not drawn or any(np.any(x) for x in others) or spec.get("held_out"):
            return None
        text = spec["rules"][str(chosen("rule"))]
        rule = from_text(text, RULES, PARTS)
        known = [x for x in spec["vary"] if taken_by(rule, x)]
        point = {name: level_of(spec, name, chosen(name)) for name in known}
        rule = varied(rule, point_at(rule, point, d))
        named = spec["ensemble"]
        text = named[level("ensemble")] if isinstance(named, dict) else named
        ensemble = from_text(text, _ENSEMBLES)
        noise, v = at_dimension(level("query_noise", 0), d), level("v")
    # A rule or an ensemble of the caller's own is not known by name.
    except (KeyError, TypeError, ValueError):
        return None
    return _Setting(rule, ensemble, d, v, noise)


def _prediction(dataset: xr.Dataset, spec: Mapping[str, Any], metric: str, entry: dict):
    setting = _setting(dataset, spec, entry)
    if setting is None:
        return None
    rule, ensemble, d, v, noise = setting
    try:
        formula = formula_of("plot.curves", rule, metric, ensemble)
    except ValueError:
        return None

    @functools.cache
    def at_one(n: float) -> float:
        try:
            return float(formula.function(d, n, v=v, query_noise=noise))
        except ValueError:
            return np.nan

    at = lambda n: np.array([at_one(float(x)) for x in n])
    return None if np.isnan(at(dataset["n"].values)).all() else at
