"""Count, mean and spread of numbers, merged without cancellation."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


class Moments(eqx.Module):
    """Count, mean and spread of numbers, merged without cancellation.

    Attributes:
        count: how many were seen.
        mean: their mean.
        squares: sum of their squared deviations from the mean.

    References:
        Chan, Golub & LeVeque (1979), Stanford report CS-TR-79-773 (the updating
            formula of their title).
    """

    count: Float[Array, "*cells"]
    mean: Float[Array, "*cells metrics"]
    squares: Float[Array, "*cells metrics"]

    @staticmethod
    def none(cells: tuple[int, ...], metrics: int, dtype: jnp.dtype) -> "Moments":
        """The moments of no number, in every cell."""
        zeros = jnp.zeros((*cells, metrics), dtype)
        return Moments(zeros[..., 0], zeros, zeros)

    @staticmethod
    def of(x: Float[Array, "metrics m"], mask: Bool[Array, " m"]) -> "Moments":
        """The moments of each row of `x`, where `mask` is True."""
        # What is masked may be nan, and nan times a weight of zero is nan.
        x, weights = jnp.where(mask[None], x, 0), mask.astype(x.dtype)
        total = lambda x: jnp.matmul(x, weights, precision="highest")
        count, *sums = total(jnp.concatenate([jnp.ones_like(x[:1]), x]))
        mean = jnp.stack(sums) / jnp.maximum(count, 1)
        return Moments(count, mean, total((x - mean[:, None]) ** 2))

    def merge(self, other: "Moments") -> "Moments":
        """The moments of both samples together."""
        count = self.count + other.count
        share = other.count / jnp.maximum(count, 1)
        step = other.mean - self.mean
        squares = self.squares + other.squares + step**2 * (self.count * share)
        return Moments(count, self.mean + step * share, squares)

    @property
    def std(self) -> Float[Array, "*cells metrics"]:
        """Standard deviation, from the count less one; 0 for a single number."""
        return (self.squares / (self.count - 1).clip(1)[..., None]) ** 0.5
