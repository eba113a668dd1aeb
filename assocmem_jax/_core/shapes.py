"""Shapes of what is made of a rule, without making it."""

import functools
from collections.abc import Callable, Hashable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from .rule import AbstractRule, Static, joined, split


def shapes_of(
    call: str, made: Callable[..., Any], rule: AbstractRule, *sizes: Hashable
) -> tuple[jax.ShapeDtypeStruct, ...]:
    """The arrays in `made(rule, *sizes)`, of which nothing is computed.

    They are found once for a structure of the rule.

    Args:
        call: the function as the user called it.
        made: a function of a module, or else nothing is found again.
        rule: any rule.
        sizes: what else the shapes depend on.
    """
    arrays, static = split(call, "rule", rule)
    fields = tuple((np.shape(x), jnp.result_type(x)) for x in arrays)
    return _shapes(made, static, fields, sizes)


@functools.lru_cache(1024)
def _shapes(made: Callable[..., Any], static: Static, fields: tuple, sizes: tuple):
    like = jax.ShapeDtypeStruct
    of_rule = lambda arrays: made(joined(arrays, static), *sizes)
    out = eqx.filter_eval_shape(of_rule, [like(*field) for field in fields])
    return tuple(x for x in jax.tree.leaves(out) if isinstance(x, like))
