"""Covariance rule: the dot product of keys and queries from their mean."""

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._base.exact import rounded, widened
from .._core.about import About
from .._core.fold import Fold
from .._core.linear import AbstractLinear, LeftFactor
from .._core.pairs import AbstractPairs, Pairs
from .._core.rule import known


class CovarianceMemory(eqx.Module):
    r"""What the covariance rule stores.

    Attributes:
        weights: the sum of $(k_i - \bar k) v_i^\top$.
        center: the mean $\bar k$ of the keys.
    """

    weights: Float[Array, "d v"]
    center: Float[Array, " d"]


class Covariance(AbstractLinear[CovarianceMemory]):
    r"""Covariance rule, $\hat v = \sum_j ((k_j - \bar k) \cdot (q - \bar k)) v_j$.

    The Hebbian rule of keys and queries from the mean $\bar k$ of the stored keys. What
    all keys have in common, as sparse patterns and positive features do, gives all
    pairs a large weight in `DotProduct`, and none here. With one pair stored, it
    answers zero.

    References:
        Sejnowski (1977), doi:10.1007/BF00275079 (covariance of activities).
        Tsodyks & Feigelman (1988), doi:10.1209/0295-5075/6/2/002, eq. 2.
    """

    about: ClassVar[About] = About(
        formula="V^T (K - mean K) (q - mean K)",
        write="2 n d v",
        read="2 d v",
        state="d v",
        source="Tsodyks & Feigelman (1988), doi:10.1209/0295-5075/6/2/002",
    )
    # The first key that is stored: sums of differences from it lose no digits to what
    # keys share, and do not depend on how many are stored later. Known once the rule is
    # prepared.
    origin: Float[Array, " d"] | None = eqx.field(
        default_factory=lambda: None, init=False, repr=False
    )

    def prepare(self, pairs: AbstractPairs, fold: Fold) -> "Covariance":
        """The rule with the first key, for a point near the others."""

        def first(block):
            row = jnp.argmax(block.mask)
            return block.mask[row], jnp.where(block.mask[row], block.keys[row], 0)

        earlier = lambda a, b: (a[0] | b[0], jnp.where(a[0], a[1], b[1]))
        # A constant to derivatives: answers do not depend on it.
        _, origin = fold(first, earlier, jax.lax.stop_gradient(pairs))
        return known(self, origin=origin)

    def summarize(self, block: Pairs, fold: Fold) -> Any:
        """Sums of products, of keys, of values, and of ones."""
        keys = self._from_origin(block)
        products = fold.dot(keys.T, block.values)
        return (
            products,
            *map(_sum, (keys, block.values, block.mask.astype(keys.dtype))),
        )

    def solve(self, summary: Any, pairs: AbstractPairs, fold: Fold) -> CovarianceMemory:
        """The products from the mean of the keys."""
        del pairs, fold
        products, keys, values, count = summary
        mean = rounded(keys * (1 / jnp.maximum(count, 1)))
        # Merged with the difference, a product would be rounded otherwise in some
        # programs than in others.
        weights = products - rounded(mean[:, None] * values[None])
        return CovarianceMemory(weights, mean + self._known_origin)

    def left(self, gram: Array, pairs: AbstractPairs, fold: Fold) -> LeftFactor:
        """The identity, from the mean of the keys."""
        del gram
        sums = lambda block: _sum(self._from_origin(block))
        count = jnp.maximum(fold.count(pairs), 1)
        mean = fold(sums, jnp.add, pairs)
        center = mean / count.astype(mean.dtype) + self._known_origin
        # Summed again: less the product of the mean, the other lost digits to it.
        differences = lambda block: jnp.where(
            block.mask[:, None], block.keys - center[None], 0
        )
        squares = lambda x: fold.dot(x.T, x)
        gram = fold(lambda block: squares(differences(block)), jnp.add, pairs)
        return LeftFactor(None, gram, center=center)

    def read(
        self,
        memory: CovarianceMemory,
        query: Float[Array, " d"],
        fold: Fold = Fold(),
    ) -> Float[Array, " v"]:
        """The query from the mean of the keys, times the weights."""
        answer = fold.dot(widened(query) - memory.center, memory.weights)
        return answer.astype(query.dtype)

    def _from_origin(self, block: Pairs) -> Float[Array, "b d"]:
        """The keys from the origin, zero where no pair is stored."""
        return jnp.where(block.mask[:, None], block.keys - self._known_origin[None], 0)

    @property
    def _known_origin(self) -> Float[Array, " d"]:
        if self.origin is None:
            raise RuntimeError("the rule is not prepared")
        return self.origin


def _sum(x: Float[Array, "b ..."]) -> Float[Array, "..."]:
    return jnp.sum(x, axis=0)
