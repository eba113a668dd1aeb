"""Ensembles: how keys and values are drawn."""

import abc
import functools

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ._checks import check_size, is_traced


# Numbers drawn at a time, and patterns made at a time. Both do not depend on how many
# are asked for, and so neither do programs nor rounding.
_BLOCK = 2**19
_ROWS = 16


class AbstractEnsemble(eqx.Module):
    """A law that patterns are drawn from, independently of each other.

    In every ensemble of this module the mean squared norm of a pattern is d.
    """

    @abc.abstractmethod
    def pattern(self, normal: Float[Array, " d"]) -> Float[Array, " d"]:
        """One pattern, made from independent coordinates from N(0, 1)."""

    def draw(self, rng: Key[Array, ""], n: int, d: int) -> Float[Array, "n d"]:
        """Draw n patterns in float32.

        Pattern i depends on `rng`, i and d alone, so a longer draw begins with the
        shorter one (with JAX's default generator, whose numbers do not depend on how
        many are drawn).

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
        rows = -(-n // _ROWS) * _ROWS
        return _patterns(self, _normal_blocks(rng, rows * d), n, d)


def _normal_blocks(rng, count: int) -> list[Float[Array, " block"]]:
    """A stream of N(0, 1), in blocks of one size: large draws share one program."""
    whole, rest = divmod(count, _BLOCK)
    if is_traced(rng):
        block = lambda index: _normal_block(rng, index, _BLOCK)
        blocks = [jax.lax.map(block, jnp.arange(whole)).ravel()] if whole else []
    else:
        blocks = [_normal_block(rng, index, _BLOCK) for index in range(whole)]
    return blocks + ([_normal_block(rng, whole, rest)] if rest else [])


@functools.partial(jax.jit, static_argnames="size")
def _normal_block(rng, index, size: int):
    return jax.random.normal(jax.random.fold_in(rng, index), (size,), jnp.float32)


@functools.partial(jax.jit, static_argnames=("n", "d"))
def _patterns(ensemble, blocks, n: int, d: int):
    normal = jnp.concatenate(blocks).reshape(-1, _ROWS, d)
    return jax.lax.map(jax.vmap(ensemble.pattern), normal).reshape(-1, d)[:n]


class Gaussian(AbstractEnsemble):
    """Independent coordinates from N(0, 1)."""

    def pattern(self, normal: Float[Array, " d"]) -> Float[Array, " d"]:
        """One pattern, made from independent coordinates from N(0, 1)."""
        return normal


class Spherical(AbstractEnsemble):
    r"""Uniform on the sphere of radius $\sqrt d$."""

    def pattern(self, normal: Float[Array, " d"]) -> Float[Array, " d"]:
        """One pattern, made from independent coordinates from N(0, 1)."""
        return normal.shape[0] ** 0.5 * normal / jnp.linalg.norm(normal)


class Bipolar(AbstractEnsemble):
    """Independent coordinates, -1 or +1 with equal probability."""

    def pattern(self, normal: Float[Array, " d"]) -> Float[Array, " d"]:
        """One pattern, made from independent coordinates from N(0, 1)."""
        return jnp.where(normal < 0, -1.0, 1.0).astype(normal.dtype)
