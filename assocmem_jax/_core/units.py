"""A unit for stored keys, in which their squares are in range."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._base.exact import unit_of
from .fold import Fold


def key_unit(table: Any, fold: Fold) -> Float[Array, ""]:
    """A power of two near the largest entry of the keys of a table."""
    return unit_of(largest_key(table, fold))


def largest_key(table: Any, fold: Fold) -> Float[Array, ""]:
    """The largest entry of the keys of a table, a constant to derivatives."""
    # A loop over the pairs may have none backward.
    table = jax.lax.stop_gradient(table)
    largest = lambda block: jnp.max(jnp.abs(block.keys), initial=0)
    return fold(largest, jnp.maximum, table)
