"""Closed forms of the softmax (modern Hopfield) memory."""

from functools import partial

import numpy as np
from scipy.special import betainc, ndtr

from .._base.checks import ArrayLike
from . import _kernel, _targets
from ._domain import Values, at_each, require


def softmax_cosine(
    d: ArrayLike,
    n: ArrayLike,
    beta: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
    keys: str = "gaussian",
) -> Values:
    r"""Mean cosine of the softmax memory, exact.

    $E\, C_v((1 + T)^{-1/2})$ with $T = \sum_{j \ne i} e^{2 \beta (k_j - k_i) \cdot q}$,
    through the transition where T stops being small: near
    $n = e^{\alpha d}$, with $\alpha$ = `softmax_threshold`. Near $1 / \sqrt n$ for
    small $\beta$, where the answer is the mean of all values; for large $\beta$ it is
    `nearest_key_probability`. Evaluated to 1e-9, to 1e-7 where keys are spherical and
    queries noisy.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, from 1 to 1e300. Below 2, the second is there with probability
            n - 1.
        beta: inverse temperature, at least 0.
        v: dimension of the values, at least 1; `d` if `None`.
        query_noise: standard deviation of the noise per coordinate of a query; 0 where
            keys are bipolar, or spherical with d below 8.
        keys: `"gaussian"`, `"spherical"` (norm $\sqrt d$) or `"bipolar"`.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Ramsauer et al. (2021), arXiv:2008.02217, eq. 3 (the rule).
        The integral is derived here, in `theory/_kernel.py`.
    """
    arrays = check("theory.softmax_cosine", keys, d, n, beta, v, query_noise)
    return at_each(partial(_cosine, keys=keys), *arrays)


def softmax_target_weight(
    d: ArrayLike,
    n: ArrayLike,
    beta: ArrayLike,
    *,
    query_noise: ArrayLike = 0.0,
    keys: str = "gaussian",
) -> Values:
    r"""Mean weight that the softmax memory gives to the right pair, exact.

    $E\, (1 + S)^{-1}$ with $S = \sum_{j \ne i} e^{\beta (k_j - k_i) \cdot q}$. The
    weight sees $\beta$, where the cosine sees $2 \beta$: it fails at fewer pairs.
    Evaluated to 1e-9, to 1e-7 where keys are spherical and queries noisy.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, from 1 to 1e300. Below 2, the second is there with probability
            n - 1.
        beta: inverse temperature, at least 0.
        query_noise: standard deviation of the noise per coordinate of a query; 0 where
            keys are bipolar, or spherical with d below 8.
        keys: `"gaussian"`, `"spherical"` (norm $\sqrt d$) or `"bipolar"`.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Ramsauer et al. (2021), arXiv:2008.02217, eq. 3 (the rule).
        The integral is derived here, in `theory/_kernel.py`.
    """
    arrays = check("theory.softmax_target_weight", keys, d, n, beta, None, query_noise)
    d, n, _, query_noise, beta = arrays
    return at_each(partial(weight, keys=keys), d, n, query_noise, beta)


def check(call, keys, d, n, beta, v, query_noise):
    """Parameters of a softmax memory as arrays, with beta last."""
    arrays = _targets.check(call, keys, d, n, v, query_noise, beta=beta)
    d, n, _, query_noise, beta = arrays
    require(call, "n", n, n <= 1e300, "n <= 1e300")
    require(call, "beta", beta, beta >= 0, "beta >= 0")
    if keys == "spherical":
        domain = "query_noise = 0 where keys are spherical and d < 8"
        require(call, "query_noise", query_noise, (query_noise == 0) | (d >= 8), domain)
    return arrays


def weight(d, n, query_noise, beta, keys="gaussian", power=1):
    """Mean of a power of the right pair's weight."""
    profile = _kernel.weight_profile(n, power)
    return _mean(profile, d, n, query_noise, beta, keys)


def _cosine(d, n, v, query_noise, beta, keys):
    return _mean(_kernel.cosine_profile(n, v), d, n, query_noise, 2 * beta, keys)


def _mean(profile, d, n, query_noise, beta, keys):
    """Mean over a profile where the logarithm of a ratio is beta (z - y) |q|."""
    # Of 0 it is the limit, the mean of all values.
    beta = np.clip(beta, 1e-200, 1e200)
    # A ratio that is flat in z varies as slowly with the target.
    highest = beta * np.hypot(1, min(query_noise, 1e100)) * (np.sqrt(d) + 4)
    step = 0.5 if highest < 1 else _targets.best_step(n)
    target = _targets.targets(d, query_noise, keys, step)
    q = partial(absent, d=d, n=n, beta=beta, keys=keys)
    return min(_kernel.mean(profile, n, target, q), 1.0)


def absent(u, target, d, n, beta, keys):
    """The q of `_kernel` at nodes in u, one row per target."""
    along, slope = target.along[:, None], beta * target.norm[:, None]
    root = np.sqrt(d)
    if keys == "bipolar" or d == 1 and keys == "spherical":
        z, weights = _targets.signs(d, n)
        return _kernel.flat(u, slope * (z - along), weights)
    if keys == "spherical" and len(along) == 1:
        # Where a ratio is above e^-u, it is as steep as far from 1: up to u.
        z, weights = _targets.tangents(d, n, min(slope[0, 0] * root / 2, u[-1]))
        return _kernel.flat(u, slope * (z - along), weights)
    q = np.empty((len(along), len(u)))
    steep = slope[:, 0] > 1.5
    if steep.any():
        at = lambda y: along[steep] + y / slope[steep]
        if keys == "gaussian":
            survival = lambda y: ndtr(-at(y))
        else:
            shape = (d - 1) / 2
            share = lambda y: np.clip((1 - at(y) / root) / 2, 0, 1)
            survival = lambda y: betainc(shape, shape, share(y))
        q[steep] = _kernel.steep(u, n, survival)
    if not steep.all():
        if keys == "gaussian":
            z, weights = _targets.normals(_targets.reach(n), 0.25)
        else:
            z, weights = _targets.tangents(d, n, 1.5 * root / 2)
        flat = ~steep
        q[flat] = _kernel.flat(u, slope[flat] * (z - along[flat]), weights)
    return q
