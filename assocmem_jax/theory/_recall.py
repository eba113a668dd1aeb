r"""Recall of the nearest value, for an answer that is a sum of many values.

The answer is $x = a v_i + N g$: the right value times its weight and, given the
weights, a normal vector g that the other values share, $g = \sum_j t_j v_j$ with
$t_j = a_j / N$ of unit norm. Given $v_i$ and g, another value is normal with mean
$t_j g$ and variance $1 - t_j^2$ per coordinate, so

$$|x - v_j|^2 / (1 - t_j^2) \sim \chi'^2_v(\lambda), \qquad
\lambda = |a v_i + (N - t_j) g|^2 / (1 - t_j^2),$$

and is compared with $|x - v_i|^2 = |(a - 1) v_i + N g|^2$. One $t_j$ is a coordinate of
a uniform unit vector. The competitors are then taken as independent given $v_i$ and g,
which is exact for n = 2 and up to terms of order 1 / n, and the noncentral chi-square
by its saddlepoint.

References:
    Barndorff-Nielsen (1986), doi:10.1093/biomet/73.2.307 (the saddlepoint form).
    The rest is derived here.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import gammaincinv, ndtr, ndtri

from ._nodes import gauss, lattice


# Nodes for the weight of one competitor.
_NODES = 16


class Competitors(NamedTuple):
    """Other pairs whose shares $t_j$ have one law.

    Attributes:
        count: how many there are.
        share: nodes of their law, one row for each point, or one for all.
        mass: weights of the nodes, which add up to 1.
    """

    count: float
    share: np.ndarray
    mass: np.ndarray


def recall(
    weights: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, list[Competitors]]],
    v: float,
    points: int = 4096,
) -> float:
    """Probability that the right value is the nearest to the answer.

    Args:
        weights: from columns of uniform numbers, 4 of them, the weight a of the right
            pair, the norm N of the weights of the others, and these.
        v: dimension of the values.
        points: how many points the mean is over; 4096 give it to 0.002.
    """
    uniform = lattice(7, points)
    target, noise, others = weights(uniform[:, 3:])
    # The value along itself; g along it, and across.
    value = np.sqrt(2 * gammaincinv(v / 2, uniform[:, 0]))
    along = ndtri(uniform[:, 1])
    across = (
        np.sqrt(2 * gammaincinv((v - 1) / 2, uniform[:, 2])) if v > 1 else 0 * along
    )
    limit = ((target - 1) * value + noise * along) ** 2 + (noise * across) ** 2

    def nearer(share):
        pull = noise[:, None] - share
        center = ((target * value)[:, None] + pull * along[:, None]) ** 2
        center = center + (pull * across[:, None]) ** 2
        return _chi_square(limit[:, None], np.maximum(1 - share**2, 1e-9), v, center)

    kept = np.zeros(points)
    for count, share, mass in others:
        lost = (nearer(share) * mass).sum(1)
        kept += count * np.log1p(-np.minimum(lost, 1 - 1e-16))
    return float(np.mean(np.exp(kept)))


def scattered(count: float, positive: bool = False) -> Competitors:
    """Pairs whose weights are like independent normal numbers, or their sizes."""
    share, mass = _coordinates(max(count, 1.0))
    return Competitors(count, abs(share) if positive else share, mass)


def silent(count: float) -> Competitors:
    """Pairs whose weight is 0."""
    return Competitors(count, np.zeros(1), np.ones(1))


def _chi_square(limit, variance, v, center):
    """Probability that a normal vector about a center of given square is within."""
    y, center = limit / variance, center / variance
    # Saddlepoint s with K'(s) = y, where K(s) = center s w - v log(1 - 2 s) / 2 and
    # w = 1 / (1 - 2 s).
    w = 2 * y / (v + np.sqrt(v**2 + 4 * center * y))
    w = np.maximum(w, 1e-100)
    s = (1 - 1 / w) / 2
    curvature = 4 * center * w**3 + 2 * v * w**2
    height = np.maximum(2 * (s * y - center * (w - 1) / 2 - v * np.log(w) / 2), 0)
    root = np.sign(s) * np.sqrt(height)
    z = (y - v - center) / np.sqrt(2 * v + 4 * center)
    skewness = (8 * v + 24 * center) / (2 * v + 4 * center) ** 1.5
    # Near the mean both vanish, and of large numbers the difference is lost.
    near = z**2 < 4e-4 + 1e-12 * (v + center)
    safe = np.where(near, 1.0, root)
    ratio = np.where(near, 1.0, s * np.sqrt(curvature) / safe)
    far = root + np.log(ratio) / safe
    return ndtr(np.where(near, z - skewness / 6 * (z**2 - 1), far))


def _coordinates(m):
    """Gauss nodes and weights for one coordinate of a uniform unit vector in m."""
    k = np.arange(2, _NODES)
    squares = np.r_[1 / m, k * (k + m - 3) / ((2 * k + m - 2) * (2 * k + m - 4))]
    nodes, weights = gauss(np.zeros(_NODES), np.maximum(squares, 0))
    return np.clip(nodes, -1, 1), weights
