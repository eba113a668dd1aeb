"""Tables whose rows are made where they are needed."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .pairs import AbstractPairs
from .table import AbstractTable


class DrawnPairs(AbstractPairs):
    """Pairs of which each is a function of its number, and none is stored.

    A fold draws them block by block, so memory does not grow with their number. Code
    that asks for the arrays gets them, all rows at once.

    Attributes:
        draw: from numbers of rows to a table of these rows, all stored.
        end: number of rows.
        start: rows before this one are absent.
        stop: rows from this one on are absent.
    """

    draw: Callable[[Int[Array, " b"]], AbstractTable]
    end: int = eqx.field(static=True)
    start: Int[Array, ""]
    stop: Int[Array, ""]

    def __init__(self, draw: Callable[[Int[Array, " b"]], AbstractTable], end: int):
        """All rows are stored."""
        self.draw, self.end = draw, end
        self.start, self.stop = jnp.int32(0), jnp.int32(end)

    @property
    def num_rows(self) -> int:
        """Number of rows, stored or not."""
        return self.end

    @property
    def mask(self) -> Bool[Array, " n"]:
        """True where a row is stored."""
        return self._stored(jnp.arange(self.end, dtype=jnp.int32))

    @property
    def keys(self) -> Float[Array, "n d"]:
        """All keys, zero where a row is not stored."""
        return self._whole().keys

    @property
    def values(self) -> Float[Array, "n v"]:
        """All values, zero where a row is not stored."""
        return self._whole().values

    @property
    def dimension(self) -> int:
        """Dimension d of the keys."""
        return self._like.keys.shape[1]

    @property
    def value_dimension(self) -> int:
        """Dimension v of the values."""
        return self._like.values.shape[1]

    @property
    def dtype(self) -> Any:
        """The type of the keys."""
        return self._like.keys.dtype

    def present(self) -> "DrawnPairs":
        """The same table: rows that are not stored are zero in every block."""
        return self

    def between(
        self, start: int | Int[Array, ""], stop: int | Int[Array, ""]
    ) -> "DrawnPairs":
        """The same table, only the rows from `start` to before `stop` stored."""
        bounds = jnp.maximum(self.start, start), jnp.minimum(self.stop, stop)
        return eqx.tree_at(lambda table: (table.start, table.stop), self, bounds)

    def rows(self, start: int | Int[Array, ""], size: int) -> Any:
        """The block of `size` rows from `start` on, drawn."""
        return self.take(start + jnp.arange(size, dtype=jnp.int32))

    def take(self, index: Int[Array, " b"]) -> Any:
        """The rows of these numbers, drawn."""
        # Fused with what looks at them, sums would come in another order than of rows
        # that are held.
        rows = jax.lax.optimization_barrier(self.draw(index))
        return eqx.tree_at(lambda x: x.mask, rows, self._stored(index))

    def count(self, stop: Int[Array, ""] | None) -> Int[Array, ""]:
        """Number of rows stored before `stop`; `None` is the end."""
        stop = self.stop if stop is None else jnp.minimum(self.stop, stop)
        return jnp.maximum(stop - self.start, 0)

    def _stored(self, index: Int[Array, " b"]) -> Bool[Array, " b"]:
        return (self.start <= index) & (index < self.stop)

    def _whole(self) -> Any:
        return self.rows(0, self.end).present()

    @property
    def _like(self) -> Any:
        """The shapes of a row."""
        return jax.eval_shape(self.draw, np.zeros(1, np.int32))
