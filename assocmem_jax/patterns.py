"""Ensembles: how keys and values are drawn."""

import abc
import functools

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ._checks import check_size


class AbstractEnsemble(eqx.Module):
    """A law that patterns are drawn from, independently of each other.

    In every ensemble of this module the mean squared norm of a pattern is d.
    """

    @abc.abstractmethod
    def pattern(self, rng: Key[Array, ""], d: int) -> Float[Array, " d"]:
        """One pattern."""

    def draw(self, rng: Key[Array, ""], n: int, d: int) -> Float[Array, "n d"]:
        """Draw n patterns in float32.

        Pattern i depends on `rng`, i and d alone, so a longer draw begins with the
        shorter one.

        Args:
            rng: key made by `jax.random.key`.
            n: number of patterns.
            d: dimension.

        Returns:
            One pattern per row.

        Raises:
            TypeError: if `n` or `d` is not a whole number.
            ValueError: if `n` or `d` is below 1.
        """
        check_size("draw(n=...)", n)
        check_size("draw(d=...)", d)
        return _draw(self, rng, n, d)


@functools.partial(jax.jit, static_argnames=("n", "d"))
def _draw(ensemble, rng, n: int, d: int):
    one = lambda index: ensemble.pattern(jax.random.fold_in(rng, index), d)
    # In batches that fit a cache: the generator makes several arrays on its way.
    batch = min(n, max(1, 2**20 // d))
    return jax.lax.map(one, jnp.arange(n), batch_size=batch)


class Gaussian(AbstractEnsemble):
    """Independent coordinates from N(0, 1)."""

    def pattern(self, rng: Key[Array, ""], d: int) -> Float[Array, " d"]:
        """One pattern."""
        return jax.random.normal(rng, (d,), jnp.float32)


class Spherical(AbstractEnsemble):
    r"""Uniform on the sphere of radius $\sqrt d$."""

    def pattern(self, rng: Key[Array, ""], d: int) -> Float[Array, " d"]:
        """One pattern."""
        x = jax.random.normal(rng, (d,), jnp.float32)
        return d**0.5 * x / jnp.linalg.norm(x)


class Bipolar(AbstractEnsemble):
    """Independent coordinates, -1 or +1 with equal probability."""

    def pattern(self, rng: Key[Array, ""], d: int) -> Float[Array, " d"]:
        """One pattern."""
        return jax.random.rademacher(rng, (d,), jnp.float32)
