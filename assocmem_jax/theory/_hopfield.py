r"""Hopfield network: Hebbian couplings of random patterns of signs, at temperature 0.

With the replica equations of Amit, Gutfreund and Sompolinsky,
$m = \mathrm{erf}(y)$, $y = m / \sqrt{2 \alpha r}$, $C = (2 / \sqrt\pi)\, e^{-y^2} /
\sqrt{2 \alpha r}$ and $\sqrt r\, (1 - C) = 1$, the load of a state of overlap m is

$$\alpha(y) = \frac12 \left(\frac{\mathrm{erf}(y)}{y} -
\frac{2}{\sqrt\pi} e^{-y^2}\right)^2.$$

Its maximum is the capacity; larger y are the states of retrieval.
"""

import functools
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar, root_scalar
from scipy.special import betainc, erf, erfc, log1p

from .._base.checks import ArrayLike
from ._domain import Values, at_each, parameters, require


def hopfield_capacity() -> float:
    r"""Load n / d up to which patterns are retrieved with few errors: 0.137906.

    The maximum of $\alpha(y)$ of the module, where the overlap is 0.967. It is that of
    the replica-symmetric solution; with broken symmetry it is 0.1382.

    References:
        Amit, Gutfreund & Sompolinsky (1985), doi:10.1103/PhysRevLett.55.1530.
        Stojnic (2024), arXiv:2403.01907 (0.137906, and 0.138186 on the second level).
    """
    return _load(_critical())


def hopfield_overlap(load: ArrayLike) -> Values:
    r"""Overlap of the state of retrieval with its pattern.

    $m = \mathrm{erf}(y)$ at the larger root of $\alpha(y) = n / d$; exact for many
    units, within the replica-symmetric solution. 1 for load 0, and 0.967 at
    `hopfield_capacity`. A share $(1 - m) / 2$ of the signs is wrong.

    Args:
        load: $\alpha = n / d$, from 0 to `hopfield_capacity`.

    Raises:
        ValueError: if `load` is outside of its range: no such state exists.

    References:
        Amit, Gutfreund & Sompolinsky (1985), doi:10.1103/PhysRevLett.55.1530.
    """
    call = "theory.hopfield_overlap"
    (load,) = parameters(call, load=load)
    capacity = hopfield_capacity()
    holds = (load >= 0) & (load <= capacity)
    require(call, "load", load, holds, f"0 <= load <= {capacity:.6f}")
    return at_each(_overlap, load)


def hopfield_barrier_capacity() -> float:
    r"""Load n / d up to which a barrier of energy surrounds every pattern: 0.129490.

    $\mathrm{erf}(x)^2 / (2 x^2) - 1 + \mathrm{erf}(x)^2$ at the root of
    $1 - \mathrm{erf}(x)^2 - 2\, \mathrm{erf}(x)\, e^{-x^2} / (\sqrt\pi x) +
    2 e^{-2 x^2} / \pi$. An estimate of the first level of lifting, not a bound.

    References:
        Stojnic (2024), arXiv:2403.01907, the NLT basin of Newman, Loukianova and
            Talagrand.
    """

    def slope(x):
        rest = erfc(x) * (1 + erf(x))
        cross = 2 * erf(x) * np.exp(-x * x) / (np.sqrt(np.pi) * x)
        return rest - cross + 2 * np.exp(-2 * x * x) / np.pi

    x = root_scalar(slope, bracket=(1.0, 2.0), xtol=1e-14).root
    return float(erf(x) ** 2 / (2 * x**2) - erfc(x) * (1 + erf(x)))


def hopfield_bit_error(d: ArrayLike, n: ArrayLike) -> Values:
    r"""Probability that a sign of a stored pattern is wrong after one step, exact.

    The field of a unit, without coupling to itself, is d - 1 plus a sum of
    $(n - 1)(d - 1)$ independent signs, so that
    $q = P(\mathrm{Bin}((n - 1)(d - 1), \frac12) \ge n (d - 1) / 2)$; a field of zero
    counts as wrong. For large d it is $\Phi(-\sqrt{(d - 1) / (n - 1)})$.

    Args:
        d: number of units, a whole number, at least 2.
        n: number of patterns, a whole number, at least 1; n d up to 1e13.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Hopfield (1982), doi:10.1073/pnas.79.8.2554 (the Gaussian form).
    """
    return _bit_error(*_checked("theory.hopfield_bit_error", d, n))


def hopfield_fixed_fraction(d: ArrayLike, n: ArrayLike) -> Values:
    r"""Share of the stored patterns that a step leaves as they are.

    $(1 - q)^d$ with the q of `hopfield_bit_error`, as if signs failed independently.
    For d >= 8 it is within 0.1, and within 0.04 where it is above 0.9; for fewer units
    it is off by up to 0.3. Most patterns are fixed up to $n = d / (2 \ln d)$.

    Args:
        d: number of units, a whole number, at least 2.
        n: number of patterns, a whole number, at least 1; n d up to 1e13.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        McEliece, Posner, Rodemich & Venkatesh (1987), doi:10.1109/TIT.1987.1057328.
    """
    d, n = _checked("theory.hopfield_fixed_fraction", d, n)
    return np.exp(d * log1p(-_bit_error(d, n)))


def hopfield_all_fixed_probability(d: ArrayLike, n: ArrayLike) -> Values:
    r"""Probability that a step leaves all stored patterns as they are.

    $(1 - q)^{d n}$ with the q of `hopfield_bit_error`, as if signs failed
    independently. For d >= 8 it is too low, by up to 0.25, and by less than 0.01 where
    it is above 0.99; for fewer units it is off by up to 0.5. All patterns are fixed up
    to $n = d / (4 \ln d)$.

    Args:
        d: number of units, a whole number, at least 2.
        n: number of patterns, a whole number, at least 1; n d up to 1e13.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        McEliece, Posner, Rodemich & Venkatesh (1987), doi:10.1109/TIT.1987.1057328.
    """
    d, n = _checked("theory.hopfield_all_fixed_probability", d, n)
    return np.exp(d * n * log1p(-_bit_error(d, n)))


def _load(y):
    return (erf(y) / y - 2 / np.sqrt(np.pi) * np.exp(-y * y)) ** 2 / 2


@functools.cache
def _critical():
    options = {"xatol": 1e-10}
    loss = lambda y: -_load(y)
    found: Any = minimize_scalar(
        loss, bounds=(1.0, 2.0), method="bounded", options=options
    )
    return found.x


def _overlap(load):
    if load < 0.01:
        # y is above 7: all but a share of 1e-22 is right.
        return 1.0
    excess, low = lambda y: _load(y) - load, _critical()
    # erf(y) / y is at most 1 / y, so the root is below 1 / sqrt(2 load). The search for
    # the capacity ends within rounding of it.
    if excess(low) <= 0:
        return float(erf(low))
    return float(erf(root_scalar(excess, bracket=(low, 1 / np.sqrt(load))).root))


def _checked(call, d, n):
    d, n = parameters(call, d=d, n=n)
    require(call, "d", d, (d >= 2) & (d % 1 == 0), "whole d >= 2")
    require(call, "n", n, (n >= 1) & (n % 1 == 0), "whole n >= 1")
    # More are no whole numbers in float64.
    require(call, "n", n, n * d <= 1e13, "n d <= 1e13")
    return d, n


def _bit_error(d, n):
    count, least = (n - 1) * (d - 1), np.ceil(n * (d - 1) / 2)
    possible = least <= count
    rest = np.where(possible, count - least + 1, 1)
    return np.where(possible, betainc(least, rest, 0.5), 0.0)[()]
