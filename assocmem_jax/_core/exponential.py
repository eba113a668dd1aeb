"""Separations whose weights are exponentials of scores."""

import jax.numpy as jnp
import numpy as np

from .tempered import AbstractTempered


class AbstractExponential(AbstractTempered):
    r"""A separation with weights $e^{\beta s_j}$, relative to the largest of them.

    The scale is the largest score, in the unit of scores, and the sum of all weights.

    References:
        Milakov & Gimelshein (2018), arXiv:1805.02867 (how two sums join).
    """

    def weigh(self, scores, mask):
        """Exponentials of the scores, relative to the largest."""
        # Not -inf: a block may have no pair present, and inf - inf is nan.
        scores = jnp.where(mask, scores, jnp.finfo(scores.dtype).min)
        top = jnp.max(scores)
        # At an inverse temperature of 0 no score is below another.
        weights = jnp.where(mask, self._exp(scores - top), 0)
        return (top, jnp.sum(weights)), weights

    def join(self, a, b):
        """Both relative to the larger of the largest scores."""
        top = jnp.maximum(a[0], b[0])
        shrink_a, shrink_b = self._exp(a[0] - top), self._exp(b[0] - top)
        return (top, shrink_a * a[1] + shrink_b * b[1]), shrink_a, shrink_b

    def from_top(self, exponent, top):
        """The exponential of a number, relative to the largest, as far as in range."""
        exponent = exponent - top * self.strength
        # Out of range, the derivative would be nan.
        info = jnp.finfo(exponent.dtype)
        low, high = (0.999 * np.log(float(x)) for x in (info.smallest_normal, info.max))
        return jnp.exp(jnp.clip(exponent, float(low), float(high)))

    def _exp(self, difference):
        """The exponential of a difference of scores."""
        assert self.strength is not None
        return jnp.exp(difference * self.strength)
