r"""Dense associative memory: patterns of signs, interaction $F(x) = x^p$.

A unit takes the sign that lowers the energy, that of
$\sum_\mu [F(\xi^\mu_i + y_\mu) - F(-\xi^\mu_i + y_\mu)]$, where $y_\mu$ is the overlap
of the other units with pattern $\mu$. At a stored pattern, its own term is
$d^p - (d - 2)^p$, and each of the others $\pm [(y + 1)^p - (y - 1)^p]$ with an
independent sign and y a sum of d - 1 signs: mean 0, and independent.
"""

import numpy as np
from scipy.linalg import eigh_tridiagonal
from scipy.special import gammaln, ndtr

from .._base.checks import ArrayLike
from ._domain import Values, at_each, parameters, require


def dense_bit_error(d: ArrayLike, n: ArrayLike, degree: ArrayLike) -> Values:
    r"""Probability that a sign of a stored pattern is wrong after one step.

    $\Phi(-z)$ with $z = (d^p - (d - 2)^p) / \sqrt{(n - 1)\, E[((y + 1)^p -
    (y - 1)^p)^2]}$: the variance of the crosstalk is exact, its normal law is that of
    many patterns. Where the probability is above 1e-3, d >= 60 and p >= 3, it is within
    8 %. Much smaller probabilities are too low, as the crosstalk has heavier tails. For
    degree 2, `hopfield_bit_error` is exact.

    Args:
        d: number of units, at least 2.
        n: number of patterns, at least 1.
        degree: p, a whole number from 1 to 64; 2 is the Hopfield network.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Krotov & Hopfield (2016), arXiv:1606.01164, sec. 2, whose leading order is
            `dense_bit_error_limit`; the variance is derived here.
    """
    call = "theory.dense_bit_error"
    d, n, degree = _checked(call, d, n, degree)
    ratio = at_each(_signal_to_noise, d, degree)
    return np.where(n > 1, ndtr(-ratio / np.sqrt(np.maximum(n - 1, 1e-12))), 0.0)[()]


def dense_bit_error_limit(d: ArrayLike, n: ArrayLike, degree: ArrayLike) -> Values:
    r"""Leading order of `dense_bit_error` for many units.

    $\Phi(-\sqrt{d^{p - 1} / ((2 p - 3)!!\, n)})$. For probabilities above 1e-3,
    d >= 60 and p from 3 to 5 it is within 15 %. For larger p many more units are
    needed: at d = 60 and the n of `dense_capacity` it is 1.7 times too high for p = 8;
    at five times that n it is 5 times too high for p = 16.

    Args:
        d: number of units, at least 2.
        n: number of patterns, at least 1.
        degree: p, a whole number from 1 to 64; 2 is the Hopfield network.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Krotov & Hopfield (2016), arXiv:1606.01164, sec. 2 (the probability of error).
    """
    d, n, degree = _checked("theory.dense_bit_error_limit", d, n, degree)
    log_ratio = (degree - 1) * np.log(d) - _log_odd_factorial(degree) - np.log(n)
    return ndtr(-np.exp(log_ratio / 2))


def dense_capacity(d: ArrayLike, degree: ArrayLike) -> Values:
    r"""Number of patterns up to which most are fixed, to leading order.

    $d^{p - 1} / (2\, (2 p - 3)!! \ln d)$: for more patterns the expected number of
    wrong signs in one grows with d. All are fixed up to half as many.

    Args:
        d: number of units, at least 2.
        degree: p, a whole number from 2 to 64; 2 is the Hopfield network.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Krotov & Hopfield (2016), arXiv:1606.01164, sec. 2 (no errors).
        McEliece, Posner, Rodemich & Venkatesh (1987), doi:10.1109/TIT.1987.1057328
            (degree 2).
    """
    call = "theory.dense_capacity"
    d, _, degree = _checked(call, d, 1.0, degree)
    require(call, "degree", degree, degree >= 2, "whole degrees from 2 to 64")
    power = (degree - 1) * np.log(d) - _log_odd_factorial(degree)
    return np.exp(power) / (2 * np.log(d))


def _checked(call, d, n, degree):
    d, n, degree = parameters(call, d=d, n=n, degree=degree)
    # Powers of more units would not be finite.
    require(call, "d", d, (d >= 2) & (d <= 1e4), "2 <= d <= 1e4")
    require(call, "n", n, n >= 1, "n >= 1")
    whole = (degree >= 1) & (degree <= 64) & (degree % 1 == 0)
    require(call, "degree", degree, whole, "whole degrees from 1 to 64")
    return d, n, degree


def _log_odd_factorial(degree):
    """Logarithm of (2 degree - 3)!!, the moment 2 degree - 2 of a normal variable."""
    return (degree - 1) * np.log(2) + gammaln(degree - 0.5) - np.log(np.pi) / 2


def _signal_to_noise(d, degree):
    """The ratio z for two patterns."""
    y, weights = _sum_of_signs(d - 1, degree)
    # In units of d, lest powers overflow.
    y = y / d
    noise = weights @ ((y + 1 / d) ** degree - (y - 1 / d) ** degree) ** 2
    return (1 - (1 - 2 / d) ** degree) / np.sqrt(noise)


def _sum_of_signs(count, nodes):
    """Gauss's rule for a sum of so many signs: exact up to degree 2 nodes - 1."""
    k = np.arange(1, min(nodes, np.floor(count) + 1))
    y, vectors = eigh_tridiagonal(np.zeros(len(k) + 1), np.sqrt(k * (count - k + 1)))
    return y, vectors[0] ** 2
