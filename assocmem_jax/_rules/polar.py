"""Polar rule: the correlation matrix with all singular values 1."""

from typing import ClassVar, TypeAlias

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._base.exact import unit_of
from .._core.about import About
from .._core.fold import Fold
from .._core.linear import AbstractLinear
from .._core.pairs import AbstractPairs, Pairs
from .._core.polar import polar_factor


Matrix: TypeAlias = Float[Array, "d v"]


class Polar(AbstractLinear[Matrix]):
    r"""Orthogonalized Hebbian memory, $\hat v = (U V^\top)^\top q$.

    $\sum_i k_i v_i^\top = U S V^\top$ is the memory of `DotProduct`, by singular
    values. With all of them 1, pairs that are stored often, or with large keys, no
    longer drown the others: the first step of the Muon optimizer from a zero matrix, on
    the loss of a linear memory. Directions that the sum does not reach, singular values
    up to $4 \epsilon \sqrt{\max(d, v)}$ times the largest, answer nothing.

    The memory is not linear in the values: none can be left undrawn in a study, and
    no closed form of its capacity is known. Derivatives are those at constant rank,
    also where singular values coincide; there is none where a change of the pairs
    raises the rank of their sum.

    References:
        Jordan et al. (2024), https://kellerjordan.github.io/posts/muon (the step).
        Bernstein & Newhouse (2024), arXiv:2409.20325, section 2.2 (the polar factor as
            steepest descent).
    """

    about: ClassVar[About] = About(
        formula="(U V^T)^T q with K^T V = U S V^T",
        write="about 2 n d v + 20 d^2 v",
        read="2 d v",
        state="d v",
        source="Bernstein & Newhouse (2024), arXiv:2409.20325",
    )

    def summarize(self, block: Pairs, fold: Fold) -> Matrix:
        """The correlation matrix of a block."""
        return fold.dot(block.keys.T, block.values)

    def solve(self, summary: Matrix, pairs: AbstractPairs, fold: Fold) -> Matrix:
        """The polar factor of the correlation matrix."""
        del pairs
        rtol = 4 * float(jnp.finfo(summary.dtype).eps) * max(summary.shape) ** 0.5
        unit = unit_of(summary)
        return polar_factor(summary * (1 / unit), rtol=rtol, fold=fold)
