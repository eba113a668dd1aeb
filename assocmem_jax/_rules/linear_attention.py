"""Linear attention: the dot product over the sum of all scores."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._base.exact import unit_of, widened
from .._core.about import About
from .._core.fold import Fold
from .._core.linear import AbstractLinear, LeftFactor
from .._core.pairs import AbstractPairs, Pairs


class LinearAttentionMemory(eqx.Module):
    r"""What linear attention stores.

    Attributes:
        weights: the sum of $k_i v_i^\top$.
        total: the sum of all keys.
    """

    weights: Float[Array, "d v"]
    total: Float[Array, " d"]


class LinearAttention(AbstractLinear[LinearAttentionMemory]):
    r"""Mean of values, $\hat v = \sum_j (k_j \cdot q) v_j / \sum_j k_j \cdot q$.

    The dot product over the sum of all scores, so that weights add up to 1. That makes
    sense of scores that are positive, as of the keys of
    `Mapped(LinearAttention(), features.ELU())`; where scores of both signs cancel,
    answers are as large as the sum is small. Where the sum is zero, and so with no pair
    stored, it answers zero. The direction of an answer is that of `DotProduct`, or the
    opposite where the sum is negative.

    References:
        Katharopoulos et al. (2020), arXiv:2006.16236, eq. 5.
    """

    about: ClassVar[About] = About(
        formula="V^T K q / sum(K q)",
        write="2 n d v",
        read="2 d v",
        state="d v",
        source="Katharopoulos et al. (2020), arXiv:2006.16236",
    )

    def summarize(self, block: Pairs, fold: Fold) -> LinearAttentionMemory:
        """The correlation matrix and the sum of the keys of a block."""
        weights = fold.dot(block.keys.T, block.values)
        return LinearAttentionMemory(weights, jnp.sum(block.keys, axis=0))

    def left(self, gram: Array, pairs: AbstractPairs, fold: Fold) -> LeftFactor:
        """The identity, over the sum of the scores."""
        of_block = lambda block: jnp.sum(block.keys, axis=0)
        return LeftFactor(None, gram, total=fold(of_block, jnp.add, pairs))

    def read(
        self,
        memory: LinearAttentionMemory,
        query: Float[Array, " d"],
        fold: Fold = Fold(),
    ) -> Float[Array, " v"]:
        """The weighted mean of the values."""
        # In a unit, so that scores are in range where their quotients are.
        wide = widened(query)
        wide = wide * (1 / unit_of(wide))
        total = fold.dot(wide, memory.total)
        some = jnp.where(total != 0, total, 1)
        answer = jnp.where(total != 0, fold.dot(wide, memory.weights) / some, 0)
        return answer.astype(query.dtype)
