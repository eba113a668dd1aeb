"""What a rule does with its pairs, found by tracing it."""

import functools
from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core
from jaxtyping import Array, Float, Int

from . import _rules
from ._fold import Fold
from ._hoist import Hoisted
from ._pairs import Pairs
from ._rule import AbstractRule
from ._weights import LinearMemory, UnitValues, Weights


def study_fold() -> tuple[Fold, int]:
    """The fold of every cell, and how many queries are asked at a time.

    Both are the same whatever the grid, so that a cell's bits are, too.
    """
    many = 2**20
    return Fold().plan(many, many)


def aimed(memory, target: Int[Array, ""], key: Float[Array, " d"]):
    """A memory of unit vectors that is asked for one pair."""
    stands = lambda x: isinstance(x, UnitValues | LinearMemory)
    aim = lambda x: x.aimed(target, key) if stands(x) else x
    return jax.tree.map(aim, memory, is_leaf=stands)


def read_depends(rule, memory, fold: Fold, loads, d: int) -> bool:
    """Whether answers run over the stored pairs, rather than over a memory alone."""

    def read(j, memory, query):
        memory = aimed(memory, jnp.zeros((), jnp.int32), query)
        return rule.read(memory, query, fold.over(loads, j))

    zero, query = jnp.zeros((), jnp.int32), jnp.zeros(d, jnp.float32)
    program = jax.make_jaxpr(read)(zero, memory, query).jaxpr
    return any(_depends(program, program.invars[:1]))


def with_arrays(rule: AbstractRule) -> AbstractRule:
    """The rule with hyperparameters that are plain numbers as arrays."""
    is_plain = lambda x: isinstance(x, bool | int | float | np.ndarray | np.generic)
    return jax.tree.map(lambda x: jnp.asarray(x) if is_plain(x) else x, rule)


def structure(module: eqx.Module) -> tuple[Any, tuple]:
    """All of a module that a program is compiled for."""
    leaves, tree = jax.tree.flatten(module)
    # Arrays, or what stands for them in a structure.
    weak = lambda x: getattr(x, "weak_type", False)
    like = lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, weak_type=weak(x))
    return tree, tuple(map(like, leaves))


def why_not_marginalized(rule: AbstractRule) -> str | None:
    """What goes wrong where a rule is given values that are not drawn, if anything."""

    def weights(rule, keys, loads):
        fold, _ = study_fold()
        index = jnp.arange(len(keys), dtype=jnp.int32)
        pairs = Pairs(keys, UnitValues(index, index[0]))
        fold = fold.over(loads, index[0])
        memory = aimed(rule.write(pairs, fold), index[0], keys[0])
        return rule.read(memory, keys[0], fold)

    keys = jax.ShapeDtypeStruct((1024, 2), jnp.float32)
    loads = jax.ShapeDtypeStruct((1,), jnp.int32)
    try:
        answer = jax.eval_shape(weights, rule, keys, loads)
    # A rule of the caller's may fail in any way.
    except Exception as error:
        return str(error).splitlines()[0]
    if not isinstance(answer, Weights):
        return f"it answers {type(answer)}"
    # Rules of the library are tested. Others may multiply values by what is no key.
    if not type(rule).__module__.startswith(_rules.__name__) and not _weighs(rule):
        return "its weights for six pairs are not those that it gives to values"
    return None


def _weighs(rule: AbstractRule) -> bool:
    """Whether the weights of a rule are those that it gives to values."""
    keys = np.random.default_rng(0).standard_normal((6, 3)).astype(np.float32)
    fold, key, target = Fold(4), jnp.asarray(keys[1]), jnp.int32(1)
    query = key + np.float32(0.1)
    drawn = Pairs(keys, np.eye(6, dtype=np.float32))
    every = np.asarray(rule.read(rule.write(drawn, fold), query, fold))
    units = Pairs(keys, UnitValues(jnp.arange(6, dtype=jnp.int32), jnp.int32(-1)))
    memory: Any = aimed(rule.write(units, fold), target, key)
    weights: Any = rule.read(memory, query, fold)
    rest = np.delete(every, 1)
    scale = float(every @ every)
    near = lambda x, y: abs(float(x) - float(y)) < 1e-3 * scale
    return near(weights.target**2, every[1] ** 2) and near(weights.noise, rest @ rest)


def reads_pairs(rule: AbstractRule) -> bool:
    """Whether the answers of a rule run over the stored pairs."""
    return _reads_pairs(*structure(rule))


@functools.lru_cache
def _reads_pairs(tree, leaves) -> bool:
    answer = []

    def trace(leaves, keys, loads):
        rule = jax.tree.unflatten(tree, leaves)
        fold, _ = study_fold()
        write = lambda j: rule.write(Pairs(keys, keys), fold.over(loads, j))
        memory = jax.eval_shape(write, jnp.zeros((), jnp.int32))
        answer.append(read_depends(rule, memory, fold, loads, keys.shape[1]))

    shapes = ((1024, 2), jnp.float32), ((2,), jnp.int32)
    jax.eval_shape(trace, leaves, *(jax.ShapeDtypeStruct(*shape) for shape in shapes))
    return answer[0]


def scores_every_load(rule: AbstractRule) -> bool:
    """Whether answers at all loads hold scores of their own, all at once."""
    return _scores_every_load(*structure(rule))


@functools.lru_cache
def _scores_every_load(tree, leaves) -> bool:
    # Numbers by which their axes are known.
    loads, queries, block = 11, 13, 17

    def answers(leaves, keys, stops):
        rule, fold = jax.tree.unflatten(tree, leaves), Fold(block)
        each = jnp.arange(loads, dtype=jnp.int32)
        write = lambda j: rule.write(Pairs(keys, keys), fold.over(stops, j))
        memory_at = Hoisted(write)
        memories = memory_at.stacked(each)
        read = lambda j, query: rule.read(
            memory_at.pick(memories, j), query, fold.over(stops, j)
        )
        of_load = lambda j: jax.vmap(lambda query: read(j, query))(keys[:queries])
        return jax.vmap(of_load)(each)

    shapes = ((4 * block, 2), jnp.float32), ((loads,), jnp.int32)
    arguments = (jax.ShapeDtypeStruct(*shape) for shape in shapes)
    program = jax.make_jaxpr(answers)(leaves, *arguments).jaxpr
    return any({loads, queries, block} <= set(shape) for shape in _shapes(program))


def _shapes(program: core.Jaxpr) -> Iterator[tuple[int, ...]]:
    """The shapes of all that a traced program computes."""
    for equation in program.eqns:
        yield from (x.aval.shape for x in equation.outvars)  # pyright: ignore
        for inner in core.jaxprs_in_params(equation.params):
            yield from _shapes(inner)


def _depends(program: core.Jaxpr, inputs: list) -> list[bool]:
    """Which outputs of a traced program depend on some of its inputs."""
    known = set(inputs)
    is_known = lambda x: not isinstance(x, core.Literal) and x in known
    for equation in program.eqns:
        if any(map(is_known, equation.invars)):
            known.update(equation.outvars)
    return [is_known(x) for x in program.outvars]
