"""Deterministic parameter-free projection."""

import equinox as eqx
import jax
import jax.numpy as jnp

from .._base.checks import as_int, check_size
from .._base.errors import ArgumentError
from ._features import AbstractFeatures


class DPFP(AbstractFeatures):
    r"""Products of rectified coordinates, $\phi_{i + s D}(x) = r_i r_{i + s}$.

    $r = \max([x, -x], 0)$ has 2 d entries in a ring, and s goes from 1 to the order
    $\nu$: $2 d \nu$ sparse, positive features. They keep
    $\min(2 d \nu, 2 d (d - 1))$ keys apart (`theory.dpfp_rank`): orders of d and more
    repeat others, or are zero.

    Attributes:
        order: $\nu$, from 1 to 2 d - 1.

    Raises:
        TypeError: if `order` is not a whole number.
        ValueError: if it is below 1, or, where the dimension of keys is seen, above
            2 d - 1.

    References:
        Schlag, Irie & Schmidhuber (2021), arXiv:2102.11174, eq. 37.
    """

    order: int = eqx.field(default=1, static=True, converter=as_int)

    def __check_init__(self):
        check_size("DPFP", "order", self.order)

    def __call__(self, x):
        """As many features as 2 d times the order."""
        if self.order >= 2 * len(x):
            raise ArgumentError(
                "DPFP",
                "order",
                f"must be at most 2 d - 1 = {2 * len(x) - 1}, got {self.order}",
                "From d on, orders add no feature that is not there already.",
            )
        r = jax.nn.relu(jnp.concatenate([x, -x]))
        shifts = range(1, self.order + 1)
        return jnp.concatenate([r * jnp.roll(r, -shift) for shift in shifts])
