"""Corruption of queries: coordinates lost, signs flipped, noise added."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from .._base import random
from .._base.checks import check_range, to_scalar
from .._base.exact import rounded
from ..patterns._parameters import check_share


class Corruption(eqx.Module):
    """How much of a query is lost. With all three zero, nothing is.

    Attributes:
        noise_std: standard deviation of the normal noise added to each coordinate.
        mask_fraction: probability that a coordinate is set to zero.
        flip_probability: probability that a coordinate changes its sign.

    Raises:
        ValueError: if `noise_std` is negative, NaN or infinite, one of the others is
            not from 0 to 1, or one is not one number.
    """

    noise_std: Float[Array, ""] = eqx.field(default=0.0, converter=to_scalar)
    mask_fraction: Float[Array, ""] = eqx.field(default=0.0, converter=to_scalar)
    flip_probability: Float[Array, ""] = eqx.field(default=0.0, converter=to_scalar)

    def __check_init__(self):
        check_range("Corruption", "noise_std", self.noise_std, "Zero adds no noise.")
        check_share(
            "Corruption", "mask_fraction", self.mask_fraction, "Zero masks nothing."
        )
        check_share(
            "Corruption",
            "flip_probability",
            self.flip_probability,
            "Zero flips nothing.",
        )


def corrupt(
    corruption: Corruption,
    rng: Key[Array, ""],
    index: Int[Array, " b"],
    queries: Float[Array, "b d"],
) -> Float[Array, "b d"]:
    """Corrupt queries: mask, then flip, then add noise.

    The draws behind the three depend on `rng`, the index of a query and d alone, so
    levels are paired: coordinates masked at 0.2 are among those masked at 0.4.

    Args:
        corruption: how much.
        rng: key made by `jax.random.key`, of the Threefry generator.
        index: which query of the draw each row is, from 0 to below 2**31.
        queries: the queries, one per row.

    Returns:
        The corrupted queries, of the dtype of `queries`.
    """
    d, dtype = queries.shape[1], queries.dtype
    mask_rng, flip_rng, noise_rng = random.streams(rng, 3)
    happens = lambda rng, share: (
        random.uniform(rng, index, d) < share.astype(jnp.float32)
    )
    queries = jnp.where(happens(mask_rng, corruption.mask_fraction), 0, queries)
    queries = jnp.where(
        happens(flip_rng, corruption.flip_probability), -queries, queries
    )
    noise_std = corruption.noise_std.astype(dtype)
    noise = random.normal(noise_rng, index, d).astype(dtype)
    noisy = queries + rounded(noise_std * noise)
    # Adding nothing would still change the sign of zero.
    return jnp.where(noise_std > 0, noisy, queries)
