"""Stored key-value pairs."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from .._base.arrays import to_mask, to_real
from .._base.checks import ArrayLike
from .._base.errors import ArgumentError
from .table import AbstractTable


class AbstractPairs(AbstractTable):
    """Key-value pairs, one pair per row, held in arrays or not.

    Attributes:
        keys: what is asked for.
        values: what is answered.
    """

    keys: eqx.AbstractVar[Float[Array, "n d"]]
    values: eqx.AbstractVar[Float[Array, "n v"]]

    @property
    def dimension(self) -> int:
        """Dimension d of the keys."""
        return self.keys.shape[1]

    @property
    def value_dimension(self) -> int:
        """Dimension v of the values."""
        return self.values.shape[1]

    @property
    def dtype(self) -> Any:
        """The type of the keys."""
        return self.keys.dtype

    def moved(self, change: Any) -> Any:
        """The derivatives of all rows along a change of the table.

        Args:
            change: a table of the same structure, `None` where nothing changes.
        """
        zeros = lambda x, dx: jnp.zeros_like(x) if dx is None else dx
        keys = zeros(self.keys, change.keys)
        return Pairs(keys, zeros(self.values, change.values), self.mask)


class Pairs(AbstractPairs):
    """Key-value pairs (k_i, v_i), one pair per row.

    Attributes:
        keys: what is asked for.
        values: what is answered.
        mask: True where a pair is stored. A pair that is not stored contributes
            nothing, whatever numbers stand in its row.
    """

    keys: Float[Array, "n d"]
    values: Float[Array, "n v"]
    mask: Bool[Array, " n"]

    def __init__(
        self, keys: ArrayLike, values: ArrayLike, mask: ArrayLike | None = None
    ):
        """Convert and check the arrays.

        Args:
            keys: array of n rows.
            values: array of n rows.
            mask: n booleans. `None` stores all pairs.

        Raises:
            TypeError: if keys or values are not real, or `mask` is not boolean.
            ValueError: if a shape does not fit.
        """
        self.keys = to_real("Pairs", "keys", keys, 2)
        self.values = to_real("Pairs", "values", values, 2)
        check_one_value_per_key("Pairs", self.keys, self.values)
        self.mask = to_mask("Pairs", "mask", mask, self.keys.shape[0])

    def astype(self, dtype: Any) -> "Pairs":
        """The same pairs in another floating-point type."""
        return Pairs(self.keys.astype(dtype), self.values.astype(dtype), self.mask)


def check_one_value_per_key(
    function: str, keys: Float[Array, "n d"], values: Float[Array, "n2 v"]
) -> None:
    """Raise unless there are as many values as keys."""
    if keys.shape[0] != values.shape[0]:
        raise ArgumentError(
            function,
            ("keys", "values"),
            f"needs one value per key, got {keys.shape[0]} keys and {values.shape[0]} "
            "values",
            "Pass arrays with one row per pair.",
        )
