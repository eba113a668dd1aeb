"""Measures of retrieved values: one number per query."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._base.arrays import to_array, to_index, to_real
from .._base.checks import ArrayLike, check_size
from .._base.errors import ArgumentError
from .._base.exact import ordered_sum, rounded, single_at_least, unit_of
from .._core.fold import Fold
from .._core.meshes import automatic
from .._core.pairs import AbstractPairs, Pairs
from ._range import Score, in_range


def cosine_similarity(
    values: ArrayLike, retrieved: ArrayLike
) -> Float[Array, "*batch"]:
    r"""Cosine of the angle between $v$ and $\hat v$, from -1 to 1; 1 is best.

    A zero vector has no direction: its cosine with anything counts as 0. NaN gives NaN.

    Args:
        values: the right values, `[..., v]`.
        retrieved: the values that a rule answered, of the same shape.

    Returns:
        One cosine per vector.

    Raises:
        TypeError: if the arrays do not hold real numbers.
        ValueError: if the shapes differ.
    """
    values, retrieved, dtype = _paired("cosine_similarity", values, retrieved)
    return in_range(cosine, values, retrieved).astype(dtype)


def _cosine(values, retrieved, units):
    if units is not None:
        values, retrieved = values * (1 / units[0]), retrieved * (1 / units[1])
    squares = _sum_of(values, values), _sum_of(retrieved, retrieved)
    norms = _root(squares[0]) * _root(squares[1])
    product = _sum_of(values, retrieved)
    return jnp.where(norms == 0, 0, product / jnp.where(norms == 0, 1, norms)), squares


cosine = Score(_cosine, lambda a, b: (unit_of(a, axis=-1), unit_of(b, axis=-1)))


def euclidean_distance(
    values: ArrayLike, retrieved: ArrayLike
) -> Float[Array, "*batch"]:
    r"""Distance $|v - \hat v|$, in the units of the values; 0 is best.

    A zero vector is an ordinary point. NaN gives NaN.

    Args:
        values: the right values, `[..., v]`.
        retrieved: the values that a rule answered, of the same shape.

    Returns:
        One distance per vector.

    Raises:
        TypeError: if the arrays do not hold real numbers.
        ValueError: if the shapes differ.
    """
    values, retrieved, dtype = _paired("euclidean_distance", values, retrieved)
    return in_range(distance, values, retrieved).astype(dtype)


def _distance(values, retrieved, unit):
    if unit is not None:
        # Before the difference, which may be out of range where its norm is not.
        inverse = 1 / unit
        gap = values * inverse - retrieved * inverse
        return _root(_sum_of(gap, gap)) * unit[..., 0], ()
    # An answer may end in a product, which some programs would merge with this.
    gap = values - rounded(retrieved)
    squares = _sum_of(gap, gap)
    # What is lost next to the value itself does not count.
    return _root(squares), (jnp.maximum(squares, _sum_of(values, values)),)


distance = Score(
    _distance, lambda a, b: jnp.maximum(unit_of(a, axis=-1), unit_of(b, axis=-1))
)


def bit_accuracy(values: ArrayLike, retrieved: ArrayLike) -> Float[Array, "*batch"]:
    r"""Share of the coordinates of $\hat v$ that have the sign of $v$; 1 is best.

    For patterns of signs, read out by their signs: chance gives 1/2. Only signs count,
    not sizes. A coordinate that is zero or NaN, on either side, counts as wrong.

    Args:
        values: the right values, `[..., v]`.
        retrieved: the values that a rule answered, of the same shape.

    Returns:
        One share per vector, from 0 to 1.

    Raises:
        TypeError: if the arrays do not hold real numbers.
        ValueError: if the shapes differ.
    """
    values, retrieved, dtype = _paired("bit_accuracy", values, retrieved)
    return share_of_signs(values, retrieved).astype(dtype)


def share_of_signs(
    values: Float[Array, "*batch v"], retrieved: Float[Array, "*batch v"]
) -> Float[Array, "*batch"]:
    """Share of coordinates whose signs are the same, and none is zero."""
    # Not a product of the two, which might round to zero.
    same = jnp.sign(values) * jnp.sign(retrieved) > 0
    return jnp.mean(same, axis=-1, dtype=values.dtype)


def recall_at_1(
    values: ArrayLike,
    retrieved: ArrayLike,
    target: ArrayLike,
    query_batch: int | None = None,
) -> Float[Array, " m"]:
    r"""1 where the stored value nearest to $\hat v$ equals the right one, else 0.

    Nearest in Euclidean distance, the first of several that are equally near. Pairs
    may share a value: each of them is right. A zero vector is an ordinary point; an
    answer that is not finite counts as 0.

    Args:
        values: all stored values, `[n, v]`.
        retrieved: the values that a rule answered, `[m, v]`.
        target: for each answer, the row of `values` that is right, `[m]`.
        query_batch: answers compared at a time, so that the n x m distances never
            exist at once. `None` chooses from the shapes.

    Returns:
        0.0 or 1.0 per answer.

    Raises:
        TypeError: if the arrays do not hold real numbers, or `target` whole ones.
        ValueError: if the shapes do not fit, there is no such row as `target` says, or
            `query_batch` is below 1.
    """
    values = to_real("recall_at_1", "values", values)
    retrieved = to_real("recall_at_1", "retrieved", retrieved)
    target = to_array("recall_at_1", "target", target)
    fits = values.ndim == retrieved.ndim == 2 and target.ndim == 1
    if not fits or (values.shape[1], target.shape[0]) != retrieved.shape[::-1]:
        raise ArgumentError(
            "recall_at_1",
            ("values", "retrieved", "target"),
            f"needs shapes [n, v], [m, v] and [m], got {values.shape}, "
            f"{retrieved.shape} and {target.shape}",
            "Pass one target per retrieved value.",
        )
    target = to_index("recall_at_1", "target", target, len(values))
    if query_batch is not None:
        check_size("recall_at_1", "query_batch", query_batch)
    with jax.numpy_dtype_promotion("standard"):
        dtype = jnp.promote_types(values.dtype, retrieved.dtype)
    values, retrieved = (x.astype(single_at_least(dtype)) for x in (values, retrieved))
    fold, batch = Fold().plan(len(values), len(retrieved), query_batch)

    def hits(values, retrieved, target):
        stored, unit = Pairs(values, values), unit_of(values)
        center = jnp.mean(values / unit, axis=0) * unit
        hit = lambda x: is_nearest(x[0], x[1], center, unit, stored, fold)
        return jax.lax.map(hit, (values[target], retrieved), batch_size=batch)

    return automatic(hits, (values, retrieved, target), like=retrieved).astype(dtype)


def is_nearest(
    value: Float[Array, " v"],
    answer: Float[Array, " v"],
    center: Float[Array, " v"],
    unit: Float[Array, ""],
    pairs: AbstractPairs,
    fold: Fold,
) -> Float[Array, ""]:
    """1 where the stored value nearest to `answer` equals `value`, else 0.

    What all values share, here about `center`, says nothing and would cost digits.
    Squares are taken in a `unit` of the values, a power of two.
    """
    away = answer / unit_of(answer) - center / unit_of(answer)
    # Values are at most as far away as answers: a ratio of at most about 1.
    ratio = jnp.minimum(unit / unit_of(answer), jnp.finfo(unit.dtype).max)

    def nearest(block):
        # Half the squared distance, without the term that all values share.
        values = (block.values - center[None]) * (1 / unit)
        half_squares = jnp.sum(values**2, axis=-1) / 2
        nearness = fold.dot(values, away) - half_squares * ratio
        nearness = jnp.where(block.mask, nearness, jnp.finfo(nearness.dtype).min)
        row = jnp.argmax(nearness)
        return nearness[row], block.values[row]

    def merge(a, b):
        return jax.tree.map(lambda x, y: jnp.where(b[0] > a[0], y, x), a, b)

    nearness, found = fold(nearest, merge, pairs)
    hit = jnp.all(found == value) & jnp.isfinite(nearness)
    return hit.astype(value.dtype)


def _paired(function: str, values: ArrayLike, retrieved: ArrayLike):
    """The arrays in float32 at least, and the type of what is said of them."""
    values = to_real(function, "values", values)
    retrieved = to_real(function, "retrieved", retrieved)
    if values.shape != retrieved.shape or values.ndim == 0:
        raise ArgumentError(
            function,
            ("values", "retrieved"),
            f"needs two arrays of one shape, got {values.shape} and {retrieved.shape}",
            "Pass one row of each per query.",
        )
    with jax.numpy_dtype_promotion("standard"):
        dtype = jnp.promote_types(values.dtype, retrieved.dtype)
    wide = single_at_least(dtype)
    return values.astype(wide), retrieved.astype(wide), dtype


@jax.custom_jvp
def _sum_of(a: Float[Array, "*batch v"], b: Float[Array, "*batch v"]):
    """The sums of products, with the same bits in every program."""
    return ordered_sum(rounded(a * b))


@_sum_of.defjvp
def _sum_of_jvp(primals, tangents):
    # Of a sum that is rounded step by step, there would be a derivative step by step.
    (a, b), (da, db) = primals, tangents
    return _sum_of(a, b), jnp.sum(a * db + b * da, axis=-1)


def _root(squares: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    # The inner `where` keeps the gradient of a zero vector finite.
    zero = squares == 0
    return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, squares)))
