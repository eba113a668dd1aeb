"""Patterns of one norm."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from .._base.checks import check_above, scalar
from .._base.errors import ArgumentTypeError
from .._base.exact import rounded, row_norms, unit_of
from ._ensemble import AbstractEnsemble
from ._samples import Samples


class Normalized(AbstractEnsemble):
    r"""Patterns of another ensemble, each scaled to one norm: $x \, r / |x|$.

    `Normalized(Gaussian(), norm=1.0)` is uniform on the unit sphere: `Spherical` has
    radius $\sqrt d$ instead. A vector of zeros has no direction and stays what it is.

    Attributes:
        ensemble: how patterns are drawn. Not `Samples`: scale the rows of an array
            before they are passed.
        norm: r, positive.

    Raises:
        TypeError: if `ensemble` is no ensemble, or `norm` no number.
        ValueError: if `norm` is not positive and finite.
    """

    ensemble: AbstractEnsemble
    norm: Float[Array, ""] = eqx.field(
        default=1.0, converter=scalar("Normalized", "norm")
    )

    def __check_init__(self):
        kind = type(self.ensemble)
        if isinstance(self.ensemble, Samples):
            raise ArgumentTypeError(
                "Normalized",
                "ensemble",
                "must draw patterns, got `Samples`",
                "Divide the rows of the array by their norms.",
            )
        if not isinstance(self.ensemble, AbstractEnsemble):
            complaint = f"must be an ensemble, got a `{kind.__name__}`"
            advice = "Pass something like `Normalized(Gaussian())`."
            raise ArgumentTypeError("Normalized", "ensemble", complaint, advice)
        check_above("Normalized", "norm", self.norm, 0.0, "1 makes unit vectors.")

    @property
    def draws_alone(self) -> bool:
        """As the ensemble that is scaled."""
        return self.ensemble.draws_alone

    def check(self, function: str, n: int, d: int) -> None:
        """Raise if the ensemble that is scaled has no n patterns of dimension d."""
        self.ensemble.check(function, n, d)

    def rows(
        self, rng: Key[Array, ""], index: Int[Array, " b"], d: int
    ) -> Float[Array, "b d"]:
        """The patterns at these indices, in float32, one per row."""
        drawn = self.ensemble.rows(rng, index, d)
        # Squares of what is very small or large are out of range.
        drawn = drawn / unit_of(drawn, axis=1)
        norms = row_norms(drawn)
        scale = rounded(self.norm.astype(drawn.dtype))
        return rounded(scale * (drawn / jnp.where(norms == 0, 1, norms)))
