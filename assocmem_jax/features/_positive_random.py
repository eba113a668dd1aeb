"""Positive random features."""

import equinox as eqx
import jax.numpy as jnp

from .._base.checks import as_int, check_seed, check_size
from ._features import AbstractFeatures
from ._random import directions


class PositiveRandom(AbstractFeatures):
    r"""Positive random features: the exponential of a score, on average (FAVOR+).

    $\phi(x) = [e^{W x}, e^{-W x}]\, e^{-|x|^2 / 2} / \sqrt{2 m}$ for m directions, the
    rows of W, from N(0, I). $\phi(x) \cdot \phi(y)$ has mean $e^{x \cdot y}$; its
    relative variance is $(e^{|x + y|^2} + e^{-|x + y|^2} - 2) / (2 m)$, which is large
    where the kernel is. For an inverse temperature $\beta$, scale keys and queries by
    $\sqrt\beta$. The exponents are formed first: they are at most $|w|^2 / 2$ for a row
    w of W, about d / 2, whatever the keys. Nothing else is taken off an exponent, as a
    number that depends on the key changes the kernel.

    Attributes:
        num: m, number of directions; each is two features.
        seed: of the directions. They are drawn for each dimension of keys, the same
            ones in every program.

    Raises:
        TypeError: if `num` or `seed` is not a whole number.
        ValueError: if one is out of range.

    References:
        Choromanski et al. (2021), arXiv:2009.14794, lemma 1.
    """

    num: int = eqx.field(static=True, converter=as_int)
    seed: int = eqx.field(default=0, static=True, converter=as_int)

    def __check_init__(self):
        check_size("PositiveRandom", "num", self.num)
        check_seed("PositiveRandom", "seed", self.seed)

    def __call__(self, x):
        """Twice as many features as directions."""
        waves = directions(self.seed, self.num, len(x)).astype(x.dtype)
        sums = jnp.matmul(waves, x, precision="highest")
        # A square that is out of range makes an exponent of minus infinity: zero.
        exponents = jnp.concatenate([sums, -sums]) - jnp.sum(x * x) / 2
        return jnp.exp(exponents) * jnp.sqrt(jnp.asarray(0.5 / self.num, x.dtype))
