r"""Values that nobody draws, and what answers make of them in expectation.

An answer is a weighted sum of the stored values, $\hat v = \sum_j a_j v_j$. For values
of independent coordinates from N(0, 1) all that counts is the weight of the right value
and the sum of the squares of the others. A rule yields both when the stored values are
the unit vectors: value j, the j-th of n, is never made, and sums of values are kept as
those two numbers. Rules need not know: they meet values in `Fold.dot`, sums, multiples
and quotients alone.
"""

from typing import TYPE_CHECKING, Any, TypeAlias

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


class Weights(eqx.Module):
    """A sum of unit vectors with weights, as two numbers.

    Attributes:
        target: the weight of the right one.
        noise: the sum of the squares of the other weights.
    """

    target: Float[Array, "*batch"]
    noise: Float[Array, "*batch"]

    def __add__(self, other: "Weights") -> "Weights":
        """The sum with one of other unit vectors."""
        return Weights(self.target + other.target, self.noise + other.noise)

    def __mul__(self, factor: Float[Array, ""]) -> "Weights":
        """A multiple."""
        return Weights(self.target * factor, self.noise * factor**2)

    __rmul__ = __mul__

    def __truediv__(self, divisor: Float[Array, ""]) -> "Weights":
        """A quotient."""
        return Weights(self.target / divisor, self.noise / divisor**2)


class UnitValues(eqx.Module):
    """Unit vectors as the stored values: value j is the j-th of n.

    Attributes:
        index: j, or -1 where no pair is stored.
        target: j of the right value.
    """

    index: Int[Array, " n"]
    target: Int[Array, ""]

    @property
    def shape(self) -> tuple[int, int]:
        """Number of values, and their dimension."""
        return len(self.index), len(self.index)

    def aimed(self, target: Int[Array, ""], key: Float[Array, " d"]) -> "UnitValues":
        """The same, asked for one of them."""
        del key
        return UnitValues(self.index, target)

    def sum(self, weights: Float[Array, "*rows n"], fold: Any) -> Any:
        """What they sum up to; for rows of weights that multiply keys, the memory."""
        if weights.ndim == 2:
            return LinearMemory(None, fold.dot(weights, weights.T), None)
        stored, right = self.index >= 0, self.index == self.target
        target = jnp.sum(jnp.where(right, weights, 0))
        return Weights(target, jnp.sum(jnp.where(stored & ~right, weights, 0) ** 2))


class LinearMemory(eqx.Module):
    r"""The memory $M = L K^\top V$ of a linear rule whose values are unit vectors.

    Attributes:
        left: F with $L = F F^\top$; `None` is the identity.
        gram: $F^\top K^\top K F$; `None` is the projector of rank up to d under which
            the rows of F lie.
        key: the key of the right value, once one is asked for.
    """

    left: Float[Array, "d r"] | None
    gram: Float[Array, "r r"] | None
    key: Float[Array, " d"] | None

    def __add__(self, other: "LinearMemory") -> "LinearMemory":
        """The memory of these pairs and of others."""
        assert self.gram is not None and other.gram is not None
        return LinearMemory(self.left, self.gram + other.gram, self.key)

    def aimed(self, target: Int[Array, ""], key: Float[Array, " d"]) -> "LinearMemory":
        """The same, asked for one pair."""
        del target
        return LinearMemory(self.left, self.gram, key)

    def sum(self, query: Float[Array, " d"], fold: Any) -> Weights:
        """The weights that a query gives to the values."""
        whiten = lambda x: x if self.left is None else fold.dot(x, self.left)
        query, key = whiten(query), whiten(self.key)
        spread = query if self.gram is None else fold.dot(query, self.gram)
        target = jnp.sum(query * key)
        # Of all weights, less the right one: what remains is not below the rounding.
        return Weights(target, jnp.maximum(jnp.sum(query * spread) - target**2, 0))


# To a type checker these are arrays: a caller meets nothing else.
if TYPE_CHECKING:
    Values: TypeAlias = Array
    Answer: TypeAlias = Array
    Matrix: TypeAlias = Array
else:
    Values = Float[Array, "n v"] | UnitValues
    Answer = Float[Array, " v"] | Weights
    Matrix = Float[Array, "d v"] | LinearMemory
