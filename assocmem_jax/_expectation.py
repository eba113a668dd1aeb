r"""Expected scores of an answer, over values that are not drawn."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.polynomial import chebyshev

from ._weights import Weights


# Degree of the polynomial that stands for the mean cosine. It is off by 7e-7 for v = 2,
# by less than float32 can tell for all other v.
_DEGREE = 32


class Expectation(eqx.Module):
    r"""What v independent coordinates from N(0, 1) make of weights.

    Attributes:
        series: Chebyshev coefficients of the mean cosine over $\rho$, in
            $2 \sqrt{1 - \rho^2} - 1$.
        norm: mean norm of a value.
        dimension: of the values, v.
    """

    series: Float[Array, " terms"]
    norm: Float[Array, ""]
    dimension: Float[Array, ""]

    @staticmethod
    def of(v: int) -> "Expectation":
        """For values of dimension v."""
        # SciPy takes longer to load than most studies can spare.
        from .theory import mean_cosine, mean_norm

        def ratio(x):
            # At a correlation of zero the ratio has a limit; near it, it is flat.
            rho = np.maximum(np.sqrt(1 - ((x + 1) / 2) ** 2), 1e-8)
            return mean_cosine(rho, v) / rho

        series = chebyshev.chebinterpolate(ratio, _DEGREE)
        numbers = series, mean_norm(v), v
        return Expectation(*jax.device_put([np.float32(x) for x in numbers]))


@dataclasses.dataclass(frozen=True)
class Expected:
    """Expected scores of answers, from the weights that they give to the values."""

    weights: Weights
    expectation: Expectation

    @property
    def cosine(self) -> Float[Array, "*batch"]:
        """The mean cosine: the one of a sample correlation about zero."""
        norm = jnp.sqrt(self.weights.target**2 + self.weights.noise)
        share = lambda x: jnp.where(norm > 0, x / jnp.where(norm > 0, norm, 1), 0)
        rho, x = share(self.weights.target), 2 * share(jnp.sqrt(self.weights.noise)) - 1
        # Clenshaw's recurrence.
        after = later = jnp.zeros_like(x)
        for coefficient in self.expectation.series[:0:-1]:
            after, later = coefficient + 2 * x * after - later, after
        return rho * (self.expectation.series[0] + x * after - later)

    @property
    def distance(self) -> Float[Array, "*batch"]:
        """The mean distance: that of a chi variable."""
        return self.expectation.norm * jnp.sqrt(self._squares)

    @property
    def squared_error(self) -> Float[Array, "*batch"]:
        """The mean squared distance."""
        return self.expectation.dimension * self._squares

    @property
    def _squares(self) -> Float[Array, "*batch"]:
        return (1 - self.weights.target) ** 2 + self.weights.noise
