"""Formulas of linear rules of features, as the registry takes them."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import features
from .._base.errors import ArgumentError
from ._domain import parameters
from ._features import dpfp_cosine, feature_map_cosine, feature_moments
from ._polynomial import polynomial_cosine
from ._random_features import random_fourier_cosine


def mapped_cosine(
    map_of_keys: features.AbstractFeatures, positive: bool
) -> Callable[..., Any] | None:
    """The mean cosine of the dot product of features, where it is known.

    The function takes what formulas in the registry take. Where scores are `positive`,
    it is that of linear attention, too: a denominator is common to all weights.
    """
    made = _COSINES.get(type(map_of_keys))
    is_known = made is not None and not (positive and type(map_of_keys) in _SIGNED)
    return made(map_of_keys) if made is not None and is_known else None


def _of_coordinates(feature: Callable[[float], float]) -> Callable[..., Any]:
    def of(map_of_keys):
        del map_of_keys
        mean, second_moment = _moments(feature)

        def cosine(d, n, *, v=None):
            return feature_map_cosine(d, n, mean, second_moment, v=v)

        return _named(feature_map_cosine, cosine)

    return of


@functools.cache
def _moments(feature: Callable[[float], float]) -> tuple[float, float]:
    return feature_moments(feature)


def _elu(x: float) -> float:
    return x + 1 if x > 0 else float(np.exp(x))


def _rectified(x: float) -> float:
    return max(x, 0.0)


def _of_dpfp(map_of_keys: features.DPFP) -> Callable[..., Any]:
    cosine = lambda d, n, *, v=None: dpfp_cosine(d, n, map_of_keys.order, v=v)
    return _named(dpfp_cosine, cosine)


def _of_monomials(map_of_keys: features.Monomials) -> Callable[..., Any]:
    def cosine(d, n, *, v=None, query_noise=0.0):
        degree = map_of_keys.degree
        return polynomial_cosine(d, n, degree, v=v, query_noise=query_noise)

    return _named(polynomial_cosine, cosine)


def _of_random_fourier(map_of_keys: features.RandomFourier) -> Callable[..., Any]:
    num, scale = map_of_keys.num, float(map_of_keys.scale)

    def cosine(d, n, *, v=None):
        (size,) = parameters("theory.random_fourier_cosine", d=d)
        # The mean square of the kernel between Gaussian keys.
        overlap = (1 + 4 / scale**2) ** (-size / 2)
        if np.any(overlap > 0.01 / num):
            raise ArgumentError(
                "theory.random_fourier_cosine",
                "rule",
                f"is known for keys that are far apart, got `scale` {scale:g} for "
                f"keys of dimension {np.max(size):g}",
                "Pass a smaller scale, or measure it with `sweep`.",
            )
        return random_fourier_cosine(num, n, d if v is None else v)

    return _named(random_fourier_cosine, cosine)


def _named(formula: Callable, function: Callable) -> Callable[..., Any]:
    # Errors are said of the formula by name, and the registry renames them.
    function.__name__ = formula.__name__
    return function


# Maps whose scores may be negative.
_SIGNED = (features.RandomFourier, features.Monomials)
_COSINES: dict[type, Callable[[Any], Callable[..., Any]]] = {
    features.ELU: _of_coordinates(_elu),
    features.Rectified: _of_coordinates(_rectified),
    features.DPFP: _of_dpfp,
    features.Monomials: _of_monomials,
    features.RandomFourier: _of_random_fourier,
}
