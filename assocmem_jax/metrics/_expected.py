"""Expected scores of answers, over values that are not drawn."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._base.exact import rounded
from .._core.sums import Weights
from ._range import is_outside


class Expectation(eqx.Module):
    r"""Expectations over values of v independent coordinates from N(0, 1).

    Attributes:
        series: Chebyshev coefficients of the mean cosine over $\rho$, in
            $2 \sqrt{1 - \rho^2} - 1$.
        norm: mean norm of a value.
        dimension: of the values, v.
    """

    series: Float[Array, " terms"]
    norm: Float[Array, ""]
    dimension: Float[Array, ""]


@dataclasses.dataclass(frozen=True)
class ExpectedAnswers:
    """Answers as the weights that they give to the values.

    Attributes:
        weights: of the right value, and the squares of all others.
        expectation: over the values.
    """

    weights: Weights
    expectation: Expectation

    @property
    def cosine(self) -> Float[Array, "*batch"]:
        """The mean cosine: the one of a sample correlation about zero."""
        norm = jnp.sqrt(self.weights.target**2 + self.weights.noise)
        share = lambda x: jnp.where(norm == 0, 0, x / jnp.where(norm == 0, 1, norm))
        rho, x = share(self.weights.target), 2 * share(jnp.sqrt(self.weights.noise)) - 1
        # Clenshaw's recurrence.
        after = later = jnp.zeros_like(x)
        for coefficient in self.expectation.series[:0:-1]:
            after, later = coefficient + 2 * x * after - later, after
        return self._marked(rho * (self.expectation.series[0] + x * after - later))

    @property
    def bit_accuracy(self) -> Float[Array, "*batch"]:
        r"""The mean share of right signs: $1 - \arccos(\rho) / \pi$."""
        noise = jnp.sqrt(self.weights.noise)
        wrong = jnp.arctan2(noise, self.weights.target) / jnp.pi
        answered = (noise > 0) | (self.weights.target != 0)
        return self._marked(jnp.where(answered, 1 - wrong, 0))

    @property
    def distance(self) -> Float[Array, "*batch"]:
        """The mean distance: that of a chi variable."""
        distance = self.expectation.norm * self._scale * jnp.sqrt(self._squares)
        return self._marked(distance)

    @property
    def squared_error(self) -> Float[Array, "*batch"]:
        """The mean squared distance."""
        squares = self.expectation.dimension * self._scale**2 * self._squares
        return self._marked(squares)

    def _marked(self, score: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        """The score, nan where the squares of weights of no unit are out of range."""
        if self.weights.unit is not None:
            return score
        squares = self.weights.target**2 + self.weights.noise
        return jnp.where(is_outside(squares), jnp.nan, score)

    @property
    def _unit(self) -> Float[Array, "*batch"]:
        unit = self.weights.unit
        return jnp.ones_like(self.weights.target) if unit is None else unit

    @property
    def _scale(self) -> Float[Array, "*batch"]:
        """The unit of the weights, or 1 where the right weight, 1, is larger."""
        return jnp.maximum(self._unit, 1)

    @property
    def _squares(self) -> Float[Array, "*batch"]:
        """The squares of the error of one coordinate, in the scale."""
        ratio = self._unit / self._scale
        off = 1 / self._scale - ratio * self.weights.target
        return rounded(off**2) + ratio**2 * self.weights.noise
