"""Normmax (sparse modern Hopfield) rule."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._base.checks import check_above, scalar
from .._core.about import About
from .._core.tempered import held
from .._core.thresholded import AbstractThresholded


class Normmax(AbstractThresholded):
    r"""Sparse Hopfield retrieval, $\hat v = V^\top \gamma\text{-normmax}(\beta K q)$.

    The weights are those of largest $p \cdot s - |p|_\gamma$ that sum to 1:
    $p = u / \sum_j u_j$ with $u_j = (s_j - \tau)_+^{1 / (\gamma - 1)}$ and $\tau$ such
    that $\sum_j u_j^\gamma = 1$. Where the best score is ahead by 1, its value is the
    answer, exactly, whatever $\gamma$. The larger $\gamma$, the more equal are the
    weights of all that count. $\tau$ is found by a pass over the pairs for each of some
    ten steps. Derivatives of first order are right, others are not. With no pair
    stored, it answers zero.

    Attributes:
        beta: inverse temperature $\beta$. 0 answers the mean of all values.
        gamma: the order $\gamma$ of the norm.

    Raises:
        ValueError: if `beta` is negative, NaN or infinite, `gamma` is not above 1, or
            either is not one number.

    References:
        Santos et al. (2024), arXiv:2402.13725 (the rule, and the margin).
        Blondel et al. (2020), arXiv:1901.02324 (norm entropies).
    """

    about: ClassVar[About] = About(
        formula="V^T normmax(beta K q, gamma)",
        write="0",
        read="about 24 n d + 2 n v",
        state="n (d + v)",
        source="Santos et al. (2024), arXiv:2402.13725",
    )
    beta: Float[Array, ""] = eqx.field(default=1.0, converter=scalar("Normmax", "beta"))
    gamma: Float[Array, ""] = eqx.field(
        default=2.0, converter=scalar("Normmax", "gamma")
    )

    def __check_init__(self):
        advice = "The larger it is, the more equal are the weights."
        check_above("Normmax", "gamma", self.gamma, 1.0, advice)

    @property
    def curvature(self):
        r"""The power $(\gamma - 1) / \gamma$ of $u^\gamma$."""
        return (self.gamma - 1) / self.gamma

    def weight(self, amounts):
        r"""The numbers u, of which the amounts are $u^\gamma$."""
        positive = amounts > 0
        logs = jnp.log(jnp.where(positive, amounts, 1))
        return jnp.where(positive, jnp.exp(logs / held(self.gamma, logs.dtype)), 0)

    def normalizer(self, scale):
        """The sum of the numbers u."""
        return scale
