"""Separations by exponentials of scores, relative to the largest."""

import jax
import jax.numpy as jnp
import numpy as np

from .tempered import AbstractTempered


class AbstractExponential(AbstractTempered):
    r"""A separation with weights $e^{\beta s_j}$, relative to the largest of them.

    The scale is the largest score, in the unit of scores, and the sum of all weights,
    which answers are divided by unless a rule has another normalizer.

    References:
        Milakov & Gimelshein (2018), arXiv:1805.02867 (how two sums join).
    """

    def weigh(self, scores, mask):
        """Exponentials of the scores, relative to the largest."""
        # Not -inf: a block may have no pair present, and inf - inf is nan.
        lowest = jnp.finfo(scores.dtype).min
        # A constant to derivatives: no answer depends on it, and where scores are
        # computed twice, with other roundings, none of them may equal it.
        top = jax.lax.stop_gradient(jnp.max(jnp.where(mask, scores, lowest)))
        weights = self.weights(scores, mask, top)
        return (top, jnp.sum(weights)), weights

    def join(self, a, b):
        """Both relative to the larger of the largest scores."""
        top = jnp.maximum(a[0], b[0])
        shrink_a, shrink_b = (jnp.exp(self.exponent(x[0] - top)) for x in (a, b))
        return (top, shrink_a * a[1] + shrink_b * b[1]), shrink_a, shrink_b

    def normalizer(self, scale):
        """The sum of all weights."""
        return scale[1]

    def weights(self, scores, mask, top):
        """Exponentials of the scores, relative to the largest; zero of absent pairs."""
        lowest = jnp.finfo(scores.dtype).min
        return jnp.exp(jnp.where(mask, self.exponent(scores - top), lowest))

    def exponent(self, difference):
        """A difference of scores, times the inverse temperature."""
        assert self.strength is not None
        return difference * self.strength

    def from_top(self, exponent, top, share=0.98):
        """The exponential of a number, relative to the largest, as far as in range.

        The range is a share of the exponents of the type.
        """
        exponent = exponent - self.exponent(top)
        # Out of range, the derivative would be nan.
        most = share * float(np.log(float(jnp.finfo(exponent.dtype).max)))
        return jnp.exp(jnp.clip(exponent, -most, most))
