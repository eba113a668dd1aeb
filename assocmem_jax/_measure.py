"""The kernel of a study: what one rule retrieves at every load of one dimension."""

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core
from jax.sharding import Mesh, PartitionSpec as P
from jaxtyping import Array, Float, Int, Key, UInt32

from . import _rules, metrics
from ._corruption import Corruption, corrupt
from ._expectation import Expectation, Expected
from ._fold import Fold
from ._moments import Moments
from ._pairs import Pairs
from ._rule import AbstractRule
from ._weights import LinearMemory, UnitValues, Weights
from .patterns import AbstractEnsemble


# What an answer can be scored by: the properties of `Answers`, and of `Expected`.
SCORES = ("cosine", "distance", "squared_error", "success", "recall")
EXPECTED_SCORES = ("cosine", "distance", "squared_error")


@dataclasses.dataclass(frozen=True)
class Shape:
    """What is known when a kernel compiles.

    Attributes:
        d: dimension of the keys.
        v: dimension of the values.
        rows: number of pairs drawn, at least the largest load.
        trials: trials that each device is given.
        batch: trials computed at a time.
        scores: names of what is scored, from `SCORES`.
        values: whether values are the keys, the ensemble's own, drawn beside it, or
            not drawn.
        corrupted: whether queries differ from the stored keys.
    """

    d: int
    v: int
    rows: int
    trials: int
    batch: int
    scores: tuple[str, ...]
    values: Literal["keys", "own", "drawn", "marginalized"]
    corrupted: bool


class Settings(eqx.Module):
    """What a kernel is told when it runs.

    Attributes:
        rule: how a query is answered.
        keys: how keys are drawn.
        values: how values are drawn, if they are.
        loads: numbers of stored pairs, ascending.
        corruptions: of the queries, one entry per level.
        success_cosine: the cosine above which an answer is a success.
        expectation: over values that are not drawn, if they are not.
    """

    rule: AbstractRule
    keys: AbstractEnsemble
    values: AbstractEnsemble | None
    loads: Int[Array, " loads"]
    corruptions: Corruption
    success_cosine: Float[Array, ""]
    expectation: Expectation | None


class Answers(eqx.Module):
    """Right and retrieved values, and the pairs that were stored."""

    values: Float[Array, "m v"]
    retrieved: Float[Array, "m v"]
    pairs: Pairs
    fold: Fold
    success_cosine: Float[Array, ""]

    @property
    def cosine(self) -> Float[Array, " m"]:
        return metrics.cosine_similarity(self.values, self.retrieved)

    @property
    def distance(self) -> Float[Array, " m"]:
        return metrics.euclidean_distance(self.values, self.retrieved)

    @property
    def squared_error(self) -> Float[Array, " m"]:
        return self.distance**2

    @property
    def success(self) -> Float[Array, " m"]:
        return (self.cosine > self.success_cosine).astype(self.values.dtype)

    @property
    def recall(self) -> Float[Array, " m"]:
        # Any center will do that does not depend on the load.
        hit = lambda value, answer: metrics.is_nearest(
            value, answer, self.pairs.values[0], self.pairs, self.fold
        )
        return jax.vmap(hit)(self.values, self.retrieved)


@functools.partial(jax.jit, static_argnames=("shape", "mesh"))
def measure(
    settings: Settings,
    words: UInt32[Array, "devices trials 3 2"],
    count: Int[Array, " devices"],
    *,
    shape: Shape,
    mesh: Mesh,
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Store the first n pairs, ask for each of them, and score the answers.

    Args:
        settings: what is measured.
        words: the random keys of the trials of each device, as words: for keys, values
            and the corruption of queries.
        count: how many of these trials each device computes.
        shape: what is known when compiling.
        mesh: the devices.

    Returns:
        Mean over the queries and sum of squared deviations from it, `[devices, trials,
        corruptions, loads, scores]`.
    """

    def local(settings, words, count):
        out = _chunk(settings, words[0], count[0], shape)
        return jax.tree.map(lambda x: x[None], out)

    spread = P(mesh.axis_names)
    # Cells are independent: devices exchange nothing, and wait for nobody.
    return jax.shard_map(
        local,
        mesh=mesh,
        in_specs=(P(), spread, spread),
        out_specs=spread,
        check_vma=False,
    )(settings, words, count)


def _chunk(settings: Settings, words, count, shape: Shape):
    """Mean and squares of the trials of a chunk, a batch at a time."""
    rngs = jax.random.wrap_key_data(words, impl="threefry2x32")

    def batch(i, out):
        start = i * shape.batch
        some = jax.lax.dynamic_slice_in_dim(rngs, start, shape.batch)
        if shape.batch == 1:
            # Without a batch, indices stay plain slices: half the program to compile.
            one = _trial(settings, some[0], shape)
            moments = jax.tree.map(lambda x: x[None], one)
        else:
            moments = jax.vmap(lambda rngs: _trial(settings, rngs, shape))(some)
        put = jax.lax.dynamic_update_slice_in_dim
        return tuple(
            put(x, new, start, axis=0)
            for x, new in zip(out, (moments.mean, moments.squares), strict=True)
        )

    levels, loads = settings.corruptions.noise_std.shape[0], settings.loads.shape[0]
    cells = (shape.trials, levels, loads, len(shape.scores))
    nothing = jnp.full(cells, jnp.nan, jnp.float32)
    if shape.trials == 1:
        return batch(0, (nothing, nothing))
    return jax.lax.fori_loop(0, _batches(count, shape.batch), batch, (nothing, nothing))


def _batches(count: Int[Array, ""], size: int) -> Int[Array, ""]:
    """How many batches of a size hold so many."""
    return jax.lax.div(count + size - 1, jnp.int32(size))


def _trial(settings: Settings, rngs: Key[Array, "3"], shape: Shape) -> Moments:
    """Moments of one trial, `[corruptions, loads, scores]`."""
    key_rng, value_rng, query_rng = rngs
    every = jnp.arange(shape.rows, dtype=jnp.int32)
    keys = settings.keys.rows(key_rng, every, shape.d)
    if shape.values == "drawn":
        values = settings.values.rows(value_rng, every, shape.v)  # pyright: ignore
    elif shape.values == "own":
        values = settings.keys.value_rows(key_rng, every)  # pyright: ignore
    elif shape.values == "marginalized":
        values = UnitValues(every, jnp.int32(-1))
    else:
        values = keys
    pairs = Pairs(keys, values)
    fold, batch = study_fold()
    loads, rule = settings.loads, settings.rule
    memories, dependent = _write(rule, pairs, fold, loads)

    def under(corruption):
        def asked(i):
            """A batch of stored pairs, their indices, and the queries for them."""
            index = i * batch + jnp.arange(batch, dtype=jnp.int32)
            block = pairs.rows(i * batch, batch)
            queries = block.keys
            if shape.corrupted:
                queries = corrupt(corruption, query_rng, index, queries)
            return block, index, queries

        def answers(j, block, index, queries, lowest: Any = 0):
            memory = _pick(memories, dependent, j)
            of = fold.over(loads, j, lowest)
            if settings.expectation is None:
                return jax.vmap(lambda query: rule.read(memory, query, of))(queries)

            def weights(query, target, key):
                return rule.read(_aimed(memory, target, key), query, of)

            return jax.vmap(weights)(queries, index, block.keys)

        def score(i, j, block, index, retrieved, moments):
            load = at(loads, j)
            if settings.expectation is None:
                to_load = dataclasses.replace(fold, stop=load)
                limit = settings.success_cosine
                given = Answers(block.values, retrieved, pairs, to_load, limit)
            else:
                given = Expected(retrieved, settings.expectation)
            scores = jnp.stack([getattr(given, name) for name in shape.scores])
            before, now = i * batch, jnp.minimum(load - i * batch, batch)
            part = Moments.of(scores, index < load, now)
            merged = jax.tree.map(lambda x: at(x, j), moments).merge(before, part, now)
            put = lambda x, y: jax.lax.dynamic_update_index_in_dim(x, y, j, 0)
            return jax.tree.map(put, moments, merged)

        def every_load(i, moments):
            block, index, queries = asked(i)
            # The first load that stores any of these pairs.
            lowest = jnp.sum(loads <= i * batch, dtype=jnp.int32)
            each = jnp.arange(len(loads), dtype=jnp.int32)
            read = lambda j: answers(j, block, index, queries, lowest)
            retrieved = jax.vmap(read)(each)
            cell = lambda j, moments: score(
                i, j, block, index, jax.tree.map(lambda x: at(x, j), retrieved), moments
            )
            return jax.lax.fori_loop(lowest, len(loads), cell, moments)

        def every_batch(j, moments):
            def cell(i, moments):
                block, index, queries = asked(i)
                retrieved = answers(j, block, index, queries)
                return score(i, j, block, index, retrieved, moments)

            return jax.lax.fori_loop(0, batches(at(loads, j)), cell, moments)

        at = lambda x, j: jax.lax.dynamic_index_in_dim(x, j, 0, False)
        batches = lambda load: _batches(load, batch)
        zeros = jnp.zeros((len(loads), len(shape.scores)), keys.dtype)
        nothing = Moments(zeros, zeros)
        # A pass over the pairs serves all loads; a memory serves all batches.
        if _read_depends(rule, memories, dependent, fold, loads, shape.d):
            return jax.lax.fori_loop(0, batches(loads[-1]), every_load, nothing)
        return jax.lax.fori_loop(0, len(loads), every_batch, nothing)

    return jax.lax.map(under, settings.corruptions)


def study_fold() -> tuple[Fold, int]:
    """The fold of every cell, and how many queries are asked at a time.

    Both are the same whatever the grid, so that a cell's bits are, too.
    """
    many = 2**20
    return Fold().plan(many, many)


def _write(rule: AbstractRule, pairs: Pairs, fold: Fold, loads):
    """The memory at every load, and which of its arrays differ between loads.

    Those have a leading axis of loads; the others, such as the pairs themselves, are
    there once.
    """
    write = lambda j: rule.write(pairs, fold.over(loads, j))
    zero = jnp.zeros((), jnp.int32)
    program, like = jax.make_jaxpr(write, return_shape=True)(zero)
    dependent = _depends(program.jaxpr, program.jaxpr.invars)
    run = core.jaxpr_as_fun(program)
    axes = [0 if depends else None for depends in dependent]
    everywhere = jnp.arange(len(loads), dtype=jnp.int32)
    leaves = jax.vmap(lambda j: run(j), out_axes=axes)(everywhere)
    return jax.tree.unflatten(jax.tree.structure(like), leaves), dependent


def _pick(memories, dependent: list[bool], j):
    """The memory at one load."""
    leaves, tree = jax.tree.flatten(memories)
    picked = [
        jax.lax.dynamic_index_in_dim(x, j, 0, False) if depends else x
        for x, depends in zip(leaves, dependent, strict=True)
    ]
    return jax.tree.unflatten(tree, picked)


def _aimed(memory, target: Int[Array, ""], key: Float[Array, " d"]):
    """A memory of unit vectors that is asked for one pair."""
    stands = lambda x: isinstance(x, UnitValues | LinearMemory)
    aim = lambda x: x.aimed(target, key) if stands(x) else x
    return jax.tree.map(aim, memory, is_leaf=stands)


def _read_depends(rule, memories, dependent, fold: Fold, loads, d: int) -> bool:
    """Whether answers run over the stored pairs, rather than over a memory alone."""
    zero = jnp.zeros((), jnp.int32)
    memory = _pick(memories, dependent, zero)
    query = jnp.zeros(d, jnp.float32)
    memory = _aimed(memory, zero, query)
    read = lambda j: rule.read(memory, query, fold.over(loads, j))
    program = jax.make_jaxpr(read)(zero).jaxpr
    return any(_depends(program, program.invars))


def why_not_marginalized(rule: AbstractRule) -> str | None:
    """What goes wrong where a rule is given values that are not drawn, if anything."""

    def weights(rule, keys, loads):
        fold, _ = study_fold()
        index = jnp.arange(len(keys), dtype=jnp.int32)
        pairs = Pairs(keys, UnitValues(index, index[0]))
        fold = fold.over(loads, index[0])
        memory = _aimed(rule.write(pairs, fold), index[0], keys[0])
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
    memory: Any = _aimed(rule.write(units, fold), target, key)
    weights: Any = rule.read(memory, query, fold)
    rest = np.delete(every, 1)
    scale = float(every @ every)
    near = lambda x, y: abs(float(x) - float(y)) < 1e-3 * scale
    return near(weights.target**2, every[1] ** 2) and near(weights.noise, rest @ rest)


def reads_pairs(rule: AbstractRule) -> bool:
    """Whether the answers of a rule run over the stored pairs."""
    leaves, tree = jax.tree.flatten(rule)
    like = tuple(jax.ShapeDtypeStruct(x.shape, x.dtype) for x in leaves)
    return _reads_pairs(tree, like)


@functools.lru_cache
def _reads_pairs(tree, leaves) -> bool:
    answer = []

    def trace(leaves, keys, loads):
        rule = jax.tree.unflatten(tree, leaves)
        fold, _ = study_fold()
        memories = _write(rule, Pairs(keys, keys), fold, loads)
        answer.append(_read_depends(rule, *memories, fold, loads, keys.shape[1]))

    shapes = ((1024, 2), jnp.float32), ((2,), jnp.int32)
    jax.eval_shape(trace, leaves, *(jax.ShapeDtypeStruct(*shape) for shape in shapes))
    return answer[0]


def scores_every_load(rule: AbstractRule) -> bool:
    """Whether answers at all loads hold scores of their own, all at once."""
    leaves, tree = jax.tree.flatten(rule)
    like = tuple(jax.ShapeDtypeStruct(x.shape, x.dtype) for x in leaves)
    return _scores_every_load(tree, like)


@functools.lru_cache
def _scores_every_load(tree, leaves) -> bool:
    # Numbers by which their axes are known.
    loads, queries, block = 11, 13, 17

    def answers(leaves, keys, stops):
        rule, fold = jax.tree.unflatten(tree, leaves), Fold(block)
        memories, dependent = _write(rule, Pairs(keys, keys), fold, stops)
        read = lambda j, query: rule.read(
            _pick(memories, dependent, j), query, fold.over(stops, j)
        )
        each = jnp.arange(loads, dtype=jnp.int32)
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
