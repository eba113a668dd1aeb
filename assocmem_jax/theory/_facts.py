r"""Facts that a linear memory holds: pairs of directions, decoded by the nearest.

Keys and values are uniform directions. For the key of pair i the answer is
$v_i + g$, $g = \sum_{l \ne i} (k_l \cdot k_i)\, v_l$. With $u = k_j \cdot k_i$,
$w = v_j \cdot v_i$ and g now without pair j, value i scores higher than value j by

$$(1 - u)(1 - w) + (1 - w)\, g_1 - \sqrt{1 - w^2}\, |g_\perp|\, s,$$

where $g_1$ is the part of g along $v_i$ and s a coordinate of a direction in v - 1
dimensions. Divided by 1 - w, the last term is $|g_\perp|$ times a coordinate of the
stereographic projection of $v_j$ from $v_i$, which is $T / \sqrt{v - 1}$ with T
Student's variable of v - 1 degrees of freedom. So value j wins with probability

$$p = E_u\, P\left(T > \sqrt{v - 1}\, (1 + g_1 - u) / |g_\perp|\right).$$

g is taken as normal, of variance $\gamma^2 = (n - 2) / (d v)$ per coordinate, and the
competitors as independent given g.
"""

import numpy as np
from scipy.special import lambertw, ndtr, ndtri, stdtr

from .._base.checks import ArrayLike
from ._domain import Values, at_each, parameters, require
from ._nodes import gauss


def dot_product_accuracy(
    d: ArrayLike, n: ArrayLike, v: ArrayLike | None = None
) -> Values:
    r"""Share of facts that the dot-product memory decodes, for spherical keys, values.

    $E (1 - p)^{n - 1}$ with the p of the module, over $g_1 \sim N(0, \gamma^2)$ and
    $|g_\perp| = \gamma \chi_{v - 1}$. Norms do not matter, and the value of the largest
    score is the nearest. An approximation: within 0.04 for d and v from 2 on, 0.015
    from 32 on, 0.003 from 64 on. Exactly 1 for two pairs or fewer. Half of
    $n \approx d v / (2 \ln n)$ facts are decoded.

    Args:
        d: dimension of the keys, at least 2.
        n: number of facts, at least 1.
        v: dimension of the values, at least 2; d where it is `None`.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Nichani, Lee & Bietti (2024), arXiv:2412.06538, theorem 1 (the order d v / log).
        The formula is derived here.
    """
    call = "theory.dot_product_accuracy"
    d, n, v = parameters(call, d=d, n=n, v=d if v is None else v)
    for name, x, least in (("d", d, 2), ("n", n, 1), ("v", v, 2)):
        require(call, name, x, x >= least, f"{name} >= {least}")
    return at_each(_accuracy, d, n, v)


def dot_product_list_accuracy(
    d: ArrayLike, n: ArrayLike, share: ArrayLike, v: ArrayLike | None = None
) -> Values:
    r"""Share of facts whose value is among the first of the list of all, leading order.

    $\Phi(\sqrt{d v / n} - z)$ with $\Phi(z) = 1 - \tau$: the score of the right value
    is above those of all but a share $\tau$ of the others. So $n \propto d v$ facts are
    found in a list of fixed share, without the logarithm of the first place. Within
    0.05 for d and v from 32 on and a share of at least 0.01; a little too large.

    Args:
        d: dimension of the keys, at least 2.
        n: number of facts, at least 1.
        share: $\tau$, length of the list over n, between 0 and 1.
        v: dimension of the values, at least 2; d where it is `None`.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Derived here.
    """
    call = "theory.dot_product_list_accuracy"
    d, n, v, share = parameters(call, d=d, n=n, v=d if v is None else v, share=share)
    for name, x, least in (("d", d, 2), ("n", n, 1), ("v", v, 2)):
        require(call, name, x, x >= least, f"{name} >= {least}")
    require(call, "share", share, (share > 0) & (share < 1), "0 < share < 1")
    return ndtr(np.sqrt(d * v / n) + ndtri(share))


def dot_product_fact_capacity(
    d: ArrayLike, v: ArrayLike | None = None, *, every: bool = False
) -> Values:
    r"""Number of facts that the dot-product memory decodes, leading order.

    The root of $2 n \ln n = d v$, where a typical fact is decoded half of the time; or
    of $8 n \ln n = d v$, where all of them are, in about half of the draws, as n facts
    have $n^2$ competitors. The first is 5 to 11 % too small from d = 32 to 128.

    Args:
        d: dimension of the keys, at least 2.
        v: dimension of the values, at least 2; d where it is `None`.
        every: whether all facts must be decoded, and not a typical one.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Nichani, Lee & Bietti (2024), arXiv:2412.06538, theorem 1 (the order).
        The constants are derived here.
    """
    call = "theory.dot_product_fact_capacity"
    d, v = parameters(call, d=d, v=d if v is None else v)
    for name, x in (("d", d), ("v", v)):
        require(call, name, x, x >= 2, f"{name} >= 2")
    # n ln n = y has the root y / W(y).
    y = d * v / (8 if every else 2)
    return y / lambertw(y).real


def _accuracy(d, n, v):
    if n <= 2:
        return 1.0
    gain = np.sqrt((n - 2) / (d * v))
    z = np.linspace(-8, 8, 161)
    normal = np.exp(-z * z / 2)
    k = np.arange(1, 40)
    # k (k + d - 3) / ((2 k + d - 2)(2 k + d - 4)) is 0 / 0 for k = 1, d = 2.
    beside = np.append(1 / d, (k + 1) * (k + d - 2) / ((2 * k + d) * (2 * k + d - 2)))
    u, u_weights = gauss(np.zeros(len(k) + 2), beside)
    shape = (v - 1) / 2
    k = np.arange(24)
    half_square, weights = gauss(2 * k + shape, k[1:] * (k[1:] + shape - 1))
    across = np.sqrt(2 * np.maximum(half_square, 1e-12))[:, None]
    ratio = (1 + gain * z[:, None, None] - u) / (gain * across)
    wins = stdtr(v - 1, -np.sqrt(v - 1) * ratio) @ u_weights
    none = np.exp((n - 1) * np.log1p(-np.minimum(wins, 1 - 1e-16))) @ weights
    return float(np.clip(normal @ none / normal.sum(), 0, 1))
