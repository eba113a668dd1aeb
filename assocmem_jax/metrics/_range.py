"""Scores of two vectors from their sums of squares, over the whole range of a type.

A square is out of range of the type where a number is not. Two ways round it: to look
at the squares and to compute once more, with vectors in units of their own; or, where
many scores are computed and hardly one is concerned, to mark these as nan, to be
computed once more by the caller.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap
from jaxtyping import Array, Bool, Float


Rows: TypeAlias = Float[Array, "*batch v"]
Numbers: TypeAlias = Float[Array, "*batch"]


class Score(NamedTuple):
    """A score of two vectors.

    Attributes:
        of: of the vectors, and their units or `None`: the score, and the sums of
            squares that must be in range.
        units: of the vectors, powers of two, with which all squares are in range.
    """

    of: Callable[[Any, Any, Any], tuple[Any, tuple[Any, ...]]]
    units: Callable[[Any, Any], Any]


def is_outside(squares: Numbers) -> Bool[Array, "*batch"]:
    """Where a sum of squares may have lost what counts of it; of zeros, too."""
    # In float32 from 2^-76, where squares of a million entries that are too small to be
    # normal numbers are below its rounding, to 2^100, of which products are in range.
    info = jnp.finfo(squares.dtype)
    least, most = (2.0 ** int(share * info.maxexp) for share in (-0.59375, 0.78125))
    return ~((squares >= least) & (squares < most))


def marked(score: Score, a: Rows, b: Rows) -> Numbers:
    """A score of two vectors, nan where their squares are out of range."""
    out, squares = score.of(a, b, None)
    return jnp.where(_any_outside(squares), jnp.nan, out)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def in_range(score: Score, a: Rows, b: Rows) -> Numbers:
    """A score of two vectors, right where their squares are out of range, too.

    Of most vectors the squares are in range, and nothing is done twice. To take units
    of all of them would be one pass over all numbers more.
    """

    @custom_vmap
    def scored(a, b):
        out, squares = score.of(a, b, None)
        again = lambda: score.of(a, b, score.units(a, b))[0]
        return jax.lax.cond(jnp.any(_any_outside(squares)), again, lambda: out)

    @scored.def_vmap
    def _(size, batched, a, b):
        # The same of more rows: a batch of its own would take both branches.
        a, b = (
            x if known else jnp.broadcast_to(x, (size, *x.shape))
            for x, known in zip((a, b), batched, strict=True)
        )
        return scored(a, b), True

    return scored(a, b)


@in_range.defjvp
def _in_range_jvp(score, primals, tangents):
    # Of what a derivative squares more is out of range than of the score.
    units = score.units(*primals)
    return jax.jvp(lambda a, b: score.of(a, b, units)[0], primals, tangents)


def _any_outside(squares: tuple[Any, ...]) -> Bool[Array, "*batch"]:
    return functools.reduce(jnp.logical_or, map(is_outside, squares))
