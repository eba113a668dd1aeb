"""ReLU rule."""

import jax

from .._core.separation import AbstractSeparation


class ReLU(AbstractSeparation):
    r"""Rectified retrieval, $\hat v = V^\top \max(K q, 0)$.

    The rectified polynomial of degree 1, as in the dense associative memories. Half of
    the keys, those that point away from the query, are silent.

    References:
        Krotov & Hopfield (2016), arXiv:1606.01164.
    """

    def weigh(self, scores, mask):
        """The positive part of the scores."""
        del mask
        return None, jax.nn.relu(scores)
