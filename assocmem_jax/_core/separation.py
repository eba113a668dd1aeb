"""Rules that weigh values by the scores of their keys."""

import abc
from typing import Any, ClassVar, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from .._base.errors import ArgumentTypeError
from .._base.exact import unit_of, widened
from ..similarities import AbstractSimilarity, Dot
from .fold import Fold
from .pairs import Pairs
from .rule import AbstractRule, Looks
from .sums import AbstractSums, IndexedKeys, ValueSums, WeightSums


# Not `Self`, which beartype knows in classes alone that it decorates as a whole.
Separation = TypeVar("Separation", bound="AbstractSeparation")


class AbstractSeparation(AbstractRule[Pairs]):
    r"""A rule that weighs values by a function of the scores of their keys.

    The answer is $\hat v = \sum_j a_j v_j / c$, where the weights $a_j$ come from the
    scores of the keys, and the normalizer c from all of them. A rule says what the
    weights of some pairs are, and, where they are relative to something, how those of
    two sets of pairs go together. It never sees a value: what is summed with the
    weights belongs to those who call it.

    The stored pairs are the memory, and `weigh` is all that a rule must define:

        class Cubic(AbstractSeparation):
            def weigh(self, scores, mask):
                return None, scores**3

    Attributes:
        looks: "once", or "again" where it prepares for a query.
        similarity: what the score of a key is. Every separation takes it by name.

    Raises:
        TypeError: if `similarity` is none.

    References:
        Millidge et al. (2022), arXiv:2202.04557 (similarity, separation, projection).
    """

    looks: ClassVar[Looks] = "once"
    # With a converter, what is no similarity reaches the check that says so.
    similarity: AbstractSimilarity = eqx.field(
        default=Dot(), kw_only=True, converter=lambda x: x
    )

    def __check_init__(self):
        if not isinstance(self.similarity, AbstractSimilarity):
            raise ArgumentTypeError(
                type(self).__name__,
                "similarity",
                f"must be a similarity, got {self.similarity!r}",
                "Pass something like `similarities.Cosine()`.",
            )

    def __init_subclass__(cls, **options: Any):
        super().__init_subclass__(**options)
        for name in ("write", "read"):
            if getattr(cls, name) is not getattr(AbstractSeparation, name):
                raise TypeError(
                    f"`{cls.__name__}.{name}` must not be defined, got a separation "
                    "that defines it. Derive from `AbstractRule` to say how pairs are "
                    "stored and read."
                )

    @classmethod
    def _may_look(cls) -> tuple[Looks, ...]:
        return ("once", "again")

    @abc.abstractmethod
    def weigh(
        self, scores: Float[Array, " b"], mask: Bool[Array, " b"]
    ) -> tuple[Any, Float[Array, " b"]]:
        """The scale and the weights of a block of pairs.

        Args:
            scores: of the keys of the block.
            mask: True where a pair is stored. The others must not count in the scale;
                their weights are not used.

        Returns:
            The scale: whatever the weights are relative to, arrays of a size that does
            not depend on the block; `None` where they are relative to nothing. And one
            weight per pair.
        """

    def join(self, a: Any, b: Any) -> tuple[Any, Any, Any]:
        """The scale of two sets of pairs from those of each, the earlier one first.

        Returns:
            The scale, and the factors that make the weights of the first and of the
            second set relative to it; `None` leaves weights as they are.
        """
        del a, b
        return None, None, None

    def normalizer(self, scale: Any) -> Float[Array, ""] | None:
        """What the sum of values is divided by in the end; `None`: nothing."""
        del scale

    def prepare(
        self: Separation, query: Float[Array, " d"], table: Any, fold: Fold
    ) -> Separation:
        """The rule for one query, after a look at all scores: a threshold, for example.

        Such a rule declares `looks = "again"`. The scores of a block are
        `self.scores(query, block, fold)`.
        """
        del query, table, fold
        return self

    def candidates(
        self, query: Float[Array, " d"], table: Any, fold: Fold
    ) -> tuple[Any, Fold]:
        """The rows that can have a weight, and a fold over them: by default all.

        A rule that selects rows for a query declares `looks = "again"`.
        """
        del query
        return table, fold

    def scores(
        self, query: Float[Array, " d"], block: Any, fold: Fold
    ) -> Float[Array, " b"]:
        """The score of each key of a block: how alike it is to the query."""
        return self.similarity.scores(query, block.keys, fold.dot)

    def weigh_keys(
        self, query: Float[Array, " d"], block: Any, fold: Fold
    ) -> tuple[Any, Float[Array, " b"]]:
        """The scale and the weights of the keys of a block.

        By default those that `weigh` gives to their scores. A rule whose weights depend
        on more of a key than its score says here how.
        """
        scores = self.scores(query, block, fold)
        scale, weights = self.weigh(scores, block.mask)
        if weights.shape != scores.shape:
            raise ValueError(
                f"`{type(self).__name__}.weigh(scores, mask)` must return a scale and "
                f"one weight per score, got weights of shape {weights.shape} for "
                f"scores of shape {scores.shape}."
            )
        return scale, weights

    def write(self, pairs: Pairs, fold: Fold = Fold()) -> Pairs:
        """The pairs themselves."""
        del fold
        return pairs

    def read(
        self, memory: Pairs, query: Float[Array, " d"], fold: Fold = Fold()
    ) -> Float[Array, " v"]:
        """The values, weighted by a function of the scores of their keys."""
        answer = weighted(self, ValueSums(), query, memory, fold)
        return answer.astype(memory.values.dtype)


def weighted(
    rule: AbstractSeparation,
    sums: AbstractSums,
    query: Float[Array, " d"],
    table: Any,
    fold: Fold,
) -> Any:
    """Sums with the weights that a rule gives to the rows of a table."""
    query = widened(query)
    rule = rule.prepare(query, table, fold)
    table, fold = rule.candidates(query, table, fold)
    return _normalized(rule, sums, fold(*_loop(rule, sums, query, fold), table))


def weighted_prefixes(
    rule: AbstractSeparation,
    sums: AbstractSums,
    query: Float[Array, " d"],
    table: Any,
    fold: Fold,
    stops: Int[Array, " stops"],
    first: Int[Array, ""] | int,
) -> Any:
    """The same for the first rows of a table, at many stops in one pass.

    Where the stop is before `first`, the sums are zero.
    """
    query = widened(query)
    rule = rule.prepare(query, table, fold)
    loop = _loop(rule, sums, query, fold)
    out = fold.prefixes(*loop, table, stops=stops, first=first)
    return jax.vmap(lambda out: _normalized(rule, sums, out))(out)


def weight_sums(
    rule: AbstractSeparation,
    query: Float[Array, " d"],
    key: Float[Array, " d"],
    target: Int[Array, ""],
    fold: Fold,
    careful: bool = True,
) -> WeightSums:
    """The sums of the weights of a query: of the row of a key, and of the others.

    With care, their unit is about the largest weight of the keys that are as long as
    the key: of the most alike to the query, or of the least.
    """
    if not careful:
        return WeightSums(target, None)
    ends, stored = rule.similarity.ends(query, key), jnp.ones(2, bool)
    table = IndexedKeys(ends, jnp.stack([target, target]), stored)
    prepared = rule.prepare(query, table, fold)
    _, weights = prepared.weigh_keys(query, table, fold)
    return WeightSums(target, unit_of(weights))


def _loop(rule: AbstractSeparation, sums: AbstractSums, query: Any, fold: Fold):
    """What is computed of a block, and how two blocks are merged."""

    def of_block(block):
        scale, weights = rule.weigh_keys(query, block, fold)
        if scale is not None and type(rule).join is AbstractSeparation.join:
            raise ValueError(
                f"`{type(rule).__name__}.join(a, b)` must be defined where `weigh` "
                "returns a scale, got none. It says how the scales of two blocks go "
                "together; return `None, scores` from `weigh` where there is no scale."
            )
        return scale, sums.of_block(weights, block, fold)

    def merge(a, b):
        scale, *factors = rule.join(a[0], b[0])
        parts = [
            total if factor is None else sums.times(factor, total)
            for factor, (_, total) in zip(factors, (a, b), strict=True)
        ]
        return scale, sums.add(*parts)

    return of_block, merge


def _normalized(rule: AbstractSeparation, sums: AbstractSums, out: Any) -> Any:
    scale, total = out
    divisor = rule.normalizer(scale)
    if divisor is None:
        return total
    # Zero where no pair is stored, and where a prefix is not asked for.
    return sums.over(total, jnp.where(divisor != 0, divisor, jnp.ones_like(divisor)))
