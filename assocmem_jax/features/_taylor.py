"""Features of the first terms of an exponential."""

import jax.numpy as jnp

from ._features import AbstractFeatures
from ._monomials import Monomials


class Taylor(AbstractFeatures):
    r"""$[1, x, x x^\top / \sqrt 2]$, with $\phi(x) \cdot \phi(y) = 1 + s + s^2 / 2$.

    $s = x \cdot y$: the exponential of softmax attention to second order, positive for
    all scores. Of the square each of the d (d + 1) / 2 different products stands once.
    For an inverse temperature $\beta$, scale keys and queries by $\sqrt\beta$.

    References:
        Arora et al. (2024), arXiv:2402.18668, section 4.1 (Based).
    """

    def __call__(self, x):
        """1 + d + d (d + 1) / 2 features."""
        squares = Monomials(2)(x) * jnp.sqrt(jnp.asarray(0.5, x.dtype))
        return jnp.concatenate([jnp.ones((1,), x.dtype), x, squares])
