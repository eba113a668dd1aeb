"""Mean and spread of numbers that come in batches, without cancellation."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int


class Moments(eqx.Module):
    """Mean and spread of numbers, merged without cancellation.

    Attributes:
        mean: their mean.
        squares: sum of their squared deviations from the mean.

    References:
        Chan, Golub & LeVeque (1979), Stanford report CS-TR-79-773 (the updating
            formula of their title).
    """

    mean: Float[Array, "*cells metrics"]
    squares: Float[Array, "*cells metrics"]

    @staticmethod
    def of(
        x: Float[Array, "metrics m"], mask: Bool[Array, " m"], count: Int[Array, ""]
    ) -> "Moments":
        """The moments of each row of `x` where `mask` is True, `count` times."""
        # What is masked may be nan.
        weights = mask.astype(x.dtype)
        total = lambda x: jnp.matmul(
            jnp.where(mask[None], x, 0), weights, precision="highest"
        )
        mean = total(x) / jnp.maximum(count, 1).astype(x.dtype)
        return Moments(mean, total((x - mean[:, None]) ** 2))

    def merge(
        self, count: Int[Array, ""], other: "Moments", other_count: Int[Array, ""]
    ) -> "Moments":
        """The moments of both samples together, from their sizes."""
        dtype = self.mean.dtype
        total = jnp.maximum(count + other_count, 1).astype(dtype)
        share = other_count.astype(dtype) / total
        step = other.mean - self.mean
        squares = self.squares + other.squares + step**2 * (count.astype(dtype) * share)
        return Moments(self.mean + step * share, squares)


def deviation(
    squares: Float[np.ndarray, "*batch cells metrics"], count: Int[np.ndarray, " cells"]
) -> Float[np.ndarray, "*batch cells metrics"]:
    """Standard deviation, from the counts less one; 0 for a single number."""
    freedom = np.maximum(count - 1, 1).astype(squares.dtype)
    return np.sqrt(squares / freedom[:, None])
