"""The two orders in which a study asks: load by load, or batch by batch."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from . import _moments
from ._answers import Asked, Batch, entry


@dataclasses.dataclass(frozen=True)
class Scores:
    """The scores of answers, kept as moments place by place.

    Attributes:
        score: from a batch, the answers and the load to scores, `[scores, batch]`.
        empty: moments of nothing, `[scores, 2, batch]`.
    """

    score: Callable[[Batch, Any, Int[Array, ""]], Float[Array, "scores b"]]
    empty: Float[Array, "scores 2 b"]

    @property
    def batch(self) -> int:
        """Number of queries asked at a time."""
        return self.empty.shape[-1]

    def batches(self, load: Int[Array, ""]) -> Int[Array, ""]:
        """Number of batches that ask for every pair."""
        return num_batches(load, self.batch)

    def add(self, moments, i, load, batch, retrieved):
        """Take up the answers to batch i."""
        scores = self.score(batch, retrieved, load)
        return jax.vmap(_moments.add, (0, 0, None, None))(moments, scores, i, load)

    def total(self, moments, load):
        """Mean and sum of squared deviations, `[scores, 2]`."""
        return jax.vmap(_moments.total, (0, None))(moments, load)


def load_by_load(
    asked: Asked,
    ask: Callable[[Any, Int[Array, ""]], Batch],
    scores: Scores,
    loads: Int[Array, " loads"],
    corruptions: Any,
) -> Float[Array, "corruptions loads scores 2"]:
    """A memory serves all batches of queries: for rules that look at their memory.

    For rules that look at their pairs again and again, too: a second look depends on
    the first, and so on the load.
    """

    def at_load(j):
        memory, load = asked.memory_at(j), entry(loads, j)

        def under(corruption):
            def step(i, moments):
                batch = ask(corruption, i)
                retrieved = asked.answers(memory, batch, load)
                return scores.add(moments, i, load, batch, retrieved)

            last = scores.batches(load)
            moments = jax.lax.fori_loop(0, last, step, scores.empty)
            return scores.total(moments, load)

        return jax.lax.map(under, corruptions)

    return jnp.swapaxes(jax.lax.map(at_load, _numbers(loads)), 0, 1)


def batch_by_batch(
    answers_at_all: Callable[[Batch, Int[Array, ""]], Any],
    ask: Callable[[Any, Int[Array, ""]], Batch],
    scores: Scores,
    loads: Int[Array, " loads"],
    corruptions: Any,
) -> Float[Array, "corruptions loads scores 2"]:
    """A pass over the pairs serves all loads: for rules that look once."""

    def under(corruption):
        def step(i, moments):
            batch = ask(corruption, i)
            # The first load that stores any of these pairs.
            lowest = jnp.sum(loads <= i * scores.batch, dtype=jnp.int32)
            retrieved = answers_at_all(batch, lowest)

            def cell(j, moments):
                of_load = entry(retrieved, j)
                before, load = entry(moments, j), entry(loads, j)
                after = scores.add(before, i, load, batch, of_load)
                return jax.lax.dynamic_update_index_in_dim(moments, after, j, 0)

            return jax.lax.fori_loop(lowest, len(loads), cell, moments)

        nothing = jnp.zeros((len(loads), *scores.empty.shape), scores.empty.dtype)
        moments = jax.lax.fori_loop(0, scores.batches(loads[-1]), step, nothing)
        return jax.vmap(scores.total)(moments, loads)

    return jax.lax.map(under, corruptions)


def num_batches(count: Int[Array, ""], size: int) -> Int[Array, ""]:
    """How many batches of a size hold `count` entries."""
    return jax.lax.div(count + size - 1, jnp.int32(size))


def _numbers(loads: Int[Array, " loads"]) -> Int[Array, " loads"]:
    return jnp.arange(len(loads), dtype=jnp.int32)
