"""Dot-product (correlation matrix) rule."""

import operator

from jaxtyping import Array, Float

from .._fold import Fold
from .._pairs import Pairs
from .._rule import AbstractRule
from .._weights import Answer, Matrix


class DotProduct(AbstractRule[Matrix]):
    r"""Correlation matrix memory, $\hat v = V^\top K q$.

    The Hebbian outer-product rule; linear attention without a feature map. The memory
    is one matrix, and crosstalk between keys grows with the load.

    References:
        Kohonen (1972), doi:10.1109/TC.1972.5008975.
        Anderson (1972), doi:10.1016/0025-5564(72)90075-2.
    """

    def write(self, pairs: Pairs, fold: Fold = Fold()) -> Matrix:
        r"""The correlation matrix, the sum of $k_i v_i^\top$."""
        correlate = lambda block: fold.dot(block.keys.T, block.values)
        return fold(correlate, operator.add, pairs)

    def read(
        self,
        memory: Matrix,
        query: Float[Array, " d"],
        fold: Fold = Fold(),
    ) -> Answer:
        """The query times the correlation matrix."""
        return fold.dot(query, memory)
