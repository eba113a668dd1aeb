r"""Closed forms of memories with kernels whose weight falls towards their edge.

The weight of a key at a squared distance D from the query is $(1 - s)_+^p$ with
$s = \beta D / 2$: p = 1 for the quartic kernel, 2 for the triweight. Without noise the
right key has weight 1, so that the ratios of squares of the integral in
`theory/_kernel.py` are $(1 - s)^{2 p}$. Given the query, D is a noncentral chi-squared
variable of d degrees of freedom and noncentrality $|q|^2$. It is integrated over the
logit of s, in which all of this is analytic.
"""

from functools import partial

import numpy as np
from scipy.special import expit, ive, log_expit

from .._base.checks import ArrayLike
from . import _kernel, _targets
from ._domain import Values, at_each, require


def quartic_cosine(
    d: ArrayLike, n: ArrayLike, beta: ArrayLike, *, v: ArrayLike | None = None
) -> Values:
    r"""Mean cosine of the memory with the quartic kernel, for Gaussian keys.

    Exact; evaluated to 1e-6. Queries are stored keys without noise.

    Args:
        d: dimension of the keys, from 1 to 256.
        n: stored pairs, from 1 to 1e12. Below 2, the second is there with probability
            n - 1.
        beta: inverse width; the support has a squared radius of 2 / `beta`. At least 0.
        v: dimension of the values, at least 1; `d` if `None`.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Hoover et al. (2025), arXiv:2506.10801 (the rule). Derived here, by the integral
        in `theory/_kernel.py`.
    """
    return _cosines("theory.quartic_cosine", 1, d, n, beta, v)


def triweight_cosine(
    d: ArrayLike, n: ArrayLike, beta: ArrayLike, *, v: ArrayLike | None = None
) -> Values:
    r"""Mean cosine of the memory with the triweight kernel, for Gaussian keys.

    Exact; evaluated to 1e-6. Queries are stored keys without noise.

    Args:
        d: dimension of the keys, from 1 to 256.
        n: stored pairs, from 1 to 1e12. Below 2, the second is there with probability
            n - 1.
        beta: inverse width; the support has a squared radius of 2 / `beta`. At least 0.
        v: dimension of the values, at least 1; `d` if `None`.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Hoover et al. (2025), arXiv:2506.10801 (the rule). Derived here, by the integral
        in `theory/_kernel.py`.
    """
    return _cosines("theory.triweight_cosine", 2, d, n, beta, v)


def _cosines(call, power, d, n, beta, v):
    d, n, v, _, beta = _targets.check(call, "gaussian", d, n, v, 0.0, beta=beta)
    require(call, "d", d, d <= 256, "d <= 256")
    require(call, "n", n, n <= 1e12, "n <= 1e12")
    require(call, "beta", beta, beta >= 0, "beta >= 0")
    return at_each(partial(cosine, power=power), d, n, v, beta)


def cosine(d, n, v, beta, power):
    """Mean cosine with weights of any positive power."""
    # Below, all weights are 1.
    square = 2 / np.clip(beta, 1e-10, 1e100)
    norms, weights = _targets.norms(d, min(0.1, 0.5 / np.sqrt(d)))
    profile = _kernel.cosine_profile(n, v)
    logit = _logits(d, square, power, profile[0][-1])

    log_ratios = 2 * power * log_expit(-logit)

    def absent(u, target):
        # The same nodes for all targets, with weights of their own.
        law = _law(logit, d, square, target.norm[:, None])
        return _kernel.flat(u, log_ratios[None], law.T)[0].T

    targets = _targets.Targets(norms, norms, weights)
    return min(_kernel.mean(profile, n, targets, absent), 1.0)


def _logits(d, square, power, highest):
    """Nodes for the logit of s."""
    # Distances are of the size of d; less than that is as rare as a small ball.
    low = min(0.0, np.log(d / square)) - 80 / d - 3
    high = min(40.0, (highest + 36) / (2 * power))
    return np.arange(low, high, min(0.3 / max(power, 1), 0.5 / np.sqrt(2 * d + 100)))


def _law(logit, d, square, norm):
    """Weights of the nodes, by the norm of the query: the density of D."""
    step, order = logit[1] - logit[0], d / 2 - 1
    root = np.sqrt(square * expit(logit))
    log_ratio = np.log(np.maximum(root, 1e-300)) - np.log(norm)
    bessel = np.maximum(ive(order, root * norm), 1e-300)
    log_density = -((root - norm) ** 2) / 2 + order * log_ratio + np.log(bessel)
    slope = square / 2 * step * expit(logit) * expit(-logit)
    return slope * np.exp(log_density)
