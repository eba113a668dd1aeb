"""Tables: rows of which some are stored. A fold runs over them."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, Shaped

from .._base.checks import is_traced


# Not `Self`, which beartype knows in classes alone that it decorates as a whole.
Table = TypeVar("Table", bound="AbstractTable")


class AbstractTable(eqx.Module):
    """Arrays with one entry per row, and a mask that says which rows are stored.

    `Pairs` is a table; a rule that needs more of each pair, such as a rate of its own,
    folds over a table with another column.

    Attributes:
        mask: True where a row is stored. What else stands in a row that is not stored
            means nothing.
    """

    mask: eqx.AbstractVar[Bool[Array, " n"]]

    @property
    def num_rows(self) -> int:
        """Number of rows, stored or not."""
        return self.mask.shape[0]

    def present(self: Table) -> Table:
        """The same table, rows that are not stored set to zero."""

        def zeroed(x):
            mask = self.mask.reshape(-1, *[1] * (x.ndim - 1))
            return jnp.where(mask, x, jnp.zeros((), x.dtype))

        return jax.tree.map(zeroed, self)

    def between(
        self: Table, start: int | Int[Array, ""], stop: int | Int[Array, ""]
    ) -> Table:
        """The same table, only the rows from `start` to before `stop` stored."""
        index = jnp.arange(self.num_rows, dtype=jnp.int32)
        inside = (start <= index) & (index < stop)
        return eqx.tree_at(lambda table: table.mask, self, self.mask & inside)

    def rows(self, start: int | Int[Array, ""], size: int) -> Any:
        """The block of `size` rows from `start` on."""
        block = lambda x: jax.lax.dynamic_slice_in_dim(x, start, size)
        return jax.tree.map(block, self)

    def blocks(self, start: int, num: int, size: int) -> tuple[Any, Callable]:
        """Blocks of `size` rows from `start` on, as what a loop runs over.

        Returns:
            Arrays with a first axis of `num` blocks, and the function that makes a
            table of an entry.
        """
        split = lambda x: x.reshape(num, size, *x.shape[1:])
        return jax.tree.map(split, self.rows(start, num * size)), lambda rows: rows

    def take(self, index: Int[Array, " b"]) -> Any:
        """The rows of these numbers."""
        return jax.tree.map(lambda x: x[index], self)

    def count(self, stop: Int[Array, ""] | None) -> Int[Array, ""]:
        """Number of rows stored before `stop`; `None` is the end."""
        if stop is not None and self._all_stored:
            return jnp.clip(stop, 0, self.num_rows)
        before = self if stop is None else self.between(0, stop)
        return jnp.sum(before.mask, dtype=jnp.int32)

    @property
    def _all_stored(self) -> bool:
        """Whether it is known that all rows are stored."""
        return not is_traced(self.mask) and bool(np.asarray(self.mask).all())


def together(
    tables: Sequence[AbstractTable], start: int, num: int, size: int
) -> tuple[Any, Callable[[Any], list[Any]]]:
    """Blocks of several tables of one length, as `AbstractTable.blocks` of one."""
    given = [table.blocks(start, num, size) for table in tables]
    arrays, tables_of = zip(*given, strict=True)
    return arrays, lambda arrays: [
        of(x) for of, x in zip(tables_of, arrays, strict=True)
    ]


class Column(AbstractTable):
    """One more array with an entry for each row of a table.

    Attributes:
        entries: one for each row.
        mask: True where a row is stored.
    """

    entries: Shaped[Array, "n ..."]
    mask: Bool[Array, " n"]

    def moved(self, change: Any) -> "Column":
        """The derivatives of all entries along a change of the column."""
        if change.entries is None:
            return Column(jnp.zeros_like(self.entries), self.mask)
        return Column(change.entries, self.mask)
