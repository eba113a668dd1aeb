"""What a kernel is given: settings, shapes, and the pairs that they draw."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from .._core.fold import Fold
from .._core.pairs import Pairs
from .._core.rule import AbstractRule, with_arrays
from .._core.sums import IndexedKeys
from .._spec.spec import Spec
from ..metrics._expected import Expectation
from ..patterns import AbstractEnsemble
from ._expectation import expectation_of


@dataclasses.dataclass(frozen=True)
class Shape:
    """What is known when a kernel compiles.

    Attributes:
        d: dimension of the keys.
        v: dimension of the values.
        rows: number of pairs drawn, at least the largest load.
        trials: trials that each device is given.
        batch: trials computed at a time.
        scores: names of what is scored, from the table of metrics.
        values: whether values are the keys, the ensemble's own, drawn beside it, or
            not drawn.
        corrupted: whether queries differ from the stored keys.
        careful: whether squares of what is scored may be out of range. Else such scores
            are nan, and the kernel takes less time.
        defined: the rows of tables that names stand for, such as those of the scores: a
            name that is given to another metric compiles another program.
    """

    d: int
    v: int
    rows: int
    trials: int
    batch: int
    scores: tuple[str, ...]
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
        loads: numbers of stored pairs, ascending.
        corruptions: levels of the corruptions of queries, by axis.
        success_cosine: the cosine above which an answer is a success.
        expectation: over values that are not drawn, if they are not.
    """

    rule: AbstractRule
    keys: AbstractEnsemble
    values: AbstractEnsemble | None
    loads: Int[Array, " loads"]
    corruptions: dict[str, Float[Array, " levels"]]
    success_cosine: Float[Array, ""]
    expectation: Expectation | None


def study_fold() -> tuple[Fold, int]:
    """The fold of every cell, and how many queries are asked at a time.

    Both are the same whatever the grid, so that a cell's bits are, too.
    """
    many = 2**20
    return Fold().plan(many, many)


def settings_of(
    spec: Spec,
    name: str,
    point: int,
    d: int,
    levels: Sequence[int] | None = None,
    loads: Sequence[int] | None = None,
) -> Settings:
    """What a kernel is told: of one rule, at one point of `vary`, and one dimension.

    Args:
        spec: the study.
        name: of the rule.
        point: which of `Spec.points`.
        d: dimension of the keys.
        levels: which of `Spec.combinations`. Left out, all.
        loads: numbers of stored pairs. Left out, all of the study.
    """
    varied = spec.points(name)[point]
    loads = spec.n if loads is None else loads
    rule = dataclasses.replace(spec.rules[name], **varied)  # pyright: ignore
    expectation = None
    if spec.value_source == "marginalized":
        expectation = expectation_of(spec.value_dimension(d))
    return Settings(
        rule=with_arrays(rule),
        keys=spec.ensemble,
        values=spec.value_ensemble(),
        loads=jax.device_put(np.array(loads, np.int32)),
        corruptions=spec.corruptions(levels),
        success_cosine=jax.device_put(np.float32(spec.success_cosine)),
        expectation=expectation,
    )


def drawn(
    settings: Settings, key_rng: Key[Array, ""], value_rng: Key[Array, ""], shape: Shape
) -> Pairs | IndexedKeys:
    """The pairs of one trial, as many as the largest load may need."""
    rows = jnp.arange(shape.rows, dtype=jnp.int32)
    keys = settings.keys.rows(key_rng, rows, shape.d)
    if shape.values == "marginalized":
        return IndexedKeys(keys, rows, jnp.ones(shape.rows, bool))
    if shape.values == "drawn":
        values = settings.values.rows(value_rng, rows, shape.v)  # pyright: ignore
    elif shape.values == "own":
        values = settings.keys.value_rows(key_rng, rows)  # pyright: ignore
    else:
        values = keys
    return Pairs(keys, values)
