"""Pairs as a rule sees them, made of the stored ones where they are looked at."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from .._base.exact import widened
from .pairs import AbstractPairs
from .table import AbstractTable, Column, together


class SeenPairs(AbstractPairs):
    """What a linear rule makes of its pairs, by its method `see`.

    A fold makes it block by block, so that no more is held than that of a block. Code
    that asks for the arrays gets them, all rows at once.

    Attributes:
        pairs: as they are stored.
        columns: what the rule holds of each pair.
        rule: the rule.
    """

    pairs: AbstractPairs
    columns: tuple[Column, ...]
    rule: Any

    def __init__(self, pairs: AbstractPairs, columns: tuple[Column, ...], rule: Any):
        """Nothing is made yet."""
        self.pairs, self.columns, self.rule = pairs, columns, rule

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
        """All keys, zero where a row is not stored."""
        return self.present().keys

    @property
    def values(self) -> Float[Array, "n v"]:
        """All values, zero where a row is not stored."""
        return self.present().values

    @property
    def dimension(self) -> int:
        """Dimension of the keys that the rule sees."""
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
        """What the rule sees, rows that are not stored set to zero."""
        rows, columns = widened(_present(self.pairs, self.columns))
        block = self.rule.see(rows, *(column.entries for column in columns))
        return _stored(block, (block.keys, block.values), rows.mask)

    def between(
        self, start: int | Int[Array, ""], stop: int | Int[Array, ""]
    ) -> "SeenPairs":
        """The same table, only the rows from `start` to before `stop` stored."""
        return self._of(lambda table: table.between(start, stop))

    def rows(self, start: int | Int[Array, ""], size: int) -> Any:
        """The block of `size` rows from `start` on, not yet made."""
        return self._of(lambda table: table.rows(start, size))

    def take(self, index: Int[Array, " b"]) -> Any:
        """The rows of these numbers, not yet made."""
        return self._of(lambda table: table.take(index))

    def blocks(self, start: int, num: int, size: int) -> tuple[Any, Callable]:
        """Blocks of rows, not yet made."""
        arrays, tables_of = together((self.pairs, *self.columns), start, num, size)

        def rows(arrays):
            pairs, *columns = tables_of(arrays)
            return SeenPairs(pairs, tuple(columns), self.rule)

        return arrays, rows

    def count(self, stop: Int[Array, ""] | None) -> Int[Array, ""]:
        """Number of rows stored before `stop`; `None` is the end."""
        return self.pairs.count(stop)

    def moved(self, change: Any) -> Any:
        """The derivatives of all rows along a change of the table."""
        columns = [
            column.moved(x)
            for column, x in zip(self.columns, change.columns, strict=True)
        ]
        return _MovedPairs(
            self, self.pairs.moved(change.pairs), tuple(columns), change.rule
        )

    def _of(self, rows: Callable) -> "SeenPairs":
        columns = tuple(rows(column) for column in self.columns)
        return SeenPairs(rows(self.pairs), columns, self.rule)


class _MovedPairs(AbstractTable):
    """Derivatives of what a rule sees.

    Attributes:
        seen: the pairs.
        moved: derivatives of the pairs as they are stored.
        columns: those of the columns.
        change: the one of the rule.
    """

    seen: SeenPairs
    moved: Any
    columns: tuple[Any, ...]
    change: Any

    def __init__(self, seen: SeenPairs, moved: Any, columns: tuple, change: Any):
        self.seen, self.moved = seen, moved
        self.columns, self.change = columns, change

    @property
    def mask(self) -> Bool[Array, " n"]:
        return self.seen.mask

    def present(self) -> Any:
        rows, columns = widened(_present(self.seen.pairs, self.seen.columns))
        moved, changes = widened(_present(self.moved, self.columns))

        def seen(rule, keys, values, entries):
            block = eqx.tree_at(lambda x: (x.keys, x.values), rows, (keys, values))
            block = rule.see(block, *entries)
            return block.keys, block.values

        entries = lambda columns: tuple(column.entries for column in columns)
        given = self.seen.rule, rows.keys, rows.values, entries(columns)
        along = self.change, moved.keys, moved.values, entries(changes)
        _, parts = eqx.filter_jvp(seen, given, along)
        return _stored(moved, parts, rows.mask)

    def between(self, start, stop) -> "_MovedPairs":
        return self._of(lambda table: table.between(start, stop))

    def rows(self, start, size) -> Any:
        return self._of(lambda table: table.rows(start, size))

    def blocks(self, start: int, num: int, size: int) -> tuple[Any, Callable]:
        tables = self.seen, self.moved, *self.columns
        arrays, tables_of = together(tables, start, num, size)

        def rows(arrays):
            seen, moved, *columns = tables_of(arrays)
            return _MovedPairs(seen, moved, tuple(columns), self.change)

        return arrays, rows

    def _of(self, rows: Callable) -> "_MovedPairs":
        columns = tuple(rows(column) for column in self.columns)
        return _MovedPairs(rows(self.seen), rows(self.moved), columns, self.change)


def _present(pairs: Any, columns: tuple) -> tuple[Any, tuple]:
    return pairs.present(), tuple(column.present() for column in columns)


def _stored(rows: Any, parts: tuple[Array, Array], mask: Bool[Array, " b"]) -> Any:
    """Rows with other keys and values, zero where they are not stored."""
    zeroed = lambda x: jnp.where(mask[:, None], x, jnp.zeros((), x.dtype))
    parts = zeroed(parts[0]), zeroed(parts[1])
    return eqx.tree_at(lambda rows: (rows.keys, rows.values), rows, parts)
