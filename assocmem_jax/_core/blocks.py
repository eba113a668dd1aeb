"""Loops over the rows of tables: every block, or the prefixes up to some stops."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from .table import AbstractTable, together


Summarize = Callable[[Sequence[AbstractTable]], Any]
Merge = Callable[[Any, Any], Any]


def all_blocks(
    summarize: Summarize, merge: Merge, tables: Sequence[AbstractTable], size: int
) -> Any:
    """The summary of all rows, merged block by block, in order."""
    n = tables[0].num_rows
    rows = lambda start, size: tuple(table.rows(start, size) for table in tables)
    num_blocks = n // size
    out = summarize(rows(0, size))
    if num_blocks > 1:
        # Blocks as scanned inputs, not slices taken in the loop: their gradients are
        # then stacked, not added up over an array of n rows at every step.
        arrays, tables_of = together(tables, size, num_blocks - 1, size)
        absorb = lambda carry, x: (merge(carry, summarize(tables_of(x))), None)
        out, _ = jax.lax.scan(absorb, out, arrays)
    if n % size:
        out = merge(out, summarize(rows(num_blocks * size, n % size)))
    return out


def prefixes(
    summarize: Summarize,
    merge: Merge,
    tables: Sequence[AbstractTable],
    size: int,
    stops: Int[Array, " stops"],
    first: Int[Array, ""] | int = 0,
) -> Any:
    """The summaries of the rows before each stop, stacked, in one pass over the rows.

    Two hands move along the rows: block i and prefix j. Each step sums the rows of
    block i up to the end of the block or of the prefix, whichever comes first; `carry`
    holds the summary of the blocks before i, whole.

    Args:
        summarize: the summary of a block.
        merge: the summary of two neighbors from theirs, the earlier one first.
        tables: tables of the same number of rows.
        size: rows in a block.
        stops: ends of the prefixes, ascending.
        first: the first prefix that is asked for; summaries of those before are zero.

    Returns:
        The summary, with an axis for the stops before all others.
    """

    def of_block(i, stop):
        return summarize(tuple(block(table, i * size, size, stop) for table in tables))

    def step(state):
        i, j, carry, out = state
        prefix_end, block_end = stop_at(j), (i + 1) * size
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

    # Beyond the last row there is nothing to pass.
    stops = jnp.minimum(stops, tables[0].num_rows)
    stop_at = lambda j: jax.lax.dynamic_index_in_dim(stops, j, 0, False)
    zero = jnp.zeros_like(stops[0])
    like = jax.eval_shape(of_block, zero, zero)
    # Like the summary also in which devices of a mesh it differs between.
    empty = lambda *axes: jax.tree.map(
        lambda x: jnp.zeros_like(x, shape=(*axes, *x.shape)), like
    )
    state = (zero, zero + first, empty(), empty(len(stops)))
    return jax.lax.while_loop(lambda state: state[1] < len(stops), step, state)[3]


def block(
    table: AbstractTable, first: Int[Array, ""], size: int, stop: Int[Array, ""]
) -> AbstractTable:
    """The rows from `first` to before `stop`, at most `size` of them.

    The last block is moved back to stay inside; rows seen before are masked.
    """
    start = jnp.minimum(first, table.num_rows - size)
    return table.rows(start, size).between(first - start, stop - start)
