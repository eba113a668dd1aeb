"""Answers to one batch of queries, and the right values, as a metric gets them."""

import dataclasses

from jaxtyping import Array, Float

from .._core.fold import Fold
from .._core.pairs import Pairs


@dataclasses.dataclass(frozen=True)
class Answers:
    """Retrieved values, the right ones, and the pairs that were stored.

    Attributes:
        values: the right values.
        retrieved: the values that a rule answered, row by row.
        pairs: the stored pairs.
        fold: over the pairs, up to the number that is stored.
        success_cosine: the cosine above which an answer is a success.
    """

    values: Float[Array, "m v"]
    retrieved: Float[Array, "m v"]
    pairs: Pairs
    fold: Fold
    success_cosine: Float[Array, ""]
