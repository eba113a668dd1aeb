"""Minus the Manhattan distance as a similarity."""

import jax.numpy as jnp

from ._distance import AbstractDistance


class Manhattan(AbstractDistance):
    r"""Minus the Manhattan distance of query and key, $-\sum_f |q_f - k_f|$.

    Also known as the L1 or city-block distance. A softmax of it with inverse
    temperature $\beta$ is a kernel regression with the Laplace kernel
    $e^{-\beta |q - k|_1}$. A few coordinates that are far off count less than with
    squared distances: for queries with outliers.

    References:
        Millidge et al. (2022), arXiv:2202.04557 (similarity, separation, projection).
    """

    def of(self, difference):
        """The absolute value, with a derivative of zero at zero."""
        return jnp.maximum(difference, -difference)
