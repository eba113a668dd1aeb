"""Arithmetic of enough digits, and with the same bits in every program.

XLA orders sums and fuses products as it sees fit, and does so differently in different
programs. What must not depend on the program around it is computed by these.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


def rounded(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """The number itself, finite, as one that compilers cannot see through.

    They merge a product with a later sum (FMA) or constant, which saves a rounding, and
    do so in some programs and not in others. Rounded, it is the same in all of them.
    """
    return jnp.minimum(x, jnp.finfo(x.dtype).max)


def ordered_sum(x: Float[Array, "*batch m"]) -> Float[Array, "*batch"]:
    """The sum along the last axis, in an order of its own.

    The order in which `jnp.sum` or a product adds up depends on what is around it: the
    number of rows, or a batch of trials. A sum that is rounded is not known as one, and
    so not reordered.
    """
    add = lambda a, b: rounded(a + b)
    return jax.lax.reduce(x, np.zeros((), x.dtype), add, (x.ndim - 1,))


def row_norms(x: Float[Array, "b d"]) -> Float[Array, "b 1"]:
    """The norms of rows, whose squares are in range.

    Sums go by halves, as the order of `jnp.sum` depends on the number of rows.
    """
    squares = rounded(x * x)
    while squares.shape[1] > 1:
        half = -(-squares.shape[1] // 2)
        rest = squares[:, half:]
        rest = jnp.pad(rest, ((0, 0), (0, half - rest.shape[1])))
        squares = squares[:, :half] + rest
    return rounded(jnp.sqrt(squares))


def single_at_least(dtype: Any) -> Any:
    """The type itself, or float32 where it has fewer digits."""
    return dtype if jnp.finfo(dtype).bits >= 32 else jnp.dtype(jnp.float32)


def widened(tree: Any) -> Any:
    """The same, arrays of fewer digits than float32 as float32."""

    def wide(x):
        if not jnp.issubdtype(x.dtype, jnp.floating):
            return x
        return x.astype(single_at_least(x.dtype))

    return jax.tree.map(wide, tree)


@jax.custom_jvp
def quotient(x: Float[Array, "..."], y: Float[Array, ""]) -> Float[Array, "..."]:
    """The quotient x / y, whose derivative is in range where the square of y is not."""
    return x / y


@quotient.defjvp
def _quotient_jvp(primals, tangents):
    (x, y), (dx, dy) = primals, tangents
    out = x / y
    return out, (dx - out * dy) / y


def unit_of(x: Float[Array, "..."], axis: int | None = None) -> Float[Array, "..."]:
    """A power of two near the largest entry, for squares that stay in range.

    To divide by it rounds nothing, and changes no bit of what is computed in range. It
    is a constant to derivatives; 1 where all entries are zero, or one is not finite.

    Args:
        x: numbers of at least float32.
        axis: the axis to take the largest entry along, kept. `None` takes all.
    """
    x = jax.lax.stop_gradient(x)
    largest = jnp.max(jnp.abs(x), axis=axis, keepdims=axis is not None, initial=0)
    # The exponent alone of a floating-point number is a power of two.
    info = jnp.finfo(x.dtype)
    bits = jax.lax.bitcast_convert_type(largest, f"uint{info.bits}")
    power = jax.lax.bitcast_convert_type(bits >> info.nmant << info.nmant, x.dtype)
    known = jnp.isfinite(largest) & (largest >= info.smallest_normal)
    # At most one whose inverse is a normal number.
    return jnp.where(known, jnp.minimum(power, 1 / info.smallest_normal), 1)
