"""Softmax (modern Hopfield) rule."""

from typing import ClassVar

import equinox as eqx
from jaxtyping import Array, Float

from .._base.checks import scalar
from .._core.about import About
from .._core.exponential import AbstractExponential


class Softmax(AbstractExponential):
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
