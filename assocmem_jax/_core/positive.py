"""Pseudoinverses of positive semidefinite matrices."""

from typing import TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from .._base.exact import unit_of
from .batches import by_platform
from .reduced import inverted, truncated_svd


Square: TypeAlias = Float[Array, "d d"]


@jax.custom_jvp
def pseudoinverse(matrix: Square) -> tuple[Square, Square]:
    r"""$A^+$ of a positive semidefinite A, and the projector $I - A^+ A$.

    Eigenvalues up to $4 d \epsilon$ times the largest count as zero: rounding alone
    leaves as much. By Cholesky where none is near that. Derivatives are those at
    constant rank.

    References:
        Golub & Pereyra (1973), doi:10.1137/0710036, eq. 4.12 (the derivative).
    """
    solve = by_platform(_solve, _quickly, _with_care)
    return solve(matrix)


@pseudoinverse.defjvp
def _pseudoinverse_jvp(primals, tangents):
    (matrix,), (change,) = primals, tangents
    inverse, null = pseudoinverse(matrix)
    dot = lambda *factors: jnp.linalg.multi_dot(factors, precision="highest")
    turned = dot(inverse, inverse, change, null)
    moved = dot(inverse, change, null)
    d_inverse = turned + turned.T - dot(inverse, change, inverse)
    return (inverse, null), (d_inverse, -(moved + moved.T))


def _solve(matrix: Square) -> tuple[Square, Square]:
    out, trusted = _quickly(matrix)
    return jax.lax.cond(trusted, lambda: out, lambda: _with_care(matrix))


def _quickly(matrix: Square) -> tuple[tuple[Square, Square], Bool[Array, ""]]:
    unit = unit_of(matrix)
    factor = jax.lax.linalg.cholesky(matrix / unit, symmetrize_input=False)
    inverse, condition = inverted(factor, lower=True)
    # The condition number of the matrix is the square of that of its factor. A matrix
    # that failed to factor has nan.
    trusted = condition**2 * _rtol(matrix) < 1
    product = jnp.matmul(inverse.T, inverse, precision="highest") * (1 / unit)
    return (product, jnp.zeros_like(matrix)), trusted


def _with_care(matrix: Square) -> tuple[Square, Square]:
    unit = unit_of(matrix)
    _, inverse, right = truncated_svd(matrix / unit, _rtol(matrix))
    null = jnp.where(inverse[None] > 0, 0, right)
    dot = lambda a, b: jnp.matmul(a, b, precision="highest")
    return dot(right * (inverse[None] / unit), right.T), dot(null, null.T)


def _rtol(matrix: Square) -> Float[Array, ""]:
    return jnp.asarray(4 * len(matrix) * jnp.finfo(matrix.dtype).eps, matrix.dtype)
