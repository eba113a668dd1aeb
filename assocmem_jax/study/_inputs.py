"""What a kernel is given: settings, shapes, and the pairs that they draw."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from .._core.drawn import DrawnPairs
from .._core.fold import Fold
from .._core.linear import AbstractLinear
from .._core.pairs import Pairs
from .._core.rule import AbstractRule
from .._core.separation import AbstractSeparation
from .._core.sums import IndexedKeys
from .._spec.spec import Spec
from ..metrics._expected import Expectation
from ..metrics._table import Metric
from ..patterns import AbstractEnsemble
from ._expectation import expectation_of
from ._shards import Shards


# Name of the mesh axis over which a study is spread.
AXIS = "cells"
# Pairs and queries of a problem that is not small.
_MANY = 2**20


@dataclasses.dataclass(frozen=True)
class Shape:
    """What is known when a kernel compiles.

    Attributes:
        d: dimension of the keys.
        v: dimension of the values.
        rows: number of pairs, at least the largest load.
        held: whether pairs are drawn once and held. Else they are drawn block by block,
            wherever they are looked at.
        queries: queries asked at a time.
        all_asked: whether every stored pair is asked.
        shards: devices that the pairs of a trial are spread over; with several, each is
            given all trials.
        together: whether linear rules are solved for all loads at once, which keeps an
            accelerator busy. A CPU takes one by one.
        trials: trials that each device is given.
        batch: trials computed at a time.
        metrics: the rows of what is scored: a name that is given to another metric
            compiles another program.
        values: whether values are the keys, the ensemble's own, drawn beside it, or
            not drawn.
        corrupted: whether queries differ from the stored keys.
        careful: whether squares of what is scored may be out of range. Else such scores
            are nan, and the kernel takes less time.
        defined: the rows of tables that further names stand for, such as corruptions.
    """

    d: int
    v: int
    rows: int
    held: bool
    queries: int
    all_asked: bool
    shards: int
    together: bool
    trials: int
    batch: int
    metrics: tuple[Metric, ...]
    values: Literal["keys", "own", "drawn", "marginalized"]
    corrupted: bool
    careful: bool = False
    defined: tuple[Any, ...] = ()


class Settings(eqx.Module):
    """What a kernel is told when it runs.

    Attributes:
        rule: how a query is answered.
        keys: how keys are drawn.
        values: how values are drawn, if they are.
        loads: numbers of stored pairs, ascending, as many as a power of two: zeros that
            nobody asks for come first.
        asked: number of pairs that are asked, at most; `None` asks all.
        ages: number of parts of the stored order, which are asked by themselves; `None`
            is one.
        fresh: number of the first pair that is asked and not stored, if such are asked.
        corruptions: levels of the corruptions of queries, by axis.
        parts: of the stored order, which of them each level asks.
        success_cosine: the cosine above which an answer is a success.
        expectation: over values that are not drawn, if they are not.
    """

    rule: AbstractRule
    keys: AbstractEnsemble
    values: AbstractEnsemble | None
    loads: Int[Array, " loads"]
    asked: Int[Array, ""] | None
    ages: Int[Array, ""] | None
    fresh: Int[Array, ""] | None
    corruptions: dict[str, Float[Array, " levels"]]
    parts: Int[Array, " levels"]
    success_cosine: Float[Array, ""]
    expectation: Expectation | None


def study_fold() -> Fold:
    """The fold of every cell: the same whatever the grid, so that its bits are, too."""
    return Fold().plan(_MANY, _MANY)[0]


def study_block() -> int:
    """Pairs that the fold of every cell takes at a time."""
    return int(study_fold().block_size)  # pyright: ignore[reportArgumentType]


def queries_at_a_time(asked: int | None) -> int:
    """How many queries of a cell are asked together, whatever the grid."""
    most = Fold().plan(_MANY, _MANY)[1]
    return most if asked is None else min(most, power_of_two(asked))


def power_of_two(x: int) -> int:
    """The smallest power of two that is at least x."""
    return 1 << (x - 1).bit_length()


def padded(loads: Sequence[int]) -> np.ndarray:
    """Loads behind zeros, as many as a power of two: near numbers share a program."""
    out = np.zeros(power_of_two(len(loads)), np.int32)
    out[-len(loads) :] = loads
    return out


def settings_of(
    spec: Spec,
    name: str,
    point: int,
    d: int,
    levels: Sequence[int] | None = None,
    loads: Sequence[int] | None = None,
) -> Settings:
    """What a kernel is told: of one rule, at one of its points, and one dimension.

    Args:
        spec: the study.
        name: of the rule.
        point: which of `Spec.points`.
        d: dimension of the keys.
        levels: which of `Spec.combinations`. Left out, all.
        loads: numbers of stored pairs. Left out, all of that dimension.
    """
    spec = spec.at(name, point, d)
    loads = spec.loads_at(d) if loads is None else loads
    corruption, parts = spec.questions(levels)
    number = lambda x: None if x is None else jax.device_put(np.int32(x))
    expectation = None
    if spec.value_source == "marginalized":
        expectation = expectation_of(spec.value_dimension(d))
    return Settings(
        rule=spec.rules[name],
        keys=spec.ensemble,  # pyright: ignore[reportArgumentType]
        values=spec.value_ensemble(),
        loads=jax.device_put(padded(loads)),
        asked=number(spec.asked if spec.held_out is None else spec.held_out),
        ages=number(spec.ages),
        fresh=number(spec.first_held_out),
        corruptions=corruption,
        parts=jax.device_put(parts),
        success_cosine=jax.device_put(np.float32(spec.success_cosine)),
        expectation=expectation,
    )


class Draw(eqx.Module):
    """Draws pairs by their numbers.

    Attributes:
        keys: how keys are drawn.
        values: how values are drawn, if they are.
        key_rng: of the keys.
        value_rng: of the values.
        source: what values are, as in `Shape`; "index" where rows have a number in
            place of a value, and "none" where values have no column.
        d: dimension of the keys.
        v: dimension of the values.
    """

    keys: AbstractEnsemble
    values: AbstractEnsemble | None
    key_rng: Key[Array, ""]
    value_rng: Key[Array, ""]
    source: Literal["keys", "own", "drawn", "index", "none"] = eqx.field(static=True)
    d: int = eqx.field(static=True)
    v: int = eqx.field(static=True)

    def __call__(self, index: Int[Array, " b"]) -> Pairs | IndexedKeys:
        keys = self.keys.rows(self.key_rng, index, self.d)
        if self.source == "index":
            return IndexedKeys(keys, index, jnp.ones(index.shape, bool))
        if self.source == "drawn":
            values = self.values.rows(self.value_rng, index, self.v)  # pyright: ignore
        elif self.source == "own":
            values = self.keys.value_rows(self.key_rng, index)  # pyright: ignore
        else:
            values = keys
        pairs = Pairs(keys, values)
        if self.source == "none":
            return eqx.tree_at(lambda pairs: pairs.values, pairs, keys[:, :0])
        return pairs


class Stored(NamedTuple):
    """The pairs of one trial, as a device has them.

    Attributes:
        table: the pairs that the device has, as many as the largest load may need.
        source: the table that questions are taken from, of all pairs.
        stops: the loads, counted in the rows that the device has.
    """

    table: Any
    source: Any
    stops: Int[Array, " loads"]


def stored(
    settings: Settings, key_rng: Key[Array, ""], value_rng: Key[Array, ""], shape: Shape
) -> Stored:
    """Draw the pairs of one trial, or say how they are drawn."""
    values: Any = shape.values
    if values == "marginalized":
        linear = isinstance(settings.rule, AbstractLinear)
        values = "none" if linear else "index"
    rngs = key_rng, value_rng
    draw = Draw(settings.keys, settings.values, *rngs, values, shape.d, shape.v)
    every = DrawnPairs(draw, shape.rows)
    if shape.shards > 1:
        shard, shards = jax.lax.axis_index(AXIS), shards_of(settings.rule, shape)
        part = DrawnPairs(Dealt(draw, shard, shards), shards.local_rows)
        table = part.rows(0, shards.local_rows) if shape.held else part
        return Stored(table, every, shards.stored(shard, settings.loads))
    if not shape.held:
        return Stored(every, every, settings.loads)
    held = draw(jnp.arange(shape.rows, dtype=jnp.int32))
    ensembles = [x for x in (settings.keys, settings.values) if x is not None]
    cheap = all(ensemble.draws_alone for ensemble in ensembles)
    # Where some pairs are asked, these are drawn whether all are held or not: so their
    # scores are computed by the same program.
    again = cheap and not shape.all_asked
    # Pairs that are not stored are not held.
    again = again or settings.fresh is not None
    return Stored(held, every if again else held, settings.loads)


class Dealt(eqx.Module):
    """Draws the rows of one device, by their places on it."""

    draw: Draw
    shard: Int[Array, ""]
    shards: Shards = eqx.field(static=True)

    def __call__(self, row: Int[Array, " b"]) -> Pairs | IndexedKeys:
        return self.draw(self.shards.numbers(self.shard, row))


def shards_of(rule: AbstractRule, shape: Shape) -> Shards:
    """How pairs are dealt out: in order, where the order may count."""
    adds_up = False
    if isinstance(rule, AbstractLinear):
        # A device takes its part of what a rule holds of each pair in one piece.
        adds_up = not (rule.has_order or rule.columns())
    block = study_block()
    if not (adds_up or isinstance(rule, AbstractSeparation)):
        block = -(-shape.rows // (block * shape.shards)) * block
    return Shards(shape.rows, shape.shards, block)
