r"""Least squares of stored pairs, reduced to a square triangular matrix.

Up to d pairs are reduced by the QR decomposition of $K^\top$. More are reduced to the
Cholesky factor of $K^\top K$. That halves the digits that ill-conditioned keys leave,
so it is kept only where the factor shows that there is little to lose, and block-wise
QR of K takes its place elsewhere.

A penalty $\lambda |X|^2$ is d more pairs, of keys $\sqrt\lambda I$ and values zero. A
Gram matrix has it on the diagonal; a triangle takes its root up by one more QR, which
loses no digits where the penalty is small.
"""

from typing import NamedTuple, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Bool, Float

from .._base.exact import widened
from .fold import Fold
from .pairs import AbstractPairs, Pairs


Products: TypeAlias = Float[Array, "d c"]


class Problem(NamedTuple):
    """Least squares of stored pairs.

    Attributes:
        pairs: the pairs.
        products: the sum over them that stands for them where they are many, if any:
            see `least_squares.products`.
        rtol: singular values up to `rtol` times the largest count as zero.
        unit: of the keys, a power of two.
        fold: over the pairs.
        root: the square root of the penalty, in the unit; `None` is no penalty.
    """

    pairs: AbstractPairs
    products: Products | None
    rtol: Float[Array, ""]
    unit: Float[Array, ""]
    fold: Fold
    root: Float[Array, ""] | None = None


class Reduced(NamedTuple):
    """Least squares reduced to a square matrix A: X = basis @ pinv(A) @ rhs.

    Attributes:
        matrix: A, a triangle. It holds the penalty.
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


def by_qr(problem: Problem, whole: bool = False) -> Reduced:
    """By orthogonal matrices, however the keys are conditioned.

    Args:
        problem: the problem.
        whole: whether A is to be of d rows where there are more than d rows of pairs.
    """
    pairs, fold, d = problem.pairs, problem.fold, problem.pairs.dimension
    if fold.total(pairs) <= d:
        return by_wide_qr(problem)
    stop = None if fold.axis_name is not None else fold.stop
    if problem.root is None or whole or stop is None:
        return by_tall_qr(problem)
    # Of few pairs a tall triangle has rounding errors in place of zeros, and a small
    # penalty divides by its own size what they are multiplied with.
    few = lambda: by_wide_qr(problem._replace(pairs=pairs.rows(0, d)))

    def many():
        reduced = by_tall_qr(problem)
        return reduced._replace(basis=jnp.eye(d, dtype=reduced.rhs.dtype))

    return jax.lax.cond(stop <= d, few, many)


def by_gram(problem: Problem) -> Reduced:
    products, fold, root = problem.products, problem.fold, problem.root
    assert products is not None
    gram, cross = jnp.split(products, [len(products)], axis=1)
    if root is not None:
        gram += root**2 * jnp.eye(len(gram), dtype=gram.dtype)
    factor = jax.lax.linalg.cholesky(gram, symmetrize_input=False)
    inverse, spread = inverted(factor, lower=True)
    trusted = _keeps_digits(spread, len(gram), problem.rtol)
    return Reduced(factor.T, inverse.T, trusted, fold.dot(inverse, cross))


def by_either_gram(problem: Problem) -> Reduced:
    r"""Up to d pairs by $K K^\top$, more by $K^\top K$.

    Which one is no branch, so that a batch of both kinds is factored at once.
    """
    pairs, products, rtol, _, fold, root = problem
    d = pairs.dimension
    if products is not None and fold.stop is None:
        return by_gram(problem)
    few, first = fold.stop is None or fold.stop <= d, _first_rows(problem)
    gram, stored = fold.dot(first.keys, first.keys.T), first.mask
    # What is not stored is a number on the diagonal, of the size of the others.
    scale = jnp.max(jnp.abs(gram))
    gram += jnp.diag(jnp.where(stored, 0, jnp.where(scale > 0, scale, 1)))
    if products is not None:
        summed, cross = jnp.split(products, [d], axis=1)
        gram, stored = jnp.where(few, gram, summed), stored | jnp.logical_not(few)
    if root is not None:
        gram += jnp.diag(jnp.where(stored, root**2, 0))
    factor = jax.lax.linalg.cholesky(gram, symmetrize_input=False)
    inverse, spread = inverted(factor, lower=True, among=stored)
    count = jnp.maximum(jnp.sum(stored, dtype=gram.dtype), 1)
    trusted = _keeps_digits(spread, count, rtol)
    basis = fold.dot(first.keys.T, inverse.T)
    if products is None:
        return Reduced(factor, inverse, trusted, first.values, basis)
    either = lambda few_pairs, many: jnp.where(few, few_pairs, many)
    return Reduced(
        either(factor, factor.T),
        either(inverse, inverse.T),
        trusted,
        either(first.values, fold.dot(inverse, cross)),
        either(basis, jnp.eye(d, dtype=basis.dtype)),
    )


def with_own_products(problem: Problem) -> Problem:
    """The same problem with the products of its pairs, where they are not summed."""
    products, stop = problem.products, problem.fold.stop
    if products is not None and stop is None:
        return problem
    first = _first_rows(problem)
    own = problem.fold.dot(first.keys.T, beside(first))
    if products is not None and stop is not None:
        own = jnp.where(stop <= problem.pairs.dimension, own, products)
    return problem._replace(products=own)


def _first_rows(problem: Problem) -> Pairs:
    """The first d rows, in their unit, those stored."""
    pairs, fold = problem.pairs, problem.fold
    rows = pairs.rows(0, min(pairs.num_rows, pairs.dimension))
    return in_unit(widened(fold.stored(rows).present()), problem.unit)


def _keeps_digits(spread: Array, size: int | Array, rtol: Array) -> Bool[Array, ""]:
    """Whether the Cholesky factor of a Gram matrix of this size is to be trusted."""
    # Orthogonal keys have spread d, Gaussian keys with n = 2d have 1.41 d. With a limit
    # of 2 d, new queries at n = 1.4 d were answered less accurately than with
    # `torch.linalg.pinv`. A matrix that failed to factor has spread nan.
    return spread * jnp.maximum(rtol, 1 / (1.6 * size)) < 1


def _is_of_full_rank(
    factor: Array, inverse: Array, rtol: Array, fold: Fold
) -> Bool[Array, ""]:
    r"""Whether the smallest singular value of a factor A is sure not to count as zero.

    The largest one is at most the root of $|A^\top A|_F$, which for Gaussian keys is a
    fifth of $|A|_F$ at d = 1024: fewer square matrices need their singular values.
    """
    # The keys are in a unit: fourth powers of the factor are in range.
    largest = jnp.sqrt(jnp.linalg.norm(fold.dot(factor.T, factor)))
    return largest * jnp.linalg.norm(inverse) * rtol < 1


def by_tall_qr(problem: Problem) -> Reduced:
    """More than d rows, block by block."""
    pairs, _, rtol, unit, fold, root = problem
    d, v = pairs.dimension, pairs.value_dimension

    def absorb(triangle, rows):
        # What the orthogonal matrix makes of the values stands beside the triangle.
        stack = _by_row(jnp.concatenate([triangle, rows]))
        return jnp.linalg.qr(stack, mode="r")[:d]

    nothing = jnp.zeros((d, d + v), pairs.dtype)
    tall = fold.with_block_size(max(fold.block_rows(pairs), 2 * d))
    rows = lambda block: beside(in_unit(block, unit))
    reduced = tall.accumulate(rows, absorb, nothing, pairs)
    triangle, rhs = jnp.split(reduced, [d], axis=1)
    if root is not None:
        triangle, rhs = _penalized(triangle, rhs, jnp.full(d, root))
    inverse, _ = inverted(triangle)
    trusted = _is_of_full_rank(triangle, inverse, rtol, fold)
    return Reduced(triangle, inverse, trusted, rhs)


def by_wide_qr(problem: Problem) -> Reduced:
    pairs, _, rtol, unit, fold, root = problem
    concatenate = lambda a, b: jax.tree.map(lambda *x: jnp.concatenate(x), a, b)
    everything = fold.with_block_size(None)

    def whole(block):
        block = in_unit(block, unit)
        return _by_row(block.keys), _by_row(block.values)

    keys, values = everything(whole, concatenate, pairs)
    basis, factor = jnp.linalg.qr(keys.T)
    solvable, scale = factor, jnp.zeros(len(factor), factor.dtype)
    if fold.stop is not None and fold.axis_name is None:
        # Pairs that `stop` excludes are the last columns, zero. An entry on the
        # diagonal, of the size of the others, makes them solvable: what is excluded
        # does not count as a loss of rank.
        scale = jnp.max(jnp.abs(factor))
        absent = jnp.arange(len(factor), dtype=jnp.int32) >= fold.stop
        scale = jnp.where(absent, jnp.where(scale > 0, scale, 1), 0)
        solvable = factor + jnp.diag(scale)
        basis = jnp.where(absent, 0, basis)
    if root is not None:
        diagonal = jnp.where(scale > 0, scale, root)
        matrix, rhs = _penalized(factor.T, values, diagonal)
        inverse, _ = inverted(matrix)
        trusted = _is_of_full_rank(matrix, inverse, rtol, fold)
        return Reduced(matrix, inverse, trusted, rhs, basis)
    # Not the transpose of an inverse: what an inverse leaves over is small on one side
    # of the matrix only, and here that side has to be the one of the values.
    inverse, _ = inverted(solvable.T, lower=True)
    trusted = _is_of_full_rank(solvable, inverse, rtol, fold)
    return Reduced(factor.T, inverse, trusted, values, basis)


def _penalized(
    matrix: Float[Array, "k k"], rhs: Float[Array, "k v"], root: Float[Array, " k"]
) -> tuple[Float[Array, "k k"], Float[Array, "k v"]]:
    """The triangle and the values of a square problem with its penalty.

    Args:
        matrix: of the problem without a penalty.
        rhs: its values.
        root: the root of the penalty of each unknown.
    """
    size = len(matrix)
    above = jnp.concatenate([jnp.diag(root), jnp.zeros_like(rhs)], axis=1)
    stack = jnp.concatenate([above, jnp.concatenate([matrix, rhs], axis=1)])
    reduced = jnp.linalg.qr(_by_row(stack), mode="r")[:size]
    return reduced[:, :size], reduced[:, size:]


def dual_root(problem: Problem) -> tuple[Float[Array, "n k"], Bool[Array, ""]]:
    r"""E with $(K K^\top + \lambda I)^{-1} = E E^\top$, of up to d rows of keys.

    And whether it is to be trusted: with care it is, in any case.
    """
    inverse, trusted, _ = _dual(problem)
    return inverse, trusted


def dual_root_with_care(problem: Problem) -> Float[Array, "n k"]:
    """The same, where a negligible penalty drops what the keys do not reach."""
    inverse, trusted, matrix = _dual(problem)

    def truncated():
        _, inverse, right = truncated_svd(matrix, problem.rtol)
        return right * inverse[None]

    return jax.lax.cond(trusted, lambda: inverse, truncated)


def _dual(problem: Problem):
    # What is left of keys, transposed, is the same problem with rows for columns.
    fold, rtol, root = problem.fold, problem.rtol, problem.root
    assert root is not None
    matrix = by_wide_qr(problem._replace(root=None)).matrix.T
    diagonal = jnp.full(len(matrix), root)
    matrix, _ = _penalized(matrix, jnp.zeros_like(matrix[:, :0]), diagonal)
    inverse, _ = inverted(matrix)
    return inverse, _is_of_full_rank(matrix, inverse, rtol, fold), matrix


def inverted(
    factor: Float[Array, "k k"],
    lower: bool = False,
    among: Bool[Array, " k"] | None = None,
) -> tuple[Float[Array, "k k"], Array]:
    r"""$A^{-1}$, and $|A|_F |A^{-1}|_F$, an upper bound on the condition number.

    The bound is that of some rows, where the others are those of a diagonal matrix.
    """
    identity = jnp.eye(len(factor), dtype=factor.dtype)
    inverse = solve_triangular(factor, identity, lower=lower)
    rows = lambda x: x if among is None else jnp.where(among[:, None], x, 0)
    return inverse, jnp.linalg.norm(rows(factor)) * jnp.linalg.norm(rows(inverse))


def truncated_svd(
    matrix: Float[Array, "k k"], rtol: Float[Array, ""]
) -> tuple[Float[Array, "k k"], Float[Array, " k"], Float[Array, "k k"]]:
    left, singular, right = jnp.linalg.svd(matrix)
    keep = singular > rtol * singular[0]
    inverse = jnp.where(keep, 1 / jnp.where(keep, singular, 1), 0)
    return left, inverse, right.T


def beside(pairs: Pairs) -> Float[Array, "n c"]:
    """Keys and values side by side: one array, with less to compile than two."""
    keys, values, d = pairs.keys, pairs.values, pairs.dimension
    # Not concatenated: where pairs are drawn, each number of the whole would be drawn
    # within a branch, at half the speed.
    both = jnp.zeros((len(keys), d + values.shape[1]), jnp.result_type(keys, values))
    return both.at[:, :d].set(keys).at[:, d:].set(values)


def _by_row(x: Float[Array, "n c"]) -> Float[Array, "n c"]:
    # LAPACK takes columns. From a line of numbers, which has one order alone, XLA makes
    # columns of these rows, and not, before the loop or branch that they are in, of all
    # rows they are taken from. A constraint on the layout is shorter, but not exported.
    line = lambda x: jax.lax.optimization_barrier(x.reshape(-1)).reshape(x.shape)
    return jax.lax.platform_dependent(x, cpu=line, default=lambda x: x)


def in_unit(pairs: Pairs, unit: Float[Array, ""]) -> Pairs:
    """A block of pairs, with its keys over their unit.

    Of all pairs it would make a copy; of a block it is done as the block is read.
    """
    return eqx.tree_at(lambda pairs: pairs.keys, pairs, pairs.keys * (1 / unit))
