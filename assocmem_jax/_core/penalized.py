r"""Penalized least squares $X = (K^\top K + \lambda I)^{-1} K^\top V$ of stored pairs.

The penalty is a part of the problem that is reduced: see `reduced`. Where the rounding
errors of the keys hide it, X is the matrix of least norm.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .fold import Fold
from .least_squares import (
    add,
    in_batches,
    row_space,
    solve,
    solve_quickly,
    solve_with_care,
    solved_without_products,
    summed,
)
from .pairs import AbstractPairs
from .reduced import Problem, Products, dual_root, dual_root_with_care, in_unit
from .table import Column


@eqx.filter_custom_jvp
def penalized(
    pairs: AbstractPairs,
    products: Products | None,
    root: Float[Array, ""],
    *,
    rtol: Float[Array, ""],
    unit: Float[Array, ""],
    fold: Fold,
) -> Float[Array, "d v"]:
    r"""The matrix X that minimizes $|K X / u - V|^2 + r^2 |X|^2$.

    Args:
        pairs: the stored pairs.
        products: as for `least_squares.minimum_norm`.
        root: r, the square root of the penalty over the unit.
        rtol: directions in which the keys and r are both at most `rtol` times the
            largest singular value count for nothing.
        unit: u, a power of two, so that squares of keys over it are in range.
        fold: how the pairs are summed up.
    """
    solved = in_batches(fold, solve, solve_quickly, solve_with_care)
    return solved(Problem(pairs, products, rtol, unit, fold, root))[0]


@penalized.def_jvp
def _penalized_jvp(primals, tangents, *, rtol, unit, fold):
    # With C = K^T K + r^2 I and P the projector on the keys, dX is
    # C^-1 (K^T (dV - dK X) + dK^T (V - K X) - 2 r dr X). What dK^T has outside of the
    # keys is divided by r^2, as V - K X is r^2 W with W = (K K^T + r^2 I)^-1 V: so up
    # to d pairs it is (I - P) dK^T W. Of more, F F^T is C^-1 itself, and P is I, but
    # where the penalty is negligible, and W is that of least norm.
    (pairs, products, root), (change, _, moved_root) = primals, tangents
    options: Any = {"rtol": rtol, "unit": unit, "fold": fold}
    x = penalized(pairs, products, root, **options)
    many = summed(pairs, unit, fold)
    factor, span = row_space(pairs, many, root, whole=True, **options)
    dot = fold.dot
    inverse = lambda y: dot(factor, dot(factor.T, y))
    weighted = inverse(x)
    tables = (pairs, pairs.moved(change))
    if many is None:
        tables = (*tables, _duals(pairs, root, **options))

    def terms(block, change, *duals):
        block, change = in_unit(block, unit), in_unit(change, unit)
        k, v, dk, dv = block.keys, block.values, change.keys, change.values
        fitted = dot(k.T, dv - dot(dk, x)) + dot(dk.T, v - dot(k, x))
        w = duals[0].entries if duals else dot(k, weighted)
        return fitted, dot(dk.T, w)

    fitted, turned = fold(terms, add, *tables)
    if moved_root is not None:
        fitted -= 2 * root * (moved_root * x)
    return x, inverse(fitted) + turned - dot(span, dot(span.T, turned))


def _duals(pairs: AbstractPairs, root: Array, *, rtol: Array, unit: Array, fold: Fold):
    r"""The rows of $(K K^\top + r^2 I)^{-1} V$, of up to d rows of pairs."""
    rows = _dual_root(pairs, root, rtol=rtol, unit=unit, fold=fold)
    if fold.axis_name is not None:
        place = jax.lax.axis_index(fold.axis_name) * pairs.num_rows
        rows = jax.lax.dynamic_slice_in_dim(rows, place, pairs.num_rows)
    own = Column(rows, pairs.mask)
    of_block = lambda block, rows: fold.dot(rows.entries.T, block.values)
    entries = fold.dot(rows, fold(of_block, add, pairs, own))
    return Column(entries, pairs.mask)


@eqx.filter_custom_jvp
def _dual_root(pairs, root, *, rtol, unit, fold):
    given = Problem(pairs, None, rtol, unit, fold, root)
    careful = dual_root_with_care
    return in_batches(fold, careful, dual_root, careful)(given)


@_dual_root.def_jvp
def _dual_root_jvp(primals, tangents, *, rtol, unit, fold):
    # A batching rule of one's own has no reverse mode: differentiate what it calls.
    def rows(pairs, root):
        return dual_root_with_care(Problem(pairs, None, rtol, unit, fold, root))

    return eqx.filter_jvp(rows, primals, tangents)


def inverse_factors(
    pairs: AbstractPairs,
    products: Products,
    root: Float[Array, ""],
    *,
    rtol: Float[Array, ""],
    unit: Float[Array, ""],
    fold: Fold,
) -> tuple[Float[Array, "d k"], Float[Array, "k k"]]:
    r"""F with $F F^\top K^\top = (K^\top K + r^2 I)^{-1} K^\top$, and $|K F|^2$.

    The second is $F^\top K^\top K F$; K is in its unit.
    """
    factor, _ = row_space(pairs, products, root, rtol=rtol, unit=unit, fold=fold)

    def summed_again():
        def of_block(block):
            keys = in_unit(block, unit).keys
            return fold.dot(keys.T, keys)

        return fold(of_block, add, pairs)

    # Up to so many pairs nobody has summed their products.
    alone = solved_without_products(pairs, fold)
    if fold.axis_name is not None:
        gram = products
    elif fold.stop is None:
        gram = summed_again() if pairs.num_rows <= alone else products
    else:
        gram = jax.lax.cond(fold.stop <= alone, summed_again, lambda: products)
    # Where the penalty is small, the first is 1 less a little; where it is large, the
    # second loses nothing by the condition of the keys.
    identity = jnp.eye(factor.shape[1], dtype=factor.dtype)
    small = identity - fold.dot((root * factor).T, root * factor)
    large = fold.dot(factor.T, fold.dot(gram, factor))
    is_large = root**2 > jnp.trace(gram) / len(gram)
    return factor, jnp.where(is_large, large, small)
