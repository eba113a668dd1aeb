"""Softmax (modern Hopfield) rule."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._base.checks import scalar
from .._core.about import About
from .._core.tempered import AbstractTempered


class Softmax(AbstractTempered):
    r"""Modern Hopfield retrieval, $\hat v = V^\top \mathrm{softmax}(\beta K q)$.

    Also known as attention. With no pair stored, it answers zero.

    Attributes:
        beta: inverse temperature $\beta$. 0 answers the mean of all values; larger is
            closer to the value of the key with the largest score. In training nothing
            checks it: a rule that holds the exponential of a parameter keeps it
            positive.

    Raises:
        ValueError: if `beta` is negative, NaN or infinite, or not one number.

    References:
        Ramsauer et al. (2021), arXiv:2008.02217, eq. 3.
        Milakov & Gimelshein (2018), arXiv:1805.02867 (how two softmaxes join).
    """

    about: ClassVar[About] = About(
        formula="V^T softmax(beta K q)",
        write="0",
        read="2 n (d + v)",
        state="n (d + v)",
        source="Ramsauer et al. (2021), arXiv:2008.02217",
    )
    beta: Float[Array, ""] = eqx.field(default=1.0, converter=scalar("Softmax", "beta"))
    strength: Float[Array, ""] | None = eqx.field(
        default_factory=lambda: None, init=False, repr=False
    )

    def weigh(self, scores, mask):
        """Exponentials of the scores, relative to the largest."""
        # Not -inf: a block may have no pair present, and inf - inf is nan.
        scores = jnp.where(mask, scores, jnp.finfo(scores.dtype).min)
        top = jnp.max(scores)
        weights = self._exp(scores - top)
        return (top, jnp.sum(weights)), weights

    def join(self, a, b):
        """Both relative to the larger of the largest scores."""
        top = jnp.maximum(a[0], b[0])
        shrink_a, shrink_b = self._exp(a[0] - top), self._exp(b[0] - top)
        return (top, shrink_a * a[1] + shrink_b * b[1]), shrink_a, shrink_b

    def normalizer(self, scale):
        """The sum of all weights."""
        return scale[1]

    def _exp(self, difference):
        """The exponential of a difference of scores."""
        assert self.strength is not None
        return jnp.exp(difference * self.strength)
