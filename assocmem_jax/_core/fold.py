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

from .._base.arrays import to_array
from .._base.checks import as_int, check_size, is_traced
from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.exact import widened
from . import blocks
from .table import AbstractTable


Summary = TypeVar("Summary")


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
        axis_name: the mesh axis over which the pairs are sharded, inside
            `jax.shard_map`. Every device then gets the merged summary. A gradient taken
            inside counts each device once; with `check_vma=False`, as JAX has it there,
            once for each device, so take it outside or leave the check on.
        precision: of the products that rules make, as in `jax.numpy.matmul`.
            "highest" is full float32 on every platform.

    Raises:
        TypeError: if `block_size` or `stop` is not a whole number.
        ValueError: if `block_size` is below 1, `stop` is negative or not one number, or
            `precision` is not one.
    """

    block_size: int | Literal["auto"] | None = eqx.field(
        default="auto", static=True, converter=as_int
    )
    stop: Int[Array, ""] | None = eqx.field(
        default=None, converter=lambda x: None if x is None else _to_stop(x)
    )
    axis_name: str | None = eqx.field(default=None, static=True)
    precision: str = eqx.field(default="highest", static=True)

    def __check_init__(self):
        if self.block_size is not None and str(self.block_size) != "auto":
            check_size("Fold", "block_size", self.block_size)
        if self.stop is not None and self.stop.shape != ():
            complaint = f"must be one number, got shape {self.stop.shape}"
            advice = "Use `jax.vmap` over the fold for many."
            raise ArgumentError("Fold", "stop", complaint, advice)
        if self.precision not in jax.lax.DotAlgorithmPreset.__members__:
            try:
                jax.lax.Precision(self.precision)
            except ValueError as error:
                raise ArgumentError(
                    "Fold",
                    "precision",
                    f"must be a precision of `jax.lax`, got {self.precision!r}",
                    'Use "highest", "high" or "default".',
                ) from error

    def __call__(
        self,
        summarize: Callable[..., Summary],
        merge: Callable[[Summary, Summary], Summary],
        *tables: Any,
    ) -> Summary:
        """Merge the summaries of all stored pairs, in order.

        Args:
            summarize: the summary of a block. Absent rows arrive as zeros, `mask`
                False; a block may hold no stored pair at all. Half precision arrives
                as float32: sums need its digits and its range.
            merge: the summary of two neighbors from theirs, the earlier one first.
            tables: the stored pairs, or another table. Several tables of one length
                are taken block by block together.

        Returns:
            The summary of all stored pairs.
        """
        size, of_block = self.block_rows(tables[0]), _of_present(summarize)
        if self.stop is None:
            out = blocks.all_blocks(of_block, merge, tables, size)
        elif self.block_size is None:
            out = of_block([table.between(0, self.stop) for table in tables])
        else:
            stacked = blocks.prefixes(of_block, merge, tables, size, self.stop[None])
            out = jax.tree.map(lambda x: x[0], stacked)
        return out if self.axis_name is None else _shards(out, merge, self.axis_name)

    def prefixes(
        self,
        summarize: Callable[..., Summary],
        merge: Callable[[Summary, Summary], Summary],
        *tables: Any,
        stops: Int[Array, " stops"],
        first: Int[Array, ""] | int = 0,
    ) -> Summary:
        """The summaries of the first pairs, for many numbers of pairs in one pass.

        Args:
            summarize: the summary of a block, as in a call.
            merge: the summary of two neighbors, as in a call.
            tables: the stored pairs, or other tables, as in a call.
            stops: numbers of rows, ascending. `stop` does not count here.
            first: the first of the stops that is asked for. The summaries at those
                before it are zero.

        Returns:
            The summary of the rows before each stop, stacked along a first axis.
        """
        size, of_block = self.block_rows(tables[0]), _of_present(summarize)
        out = blocks.prefixes(of_block, merge, tables, size, stops, first)
        if self.axis_name is None:
            return out
        return _shards(out, jax.vmap(merge), self.axis_name)

    def accumulate(
        self,
        summarize: Callable[[Any], Summary],
        absorb: Callable[[Summary, Summary], Summary],
        start: Summary,
        table: Any,
    ) -> Summary:
        """Take up all stored pairs, block by block, into a summary of none.

        Unlike a call, the summary of a block may be of another size than the result.

        Args:
            summarize: the summary of a block, as in a call.
            absorb: a summary so far with that of one more block taken up.
            start: the summary of no pair.
            table: the stored pairs, or another table.

        Returns:
            The summary of all stored pairs.
        """
        n, size = table.num_rows, self.block_rows(table)
        stop = n if self.stop is None else jnp.minimum(self.stop, n)

        def step(i, carry):
            first = jnp.asarray(i * size, jnp.int32)
            end = jnp.minimum(stop, first + size)
            block = blocks.block(table, first, size, end)
            return absorb(carry, _of_present(summarize)([block]))

        num_blocks = (stop + size - 1) // size
        # What a loop carries differs between the devices of a mesh, or does not.
        like = jax.eval_shape(step, 0, start)
        start = jax.tree.map(lambda x, y: x + jnp.zeros_like(y), start, like)
        out = jax.lax.fori_loop(0, num_blocks, step, start)
        return out if self.axis_name is None else _shards(out, absorb, self.axis_name)

    def dot(self, a: Shaped[Array, "..."], b: Shaped[Array, "..."]) -> Array:
        """The product of two matrices, or a matrix and a vector, at `precision`.

        It is in float32 at least.
        """
        return jnp.matmul(*widened((a, b)), precision=self.precision)

    def stored(self, table: Any) -> Any:
        """The table, rows from the stop on masked."""
        return table if self.stop is None else table.between(0, self.stop)

    def block_rows(self, table: AbstractTable) -> int:
        """Number of rows in a block of this table."""
        n = table.num_rows
        if self.block_size == "auto":
            return min(n, _limits()[0])
        return n if self.block_size is None else min(self.block_size, n)

    def count(self, table: AbstractTable) -> Int[Array, ""]:
        """Number of stored pairs, over all shards."""
        count = table.count(self.stop)
        return count if self.axis_name is None else jax.lax.psum(count, self.axis_name)

    def total(self, table: AbstractTable) -> int:
        """Number of rows over all shards, stored or not."""
        shards = 1 if self.axis_name is None else jax.lax.axis_size(self.axis_name)
        return shards * table.num_rows

    def with_block_size(self, block_size: int | None) -> "Fold":
        """The same fold with blocks of another size."""
        return dataclasses.replace(self, block_size=block_size)

    def up_to(self, stop: Int[Array, ""]) -> "Fold":
        """The same fold over the pairs before `stop` alone."""
        return dataclasses.replace(self, stop=stop)

    def across(self, axis_name: str) -> "Fold":
        """The same fold over the pairs of all devices along a mesh axis."""
        return dataclasses.replace(self, axis_name=axis_name)

    def plan(
        self, n: int, m: int, query_batch: int | None = None
    ) -> tuple["Fold", int]:
        """Choose the sizes of blocks and of query batches that are left open.

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


def _to_stop(x: Any) -> Int[Array, "..."]:
    """A number of pairs as an index; all of them, where there cannot be as many."""
    whole = to_array("Fold", "stop", x)
    if not jnp.issubdtype(whole.dtype, jnp.integer):
        advice = "Pass an `int`, or an array of one."
        complaint = f"must be a whole number, got {x!r}"
        raise ArgumentTypeError("Fold", "stop", complaint, advice)
    if is_traced(whole):
        return jnp.asarray(whole).astype(jnp.int32)
    if np.any(np.asarray(whole) < 0):
        complaint = f"must be a number of pairs, got {x!r}"
        raise ArgumentError("Fold", "stop", complaint, "Zero stores none.")
    return jnp.asarray(np.minimum(np.asarray(whole), 2**31 - 1), jnp.int32)


def _limits() -> tuple[int, int]:
    """Rows in a block, and scores in a tile."""
    return (512, 2**19) if jax.default_backend() == "cpu" else (4096, 2**22)


def _of_present(summarize: Callable) -> Callable:
    """The same summary of a block, in float32 at least, with zeros in absent rows."""
    return lambda tables: summarize(*(widened(table.present()) for table in tables))


def _shards(out: Any, merge: Callable, axis_name: str) -> Any:
    """The summaries of all devices merged, on every one of them."""
    size, place = jax.lax.axis_size(axis_name), jax.lax.axis_index(axis_name)

    def gathered(x):
        # A sum, as what a sum leaves on all devices is known to be the same on all of
        # them; what `all_gather` leaves is not.
        wide = x.astype(jnp.int32) if x.dtype == bool else x
        rows = jnp.zeros((size, *x.shape), wide.dtype).at[place].set(wide)
        return jax.lax.psum(rows, axis_name).astype(x.dtype)

    stacked = jax.tree.map(gathered, out)
    shard = lambda i: jax.tree.map(lambda x: x[i], stacked)
    return functools.reduce(merge, map(shard, range(size)))
