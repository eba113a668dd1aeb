"""Unit vectors."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from .._base import random
from ._ensemble import AbstractEnsemble


class OneHot(AbstractEnsemble):
    """One of the d unit vectors, each as likely: labels of d classes."""

    def rows(
        self, rng: Key[Array, ""], index: Int[Array, " b"], d: int
    ) -> Float[Array, "b d"]:
        """The patterns at these indices, in float32, one per row."""
        words = random.uniform(rng, index, 1)[:, 0]
        label = jnp.minimum((words * d).astype(jnp.int32), d - 1)
        return jax.nn.one_hot(label, d, dtype=jnp.float32)
