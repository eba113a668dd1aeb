"""What a similarity is."""

import abc
from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._base.exact import unit_of


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

    def ends(
        self, query: Float[Array, " d"], key: Float[Array, " d"]
    ) -> Float[Array, "2 d"]:
        """The most and the least alike of all keys that are about as long as a key."""
        along = self._along(query, key)
        return jnp.stack([along, -along])

    def _along(
        self, query: Float[Array, " d"], key: Float[Array, " d"]
    ) -> Float[Array, " d"]:
        """A key along the query, about as long as a key."""
        return query * (unit_of(key) / unit_of(query))
