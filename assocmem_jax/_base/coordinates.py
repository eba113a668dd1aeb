"""Sums over the coordinates of rows, of functions that are no products."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


# Coordinates that are summed in one step of a loop. With more, programs take longer to
# compile; with fewer, sums are written to memory more often than needed.
_TOGETHER = 16


def summed(
    term: Callable[..., Float[Array, " b"]],
    rows: Float[Array, "b d"],
    *vectors: Float[Array, " d"],
) -> Float[Array, " b"]:
    """The sum over coordinates of a function, by a loop over some at a time.

    Mapped over many vectors by `jax.vmap`, no array has an axis for vectors, rows and
    coordinates at once. Rows come last, as a processor takes several of them in one
    operation: ten times as fast as one row after the other.

    Args:
        term: from a coordinate of all rows, and that of each vector, to what is summed.
        rows: one per entry of the sum.
        vectors: what all rows are compared with.
    """
    d = rows.shape[1]
    steps = (d - 1) // _TOGETHER
    first = d - steps * _TOGETHER
    columns = (rows.T, *vectors)

    # Derivatives compute the terms again, rather than keep them.
    @jax.checkpoint
    def some(columns):
        terms = [term(*coordinate) for coordinate in zip(*columns, strict=True)]
        return functools.reduce(jnp.add, terms)

    split = lambda x: x[first:].reshape(steps, _TOGETHER, *x.shape[1:])
    step = lambda total, columns: (total + some(columns), None)
    start = some(tuple(x[:first] for x in columns))
    return jax.lax.scan(step, start, tuple(split(x) for x in columns))[0]
