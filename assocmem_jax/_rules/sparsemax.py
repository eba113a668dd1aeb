"""Sparsemax (sparse modern Hopfield) rule."""

from typing import ClassVar

import equinox as eqx
from jaxtyping import Array, Float

from .._base.checks import scalar
from .._core.about import About
from .._core.thresholded import AbstractThresholded


class Sparsemax(AbstractThresholded):
    r"""Sparse Hopfield retrieval, $\hat v = V^\top \mathrm{sparsemax}(\beta K q)$.

    The weights are the point of the simplex nearest to the scores,
    $p_j = \max(s_j - \tau, 0)$ with $\tau$ such that they sum to 1. Keys whose scores
    are far below the best have weight 0: where the best is ahead by 1, its value is the
    answer, exactly. $\tau$ is found by Newton's method, a pass over the pairs for each
    step, about ten. With no pair stored, it answers zero.

    Attributes:
        beta: inverse temperature $\beta$. 0 answers the mean of all values; larger is
            closer to the value of the key with the largest score. In training nothing
            checks it: a rule that holds the exponential of a parameter keeps it
            positive.

    Raises:
        ValueError: if `beta` is negative, NaN or infinite, or not one number.

    References:
        Hu et al. (2023), arXiv:2309.12673 (the rule).
        Martins & Astudillo (2016), arXiv:1602.02068, proposition 1 (sparsemax).
        Michelot (1986), doi:10.1007/BF00938486 (the steps, which end after at most n).
    """

    about: ClassVar[About] = About(
        formula="V^T sparsemax(beta K q)",
        write="0",
        read="about 24 n d + 2 n v",
        state="n (d + v)",
        source="Hu et al. (2023), arXiv:2309.12673",
    )
    beta: Float[Array, ""] = eqx.field(
        default=1.0, converter=scalar("Sparsemax", "beta")
    )
