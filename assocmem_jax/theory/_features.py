r"""Linear attention: weights $\phi(k_j) \cdot \phi(k_i)$ of a feature map.

All cosines here are mean fields: with $a = \phi(k_i) \cdot \phi(k_i)$ of the right pair
and $b = \phi(k_j) \cdot \phi(k_i)$ of another, independent pair,

$$\rho^{-2} = 1 + (n - 1)\, E[b^2] / E[a]^2,$$

and the mean cosine is $C_v(\rho)$. Denominators cancel in the cosine. Features of a
mean other than zero give every pair the same large weight: $E[b]^2 / E[a]^2$ does not
fall with d, and so the capacity does not grow with it.
"""

from collections.abc import Callable

import numpy as np
from scipy.integrate import quad

from .._base.checks import ArrayLike
from .._base.errors import ArgumentError
from ._cosine import mean_cosine
from ._domain import Values, parameters, require


def feature_moments(feature: Callable[[float], float]) -> tuple[float, float]:
    r"""Mean and second moment of a feature of one coordinate from N(0, 1).

    By adaptive quadrature on both sides of 0, where a feature may have a kink: within
    1e-9 for ReLU, ELU + 1 and other features that are smooth elsewhere.

    Args:
        feature: a function $\phi$ of a number, such as `lambda x: max(x, 0)`.

    Raises:
        ValueError: if a moment is not finite, or cannot be found to 1e-6.

    Example:
        >>> from assocmem_jax.theory import feature_map_cosine, feature_moments
        >>> mean, second_moment = feature_moments(lambda x: max(x, 0.0))
        >>> float(round(feature_map_cosine(64, 256, mean, second_moment), 3))
        0.18

    References:
        Katharopoulos et al. (2020), arXiv:2006.16236, eq. 7 (ELU + 1).
    """

    def moment(power):
        density = lambda x: np.exp(-x * x / 2) / np.sqrt(2 * np.pi)
        weighted = lambda x: feature(x) ** power * density(x)
        # Beyond, the density is below 1e-300.
        scales = np.array([1, 2, 4, 8, 16])
        options = {"epsabs": 1e-12, "limit": 200, "full_output": 1}
        right = quad(weighted, 0, 37, points=scales, **options)
        left = quad(weighted, -37, 0, points=-scales, **options)
        value, error = (float(right[i] + left[i]) for i in range(2))
        if not (np.isfinite(value) and error <= 1e-6 * max(1, abs(value))):
            raise ArgumentError(
                "theory.feature_moments",
                "feature",
                f"must have finite moments, got {value:g} with an error of {error:g}",
                "Pass a feature that grows slower than exp(x^2 / 4).",
            )
        return value

    with np.errstate(over="ignore", invalid="ignore"):
        return moment(1), moment(2)


def feature_map_cosine(
    d: ArrayLike,
    n: ArrayLike,
    mean: ArrayLike,
    second_moment: ArrayLike,
    *,
    v: ArrayLike | None = None,
) -> Values:
    r"""Mean cosine of linear attention with a feature of each coordinate.

    For Gaussian keys, with $m_1$ and $m_2$ the moments of the feature,

    $$\rho^{-2} = 1 + (n - 1) \left[\frac{m_2 - m_1^2}{d\, m_2} +
    \frac{m_1^2}{m_2^2} \left(\frac{m_2 - m_1^2}{d} + m_1^2\right)\right].$$

    A mean field, mostly too high. For the identity, ReLU and ELU + 1 within 0.2 / d for
    v >= 4, 0.3 / d for v >= 2, and $0.15 / \sqrt d$ for v = 1, where a cosine is a
    sign. For features with large fourth moments, such as x^2, x^3 and exp, within 0.12,
    and within 0.06 for d >= 64.

    Args:
        d: dimension of the keys, at least 8.
        n: number of pairs, at least 1.
        mean: $m_1$, as from `feature_moments`; 0 is the dot product.
        second_moment: $m_2$, positive and at least $m_1^2$.
        v: dimension of the values; d where it is `None`.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Katharopoulos et al. (2020), arXiv:2006.16236, the rule. The formula is derived
        here: given $k_i$, b has mean $m_1 \sum_c \phi(k_{ic})$ and variance
        $(m_2 - m_1^2)\, |\phi(k_i)|^2$.
    """
    call = "theory.feature_map_cosine"
    d, n, mean, second_moment, v = parameters(
        call, d=d, n=n, mean=mean, second_moment=second_moment, v=d if v is None else v
    )
    _require_sizes(call, n=n, v=v)
    require(call, "d", d, d >= 8, "d >= 8")
    # Moments of a constant feature, rounded, may break the rule by an ulp.
    holds = (second_moment > 0) & (mean**2 <= second_moment * (1 + 1e-12))
    require(
        call, "second_moment", second_moment, holds, "second_moment > 0 and >= mean^2"
    )
    common = np.minimum(mean / second_moment * mean, 1)
    rest = 1 - common
    crosstalk = rest / d + common * (rest / d + common)
    return mean_cosine((1 + (n - 1) * crosstalk) ** -0.5, v)


def dpfp_rank(d: ArrayLike, order: ArrayLike) -> Values:
    r"""Largest number of keys that DPFP of some order keeps apart, exact.

    $\min(2 d \nu, 2 d (d - 1))$, the number of products $r_a r_b$ of different
    coordinates of $r = \max([k, -k], 0)$ that are not zero for all keys. Orders of d
    and more add nothing: they give zeros, or products that are there already.

    Args:
        d: dimension of the keys, a whole number, at least 1.
        order: $\nu$, a whole number from 1 to 2 d - 1.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Schlag et al. (2021), arXiv:2102.11174, who state 2 d nu. The bound is
        derived here: of the $d (2 d - 1)$ products d vanish, those of $k_a$ and
        $-k_a$.
    """
    call = "theory.dpfp_rank"
    d, order = parameters(call, d=d, order=order)
    require(call, "d", d, (d >= 1) & (d % 1 == 0), "whole d >= 1")
    whole = (order >= 1) & (order <= 2 * d - 1) & (order % 1 == 0)
    require(call, "order", order, whole, "whole orders from 1 to 2 d - 1")
    return np.minimum(2 * d * order, 2 * d * (d - 1))


def dpfp_cosine(
    d: ArrayLike, n: ArrayLike, order: ArrayLike, *, v: ArrayLike | None = None
) -> Values:
    r"""Mean cosine of linear attention with DPFP features.

    For Gaussian keys, with $p = 1 / (2 \pi)$ and
    $t = \max(2 \nu - d + 1, 0)$,

    $$\rho^{-2} = 1 + \frac{8 (n - 1)}{d \nu^2} \left[\frac{\nu}{16} +
    \frac{p^2}{2} (\nu (2 \nu - 1) - t) +
    p^4 (\nu (2 d \nu - 8 \nu + 2) + 2 t)\right],$$

    which is $1 + (n - 1) / \pi^4$ for large d: about $97\, (\cos^{-2} - 1)$ pairs,
    whatever d. A mean field of the exact second moment. The weights have heavy tails,
    so that it is too high: by up to 0.09 for d = 8, 0.07 for d = 16, 0.03 for d = 64.
    Of few pairs it is too low for v = 1, where a cosine is a sign: by up to 0.07, 0.05
    and 0.02.

    Args:
        d: dimension of the keys, at least 8.
        n: number of pairs, at least 1.
        order: $\nu$, a whole number from 1 to d - 1.
        v: dimension of the values; d where it is `None`.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Schlag et al. (2021), arXiv:2102.11174, the features. The formula
        is derived here: b is a sum of $p_a p_b$ over pairs of coordinates, with
        $p_a = r_a r'_a$ of mean p and second moment 1/4. Two such pairs share two, one
        or no coordinate, and $p_a p_{a + d} = 0$.
    """
    call = "theory.dpfp_cosine"
    d, n, order, v = parameters(call, d=d, n=n, order=order, v=d if v is None else v)
    _require_sizes(call, n=n, v=v)
    require(call, "d", d, d >= 8, "d >= 8")
    whole = (order >= 1) & (order <= d - 1) & (order % 1 == 0)
    require(call, "order", order, whole, "whole orders from 1 to d - 1")
    p, twice = 1 / (2 * np.pi), np.maximum(2 * order - d + 1, 0)
    both = order / 16
    one = (order * (2 * order - 1) - twice) * p**2 / 2
    none = (order * (2 * d * order - 8 * order + 2) + 2 * twice) * p**4
    crosstalk = 8 * (both + one + none) / (d * order**2)
    return mean_cosine((1 + (n - 1) * crosstalk) ** -0.5, v)


def _require_sizes(call, **sizes):
    for name, x in sizes.items():
        require(call, name, x, x >= 1, f"{name} >= 1")
