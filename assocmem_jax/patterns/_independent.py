"""Patterns of independent coordinates, and the sphere."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from .._base import random
from .._base.exact import rounded, row_norms
from ._ensemble import AbstractEnsemble


class Gaussian(AbstractEnsemble):
    """Independent coordinates from N(0, 1)."""

    def rows(
        self, rng: Key[Array, ""], index: Int[Array, " b"], d: int
    ) -> Float[Array, "b d"]:
        """The patterns at these indices, in float32, one per row."""
        return random.normal(rng, index, d)


class Spherical(AbstractEnsemble):
    r"""Uniform on the sphere of radius $\sqrt d$.

    References:
        Muller (1959), doi:10.1145/377939.377946 (normal coordinates, normalized).
    """

    def rows(
        self, rng: Key[Array, ""], index: Int[Array, " b"], d: int
    ) -> Float[Array, "b d"]:
        """The patterns at these indices, in float32, one per row."""
        normal = random.normal(rng, index, d)
        # Never zero, as no coordinate is.
        return rounded(d**0.5 * (normal / row_norms(normal)))


class Bipolar(AbstractEnsemble):
    """Independent coordinates, -1 or +1 with equal probability."""

    def rows(
        self, rng: Key[Array, ""], index: Int[Array, " b"], d: int
    ) -> Float[Array, "b d"]:
        """The patterns at these indices, in float32, one per row."""
        top = random.bits(rng, index, d) >> np.uint32(31)
        return 1 - 2 * top.astype(jnp.float32)
