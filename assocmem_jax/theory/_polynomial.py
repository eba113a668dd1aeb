"""Closed forms of the polynomial (dense associative) memory."""

from functools import partial

import numpy as np
from scipy.special import ndtr

from .._base.checks import ArrayLike
from . import _kernel, _nodes, _targets
from ._cosine import mean_cosine
from ._domain import Values, at_each, parameters, require


def polynomial_cosine(
    d: ArrayLike,
    n: ArrayLike,
    degree: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
    keys: str = "gaussian",
    rectified: bool = False,
) -> Values:
    r"""Mean cosine of the memory with weights $(k_j \cdot q)^p$, exact.

    $E\, \mathrm{sign}(y)^p C_v(|y|^p / (y^{2 p} + \sum_{j \ne i} z_j^{2 p})^{1/2})$,
    with y and $z_j$ the coordinates of the keys along the query. Degree 1 is the
    dot-product memory, or the ReLU memory if rectified. Evaluated to 1e-9 without
    noise; with it to 1e-7 up to degree 10, to 1e-6 up to 30. There is no formula of the
    distance, but `polynomial_squared_error` of its square.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, from 1 to 1e300. Below 2, the second is there with probability
            n - 1.
        degree: p, a whole number from 1 to 30.
        v: dimension of the values, at least 1; `d` if `None`.
        query_noise: standard deviation of the noise per coordinate of a query; 0 unless
            keys are Gaussian.
        keys: `"gaussian"`, `"spherical"` (norm $\sqrt d$) or `"bipolar"`.
        rectified: whether a negative score has weight 0. An answer of 0 has cosine 0.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Krotov & Hopfield (2016), arXiv:1606.01164, eq. 6 (the rule).
        The integral is derived here, in `theory/_kernel.py`.
    """
    call = "theory.polynomial_cosine"
    arrays = _targets.check(call, keys, d, n, v, query_noise, degree=degree)
    require(call, "n", arrays[1], arrays[1] <= 1e300, "n <= 1e300")
    _check_degree(call, arrays[4])
    if keys != "gaussian":
        domain = "query_noise = 0 unless keys are Gaussian"
        require(call, "query_noise", arrays[3], arrays[3] == 0, domain)
    return at_each(partial(_cosine, keys=keys, rectified=rectified), *arrays)


def polynomial_squared_error(
    d: ArrayLike,
    n: ArrayLike,
    degree: ArrayLike,
    *,
    v: ArrayLike | None = None,
    keys: str = "gaussian",
    rectified: bool = False,
) -> Values:
    r"""Mean squared distance of the memory with weights $(k_j \cdot q)^p$, exact.

    $v\, E\, [(r^{2 p} - 1)^2 + (n - 1) r^{2 p} z^{2 p}]$ for queries without noise,
    with r the norm of a key and z a coordinate along another; the second term is half
    as large if rectified. The answer is about $d^p$ times the value, so this measures
    its gain; compare cosines.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, at least 1.
        degree: p, a whole number from 1 to 30.
        v: dimension of the values, at least 1; `d` if `None`.
        keys: `"gaussian"`, `"spherical"` (norm $\sqrt d$) or `"bipolar"`.
        rectified: whether a negative score has weight 0.

    Raises:
        ValueError: if a parameter is outside of its range, or the result above 1e300.

    References:
        Derived here, from the moments of chi and Beta variables.
    """
    call = "theory.polynomial_squared_error"
    d, n, v, _, degree = _targets.check(call, keys, d, n, v, 0.0, degree=degree)
    _check_degree(call, degree)
    moments = partial(_log_moments, keys=keys)
    fourth, second, coordinate = (
        at_each(lambda d, p, i=i: moments(d, p)[i], d, degree) for i in range(3)
    )
    size = np.maximum(2 * fourth, second + coordinate + np.log(n)) + np.log(v)
    require(call, "degree", degree, size < 690, "results below 1e300")
    target = np.exp(fourth) - 2 * np.exp(second) + 1
    share = 0.5 if rectified else 1.0
    return v * (target + share * (n - 1) * np.exp(second + coordinate))


def polynomial_mean_field_cosine(
    d: ArrayLike, n: ArrayLike, degree: ArrayLike, *, v: ArrayLike | None = None
) -> Values:
    r"""Mean cosine of the memory of degree p for large d, in mean field.

    $C_v(\rho)$ with $\rho^{-2} = 1 + (n - 1) (2 p - 1)!! / d^p$, for Gaussian keys:
    all sums are replaced by their means. Within $0.14\, p^2 / d$ of the exact cosine
    with v of at least d; mostly too high.

    Args:
        d: dimension of the keys, at least 8.
        n: stored pairs, at least 1.
        degree: p, a whole number from 1 to 10.
        v: dimension of the values, at least 1; `d` if `None`.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Krotov & Hopfield (2016), arXiv:1606.01164, eq. 9 (the variance of the noise).
    """
    call = "theory.polynomial_mean_field_cosine"
    d, n, v, _, degree = _targets.check(call, "gaussian", d, n, v, 0.0, degree=degree)
    _check_degree(call, degree, 10)
    require(call, "d", d, d >= 8, "d >= 8")
    noise = (n - 1) * np.exp(_log_double_factorial(degree) - degree * np.log(d))
    return mean_cosine(1 / np.sqrt(1 + noise), v)


def polynomial_capacity(
    d: ArrayLike, degree: ArrayLike, correlation: ArrayLike = 0.9
) -> Values:
    r"""Pairs at which the memory of degree p has a given correlation, in mean field.

    $1 + (\rho^{-2} - 1)\, d^p / (2 p - 1)!!$, twice as many beyond the first if
    rectified. For large v the exact number is this times .99, .96, .92 and .85 for
    degree 1, 2, 3 and 5, at d = 64 and $\rho = .71$, and closer to it for larger d or
    smaller $\rho$; at $\rho = .9$ times .99, .93, .87 and .71.

    Args:
        d: dimension of the keys, at least 1.
        degree: p, a whole number from 1 to 30.
        correlation: $\rho$ of value and answer, above 0 and at most 1; for large v it
            is the mean cosine.

    Raises:
        ValueError: if a parameter is outside of its range, or the result above 1e300.

    References:
        Krotov & Hopfield (2016), arXiv:1606.01164, eq. 9 (the variance of the noise).
    """
    call = "theory.polynomial_capacity"
    d, degree, rho = parameters(call, d=d, degree=degree, correlation=correlation)
    require(call, "d", d, d >= 1, "d >= 1")
    _check_degree(call, degree)
    require(call, "correlation", rho, (rho > 0) & (rho <= 1), "0 < correlation <= 1")
    log_pairs = degree * np.log(d) - _log_double_factorial(degree)
    size = log_pairs - 2 * np.log(rho)
    require(call, "degree", degree, size < 690, "results below 1e300")
    return 1 + (1 - rho) * (1 + rho) * np.exp(size)


def _check_degree(call, degree, most=30):
    whole = (degree == np.round(degree)) & (degree >= 1) & (degree <= most)
    require(call, "degree", degree, whole, f"whole numbers from 1 to {most}")


def _cosine(d, n, v, query_noise, degree, keys, rectified):
    profile, power = _kernel.cosine_profile(n, v), 2 * degree
    target = _target(d, query_noise, degree, keys)
    sign = np.sign(target.along) if degree % 2 or rectified else 1.0
    share = 0.5 if rectified else 1.0
    if rectified:
        sign = np.maximum(sign, 0)

    def absent(u, target):
        along = np.maximum(abs(target.along), 1e-300)[:, None]
        if keys == "gaussian":
            survival = lambda y: ndtr(-along * np.exp(np.clip(y / power, -700, 690)))
            return share * 2 * _kernel.steep(u, n, survival)
        if keys == "spherical" and d > 1:
            squares, weights = _targets.squares(d, 0.5 / max(degree, u[-1]))
        else:
            z, weights = _targets.signs(d, n)
            squares = z**2
        ratios = degree * np.log(np.maximum(squares, 1e-300) / along**2)
        return share * _kernel.flat(u, ratios, weights)

    signed = target._replace(weights=target.weights * sign)
    return min(max(_kernel.mean(profile, n, signed, absent), -1.0), 1.0)


def _target(d, query_noise, degree, keys):
    if keys != "gaussian" or query_noise == 0:
        return _targets.targets(d, query_noise, keys, 0.8 / (degree + 1))
    # A chi and a normal variable in polar coordinates: the sign is in the angle.
    radius, radial = _targets.norms(d + 1, 0.8 / (degree + 1))
    angle, angular = _nodes.tilt(d, query_noise)
    slope = np.cos(angle) + query_noise * np.sin(angle)
    along = radius[:, None] * slope / np.hypot(1, query_noise)
    weights = radial[:, None] * angular
    seen = weights > 1e-13
    along, weights = along[seen], weights[seen]
    return _targets.Targets(along, along, weights / weights.sum())


def _log_moments(d, degree, keys):
    """Logarithms of the means of r^4p, r^2p and z^2p."""
    if keys == "gaussian":
        moment = lambda k: k * np.log(2) + _log_rising(d / 2, k)
        return moment(2 * degree), moment(degree), _log_double_factorial(degree)
    norm = degree * np.log(d)
    if keys == "spherical":
        coordinate = norm + _log_rising(0.5, degree) - _log_rising(d / 2, degree)
    else:
        z, weights = _targets.signs(d, 1e30)
        coordinate = np.log(weights @ z ** (2 * degree))
    return 2 * norm, norm, coordinate


def _log_double_factorial(degree):
    """Logarithm of (2 p - 1)!!, the mean of the power 2 p of a normal variable."""
    return degree * np.log(2) + _log_rising(0.5, degree)


def _log_rising(x, count):
    """Logarithm of x (x + 1) ... (x + count - 1), with all digits where x is large."""
    steps = np.arange(np.max(count))
    factors = np.log(np.expand_dims(x, -1) + steps)
    return np.where(steps < np.expand_dims(count, -1), factors, 0).sum(-1)
