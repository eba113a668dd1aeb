"""Scores of two vectors from their sums of squares, over the whole range of a type.

A square is out of range of the type where a number is not. Two ways round it: to look
at the squares and to compute once more, with vectors that are brought into the range;
or, where many scores are computed and hardly one is concerned, to mark these as nan, to
be computed once more by the caller.
"""

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap
from jaxtyping import Array, Bool, Float


Rows: TypeAlias = Float[Array, "*batch v"]
Numbers: TypeAlias = Float[Array, "*batch"]
# Of a pair of vectors and a factor for each of them, a power of two: the score, and for
# each factor a sum of squares that says whether another one is needed.
Score: TypeAlias = Callable[[Any, Any, Any], tuple[Any, tuple[Any, ...]]]


def is_outside(squares: Numbers) -> Bool[Array, "*batch"]:
    """Where a sum of squares may have lost what counts of it; of zeros, too."""
    least, most = _power(squares, -0.59375), _power(squares, 0.78125)
    return ~((squares >= least) & (squares < most))


def marked(score: Score, a: Rows, b: Rows) -> Numbers:
    """A score of two vectors, nan where their squares are out of range."""
    out, squares = score(a, b, None)
    outside = functools.reduce(jnp.logical_or, map(is_outside, squares))
    return jnp.where(outside, jnp.nan, out)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def in_range(score: Score, a: Rows, b: Rows) -> Numbers:
    """A score of two vectors, right where their squares are out of range, too.

    Of most vectors the squares are in range, and nothing is done twice. To divide by
    the largest entries first would take one pass over all numbers more.
    """
    return _scored(score, a, b)[0]


@in_range.defjvp
def _in_range_jvp(score, primals, tangents):
    _, factors = _scored(score, *jax.lax.stop_gradient(primals))
    return jax.jvp(lambda a, b: score(a, b, factors)[0], primals, tangents)


def _scored(score: Score, a: Rows, b: Rows):
    """The score, and the factors that it was computed with."""

    @custom_vmap
    def scored(a, b):
        out, squares = score(a, b, None)
        factors = tuple(_factor(x)[..., None] for x in squares)
        outside = functools.reduce(jnp.logical_or, map(is_outside, squares))
        again = lambda: score(a, b, factors)[0]
        return jax.lax.cond(jnp.any(outside), again, lambda: out), factors

    @scored.def_vmap
    def _(size, batched, a, b):
        # The same of more rows: a batch of its own would take both branches.
        a, b = (
            x if known else jnp.broadcast_to(x, (size, *x.shape))
            for x, known in zip((a, b), batched, strict=True)
        )
        out = scored(a, b)
        return out, jax.tree.map(lambda _: True, out)

    return scored(a, b)


def _factor(squares: Numbers) -> Numbers:
    """What brings vectors of such a sum of squares well into the range."""
    up, down = _power(squares, 0.71875), _power(squares, -0.59375)
    return jnp.where(is_outside(squares), jnp.where(squares < 1, up, down), 1)


def _power(like: Numbers, share: float) -> Float[Array, ""]:
    """A power of two: of the largest exponent of a type, this share."""
    info = jnp.finfo(like.dtype)
    return jnp.asarray(2.0 ** int(share * info.maxexp), like.dtype)
