"""Random Fourier features."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._base.checks import as_int, check_above, check_seed, check_size, scalar
from ._features import AbstractFeatures
from ._random import directions


class RandomFourier(AbstractFeatures):
    r"""Cosines and sines of random frequencies: the Gaussian kernel, on average.

    $\phi(x) = [\cos(W x / \ell), \sin(W x / \ell)] / \sqrt m$ for m frequencies, the
    rows of W, from N(0, I). $\phi(x) \cdot \phi(y)$ has mean
    $e^{-|x - y|^2 / (2 \ell^2)}$ and a variance of
    $(1 - e^{-|x - y|^2 / \ell^2})^2 / (2 m)$ over frequencies; of a key with itself it
    is 1, exactly.

    Attributes:
        num: m, number of frequencies; each is two features.
        seed: of the frequencies. They are drawn for each dimension of keys, the same
            ones in every program.
        scale: $\ell > 0$, the distance over which keys are alike.

    Raises:
        TypeError: if `num` or `seed` is not a whole number, or `scale` no number.
        ValueError: if one is out of range.

    References:
        Rahimi & Recht (2007), Advances in Neural Information Processing Systems 20,
            algorithm 1, with a cosine and a sine of each frequency.
        Sutherland & Schneider (2015), arXiv:1506.02785, eq. 4 (the variance).
    """

    num: int = eqx.field(static=True, converter=as_int)
    seed: int = eqx.field(default=0, static=True, converter=as_int)
    scale: Float[Array, ""] = eqx.field(
        default=1.0, converter=scalar("RandomFourier", "scale")
    )

    def __check_init__(self):
        check_size("RandomFourier", "num", self.num)
        check_seed("RandomFourier", "seed", self.seed)
        check_above("RandomFourier", "scale", self.scale, 0.0, "Pass such a number.")

    def __call__(self, x):
        """Twice as many features as frequencies."""
        waves = directions(self.seed, self.num, len(x)).astype(x.dtype)
        x = x / self.scale.astype(x.dtype)
        phases = jnp.matmul(waves, x, precision="highest")
        scale = jnp.sqrt(jnp.asarray(1 / self.num, x.dtype))
        return jnp.concatenate([jnp.cos(phases), jnp.sin(phases)]) * scale
