"""Entmax (sparse modern Hopfield) rule."""

from typing import ClassVar

import equinox as eqx
from jaxtyping import Array, Float

from .._base.checks import check_above, scalar
from .._core.about import About
from .._core.thresholded import AbstractThresholded


class Entmax(AbstractThresholded):
    r"""Sparse Hopfield retrieval, $\hat v = V^\top \alpha\text{-entmax}(\beta K q)$.

    The weights are $p_j = [(\alpha - 1) s_j - \tau]_+^{1 / (\alpha - 1)}$ with $\tau$
    such that they sum to 1: those of largest $p \cdot s$ plus Tsallis entropy of order
    $\alpha$. For $\alpha$ near 1 it is `Softmax`, for 2 `Sparsemax`. Where the best
    score is ahead by $1 / (\alpha - 1)$, its value is the answer, exactly. $\tau$ is
    found by a pass over the pairs for each of some ten steps, more where $\alpha$ is
    above 2. Derivatives of first order are right, others are not. With no pair stored,
    it answers zero.

    Attributes:
        beta: inverse temperature $\beta$. 0 answers the mean of all values.
        alpha: $\alpha$; larger is sparser.

    Raises:
        ValueError: if `beta` is negative, NaN or infinite, `alpha` is not above 1, or
            either is not one number.

    References:
        Peters et al. (2019), arXiv:1905.05702, eq. 10 (entmax).
        Santos et al. (2024), arXiv:2402.13725 (the rule, and the margin).
    """

    about: ClassVar[About] = About(
        formula="V^T entmax(beta K q, alpha)",
        write="0",
        read="about 24 n d + 2 n v",
        state="n (d + v)",
        source="Santos et al. (2024), arXiv:2402.13725",
    )
    beta: Float[Array, ""] = eqx.field(default=1.0, converter=scalar("Entmax", "beta"))
    alpha: Float[Array, ""] = eqx.field(
        default=1.5, converter=scalar("Entmax", "alpha")
    )

    def __check_init__(self):
        advice = "The limit of 1 is `Softmax()`."
        check_above("Entmax", "alpha", self.alpha, 1.0, advice)

    @property
    def curvature(self):
        r"""The power $\alpha - 1$."""
        return self.alpha - 1

    @property
    def gain(self):
        r"""The factor $\alpha - 1$ of the scores."""
        return self.alpha - 1

    def normalizer(self, scale):
        """The sum of all weights: 1, but for rounding."""
        return scale
