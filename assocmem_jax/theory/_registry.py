"""Which closed form belongs to which rule."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from .. import _rules
from .._base.suggest import suggest
from .._core.rule import AbstractRule, hyperparameters
from ..metrics._table import METRICS
from ..patterns import AbstractEnsemble, Bipolar, Gaussian, Spherical
from . import (
    _attention_recall,
    _dot_product,
    _pseudoinverse,
    _pseudoinverse_error,
    _relu,
    _softmax,
    _softmax_error,
    _sparsemax,
)


_LAWS: dict[type[AbstractRule], dict[str, Callable[..., Any]]] = {
    _rules.Pseudoinverse: {
        "cosine": _pseudoinverse.pseudoinverse_cosine,
        "distance": _pseudoinverse_error.pseudoinverse_distance,
        "squared_error": _pseudoinverse_error.pseudoinverse_squared_error,
        "recall": _pseudoinverse.pseudoinverse_recall,
    },
    _rules.DotProduct: {
        "cosine": _dot_product.dot_product_cosine,
        "distance": _dot_product.dot_product_distance,
        "squared_error": _dot_product.dot_product_squared_error,
        "recall": _dot_product.dot_product_recall,
    },
    _rules.ReLU: {
        "cosine": _relu.relu_cosine,
        "distance": _relu.relu_distance,
        "squared_error": _relu.relu_squared_error,
        "recall": _relu.relu_recall,
    },
    _rules.Softmax: {
        "cosine": _softmax.softmax_cosine,
        "distance": _softmax_error.softmax_distance,
        "squared_error": _softmax_error.softmax_squared_error,
        "recall": _attention_recall.softmax_recall,
    },
    _rules.Sparsemax: {
        "cosine": _sparsemax.sparsemax_cosine,
        "distance": _sparsemax.sparsemax_distance,
        "squared_error": _sparsemax.sparsemax_squared_error,
        "recall": _attention_recall.sparsemax_recall,
    },
}
_KEYS: dict[type[AbstractEnsemble], str] = {
    Gaussian: "gaussian",
    Spherical: "spherical",
    Bipolar: "bipolar",
}


def law(
    call: str, rule: AbstractRule, metric: str, ensemble: AbstractEnsemble
) -> Callable[..., Any]:
    """The formula of d, n, v and the noise of queries that a rule is known to obey.

    Args:
        call: the function that asks, such as `theory.predict`.
        rule: the rule.
        metric: what is predicted.
        ensemble: how keys are drawn.

    Raises:
        ValueError: if no prediction is known, or the metric is none.
    """
    if metric not in METRICS:
        raise ValueError(
            f"`{call}(...)` has no metric {metric!r}.{suggest(str(metric), METRICS)}"
        )
    name, laws = type(rule).__name__, _LAWS.get(type(rule), {})
    if metric not in laws:
        known = ", ".join(map(repr, laws)) or "nothing"
        raise ValueError(
            f"`{call}(...)` knows no prediction of {metric!r} for `{name}`; it knows "
            f"{known}. Measure it with `sweep`."
        )
    formula = laws[metric]
    taken = inspect.signature(formula).parameters
    keys = _KEYS.get(type(ensemble))
    if keys is None or (keys != "gaussian" and "keys" not in taken):
        raise ValueError(
            f"`{call}(...)` knows no prediction of {metric!r} for `{name}` and keys of "
            f"`{type(ensemble).__name__}`. Measure it with `sweep`."
        )
    given: dict[str, Any] = {"keys": keys} if "keys" in taken else {}
    for parameter in hyperparameters(rule):
        if parameter in taken:
            given[parameter] = float(getattr(rule, parameter))

    return partial(formula, **given)
