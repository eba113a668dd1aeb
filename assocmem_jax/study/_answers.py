"""How a rule of each kind is asked: its memory at a load, and answers to queries."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
from jaxtyping import Array, Float, Int

from .._core import linear
from .._core.fold import Fold
from .._core.linear import AbstractLinear
from .._core.pairs import Pairs
from .._core.rule import AbstractRule
from .._core.separation import AbstractSeparation, weighted, weighted_prefixes
from .._core.sums import IndexedKeys, ValueSums, WeightSums


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
        answers: from a memory, a batch and the load to answers.
    """

    memory_at: Callable[[Int[Array, ""]], Any]
    answers: Callable[[Any, Batch, Int[Array, ""]], Any]


def asked(
    rule: AbstractRule,
    table: Pairs | IndexedKeys,
    fold: Fold,
    loads: Int[Array, " loads"],
) -> Asked:
    """How a rule is asked load by load.

    Args:
        rule: the rule.
        table: the pairs; or keys alone, for the weights that answers give to values.
        fold: over the pairs.
        loads: numbers of stored pairs.
    """
    load_at = lambda j: entry(loads, j)
    marginalized = isinstance(table, IndexedKeys)
    if isinstance(rule, AbstractLinear) and marginalized:
        return _linear_weights(rule, table, fold, loads)
    if isinstance(rule, AbstractLinear):
        sums = linear.summaries(rule, table, fold, loads)
        memory_at = lambda j: rule.solve(entry(sums, j), table, fold.up_to(load_at(j)))
    elif isinstance(rule, AbstractSeparation):
        memory_at = lambda j: table
    else:
        # A rule of any kind is given the stored pairs, and zeros in place of others.
        stored = lambda load: table.between(0, load).present()
        memory_at = lambda j: rule.write(stored(load_at(j)), fold.up_to(load_at(j)))

    def answers(memory, batch, load):
        upto = fold.up_to(load)
        if marginalized:
            weights = lambda query, index: weighted(
                rule, WeightSums(index), query, table, upto
            )
            return jax.vmap(weights)(batch.queries, batch.index)
        return jax.vmap(lambda query: rule.read(memory, query, upto))(batch.queries)

    return Asked(memory_at, answers)


def _linear_weights(
    rule: AbstractLinear, keys: IndexedKeys, fold: Fold, loads: Int[Array, " loads"]
) -> Asked:
    bare = eqx.tree_at(
        lambda pairs: pairs.values, Pairs(keys.keys, keys.keys), keys.keys[:, :0]
    )
    grams = linear.grams(bare, fold, loads)
    memory_at = lambda j: rule.left(entry(grams, j), bare, fold.up_to(entry(loads, j)))

    def answers(left, batch, load):
        del load
        weights = lambda query, key: left.weights(query, key, fold)
        return jax.vmap(weights)(batch.queries, batch.pairs.keys)

    return Asked(memory_at, answers)


def answers_at_all(
    rule: AbstractSeparation,
    table: Pairs | IndexedKeys,
    fold: Fold,
    loads: Int[Array, " loads"],
    batch: Batch,
    lowest: Int[Array, ""],
) -> Any:
    """Answers at every load, from the load number `lowest` on, in one pass."""

    def answer(query, index):
        weigh = isinstance(table, IndexedKeys)
        sums = WeightSums(index) if weigh else ValueSums()
        return weighted_prefixes(rule, sums, query, table, fold, loads, lowest)

    return jax.vmap(answer, out_axes=1)(batch.queries, batch.index)


def entry(tree: Any, j: Int[Array, ""]) -> Any:
    """Entry j of all arrays."""
    return jax.tree.map(lambda x: jax.lax.dynamic_index_in_dim(x, j, 0, False), tree)
