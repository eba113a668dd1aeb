"""Linear rules of features."""

from typing import Any, ClassVar

import equinox as eqx
import jax
from jaxtyping import Array, Float

from .._base.errors import ArgumentTypeError
from .._core.about import About
from .._core.fold import Fold
from .._core.linear import AbstractLinear, LeftFactor
from .._core.pairs import AbstractPairs, Pairs
from ..features import AbstractFeatures


class Mapped(AbstractLinear[Any]):
    r"""A linear rule of features $\phi$ of keys and queries.

    `Mapped(DotProduct(), phi)` is kernel memory, $\hat v = \sum_j (\phi(k_j) \cdot
    \phi(q)) v_j$; `Mapped(LinearAttention(), ELU())` the linear transformer; and
    `Mapped(Ridge(...), phi)` kernel ridge regression. Features are computed block by
    block; what is held is the memory of the rule alone, of D features for d
    coordinates. (A gradient by keys keeps the features of all pairs.)

    Attributes:
        rule: what is done with the features, a linear rule.
        features: the map, such as `features.ELU()`.

    Raises:
        TypeError: if `rule` is not linear, or `features` is none.

    References:
        Katharopoulos et al. (2020), arXiv:2006.16236, eq. 4 to 6.
        Schlag, Irie & Schmidhuber (2021), arXiv:2102.11174, section 2.
    """

    about: ClassVar[About] = About(
        formula="rule, of phi(K) and phi(q); here of the dot product",
        write="2 n D v",
        read="2 D v",
        state="D v",
        source="Katharopoulos et al. (2020), arXiv:2006.16236",
    )
    rule: AbstractLinear = eqx.field(converter=lambda x: _linear(x))
    features: AbstractFeatures = eqx.field(converter=lambda x: _map(x))

    def lift(self, x: Float[Array, " d"]) -> Float[Array, " D"]:
        """The features of a key or query."""
        return self.rule.lift(self.features(x))

    def columns(self) -> tuple[Array, ...]:
        """What the rule holds of each pair."""
        return self.rule.columns()

    def see(self, block: Pairs, *columns: Array) -> Any:
        """What the rule makes of features."""
        keys = jax.vmap(self.features)(block.keys)
        block = eqx.tree_at(lambda block: block.keys, block, keys)
        return self.rule.see(block, *columns)

    def prepare(self, pairs: AbstractPairs, fold: Fold) -> "Mapped":
        """The prepared rule of the same features."""
        return Mapped(self.rule.prepare(pairs, fold), self.features)

    def summarize(self, block: Pairs, fold: Fold) -> Any:
        """The summary that the rule makes of features."""
        return self.rule.summarize(block, fold)

    def merge(self, a: Any, b: Any) -> Any:
        """As the rule merges."""
        return self.rule.merge(a, b)

    @property
    def has_order(self) -> bool:
        """Whether the order of pairs may count."""
        return self.rule.has_order

    def solve(self, summary: Any, pairs: AbstractPairs, fold: Fold) -> Any:
        """The memory of the rule."""
        return self.rule.solve(summary, pairs, fold)

    def solves_alone(self, pairs: AbstractPairs, fold: Fold) -> int:
        """As many as the rule."""
        return self.rule.solves_alone(pairs, fold)

    @property
    def has_left(self) -> bool:
        """Whether the rule has a left factor."""
        return self.rule.has_left

    def left(self, gram: Any, pairs: AbstractPairs, fold: Fold) -> LeftFactor:
        """The factor of the rule, of features."""
        return self.rule.left(gram, pairs, fold)

    def read(
        self, memory: Any, query: Float[Array, " d"], fold: Fold = Fold()
    ) -> Float[Array, " v"]:
        """What the rule answers to the features of the query."""
        return self.rule.read(memory, self.features(query), fold)


def _linear(x: Any) -> AbstractLinear:
    if isinstance(x, AbstractLinear):
        return x
    raise ArgumentTypeError(
        "Mapped",
        "rule",
        f"must be a linear rule such as `DotProduct()`, got {x!r}",
        "Rules that weigh scores take another `similarity` instead, such as "
        "`similarities.Cosine()`.",
    )


def _map(x: Any) -> AbstractFeatures:
    if isinstance(x, AbstractFeatures):
        return x
    advice = "Pass something like `features.ELU()`."
    complaint = f"must be a feature map, got {x!r}"
    raise ArgumentTypeError("Mapped", "features", complaint, advice)
