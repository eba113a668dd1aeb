r"""Values of signs, read out by the signs of the answer.

A coordinate of the answer is $a_i y_i + \sum_{j \ne i} a_j y_j$ with all y 1 or -1.
Given the weights, the sum is nearly normal, so that the sign is wrong with probability
$\Phi(-a_i / |a_{-i}|) = \Phi(-\rho / \sqrt{1 - \rho^2})$, where $\rho = a_i / |a|$.
For coordinates from N(0, 1) it is $\arccos(\rho) / \pi$, which the metric
`bit_accuracy` measures, and `predict` knows.
"""

import numpy as np
from scipy.special import ndtr, stdtr

from .._base.checks import ArrayLike
from . import _nodes
from ._domain import Values, at_each, parameters, require
from ._sizes import sizes


def sign_error(correlation: ArrayLike) -> Values:
    r"""Probability that a sign is read out wrong, for values of random signs.

    $\Phi(-\rho / \sqrt{1 - \rho^2})$, for any rule whose answer is linear in the
    values, and weights of which many count.

    Args:
        correlation: $\rho$, the weight of the right value over the norm of all.

    Raises:
        ValueError: if it is not between -1 and 1.

    References:
        Derived here, as is the signal-to-noise ratio of Amit, Gutfreund & Sompolinsky
            (1987), doi:10.1016/0003-4916(87)90092-3.
    """
    call = "theory.sign_error"
    (rho,) = parameters(call, correlation=correlation)
    require(call, "correlation", rho, abs(rho) <= 1, "-1 <= correlation <= 1")
    with np.errstate(divide="ignore"):
        return ndtr(-rho / np.sqrt((1 - rho) * (1 + rho)))


def dot_product_sign_error(
    d: ArrayLike, n: ArrayLike, *, query_noise: ArrayLike = 0.0
) -> Values:
    r"""Probability of a wrong sign in an answer of the dot product, exact.

    For Gaussian keys and values of random signs,
    $P(T_d > \sqrt{d / ((1 + s^2)(n - 1) + s^2)})$ with $T_d$ Student's variable of d
    degrees of freedom and s the query noise: scores of other keys are normal, given the
    query. 0 at n = 1 without noise.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, at least 1.
        query_noise: standard deviation of the noise per coordinate of a query.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Derived here.
    """
    call = "theory.dot_product_sign_error"
    d, n, _, noise = sizes(call, d, n, None, query_noise)
    # At one pair a wrong sign is one of the score, which flips all coordinates.
    variance = (1 + noise**2) * (n - 1) + noise**2
    with np.errstate(divide="ignore"):
        return stdtr(d, -np.sqrt(d / variance))


def pseudoinverse_sign_error(d: ArrayLike, n: ArrayLike) -> Values:
    r"""Probability of a wrong sign in an answer of the pseudoinverse.

    For Gaussian keys and values of random signs, $E\, \Phi(-\sqrt{B / (1 - B)})$ with
    $B \sim$ Beta(d/2, (n - d)/2) for n > d, and 0 up to n = d. The sum over the other
    values is taken as normal: within 0.005 for d from 16 on.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, at least 1.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Derived here, from the law of B at the head of `theory/_pseudoinverse.py`.
    """
    d, n, _, _ = sizes("theory.pseudoinverse_sign_error", d, n, None, 0.0)
    return at_each(_pseudoinverse, d, n)


def _pseudoinverse(d, n):
    if n <= d:
        return 0.0
    leverage, left, weights = _nodes.beta(d / 2, (n - d) / 2)
    odds = leverage / np.maximum(left, 1e-300)
    return float(weights @ ndtr(-np.sqrt(odds)))
