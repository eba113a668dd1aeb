"""Pairs whose keys are mapped where they are looked at."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from .._base.exact import widened
from .pairs import AbstractPairs
from .table import AbstractTable


class LiftedPairs(AbstractPairs):
    """Pairs with a function of each key in place of the key.

    A fold maps them block by block, so that no more features are held than those of a
    block. Code that asks for the arrays gets them, all rows at once.

    Attributes:
        pairs: with keys as they are stored.
        rule: whose `lift` is the function.
    """

    pairs: AbstractPairs
    rule: Any

    def __init__(self, pairs: AbstractPairs, rule: Any):
        """Nothing is mapped yet."""
        self.pairs, self.rule = pairs, rule

    @property
    def num_rows(self) -> int:
        """Number of rows, stored or not."""
        return self.pairs.num_rows

    @property
    def mask(self) -> Bool[Array, " n"]:
        """True where a row is stored."""
        return self.pairs.mask

    @property
    def keys(self) -> Float[Array, "n d"]:
        """All lifted keys, zero where a row is not stored."""
        return self.present().keys

    @property
    def values(self) -> Float[Array, "n v"]:
        """All values."""
        return self.pairs.values

    @property
    def dimension(self) -> int:
        """Dimension of the lifted keys."""
        key = jax.ShapeDtypeStruct((self.pairs.dimension,), self.dtype)
        return jax.eval_shape(lambda key: self.rule.lift(key), key).shape[0]

    @property
    def value_dimension(self) -> int:
        """Dimension v of the values."""
        return self.pairs.value_dimension

    @property
    def dtype(self) -> Any:
        """The type of the keys."""
        return self.pairs.dtype

    def present(self) -> Any:
        """The lifted pairs, rows that are not stored set to zero."""
        rows = widened(self.pairs.present())
        return _with_keys(rows, jax.vmap(self.rule.lift)(rows.keys), rows.mask)

    def between(
        self, start: int | Int[Array, ""], stop: int | Int[Array, ""]
    ) -> "LiftedPairs":
        """The same table, only the rows from `start` to before `stop` stored."""
        return LiftedPairs(self.pairs.between(start, stop), self.rule)

    def rows(self, start: int | Int[Array, ""], size: int) -> Any:
        """The block of `size` rows from `start` on, not yet mapped."""
        return LiftedPairs(self.pairs.rows(start, size), self.rule)

    def blocks(self, start: int, num: int, size: int) -> tuple[Any, Callable]:
        """Blocks of rows, not yet mapped."""
        arrays, table_of = self.pairs.blocks(start, num, size)
        return arrays, lambda rows: LiftedPairs(table_of(rows), self.rule)

    def take(self, index: Int[Array, " b"]) -> Any:
        """The rows of these numbers, not yet mapped."""
        return LiftedPairs(self.pairs.take(index), self.rule)

    def count(self, stop: Int[Array, ""] | None) -> Int[Array, ""]:
        """Number of rows stored before `stop`; `None` is the end."""
        return self.pairs.count(stop)

    def moved(self, change: Any) -> Any:
        """The derivatives of all rows along a change of the table."""
        moved = self.pairs.moved(change.pairs)
        return _MovedPairs(self.pairs, moved, self.rule, change.rule)


class _MovedPairs(AbstractTable):
    """Derivatives of lifted pairs.

    Attributes:
        pairs: with keys as they are stored.
        moved: their derivatives.
        rule: whose `lift` is the function.
        change: the derivative of the rule.
    """

    pairs: AbstractPairs
    moved: Any
    rule: Any
    change: Any

    def __init__(self, pairs: AbstractPairs, moved: Any, rule: Any, change: Any):
        self.pairs, self.moved, self.rule, self.change = pairs, moved, rule, change

    @property
    def mask(self) -> Bool[Array, " n"]:
        return self.pairs.mask

    def present(self) -> Any:
        rows, moved = widened((self.pairs.present(), self.moved.present()))
        lifted = lambda rule, keys: jax.vmap(rule.lift)(keys)
        _, keys = eqx.filter_jvp(
            lifted, (self.rule, rows.keys), (self.change, moved.keys)
        )
        return _with_keys(moved, keys, rows.mask)

    def between(self, start, stop) -> "_MovedPairs":
        return self._of(lambda table: table.between(start, stop))

    def rows(self, start, size) -> Any:
        return self._of(lambda table: table.rows(start, size))

    def blocks(self, start: int, num: int, size: int) -> tuple[Any, Callable]:
        tables = self.pairs, self.moved
        given = [table.blocks(start, num, size) for table in tables]
        arrays, tables_of = zip(*given, strict=True)

        def rows(arrays):
            pairs, moved = (of(x) for of, x in zip(tables_of, arrays, strict=True))
            return _MovedPairs(pairs, moved, self.rule, self.change)

        return arrays, rows

    def _of(self, rows: Callable) -> "_MovedPairs":
        return _MovedPairs(rows(self.pairs), rows(self.moved), self.rule, self.change)


def _with_keys(rows: Any, keys: Float[Array, "b d"], mask: Bool[Array, " b"]) -> Any:
    """The rows with other keys, zero where they are not stored."""
    keys = jnp.where(mask[:, None], keys, jnp.zeros((), keys.dtype))
    return eqx.tree_at(lambda rows: rows.keys, rows, keys)
