"""Rules of a caller's own, tried on a few pairs before a study compiles."""

from typing import Any

import jax
import numpy as np

from .. import _rules
from .._base.checks import is_traced, is_whole
from .._base.errors import ArgumentError, ArgumentTypeError
from .._core.rule import AbstractRule
from .._spec.spec import Spec
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
    return type(rule).__module__.startswith(f"{_rules.__name__}.")
