"""ReLU rule."""

import operator

import jax
from jaxtyping import Array, Float

from .._fold import Fold
from .._pairs import Pairs
from .._rule import AbstractRule
from .._weights import Answer


class ReLU(AbstractRule[Pairs]):
    r"""Rectified retrieval, $\hat v = V^\top \max(K q, 0)$.

    The rectified polynomial of degree 1, as in the dense associative memories. Half of
    the keys, those that point away from the query, are silent.

    References:
        Krotov & Hopfield (2016), arXiv:1606.01164.
    """

    def write(self, pairs: Pairs, fold: Fold = Fold()) -> Pairs:
        """The pairs themselves."""
        del fold
        return pairs

    def read(
        self, memory: Pairs, query: Float[Array, " d"], fold: Fold = Fold()
    ) -> Answer:
        """Values weighted by the positive part of their scores."""

        def weigh(block):
            weights = jax.nn.relu(fold.dot(query, block.keys.T))
            return fold.dot(weights, block.values)

        return fold(weigh, operator.add, memory)
