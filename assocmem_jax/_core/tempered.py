"""Separations with an inverse temperature."""

from typing import Any, TypeVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._base.checks import check_range
from .._base.exact import unit_of
from .fold import Fold
from .separation import AbstractSeparation


Tempered = TypeVar("Tempered", bound="AbstractTempered")


class AbstractTempered(AbstractSeparation):
    r"""A separation of scores times an inverse temperature, $\beta K q$.

    Only differences of scores count, and these may be far out of range where the answer
    is not. So the scores of a query are in a unit of its own, a power of two, with
    which differences of them are multiplied.

    Attributes:
        beta: inverse temperature.
        unit: of the scores of one query; known once the rule is prepared for it.
    """

    beta: eqx.AbstractVar[Float[Array, ""]]
    unit: eqx.AbstractVar[Float[Array, ""] | None]

    def __check_init__(self):
        check_range(
            type(self).__name__,
            "beta",
            self.beta,
            "Zero answers the mean of all values.",
        )

    def prepare(
        self: Tempered, query: Float[Array, " d"], table: Any, fold: Fold
    ) -> Tempered:
        """The rule with the unit of the scores of a query."""
        del table, fold
        unit = unit_of(query) * unit_of(_held(self.beta, query.dtype))
        unit = jnp.minimum(unit, jnp.finfo(unit.dtype).max)
        return eqx.tree_at(
            lambda rule: rule.unit, self, unit, is_leaf=lambda x: x is None
        )

    def scores(self, query, block, fold):
        """Dot products times beta, in the unit."""
        beta = _held(self.beta, query.dtype)
        beta, query = beta / unit_of(beta), query / unit_of(query)
        return fold.dot(beta * query, block.keys.T)


def _held(x: Any, dtype: Any) -> Float[Array, ""]:
    """A number in a type that may not reach as far."""
    x = jnp.asarray(x)
    largest = jnp.finfo(dtype).max
    if jnp.finfo(x.dtype).max > largest:
        x = jnp.minimum(x, largest.astype(x.dtype))
    return x.astype(dtype)
