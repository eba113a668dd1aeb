"""Nearest-key rule."""

from typing import ClassVar

import jax.numpy as jnp

from .._core.about import About
from .._core.selected import AbstractSelected


class Nearest(AbstractSelected):
    r"""The value of the nearest key, $\hat v = v_j$ with $j = \arg\max_i k_i \cdot q$.

    The softmax at infinite $\beta$; a lookup table. Where scores are equal, the pair
    that was stored first is taken. With no pair stored, the answer is zero. Derivatives
    by keys and queries are zero.

    References:
        Cover & Hart (1967), doi:10.1109/TIT.1967.1053964 (nearest neighbors).
        Ramsauer et al. (2021), arXiv:2008.02217 (the softmax that it is the limit of).
    """

    about: ClassVar[About] = About(
        formula="the value of the largest k_j . q",
        write="0",
        read="2 n d",
        state="n (d + v)",
        source="Cover & Hart (1967), doi:10.1109/TIT.1967.1053964",
    )

    @property
    def num_largest(self):
        """One pair is selected."""
        return 1

    def weigh(self, scores, mask):
        """The value as it is."""
        del mask
        return None, jnp.ones_like(scores)
