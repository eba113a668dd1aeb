r"""The minimum-norm least-squares matrix $X = K^+ V$ of stored pairs.

The pairs are reduced to a triangle, as quickly as keeps their digits: see `reduced`.
Only a triangle that may be rank deficient costs a singular value decomposition, of its
own size.
"""

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.custom_batching import sequential_vmap
from jaxtyping import Array, Bool, Float, Int

from .batches import by_platform
from .fold import Fold
from .linear import wide
from .pairs import AbstractPairs, Pairs
from .reduced import (
    Problem,
    Products,
    Reduced,
    beside,
    by_either_gram,
    by_gram,
    by_qr,
    by_wide_qr,
    in_unit,
    truncated_svd,
    with_own_products,
)


Solution: TypeAlias = tuple[Float[Array, "d v"], Int[Array, ""]]
Factors: TypeAlias = tuple[Float[Array, "d k"], Float[Array, "d k"]]


# Mapping and branches would trace the same again.
_traced_once = jax.jit


def in_batches(
    fold: Fold, solve: Callable, quick: Callable, careful: Callable
) -> Callable:
    """The function of one element, with its way to take batches."""
    if fold.axis_name is not None:
        # Devices that exchange something must do so as often.
        return sequential_vmap(solve)
    return by_platform(solve, quick, careful)


@_traced_once
def solve(problem: Problem) -> Solution:
    pairs, products, fold = problem.pairs, problem.products, problem.fold
    with_care = lambda: solve_with_care(problem)
    if products is None and fold.stop is None:
        return with_care()
    x, trusted = _of_window(lambda reduced: reduced.solve(fold), problem)
    solved = lambda: (x, _every_direction(pairs, trusted))
    return jax.lax.cond(trusted, solved, with_care)


@_traced_once
def solve_with_care(problem: Problem) -> Solution:
    pairs, rtol, fold = problem.pairs, problem.rtol, problem.fold
    reduced = by_qr(problem)

    def truncated():
        left, inverse, right = truncated_svd(reduced.matrix, rtol)
        y = fold.dot(right, inverse[:, None] * fold.dot(left.T, reduced.rhs))
        return reduced.expand(y, fold), jnp.sum(inverse > 0, dtype=jnp.int32)

    solved = lambda: (reduced.solve(fold), _every_direction(pairs, reduced.trusted))
    return jax.lax.cond(reduced.trusted, solved, truncated)


def solve_quickly(problem: Problem) -> tuple[Solution, Bool[Array, ""]]:
    reduced = by_either_gram(problem)
    directions = _every_direction(problem.pairs, reduced.trusted)
    return (reduced.solve(problem.fold), directions), reduced.trusted


def _every_direction(pairs: AbstractPairs, like: Array) -> Int[Array, ""]:
    # Like what is decided by: branches of devices that each hold trials of their own
    # must agree in what differs between devices.
    return jnp.full_like(like, pairs.dimension, jnp.int32)


@eqx.filter_custom_jvp
def minimum_norm(
    pairs: AbstractPairs,
    products: Products | None,
    *,
    rtol: Float[Array, ""],
    unit: Float[Array, ""],
    fold: Fold,
) -> Solution:
    r"""The matrix X of least norm among those that minimize $|K X / u - V|$.

    Args:
        pairs: the stored pairs.
        products: the sum of `products` over them. They may be anything where the number
            of pairs is at most `solved_without_products`, and are `None` where that
            holds for all rows.
        rtol: singular values of K up to `rtol` times the largest count as zero.
        unit: u, a power of two, so that squares of keys over it are in range.
        fold: how the pairs are summed up.

    Returns:
        X, and the rank: the number of singular values that do not count as zero. The
        derivative is the one at constant rank, finite where singular values coincide.

    References:
        Golub & Pereyra (1973), doi:10.1137/0710036, eq. 4.12 (the derivative).
        Björck (1996), doi:10.1137/1.9781611971484, sections 1.3 and 2.2.
    """
    solved = in_batches(fold, solve, solve_quickly, solve_with_care)
    return solved(Problem(pairs, products, rtol, unit, fold))


@minimum_norm.def_jvp
def _minimum_norm_jvp(primals, tangents, *, rtol, unit, fold):
    (pairs, products), (change, _) = primals, tangents
    x, rank = minimum_norm(pairs, products, rtol=rtol, unit=unit, fold=fold)
    many = summed(pairs, unit, fold)
    root, span = row_space(pairs, many, rtol=rtol, unit=unit, fold=fold)
    dot = fold.dot
    gram_inverse = lambda y: dot(root, dot(root.T, y))
    weighted = gram_inverse(x)

    def terms(block, change):
        block, change = in_unit(block, unit), in_unit(change, unit)
        k, v, dk, dv = block.keys, block.values, change.keys, change.values
        fitted = dot(k.T, dv - dot(dk, x)) + dot(dk.T, v - dot(k, x))
        return fitted, dot(dk.T, dot(k, weighted))

    fitted, turned = fold(terms, add, pairs, pairs.moved(change))
    dx = gram_inverse(fitted) + turned - dot(span, dot(span.T, turned))
    return (x, rank), (dx, None)


@eqx.filter_custom_jvp
def row_space(
    pairs: AbstractPairs,
    products: Products | None,
    root: Float[Array, ""] | None = None,
    *,
    rtol: Float[Array, ""],
    unit: Float[Array, ""],
    fold: Fold,
    whole: bool = False,
) -> Factors:
    r"""F and B with $(K^\top K)^+ = F F^\top$ and $K^+ K = B B^\top$, K in its unit.

    With a penalty $\lambda$, of which `root` is the square root, $F F^\top$ is
    $P (K^\top K + \lambda I)^{-1} P$ with $P = B B^\top$: the projector on the keys,
    or, of more than d rows, possibly the identity; then surely so where `whole` is set
    and the penalty is not negligible.
    """
    ways = _factors, _factors_quickly, _factors_with_care
    ways = [functools.partial(way, whole=whole) for way in ways]
    return in_batches(fold, *ways)(Problem(pairs, products, rtol, unit, fold, root))


@row_space.def_jvp
def _row_space_jvp(primals, tangents, *, rtol, unit, fold, whole=False):
    # A batching rule of one's own has no reverse mode: differentiate what it calls.
    def factors(pairs, root=None):
        products = summed(pairs, unit, fold)
        return _factors(Problem(pairs, products, rtol, unit, fold, root), whole=whole)

    return eqx.filter_jvp(factors, primals[::2], tangents[::2])


@functools.partial(jax.jit, static_argnames="whole")
def _factors(problem: Problem, whole: bool) -> Factors:
    with_care = lambda: _factors_with_care(problem, whole)
    if problem.products is None:
        return with_care()
    if whole:
        quick, trusted = _factors_quickly(problem, whole)
        return jax.lax.cond(trusted, lambda: quick, with_care)

    def filled(reduced):
        fill = problem.pairs.dimension - len(reduced.inverse)
        factors = _factors_of_full_rank(reduced, problem.fold)
        return jax.tree.map(lambda x: jnp.pad(x, ((0, 0), (0, fill))), factors)

    factors, trusted = _of_window(filled, problem)
    return jax.lax.cond(trusted, lambda: factors, with_care)


@functools.partial(jax.jit, static_argnames="whole")
def _factors_with_care(problem: Problem, whole: bool) -> Factors:
    return _factors_of(by_qr(problem, whole), problem.rtol, problem.fold)


def _factors_quickly(problem: Problem, whole: bool) -> tuple[Factors, Bool[Array, ""]]:
    del whole
    if problem.root is None:
        reduced = by_either_gram(problem)
    else:
        # The columns that the other Gram matrix leads to would not be orthonormal.
        reduced = by_gram(with_own_products(problem))
    return _factors_of_full_rank(reduced, problem.fold), reduced.trusted


def _factors_of(reduced: Reduced, rtol: Float[Array, ""], fold: Fold) -> Factors:
    def truncated():
        _, inverse, right = truncated_svd(reduced.matrix, rtol)
        root, span = right * inverse[None], jnp.where(inverse[None] > 0, right, 0)
        return reduced.expand(root, fold), reduced.expand(span, fold)

    full = lambda: _factors_of_full_rank(reduced, fold)
    return jax.lax.cond(reduced.trusted, full, truncated)


def _factors_of_full_rank(reduced: Reduced, fold: Fold) -> Factors:
    identity = jnp.eye(len(reduced.inverse), dtype=reduced.rhs.dtype)
    span = identity + jnp.zeros_like(reduced.inverse)
    return reduced.expand(reduced.inverse, fold), reduced.expand(span, fold)


def _of_window(finish: Callable, problem: Problem) -> tuple[Any, Bool[Array, ""]]:
    """What `finish` makes of the first rows, as few as hold the load, and its trust.

    All rows are reduced by their products, where there are some.
    """
    pairs, fold = problem.pairs, problem.fold

    def of_first(size):
        if problem.products is None or size < pairs.num_rows:
            reduced = by_wide_qr(problem._replace(pairs=pairs.rows(0, size)))
        else:
            reduced = by_gram(problem)
        return finish(reduced), reduced.trusted

    sizes = _windows(pairs, fold)
    if not sizes or fold.stop is None:
        return of_first(pairs.num_rows)
    index = sum((fold.stop > size).astype(jnp.int32) for size in sizes)
    branches = [lambda size=size: of_first(size) for size in (*sizes, pairs.num_rows)]
    return jax.lax.switch(index, branches)


def _windows(pairs: AbstractPairs, fold: Fold) -> list[int]:
    """Numbers of rows, up to d, that a decomposition of their own is compiled for."""
    n, d = pairs.num_rows, pairs.dimension
    if fold.stop is None or fold.axis_name is not None:
        return []
    # Each window is compiled: a small one is worth it where the next one takes long.
    return [size for size in (d // 4, d) if 128 < size < n]


def products(block: Pairs, unit: Float[Array, ""], fold: Fold) -> Products:
    r"""$K^\top K$ beside $K^\top V$, keys in their unit.

    They stand for the pairs where these are many, and have no derivative of their own.
    """
    return _products(jax.lax.stop_gradient(block), unit, fold)


def _products(block: Pairs, unit: Float[Array, ""], fold: Fold) -> Products:
    block = in_unit(block, unit)
    return fold.dot(block.keys.T, beside(block))


def default_rtol(pairs: AbstractPairs, fold: Fold) -> Float[Array, ""]:
    r"""$4 \epsilon \sqrt{\max(n, d)}$: singular values up to it count as zero."""
    dtype = pairs.dtype
    longest = jnp.maximum(fold.count(pairs), pairs.dimension).astype(dtype)
    return 4 * jnp.finfo(dtype).eps * jnp.sqrt(longest)


def solved_without_products(pairs: AbstractPairs, fold: Fold) -> int:
    """Number of pairs up to which the pairs themselves are decomposed."""
    d = pairs.dimension
    if fold.total(pairs) <= d:
        return d
    return max(_windows(pairs, fold), default=0)


def summed(pairs: AbstractPairs, unit: Float[Array, ""], fold: Fold) -> Products | None:
    """The products of all stored pairs, with their derivative."""
    if fold.total(pairs) <= pairs.dimension:
        return None
    of_block = lambda block: _products(block, unit, fold)
    return wide(fold, pairs)(of_block, jnp.add, pairs)


def add(a, b):
    return jax.tree.map(jnp.add, a, b)
