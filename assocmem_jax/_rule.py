"""What a retrieval rule is."""

import abc
from typing import Generic, TypeVar

import equinox as eqx
from jaxtyping import Array, Float

from ._fold import Fold
from ._pairs import Pairs
from ._weights import Answer


Memory = TypeVar("Memory")


class AbstractRule(eqx.Module, Generic[Memory]):
    """A retrieval rule: what is stored, and how one query is answered.

    Rules are pure: `write` returns the memory, and nothing changes in place. Both
    methods see the stored pairs through `fold` alone.
    """

    @abc.abstractmethod
    def write(self, pairs: Pairs, fold: Fold = Fold()) -> Memory:
        """Everything that can be computed before the query is known."""

    @abc.abstractmethod
    def read(
        self, memory: Memory, query: Float[Array, " d"], fold: Fold = Fold()
    ) -> Answer:
        """The value retrieved for one query. Use `jax.vmap` for many."""
