"""Ridge regression (regularized least squares) rule."""

from typing import Any, ClassVar, TypeAlias

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._base.arrays import to_real
from .._base.checks import check_above, is_traced, scalar
from .._base.errors import ArgumentError
from .._base.exact import unit_of, widened
from .._core import least_squares
from .._core.about import About
from .._core.fold import Fold
from .._core.linear import AbstractLinear, LeftFactor
from .._core.pairs import AbstractPairs, Pairs
from .._core.penalized import inverse_factors, penalized
from .._core.rule import known
from .._core.units import largest_key


Matrix: TypeAlias = Float[Array, "d v"]


class Ridge(AbstractLinear[Matrix]):
    r"""Regularized linear memory, $\hat v = S^\top q$.

    $S = (K^\top K + \lambda I)^{-1} K^\top V$ minimizes
    $\sum_i |v_i - S^\top k_i|^2 + \lambda |S|^2$: the optimal linear memory where
    queries have noise of variance $\lambda / n$, and then without a valley at n = d. To
    zero penalty it is `Pseudoinverse`, and to infinite penalty `DotProduct` over the
    penalty.

    The same rule by other names: the state of Mesa layers is this one, solved for each
    query; the dreaming of t steps of Hopfield networks is $(1 + t) / t$ times the one
    of penalty $N / t$, with N the dimension; Gated KalmaNet has a penalty in proportion
    to $|K^\top K|$; recursive least squares is the same sum, one pair at a time.

    Attributes:
        penalty: $\lambda > 0$, in units of squared scores. Keys of N(0, 1) have
            $k_i \cdot k_i = d$. Where rounding hides it, below $(\epsilon |K|)^2$, the
            answer is the one of the pseudoinverse.
        weights: $w_i \ge 0$, one for each pair, so that S minimizes
            $\sum_i w_i |v_i - S^\top k_i|^2 + \lambda |S|^2$; `None` means 1. The first
            is of the first pair, and further ones do not count. A pair of weight zero
            is not stored, and has no derivative. Studies need values that are drawn.

    Raises:
        ValueError: if `penalty` is not positive and finite, or not one number; if
            `weights` are not in one axis, or a weight is negative or not finite.

    References:
        Hoerl & Kennard (1970), doi:10.1080/00401706.1970.10488634, eq. 2.1.
        von Oswald et al. (2025), arXiv:2506.05233 (Mesa).
        Fachechi, Agliari & Barra (2019), arXiv:1810.12217 (dreaming).
        Peng et al. (2025), arXiv:2511.21016 (Gated KalmaNet).
    """

    about: ClassVar[About] = About(
        formula="V^T K (K^T K + penalty I)^-1 q",
        write="2 n d (d + v)",
        read="2 d v",
        state="d v",
        source="Hoerl & Kennard (1970), doi:10.1080/00401706.1970.10488634",
    )
    penalty: Float[Array, ""] = eqx.field(converter=scalar("Ridge", "penalty"))
    weights: Float[Array, " n"] | None = eqx.field(
        default=None, converter=lambda x: _to_weights(x)
    )
    # The unit of the keys that are solved for; known once the rule is prepared.
    unit: Float[Array, ""] | None = eqx.field(
        default_factory=lambda: None, init=False, repr=False
    )

    def __check_init__(self):
        check_above(
            "Ridge",
            "penalty",
            self.penalty,
            0.0,
            "`Pseudoinverse()` is the limit of zero penalty, and `DotProduct()` of an "
            "infinite one.",
        )

    def columns(self) -> tuple[Array, ...]:
        """The roots of the weights, if there are any."""
        if self.weights is None:
            return ()
        # The root of zero has no derivative.
        some = self.weights > 0
        return (jnp.where(some, jnp.sqrt(jnp.where(some, self.weights, 1)), 0),)

    def see(self, block: Pairs, *columns: Array) -> Pairs:
        """The pairs times the roots of their weights."""
        keys, values = block.keys, block.values
        for root in columns:
            root = root[:, None].astype(keys.dtype)
            keys, values = root * keys, root * values
        return eqx.tree_at(lambda x: (x.keys, x.values), block, (keys, values))

    @property
    def has_left(self) -> bool:
        """Not with weights: what a value gets depends on the weight of its pair."""
        return self.weights is None

    def prepare(self, pairs: AbstractPairs, fold: Fold) -> "Ridge":
        """The rule with a unit: squares of any keys and any penalty are in range."""
        largest = largest_key(pairs, fold)
        unit = unit_of(jnp.maximum(largest, self._root(largest.dtype)))
        return known(self, unit=unit)

    def summarize(self, block: Pairs, fold: Fold) -> Array:
        r"""$K^\top K$ beside $K^\top V$, keys in their unit."""
        return least_squares.products(block, self._unit, fold)

    def solves_alone(self, pairs: AbstractPairs, fold: Fold) -> int:
        """At most d: see `least_squares.solved_without_products`."""
        return least_squares.solved_without_products(pairs, fold)

    def solve(self, summary: Array | None, pairs: AbstractPairs, fold: Fold) -> Matrix:
        """The matrix S."""
        pairs = widened(pairs)
        options, inverse = self._options(pairs, fold), 1 / self._unit
        root = self._root(pairs.dtype) * inverse
        return penalized(pairs, summary, root, **options) * inverse

    def left(self, gram: Array, pairs: AbstractPairs, fold: Fold) -> LeftFactor:
        r"""$(K^\top K + \lambda I)^{-1}$, as far as it acts on keys."""
        options, inverse = self._options(pairs, fold), 1 / self._unit
        root, gram = self._root(gram.dtype) * inverse, gram * inverse * inverse
        factor, gram = inverse_factors(pairs, gram, root, **options)
        return LeftFactor(factor * inverse, gram)

    def _options(self, pairs: AbstractPairs, fold: Fold) -> dict[str, Any]:
        rtol = least_squares.default_rtol(pairs, fold)
        return {"rtol": rtol, "unit": self._unit, "fold": fold}

    def _root(self, dtype: Any) -> Float[Array, ""]:
        """The square root of the penalty, which is in range where its own is not."""
        root = jnp.sqrt(self.penalty)
        largest = jnp.finfo(dtype).max.astype(root.dtype)
        return jnp.minimum(root, largest).astype(dtype)

    @property
    def _unit(self) -> Float[Array, ""]:
        if self.unit is None:
            raise RuntimeError("the rule is not prepared")
        return self.unit


def _to_weights(x: Any) -> Float[Array, " n"] | None:
    if x is None:
        return None
    x = to_real("Ridge", "weights", x, 1)
    if not is_traced(x):
        numbers = np.asarray(x)
        bad = ~((numbers >= 0) & (numbers < np.inf))
        if bad.any():
            complaint = f"must be from 0 to below inf, got {numbers[bad][0]}"
            advice = "Zero stores the pair not at all."
            raise ArgumentError("Ridge", "weights", complaint, advice)
    return x
