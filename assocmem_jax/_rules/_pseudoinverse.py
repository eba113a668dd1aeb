"""Pseudoinverse (projection) rule."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .._checks import check_range, to_scalar
from .._fold import Fold
from .._least_squares import minimum_norm
from .._pairs import Pairs
from .._rule import AbstractRule
from .._weights import Answer, Matrix


class PseudoinverseMemory(eqx.Module):
    """What the pseudoinverse rule stores.

    Attributes:
        weights: the matrix that maps keys to values, for rows: query times weights. It
            is the transpose of the W of the literature.
        rank: effective rank of the keys. Below min(n, d), some keys are linear
            combinations of others, to the accuracy that `rtol` states.
    """

    weights: Matrix
    rank: Int[Array, ""]


class Pseudoinverse(AbstractRule[PseudoinverseMemory]):
    r"""Optimal linear memory, $\hat v = W q$ with $W = V^\top (K^\top)^+$.

    W minimizes $\sum_i |v_i - W k_i|^2$ and, among those that do, has the least norm.
    Up to n = d, linearly independent keys are answered exactly. First derivatives are
    finite for all keys, those at constant rank; second ones need keys of full rank.
    `jax.vmap` solves for one element of the batch at a time.

    Attributes:
        rtol: singular values of the keys up to `rtol` times the largest count as zero.
            `None` means $4 \epsilon \sqrt{\max(n, d)}$ with n the number of stored
            pairs: 4e-6 at n = d = 64 in float32. That is four times the largest
            rounding error seen where the exact singular value is zero. The larger
            defaults of torch and `numpy.linalg.matrix_rank`, $\epsilon \max(n, d)$, and
            of JAX, $10 \epsilon \max(n, d)$, drop directions of Gaussian keys near
            n = d; the one of `numpy.linalg.pinv`, 1e-15, keeps rounding errors in
            float32.

    Raises:
        ValueError: if `rtol` is negative, NaN, 1 or more, or not one number.

    References:
        Kohonen & Ruohonen (1973), doi:10.1109/TC.1973.5009138.
    """

    rtol: Float[Array, ""] | None = eqx.field(
        default=None, converter=lambda x: None if x is None else to_scalar(x)
    )

    def __check_init__(self):
        if self.rtol is not None:
            check_range(
                "Pseudoinverse(rtol=...)",
                self.rtol,
                "Leave it out for the default.",
                limit=1.0,
            )

    def write(self, pairs: Pairs, fold: Fold = Fold()) -> PseudoinverseMemory:
        """Solve for the weights, and count the directions that the keys span."""
        dtype = pairs.keys.dtype
        if jnp.finfo(dtype).bits < 32:
            # No factorization takes half precision.
            memory = self.write(pairs.astype(jnp.float32), fold)
            return PseudoinverseMemory(memory.weights.astype(dtype), memory.rank)
        count = fold.count(pairs)
        if self.rtol is None:
            longest = jnp.maximum(count, pairs.keys.shape[1]).astype(dtype)
            rtol = 4 * jnp.finfo(dtype).eps * jnp.sqrt(longest)
        else:
            rtol = jax.lax.stop_gradient(self.rtol).astype(dtype)
        weights, directions = minimum_norm(pairs, rtol=rtol, fold=fold)
        return PseudoinverseMemory(weights, jnp.minimum(directions, count))

    def read(
        self,
        memory: PseudoinverseMemory,
        query: Float[Array, " d"],
        fold: Fold = Fold(),
    ) -> Answer:
        """The query times the weights."""
        return fold.dot(query, memory.weights)
