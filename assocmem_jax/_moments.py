"""Mean and spread of numbers that come in batches, without cancellation."""

import itertools

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ._random import rounded


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
        total = lambda x: _total(jnp.where(mask[None], x, 0))
        mean = total(x) / jnp.maximum(count, 1).astype(x.dtype)
        deviation = x - mean[:, None]
        return Moments(mean, total(rounded(deviation * deviation)))

    def merge(
        self, count: Int[Array, ""], other: "Moments", other_count: Int[Array, ""]
    ) -> "Moments":
        """The moments of both samples together, from their sizes."""
        dtype = self.mean.dtype
        total = jnp.maximum(count + other_count, 1).astype(dtype)
        share = other_count.astype(dtype) / total
        step = other.mean - self.mean
        between = rounded(rounded(step * step) * (count.astype(dtype) * share))
        squares = self.squares + other.squares + between
        return Moments(self.mean + rounded(step * share), squares)


def _total(x: Float[Array, "metrics m"]) -> Float[Array, " metrics"]:
    """Sums of the rows, in an order of its own.

    The order in which `jnp.sum` or a product adds up depends on what is around it: the
    number of rows, or a batch of trials.
    """
    while (m := x.shape[1]) > 1:
        # Many at a time, as each step is a loop to compile.
        part = -(-m // 32)
        x = jnp.pad(x, ((0, 0), (0, -m % part)))
        parts = [x[:, i : i + part] for i in range(0, x.shape[1], part)]
        while len(parts) > 1:
            pairs = itertools.zip_longest(parts[::2], parts[1::2])
            parts = [a if b is None else a + b for a, b in pairs]
        (x,) = parts
    return x[:, 0]


def deviation(
    squares: Float[np.ndarray, "*batch cells metrics"], count: Int[np.ndarray, " cells"]
) -> Float[np.ndarray, "*batch cells metrics"]:
    """Standard deviation, from the counts less one; 0 for a single number."""
    freedom = np.maximum(count - 1, 1).astype(squares.dtype)
    return np.sqrt(squares / freedom[:, None])
