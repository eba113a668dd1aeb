"""Monomials of one degree."""

import functools
import itertools
import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from .._base.checks import as_int, check_size
from ._features import AbstractFeatures


class Monomials(AbstractFeatures):
    r"""All products of p coordinates, with $\phi(x) \cdot \phi(y) = (x \cdot y)^p$.

    Each of the $\binom{d + p - 1}{p}$ different products stands once, times the root of
    the number of its orders: the polynomial rule of degree p with a memory of fixed
    size.

    Attributes:
        degree: p, at least 1. 1 leaves keys as they are.

    Raises:
        TypeError: if `degree` is not a whole number.
        ValueError: if it is below 1.

    References:
        Schölkopf & Smola (2002), Learning with Kernels, proposition 2.1.
    """

    degree: int = eqx.field(default=2, static=True, converter=as_int)

    def __check_init__(self):
        check_size("Monomials", "degree", self.degree)

    def __call__(self, x):
        """As many features as there are different products."""
        factors, scales = _products(len(x), self.degree)
        return jnp.prod(x[factors], axis=1) * scales.astype(x.dtype)


@functools.lru_cache(64)
def _products(d: int, degree: int) -> tuple[np.ndarray, np.ndarray]:
    """The coordinates in each product, and the root of the number of their orders."""
    choices = itertools.combinations_with_replacement(range(d), degree)
    factors = np.array(list(choices), np.int32)
    orders = [
        math.factorial(degree) // math.prod(map(math.factorial, counts))
        for counts in (np.unique(x, return_counts=True)[1].tolist() for x in factors)
    ]
    return factors, np.sqrt(np.array(orders, float))
