"""The two orders in which a study asks: load by load, or batch by batch."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from . import _moments
from ._answers import Asked, Batch, entry
from ._questions import Questions


@dataclasses.dataclass(frozen=True)
class Scores:
    """The scores of answers, kept as moments place by place.

    Attributes:
        score: from a batch, the answers and the number of the load to scores, `[scores,
            batch]`.
        questions: which pairs are asked.
        empty: moments of nothing, `[scores, 2, batch]`.
    """

    score: Callable[[Batch, Any, Int[Array, ""]], Float[Array, "scores b"]]
    questions: Questions
    empty: Float[Array, "scores 2 b"]

    def add(self, moments, i, j, load, batch, retrieved):
        """Take up the answers to batch i at load j."""
        scores, count = self.score(batch, retrieved, j), self.questions.count(load)
        return jax.vmap(_moments.add, (0, 0, None, None))(moments, scores, i, count)

    def total(self, moments, load):
        """Mean and sum of squared deviations, `[scores, 2]`."""
        count = self.questions.count(load)
        return jax.vmap(_moments.total, (0, None))(moments, count)


def load_by_load(
    asked: Asked,
    ask: Callable[[Any, Int[Array, ""], Int[Array, ""]], Batch],
    scores: Scores,
    loads: Int[Array, " loads"],
    corruptions: Any,
) -> Float[Array, "corruptions loads scores 2"]:
    """A memory serves all batches of queries: for rules that look at their memory.

    For rules that look at their pairs again and again, too: a second look depends on
    the first, and so on the load.
    """

    def at_load(j, out):
        memory, load = asked.memory_at(j), entry(loads, j)

        def under(corruption):
            def step(i, moments):
                batch = ask(corruption, i, load)
                retrieved = asked.answers(memory, batch, j)
                return scores.add(moments, i, j, load, batch, retrieved)

            last = scores.questions.batches(load)
            moments = jax.lax.fori_loop(0, last, step, scores.empty)
            return scores.total(moments, load)

        totals = jax.lax.map(under, corruptions)
        return jax.lax.dynamic_update_index_in_dim(out, totals, j, 0)

    levels = len(jax.tree.leaves(corruptions)[0])
    shape = len(loads), levels, len(scores.empty), 2
    nothing = jnp.zeros(shape, scores.empty.dtype)
    # Loads of no pair only fill up their number.
    first = jnp.sum(loads == 0, dtype=jnp.int32)
    out = jax.lax.fori_loop(first, len(loads), at_load, nothing)
    return jnp.swapaxes(out, 0, 1)


def batch_by_batch(
    answers_at_all: Callable[[Batch, Int[Array, ""]], Any],
    ask: Callable[[Any, Int[Array, ""], Int[Array, ""]], Batch],
    scores: Scores,
    loads: Int[Array, " loads"],
    corruptions: Any,
) -> Float[Array, "corruptions loads scores 2"]:
    """A pass over the pairs serves all loads: for rules that look once.

    Every pair is asked, so that the queries of all loads are the same.
    """

    def under(corruption):
        def step(i, moments):
            batch = ask(corruption, i, loads[-1])
            # The first load that stores any of these pairs.
            lowest = jnp.sum(loads <= i * scores.questions.size, dtype=jnp.int32)
            retrieved = answers_at_all(batch, lowest)

            def cell(j, moments):
                of_load = entry(retrieved, j)
                before, load = entry(moments, j), entry(loads, j)
                after = scores.add(before, i, j, load, batch, of_load)
                return jax.lax.dynamic_update_index_in_dim(moments, after, j, 0)

            return jax.lax.fori_loop(lowest, len(loads), cell, moments)

        nothing = jnp.zeros((len(loads), *scores.empty.shape), scores.empty.dtype)
        last = scores.questions.batches(loads[-1])
        moments = jax.lax.fori_loop(0, last, step, nothing)
        return jax.vmap(scores.total)(moments, loads)

    return jax.lax.map(under, corruptions)
