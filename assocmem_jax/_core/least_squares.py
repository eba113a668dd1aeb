r"""The minimum-norm least-squares matrix $X = K^+ V$ of stored pairs.

Up to d pairs are reduced by the QR decomposition of $K^\top$. More are reduced to the
Cholesky factor of $K^\top K$. That halves the digits that ill-conditioned keys leave,
so it is kept only where the factor shows that there is little to lose, and block-wise
QR of K takes its place elsewhere. Only a triangle that may be rank deficient costs a
singular value decomposition, of its own size.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.custom_batching import sequential_vmap
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Bool, Float, Int

from .fold import Fold
from .linear import wide
from .pairs import AbstractPairs, Pairs


Solution: TypeAlias = tuple[Float[Array, "d v"], Int[Array, ""]]
Products: TypeAlias = Float[Array, "d c"]
Factors: TypeAlias = tuple[Float[Array, "d k"], Float[Array, "d k"]]


class _Reduced(NamedTuple):
    """Least squares reduced to a square matrix A: X = basis @ pinv(A) @ rhs.

    Attributes:
        matrix: A, a triangle.
        inverse: of A, as far as it has one.
        trusted: whether A is known to be of full rank and to have lost no digits.
        rhs: the values, reduced like the keys.
        basis: orthonormal columns; `None` is the identity.
    """

    matrix: Float[Array, "k k"]
    inverse: Float[Array, "k k"]
    trusted: Bool[Array, ""]
    rhs: Float[Array, "k v"]
    basis: Float[Array, "d k"] | None = None

    def expand(self, y: Float[Array, "k c"], fold: Fold) -> Float[Array, "d c"]:
        return y if self.basis is None else fold.dot(self.basis, y)

    def solve(self, fold: Fold) -> Float[Array, "d v"]:
        return self.expand(fold.dot(self.inverse, self.rhs), fold)


# One element of a batch at a time. A batch would take every branch for every element,
# and decompositions of batches that run side by side can wait for each other for ever
# on a CPU of two cores (seen with jaxlib 0.10.2).
@sequential_vmap
@jax.jit  # Traced once, where the mapping would trace it again.
def _solve(
    pairs: AbstractPairs,
    products: Products | None,
    rtol: Float[Array, ""],
    unit: Float[Array, ""],
    fold: Fold,
) -> Solution:
    d = pairs.dimension
    # Like what is decided by: branches of devices that each hold trials of their own
    # must agree in what differs between devices.
    every = lambda trusted: jnp.full_like(trusted, d, jnp.int32)

    def with_care():
        reduced = _by_qr(pairs, rtol, unit, fold)
        solved = lambda: (reduced.solve(fold), every(reduced.trusted))
        return jax.lax.cond(reduced.trusted, solved, lambda: truncated(reduced))

    def truncated(reduced):
        left, inverse, right = _truncated_svd(reduced.matrix, rtol)
        y = fold.dot(right, inverse[:, None] * fold.dot(left.T, reduced.rhs))
        return reduced.expand(y, fold), jnp.sum(inverse > 0, dtype=jnp.int32)

    def of_window(size):
        if products is None or size < pairs.num_rows:
            reduced = _by_wide_qr(pairs.rows(0, size), rtol, unit, fold)
        else:
            reduced = _by_gram(products, rtol, fold)
        return reduced.solve(fold), reduced.trusted

    if products is None and fold.stop is None:
        x, directions = with_care()
    else:
        x, trusted = _smallest_window(of_window, pairs, fold)
        solved = lambda: (x, every(trusted))
        x, directions = jax.lax.cond(trusted, solved, with_care)
    return x, directions


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
    return _solve(pairs, products, rtol, unit, fold)


@minimum_norm.def_jvp
def _minimum_norm_jvp(primals, tangents, *, rtol, unit, fold):
    (pairs, products), (change, _) = primals, tangents
    x, rank = minimum_norm(pairs, products, rtol=rtol, unit=unit, fold=fold)
    summed = _summed(pairs, unit, fold)
    root, span = row_space(pairs, summed, rtol=rtol, unit=unit, fold=fold)
    dot = fold.dot
    gram_inverse = lambda y: dot(root, dot(root.T, y))
    weighted = gram_inverse(x)

    def terms(block, change):
        block, change = _in_unit(block, unit), _in_unit(change, unit)
        k, v, dk, dv = block.keys, block.values, change.keys, change.values
        fitted = dot(k.T, dv - dot(dk, x)) + dot(dk.T, v - dot(k, x))
        return fitted, dot(dk.T, dot(k, weighted))

    tangent = lambda x, dx: jnp.zeros_like(x) if dx is None else dx
    keys = tangent(pairs.keys, change.keys)
    values = tangent(pairs.values, change.values)
    change = Pairs(keys, values, pairs.mask)
    fitted, turned = fold(terms, _add, pairs, change)
    dx = gram_inverse(fitted) + turned - dot(span, dot(span.T, turned))
    return (x, rank), (dx, None)


@eqx.filter_custom_jvp
def row_space(
    pairs: AbstractPairs,
    products: Products | None,
    *,
    rtol: Float[Array, ""],
    unit: Float[Array, ""],
    fold: Fold,
) -> Factors:
    r"""F and B with $(K^\top K)^+ = F F^\top$ and $K^+ K = B B^\top$, K in its unit."""
    return sequential_vmap(_factors)(pairs, products, rtol, unit, fold)


@row_space.def_jvp
def _row_space_jvp(primals, tangents, *, rtol, unit, fold):
    # A batching rule of one's own has no reverse mode: differentiate what it calls.
    def factors(pairs):
        return _factors(pairs, _summed(pairs, unit, fold), rtol, unit, fold)

    return eqx.filter_jvp(factors, primals[:1], tangents[:1])


def _factors(
    pairs: AbstractPairs,
    products: Products | None,
    rtol: Float[Array, ""],
    unit: Float[Array, ""],
    fold: Fold,
) -> Factors:
    by_qr = lambda: _by_qr(pairs, rtol, unit, fold)
    if products is None:
        reduced = by_qr()
    else:
        reduced = _by_gram(products, rtol, fold)
        reduced = jax.lax.cond(reduced.trusted, lambda: reduced, by_qr)

    def full():
        identity = jnp.eye(len(reduced.inverse), dtype=reduced.rhs.dtype)
        return reduced.inverse, identity + jnp.zeros_like(reduced.inverse)

    def truncated():
        _, inverse, right = _truncated_svd(reduced.matrix, rtol)
        return right * inverse[None], jnp.where(inverse[None] > 0, right, 0)

    root, span = jax.lax.cond(reduced.trusted, full, truncated)
    return reduced.expand(root, fold), reduced.expand(span, fold)


def _smallest_window(of_window: Callable, pairs: AbstractPairs, fold: Fold):
    """What `of_window` makes of the first rows, as few as hold the load."""
    sizes = _windows(pairs, fold)
    if not sizes or fold.stop is None:
        return of_window(pairs.num_rows)
    index = sum((fold.stop > size).astype(jnp.int32) for size in sizes)
    branches = [lambda size=size: of_window(size) for size in (*sizes, pairs.num_rows)]
    return jax.lax.switch(index, branches)


def _windows(pairs: AbstractPairs, fold: Fold) -> list[int]:
    """Numbers of rows, up to d, that a decomposition of their own is compiled for."""
    n, d = pairs.num_rows, pairs.dimension
    if fold.stop is None or fold.axis_name is not None:
        return []
    # Each window is compiled: a small one is worth it where the next one takes long.
    return [size for size in (d // 4, d) if 128 < size < n]


def _in_unit(pairs: Pairs, unit: Float[Array, ""]) -> Pairs:
    """A block of pairs, with its keys over their unit.

    Of all pairs it would make a copy; of a block it is done as the block is read.
    """
    return eqx.tree_at(lambda pairs: pairs.keys, pairs, pairs.keys * (1 / unit))


def products(block: Pairs, unit: Float[Array, ""], fold: Fold) -> Products:
    r"""$K^\top K$ beside $K^\top V$, keys in their unit.

    They stand for the pairs where these are many, and have no derivative of their own.
    """
    return _products(jax.lax.stop_gradient(block), unit, fold)


def _products(block: Pairs, unit: Float[Array, ""], fold: Fold) -> Products:
    block = _in_unit(block, unit)
    return fold.dot(block.keys.T, _beside(block))


def solved_without_products(pairs: AbstractPairs, fold: Fold) -> int:
    """Number of pairs up to which the pairs themselves are decomposed."""
    d = pairs.dimension
    if fold.total(pairs) <= d:
        return d
    return max(_windows(pairs, fold), default=0)


def _summed(
    pairs: AbstractPairs, unit: Float[Array, ""], fold: Fold
) -> Products | None:
    """The products of all stored pairs, with their derivative."""
    if fold.total(pairs) <= pairs.dimension:
        return None
    of_block = lambda block: _products(block, unit, fold)
    return wide(fold, pairs)(of_block, jnp.add, pairs)


def _by_qr(
    pairs: AbstractPairs, rtol: Float[Array, ""], unit: Float[Array, ""], fold: Fold
) -> _Reduced:
    many = fold.total(pairs) > pairs.dimension
    return (_by_tall_qr if many else _by_wide_qr)(pairs, rtol, unit, fold)


def _by_gram(products: Products, rtol: Float[Array, ""], fold: Fold) -> _Reduced:
    gram, cross = jnp.split(products, [len(products)], axis=1)
    factor = jax.lax.linalg.cholesky(gram, symmetrize_input=False)
    inverse, spread = _invert(factor, lower=True)
    # Orthogonal keys have spread d, Gaussian keys with n = 2d have 1.41 d. With a limit
    # of 2 d, new queries at n = 1.4 d were answered less accurately than with
    # `torch.linalg.pinv`. A matrix that failed to factor has spread nan.
    trusted = spread * jnp.maximum(rtol, 1 / (1.6 * len(gram))) < 1
    return _Reduced(factor.T, inverse.T, trusted, fold.dot(inverse, cross))


def _by_tall_qr(
    pairs: AbstractPairs, rtol: Float[Array, ""], unit: Float[Array, ""], fold: Fold
) -> _Reduced:
    d, v = pairs.dimension, pairs.value_dimension

    def absorb(triangle, rows):
        # What the orthogonal matrix makes of the values stands beside the triangle.
        stack = _by_row(jnp.concatenate([triangle, rows]))
        return jnp.linalg.qr(stack, mode="r")[:d]

    nothing = jnp.zeros((d, d + v), pairs.dtype)
    tall = fold.with_block_size(max(fold.block_rows(pairs), 2 * d))
    rows = lambda block: _beside(_in_unit(block, unit))
    reduced = tall.accumulate(rows, absorb, nothing, pairs)
    triangle, rhs = jnp.split(reduced, [d], axis=1)
    inverse, spread = _invert(triangle)
    return _Reduced(triangle, inverse, spread * rtol < 1, rhs)


def _by_wide_qr(
    pairs: AbstractPairs, rtol: Float[Array, ""], unit: Float[Array, ""], fold: Fold
) -> _Reduced:
    concatenate = lambda a, b: jax.tree.map(lambda *x: jnp.concatenate(x), a, b)
    everything = fold.with_block_size(None)

    def whole(block):
        block = _in_unit(block, unit)
        return _by_row(block.keys), _by_row(block.values)

    keys, values = everything(whole, concatenate, pairs)
    basis, factor = jnp.linalg.qr(keys.T)
    solvable = factor
    if fold.stop is not None and fold.axis_name is None:
        # Pairs that `stop` excludes are the last columns, zero. An entry on the
        # diagonal, of the size of the others, makes them solvable: what is excluded
        # does not count as a loss of rank.
        scale = jnp.max(jnp.abs(factor))
        absent = jnp.arange(len(factor), dtype=jnp.int32) >= fold.stop
        scale = jnp.where(absent, jnp.where(scale > 0, scale, 1), 0)
        solvable = factor + jnp.diag(scale)
        basis = jnp.where(absent, 0, basis)
    # Not the transpose of an inverse: what an inverse leaves over is small on one side
    # of the matrix only, and here that side has to be the one of the values.
    inverse, spread = _invert(solvable.T, lower=True)
    return _Reduced(factor.T, inverse, spread * rtol < 1, values, basis)


def _invert(
    factor: Float[Array, "k k"], lower: bool = False
) -> tuple[Float[Array, "k k"], Array]:
    r"""$A^{-1}$, and $|A|_F |A^{-1}|_F$, an upper bound on the condition number."""
    identity = jnp.eye(len(factor), dtype=factor.dtype)
    inverse = solve_triangular(factor, identity, lower=lower)
    return inverse, jnp.linalg.norm(factor) * jnp.linalg.norm(inverse)


def _truncated_svd(
    matrix: Float[Array, "k k"], rtol: Float[Array, ""]
) -> tuple[Float[Array, "k k"], Float[Array, " k"], Float[Array, "k k"]]:
    left, singular, right = jnp.linalg.svd(matrix)
    keep = singular > rtol * singular[0]
    inverse = jnp.where(keep, 1 / jnp.where(keep, singular, 1), 0)
    return left, inverse, right.T


def _beside(pairs: Pairs) -> Float[Array, "n c"]:
    """Keys and values side by side: one array, with less to compile than two."""
    return jnp.concatenate([pairs.keys, pairs.values], axis=1)


def _by_row(x: Float[Array, "n c"]) -> Float[Array, "n c"]:
    # LAPACK takes columns. From a line of numbers, which has one order alone, XLA makes
    # columns of these rows, and not, before the loop or branch that they are in, of all
    # rows they are taken from. A constraint on the layout is shorter, but not exported.
    line = lambda x: jax.lax.optimization_barrier(x.reshape(-1)).reshape(x.shape)
    return jax.lax.platform_dependent(x, cpu=line, default=lambda x: x)


def _add(a, b):
    return jax.tree.map(jnp.add, a, b)
