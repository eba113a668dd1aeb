"""Patterns whose neighboring coordinates are correlated."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from .._base import random
from .._base.checks import scalar
from .._base.exact import rounded
from ._ensemble import AbstractEnsemble
from ._parameters import check_correlation


class Autoregressive(AbstractEnsemble):
    r"""An AR(1) sequence, $x_j = \rho x_{j-1} + \sqrt{1-\rho^2}\,\epsilon_j$.

    Stationary and normal, of mean zero, unit variance and covariance $\rho^{|j-k|}$.
    Also known as a Gauss-Markov or discrete Ornstein-Uhlenbeck process.

    Attributes:
        correlation: correlation $\rho$ of neighboring coordinates, above -1 and below
            1. Zero makes them independent.

    Raises:
        ValueError: if `correlation` is out of range or not one number.

    References:
        Box et al. (2015), Time Series Analysis, 5th ed., section 3.2.3.
    """

    correlation: Float[Array, ""] = eqx.field(
        converter=scalar("Autoregressive", "correlation")
    )

    def __check_init__(self):
        check_correlation(
            "Autoregressive",
            "correlation",
            self.correlation,
            "Use 0 for independent coordinates.",
        )

    def rows(
        self, rng: Key[Array, ""], index: Int[Array, " b"], d: int
    ) -> Float[Array, "b d"]:
        """The patterns at these indices, in float32, one per row."""
        correlation = self.correlation.astype(jnp.float32)
        step_std = jnp.sqrt((1 - correlation) * (1 + correlation))
        std = jnp.where(jnp.arange(d) == 0, 1, step_std)
        noise = rounded(std[None, :] * random.normal(rng, index, d))

        # Not a product with a triangular matrix: it costs d per number, and its
        # rounding depends on the number of rows.
        def step(last, noise):
            x = rounded(correlation * last) + noise
            return x, x

        _, x = jax.lax.scan(step, jnp.zeros_like(noise[:, 0]), noise.T)
        return x.T
