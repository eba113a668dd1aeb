r"""Nodes for the norm of a query and the largest of the other scores.

Gaussian keys, queries without noise: given the norm R, the others have scores R z with
z normal, and all but the largest are independent normal variables below it. What
depends on many of them is near its mean given the largest.
"""

import numpy as np
from scipy.special import ndtri_exp

from . import _targets


def extremes(d: float, n: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Norms, one per row, largest others, one per column, and weights of both.

    Args:
        d: dimension of the keys.
        n: stored pairs, at least 2.
    """
    chi, density = _targets.norms(d, min(_targets.best_step(n), 0.25))
    # By the logarithm of a uniform variable, as Phi(z)^(n - 1) is uniform. On half of
    # the logit's line each, so that both tails are seen.
    logit = np.arange(-30, 30.25, 0.25)
    log_uniform = -np.logaddexp(0, -logit)
    largest = ndtri_exp(log_uniform / (n - 1))
    weights = np.exp(log_uniform - np.logaddexp(0, logit))
    return chi[:, None], largest, density[:, None] * weights / weights.sum()
