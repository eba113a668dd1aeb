r"""Means over rules that weigh by a function of the score, by one exact integral.

The weight of a pair is f of its score $k_j \cdot q = |q| z_j$, where $z_j$ is the
coordinate of the key along the query. Given the query and the score of the right pair,
the ratios $x_j$ of the weights (or of their squares) of the n - 1 other pairs to that
of the right pair are independent. With $T = \sum_{j \ne i} x_j$ and $t = e^u$,

$$E \int h(u) e^{-t T} du = E \int h(u) (1 - q(u))^{n - 1} du, \qquad
q(u) = E (1 - e^{-t x}).$$

By $\Gamma(s) (1 + T)^{-s} = \int_0^\infty t^{s - 1} e^{-t (1 + T)} dt$ two means have
this form: that of the weight of the right pair where weights add up to 1,
$1 / (1 + T)$, with $h = t e^{-t}$; and, by the power series of $C_v$, that of the
cosine $C_v((1 + T)^{-1/2})$, with the ratios of squares and
$h = A_v \sqrt{t / \pi}\, {}_1F_1((v + 1) / 2; v / 2 + 1; -t)$.

As a Laplace transform is analytic for Re t > 0, the integrand is for
$|\mathrm{Im}\, u| < \pi / 2$, and the trapezoidal rule converges as
$e^{-\pi^2 / \mathrm{step}}$. So it does for q, in either of two forms: over z where
ln x is flat in z; and, as $1 - e^{-t x}$ is the probability that the logarithm y of an
exponential variable is below $u + \ln x$, over y where it is steep.

References:
    Trefethen & Weideman (2014), doi:10.1137/130932132 (the trapezoidal rule).
    The rest is derived here.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import expit, log_expit

from ._targets import Targets, reach


# Of the trapezoidal rule, in u and in y.
_STEP = 0.4
# Targets of a block, so that no array is large.
_BLOCK = 256


def cosine_profile(n: float, v: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes in u, and weights of the mean cosine there."""
    u = _grid(-44 - np.log(n), np.log(60) + 46 / v)
    # Shapes of the Beta law whose Laplace transform is 1F1.
    first, second = (v + 1) / 2, 0.5
    logit = np.arange(-u[-1] - 35 / first, 75, 0.3)
    law = np.exp(first * log_expit(logit) + second * log_expit(-logit))
    transform = np.exp(-np.exp(u)[:, None] * expit(logit)) @ law
    profile = np.exp(u / 2) * transform
    # No factors: the weights add up to 1, as the cosine is 1 where T = 0.
    return u, profile / profile.sum()


def weight_profile(n: float, power: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Nodes in u, and weights of the mean of a power of the right pair's weight."""
    u = _grid(-25 - np.log(n), 4)
    profile = np.exp(power * u - np.exp(u))
    return u, profile / profile.sum()


def mean(
    profile: tuple[np.ndarray, np.ndarray],
    n: float,
    targets: Targets,
    absent: Callable[[np.ndarray, Targets], np.ndarray],
) -> float:
    """Mean over targets of the integral of a profile.

    Args:
        profile: nodes in u and weights.
        n: stored pairs; below 2 the second is there with probability n - 1.
        targets: nodes and weights for the law of the right pair.
        absent: q at nodes in u, one row per target.
    """
    u, weights = profile
    total = 0.0
    for start in range(0, len(targets.weights), _BLOCK):
        block = Targets(*(x[start : start + _BLOCK] for x in targets))
        q = np.minimum(absent(u, block), 1 - 1e-16)
        present = 1 - (n - 1) * q if n < 2 else np.exp((n - 1) * np.log1p(-q))
        total += block.weights @ (present @ weights)
    return float(total)


def flat(u: np.ndarray, log_ratios: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The q from nodes and weights for ln x, one row of nodes per target."""
    exponents = u[:, None] + log_ratios[:, None, :]
    return -np.expm1(-np.exp(np.clip(exponents, -745, 700))) @ weights


def steep(
    u: np.ndarray, n: float, survival: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """The q from the probability that ln x is above given numbers, by target."""
    # What is left out below is the mass of y: less than 1e-10 / n.
    y = _grid(-(reach(n) ** 2) / 2, 4)
    weights = _STEP * np.exp(y - np.exp(y))
    # All y - u are nodes of one grid. The matrix takes, for each u, those of all y.
    count = len(u) + len(y) - 1
    matrix = np.zeros((count, len(u)))
    for column in range(len(u)):
        first = len(u) - 1 - column
        matrix[first : first + len(y), column] = weights
    return survival(y[0] - u[-1] + _STEP * np.arange(count)) @ matrix


def _grid(low, high):
    return np.arange(np.floor(low / _STEP), np.ceil(high / _STEP) + 1) * _STEP
