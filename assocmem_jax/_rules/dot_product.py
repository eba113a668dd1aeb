"""Dot-product (correlation matrix) rule."""

from typing import ClassVar, TypeAlias

from jaxtyping import Array, Float

from .._core.about import About
from .._core.fold import Fold
from .._core.linear import AbstractLinear, LeftFactor
from .._core.pairs import AbstractPairs, Pairs


Matrix: TypeAlias = Float[Array, "d v"]


class DotProduct(AbstractLinear[Matrix]):
    r"""Correlation matrix memory, $\hat v = V^\top K q$.

    The Hebbian outer-product rule; linear attention without a feature map. The memory
    is one matrix, the sum of $k_i v_i^\top$, and crosstalk between keys grows with the
    load.

    References:
        Kohonen (1972), doi:10.1109/TC.1972.5008975.
        Anderson (1972), doi:10.1016/0025-5564(72)90075-2.
    """

    about: ClassVar[About] = About(
        formula="V^T K q",
        write="2 n d v",
        read="2 d v",
        state="d v",
        source="Kohonen (1972), doi:10.1109/TC.1972.5008975",
    )

    def summarize(self, block: Pairs, fold: Fold) -> Matrix:
        """The correlation matrix of a block."""
        return fold.dot(block.keys.T, block.values)

    def left(self, gram: Matrix, pairs: AbstractPairs, fold: Fold) -> LeftFactor:
        """The identity."""
        del pairs, fold
        return LeftFactor(None, gram)
