"""What is inside a traced program."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax.extend.core import jaxprs_in_params


def equations(fn: Callable, *args: Any) -> Iterator[Any]:
    """Every equation of the traced program, those of inner programs included."""
    stack = [jax.make_jaxpr(fn)(*args).jaxpr]
    while stack:
        jaxpr = stack.pop()
        yield from jaxpr.eqns
        for equation in jaxpr.eqns:
            stack.extend(jaxprs_in_params(equation.params))


def largest_intermediate(fn: Callable, *args: Any) -> int:
    """Number of elements of the largest array inside the traced program."""
    sizes = [x.aval.size for eqn in equations(fn, *args) for x in eqn.outvars]
    return max(sizes, default=0)
