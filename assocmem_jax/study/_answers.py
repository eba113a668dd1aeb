"""How a rule of each kind is asked: its memory at a load, and answers to queries."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from jaxtyping import Array, Float, Int

from .._core import linear
from .._core.fold import Fold
from .._core.linear import AbstractLinear
from .._core.pairs import AbstractPairs, Pairs
from .._core.rule import AbstractRule
from .._core.separation import (
    AbstractSeparation,
    weight_sums,
    weighted,
    weighted_prefixes,
)
from .._core.sums import ValueSums


class Batch(NamedTuple):
    """Some of the stored pairs, and the queries that ask for them.

    Attributes:
        pairs: the rows of the pairs.
        index: their numbers.
        queries: one for each.
    """

    pairs: Any
    index: Int[Array, " b"]
    queries: Float[Array, "b d"]


class Asked(NamedTuple):
    """A rule that is asked load by load.

    Attributes:
        memory_at: from the number of a load to the memory.
        answers: from a memory, a batch and the number of the load to answers.
    """

    memory_at: Callable[[Int[Array, ""]], Any]
    answers: Callable[[Any, Batch, Int[Array, ""]], Any]


def asked(
    rule: Any,
    table: Any,
    fold: Fold,
    stops: Int[Array, " loads"],
    weights: bool,
    careful: bool,
) -> Asked:
    """How a rule is asked load by load.

    Args:
        rule: the rule.
        table: the pairs.
        fold: over the pairs.
        stops: numbers of stored pairs, of those in the table.
        weights: whether answers are the weights that are given to values. The pairs
            then have none: to separations, they are keys with numbers.
        careful: whether weights may be out of range where they are squared.
    """
    if isinstance(rule, AbstractSeparation):
        return _of_separation(rule, table, fold, stops, weights, careful)
    if isinstance(rule, AbstractLinear) and weights:
        return _weights_of_linear(rule, table, fold, stops, careful)
    of_kind = _solved if isinstance(rule, AbstractLinear) else _written

    def answers(memory, batch, j):
        upto = fold.up_to(entry(stops, j))
        read = lambda query: rule.read(memory, query, upto)
        return jax.vmap(read)(batch.queries)

    return Asked(of_kind(rule, table, fold, stops), answers)


def _solved(
    rule: AbstractLinear, pairs: AbstractPairs, fold: Fold, stops: Array
) -> Callable:
    """Memories of a linear rule: the sums at all loads come from one pass."""
    rule, pairs = linear.prepared(rule, pairs, fold.up_to(stops[-1]))
    sums = linear.summaries(rule, pairs, fold, stops)
    return lambda j: rule.solve(entry(sums, j), pairs, fold.up_to(entry(stops, j)))


def _written(rule: AbstractRule, pairs: Pairs, fold: Fold, stops: Array) -> Callable:
    """Memories of any rule: of the stored pairs, with zeros in place of others."""

    def memory_at(j):
        stop = entry(stops, j)
        return rule.write(pairs.between(0, stop).present(), fold.up_to(stop))

    return memory_at


def _of_separation(
    rule: AbstractSeparation,
    table: Any,
    fold: Fold,
    stops: Array,
    weights: bool,
    careful: bool,
) -> Asked:
    """A separation, whose memory is the pairs."""

    def answers(memory, batch, j):
        upto = fold.up_to(entry(stops, j))

        def answer(query, key, index):
            sums = ValueSums()
            if weights:
                sums = weight_sums(rule, query, key, index, fold, careful)
            return weighted(rule, sums, query, memory, upto)

        return jax.vmap(answer)(batch.queries, batch.pairs.keys, batch.index)

    return Asked(lambda j: table, answers)


def _weights_of_linear(
    rule: AbstractLinear, bare: AbstractPairs, fold: Fold, stops: Array, careful: bool
) -> Asked:
    """The weights that a linear rule gives to the values of pairs that have none."""
    rule, bare = linear.prepared(rule, bare, fold.up_to(stops[-1]))
    grams = linear.grams(rule, bare, fold, stops)
    left_at = lambda j: rule.left(entry(grams, j), bare, fold.up_to(entry(stops, j)))

    def answers(left, batch, j):
        del j

        def given(query, key):
            return linear.weights(rule, left, query, key, fold, careful)

        return jax.vmap(given)(batch.queries, batch.pairs.keys)

    return Asked(left_at, answers)


def answers_at_all(
    rule: AbstractSeparation,
    table: Any,
    fold: Fold,
    stops: Int[Array, " loads"],
    batch: Batch,
    lowest: Int[Array, ""],
    weights: bool,
    careful: bool,
) -> Any:
    """Answers at every load, from the load number `lowest` on, in one pass."""

    def answer(query, key, index):
        sums = ValueSums()
        if weights:
            sums = weight_sums(rule, query, key, index, fold, careful)
        return weighted_prefixes(rule, sums, query, table, fold, stops, lowest)

    keys = batch.pairs.keys
    return jax.vmap(answer, out_axes=1)(batch.queries, keys, batch.index)


def entry(tree: Any, j: Int[Array, ""]) -> Any:
    """Entry j of all arrays."""
    return jax.tree.map(lambda x: jax.lax.dynamic_index_in_dim(x, j, 0, False), tree)
