r"""Nodes and weights for means over Beta and Gamma laws, and the binomial law.

Under $x = 1 / (1 + e^{-u})$ a Beta law becomes a smooth density with exponential tails,
and so does a Gamma law under $x = e^u$. There the trapezoidal rule converges faster
than any power of its step. A law of shape near 0 has a tail too long to reach: nodes
are placed for shapes one larger, by $E_{a,b}[f] \propto E_{a+1,b+1}[f / (x (1 - x))]$,
and what mass they miss lies at 0 or at 1.

References:
    Trefethen & Weideman (2014), doi:10.1137/130932132 (the trapezoidal rule).
    Takahasi & Mori (1974), doi:10.2977/prims/1195192451 (the rule of `panel`).
"""

from typing import Any

import numpy as np
from scipy.linalg import eigh_tridiagonal
from scipy.special import log_expit


# Logarithm of the least density that has a node, relative to the largest.
_DEPTH = 32.0


def beta(a: float, b: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes, one minus the nodes, and weights of a Beta law.

    Shapes may be 0, but not both: all mass is at 0 for a = 0, at 1 for b = 0.
    """
    wide, tall = max(a, 0.5), max(b, 0.5)
    center = np.log(wide / tall)
    left, right = _reach(wide, tall), _reach(tall, wide)
    spacing = min(0.32, 0.5 * np.sqrt(1 / wide + 1 / tall))
    u = _grid(center - left, center + right, spacing)
    log_x, log_rest = log_expit(u), log_expit(-u)
    weights = _normalized((a + 1) * log_x + (b + 1) * log_rest)
    scale = a / (a + b) * b / (a + b + 1)
    weights = scale * weights / np.exp(log_x + log_rest)
    x, rest = np.exp(log_x), np.exp(log_rest)
    # The mean of the law tells where the missing mass is.
    ends = np.maximum([b / (a + b) - weights @ rest, a / (a + b) - weights @ x], 0)
    return np.r_[x, 0, 1], np.r_[rest, 1, 0], np.r_[weights, ends]


def gamma(shape: float, split: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of a Gamma law of unit scale; all mass is at 0 for shape 0.

    The integrand may have a kink at `split`.
    """
    wide = max(shape, 0.5)
    # A Beta law of a second shape so large is a Gamma law.
    left, right = _reach(wide, 1e9 * wide), _reach(1e9 * wide, wide)
    low, high = np.log(wide) - left, np.log(wide) + right
    u, spacing = panel(low, high, np.log(split or 1e-300), min(0.32, 0.5 / wide**0.5))
    x = np.exp(u)
    weights = shape * _normalized((shape + 1) * u - x, spacing) / x
    return np.r_[x, 0], np.r_[weights, max(1 - weights.sum(), 0)]


def binomial(k: Any, n: int | float, p: Any) -> Any:
    """The probability of k successes in n."""
    # Not at the top: SciPy's laws take as long to import as JAX, and only those of
    # signs and of halves need this one.
    from scipy.stats import binom

    return binom.pmf(k, n, p)


def panel(low: float, high: float, split: float, spacing: float):
    """Nodes and weights for an integral that may have a jump or kink at `split`.

    Args:
        low: lower end of the range.
        high: upper end of the range.
        split: where the integrand need not be smooth, besides at the ends.
        spacing: largest distance between nodes.

    Returns:
        Nodes and weights of the rule of Takahasi and Mori, on each side of `split`, or
        of the trapezoidal rule where `split` is not between the ends. The latter needs
        an integrand that falls to nothing there.
    """
    if not low < split < high:
        nodes = _grid(low, high, spacing)
        return nodes, np.full(nodes.shape, nodes[1] - nodes[0])
    cuts = [low, split, high]
    nodes, weights = [], []
    for start, stop in zip(cuts[:-1], cuts[1:], strict=True):
        half = (stop - start) / 2
        step = min(0.16, 2 / np.pi * spacing / half)
        t = np.arange(-np.ceil(3.2 / step), np.ceil(3.2 / step) + 1) * step
        inner = np.pi / 2 * np.sinh(t)
        # Distances from the near end, lest nodes round to the end itself.
        gap = 2 * half / (1 + np.exp(2 * abs(inner)))
        nodes.append(np.where(t < 0, start + gap, stop - gap))
        weights.append(step * half * np.pi / 2 * np.cosh(t) / np.cosh(inner) ** 2)
    return np.concatenate(nodes), np.concatenate(weights)


def gauss(
    center: np.ndarray, beside_squared: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Gauss nodes and weights from the recurrence of orthogonal polynomials."""
    nodes, vectors = eigh_tridiagonal(center, np.sqrt(beside_squared))
    return nodes, vectors[0] ** 2


def _reach(a, b):
    """How far below its mode, in log-odds, a Beta law has density."""
    total, reach = a + b, 2 * _DEPTH / a + 40
    for _ in range(60):
        # Two forms of one fall, each of which loses the digits of the other's range.
        if a < b:
            rise = a / total * np.expm1(-reach)
            drop = a * reach + total * np.log1p(rise)
            slope = a * (1 - np.exp(-reach) / (1 + rise))
        else:
            rise = b / total * np.expm1(reach)
            drop = total * np.log1p(rise) - b * reach
            slope = b * (np.exp(reach) / (1 + rise) - 1)
        reach = reach - (drop - _DEPTH) / slope
    return reach


def _grid(low, high, spacing):
    return np.linspace(low, high, int(np.ceil((high - low) / spacing)) + 1)


def _normalized(log_weights, spacing: Any = 1.0):
    weights = spacing * np.exp(log_weights - log_weights.max())
    return weights / weights.sum()


def tilt(k: float, slope: float):
    r"""Nodes and weights for the angle of a chi and a normal variable.

    $\chi_k + \mathrm{slope}\, g$ is $S (\cos \psi + \mathrm{slope} \sin \psi)$ with
    $S = \chi_{k + 1}$ and an independent angle of density proportional to
    $\cos^{k - 1} \psi$. Its sign may change where the integrand jumps.
    """
    # Of large k the cosine is too near 1 to tell its power.
    limit = np.arcsin(np.sqrt(-np.expm1(-2 * _DEPTH / (k - 1)))) if k > 1 else np.pi / 2
    # Of two degrees of freedom or fewer, the density has edges at the ends.
    split = -np.arctan2(1, slope)
    if not -limit < split < limit:
        split = 0.0
    angle, weights = panel(-limit, limit, split, 0.5 / np.sqrt(k))
    log_cosine = np.log1p(-np.minimum(2 * np.sin(angle / 2) ** 2, 1 - 1e-16))
    weights = weights * np.exp((k - 1) * log_cosine)
    return angle, weights / weights.sum()


def lattice(dimension: int, points: int) -> np.ndarray:
    """Points that fill the unit cube evenly (Kronecker's, of a generalized ratio)."""
    ratio = 2.0
    for _ in range(60):
        ratio = (1 + ratio) ** (1 / (dimension + 1))
    steps = ratio ** -np.arange(1.0, dimension + 1)
    return (0.5 + np.arange(1, points + 1)[:, None] * steps) % 1
