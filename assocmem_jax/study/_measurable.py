"""Rules of a caller's own, tried on a few pairs before a study compiles."""

from typing import Any

import jax
import numpy as np

from .. import _rules, features
from .._base.checks import is_traced, is_whole
from .._base.errors import ArgumentError, ArgumentTypeError, first_line
from .._core.rule import AbstractRule
from .._spec.spec import Spec
from ..features import AbstractFeatures
from ..metrics._own import OwnMetric
from ..testing._stored import Unmeasurable, check_left, check_runs, check_stored


def check_measurable(spec: Spec) -> None:
    """Raise unless every rule of a study answers from the stored pairs alone.

    Rules of the library are not tried: tests hold them to more than this.

    Raises:
        TypeError: if a program is being traced.
        ValueError: if a rule fails, or counts pairs that are not stored.
    """
    # Not so under `jax.vmap` and `jax.grad`: a study of known settings is as always.
    if is_traced(jax.device_put(np.float32(0))):
        complaint = "runs programs, and cannot be part of one that is being traced"
        raise ArgumentTypeError("Spec", (), complaint, "Call it outside of `jax.jit`.")
    _check_metrics(spec)
    for name, rule in spec.rules.items():
        if _is_ours(rule):
            continue
        try:
            points = _own_points(spec, name)
            for d in spec.d:
                for point in points:
                    alone = spec.at(name, point, d)
                    _check_loads(alone.rules[name], d)
                    check_runs(alone.rules[name], d, alone.value_dimension(d))
            d = spec.d[0]
            for point in points:
                alone = spec.at(name, point, d)
                check_stored(alone.rules[name], d, alone.value_dimension(d))
                if alone.value_source == "marginalized":
                    check_left(alone.rules[name], d)
        except Unmeasurable as error:
            raise ArgumentError(
                "Spec",
                "rules",
                "must hold rules that run and answer from the stored pairs, got "
                f"{name!r}, which {error.complaint}",
                error.advice,
            ) from error


def _check_metrics(spec: Spec) -> None:
    """Raise unless the metrics of the caller's own give one number per answer."""
    dimensions = {
        spec.at(name, point, d).value_dimension(d)
        for name in spec.rules
        for point in range(len(spec.points(name)))
        for d in spec.d
    }
    for metric in spec.metrics:
        if not isinstance(metric, OwnMetric):
            continue
        for v in sorted(dimensions):
            value = jax.ShapeDtypeStruct((v,), np.float32)
            try:
                score: Any = jax.eval_shape(metric.function, value, value)
            except Exception as error:
                raise ArgumentError(
                    "Spec",
                    "metrics",
                    f"must hold metrics that run, got {metric.name!r}, which fails "
                    f"for values of dimension {v}: {type(error).__name__}: "
                    f"{first_line(error)}",
                    "It is given one right and one retrieved value.",
                ) from error
            shape, kind = getattr(score, "shape", None), getattr(score, "dtype", None)
            real = kind is not None and np.dtype(kind).kind in "biuf"
            if shape != () or not real:
                got = type(score).__name__ if shape is None else f"{kind}{list(shape)}"
                raise ArgumentError(
                    "Spec",
                    "metrics",
                    f"must hold metrics of one real number, got {metric.name!r}, which "
                    f"gives {got} for values of dimension {v}",
                    "Return one number for one right and one retrieved value.",
                )


def _own_points(spec: Spec, name: str) -> list[int]:
    """Points of a rule that differ in more than the ensemble of its keys."""
    own = [
        {axis: level for axis, level in point.items() if axis != "ensemble"}
        for point in spec.points(name)
    ]
    return [i for i, point in enumerate(own) if point not in own[:i]]


def _check_loads(rule: AbstractRule, d: int) -> None:
    """Raise unless the loads at which a rule says that it turns are loads."""
    loads: Any = rule.critical_loads(d)
    is_load = lambda n: is_whole(n) and n >= 1
    if not isinstance(loads, tuple | list) or not all(map(is_load, loads)):
        raise Unmeasurable(
            f"says `critical_loads({d})` of {loads!r}",
            "Return a tuple of whole numbers.",
        )


def _is_ours(rule: AbstractRule) -> bool:
    if not type(rule).__module__.startswith(f"{_rules.__name__}."):
        return False
    # What it is made of may be the caller's own: a rule, or a feature map.
    kinds = AbstractRule, AbstractFeatures
    parts = jax.tree.leaves(rule, lambda x: x is not rule and isinstance(x, kinds))
    maps = [x for x in parts if isinstance(x, AbstractFeatures)]
    known = all(type(x).__module__.startswith(f"{features.__name__}.") for x in maps)
    return known and all(_is_ours(x) for x in parts if isinstance(x, AbstractRule))
