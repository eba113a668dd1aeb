"""Minus the squared Euclidean distance as a similarity."""

import jax.numpy as jnp

from .._base.exact import rounded, unit_of
from ._distance import AbstractDistance


class SquaredEuclidean(AbstractDistance):
    r"""Minus the squared distance of query and key, $-|q - k|^2$.

    A softmax of it with inverse temperature $\beta$ is a kernel regression with the
    Gaussian kernel of width $(2 \beta)^{-1/2}$, $e^{-|q - k|^2 / (2 w^2)}$ with
    $\beta = 1 / (2 w^2)$. Where all keys have one norm, it is a softmax of the dot
    product with inverse temperature $2 \beta$; where norms differ, those of the keys
    count against the product and not for it: the key that is the query scores highest.

    References:
        Millidge et al. (2022), arXiv:2202.04557 (similarity, separation, projection).
        Nadaraya (1964), doi:10.1137/1109020 (kernel regression).
    """

    def of(self, difference):
        """The square."""
        return rounded(difference * difference)

    def length(self, query):
        """One, but for queries whose squares are far out of range."""
        return jnp.maximum(unit_of(query) * 2.0**-50, 1)
