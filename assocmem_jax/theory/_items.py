"""Means over stored pairs in order, for rules that forget."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ._nodes import gauss


def mean_over_items(formula: Callable[..., Any], n: float) -> float:
    """Mean of a formula of the numbers of newer and of older pairs, over n pairs.

    Linear between whole numbers n. The formula must vary no faster than by a constant
    factor over `age` pairs, beyond the newest 64.
    """
    few = np.floor(n)

    def mean(n):
        age, weights = _ages(n)
        return weights @ formula(age, n - 1 - age)

    return mean(few) + (n - few) * (mean(few + 1) - mean(few) if n > few else 0.0)


def _ages(n):
    """Nodes and weights for the mean over 0, ..., n - 1.

    The first 64 as they are, then in runs that double, as the functions decay.
    """
    first = min(n, 64.0)
    nodes, weights = [np.arange(first)], [np.full(int(first), 1 / n)]
    start = first
    while start < n:
        count = min(start, n - start)
        inside, share = _run(count)
        nodes.append(start + inside)
        weights.append(share * count / n)
        start += count
    return np.concatenate(nodes), np.concatenate(weights)


@functools.lru_cache(maxsize=256)
def _run(count):
    """Gauss's rule for the mean over 0, ..., count - 1."""
    k = np.arange(1, min(count, 16))
    center = np.full(len(k) + 1, (count - 1) / 2)
    return gauss(center, k**2 * (count**2 - k**2) / (4 * (4 * k**2 - 1)))
