r"""The minimum-norm least-squares matrix $X = K^+ V$ of stored pairs.

Every path reduces the pairs to a square triangle R and a right-hand side Z, and
$X = B R^+ Z$. For up to d pairs, $K^\top = Q R'$ and R is R' transposed, its rows and
columns reversed, and B likewise Q; for up to 2d, $K = Q R$ and $Z = Q^\top V$. Beyond,
R is the Cholesky factor of $K^\top K$. That halves the digits that ill-conditioned keys
leave, so it is kept only where R shows that there is nothing to lose, and block-wise QR
takes its place elsewhere. Only a triangle that may be rank deficient costs a singular
value decomposition, of its own size.
"""

import functools
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.experimental.layout import Layout, with_layout_constraint
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float, Int

from ._fold import Fold
from ._pairs import Pairs


class _Triangle(NamedTuple):
    """Least squares reduced to a square upper triangle: X = basis @ pinv(factor) @ rhs.

    Attributes:
        factor: R.
        rhs: Z.
        basis: B, orthonormal columns; `None` is the identity.
        absent: rows of `factor` that stand for no stored pair. They have only their
            diagonal entry, are solvable and change nothing else.
    """

    factor: Float[Array, "k k"]
    rhs: Float[Array, "k v"]
    basis: Float[Array, "d k"] | None = None
    absent: int | Int[Array, ""] = 0


@eqx.filter_custom_jvp
def minimum_norm(
    pairs: Pairs, *, rtol: Float[Array, ""], fold: Fold
) -> tuple[Float[Array, "d v"], Int[Array, ""]]:
    r"""The matrix of least norm among those that minimize $|K X - V|$.

    Args:
        pairs: the stored pairs.
        rtol: singular values of K up to `rtol` times the largest count as zero.
        fold: how the pairs are summed up.

    Returns:
        X, and the rank: the number of singular values that do not count as zero. The
        derivative is the one at constant rank, finite where singular values coincide.

    References:
        Golub & Pereyra (1973), doi:10.1137/0710036, eq. 4.12 (the derivative).
        Björck (1996), doi:10.1137/1.9781611971484, sections 1.3 and 2.2.
    """
    triangle = _reduce(pairs, fold)

    def exact():
        size = jnp.asarray(triangle.factor.shape[0], jnp.int32)
        return solve_triangular(triangle.factor, triangle.rhs), size

    def truncated():
        left, inverse, right = _truncated_svd(triangle.factor, rtol)
        y = fold.dot(right, inverse[:, None] * fold.dot(left.T, triangle.rhs))
        return y, jnp.sum(inverse > 0, dtype=jnp.int32)

    y, rank = jax.lax.cond(_spread(triangle.factor) * rtol < 1, exact, truncated)
    x = y if triangle.basis is None else fold.dot(triangle.basis, y)
    return x, rank - triangle.absent


@minimum_norm.def_jvp
def _minimum_norm_jvp(primals, tangents, *, rtol, fold):
    (pairs,), (change,) = primals, tangents
    x, rank = minimum_norm(pairs, rtol=rtol, fold=fold)
    root, span = _row_space(_reduce(pairs, fold), rtol, fold)
    dot = fold.dot
    gram_inverse = lambda y: dot(root, dot(root.T, y))
    weighted = gram_inverse(x)

    def terms(block, change):
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


def _reduce(pairs: Pairs, fold: Fold) -> _Triangle:
    n, d = pairs.keys.shape
    if fold.stop is None:
        if fold.total(pairs) > 2 * d:
            return _Triangle(*_reduce_many(pairs, fold))
        return _reduce_few(*_gather(pairs, fold), fold)
    # The load is known only at run time: take the smallest window that holds it.
    # Each window is compiled: a small one is worth it where a large one takes long.
    sizes = (d // 4, d, 2 * d) if d >= 256 else (d, 2 * d)
    windows = [size for size in sizes if size < n] + [n]
    smallest = sum((fold.stop > size).astype(jnp.int32) for size in windows[:-1])
    keys, values = _gather(pairs.rows(0, min(2 * d, n)), fold)

    def reduce(size):
        if size > 2 * d:
            triangle = _Triangle(*_reduce_many(pairs, fold))
        else:
            triangle = _reduce_few(keys[:size], values[:size], fold)
        factor, rhs, basis, _ = triangle
        basis = jnp.eye(d, dtype=factor.dtype) if basis is None else basis
        short = d - factor.shape[0]
        pad = lambda x, *axes: jnp.pad(x, [(0, short * (i in axes)) for i in (0, 1)])
        return pad(factor, 0, 1), pad(rhs, 0), pad(basis, 1)

    branches = [functools.partial(reduce, size) for size in windows]
    factor, rhs, basis = jax.lax.switch(smallest, branches)
    # In a window of up to d pairs their order is reversed: absent ones come first.
    size = jnp.asarray([min(size, d) for size in windows], jnp.int32)[smallest]
    index = jnp.arange(d, dtype=jnp.int32)
    stored = (index >= size - fold.stop) & (index < size)
    # Not above the largest singular value, which `rtol` refers to.
    scale = jnp.max(jnp.abs(factor))
    diagonal = jnp.where(stored, 0, jnp.where(scale > 0, scale, 1))
    return _Triangle(
        factor + jnp.diag(diagonal),
        rhs,
        jnp.where(stored[None], basis, 0),
        jnp.sum(~stored, dtype=jnp.int32),
    )


def _gather(
    pairs: Pairs, fold: Fold
) -> tuple[Float[Array, "n d"], Float[Array, "n v"]]:
    """All keys and values, absent ones zero."""
    concatenate = lambda a, b: jax.tree.map(lambda *x: jnp.concatenate(x), a, b)
    at_once = fold.with_block_size(None)
    return at_once(lambda block: (block.keys, block.values), concatenate, pairs)


def _reduce_few(
    keys: Float[Array, "n d"], values: Float[Array, "n v"], fold: Fold
) -> _Triangle:
    if keys.shape[0] > keys.shape[1]:
        return _Triangle(*_qr(keys, values, fold))
    basis, factor = jnp.linalg.qr(keys.T)
    return _Triangle(factor[::-1, ::-1].T, values[::-1], basis[:, ::-1])


def _reduce_many(
    pairs: Pairs, fold: Fold
) -> tuple[Float[Array, "d d"], Float[Array, "d v"]]:
    d = pairs.keys.shape[1]

    def products(block):
        return fold.dot(block.keys.T, block.keys), fold.dot(block.keys.T, block.values)

    def compress(block):
        # At least d rows, so that every summary is a d x d triangle.
        short = max(d - block.keys.shape[0], 0)
        pad = lambda x: jnp.pad(x, ((0, short), (0, 0)))
        return _qr(pad(block.keys), pad(block.values), fold)

    def stack(a, b):
        keys, values = (jnp.concatenate(x) for x in zip(a, b, strict=True))
        return _qr(keys, values, fold)

    def by_qr():
        tall = fold.with_block_size(max(fold.block_rows(pairs), 2 * d))
        return tall(compress, stack, pairs)

    gram, cross = fold(products, _add, pairs)
    factor = jnp.linalg.cholesky(gram, upper=True)
    by_gram = lambda: (factor, solve_triangular(factor, cross, trans=1))
    # Orthogonal keys have spread d, Gaussian keys with n = 2d have 1.41 d. A matrix
    # that failed to factor has spread nan.
    return jax.lax.cond(_spread(factor) <= 3 * d, by_gram, by_qr)


def _row_space(
    triangle: _Triangle, rtol: Float[Array, ""], fold: Fold
) -> tuple[Float[Array, "d k"], Float[Array, "d k"]]:
    r"""F and B with $(K^\top K)^+ = F F^\top$ and $K^+ K = B B^\top$."""
    identity = jnp.eye(triangle.factor.shape[0], dtype=triangle.factor.dtype)

    def exact():
        return solve_triangular(triangle.factor, identity), identity

    def truncated():
        _, inverse, right = _truncated_svd(triangle.factor, rtol)
        return right * inverse[None], jnp.where(inverse[None] > 0, right, 0)

    root, span = jax.lax.cond(_spread(triangle.factor) * rtol < 1, exact, truncated)
    if triangle.basis is None:
        return root, span
    return fold.dot(triangle.basis, root), fold.dot(triangle.basis, span)


def _spread(factor: Float[Array, "k k"]) -> Float[Array, ""]:
    r"""$|R|_F |R^{-1}|_F$, an upper bound on the condition number."""
    inverse = solve_triangular(factor, jnp.eye(factor.shape[0], dtype=factor.dtype))
    return jnp.linalg.norm(factor) * jnp.linalg.norm(inverse)


def _qr(
    keys: Float[Array, "n d"], values: Float[Array, "n v"], fold: Fold
) -> tuple[Float[Array, "d d"], Float[Array, "d v"]]:
    # LAPACK takes columns. Said here, XLA reorders these rows, and not, before the loop
    # or branch they are in, all rows that they are taken from.
    columns = with_layout_constraint(keys, Layout((0, 1)))
    basis, factor = jnp.linalg.qr(columns)
    return factor, fold.dot(basis.T, values)


def _truncated_svd(
    matrix: Float[Array, "k k"], rtol: Float[Array, ""]
) -> tuple[Float[Array, "k k"], Float[Array, " k"], Float[Array, "k k"]]:
    left, singular, right = jnp.linalg.svd(matrix)
    keep = singular > rtol * singular[0]
    inverse = jnp.where(keep, 1 / jnp.where(keep, singular, 1), 0)
    return left, inverse, right.T


def _add(a, b):
    return jax.tree.map(jnp.add, a, b)
