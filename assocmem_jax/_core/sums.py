r"""Sums with the weights of stored pairs.

An answer is a weighted sum of the stored values, $\hat v = \sum_j a_j v_j$: that is
`ValueSums`. Where values are independent of the keys, of independent coordinates from
N(0, 1), and nobody draws them, all that counts is the weight of the right value and the
sum of the squares of the others: that is `WeightSums`. A rule knows neither.
"""

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from .._base.exact import quotient, rounded, unit_of
from .fold import Fold
from .table import AbstractTable


class Weights(eqx.Module):
    """The weights that an answer gives to the values, as two numbers.

    Attributes:
        target: the weight of the right value, in the unit.
        noise: the sum of the squares of the other weights, in the unit squared.
        unit: a power of two, so that the squares are in range where the weights are.
            `None` is 1: they need not be in range.
    """

    target: Float[Array, "*batch"]
    noise: Float[Array, "*batch"]
    unit: Float[Array, "*batch"] | None


class AbstractSums(eqx.Module):
    """A linear function of the weights, or a square of one, summed block by block."""

    @abc.abstractmethod
    def of_block(self, weights: Float[Array, " b"], block: Any, fold: Fold) -> Any:
        """The sum over the rows of a block."""

    @abc.abstractmethod
    def add(self, a: Any, b: Any) -> Any:
        """The sum over two sets of rows from the sums over each."""

    @abc.abstractmethod
    def times(self, factor: Float[Array, ""], total: Any) -> Any:
        """The sum, had all weights been multiplied by a factor."""

    @abc.abstractmethod
    def over(self, total: Any, divisor: Float[Array, ""]) -> Any:
        """The sum, had all weights been divided by a divisor."""


class ValueSums(AbstractSums):
    """Weighted sums of values."""

    def of_block(self, weights, block, fold):
        return fold.dot(weights, block.values)

    def add(self, a, b):
        return a + b

    def times(self, factor, total):
        return factor * total

    def over(self, total, divisor):
        # An answer that is out of range keeps its direction.
        fixed, most = jax.lax.stop_gradient(total), float(jnp.finfo(total.dtype).max)
        least = jnp.max(jnp.abs(fixed), initial=0) / (0.9999 * most)
        return quotient(
            total, jnp.where(least < 1, jnp.maximum(divisor, least), divisor)
        )


class WeightSums(AbstractSums):
    """The weight of one row, and the sum of squares of all others.

    Attributes:
        target: the index of the row.
        unit: of the weights; `None` is 1.
    """

    target: Int[Array, ""]
    unit: Float[Array, ""] | None

    def of_block(self, weights, block, fold):
        del fold
        right = block.index == self.target
        if self.unit is not None:
            weights = weights * (1 / self.unit)
        others = jnp.where(block.mask & ~right, weights, 0)
        target = jnp.sum(jnp.where(block.mask & right, weights, 0))
        return Weights(target, jnp.sum(others**2), self.unit)

    def add(self, a, b):
        # There is none in a sum over no block.
        unit = None if self.unit is None else jnp.maximum(a.unit, b.unit)
        return Weights(a.target + b.target, a.noise + b.noise, unit)

    def times(self, factor, total):
        return Weights(factor * total.target, factor**2 * total.noise, total.unit)

    def over(self, total, divisor):
        unit = total.unit
        if unit is not None:
            # Not one quotient of what would be out of range.
            power = unit_of(divisor)
            divisor, unit = rounded(divisor / power), unit / power
        return Weights(total.target / divisor, total.noise / divisor**2, unit)


class IndexedKeys(AbstractTable):
    """Keys whose values nobody draws.

    Attributes:
        keys: what is asked for.
        index: the number of each row.
        mask: True where a key is stored.
    """

    keys: Float[Array, "n d"]
    index: Int[Array, " n"]
    mask: Bool[Array, " n"]
