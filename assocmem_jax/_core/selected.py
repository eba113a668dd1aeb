"""Separations that look at the pairs of the largest scores alone."""

import abc
import dataclasses
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .fold import Fold
from .largest import largest
from .rule import Looks
from .separation import AbstractSeparation


class AbstractSelected(AbstractSeparation):
    """A separation of the pairs of the largest scores; all others have weight 0.

    Where scores are equal, the pair that was stored first counts as the larger one. No
    derivative is taken of the choice.
    """

    looks: ClassVar[Looks] = "again"

    @property
    @abc.abstractmethod
    def num_largest(self) -> int:
        """How many pairs are selected. Fewer stored pairs are all selected."""

    def candidates(
        self, query: Float[Array, " d"], table: Any, fold: Fold
    ) -> tuple[Any, Fold]:
        """The selected rows, and a fold that takes them at once."""
        found = largest(self, self.num_largest, query, table, fold)
        n = table.num_rows
        index, here = found.index, found.stored
        if fold.axis_name is not None:
            index = index - jax.lax.axis_index(fold.axis_name) * n
            here &= (index >= 0) & (index < n)
        rows = table.take(jnp.clip(index, 0, n - 1))
        rows = eqx.tree_at(lambda x: x.mask, rows, rows.mask & here)
        return rows, dataclasses.replace(fold, block_size=None, stop=None)
