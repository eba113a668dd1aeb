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


def ordered_sum(x: Float[Array, " m"]) -> Float[Array, ""]:
    """The sum, in an order of its own.

    The order in which `jnp.sum` or a product adds up depends on what is around it: the
    number of rows, or a batch of trials. A sum that is rounded is not known as one, and
    so not reordered.
    """
    add = lambda a, b: rounded(a + b)
    return jax.lax.reduce(x, np.zeros((), x.dtype), add, (0,))


def single_at_least(dtype: Any) -> Any:
    """The type itself, or float32 where it has fewer digits."""
    return dtype if jnp.finfo(dtype).bits >= 32 else jnp.dtype(jnp.float32)
