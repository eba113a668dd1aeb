r"""The polar factor $U V^\top$ of a matrix $U S V^\top$."""

from typing import TypeAlias

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .batches import by_platform
from .fold import Fold


Parts: TypeAlias = tuple[Float[Array, "d r"], Float[Array, " r"], Float[Array, "r v"]]


@eqx.filter_custom_jvp
def polar_factor(
    matrix: Float[Array, "d v"], *, rtol: float, fold: Fold
) -> Float[Array, "d v"]:
    r"""The matrix of the same singular vectors, with singular values 1 and 0.

    Args:
        matrix: the matrix.
        rtol: singular values up to `rtol` times the largest count as zero, and stay.
        fold: whose precision products are made at.

    Returns:
        The polar factor. The derivative is the one at constant rank, finite where
        singular values coincide. Where a change of the matrix changes the rank, there
        is none.

    References:
        Higham (2008), doi:10.1137/1.9780898717778, section 8.1.
        Kenney & Laub (1991), doi:10.1137/0612041, theorem 2.2 (the derivative).
    """
    left, singular, right = _parts(matrix, rtol=rtol)
    return fold.dot(jnp.where(singular[None] > 0, left, 0), right)


@polar_factor.def_jvp
def _polar_factor_jvp(primals, tangents, *, rtol, fold):
    # dW = U ((A - A^T) / (s_i + s_j)) V^T of A = U^T dM V, and outside of the row and
    # column space of M its change over s.
    (matrix,), (change,) = primals, tangents
    dot = fold.dot
    left, singular, right = _parts(matrix, rtol=rtol)
    keep = singular > 0
    left = jnp.where(keep[None], left, 0)
    right = jnp.where(keep[:, None], right, 0)
    inverse = jnp.where(keep, 1 / jnp.where(keep, singular, 1), 0)
    sums = singular[:, None] + singular[None]
    both = keep[:, None] & keep[None]
    inside = dot(left.T, dot(change, right.T))
    turned = jnp.where(both, (inside - inside.T) / jnp.where(both, sums, 1), 0)
    # Of the change, what is outside of the columns, and outside of the rows.
    columns = dot(change, right.T) - dot(left, inside)
    rows = dot(left.T, change) - dot(inside, right)
    moved = dot(left, dot(turned, right) + inverse[:, None] * rows)
    return dot(left, right), moved + dot(columns * inverse[None], right)


@eqx.filter_custom_jvp
def _parts(matrix: Float[Array, "d v"], *, rtol: float) -> Parts:
    """Singular vectors and values, those that count as zero set to zero."""
    solve = lambda x: _singular(x, rtol)
    quick = lambda x: (solve(x), jnp.asarray(True))
    return by_platform(solve, quick, solve)(matrix)


@_parts.def_jvp
def _parts_jvp(primals, tangents, *, rtol):
    # A batching rule of one's own has no reverse mode: differentiate what it calls.
    return eqx.filter_jvp(lambda x: _singular(x, rtol), primals, tangents)


def _singular(matrix: Float[Array, "d v"], rtol: float) -> Parts:
    left, singular, right = jnp.linalg.svd(matrix, full_matrices=False)
    return left, jnp.where(singular > rtol * singular[0], singular, 0), right
