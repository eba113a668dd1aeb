"""Separations with an inverse temperature."""

from typing import Any, TypeVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._base.checks import check_range
from .fold import Fold
from .rule import known
from .separation import AbstractSeparation


Tempered = TypeVar("Tempered", bound="AbstractTempered")


class AbstractTempered(AbstractSeparation):
    r"""A separation of scores times an inverse temperature, $\beta K q$.

    Only differences of scores count, and these may be far out of range where the answer
    is not. So the scores of a query are in the unit of its similarity, and differences
    of them are multiplied by $\beta$ times the unit.

    Attributes:
        beta: inverse temperature.
        strength: the inverse temperature times the unit of the scores of one query;
            known once the rule is prepared for it.
    """

    beta: eqx.AbstractVar[Float[Array, ""]]
    strength: Float[Array, ""] | None = eqx.field(
        default_factory=lambda: None, init=False, repr=False
    )

    def __check_init__(self):
        check_beta(self, self.beta)

    def prepare(
        self: Tempered, query: Float[Array, " d"], table: Any, fold: Fold
    ) -> Tempered:
        """The rule with the inverse temperature in the unit of a query."""
        del table, fold
        strength = held(self.beta, query.dtype) * self.similarity.unit(query)
        strength = jnp.minimum(strength, jnp.finfo(strength.dtype).max)
        return known(self, strength=strength)

    def scores(self, query, block, fold):
        """The scores in the unit of their similarity."""
        return self.similarity.in_unit(query, block.keys, fold.dot)


def check_beta(rule: Any, beta: Float[Array, "..."]) -> None:
    """Raise unless the inverse temperature or width of a rule is one."""
    advice = "Zero answers the mean of all values."
    check_range(type(rule).__name__, "beta", beta, advice)


def held(x: Any, dtype: Any) -> Float[Array, ""]:
    """A number in a type that may not reach as far."""
    x = jnp.asarray(x)
    largest = jnp.finfo(dtype).max
    if jnp.finfo(x.dtype).max > largest:
        x = jnp.minimum(x, largest.astype(x.dtype))
    return x.astype(dtype)
