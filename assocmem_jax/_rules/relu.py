"""ReLU rule."""

from typing import ClassVar

import jax

from .._core.about import About
from .._core.separation import AbstractSeparation


class ReLU(AbstractSeparation):
    r"""Rectified retrieval, $\hat v = V^\top \max(K q, 0)$.

    The rectified polynomial of degree 1, as in the dense associative memories. Half of
    the keys, those that point away from the query, are silent.

    References:
        Krotov & Hopfield (2016), arXiv:1606.01164.
    """

    about: ClassVar[About] = About(
        formula="V^T max(K q, 0)",
        write="0",
        read="2 n (d + v)",
        state="n (d + v)",
        source="Krotov & Hopfield (2016), arXiv:1606.01164",
    )

    def weigh(self, scores, mask):
        """The positive part of the scores."""
        del mask
        return None, jax.nn.relu(scores)
