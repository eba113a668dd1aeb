"""Separations by a kernel of the distance between query and key."""

import abc
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ..similarities import AbstractSimilarity, SquaredEuclidean
from .separation import AbstractSeparation
from .tempered import check_beta, held


class AbstractKernel(AbstractSeparation):
    r"""A separation by the slope of a kernel $\kappa$ of $x = \beta |q - k|^2 / 2$.

    The stored keys, a kernel around each, make a density; a step towards where it is
    larger is the mean of the keys with weights $-\kappa'(x)$, and values take their
    place in the answer. Weights are divided by their sum. Where the support of no
    kernel holds the query, the answer is zero. (No rule has the triangle, 1 minus the
    distance: its slope in x is infinite at a key. The slope of a Gaussian kernel is the
    kernel: `Softmax(beta / 2, similarity=SquaredEuclidean())`.)

    Attributes:
        beta: inverse width; the support of a kernel is a ball of radius
            $\sqrt{2 / \beta}$.
        similarity: $-2 x / \beta$, by default $-|q - k|^2$. Of another one the largest
            score should be 0, that of a key that is the query.

    References:
        Hoover et al. (2025), arXiv:2506.10801 (the energy -log of the density).
        Cheng (1995), doi:10.1109/34.400568 (mean shift: weights are slopes).
    """

    beta: eqx.AbstractVar[Float[Array, ""]]
    similarity: AbstractSimilarity = eqx.field(
        default=SquaredEuclidean(), kw_only=True, converter=lambda x: x
    )

    def __check_init__(self):
        check_beta(self, self.beta)

    @abc.abstractmethod
    def slope(self, inside: Float[Array, " b"]) -> Float[Array, " b"]:
        r"""The weight $-\kappa'$ up to a factor, from 1 - x, which is positive."""

    def weigh(
        self, scores: Float[Array, " b"], mask: Bool[Array, " b"]
    ) -> tuple[Any, Float[Array, " b"]]:
        """The sum of the weights of a block, and these."""
        inside = 1 + scores * (held(self.beta, scores.dtype) / 2)
        seen = mask & (inside > 0)
        weights = jnp.where(seen, self.slope(jnp.where(seen, inside, 1)), 0)
        return jnp.sum(weights), weights

    def join(self, a: Any, b: Any) -> tuple[Any, Any, Any]:
        """The sum of all weights."""
        return a + b, None, None

    def normalizer(self, scale: Any) -> Float[Array, ""]:
        """The sum of all weights."""
        return scale
