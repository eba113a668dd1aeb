"""Polynomial (dense associative memory) rule."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from .._base.checks import as_int, check_count, check_flag
from .._core.about import About
from .._core.separation import AbstractSeparation


class Polynomial(AbstractSeparation):
    r"""Dense associative memory, $\hat v = V^\top (K q)^p$, entry by entry.

    Of degree 1 it is the dot product, or `ReLU` if rectified. The crosstalk of n random
    pairs falls as $(2 p - 1)!!\, n / d^p$, so about $d^p$ of them are held. An answer
    is about $d^p$ times the value; where weights are out of range, they are as large as
    numbers are, and the direction of the answer is right.

    Attributes:
        degree: p. An even one takes a key and its opposite for the same, unless
            rectified.
        rectified: whether a negative score has weight 0: twice as many pairs are held.

    Raises:
        TypeError: if `degree` is not a whole number, or `rectified` no boolean.
        ValueError: if `degree` is below 1.

    References:
        Krotov & Hopfield (2016), arXiv:1606.01164, eq. 6.
        Chen et al. (1986), doi:10.1063/1.36225 (correlations of higher order).
    """

    about: ClassVar[About] = About(
        formula="V^T (K q)^p",
        write="0",
        read="2 n (d + v)",
        state="n (d + v)",
        source="Krotov & Hopfield (2016), arXiv:1606.01164",
    )
    degree: int = eqx.field(static=True, converter=as_int)
    rectified: bool = eqx.field(default=False, static=True)

    def __check_init__(self):
        check_count("Polynomial", "degree", self.degree, 1)
        check_flag("Polynomial", "rectified", self.rectified)

    def weigh(self, scores, mask):
        """Powers of the scores, relative to that of the largest."""
        scores = jnp.where(mask, scores, 0)
        if self.rectified:
            scores = jax.nn.relu(scores)
        # No derivative is taken of what is multiplied back in the end.
        largest = jax.lax.stop_gradient(jnp.max(jnp.abs(scores)))
        return largest, self._power(scores, largest)

    def join(self, a, b):
        """Both relative to the larger of the largest scores."""
        largest = jnp.maximum(a, b)
        return largest, self._power(a, largest), self._power(b, largest)

    def normalizer(self, scale):
        """What makes the largest weight 1, as far as it is in range."""
        info = jnp.finfo(scale.dtype)
        inverse = self._power(jnp.ones_like(scale), scale)
        return jnp.clip(inverse, info.smallest_normal, info.max)

    def _power(self, x, largest):
        return (x / jnp.where(largest > 0, largest, 1)) ** self.degree
