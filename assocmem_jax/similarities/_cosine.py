"""The cosine as a similarity."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._base.exact import unit_of
from ._similarity import AbstractSimilarity


class Cosine(AbstractSimilarity):
    r"""The cosine of the angle between query and key, $q \cdot k / (|q| |k|)$.

    From -1 to 1, whatever the norms of query and key. A vector of zeros has no
    direction: it scores 0.

    References:
        Millidge et al. (2022), arXiv:2202.04557 (similarity, separation, projection).
    """

    def in_unit(self, query, keys, dot):
        """Products of the directions, key by key."""
        return dot(_direction(query), _direction(keys).T)


def _direction(x: Float[Array, "*rows d"]) -> Float[Array, "*rows d"]:
    """Vectors over their norms, those of zeros as they are."""
    # Squares of a vector in its unit are in range.
    x = x / unit_of(x, axis=-1)
    square = jnp.sum(x * x, axis=-1, keepdims=True)
    # A norm of zero has no derivative.
    return x / jnp.sqrt(jnp.where(square > 0, square, 1))
