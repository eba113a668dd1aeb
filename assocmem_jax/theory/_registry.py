"""Which closed form belongs to which rule."""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from .. import _rules
from .._base.errors import ArgumentError, called_as
from .._base.suggest import suggest
from .._base.text import to_text
from .._core.linear import AbstractLinear
from .._core.rule import AbstractRule
from .._core.separation import AbstractSeparation
from ..metrics._table import METRICS
from ..patterns import AbstractEnsemble, Bipolar, Gaussian, Spherical
from ..similarities import AbstractSimilarity, Cosine, Dot, SquaredEuclidean
from . import (
    _attention_recall,
    _dot_product,
    _entmax,
    _epanechnikov,
    _graded_kernels,
    _nearest,
    _polynomial,
    _pseudoinverse,
    _pseudoinverse_error,
    _relu,
    _ridge,
    _softmax,
    _softmax_error,
    _sparsemax,
    _top_k,
)
from ._domain import parameters, require
from ._mapped import mapped_cosine


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
    _rules.Ridge: {
        "cosine": Formula(_ridge.ridge_cosine),
        "distance": Formula(_ridge.ridge_distance),
        "squared_error": Formula(_ridge.ridge_squared_error),
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
    _rules.Quartic: {
        "cosine": Formula(
            _graded_kernels.quartic_cosine, 1e12, similarity=SquaredEuclidean
        ),
    },
    _rules.Triweight: {
        "cosine": Formula(
            _graded_kernels.triweight_cosine, 1e12, similarity=SquaredEuclidean
        ),
    },
}
_KEYS: dict[type[AbstractEnsemble], str] = {
    Gaussian: "gaussian",
    Spherical: "spherical",
    Bipolar: "bipolar",
}


class Products(NamedTuple):
    r"""Keys whose products with a query are as good as the scores of a similarity.

    Good for a rule that sees differences of scores, times an inverse temperature.

    Attributes:
        keys: the keys, as formulas name them.
        factor: from d to what makes the inverse temperature that of the products.
        noisy: whether it holds for noisy queries, too.
    """

    keys: str
    factor: Callable[[Any], Any]
    noisy: bool = True


# Between keys of norm sqrt(d) a squared distance is a constant less twice the product,
# and a cosine is the product over d, where the query is such a key. Gaussian keys over
# their norm are spherical ones.
_PRODUCTS: dict[type[AbstractSimilarity], dict[str, Products]] = {
    Cosine: {
        "gaussian": Products("spherical", lambda d: 1 / d, noisy=False),
        "spherical": Products("spherical", lambda d: 1 / d, noisy=False),
        "bipolar": Products("bipolar", lambda d: 1 / d, noisy=False),
    },
    SquaredEuclidean: {
        "spherical": Products("spherical", lambda d: 2.0),
        "bipolar": Products("bipolar", lambda d: 2.0),
    },
}


def _formulas_of(rule: AbstractRule) -> dict[str, Formula]:
    """The formulas of a rule, by metric."""
    own = _own_formulas(rule)
    cosine = own.get("cosine")
    return own if cosine is None else {**own, "bit_accuracy": _of_signs(cosine)}


def _of_signs(cosine: Formula) -> Formula:
    """Of right signs, from the cosine of single coordinates: at v = 1 it is a sign."""

    @functools.wraps(cosine.function)
    def bit_accuracy(*sizes: Any, v: Any = None, **more: Any) -> Any:
        del v
        return (1 + cosine.function(*sizes, v=1, **more)) / 2

    return cosine._replace(function=bit_accuracy)


def _own_formulas(rule: AbstractRule) -> dict[str, Formula]:
    """Those that are written down for a rule."""
    if isinstance(rule, AbstractLinear) and rule.columns():
        # Scores depend on the order of what the rule holds of each pair.
        return {}
    if type(rule) is not _rules.Mapped:
        return _FORMULAS.get(type(rule), {})
    # Over sums of both signs, directions of answers turn around.
    over_sum = type(rule.rule) is _rules.LinearAttention
    known = over_sum or type(rule.rule) is _rules.DotProduct
    cosine = mapped_cosine(rule.features, positive=over_sum) if known else None
    return {} if cosine is None else {"cosine": Formula(cosine, 1e30)}


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
    name, formulas = type(rule).__name__, _formulas_of(rule)
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
    taken = inspect.signature(formula.function).parameters
    drawn = _KEYS.get(type(ensemble), "")
    products = _products(rule, formula, drawn, taken)
    if products is None or (products.keys != "gaussian" and "keys" not in taken):
        similarity = getattr(rule, "similarity", formula.similarity())
        plain = type(similarity) is formula.similarity
        named = name if plain else f"{name}(similarity={to_text(similarity)})"
        raise ArgumentError(
            call,
            "ensemble" if plain else "rule",
            f"knows no prediction of {metric!r} for `{named}` and keys of "
            f"`{type(ensemble).__name__}`",
            advice,
        )
    given: dict[str, Any] = {"keys": products.keys} if "keys" in taken else {}
    names = {"keys": "ensemble"}
    for field in dataclasses.fields(rule):  # pyright: ignore[reportArgumentType]
        if field.name in taken:
            own = getattr(rule, field.name)
            given[field.name] = own if isinstance(own, int) else float(own)
            names[field.name] = "rule"

    noisy = products.noisy and "query_noise" in taken

    def predicted(*sizes: Any, query_noise: Any = 0.0, **more: Any) -> Any:
        if noisy:
            more["query_noise"] = query_noise
        else:
            (noise,) = parameters(call, query_noise=query_noise)
            domain = f"`{to_text(rule)}` and query_noise = 0"
            require(call, "query_noise", noise, noise == 0, domain)
        own = given
        if "beta" in given:
            own = {**given, "beta": given["beta"] * products.factor(sizes[0])}
        with called_as(
            call, names, instead_of=(f"theory.{formula.function.__name__}",)
        ):
            return formula.function(*sizes, **more, **own)

    return formula._replace(function=predicted)


def _products(
    rule: AbstractRule, formula: Formula, keys: str, taken: Mapping[str, Any]
) -> Products | None:
    """What stands for the scores of a rule with such keys, if anything does."""
    similarity = formula.similarity
    if isinstance(rule, AbstractSeparation):
        similarity = type(rule.similarity)
    if similarity is formula.similarity:
        return Products(keys, np.ones_like) if keys else None
    if formula.similarity is not Dot or "beta" not in taken:
        return None
    return _PRODUCTS.get(similarity, {}).get(keys)
