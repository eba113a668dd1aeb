"""The one loop over stored pairs."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Shaped

from ._checks import check_size, is_traced
from ._pairs import Pairs
from ._weights import LinearMemory, UnitValues


Summary = TypeVar("Summary")


class Prefixes(eqx.Module):
    """A family of folds: see `Fold.over`."""

    stops: Int[Array, " stops"]
    index: Int[Array, ""] | int = 0
    first: Int[Array, ""] | int = 0


class Fold(eqx.Module):
    """How stored pairs are summed up: in blocks, up to a bound, across devices.

    A rule says what some pairs contribute (`summarize`) and how two contributions
    combine (`merge`, associative). This is the only code that loops over the pairs, so
    dense, blocked, masked and sharded retrieval are one definition, run differently.

    Attributes:
        block_size: pairs taken at a time. `"auto"` chooses from the shapes; `None`
            takes all at once.
        stop: pairs at this index and beyond are absent, and blocks that hold only
            such pairs are skipped, so that a small load costs little. A loop of
            unknown length has no reverse-mode derivative. In a sharded fold it counts
            from the first row of each shard.
        prefixes: where the fold is one of a family that `over` made, the stops of all.
        axis_name: the mesh axis over which the pairs are sharded, inside
            `jax.shard_map`. Every device then gets the merged summary.
        precision: of the products that rules make, as in `jax.numpy.matmul`.
            "highest" is full float32 on every platform.

    Raises:
        TypeError: if `block_size` is not a whole number.
        ValueError: if `block_size` is below 1, `stop` is not one number, or
            `precision` is not one.
    """

    block_size: int | Literal["auto"] | None = eqx.field(
        default="auto",
        static=True,
        converter=lambda x: int(x) if isinstance(x, np.integer) else x,
    )
    stop: Int[Array, ""] | None = eqx.field(
        default=None,
        converter=lambda x: None if x is None else jnp.asarray(x, jnp.int32),
    )
    prefixes: "Prefixes | None" = None
    axis_name: str | None = eqx.field(default=None, static=True)
    precision: str = eqx.field(default="highest", static=True)

    def __check_init__(self):
        if self.block_size is not None and str(self.block_size) != "auto":
            check_size("Fold(block_size=...)", self.block_size)
        if self.stop is not None and self.stop.shape != ():
            raise ValueError(
                f"`Fold(stop=...)` must be one number, got shape {self.stop.shape}. "
                "Use `jax.vmap` over the fold for many."
            )
        if self.precision not in jax.lax.DotAlgorithmPreset.__members__:
            try:
                jax.lax.Precision(self.precision)
            except ValueError as error:
                raise ValueError(
                    f"`Fold(precision=...)` must be a precision of `jax.lax`, got "
                    f'{self.precision!r}. Use "highest", "high" or "default".'
                ) from error

    def __call__(
        self,
        summarize: Callable[..., Summary],
        merge: Callable[[Summary, Summary], Summary],
        *pairs: Pairs,
    ) -> Summary:
        """Merge the summaries of all stored pairs, in order.

        Args:
            summarize: the summary of a block. Absent rows arrive as zeros, `mask`
                False; a block may hold no stored pair at all.
            merge: the summary of two neighbors from theirs, the earlier one first.
            pairs: the stored pairs. Several collections of one length are taken block
                by block together.

        Returns:
            The summary of all stored pairs.
        """
        size = self.block_rows(pairs[0])
        of = lambda blocks: summarize(*(block.present() for block in blocks))
        if self.stop is None:
            out = _all_blocks(of, merge, pairs, size)
        elif self.block_size is None:
            out = of(
                each.between(jnp.zeros_like(self.stop), self.stop) for each in pairs
            )
        else:
            family = self.prefixes or Prefixes(self.stop[None])
            summaries = _blocks_before(of, merge, pairs, size, family)
            pick = lambda x: jax.lax.dynamic_index_in_dim(x, family.index, 0, False)
            out = jax.tree.map(pick, summaries)
        return out if self.axis_name is None else _shards(out, merge, self.axis_name)

    def accumulate(
        self,
        summarize: Callable[[Pairs], Summary],
        absorb: Callable[[Summary, Summary], Summary],
        start: Summary,
        pairs: Pairs,
    ) -> Summary:
        """Take up all stored pairs, block by block, into a summary of none.

        Unlike a call, the summary of a block may be of another size than the result.

        Args:
            summarize: what a block amounts to. Absent rows arrive as zeros.
            absorb: what a summary so far and one more amount to.
            start: the summary of no pair.
            pairs: the stored pairs.

        Returns:
            The summary of all stored pairs.
        """
        n, size = pairs.keys.shape[0], self.block_rows(pairs)
        stop = n if self.stop is None else self.stop

        def step(i, carry):
            first = jnp.asarray(i * size, jnp.int32)
            block = _block(pairs, first, size, jnp.minimum(stop, first + size))
            return absorb(carry, summarize(block.present()))

        blocks = -(-stop // size) if self.stop is None else (stop + size - 1) // size
        out = jax.lax.fori_loop(0, blocks, step, start)
        return out if self.axis_name is None else _shards(out, absorb, self.axis_name)

    def dot(self, a: Shaped[Array, "..."], b: Any) -> Any:
        """The product of two matrices, or a matrix and a vector, at `precision`.

        The second may stand for unit vectors: see `_weights`.
        """
        if isinstance(b, UnitValues | LinearMemory):
            return b.sum(a, self)
        return jnp.matmul(a, b, precision=self.precision)

    def block_rows(self, pairs: Pairs) -> int:
        """Number of rows in a block of these pairs."""
        n = pairs.keys.shape[0]
        if self.block_size == "auto":
            return min(n, _limits()[0])
        return n if self.block_size is None else min(self.block_size, n)

    def count(self, pairs: Pairs) -> Int[Array, ""]:
        """Number of stored pairs, over all shards."""
        if self.stop is not None and _all_stored(pairs):
            count = jnp.clip(self.stop, 0, len(pairs.mask))
        else:
            if self.stop is not None:
                pairs = pairs.between(jnp.zeros_like(self.stop), self.stop)
            count = jnp.sum(pairs.mask, dtype=jnp.int32)
        return count if self.axis_name is None else jax.lax.psum(count, self.axis_name)

    def total(self, pairs: Pairs) -> int:
        """Number of rows over all shards, stored or not."""
        shards = 1 if self.axis_name is None else jax.lax.axis_size(self.axis_name)
        return shards * pairs.keys.shape[0]

    def with_block_size(self, block_size: int | None) -> "Fold":
        """The same fold with blocks of another size."""
        return dataclasses.replace(self, block_size=block_size)

    def over(
        self,
        stops: Int[Array, " stops"],
        index: Int[Array, ""],
        first: Int[Array, ""] | int = 0,
    ) -> "Fold":
        """The fold up to `stops[index]`, as one of a family of prefixes.

        Mapped over `index` with `jax.vmap`, whatever does not depend on it is computed
        once for all: summaries of all prefixes come from one pass over the pairs.

        Args:
            stops: ends of the prefixes, ascending.
            index: which of them.
            first: summaries of prefixes before this one are not asked for; they are
                left undefined.
        """
        family = Prefixes(stops, index, first)
        return dataclasses.replace(
            self,
            stop=jax.lax.dynamic_index_in_dim(stops, index, 0, False),
            prefixes=family,
        )

    def beyond(self, rows: int) -> "Fold":
        """The same fold, prefixes of up to so many rows left undefined."""
        family = self.prefixes
        if family is None:
            return self
        few = jnp.sum(family.stops <= rows, dtype=jnp.int32)
        first = jnp.maximum(jnp.asarray(family.first, jnp.int32), few)
        return dataclasses.replace(
            self, prefixes=Prefixes(family.stops, family.index, first)
        )

    def alone(self) -> "Fold":
        """The same fold, no longer one of a family."""
        return dataclasses.replace(self, prefixes=None)

    def plan(
        self, n: int, m: int, query_batch: int | None = None
    ) -> tuple["Fold", int]:
        """Settle what is left open: the sizes of blocks and of query batches.

        A tile, the scores of one block for one batch, is made to fit a CPU's cache or
        to keep an accelerator busy. It is a fourth of `n * m` at most, unless the
        whole problem is tiny.

        Args:
            n: number of pairs.
            m: number of queries.
            query_batch: queries answered at a time, or `None` to choose it.

        Returns:
            A fold of known block size, and the query batch.
        """
        if self.block_size is None:
            return self, query_batch or m
        block_limit, tile_limit = _limits()
        tile = min(max(n * m // 4, 2**14), tile_limit)
        block_size = self.block_size
        if block_size == "auto":
            block_size = min(n, block_limit)
            if query_batch is not None:
                block_size = min(block_size, max(tile // query_batch, 64))
        batch = query_batch or max(1, tile // min(block_size, n))
        return self.with_block_size(block_size), min(batch, m)


def _limits() -> tuple[int, int]:
    """Rows in a block, and scores in a tile."""
    return (512, 2**19) if jax.default_backend() == "cpu" else (4096, 2**22)


def _all_blocks(summarize, merge, pairs: tuple[Pairs, ...], size: int):
    n = pairs[0].keys.shape[0]
    rows = lambda start, size: tuple(each.rows(start, size) for each in pairs)
    count = n // size
    out = summarize(rows(0, size))
    if count > 1:
        # Blocks as scanned inputs, not slices taken in the loop: their gradients are
        # then stacked, not added up over an array of n rows at every step.
        split = lambda x: (
            x.reshape(count - 1, size, *x.shape[1:])
            if x.ndim
            else jnp.broadcast_to(x, count - 1)
        )
        blocks = jax.tree.map(split, rows(size, (count - 1) * size))
        absorb = lambda carry, block: (merge(carry, summarize(block)), None)
        out, _ = jax.lax.scan(absorb, out, blocks)
    if n % size:
        out = merge(out, summarize(rows(count * size, n % size)))
    return out


def _blocks_before(
    summarize, merge, pairs: tuple[Pairs, ...], size: int, family: "Prefixes"
):
    """The summaries of all prefixes of the family, stacked, in one pass."""
    stops = family.stops

    def of_block(i, stop):
        return summarize(tuple(_block(each, i * size, size, stop) for each in pairs))

    def step(state):
        i, j, carry, out = state
        prefix_end, block_end = at(j), (i + 1) * size
        summary = of_block(i, jnp.minimum(prefix_end, block_end))
        # Choosing here, rather than starting from a summary of the first block,
        # compiles `summarize` once.
        choose = lambda first, later: jnp.where(i == 0, first, later)
        summary = jax.tree.map(choose, summary, merge(carry, summary))
        # Written over until the prefix is complete.
        put = lambda x, y: jax.lax.dynamic_update_index_in_dim(x, y, j, 0)
        out = jax.tree.map(put, out, summary)
        keep = lambda new, old: jnp.where(block_end <= prefix_end, new, old)
        carry = jax.tree.map(keep, summary, carry)
        i = jnp.where(block_end <= prefix_end, i + 1, i)
        return i, jnp.where(prefix_end <= block_end, j + 1, j), carry, out

    at = lambda j: jax.lax.dynamic_index_in_dim(stops, j, 0, False)
    first = jnp.zeros_like(stops[0])
    like = jax.eval_shape(of_block, first, first)
    empty = lambda *n: jax.tree.map(lambda x: jnp.zeros(n + x.shape, x.dtype), like)
    state = (first, first + family.first, empty(), empty(len(stops)))
    return jax.lax.while_loop(lambda state: state[1] < len(stops), step, state)[3]


def _block(pairs: Pairs, first, size: int, stop) -> Pairs:
    """The rows from `first` to before `stop`, at most so many as a block has."""
    # The last block is moved back to stay inside; rows seen before are masked.
    start = jnp.minimum(first, pairs.keys.shape[0] - size)
    return pairs.rows(start, size).between(first - start, stop - start)


def _all_stored(pairs: Pairs) -> bool:
    """Whether it is known that all rows are stored."""
    return not is_traced(pairs.mask) and bool(np.asarray(pairs.mask).all())


def _shards(out, merge, axis_name: str):
    gathered = jax.lax.all_gather(out, axis_name)
    shard = lambda i: jax.tree.map(lambda x: x[i], gathered)
    return functools.reduce(merge, map(shard, range(jax.lax.axis_size(axis_name))))
