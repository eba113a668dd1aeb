"""Programs of laws, compiled with little effort.

A law is about what a program computes, which does not depend on how well it is
compiled; and compiling is most of what laws cost: a third of the time, this way.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax

from .._core.fold import Fold
from .._core.pairs import Pairs
from .._core.retrieve import retrieve
from .._core.rule import AbstractRule, joined, split


def quick(*static: str) -> Callable[[Callable], Callable]:
    """A `jax.jit` of little effort, with the names of arguments that are static."""

    def of(fn: Callable) -> Callable:
        @functools.cache
        def program():
            return jax.jit(fn, static_argnames=static, compiler_options=_options())

        return functools.wraps(fn)(lambda *args, **names: program()(*args, **names))

    return of


@functools.cache
def _options() -> dict[str, Any]:
    """Options of the compiler for a CPU, those that this version of XLA has."""
    if jax.default_backend() != "cpu":
        return {}
    wanted = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}
    return {name: x for name, x in wanted.items() if _known(name, x)}


def _known(name: str, value: Any) -> bool:
    try:
        jax.jit(lambda x: x, compiler_options={name: value}).lower(0.0).compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True


def answered(
    rule: AbstractRule,
    arrays: Sequence,
    mask: Any = None,
    *,
    size: int | None = None,
    batch: int | None = None,
) -> Any:
    """What `retrieve` answers, by a program for all masks and all numbers of a rule."""
    numbers, static = split("check_rule", "rule", rule)
    return _answered(numbers, *arrays, mask, static=static, size=size, batch=batch)


@quick("static", "size", "batch")
def _answered(numbers, keys, values, queries, mask, *, static, size, batch):
    rule, fold = joined(numbers, static), Fold(size)
    return retrieve(
        rule, keys, values, queries, mask=mask, fold=fold, query_batch=batch
    )


def read_all(rule: AbstractRule, pairs: Pairs, queries: Any, fold: Fold) -> Any:
    """Answers by the two methods of the rule itself."""
    memory = rule.write(pairs, fold)
    return jax.vmap(lambda query: rule.read(memory, query, fold))(queries)
