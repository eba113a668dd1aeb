"""Rules whose memory is a sum over pairs, and then a solve."""

import abc
import operator
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .._base.errors import ArgumentError
from .._base.exact import rounded, unit_of
from .fold import Fold
from .pairs import AbstractPairs, Pairs
from .rule import AbstractRule, Looks, Memory
from .seen import SeenPairs
from .sums import Weights
from .table import Column


class LeftFactor(eqx.Module):
    r"""The matrix $L = F F^\top$ of a linear memory $M = L K^\top V$.

    Attributes:
        factor: F; `None` is the identity.
        gram: $F^\top K^\top K F$; `None` is the projector, of rank up to d, under which
            the rows of F lie.
        center: what keys and queries are taken from, if not zero.
        total: the vector whose product with a query all weights of the answer are
            divided by, if any. Where the product is zero, they are.
    """

    factor: Float[Array, "d r"] | None
    gram: Float[Array, "r r"] | None
    center: Float[Array, " d"] | None = None
    total: Float[Array, " d"] | None = None

    def weights(
        self,
        query: Float[Array, " d"],
        key: Float[Array, " d"],
        fold: Fold,
        careful: bool = True,
    ) -> Weights:
        """The weights that the answer to a query gives to the value of a key.

        With care they are in a unit, so that squares are in range.
        """
        if self.center is not None:
            query, key = query - self.center, key - self.center
        weights = self._undivided(query, key, fold, careful)
        if self.total is None:
            return weights
        total, unit = self.total, weights.unit
        if unit is not None:
            # In units, so that the quotient is in range where it is.
            units = unit_of(query), unit_of(total)
            query, total = query * (1 / units[0]), total * (1 / units[1])
            unit = unit / units[0] / units[1]
        share = fold.dot(query, total)
        inverse = jnp.where(share != 0, 1 / jnp.where(share != 0, share, 1), 0)
        return Weights(weights.target * inverse, weights.noise * inverse**2, unit)

    def _undivided(
        self, query: Array, key: Array, fold: Fold, careful: bool
    ) -> Weights:
        whiten = lambda x: x if self.factor is None else fold.dot(x, self.factor)
        query, key, unit = whiten(query), whiten(key), None
        if careful:
            units = unit_of(query), unit_of(key)
            query, key = query * (1 / units[0]), key * (1 / units[1])
            unit = units[0] * units[1]
        spread = query if self.gram is None else fold.dot(query, self.gram)
        if careful:
            spread = spread / units[1] / units[1]
        target, squares = jnp.sum(query * key), jnp.sum(query * spread)
        # Of all weights, less the right one: what remains is not below the rounding.
        noise = jnp.maximum(squares - rounded(target * target), 0)
        # A Gram matrix that is out of range tells nothing.
        told = (squares > 0) & (squares < jnp.inf) | (target == 0)
        return Weights(target, jnp.where(told, noise, jnp.nan), unit)


# Not `Self`, which beartype knows in classes alone that it decorates as a whole.
Linear = TypeVar("Linear", bound="AbstractLinear")


class AbstractLinear(AbstractRule[Memory]):
    r"""A rule whose answer is linear in the query: $\hat v = M^\top q$.

    What the memory needs of the pairs is summed up block by block (`summarize`), and
    solved for once (`solve`). By default the sum itself is the memory, the matrix M.

    Attributes:
        looks: "memory".
    """

    looks: ClassVar[Looks] = "memory"

    def __init_subclass__(cls, **options: Any):
        super().__init_subclass__(**options)
        if cls.write is not AbstractLinear.write:
            raise TypeError(
                f"`{cls.__name__}.write` must not be defined, got a linear rule that "
                "defines it. Say in `summarize` and `solve` how pairs are stored, or "
                "derive from `AbstractRule`."
            )

    @classmethod
    def _may_look(cls) -> tuple[Looks, ...]:
        return ("memory",)

    def lift(self, x: Float[Array, " d"]) -> Float[Array, " D"]:
        """What the rule sees of a key or query, before all else: by default itself.

        All that it is given, but for the query of `read`, is of lifted keys.
        """
        return x

    def columns(self) -> tuple[Array, ...]:
        """What the rule holds of each pair: arrays with an entry for each, if any.

        The first entry is of the first pair. Where pairs are spread over devices, in
        equal shares, each device takes the part of its own.
        """
        return ()

    def see(self, block: Pairs, *columns: Array) -> Any:
        """What the rule makes of a block of pairs, and of its part of the columns.

        `summarize` is given it, and `solve` in place of the pairs.
        """
        del columns
        keys = jax.vmap(self.lift)(block.keys)
        return eqx.tree_at(lambda block: block.keys, block, keys)

    @abc.abstractmethod
    def summarize(self, block: Pairs, fold: Fold) -> Any:
        """The summary of a block of pairs. Absent rows arrive as zeros."""

    def prepare(self: Linear, pairs: AbstractPairs, fold: Fold) -> Linear:
        """The rule for some pairs, after a look at all of them: a unit, for example."""
        del pairs, fold
        return self

    def merge(self, a: Any, b: Any) -> Any:
        """The summary of two sets of pairs from theirs, the earlier one first."""
        return jax.tree.map(operator.add, a, b)

    @property
    def has_left(self) -> bool:
        """Whether `left` is defined, for values that nobody draws."""
        return type(self).left is not AbstractLinear.left

    @property
    def has_order(self) -> bool:
        """Whether the order of pairs may count: where summaries are not added up."""
        return type(self).merge is not AbstractLinear.merge

    def solve(self, summary: Any, pairs: AbstractPairs, fold: Fold) -> Memory:
        """The memory.

        Args:
            summary: of all stored pairs; `None` where `solves_alone` are not exceeded.
            pairs: the pairs.
            fold: over the pairs.
        """
        del pairs, fold
        return summary

    def solves_alone(self, pairs: AbstractPairs, fold: Fold) -> int:
        """Number of pairs up to which `solve` looks at the pairs, and at no summary."""
        del pairs, fold
        return 0

    def left(
        self, gram: Float[Array, "d d"], pairs: AbstractPairs, fold: Fold
    ) -> LeftFactor:
        r"""The matrix L of the memory $M = L K^\top V$, for values that nobody draws.

        Args:
            gram: $K^\top K$ of the stored keys; zeros where `solves_alone` are not
                exceeded.
            pairs: the pairs, with values of no column.
            fold: over the pairs.
        """
        raise NotImplementedError(f"`{type(self).__name__}.left` is not defined.")

    def write(self, pairs: AbstractPairs, fold: Fold = Fold()) -> Memory:
        """Sum up the stored pairs, and solve for the memory."""
        # Rows that fill up equal shares of devices store no pair.
        shards = fold.total(pairs) // pairs.num_rows
        check_columns("write", "rule", self, shards * (pairs.num_rows - 1) + 1)
        rule, pairs = prepared(self, pairs, fold)
        summary = None
        if fold.total(pairs) > rule.solves_alone(pairs, fold):
            of_block = lambda block: rule.summarize(block, fold)
            summary = wide(fold, pairs)(of_block, rule.merge, pairs)
        return rule.solve(summary, pairs, fold)

    def read(
        self, memory: Memory, query: Float[Array, " d"], fold: Fold = Fold()
    ) -> Float[Array, " v"]:
        """The query times the memory."""
        answer = fold.dot(query, memory)  # pyright: ignore[reportArgumentType]
        return answer.astype(query.dtype)


def prepared(rule: Linear, pairs: Any, fold: Fold) -> tuple[Linear, Any]:
    """The rule for some pairs, and the pairs as the rule sees them."""
    columns = rule.columns()
    if columns or type(rule).lift is not AbstractLinear.lift:
        own = tuple(Column(_own_part(x, pairs, fold), pairs.mask) for x in columns)
        pairs = SeenPairs(pairs, own, rule)
    return rule.prepare(pairs, fold), pairs


def check_columns(
    call: str, argument: str, rule: Any, num_pairs: int, name: str | None = None
) -> None:
    """Raise unless a rule holds an entry for each of so many pairs.

    Args:
        call: the function as the user called it, such as `retrieve`.
        argument: the argument that holds the rule.
        rule: any rule.
        num_pairs: number of pairs.
        name: of the rule, if it has one there.

    Raises:
        ValueError: if it holds fewer.
    """
    columns = rule.columns() if isinstance(rule, AbstractLinear) else ()
    fewest = min((len(x) for x in columns), default=num_pairs)
    if fewest < num_pairs:
        raise ArgumentError(
            call,
            argument,
            f"must hold a number for each of {num_pairs} pairs, got {fewest} in "
            f"{repr(name) if name else f'`{type(rule).__name__}`'}",
            "Store fewer pairs, or give the rule more numbers.",
        )


def _own_part(column: Array, pairs: Any, fold: Fold) -> Array:
    """The entries of the pairs of one device, zeros where nobody stores a pair."""
    rows, missing = pairs.num_rows, max(fold.total(pairs) - len(column), 0)
    column = jnp.pad(column, [(0, missing)] + [(0, 0)] * (column.ndim - 1))
    if fold.axis_name is None:
        return column[:rows]
    start = jax.lax.axis_index(fold.axis_name) * rows
    return jax.lax.dynamic_slice_in_dim(column, start, rows)


def wide(fold: Fold, pairs: AbstractPairs) -> Fold:
    """The fold with blocks of at least d rows.

    To add matrices of d rows takes longer than to make them of fewer rows than that.
    """
    n, d = pairs.num_rows, pairs.dimension
    return fold.with_block_size(max(fold.block_rows(pairs), min(d, n)))


def summaries(
    rule: AbstractLinear, pairs: AbstractPairs, fold: Fold, stops: Int[Array, " stops"]
) -> Any:
    """The summaries of the first pairs at every stop, stacked, in one pass.

    The rule is one that is prepared for the pairs. Summaries at stops that it solves
    alone are zero.
    """
    of_block = lambda block: rule.summarize(block, fold)
    return _prefixes(rule, of_block, rule.merge, pairs, fold, stops)


def grams(
    rule: AbstractLinear, pairs: AbstractPairs, fold: Fold, stops: Int[Array, " stops"]
) -> Float[Array, "stops d d"]:
    r"""$K^\top K$ of the first keys at every stop, stacked, in one pass.

    The rule is one that is prepared for the pairs. Those at stops that it solves alone
    are zero.
    """
    of_block = lambda block: fold.dot(block.keys.T, block.keys)
    return _prefixes(rule, of_block, jnp.add, pairs, fold, stops)


def _prefixes(
    rule: AbstractLinear,
    of_block: Callable,
    merge: Callable,
    pairs: AbstractPairs,
    fold: Fold,
    stops: Int[Array, " stops"],
) -> Any:
    """What is summed over the first pairs, at stops where the rule looks at it."""
    first = 0
    # The shards of a fold must all begin with the same stop.
    if fold.axis_name is None:
        longest = rule.solves_alone(pairs, fold.up_to(stops[-1]))
        first = jnp.sum(stops <= longest, dtype=stops.dtype)
    return wide(fold, pairs).prefixes(of_block, merge, pairs, stops=stops, first=first)


def weights(
    rule: AbstractLinear,
    left: LeftFactor,
    query: Float[Array, " d"],
    key: Float[Array, " d"],
    fold: Fold,
    careful: bool = True,
) -> Weights:
    """The weights that the answer to a query gives to the value of a key."""
    return left.weights(rule.lift(query), rule.lift(key), fold, careful)
