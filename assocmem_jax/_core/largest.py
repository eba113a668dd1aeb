"""The pairs of the largest scores, found block by block."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from .fold import Fold
from .separation import AbstractSeparation
from .table import AbstractTable


class Largest(NamedTuple):
    """Pairs of the largest scores, the largest first; of equal ones the earlier first.

    Attributes:
        scores: in the unit of the similarity; minus infinity where there are fewer
            pairs.
        index: numbers of their rows, over all shards.
    """

    scores: Float[Array, " k"]
    index: Int[Array, " k"]

    @property
    def stored(self) -> Bool[Array, " k"]:
        """False where there are fewer pairs."""
        return self.scores > -jnp.inf


class _Index(AbstractTable):
    """Numbers of rows."""

    index: Int[Array, " b"]
    mask: Bool[Array, " b"]


class _RowNumbers(AbstractTable):
    """The numbers of all rows, made where they are needed."""

    first: Int[Array, ""]
    size: int = eqx.field(static=True)

    def __init__(self, first: Int[Array, ""], size: int):
        self.first, self.size = first, size

    @property
    def num_rows(self):
        return self.size

    @property
    def mask(self):
        return self.rows(0, self.size).mask

    @property
    def index(self):
        return self.rows(0, self.size).index

    def rows(self, start, size):
        index = self.first + start + jnp.arange(size, dtype=jnp.int32)
        return _Index(index, jnp.ones(size, bool))

    def between(self, start, stop):
        del start, stop
        return self

    def present(self):
        return self


def largest(
    rule: AbstractSeparation, k: int, query: Float[Array, " d"], table: Any, fold: Fold
) -> Largest:
    """The pairs of the k largest scores for a query. No derivative is taken of it.

    Args:
        rule: what knows the similarity.
        k: how many, at least 1.
        query: the query.
        table: the stored pairs.
        fold: over the pairs.
    """
    rule, query, table = jax.lax.stop_gradient((rule, query, table))
    size = min(k, fold.total(table))

    def foremost(found: Largest) -> Largest:
        if size == 1:
            place = jnp.argmax(found.scores, keepdims=True)
        else:
            _, place = jax.lax.top_k(found.scores, size)
        return Largest(found.scores[place], found.index[place])

    def of_block(block, rows):
        scores = _scores(rule, query, block, fold)
        missing = (0, max(size - len(scores), 0))
        scores = jnp.pad(scores, missing, constant_values=-jnp.inf)
        return foremost(Largest(scores, jnp.pad(rows.index, missing)))

    def merge(a, b):
        return foremost(jax.tree.map(lambda x, y: jnp.concatenate([x, y]), a, b))

    shard = 0 if fold.axis_name is None else jax.lax.axis_index(fold.axis_name)
    start = jnp.asarray(shard * table.num_rows, jnp.int32)
    return fold(of_block, merge, table, _RowNumbers(start, table.num_rows))


def rank_score(
    rule: AbstractSeparation, k: int, query: Float[Array, " d"], table: Any, fold: Fold
) -> Float[Array, ""]:
    """The k-th largest score, or of fewer pairs the smallest; 0 of none.

    The arguments are those of `largest`.
    """
    if k > 1:
        found = largest(rule, k, query, table, fold)
        last = jnp.min(jnp.where(found.stored, found.scores, jnp.inf))
    else:
        fixed = jax.lax.stop_gradient((rule, query, table))
        of_block = lambda block: jnp.max(_scores(*fixed[:2], block, fold))
        last = fold(of_block, jnp.maximum, fixed[2])
    return jnp.where(jnp.isfinite(last), last, 0)


def _scores(rule: AbstractSeparation, query: Any, block: Any, fold: Fold) -> Array:
    """The scores of a block, in the unit; minus infinity of absent pairs alone."""
    scores = rule.similarity.in_unit(query, block.keys, fold.dot)
    scores = jnp.maximum(scores, jnp.finfo(scores.dtype).min)
    return jnp.where(block.mask, scores, -jnp.inf)
