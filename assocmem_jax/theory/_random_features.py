r"""Random features: linear attention that approximates a Gaussian or softmax kernel.

References:
    Rahimi & Recht (2007), Advances in Neural Information Processing Systems 20.
    Choromanski et al. (2021), arXiv:2009.14794.
"""

import numpy as np

from .._base.checks import ArrayLike
from ._cosine import mean_cosine
from ._domain import Values, parameters, require


def random_fourier_cosine(frequencies: ArrayLike, n: ArrayLike, v: ArrayLike) -> Values:
    r"""Mean cosine of linear attention with random Fourier features of far keys.

    $\rho = (1 + (n - 1) / (2 D))^{-1/2}$ for D frequencies, each with its cosine and
    its sine: between keys so far apart that the kernel is 0, the phases are uniform,
    and a weight is a mean of D cosines. The capacity grows with the number of features,
    not with d. A mean field: within 0.1 / D for v >= 4, 0.2 / D for v >= 2, and
    $0.12 / \sqrt D$ for v = 1, where a cosine is a sign.

    Args:
        frequencies: their number D, at least 16.
        n: number of pairs, at least 1.
        v: dimension of the values, at least 1.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Rahimi & Recht (2007), the features; the formula is derived here, as
        $E \cos^2 = 1/2$.
    """
    call = "theory.random_fourier_cosine"
    frequencies, n, v = parameters(call, frequencies=frequencies, n=n, v=v)
    require(call, "frequencies", frequencies, frequencies >= 16, "frequencies >= 16")
    require(call, "n", n, n >= 1, "n >= 1")
    require(call, "v", v, v >= 1, "v >= 1")
    return mean_cosine((1 + (n - 1) / (2 * frequencies)) ** -0.5, v)


def positive_features_error(features: ArrayLike, sum_norm: ArrayLike) -> Values:
    r"""Relative squared error of $e^{x \cdot y}$ by positive random features, exact.

    $E(\hat s - s)^2 / s^2 = (e^{|x + y|^2} - 1) / m$ for m features
    $e^{w \cdot x - |x|^2 / 2}$ with $w \sim N(0, I)$. Small where the kernel is small:
    at x = -y it is 0.

    Args:
        features: their number m, at least 1.
        sum_norm: $|x + y|$, from 0 to 26; beyond, the error has no number.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Choromanski et al. (2021), arXiv:2009.14794, lemma 2.
    """
    call = "theory.positive_features_error"
    features, norm = _checked(call, features, "sum_norm", sum_norm)
    return np.expm1(norm**2) / features


def trigonometric_features_error(
    features: ArrayLike, difference_norm: ArrayLike
) -> Values:
    r"""Relative squared error of $e^{x \cdot y}$ by random Fourier features, exact.

    $E(\hat s - s)^2 / s^2 = 2 \sinh^2(|x - y|^2 / 2) / m$ for m frequencies, each with
    its cosine and its sine. Large where the kernel is small.

    Args:
        features: number m of frequencies, at least 1.
        difference_norm: $|x - y|$, from 0 to 26; beyond, the error has no number.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Choromanski et al. (2021), arXiv:2009.14794, lemma 2, by
        $|x + y|^2 - 4 x \cdot y = |x - y|^2$.
    """
    call = "theory.trigonometric_features_error"
    features, norm = _checked(call, features, "difference_norm", difference_norm)
    return 2 * np.sinh(norm**2 / 2) ** 2 / features


def _checked(call, features, name, norm):
    features, norm = parameters(call, features=features, **{name: norm})
    require(call, "features", features, features >= 1, "features >= 1")
    require(call, name, norm, (norm >= 0) & (norm <= 26), f"0 <= {name} <= 26")
    return features, norm
