r"""The minimum-norm least-squares matrix $X = K^+ V$ of stored pairs.

Every path reduces the pairs to a square triangle R and a right-hand side Z with the
same answer. Up to d pairs, $K^\top = Q R$ and $X = Q R^{-\top} V$; up to 2d,
$K = Q R$ and $X = R^{-1} Q^\top V$; beyond, R is the Cholesky factor of $K^\top K$,
which halves the digits that ill-conditioned keys leave, so it is kept only where R
shows that there is nothing to lose, and block-wise QR takes its place elsewhere. Only a
triangle that may be rank deficient costs a singular value decomposition, of its own
size.
"""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float, Int

from ._fold import Fold
from ._pairs import Pairs


class _Triangle(NamedTuple):
    """Least squares reduced to a square upper triangle.

    Attributes:
        factor: R.
        rhs: Z. The problem left is R Y = Z, or its transpose where `basis` is given.
        spread: $|R|_F |R^{-1}|_F$, an upper bound on the condition number.
        basis: Q with X = Q Y, where there are fewer keys than dimensions.
        padding: diagonal entries that stand for absent pairs.
    """

    factor: Float[Array, "k k"]
    rhs: Float[Array, "k v"]
    spread: Float[Array, ""]
    basis: Float[Array, "d k"] | None = None
    padding: int | Int[Array, ""] = 0


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
    if fold.stop is None:
        return _solve(_reduce(pairs, fold), rtol, fold)
    # The load is known only at run time: the smallest window of rows that holds it.
    n, d = pairs.keys.shape
    windows = [size for size in (d, 2 * d) if size < n] + [n]
    solve = lambda size: lambda: _solve(_reduce(pairs.rows(0, size), fold), rtol, fold)
    smallest = sum((fold.stop > size).astype(int) for size in windows[:-1])
    return jax.lax.switch(smallest, [solve(size) for size in windows])


@minimum_norm.def_jvp
def _minimum_norm_jvp(primals, tangents, *, rtol, fold):
    (pairs,), (change,) = primals, tangents
    x, rank = minimum_norm(pairs, rtol=rtol, fold=fold)
    static = Fold(None, axis_name=fold.axis_name, precision=fold.precision)
    root, basis = _row_space(_reduce(fold.stored(pairs), static), rtol, fold)
    dot = _dot(fold)
    gram_inverse = lambda y: dot(root, dot(root.T, y))
    weighted = gram_inverse(x)

    def terms(block):
        k, dk = jnp.split(block.keys, 2, axis=1)
        v, dv = jnp.split(block.values, 2, axis=1)
        fitted = dot(k.T, dv - dot(dk, x)) + dot(dk.T, v - dot(k, x))
        return fitted, dot(dk.T, dot(k, weighted))

    both = lambda x, dx: jnp.concatenate([x, jnp.zeros_like(x) if dx is None else dx], 1)
    joined = eqx.tree_at(
        lambda p: (p.keys, p.values),
        pairs,
        (both(pairs.keys, change.keys), both(pairs.values, change.values)),
    )
    fitted, turned = fold(terms, _add, joined)
    dx = gram_inverse(fitted) + turned - dot(basis, dot(basis.T, turned))
    return (x, rank), (dx, None)


def _reduce(pairs: Pairs, fold: Fold) -> _Triangle:
    d = pairs.keys.shape[1]
    if fold.total(pairs) > 2 * d:
        return _reduce_many(pairs, fold)
    concatenate = lambda a, b: jax.tree.map(lambda *x: jnp.concatenate(x), a, b)
    rows = fold.with_block_size(None)
    keys, values = rows(lambda block: (block.keys, block.values), concatenate, pairs)
    if keys.shape[0] > d:
        return _triangle(*_qr(keys, values, fold))
    basis, factor = jnp.linalg.qr(keys.T)
    if fold.stop is None:
        return _triangle(factor, values)._replace(basis=basis)
    # Absent keys at the end are zero columns of R. A diagonal entry makes them
    # solvable and, being alone in its row and column, changes nothing else.
    absent = jnp.arange(keys.shape[0]) >= fold.stop
    factor = factor + jnp.diag(jnp.where(absent, jnp.linalg.norm(factor), 0))
    return _triangle(factor, values)._replace(basis=basis, padding=jnp.sum(absent, dtype=jnp.int32))


def _reduce_many(pairs: Pairs, fold: Fold) -> _Triangle:
    d, v = pairs.keys.shape[1], pairs.values.shape[1]
    dot = _dot(fold)

    def products(block):
        return dot(block.keys.T, block.keys), dot(block.keys.T, block.values)

    def compress(block):
        # At least d rows, so that every summary is a d x d triangle.
        short = max(d - block.keys.shape[0], 0)
        pad = lambda x: jnp.pad(x, ((0, short), (0, 0)))
        return _qr(pad(block.keys), pad(block.values), fold)

    def stack(a, b):
        return _qr(*(jnp.concatenate(x) for x in zip(a, b, strict=True)), fold)

    def by_qr():
        tall = fold.with_block_size(max(fold.block_rows(pairs), 2 * d))
        return _triangle(*tall(compress, stack, pairs))

    gram, cross = fold(products, _add, pairs)
    factor = jnp.linalg.cholesky(gram, upper=True)
    by_gram = _triangle(factor, solve_triangular(factor, cross, trans=1))
    # Orthogonal keys have spread d, Gaussian keys with n = 2d have 1.41 d. A matrix
    # that has failed to factor has spread nan.
    trusted = by_gram.spread <= 3 * d
    return jax.lax.cond(trusted, lambda: by_gram, by_qr)


def _solve(
    triangle: _Triangle, rtol: Float[Array, ""], fold: Fold
) -> tuple[Float[Array, "d v"], Int[Array, ""]]:
    dot = _dot(fold)
    transposed = triangle.basis is not None

    def exact():
        y = solve_triangular(triangle.factor, triangle.rhs, trans=int(transposed))
        return y, jnp.asarray(triangle.factor.shape[0], jnp.int32)

    def truncated():
        left, inverse, right = _truncated_svd(triangle.factor, rtol, transposed)
        y = dot(right, inverse[:, None] * dot(left.T, triangle.rhs))
        return y, jnp.sum(inverse > 0, dtype=jnp.int32)

    y, rank = jax.lax.cond(triangle.spread * rtol < 1, exact, truncated)
    x = y if triangle.basis is None else dot(triangle.basis, y)
    return x, rank - triangle.padding


def _row_space(
    triangle: _Triangle, rtol: Float[Array, ""], fold: Fold
) -> tuple[Float[Array, "d k"], Float[Array, "d k"]]:
    r"""F and B with $(K^\top K)^+ = F F^\top$ and $K^+ K = B B^\top$."""
    transposed = triangle.basis is not None
    identity = jnp.eye(triangle.factor.shape[0], dtype=triangle.factor.dtype)

    def exact():
        inverse = solve_triangular(triangle.factor, identity, trans=int(transposed))
        return inverse, identity

    def truncated():
        _, inverse, right = _truncated_svd(triangle.factor, rtol, transposed)
        return right * inverse, right * (inverse > 0)

    root, basis = jax.lax.cond(triangle.spread * rtol < 1, exact, truncated)
    if triangle.basis is None:
        return root, basis
    dot = _dot(fold)
    return dot(triangle.basis, root), dot(triangle.basis, basis)


def _triangle(factor: Float[Array, "k k"], rhs: Float[Array, "k v"]) -> _Triangle:
    identity = jnp.eye(factor.shape[0], dtype=factor.dtype)
    inverse = solve_triangular(factor, identity)
    spread = jnp.linalg.norm(factor) * jnp.linalg.norm(inverse)
    return _Triangle(factor, rhs, spread)


def _qr(
    keys: Float[Array, "n d"], values: Float[Array, "n v"], fold: Fold
) -> tuple[Float[Array, "d d"], Float[Array, "d v"]]:
    basis, factor = jnp.linalg.qr(keys)
    return factor, _dot(fold)(basis.T, values)


def _truncated_svd(
    matrix: Float[Array, "k k"], rtol: Float[Array, ""], transposed: bool
) -> tuple[Float[Array, "k k"], Float[Array, " k"], Float[Array, "k k"]]:
    left, singular, right = jnp.linalg.svd(matrix)
    keep = singular > rtol * singular[0]
    inverse = jnp.where(keep, 1 / jnp.where(keep, singular, 1), 0)
    return (right.T, inverse, left) if transposed else (left, inverse, right.T)


def _dot(fold: Fold) -> Callable:
    return lambda a, b: jnp.matmul(a, b, precision=fold.precision)


def _add(a, b):
    return jax.tree.map(jnp.add, a, b)
