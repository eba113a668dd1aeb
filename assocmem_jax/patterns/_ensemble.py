"""The interface of an ensemble of patterns."""

import abc
import functools
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from .._base.checks import check_size
from .._base.text import shown


class AbstractEnsemble(eqx.Module):
    """A distribution that patterns are drawn from.

    Pattern i is a function of a random key, i and d. So every part of a draw can be
    made again, alone or in any company, and a longer draw begins with a shorter one.
    In every ensemble of this module but `OneHot` and `Samples` the mean squared norm of
    a pattern is d.

    Attributes:
        draws_alone: whether some patterns cost no more than their share of many. Else a
            study draws them once and holds them, however many there are.
    """

    draws_alone: ClassVar[bool] = True

    @abc.abstractmethod
    def rows(
        self, rng: Key[Array, ""], index: Int[Array, " b"], d: int
    ) -> Float[Array, "b d"]:
        """The patterns at these indices, in float32, one per row.

        Pattern i depends on `rng`, i and d alone. Sizes are not checked: `check` does
        that, on the host.

        Args:
            rng: key made by `jax.random.key`, of the Threefry generator.
            index: which patterns, from 0 to below 2**31.
            d: dimension.
        """

    def check(self, function: str, n: int, d: int) -> None:
        """Raise if the ensemble has no n patterns of dimension d.

        Args:
            function: the function that asks, such as `draw`.
            n: number of patterns.
            d: dimension.

        Raises:
            ValueError: if it has none, by an `ArgumentError` of `n` or `d`.
        """
        del function, n, d

    def __repr__(self) -> str:
        return shown(self)

    def draw(self, rng: Key[Array, ""], n: int, d: int) -> Float[Array, "n d"]:
        """Draw patterns 0 to n - 1, in float32.

        Args:
            rng: key made by `jax.random.key`, of the Threefry generator.
            n: number of patterns.
            d: dimension.

        Returns:
            One pattern per row.

        Raises:
            TypeError: if `n` or `d` is not a whole number.
            ValueError: if `n` or `d` is below 1, or the ensemble has no such patterns.
        """
        check_size("draw", "n", n)
        check_size("draw", "d", d)
        self.check("draw", n, d)
        return _draw(self, rng, n, d)


@functools.partial(jax.jit, static_argnames=("n", "d"))
def _draw(ensemble, rng, n: int, d: int):
    return ensemble.rows(rng, jnp.arange(n, dtype=jnp.int32), d)
