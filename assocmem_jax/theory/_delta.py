r"""Delta rule: one pass of least mean squares over keys of unit norm.

Pair t is written by $W \leftarrow W + \eta (v_t - W k_t) k_t^\top$. The answer for the
key of pair i is $\sum_j a_j v_j$, where $a_j = \eta\, k_j \cdot x_j$ and $x_j$ is the
key $k_i$ after the projections $I - \eta k_t k_t^\top$ of all pairs t > j. With
m = n - i later pairs, uniform directions give, exactly,

$$E[a_i] = \eta c, \quad c = (1 - \eta / d)^m, \qquad
E[a_i^2] = \eta^2 q, \quad q = (1 - 1/d)\, h^m + g^m / d,$$
$$E \sum_{j \ne i} a_j^2 = N = \frac{\eta}{2 - \eta}
\left[1 - g^m + (g^m - \eta (2 - \eta) q)(1 - g^{i - 1})\right],$$

with $g = 1 - \eta (2 - \eta) / d$, the mean of $|x|^2$ after one projection, and
$h = 1 - 2 \eta / d + 2 \eta^2 / (d (d + 2))$. In the first part of N are the pairs
after i, in the second those before. Step m of $E (k \cdot x)^2$ is
$q' = h q + \eta^2 g^m / (d (d + 2))$, by $E (k \cdot u)^2 (u \cdot x)^2 =
(|x|^2 + 2 (k \cdot x)^2) / (d (d + 2))$ for a uniform direction u.

References:
    Widrow & Hoff (1960), IRE WESCON Convention Record 4, 96-104 (the rule).
    Schlag et al. (2021), arXiv:2102.11174 (the rule as linear attention).
    The formulas are derived here.
"""

import numpy as np

from .._base.checks import ArrayLike
from ._cosine import mean_cosine, mean_norm
from ._domain import Values, at_each, parameters, require
from ._items import mean_over_items


def delta_cosine(
    d: ArrayLike, n: ArrayLike, rate: ArrayLike, *, v: ArrayLike | None = None
) -> Values:
    r"""Mean cosine of the delta rule over all stored pairs, old and new.

    $\frac1n \sum_i C_v(\eta c / \sqrt{\eta^2 c^2 + N})$, with the means c and N of the
    module over keys of unit norm. An approximation, as the weights vary about their
    means. For rates up to 1 and v >= 2 it is off by less than 0.04, for d >= 8 by less
    than 0.025, for d >= 64 by less than 0.004 (0.01 for v < d); the most where n < d
    and the rate is 1. For v = 1, where a cosine is a sign, it is off by up to 0.06
    (0.03 for d >= 64), for rates above 1 by up to 0.08. It is exact for n = 1.

    Args:
        d: dimension of the keys, at least 2.
        n: number of pairs, at least 1; between whole numbers, linear.
        rate: step size $\eta$, between 0 and 2. Small is the dot product, 1 makes the
            newest answer right.
        v: dimension of the values; d where it is `None`.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Widrow & Hoff (1960), the rule; the formula is derived here.
    """
    call = "theory.delta_cosine"
    return at_each(cosine_at, *check_delta(call, d, n, rate, v))


def delta_squared_error(
    d: ArrayLike, n: ArrayLike, rate: ArrayLike, *, v: ArrayLike | None = None
) -> Values:
    r"""Mean squared distance of the delta rule over all stored pairs, exact.

    $\frac{v}{n} \sum_i (1 - 2 \eta c + \eta^2 q + N)$ for keys of unit norm.

    Args:
        d: dimension of the keys, at least 2.
        n: number of pairs, at least 1; between whole numbers, linear.
        rate: step size $\eta$, between 0 and 2.
        v: dimension of the values; d where it is `None`.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Derived here.
    """
    call = "theory.delta_squared_error"
    return at_each(_squared_error_at, *check_delta(call, d, n, rate, v))


def delta_distance(
    d: ArrayLike, n: ArrayLike, rate: ArrayLike, *, v: ArrayLike | None = None
) -> Values:
    r"""Mean distance of the delta rule over all stored pairs.

    $\frac1n \sum_i \mu_v\, \tau_i\, \mu_M / \sqrt M$ for keys of unit norm, where
    $\tau_i^2 = 1 - 2 \eta c + \eta^2 q + N$ is taken for a chi-square variable of so
    many degrees of freedom M that its variance is that of the crosstalk. An
    approximation: within 4 % for rates up to 0.7. At larger rates answers of new pairs
    are nearly right, and their distances vary much: it is then up to 15 % high.

    Args:
        d: dimension of the keys, at least 2.
        n: number of pairs, at least 1; between whole numbers, linear.
        rate: step size $\eta$, between 0 and 2.
        v: dimension of the values; d where it is `None`.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Derived here.
    """
    call = "theory.delta_distance"
    return at_each(_distance_at, *check_delta(call, d, n, rate, v))


def check_delta(call, d, n, rate, v):
    """The parameters of a delta memory as arrays of float64, v filled in."""
    d, n, rate, v = parameters(call, d=d, n=n, rate=rate, v=d if v is None else v)
    require(call, "d", d, d >= 2, "d >= 2")
    require(call, "n", n, n >= 1, "n >= 1")
    require(call, "rate", rate, (rate > 0) & (rate < 2), "0 < rate < 2")
    require(call, "v", v, v >= 1, "v >= 1")
    return d, n, rate, v


def cosine_at(d, n, rate, v):
    """`delta_cosine` of numbers, unchecked."""

    def cosine(age, older):
        c, _, crosstalk, _ = _moments(d, rate, age, older)
        return mean_cosine(c / np.sqrt(c**2 + crosstalk), v)

    return mean_over_items(cosine, n)


def _squared_error_at(d, n, rate, v):
    squares = lambda age, older: _squares(rate, *_moments(d, rate, age, older))
    return float(v * mean_over_items(squares, n))


def _distance_at(d, n, rate, v):
    def norms(age, older):
        moments = _moments(d, rate, age, older)
        squares, spread = _squares(rate, *moments), rate**4 * moments[3]
        # Rounding errors in the newest pair at rate 1.
        varies = (spread > 1e-24) & (squares > 1e-12)
        freedom = np.where(varies, squares**2 / np.where(varies, spread, 1), np.inf)
        few = np.clip(freedom, 1, 1e4)
        # The ratio of two Gamma functions has no digits left for many.
        ratio = np.where(
            freedom > few, 1 - 1 / (4 * freedom), mean_norm(few) / few**0.5
        )
        return np.sqrt(squares) * ratio

    return float(mean_norm(v) * mean_over_items(norms, n))


def _squares(rate, c, q, crosstalk, _):
    return np.maximum(1 - 2 * rate * c + rate**2 * (q + crosstalk), 0)


def _moments(d, rate, age, older):
    """Means c, q and N / rate^2, and half the variance of N / rate^4.

    Args:
        d: dimension of the keys.
        rate: the rate.
        age: number of pairs written after this one.
        older: number of pairs written before.
    """
    power = lambda loss, times: np.exp(times * np.log1p(-loss))
    gone = lambda loss, times: -np.expm1(times * np.log1p(-loss))
    fall = rate * (2 - rate)
    c = power(rate / d, age)
    q = (1 - 1 / d) * power(2 * rate / d * (1 - rate / (d + 2)), age)
    q = q + power(fall / d, age) / d
    left = np.maximum(power(fall / d, age) - fall * q, 0)
    crosstalk = (gone(fall / d, age) + left * gone(fall / d, older)) / fall
    # A squared coordinate of a direction has (d - 1) / (d + 2) of the variance of a
    # chi-square variable of its mean.
    spread = gone(fall / d, 2 * age) + left**2 * gone(fall / d, 2 * older)
    spread = spread / (fall / d * (2 - fall / d)) * (d - 1) / (d**2 * (d + 2))
    return c, q, crosstalk, spread
