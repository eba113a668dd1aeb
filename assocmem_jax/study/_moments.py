"""Mean and spread of numbers that come in batches, without cancellation.

Moments are two numbers for each place of a batch: the mean of what came there, and the
sum of squared deviations from it. All that there is to do for a batch is done place by
place, and so in one order whatever else is computed. Places are put together once, at
the end.

References:
    Chan, Golub & LeVeque (1979), Stanford report CS-TR-79-773 (the updating formula of
        their title).
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .._base.exact import ordered_sum, rounded


def add(
    moments: Float[Array, "2 batch"],
    x: Float[Array, " batch"],
    i: Int[Array, ""],
    count: Int[Array, ""],
) -> Float[Array, "2 batch"]:
    """Take up the i-th batch of `count` numbers; places beyond `count` may be nan.

    Infinite numbers count as nan, and so do mean and spread.
    """
    mean, squares = moments
    # `rounded` would make them finite.
    x = jnp.where(jnp.isinf(x), jnp.nan, x)
    before = i.astype(x.dtype)
    step, share = x - mean, 1 / (before + 1)
    mean = mean + rounded(step * share)
    squares = squares + rounded(rounded(step * step) * (before * share))
    inside = jnp.arange(len(x), dtype=count.dtype) < count - i * len(x)
    return jnp.where(inside[None], jnp.stack([mean, squares]), moments)


def total(moments: Float[Array, "2 batch"], count: Int[Array, ""]) -> Float[Array, "2"]:
    """Mean of all `count` numbers, and the sum of squared deviations from it."""
    mean, squares = moments
    places = jnp.asarray(len(mean), count.dtype)
    batches, rest = jax.lax.div(count, places), jax.lax.rem(count, places)
    more = jnp.arange(len(mean), dtype=count.dtype) < rest
    weight = (batches + more.astype(count.dtype)).astype(mean.dtype)
    # No quotient: of several scores, XLA makes it a product with the inverse.
    share = 1 / jnp.maximum(count, 1).astype(mean.dtype)
    center = mean[0] + rounded(ordered_sum(rounded((mean - mean[0]) * weight)) * share)
    deviation = mean - center
    between = rounded(rounded(deviation * deviation) * weight)
    return jnp.stack([center, ordered_sum(squares + between)])


def deviation(
    squares: Float[np.ndarray, "*batch cells metrics"],
    count: Int[np.ndarray, "*#levels cells"],
) -> Float[np.ndarray, "*batch cells metrics"]:
    """Standard deviation, from the counts less one; 0 for a single number."""
    freedom = np.maximum(count - 1, 1).astype(squares.dtype)
    # Where a square was out of range, nothing is known.
    known = (squares < np.finfo(squares.dtype).max) & (count > 0)[..., None]
    return np.sqrt(np.where(known, squares, np.nan) / freedom[..., None])
