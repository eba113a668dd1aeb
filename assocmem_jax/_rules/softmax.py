"""Softmax (modern Hopfield) rule."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._base.checks import check_range, to_scalar
from .._core.separation import AbstractSeparation


class Softmax(AbstractSeparation):
    r"""Modern Hopfield retrieval, $\hat v = V^\top \mathrm{softmax}(\beta K q)$.

    Also known as attention. With no pair stored, it answers zero.

    Attributes:
        beta: inverse temperature $\beta$. 0 answers the mean of all values; larger is
            closer to the value of the key with the largest score.

    Raises:
        ValueError: if `beta` is negative, NaN or infinite, or not one number.

    References:
        Ramsauer et al. (2021), arXiv:2008.02217, eq. 3.
        Milakov & Gimelshein (2018), arXiv:1805.02867 (how two softmaxes join).
    """

    beta: Float[Array, ""] = eqx.field(default=1.0, converter=to_scalar)

    def __check_init__(self):
        check_range(
            "Softmax", "beta", self.beta, "Zero answers the mean of all values."
        )

    def scores(self, query, block, fold):
        """Dot products times beta; before the sum, as a product may be out of range."""
        return fold.dot(self.beta.astype(query.dtype) * query, block.keys.T)

    def weigh(self, scores, mask):
        """Exponentials of the scores, relative to the largest."""
        # Not -inf: a block may have no pair present, and inf - inf is nan.
        scores = jnp.where(mask, scores, jnp.finfo(scores.dtype).min)
        top = jnp.max(scores)
        weights = jnp.exp(scores - top)
        return (top, jnp.sum(weights)), weights

    def join(self, a, b):
        """Both relative to the larger of the largest scores."""
        top = jnp.maximum(a[0], b[0])
        shrink_a, shrink_b = jnp.exp(a[0] - top), jnp.exp(b[0] - top)
        return (top, shrink_a * a[1] + shrink_b * b[1]), shrink_a, shrink_b

    def normalizer(self, scale):
        """The sum of all weights."""
        return scale[1]
