"""What a similarity is."""

import abc
from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float


class AbstractSimilarity(eqx.Module):
    """How alike a query and a key are, as one number, the score of the key.

    Larger is more alike, also where the number comes from a distance. `in_unit` is all
    that a similarity must define.

    References:
        Millidge et al. (2022), arXiv:2202.04557 (similarity, separation, projection).
    """

    def unit(self, query: Float[Array, " d"]) -> Float[Array, ""]:
        """A unit for the scores of a query, so that they are in range: by default 1."""
        return jnp.ones((), query.dtype)

    @abc.abstractmethod
    def in_unit(
        self, query: Float[Array, " d"], keys: Float[Array, "b d"], dot: Callable
    ) -> Float[Array, " b"]:
        """The scores of the keys of a block, in the unit.

        Args:
            query: one query.
            keys: of a block; zeros where no pair is stored.
            dot: the product of two arrays at the precision of the fold.
        """

    def scores(
        self, query: Float[Array, " d"], keys: Float[Array, "b d"], dot: Callable
    ) -> Float[Array, " b"]:
        """The scores of the keys of a block."""
        return self.in_unit(query, keys, dot) * self.unit(query)
