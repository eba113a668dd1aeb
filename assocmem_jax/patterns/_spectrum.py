"""Patterns of a given covariance spectrum."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from .._base import random
from .._base.checks import ArrayLike, as_int, check_size, is_traced, scalar
from .._base.errors import ArgumentError
from .._base.exact import rounded
from ._ensemble import AbstractEnsemble
from ._parameters import check_share, to_float32


class LowRank(AbstractEnsemble):
    r"""Few factors and noise, $x = \sqrt{(1-\eta)d/r}\,Bs + \sqrt\eta\,\epsilon$.

    The r factors s and the d coordinates of $\epsilon$ are independent from N(0, 1).
    The columns of B are the first r of the fixed orthonormal basis of `Spectrum`. So x
    is normal, of mean zero and covariance $(1-\eta)(d/r) BB^\top + \eta I$, and is
    drawn as such, from d numbers.

    Attributes:
        rank: number of factors r, from 1 to d.
        noise: share $\eta$ of the variance that is noise, from 0 to 1. Zero keeps all
            patterns in r dimensions; one leaves `Gaussian`.

    Raises:
        TypeError: if `rank` is not a whole number.
        ValueError: if `rank` is below 1, or `noise` is out of range or not one number.

    References:
        Tipping & Bishop (1999), doi:10.1111/1467-9868.00196 (probabilistic
        principal components).
    """

    rank: int = eqx.field(static=True, converter=as_int)
    noise: Float[Array, ""] = eqx.field(converter=scalar("LowRank", "noise"))

    def __check_init__(self):
        check_size("LowRank", "rank", self.rank)
        check_share("LowRank", "noise", self.noise, "It is a share of the variance.")

    def check(self, function: str, n: int, d: int) -> None:
        """Raise if d is below the number of factors."""
        if self.rank > d:
            raise ArgumentError(
                function,
                "d",
                f"asks for dimension {d}, and `LowRank` has {self.rank} factors",
                f"Ask for dimension {self.rank} or more, or lower `LowRank(rank=...)`.",
            )

    def rows(
        self, rng: Key[Array, ""], index: Int[Array, " b"], d: int
    ) -> Float[Array, "b d"]:
        """The patterns at these indices, in float32, one per row."""
        noise = self.noise.astype(jnp.float32)
        factors = jnp.where(jnp.arange(d) < self.rank, d / self.rank, 0)
        factors = rounded((1 - noise) * factors.astype(jnp.float32))
        return _rows(factors + noise, rng, index)


class Spectrum(AbstractEnsemble):
    r"""Normal, of mean zero and covariance $H\,\mathrm{diag}(\lambda)H^\top$.

    H is a fixed orthonormal basis: whatever does not depend on the axes sees the
    spectrum alone. It is the Walsh-Hadamard transform of the first $2^k$ coordinates,
    $2^k$ being the largest power of two up to d, followed, unless d is $2^k$, by that
    of the last $2^k$. Where d is $2^k$, every coordinate has variance 1.

    Attributes:
        eigenvalues: $\lambda$, one per dimension, zero or more; rescaled to mean 1.

    Raises:
        TypeError: if `eigenvalues` does not hold real numbers.
        ValueError: if `eigenvalues` does not have one axis, holds a number that is
            negative or not finite, or zeros alone.

    References:
        Pease (1968), doi:10.1145/321450.321457 (the transform, every pass alike).
    """

    eigenvalues: Float[Array, " d"] = eqx.field(
        converter=lambda x: _to_eigenvalues(x),
    )

    def __check_init__(self):
        if is_traced(self.eigenvalues):
            return
        eigenvalues = np.asarray(self.eigenvalues)
        # Also False at NaN.
        right = (eigenvalues >= 0) & (eigenvalues < np.inf)
        if not right.all():
            raise ArgumentError(
                "Spectrum",
                "eigenvalues",
                f"must be finite and not negative, got {eigenvalues[~right][0]} at "
                f"[{np.argmin(right)}]",
                "Eigenvalues are variances.",
            )
        if not eigenvalues.any():
            raise ArgumentError(
                "Spectrum",
                "eigenvalues",
                f"must not all be zero, got {eigenvalues.size} zeros",
                "Pass a positive one.",
            )

    def check(self, function: str, n: int, d: int) -> None:
        """Raise if d is not the number of eigenvalues."""
        if self.eigenvalues.shape != (d,):
            raise ArgumentError(
                function,
                "d",
                f"asks for dimension {d}, and `Spectrum` has "
                f"{self.eigenvalues.shape[0]} eigenvalues",
                "Pass one per dimension.",
            )

    def rows(
        self, rng: Key[Array, ""], index: Int[Array, " b"], d: int
    ) -> Float[Array, "b d"]:
        """The patterns at these indices, in float32, one per row."""
        del d
        return _rows(self.eigenvalues / jnp.mean(self.eigenvalues), rng, index)


def _to_eigenvalues(x: ArrayLike) -> Float[Array, " d"]:
    return to_float32("Spectrum", "eigenvalues", x, 1)


def _rows(eigenvalues: Float[Array, " d"], rng, index) -> Float[Array, "b d"]:
    d = eigenvalues.shape[0]
    std = jnp.sqrt(eigenvalues)[None, :]
    x = rounded(std * random.normal(rng, index, d))
    size = 1 << (d.bit_length() - 1)
    x = jnp.concatenate([_hadamard(x[:, :size]), x[:, size:]], axis=1)
    if size == d:
        return x
    return jnp.concatenate([x[:, :-size], _hadamard(x[:, -size:])], axis=1)


def _hadamard(x: Float[Array, "b size"]) -> Float[Array, "b size"]:
    """Orthonormal Walsh-Hadamard transform of rows: sums, so its rounding is fixed."""
    size = x.shape[1]
    if size == 1:
        return x

    def step(_, x):
        even, odd = x[:, ::2], x[:, 1::2]
        return jnp.concatenate([even + odd, even - odd], axis=1)

    x = jax.lax.fori_loop(0, size.bit_length() - 1, step, x)
    return rounded(size**-0.5 * x)
