"""Predictions of theory for a study that is drawn."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from .. import _rules, patterns
from .._base.text import from_text, public
from .._core.rule import AbstractRule, hyperparameters
from .._spec.axes import corruptions
from ..patterns import AbstractEnsemble
from ..theory._registry import formula_of
from ._axes import over


_RULES = public(_rules, AbstractRule)
_ENSEMBLES = public(patterns, AbstractEnsemble)
# Points of a curve for each doubling of n.
_POINTS = 6


def predictions(
    dataset: xr.Dataset, metric: str, hue: str
) -> list[Callable[[np.ndarray], np.ndarray] | None]:
    """The predicted metric as a function of n, for each line in the order drawn.

    `None` where no prediction is known, or the dataset does not say what it measured.
    Where a formula does not hold for some n, it has NaN there.
    """
    data = over("plot.curves", "dataset", dataset[[metric]], (hue, "n"), free="trial")
    entries = data[hue].values
    try:
        spec = json.loads(data.attrs["spec"])
        return [_prediction(data, spec, metric, {hue: x}) for x in entries]
    except (KeyError, TypeError, json.JSONDecodeError):
        return [None] * len(entries)


def loads_between(n: np.ndarray) -> np.ndarray:
    """Numbers of pairs for a smooth curve through the range of n."""
    count = int(_POINTS * np.log2(n.max() / n.min())) + 2
    between = np.geomspace(n.min(), n.max(), count)
    # Between one pair and two there is nothing.
    return np.union1d(between[between >= 2], n)


def _prediction(dataset: xr.Dataset, spec: Mapping[str, Any], metric: str, entry: dict):
    chosen = lambda name: entry[name] if name in entry else dataset[name].values.item()
    # A study of before there was an axis is one at its level zero.
    level = lambda name: chosen(name) if name in dataset.coords else spec.get(name, 0)
    others = [level(name) for name in corruptions() if name != "query_noise"]
    drawn = spec["values"] in (None, "marginalized", "Gaussian()")
    try:
        if not drawn or any(np.any(x) for x in others):
            return None
        rule = from_text(spec["rules"][str(chosen("rule"))], _RULES)
        known = [x for x in hyperparameters(rule) if x in spec["vary"]]
        point = {name: float(chosen(name)) for name in known}
        rule = dataclasses.replace(rule, **point)
        ensemble = from_text(spec["ensemble"], _ENSEMBLES)
        formula = formula_of("plot.curves", rule, metric, ensemble)
        noise, d = float(level("query_noise")), float(chosen("d"))
    # A rule or an ensemble of the caller's own is not known by name.
    except (KeyError, TypeError, ValueError):
        return None

    def at_one(n: float) -> float:
        try:
            return float(formula.function(d, n, v=spec["v"], query_noise=noise))
        except ValueError:
            return np.nan

    at = lambda n: np.array([at_one(float(x)) for x in n])
    return None if np.isnan(at(dataset["n"].values)).all() else at
