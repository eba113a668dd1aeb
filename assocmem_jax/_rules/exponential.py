"""Exponential (dense associative memory) rule."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._base.checks import scalar
from .._core.about import About
from .._core.exponential import AbstractExponential


class Exponential(AbstractExponential):
    r"""Exponential dense memory, $\hat v = V^\top \exp(\beta K q)$.

    `Softmax` without its normalizer: the direction of an answer is the same, its size
    is not, so a sum over parts of the pairs is the sum of their answers. Where weights
    are out of range (above e^79 in float32), the largest is as large as leaves the
    answer finite, and the direction of the answer is right.

    Attributes:
        beta: inverse temperature $\beta$. 0 answers the sum of all values.

    Raises:
        ValueError: if `beta` is negative, NaN or infinite, or not one number.

    References:
        Demircigil et al. (2017), arXiv:1702.01929, eq. 4.
    """

    about: ClassVar[About] = About(
        formula="V^T exp(beta K q)",
        write="0",
        read="2 n (d + v)",
        state="n (d + v)",
        source="Demircigil et al. (2017), arXiv:1702.01929",
    )
    beta: Float[Array, ""] = eqx.field(
        default=1.0, converter=scalar("Exponential", "beta")
    )

    def normalizer(self, scale):
        """What makes the largest weight 1, as far as it is in range."""
        top, _ = scale
        # An answer that is divided by it has room for sums, in float32 of thousands.
        return self.from_top(jnp.zeros_like(top), top, share=0.9)
