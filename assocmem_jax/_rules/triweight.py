"""Triweight kernel rule."""

from typing import ClassVar

import equinox as eqx
from jaxtyping import Array, Float

from .._base.checks import scalar
from .._core.about import About
from .._core.kernel import AbstractKernel


class Triweight(AbstractKernel):
    r"""Retrieval by the triweight kernel, weights $(1 - \beta |q - k_j|^2 / 2)_+^2$.

    A step of the energy $-\log \sum_j (1 - \beta |q - k_j|^2 / 2)_+^3$, divided by the
    sum of the weights. As `Epanechnikov`, it is exact where one key alone is near, and
    zero where none is; its derivatives by keys and queries have no jumps.

    Attributes:
        beta: inverse width $\beta$; keys within $\sqrt{2 / \beta}$ of the query
            count. 0 answers the mean of all values.

    Raises:
        ValueError: if `beta` is negative, NaN or infinite, or not one number.

    References:
        Hoover et al. (2025), arXiv:2506.10801 (memories from kernels).
    """

    about: ClassVar[About] = About(
        formula="sum of w_j v_j / sum of w_j, w_j = (1 - beta |q - k_j|^2 / 2)_+^2",
        write="0",
        read="3 n d + 2 n v",
        state="n (d + v)",
        source="Hoover et al. (2025), arXiv:2506.10801",
    )
    beta: Float[Array, ""] = eqx.field(
        default=1.0, converter=scalar("Triweight", "beta")
    )

    def slope(self, inside):
        """A square."""
        return inside**2
