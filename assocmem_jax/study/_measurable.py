"""Rules of a caller's own, tried on a few pairs before a study compiles."""

import dataclasses
from typing import Any

import jax
import numpy as np

from .. import _rules
from .._base.checks import is_traced, is_whole
from .._base.errors import ArgumentError, ArgumentTypeError
from .._core.rule import AbstractRule, with_arrays
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
            for d in spec.d:
                _check_loads(rule, d)
                check_runs(rule, d, spec.value_dimension(d))
            for point in spec.points(name):
                varied: Any = dataclasses.replace(rule, **point)  # pyright: ignore
                d, varied = spec.d[0], with_arrays(varied)
                check_stored(varied, d, spec.value_dimension(d))
                if spec.value_source == "marginalized":
                    check_left(varied, d)
        except Unmeasurable as error:
            raise ArgumentError(
                "Spec",
                "rules",
                "must hold rules that run and answer from the stored pairs, got "
                f"{name!r}, which {error.complaint}",
                error.advice,
            ) from error


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
