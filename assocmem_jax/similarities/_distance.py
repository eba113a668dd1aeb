"""What similarities that come from a distance share."""

import abc

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._base.coordinates import summed
from ._similarity import AbstractSimilarity


class AbstractDistance(AbstractSimilarity):
    """Minus a sum over coordinates of some function of differences.

    Each difference is taken before anything is summed, so that near points are told
    apart far from the origin. What is out of range counts as the largest number.
    """

    @abc.abstractmethod
    def of(self, difference: Float[Array, "..."]) -> Float[Array, "..."]:
        """What the difference in one coordinate adds to the distance.

        The same bits in every program: scores that are computed twice must be equal.
        """

    def length(self, query: Float[Array, " d"]) -> Float[Array, ""]:
        """A unit of length, a power of two, in which distances are in range."""
        return jnp.ones((), query.dtype)

    def unit(self, query):
        """The distance that is one unit of length."""
        unit = self.of(self.length(query))
        return jnp.minimum(unit, jnp.finfo(unit.dtype).max)

    def in_unit(self, query, keys, dot):
        """Minus the distances, coordinate by coordinate."""
        del dot
        scale = 1 / self.length(query)
        distances = summed(lambda k, q: self.of(q - k * scale), keys, query * scale)
        return _bounded(-distances)

    def scores(self, query, keys, dot):
        """Minus the distances."""
        return _bounded(self.in_unit(query, keys, dot) * self.unit(query))

    def ends(self, query, key):
        """The query itself, and a key on the other side."""
        return jnp.stack([query, -self._along(query, key)])


def _bounded(scores: Float[Array, " b"]) -> Float[Array, " b"]:
    """Scores that are finite: the difference of two infinities is no number."""
    return jnp.maximum(scores, jnp.finfo(scores.dtype).min)
