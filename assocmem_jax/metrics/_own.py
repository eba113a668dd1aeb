"""Metrics of the caller's own, beside those of the table."""

import dataclasses
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.exact import widened
from ._answers import Answers
from ._table import METRICS, Metric


@dataclasses.dataclass(frozen=True)
class OwnMetric:
    """A metric of your own, for `metrics` of a study: a function, and how it is read.

    A function alone will do where larger is better and nothing bounds it. A study knows
    a metric by its name, not by its code: after an edit of the function take another
    `store`. What a rule answers may be infinite or NaN; a score that is not finite
    counts as NaN.

    Attributes:
        function: from the right value and the retrieved one, both `[v]`, to one number,
            by functions of JAX.
        name: of the variable in the dataset. Left out, the function's own.
        larger_is_better: which side passes a threshold of `capacity`.
        lowest: the lower end of its range.
        highest: the upper end of its range.
        long_name: what it is, for figures and datasets. Left out, its name.

    Raises:
        TypeError: if `function` is none, or cannot be hashed.
        ValueError: if the name is none that a variable of a dataset can have, or of
            another metric; or the range is empty.

    Example:
        >>> import assocmem_jax as am, jax.numpy as jnp
        >>> largest = am.metrics.OwnMetric(
        ...     lambda right, retrieved: jnp.max(jnp.abs(right - retrieved)),
        ...     name="largest_error", larger_is_better=False, lowest=0.0)
        >>> rules = {"dot": am.DotProduct()}
        >>> ds = am.sweep(rules, d=[8], n=[2], metrics=("cosine", largest))
        >>> list(ds.data_vars)
        ['cosine', 'cosine_std', 'largest_error', 'largest_error_std']
    """

    function: Callable[[Any, Any], Any]
    name: str | None = None
    larger_is_better: bool = True
    lowest: float | int = -math.inf
    highest: float | int = math.inf
    long_name: str | None = None

    def __post_init__(self):
        try:
            hash(self.function)
            usable = callable(self.function)
        except TypeError:
            usable = False
        if not usable:
            complaint = "must be a function that can be hashed, got "
            raise ArgumentTypeError(
                "OwnMetric",
                "function",
                f"{complaint}a `{type(self.function).__name__}`",
                "Pass a function of the right and the retrieved value.",
            )
        if self.name is None:
            own = getattr(self.function, "__name__", None)
            object.__setattr__(self, "name", own)
        _check_name(self.name)
        if not self.lowest < self.highest:
            raise ArgumentError(
                "OwnMetric",
                ("lowest", "highest"),
                f"must be in order, got {self.lowest} and {self.highest}",
                "Leave out an end that there is not.",
            )

    @property
    def row(self) -> Metric:
        """The row that this would be in the table."""
        long_name = self.long_name or str(self.name)
        return Metric(
            long_name=long_name,
            label=f"mean {long_name}",
            score=_Score(self.function),
            larger_is_better=self.larger_is_better,
            lowest=float(self.lowest),
            highest=float(self.highest),
        )


@dataclasses.dataclass(frozen=True)
class _Score:
    """The scores of answers by a function of one right and one retrieved value.

    Equal for the same function, so that it compiles once.
    """

    function: Callable[[Any, Any], Any]

    def __call__(self, answers: Answers) -> Float[Array, " m"]:
        values, retrieved = widened((answers.values, answers.retrieved))
        score = lambda x, y: jnp.asarray(self.function(x, y)).astype(values.dtype)
        return jax.vmap(score)(values, retrieved)


def _check_name(name: Any) -> None:
    if not isinstance(name, str) or not name.isidentifier() or name.endswith("_std"):
        raise ArgumentError(
            "OwnMetric",
            "name",
            f"must be one word that does not end in `_std`, got {name!r}",
            'Name a function such as a lambda by `metrics={"name": ...}` or '
            '`OwnMetric(..., name="name")`.',
        )
    if name in METRICS:
        raise ArgumentError(
            "OwnMetric",
            "name",
            f"must be its own, got {name!r}, of which there is a metric",
            "Choose another name.",
        )


def is_metrics(given: Any) -> bool:
    """Whether this is a collection of metrics, which `taken` takes."""
    return isinstance(given, Collection) and not isinstance(given, str)


def taken(metrics: Any) -> tuple[Any, ...]:
    """Metrics as they may be passed: names, and those of the caller's own.

    Args:
        metrics: names, functions and `OwnMetric`s; or these by name. What is none of
            them stays as it is.
    """
    if isinstance(metrics, Mapping):
        return tuple(_named(name, x) for name, x in metrics.items())
    is_bare = lambda x: callable(x) and not isinstance(x, OwnMetric)
    return tuple(OwnMetric(x) if is_bare(x) else x for x in metrics)


def _named(name: str, metric: Any) -> Any:
    if isinstance(metric, OwnMetric):
        return dataclasses.replace(metric, name=name)
    # "cosine" by its own name.
    return metric if metric == name else OwnMetric(metric, name)


def rows_of(metrics: Iterable[Any]) -> dict[str, Metric]:
    """The rows of metrics, by name, in order."""
    own = lambda x: isinstance(x, OwnMetric)
    return {
        str(x.name if own(x) else x): x.row if own(x) else METRICS[x] for x in metrics
    }


def scores_of(metrics: Iterable[Any]) -> dict[str, Metric]:
    """The metrics that must be scored, each once, so that these follow from them."""
    rows = rows_of(metrics)
    return {
        name: rows[name] if name in rows else METRICS[name] for name in scored(rows)
    }


def scored(rows: Mapping[str, Metric | None]) -> tuple[str, ...]:
    """Names of what is scored, each once: of a metric that follows, the other one.

    Args:
        rows: of the metrics, by name; `None` of one of which no more is known.
    """
    names = ((row and row.follows) or name for name, row in rows.items())
    return tuple(dict.fromkeys(names))


def attributes_of(name: str, row: Metric) -> dict[str, str | float]:
    """What a variable must say of a metric, beside its names, for `row_of`."""
    if name in METRICS:
        return {}
    better = "larger" if row.larger_is_better else "smaller"
    return {"better": better, "lowest": row.lowest, "highest": row.highest}


def row_of(name: str, attrs: Mapping[Any, Any]) -> Metric | None:
    """The row of a variable of a dataset; `None` where it has no better side.

    Args:
        name: of the variable.
        attrs: its attributes: all that is known of a metric of somebody's own.
    """
    if name in METRICS or attrs.get("better") not in ("larger", "smaller"):
        return METRICS.get(name)
    long_name = str(attrs.get("long_name", name))
    return Metric(
        long_name=long_name,
        label=f"mean {long_name}",
        score=None,
        larger_is_better=attrs["better"] == "larger",
        lowest=float(attrs.get("lowest", -math.inf)),
        highest=float(attrs.get("highest", math.inf)),
    )
