"""Which closed form belongs to which rule."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .. import _rules
from .._base.errors import ArgumentError, called_as
from .._base.suggest import suggest
from .._core.rule import AbstractRule
from ..metrics._table import METRICS
from ..patterns import AbstractEnsemble, Bipolar, Gaussian, Spherical
from ..similarities import AbstractSimilarity, Dot, SquaredEuclidean
from . import (
    _attention_recall,
    _dot_product,
    _entmax,
    _epanechnikov,
    _nearest,
    _polynomial,
    _pseudoinverse,
    _pseudoinverse_error,
    _relu,
    _softmax,
    _softmax_error,
    _sparsemax,
    _top_k,
)


class Formula(NamedTuple):
    """A closed form, and the numbers of pairs that it is known for.

    Attributes:
        function: of d, n, v, the noise of queries, and hyperparameters of the rule.
        largest_n: the most pairs. No formula is asked for more than e**600.
        from_two: whether there is no value between one pair and two.
        similarity: what scores are, where a rule has a choice.
    """

    function: Callable[..., Any]
    largest_n: float = float(np.exp(600.0))
    from_two: bool = False
    similarity: type[AbstractSimilarity] = Dot


_FORMULAS: dict[type[AbstractRule], dict[str, Formula]] = {
    _rules.Pseudoinverse: {
        "cosine": Formula(_pseudoinverse.pseudoinverse_cosine),
        "distance": Formula(_pseudoinverse_error.pseudoinverse_distance),
        "squared_error": Formula(_pseudoinverse_error.pseudoinverse_squared_error),
        "recall": Formula(_pseudoinverse.pseudoinverse_recall),
    },
    _rules.DotProduct: {
        "cosine": Formula(_dot_product.dot_product_cosine),
        "distance": Formula(_dot_product.dot_product_distance),
        "squared_error": Formula(_dot_product.dot_product_squared_error),
        "recall": Formula(_dot_product.dot_product_recall),
    },
    _rules.ReLU: {
        "cosine": Formula(_relu.relu_cosine),
        "distance": Formula(_relu.relu_distance),
        "squared_error": Formula(_relu.relu_squared_error),
        "recall": Formula(_relu.relu_recall),
    },
    _rules.Softmax: {
        "cosine": Formula(_softmax.softmax_cosine),
        "distance": Formula(_softmax_error.softmax_distance, from_two=True),
        "squared_error": Formula(
            _softmax_error.softmax_squared_error, 1e30, from_two=True
        ),
        "recall": Formula(_attention_recall.softmax_recall, 1e12, from_two=True),
    },
    _rules.Sparsemax: {
        "cosine": Formula(_sparsemax.sparsemax_cosine, 1e12, from_two=True),
        "distance": Formula(_sparsemax.sparsemax_distance, 1e12, from_two=True),
        "squared_error": Formula(
            _sparsemax.sparsemax_squared_error, 1e12, from_two=True
        ),
        "recall": Formula(_attention_recall.sparsemax_recall, 1e12, from_two=True),
    },
    _rules.Entmax: {"cosine": Formula(_entmax.entmax_cosine, 1e12, from_two=True)},
    # A normalizer does not change the direction of an answer.
    _rules.Exponential: {"cosine": Formula(_softmax.softmax_cosine)},
    _rules.NullSoftmax: {"cosine": Formula(_softmax.softmax_cosine)},
    _rules.Polynomial: {
        "cosine": Formula(_polynomial.polynomial_cosine),
        "squared_error": Formula(_polynomial.polynomial_squared_error),
    },
    _rules.TopK: {"cosine": Formula(_top_k.top_k_cosine, 1e15)},
    _rules.Nearest: {
        "cosine": Formula(_nearest.nearest_cosine),
        "distance": Formula(_nearest.nearest_distance),
        "squared_error": Formula(_nearest.nearest_squared_error),
        "recall": Formula(_nearest.nearest_cosine),
    },
    _rules.Epanechnikov: {
        "cosine": Formula(
            _epanechnikov.epanechnikov_cosine, similarity=SquaredEuclidean
        ),
        "squared_error": Formula(
            _epanechnikov.epanechnikov_squared_error, similarity=SquaredEuclidean
        ),
    },
}
_KEYS: dict[type[AbstractEnsemble], str] = {
    Gaussian: "gaussian",
    Spherical: "spherical",
    Bipolar: "bipolar",
}


def formula_of(
    call: str, rule: AbstractRule, metric: str, ensemble: AbstractEnsemble
) -> Formula:
    """The formula of d, n, v and the noise of queries that a rule is known to obey.

    Where the formula refuses a size, it says so of the function that asks.

    Args:
        call: the function that asks, such as `theory.predict`.
        rule: the rule.
        metric: what is predicted.
        ensemble: how keys are drawn.

    Raises:
        ValueError: if no prediction is known, or the metric is none.
    """
    if not isinstance(metric, str) or metric not in METRICS:
        advice = suggest(str(metric), METRICS)
        raise ArgumentError(call, "metric", f"has no metric {metric!r}", advice)
    name, formulas = type(rule).__name__, _FORMULAS.get(type(rule), {})
    advice = "Measure it with `sweep`."
    if metric not in formulas:
        known = ", ".join(map(repr, formulas)) or "nothing"
        raise ArgumentError(
            call,
            "metric",
            f"knows no prediction of {metric!r} for `{name}`; it knows {known}",
            advice,
        )
    formula = formulas[metric]
    similarity = getattr(rule, "similarity", None)
    if similarity is not None and type(similarity) is not formula.similarity:
        raise ArgumentError(
            call,
            "rule",
            f"knows no prediction of {metric!r} for `{name}` of {similarity!r}",
            advice,
        )
    taken = inspect.signature(formula.function).parameters
    keys = _KEYS.get(type(ensemble))
    if keys is None or (keys != "gaussian" and "keys" not in taken):
        raise ArgumentError(
            call,
            "ensemble",
            f"knows no prediction of {metric!r} for `{name}` and keys of "
            f"`{type(ensemble).__name__}`",
            advice,
        )
    given: dict[str, Any] = {"keys": keys} if "keys" in taken else {}
    names = {"keys": "ensemble"}
    for field in dataclasses.fields(rule):  # pyright: ignore[reportArgumentType]
        if field.name in taken:
            own = getattr(rule, field.name)
            given[field.name] = own if isinstance(own, int) else float(own)
            names[field.name] = "rule"

    def predicted(*sizes: Any, **more: Any) -> Any:
        with called_as(
            call, names, instead_of=(f"theory.{formula.function.__name__}",)
        ):
            return formula.function(*sizes, **more, **given)

    return formula._replace(function=predicted)
