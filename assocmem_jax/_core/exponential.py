"""Separations by exponentials of scores, relative to the largest."""

import jax
import jax.numpy as jnp
import numpy as np

from .tempered import AbstractTempered


class AbstractExponential(AbstractTempered):
    r"""A separation by exponentials of scores, $e^{\beta s_j} / \sum_i e^{\beta s_i}$.

    The weights of some pairs are relative to their largest score, so that none is out
    of range.
    """

    def weigh(self, scores, mask):
        """Exponentials of the scores, relative to the largest."""
        # Not -inf: a block may have no pair present, and inf - inf is nan.
        lowest = jnp.finfo(scores.dtype).min
        # A constant to derivatives: no answer depends on it, and where scores are
        # computed twice, with other roundings, none of them may equal it.
        top = jax.lax.stop_gradient(jnp.max(jnp.where(mask, scores, lowest)))
        weights = jnp.exp(jnp.where(mask, self.exponent(scores - top), lowest))
        return (top, jnp.sum(weights)), weights

    def join(self, a, b):
        """Both relative to the larger of the largest scores."""
        top = jnp.maximum(a[0], b[0])
        shrink_a, shrink_b = (jnp.exp(self.exponent(x[0] - top)) for x in (a, b))
        return (top, shrink_a * a[1] + shrink_b * b[1]), shrink_a, shrink_b

    def normalizer(self, scale):
        """The sum of all weights."""
        return scale[1]

    def exponent(self, difference):
        """A difference of scores, times the inverse temperature."""
        assert self.strength is not None
        return difference * self.strength

    def from_top(self, exponent, top):
        """The exponential of a number, relative to the largest, as far as in range."""
        exponent = exponent - self.exponent(top)
        # Out of range, the derivative would be nan.
        info = jnp.finfo(exponent.dtype)
        low, high = (0.999 * np.log(float(x)) for x in (info.smallest_normal, info.max))
        return jnp.exp(jnp.clip(exponent, float(low), float(high)))
