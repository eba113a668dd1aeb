"""Proven bounds for the softmax rule with patterns as keys and values."""

import numpy as np
from scipy.special import wrightomega

from .._base.checks import ArrayLike
from ._domain import Values, parameters, require


def softmax_log_capacity_bound(
    d: ArrayLike, beta: ArrayLike, radius: ArrayLike, failure: ArrayLike
) -> Values:
    r"""Natural logarithm of a number of patterns that the softmax rule surely stores.

    With probability $1 - p$, $n = \sqrt p\, c^{(d - 1) / 4}$ random patterns on the
    sphere of radius $K \sqrt{d - 1}$ are stored: each has a fixed point nearby. Here
    $c = b / W_0(e^{a + \ln b})$ with Lambert's W, $b = 2 K^2 \beta / 5$ and
    $a = \frac{2}{d - 1} (1 + \ln(2 \beta K^2 p (d - 1)))$. A lower bound, far below
    what is stored; its logarithm, as the number soon has no float.

    Args:
        d: dimension, above 1.
        beta: inverse temperature, positive.
        radius: K, positive.
        failure: p, above 0 and at most 1.

    Raises:
        ValueError: if a parameter is outside of its range, or the condition of the
            theorem, $c \ge (2 / \sqrt p)^{4 / (d - 1)}$, does not hold.

    References:
        Ramsauer et al. (2021), arXiv:2008.02217, theorem 3.
    """
    call = "theory.softmax_log_capacity_bound"
    d, beta, radius, failure = parameters(
        call, d=d, beta=beta, radius=radius, failure=failure
    )
    require(call, "d", d, d > 1, "d > 1")
    require(call, "beta", beta, beta > 0, "beta > 0")
    require(call, "radius", radius, radius > 0, "radius > 0")
    holds = (failure > 0) & (failure <= 1)
    require(call, "failure", failure, holds, "0 < failure <= 1")
    log_c = _log_base(d, beta, radius, failure)
    least = 4 / (d - 1) * (np.log(2) - np.log(failure) / 2)
    # Rounding must not decide.
    holds = log_c >= least - 1e-12
    domain = "d, beta and radius with c >= (2 / sqrt(failure))^(4 / (d - 1))"
    require(call, "d", d, holds, domain)
    return np.log(failure) / 2 + (d - 1) / 4 * log_c


def softmax_error_bound(
    n: ArrayLike,
    beta: ArrayLike,
    separation: ArrayLike,
    largest_norm: ArrayLike,
    distance: ArrayLike = 0.0,
) -> Values:
    r"""Largest distance from a pattern after one step of the softmax rule.

    $2 (n - 1) M e^{-\beta (\Delta - 2 \delta M)}$, and never more than $2 M$, as an
    answer is a mean of patterns.

    Args:
        n: number of patterns, at least 1.
        beta: inverse temperature, at least 0.
        separation: $\Delta = \min_{j \ne i} (x_i \cdot x_i - x_i \cdot x_j)$ of the
            pattern; it may be negative.
        largest_norm: M, the largest norm of a pattern, at least 0.
        distance: $\delta$, the larger one of the distances from the pattern of the
            query and of its fixed point. Where the query is the pattern, 0 is enough.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Ramsauer et al. (2021), arXiv:2008.02217, theorem 5. For a query at the pattern
        derived here: the others have weights of at most $e^{-\beta \Delta}$ each, at
        distances of at most $2 M$.
    """
    call = "theory.softmax_error_bound"
    n, beta, separation, norm, distance = parameters(
        call,
        n=n,
        beta=beta,
        separation=separation,
        largest_norm=largest_norm,
        distance=distance,
    )
    require(call, "n", n, n >= 1, "n >= 1")
    require(call, "beta", beta, beta >= 0, "beta >= 0")
    require(call, "largest_norm", norm, norm >= 0, "largest_norm >= 0")
    require(call, "distance", distance, distance >= 0, "distance >= 0")
    with np.errstate(over="ignore"):
        gap = np.clip(separation - 2 * distance * norm, -1e300, 1e300)
        # Above 0, the other bound is smaller.
        exponent = np.minimum(-beta * gap, 0)
    return 2 * norm * np.minimum((n - 1) * np.exp(exponent), 1)


def _log_base(d, beta, radius, failure):
    """Logarithm of c, by W0(exp(x)) = omega(x), which does not overflow."""
    log_scale = np.log(beta) + 2 * np.log(radius)
    b = np.log(2 / 5) + log_scale
    a = 2 / (d - 1) * (1 + np.log(2 * (d - 1)) + np.log(failure) + log_scale)
    omega = wrightomega(a + b)
    # omega + log omega = a + b; omega underflows where it is e^(a + b).
    log_omega = np.where(omega > 1e-300, np.log(np.maximum(omega, 1e-300)), a + b)
    return b - log_omega
