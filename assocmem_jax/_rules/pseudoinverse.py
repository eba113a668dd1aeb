"""Pseudoinverse (projection) rule."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .._base.checks import check_range, scalar
from .._base.exact import widened
from .._core import least_squares
from .._core.about import About
from .._core.fold import Fold
from .._core.linear import AbstractLinear, LeftFactor
from .._core.pairs import AbstractPairs, Pairs
from .._core.rule import known
from .._core.units import key_unit


class PseudoinverseMemory(eqx.Module):
    """What the pseudoinverse rule stores.

    Attributes:
        weights: the matrix that maps keys to values, for rows: query times weights. It
            is the transpose of the W of the literature.
        rank: effective rank of the keys. Below min(n, d), some keys are linear
            combinations of others, to the accuracy that `rtol` states.
    """

    weights: Float[Array, "d v"]
    rank: Int[Array, ""]


class Pseudoinverse(AbstractLinear[PseudoinverseMemory]):
    r"""Optimal linear memory, $\hat v = W q$ with $W = V^\top (K^\top)^+$.

    W minimizes $\sum_i |v_i - W k_i|^2$ and, among those that do, has the least norm.
    Up to n = d, linearly independent keys are answered exactly. First derivatives are
    finite for all keys, those at constant rank; second ones need keys of full rank.
    On a CPU `jax.vmap` solves for one element of a batch at a time; elsewhere for all
    at once, and then by themselves for those to which that would cost digits.

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

    about: ClassVar[About] = About(
        formula="V^T (K^T)^+ q",
        write="2 n d (d + v)",
        read="2 d v",
        state="d v",
        source="Kohonen & Ruohonen (1973), doi:10.1109/TC.1973.5009138",
    )
    rtol: Float[Array, ""] | None = eqx.field(
        default=None,
        converter=lambda x: None if x is None else scalar("Pseudoinverse", "rtol")(x),
    )
    # The unit of the keys that are solved for; known once the rule is prepared.
    unit: Float[Array, ""] | None = eqx.field(
        default_factory=lambda: None, init=False, repr=False
    )

    def __check_init__(self):
        if self.rtol is not None:
            check_range(
                "Pseudoinverse",
                "rtol",
                self.rtol,
                "Leave it out for the default.",
                limit=1.0,
            )

    def prepare(self, pairs: AbstractPairs, fold: Fold) -> "Pseudoinverse":
        """The rule with the unit of the keys: squares of any keys stay in range."""
        unit = key_unit(pairs, fold)
        return known(self, unit=unit)

    def summarize(self, block: Pairs, fold: Fold) -> Array:
        r"""$K^\top K$ beside $K^\top V$, keys in their unit."""
        return least_squares.products(block, self._unit, fold)

    def solves_alone(self, pairs: AbstractPairs, fold: Fold) -> int:
        """At most d: see `least_squares.solved_without_products`."""
        return least_squares.solved_without_products(pairs, fold)

    def solve(
        self, summary: Array | None, pairs: AbstractPairs, fold: Fold
    ) -> PseudoinverseMemory:
        """The weights, and the number of directions that the keys span."""
        pairs, unit = widened(pairs), self._unit
        weights, directions = least_squares.minimum_norm(
            pairs, summary, rtol=self._rtol(pairs, fold), unit=unit, fold=fold
        )
        rank = jnp.minimum(directions, fold.count(pairs))
        return PseudoinverseMemory(weights * (1 / unit), rank)

    def left(self, gram: Array, pairs: AbstractPairs, fold: Fold) -> LeftFactor:
        r"""$(K^\top K)^+$."""
        rtol, inverse = self._rtol(pairs, fold), 1 / self._unit
        gram = gram * inverse * inverse
        root, _ = least_squares.row_space(
            pairs, gram, rtol=rtol, unit=self._unit, fold=fold
        )
        return LeftFactor(root * inverse, None)

    def read(
        self,
        memory: PseudoinverseMemory,
        query: Float[Array, " d"],
        fold: Fold = Fold(),
    ) -> Float[Array, " v"]:
        """The query times the weights."""
        return fold.dot(query, memory.weights).astype(query.dtype)

    @property
    def _unit(self) -> Float[Array, ""]:
        if self.unit is None:
            raise RuntimeError("the rule is not prepared")
        return self.unit

    def critical_loads(self, d: int) -> tuple[int, ...]:
        """At n = d: square matrices have the smallest singular values."""
        return (d,)

    def _rtol(self, pairs: AbstractPairs, fold: Fold) -> Float[Array, ""]:
        if self.rtol is not None:
            return jax.lax.stop_gradient(jnp.asarray(self.rtol, pairs.dtype))
        return least_squares.default_rtol(pairs, fold)
