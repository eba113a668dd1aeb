"""Rule of sparse subsets of k pairs."""

from typing import ClassVar

import equinox as eqx
from jaxtyping import Array, Float

from .._base.checks import as_int, check_count, scalar
from .._core.about import About
from .._core.thresholded import AbstractThresholded


class KSubset(AbstractThresholded):
    r"""Retrieval of k patterns at once, $\hat v = \sum_j \min(s_j - \tau, 1)_+ v_j$.

    The weights are the point nearest to the scores $s = \beta K q$ of all that lie
    between 0 and 1 and sum to k. Where the k best scores are ahead by 1, the answer is
    the sum of their values, exactly; for k = 1 it is `Sparsemax`. Of k stored pairs or
    fewer, it is the sum of all values. $\tau$ is found by a pass over the pairs for
    each of some ten steps.

    Attributes:
        beta: inverse temperature $\beta$. 0 answers k times the mean of all values.
        k: how many patterns are answered.

    Raises:
        TypeError: if `k` is not a whole number.
        ValueError: if `beta` is negative, NaN or infinite, or not one number, or `k` is
            below 1.

    References:
        Santos et al. (2024), arXiv:2402.13725 (the rule, and the margin).
        Niculae et al. (2018), arXiv:1802.04223 (SparseMAP).
    """

    about: ClassVar[About] = About(
        formula="V^T min(max(beta K q - tau, 0), 1), weights sum to k",
        write="0",
        read="about 24 n d + 2 n v",
        state="n (d + v)",
        source="Santos et al. (2024), arXiv:2402.13725",
    )
    beta: Float[Array, ""] = eqx.field(default=1.0, converter=scalar("KSubset", "beta"))
    k: int = eqx.field(default=2, static=True, converter=as_int)

    def __check_init__(self):
        check_count("KSubset", "k", self.k, 1)

    @property
    def num_largest(self):
        """What the weights sum to."""
        return self.k
