"""The rows of all axes of a study: everything that is known of each, in one place.

To add an axis of corruption, write the function that corrupts queries, one row, and one
field of `Spec`, of the name of the row and zero by default. Checks, kernels, datasets,
predictions and figures take it from here.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from .._base import random
from .._base.checks import check_range
from .._base.exact import rounded
from .._base.registry import Registry
from ..patterns._parameters import check_share


Corrupt: TypeAlias = Callable[
    [Float[Array, ""], Key[Array, ""], Int[Array, " b"], Float[Array, "b d"]],
    Float[Array, "b d"],
]


@dataclasses.dataclass(frozen=True)
class Corruption:
    """The corruption of queries along an axis; at the level zero there is none.

    Attributes:
        corrupt: from a level, a random key, the indices of queries and the queries, one
            per row, to corrupted ones. Each depends on its own index alone.
        check: raises unless a level makes sense, given the names of the function and
            the argument that it was passed to, and the level.
        stream: number of the stream of random numbers, its own. Corruptions are applied
            in the order of these numbers.
        example: how levels are typed.
    """

    corrupt: Corrupt
    check: Callable[[str, str, Float[Array, "..."]], None]
    stream: int
    example: str = "0.5 or [0.0, 0.5]"


@dataclasses.dataclass(frozen=True)
class Axis:
    """One axis.

    Attributes:
        long_name: what it is, as the dataset of a study says it.
        label: what the axis of a figure says.
        corruption: what it does to queries; `None` where it is another axis.
    """

    long_name: str
    label: str
    corruption: Corruption | None = None


def _happens(share, rng, index, d):
    return random.uniform(rng, index, d) < share.astype(jnp.float32)


def _masked(share, rng, index, queries):
    return jnp.where(_happens(share, rng, index, queries.shape[1]), 0, queries)


def _flipped(share, rng, index, queries):
    return jnp.where(_happens(share, rng, index, queries.shape[1]), -queries, queries)


def _noisy(std, rng, index, queries):
    std = std.astype(queries.dtype)
    noise = random.normal(rng, index, queries.shape[1]).astype(queries.dtype)
    # Adding nothing would still change the sign of zero.
    return jnp.where(std > 0, queries + rounded(std * noise), queries)


AXES: Registry[Axis] = Registry(
    "axis",
    {
        "rule": Axis("retrieval rule", "rule"),
        "d": Axis("dimension of the keys", "dimension $d$"),
        "n": Axis("number of stored pairs", "number of stored pairs $n$"),
        "trial": Axis("independent draw", "trial"),
        "ensemble": Axis("ensemble that keys are drawn from", "keys"),
        "v": Axis("dimension of the values", "dimension of the values $v$"),
        "age": Axis("share of the stored pairs that are newer", "age of the pair"),
        "query_noise": Axis(
            long_name="standard deviation of the noise added to a query",
            label="noise of queries",
            corruption=Corruption(
                _noisy,
                lambda function, argument, level: check_range(
                    function, argument, level, "Zero adds no noise."
                ),
                stream=2,
            ),
        ),
        "mask_fraction": Axis(
            long_name="share of a query's coordinates set to zero",
            label="share of coordinates masked",
            corruption=Corruption(
                _masked,
                lambda function, argument, level: check_share(
                    function, argument, level, "Zero masks nothing."
                ),
                stream=0,
            ),
        ),
        "flip_probability": Axis(
            long_name="share of a query's coordinates that change their sign",
            label="share of signs flipped",
            corruption=Corruption(
                _flipped,
                lambda function, argument, level: check_share(
                    function, argument, level, "Zero flips nothing."
                ),
                stream=1,
                example="0.1 or [0.0, 0.1]",
            ),
        ),
    },
)


def middles(ages: int) -> tuple[float, ...]:
    """The levels of the axis `age`: the middle of each part of the stored order."""
    return tuple((part + 0.5) / ages for part in range(ages))


def question_levels(
    levels: Mapping[str, Any], ages: int | None
) -> dict[str, tuple[Any, ...]]:
    """The levels of all that a question is asked under: of corruptions, and its age.

    Args:
        levels: the level or the levels of each corruption.
        ages: number of parts of the stored order, if they are asked by themselves.
    """
    several = lambda x: tuple(x) if isinstance(x, list | tuple) else (x,)
    known = {name: several(x) for name, x in levels.items()}
    return known if ages is None else {**known, "age": middles(ages)}


def point_axes(
    ensemble: Any, v: Any, vary: Mapping[str, Any]
) -> dict[str, tuple[Any, ...]]:
    """The levels of the axes that tell the points of a rule apart, as set in a study.

    Numbers, or text: the names of ensembles, or levels that depend on d.
    """
    axes: dict[str, tuple[Any, ...]] = {}
    if isinstance(ensemble, Mapping):
        axes["ensemble"] = tuple(ensemble)
    if isinstance(v, list | tuple):
        axes["v"] = tuple(v)
    return {**axes, **{name: tuple(levels) for name, levels in vary.items()}}


def corruptions() -> dict[str, Corruption]:
    """The axes of corruption, by name."""
    named = {name: axis.corruption for name, axis in AXES.items()}
    return {name: corruption for name, corruption in named.items() if corruption}
