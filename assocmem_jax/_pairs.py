"""Stored key-value pairs."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ._checks import ArrayLike, to_mask, to_real
from ._weights import UnitValues, Values


class Pairs(eqx.Module):
    """Key-value pairs (k_i, v_i), one pair per row.

    Attributes:
        keys: what is asked for.
        values: what is answered.
        mask: True where a pair is stored. A pair that is not stored contributes
            nothing, whatever numbers stand in its row.
    """

    keys: Float[Array, "n d"]
    values: Values
    mask: Bool[Array, " n"]

    def __init__(
        self,
        keys: ArrayLike,
        values: ArrayLike | UnitValues,
        mask: ArrayLike | None = None,
    ):
        """Convert and check the arrays.

        Args:
            keys: array of n rows.
            values: array of n rows, or unit vectors.
            mask: n booleans. `None` stores all pairs.

        Raises:
            TypeError: if keys or values are not real, or `mask` is not boolean.
            ValueError: if a shape does not fit.
        """
        self.keys = to_real("Pairs(keys=...)", keys, 2)
        if isinstance(values, UnitValues):
            self.values = values  # pyright: ignore[reportAttributeAccessIssue]
        else:
            self.values = to_real("Pairs(values=...)", values, 2)
        check_one_value_per_key("Pairs", self.keys, self.values)
        self.mask = to_mask("Pairs(mask=...)", mask, self.keys.shape[0])

    def present(self) -> "Pairs":
        """The same pairs, rows that are not stored set to zero."""
        zero = lambda x: jnp.where(self.mask[:, None], x, 0)
        if isinstance(self.values, UnitValues):
            values = UnitValues(
                jnp.where(self.mask, self.values.index, -1), self.values.target
            )
        else:
            values = zero(self.values)
        return eqx.tree_at(
            lambda p: (p.keys, p.values), self, (zero(self.keys), values)
        )

    def astype(self, dtype: jnp.dtype | type) -> "Pairs":
        """The same pairs in another floating-point type."""
        return Pairs(self.keys.astype(dtype), self.values.astype(dtype), self.mask)

    def between(self, start: Int[Array, ""], stop: Int[Array, ""]) -> "Pairs":
        """The same pairs, only the rows from `start` to before `stop` stored."""
        index = jnp.arange(self.mask.shape[0], dtype=stop.dtype)
        inside = (start <= index) & (index < stop)
        return eqx.tree_at(lambda p: p.mask, self, self.mask & inside)

    def rows(self, start: int | Int[Array, ""], size: int) -> "Pairs":
        """The block of `size` rows from `start` on."""
        block = lambda x: jax.lax.dynamic_slice_in_dim(x, start, size) if x.ndim else x
        return jax.tree.map(block, self)


def check_one_value_per_key(
    call: str, keys: Float[Array, "n d"], values: Float[Array, "n2 v"] | UnitValues
) -> None:
    """Raise unless there are as many values as keys."""
    if keys.shape[0] != values.shape[0]:
        raise ValueError(
            f"`{call}(keys=..., values=...)` needs one value per key, got "
            f"{keys.shape[0]} keys and {values.shape[0]} values. Pass arrays with one "
            "row per pair."
        )
