r"""What a linear memory tells about its values, per parameter.

Given the keys, a coordinate of the right value and one of the answer are normal with
correlation $\rho$, so one tells $-\frac12 \log_2(1 - \rho^2)$ bits about the other. A
matrix of d v parameters answers n queries of v coordinates each. With
$\rho^2 \sim$ Beta(a, b), $E \log(1 - \rho^2) = \psi(b) - \psi(a + b)$, where $\psi$ is
the digamma function.
"""

import numpy as np
from scipy.special import psi

from .._base.checks import ArrayLike
from ._domain import Values
from ._sizes import sizes


def dot_product_bits(d: ArrayLike, n: ArrayLike) -> Values:
    r"""Bits per parameter of the dot-product memory with Gaussian keys, exact.

    $\frac{n}{2 d \ln 2} (\psi((n + d - 1) / 2) - \psi((n - 1) / 2))$: about
    $\frac{n}{2 d} \log_2(1 + d / n)$, which goes to $1 / (2 \ln 2) = 0.7213$ for many
    pairs. Infinite at n = 1, where the answer is a multiple of the value.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, at least 1.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Cover & Thomas (2006), doi:10.1002/047174882X, section 10.3.2 (the rate of a
            normal source). The mean over keys is derived here.
    """
    d, n, _, _ = sizes("theory.dot_product_bits", d, n, None, 0.0)
    return _bits(d, n, n - 1)


def pseudoinverse_bits(d: ArrayLike, n: ArrayLike) -> Values:
    r"""Bits per parameter of the pseudoinverse memory with Gaussian keys, exact.

    $\frac{n}{2 d \ln 2} (\psi(n / 2) - \psi((n - d) / 2))$: about
    $\frac{n}{2 d} \log_2(n / (n - d))$, which falls to $1 / (2 \ln 2) = 0.7213$ with n.
    Infinite up to n = d, where real numbers are answered exactly.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, at least 1.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Cover & Thomas (2006), doi:10.1002/047174882X, section 10.3.2 (the rate of a
            normal source). The mean over keys is derived here.
    """
    d, n, _, _ = sizes("theory.pseudoinverse_bits", d, n, None, 0.0)
    return _bits(d, n, n - d)


def _bits(d, n, freedom):
    """For a squared correlation of law Beta(d / 2, freedom / 2)."""
    finite = freedom > 0
    a, b = np.broadcast_arrays(d / 2, np.where(finite, freedom, 1.0) / 2)
    # Of large numbers the difference is lost: Stirling's series instead.
    large = np.maximum(b, 1.0)
    series = (
        np.log1p(a / large)
        + a / (2 * large * (a + large))
        + (large**-2 - (a + large) ** -2) / 12
    )
    rise = np.where(b > 1e3, series, psi(a + b) - psi(b))
    return np.where(finite, n / d * rise / (2 * np.log(2)), np.inf)[()]
