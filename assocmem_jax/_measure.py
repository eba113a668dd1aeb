"""The kernel of a study: what one rule retrieves at every load of one dimension."""

import dataclasses
import functools
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.sharding import Mesh, PartitionSpec as P
from jaxtyping import Array, Float, Int, Key, UInt32

from . import _moments, metrics
from ._corruption import Corruption, corrupt
from ._expectation import Expectation, Expected
from ._fold import Fold
from ._hoist import Hoisted
from ._pairs import Pairs
from ._rule import AbstractRule
from ._traits import aimed, read_depends, study_fold
from ._weights import UnitValues
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
) -> Float[Array, "devices trials corruptions loads scores 2"]:
    """Store the first n pairs, ask for each of them, and score the answers.

    Args:
        settings: what is measured.
        words: the random keys of the trials of each device, as words: for keys, values
            and the corruption of queries.
        count: how many of these trials each device computes.
        shape: what is known when compiling.
        mesh: the devices.

    Returns:
        Mean over the queries, and sum of squared deviations from it.
    """

    def local(settings, words, count):
        return _chunk(settings, words[0], count[0], shape)[None]

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
            totals = _trial(settings, some[0], shape)[None]
        else:
            totals = jax.vmap(lambda rngs: _trial(settings, rngs, shape))(some)
        return jax.lax.dynamic_update_slice_in_dim(out, totals, start, axis=0)

    levels, loads = settings.corruptions.noise_std.shape[0], settings.loads.shape[0]
    cells = shape.trials, levels, loads, len(shape.scores)
    nothing = jnp.full((*cells, 2), jnp.nan, jnp.float32)
    if shape.trials == 1:
        return batch(0, nothing)
    return jax.lax.fori_loop(0, _batches(count, shape.batch), batch, nothing)


def _batches(count: Int[Array, ""], size: int) -> Int[Array, ""]:
    """How many batches of a size hold so many."""
    return jax.lax.div(count + size - 1, jnp.int32(size))


def _trial(
    settings: Settings, rngs: Key[Array, "3"], shape: Shape
) -> Float[Array, "corruptions loads scores 2"]:
    """Mean and squares of one trial."""
    key_rng, value_rng, query_rng = rngs
    pairs = _drawn(settings, key_rng, value_rng, shape)
    fold, batch = study_fold()
    loads, rule = settings.loads, settings.rule
    at_load = lambda j: fold.over(loads, j)
    memory_at = Hoisted(lambda j: rule.write(pairs, at_load(j)))

    def asked(corruption, i):
        """A batch of stored pairs, their indices, and the queries for them."""
        index = i * batch + jnp.arange(batch, dtype=jnp.int32)
        block = pairs.rows(i * batch, batch)
        queries = block.keys
        if shape.corrupted:
            queries = corrupt(corruption, query_rng, index, queries)
        return block, index, queries

    def answers(memory, of, block, index, queries):
        if settings.expectation is None:
            return jax.vmap(lambda query: rule.read(memory, query, of))(queries)

        def weights(query, target, key):
            return rule.read(aimed(memory, target, key), query, of)

        return jax.vmap(weights)(queries, index, block.keys)

    def score(i, load, block, retrieved, moments):
        if settings.expectation is None:
            to_load = dataclasses.replace(fold, stop=load)
            limit = settings.success_cosine
            given = Answers(block.values, retrieved, pairs, to_load, limit)
        else:
            given = Expected(retrieved, settings.expectation)
        scores = jnp.stack([getattr(given, name) for name in shape.scores])
        return jax.vmap(_moments.add, (0, 0, None, None))(moments, scores, i, load)

    at = lambda x, j: jax.lax.dynamic_index_in_dim(x, j, 0, False)
    batches = lambda load: _batches(load, batch)
    each = jnp.arange(len(loads), dtype=jnp.int32)
    empty = len(shape.scores), 2, batch
    totals = jax.vmap(_moments.total, (0, None))

    def load_by_load(j):
        """A memory serves all batches of queries."""
        memory, load = memory_at(j), at(loads, j)

        def under(corruption):
            def step(i, moments):
                block, index, queries = asked(corruption, i)
                retrieved = answers(memory, at_load(j), block, index, queries)
                return score(i, load, block, retrieved, moments)

            nothing = jnp.zeros(empty, pairs.keys.dtype)
            return totals(jax.lax.fori_loop(0, batches(load), step, nothing), load)

        return jax.lax.map(under, settings.corruptions)

    def batch_by_batch(memories, corruption):
        """A pass over the pairs serves all loads."""

        def step(i, moments):
            block, index, queries = asked(corruption, i)
            # The first load that stores any of these pairs.
            lowest = jnp.sum(loads <= i * batch, dtype=jnp.int32)

            def read(j):
                of = fold.over(loads, j, lowest)
                memory = memory_at.pick(memories, j)
                return answers(memory, of, block, index, queries)

            retrieved = jax.vmap(read)(each)

            def cell(j, moments):
                answer = jax.tree.map(lambda x: at(x, j), retrieved)
                after = score(i, at(loads, j), block, answer, at(moments, j))
                return jax.lax.dynamic_update_index_in_dim(moments, after, j, 0)

            return jax.lax.fori_loop(lowest, len(loads), cell, moments)

        nothing = jnp.zeros((len(loads), *empty), pairs.keys.dtype)
        moments = jax.lax.fori_loop(0, batches(loads[-1]), step, nothing)
        return jax.vmap(totals)(moments, loads)

    if read_depends(rule, memory_at.like, fold, loads, shape.d):
        under = functools.partial(batch_by_batch, memory_at.stacked(each))
        return jax.lax.map(under, settings.corruptions)
    return jnp.swapaxes(jax.lax.map(load_by_load, each), 0, 1)


def _drawn(
    settings: Settings, key_rng: Key[Array, ""], value_rng: Key[Array, ""], shape: Shape
) -> Pairs:
    """The pairs of one trial, as many as the largest load may need."""
    rows = jnp.arange(shape.rows, dtype=jnp.int32)
    keys = settings.keys.rows(key_rng, rows, shape.d)
    if shape.values == "drawn":
        values = settings.values.rows(value_rng, rows, shape.v)  # pyright: ignore
    elif shape.values == "own":
        values = settings.keys.value_rows(key_rng, rows)  # pyright: ignore
    elif shape.values == "marginalized":
        values = UnitValues(rows, jnp.int32(-1))
    else:
        values = keys
    return Pairs(keys, values)
