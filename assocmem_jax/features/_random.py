"""Random directions that a seed and a dimension determine."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._base import random


def directions(seed: int, num: int, d: int) -> Float[Array, "num d"]:
    """Independent directions from N(0, 1), others for each dimension."""
    rng = jax.random.key(seed, impl="threefry2x32")
    index = jnp.arange(num, dtype=jnp.int32)
    return random.normal(random.stream(rng, d), index, d)
