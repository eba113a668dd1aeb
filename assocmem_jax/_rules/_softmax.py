"""Softmax (modern Hopfield) rule."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_range, to_scalar
from .._fold import Fold
from .._pairs import Pairs
from .._rule import AbstractRule
from .._weights import Answer


class Softmax(AbstractRule[Pairs]):
    r"""Modern Hopfield retrieval, $\hat v = V^\top \mathrm{softmax}(\beta K q)$.

    Also known as attention. With no pair stored, it answers zero.

    Attributes:
        beta: inverse temperature $\beta$. 0 answers the mean of all values; larger is
            closer to the value of the key with the largest score.

    Raises:
        ValueError: if `beta` is negative, NaN or infinite, or not one number.

    References:
        Ramsauer et al. (2021), arXiv:2008.02217, eq. 3.
        Milakov & Gimelshein (2018), arXiv:1805.02867 (the merge of two softmaxes).
    """

    beta: Float[Array, ""] = eqx.field(default=1.0, converter=to_scalar)

    def __check_init__(self):
        check_range(
            "Softmax(beta=...)", self.beta, "Zero answers the mean of all values."
        )

    def write(self, pairs: Pairs, fold: Fold = Fold()) -> Pairs:
        """The pairs themselves."""
        del fold
        return pairs

    def read(
        self, memory: Pairs, query: Float[Array, " d"], fold: Fold = Fold()
    ) -> Answer:
        """Values weighted by the softmax of their scores."""
        beta = self.beta.astype(query.dtype)

        def attend(block):
            scores = fold.dot(beta * query, block.keys.T)
            # Not -inf: a block may have no pair present, and inf - inf is nan.
            scores = jnp.where(block.mask, scores, jnp.finfo(scores.dtype).min)
            top = jnp.max(scores)
            weights = jnp.exp(scores - top)
            return top, jnp.sum(weights), fold.dot(weights, block.values)

        def merge(a, b):
            top = jnp.maximum(a[0], b[0])
            shrink_a, shrink_b = jnp.exp(a[0] - top), jnp.exp(b[0] - top)
            total = shrink_a * a[1] + shrink_b * b[1]
            return top, total, shrink_a * a[2] + shrink_b * b[2]

        _, total, answer = fold(attend, merge, memory)
        # Zero where a prefix is not asked for: see `Fold.over`.
        return answer / jnp.where(total > 0, total, 1)
