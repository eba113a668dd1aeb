"""Answers to one batch of queries, and the right values, as a metric gets them."""

import dataclasses
from typing import NamedTuple

from jaxtyping import Array, Float

from .._base.exact import widened
from .._core.fold import Fold
from .._core.pairs import AbstractPairs
from ._range import Score, in_range, marked


class Reference(NamedTuple):
    """What all stored values are seen from, whatever the load.

    Attributes:
        center: one of the values.
        unit: of all values, a power of two.
    """

    center: Float[Array, " v"]
    unit: Float[Array, ""]


@dataclasses.dataclass(frozen=True)
class Answers:
    """Retrieved values, the right ones, and the pairs that were stored.

    Attributes:
        values: the right values.
        retrieved: the values that a rule answered, row by row.
        pairs: the stored pairs.
        reference: what stored values are seen from, where answers are compared with all
            of them; else `None`.
        fold: over the pairs, up to the number that is stored.
        success_cosine: the cosine above which an answer is a success.
        careful: whether scores are right where squares are out of range; else they are
            nan there.
    """

    values: Float[Array, "m v"]
    retrieved: Float[Array, "m v"]
    pairs: AbstractPairs
    reference: Reference | None
    fold: Fold
    success_cosine: Float[Array, ""]
    careful: bool

    def score(self, score: Score) -> Float[Array, " m"]:
        """A score of the right and the retrieved values, one by one."""
        how = in_range if self.careful else marked
        return how(score, *widened((self.values, self.retrieved)))
