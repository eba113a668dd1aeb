"""Epanechnikov kernel rule."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._base.checks import scalar
from .._core.about import About
from .._core.kernel import AbstractKernel


class Epanechnikov(AbstractKernel):
    r"""The mean of the values of all keys within $\sqrt{2 / \beta}$ of the query.

    A step of the log-sum-ReLU energy $-\log \sum_j (1 - \beta |q - k_j|^2 / 2)_+$, the
    kernel density of Epanechnikov's kernel. With r the radius and D the least distance
    between keys, a query closer than r and D - r to a key is answered by its value,
    exactly. Where no key is near, the answer is zero. The Gaussian kernel is
    `Softmax(beta / 2, similarity=similarities.SquaredEuclidean())`.

    Attributes:
        beta: inverse width $\beta$; keys within $\sqrt{2 / \beta}$ of the query
            count. 0 answers the mean of all values.

    Raises:
        ValueError: if `beta` is negative, NaN or infinite, or not one number.

    References:
        Hoover et al. (2025), arXiv:2506.10801 (the rule, and exact retrieval).
        Epanechnikov (1969), doi:10.1137/1114019 (the kernel).
    """

    about: ClassVar[About] = About(
        formula="mean of v_j over |q - k_j|^2 < 2 / beta",
        write="0",
        read="3 n d + 2 n v",
        state="n (d + v)",
        source="Hoover et al. (2025), arXiv:2506.10801",
    )
    beta: Float[Array, ""] = eqx.field(
        default=1.0, converter=scalar("Epanechnikov", "beta")
    )

    def slope(self, inside):
        """The same for all."""
        return jnp.ones_like(inside)
