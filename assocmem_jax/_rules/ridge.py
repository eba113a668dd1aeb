"""Ridge regression (regularized least squares) rule."""

from typing import Any, ClassVar, TypeAlias

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._base.checks import check_positive, scalar
from .._base.exact import unit_of, widened
from .._core import least_squares
from .._core.about import About
from .._core.fold import Fold
from .._core.linear import AbstractLinear, LeftFactor
from .._core.pairs import AbstractPairs, Pairs
from .._core.penalized import inverse_factors, penalized


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

    Raises:
        ValueError: if `penalty` is not positive and finite, or not one number.

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
    # The unit of the keys that are solved for; known once the rule is prepared.
    unit: Float[Array, ""] | None = eqx.field(
        default_factory=lambda: None, init=False, repr=False
    )

    def __check_init__(self):
        check_positive(
            "Ridge",
            "penalty",
            self.penalty,
            "`Pseudoinverse()` is the limit of zero penalty, and `DotProduct()` of an "
            "infinite one.",
        )

    def prepare(self, pairs: AbstractPairs, fold: Fold) -> "Ridge":
        """The rule with a unit: squares of any keys and any penalty are in range."""
        largest = least_squares.largest_key(pairs, fold)
        unit = unit_of(jnp.maximum(largest, self._root(largest.dtype)))
        return eqx.tree_at(
            lambda rule: rule.unit, self, unit, is_leaf=lambda x: x is None
        )

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
