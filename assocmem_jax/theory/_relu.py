"""Closed forms of the ReLU memory."""

from functools import partial

from .._base.checks import ArrayLike
from . import _scores
from ._domain import Values, at_each
from ._score_recall import check, recall_of_scores


def relu_cosine(
    d: ArrayLike,
    n: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
    keys: str = "gaussian",
) -> Values:
    r"""Mean cosine of the ReLU memory, exact.

    Each other pair is silent with probability 1/2. For Gaussian keys without noise,

    $$\sum_m 2^{1 - n} \binom{n - 1}{m} E\, C_v(\sqrt B), \qquad
    B \sim \mathrm{Beta}(d / 2, m / 2),$$

    near $\sqrt{d / (d + (n - 1) / 2)}$: the dot product with half of the crosstalk. As
    the integral at the head of `theory/_scores.py` it also holds for any real n. An
    answer of zero, where noise has turned the query away from its key, has cosine 0.
    Evaluated to 1e-10.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, at least 1.
        v: dimension of the values, at least 1; `d` if `None`.
        query_noise: standard deviation of the noise per coordinate of a query; 0 where
            keys are bipolar.
        keys: `"gaussian"`, `"spherical"` (norm $\sqrt d$) or `"bipolar"`.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Derived here: scores of other keys are independent and symmetric.
    """
    parameters = _scores.check("theory.relu_cosine", keys, d, n, v, query_noise)
    return at_each(partial(_scores.cosine, active=0.5, keys=keys), *parameters)


def relu_squared_error(
    d: ArrayLike,
    n: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
    keys: str = "gaussian",
) -> Values:
    r"""Mean squared distance of the ReLU memory, exact.

    $v\, (d^2 + 1 + d (n - 1) / 2)$ for Gaussian keys without noise; in general
    $v\, (E (\max(a_i, 0) - 1)^2 + (n - 1) E |q|^2 / 2)$ with $a_i = k_i \cdot q$.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, at least 1.
        v: dimension of the values, at least 1; `d` if `None`.
        query_noise: standard deviation of the noise per coordinate of a query; 0 where
            keys are bipolar.
        keys: `"gaussian"`, `"spherical"` (norm $\sqrt d$) or `"bipolar"`.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Derived here.
    """
    parameters = _scores.check("theory.relu_squared_error", keys, d, n, v, query_noise)
    return at_each(partial(_scores.squared_error, active=0.5, keys=keys), *parameters)


def relu_distance(
    d: ArrayLike,
    n: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
    keys: str = "gaussian",
) -> Values:
    r"""Mean distance of the ReLU memory, exact.

    $\mu_v\, E \tau$ with $\mu_v$ = `mean_norm` and $\tau$ as for the dot product, but
    with negative scores as 0. Evaluated to 1e-9, but to 1e-3 for n < 4 with d < 4 and
    query noise, where kinks are not resolved.

    Args:
        d: dimension of the keys, at least 1.
        n: stored pairs, at least 1.
        v: dimension of the values, at least 1; `d` if `None`.
        query_noise: standard deviation of the noise per coordinate of a query; 0 where
            keys are bipolar.
        keys: `"gaussian"`, `"spherical"` (norm $\sqrt d$) or `"bipolar"`.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Derived here, by the second identity at the head of `theory/_scores.py`.
    """
    parameters = _scores.check("theory.relu_distance", keys, d, n, v, query_noise)
    return at_each(partial(_scores.distance, active=0.5, keys=keys), *parameters)


def relu_recall(
    d: ArrayLike,
    n: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
    keys: str = "gaussian",
) -> Values:
    r"""Mean recall@1 of the ReLU memory.

    The right value is the nearest to the answer in Euclidean distance. The mean over
    the number of other pairs that are not silent is linear in n between whole n up to
    n = 17. Within 0.05 for v <= d, 0.06 for v <= 16 d, and 0.08 beyond.

    Args:
        d: dimension of the keys, at least 1; at least 3 where they are not Gaussian.
        n: stored pairs, at least 1.
        v: dimension of the values, at least 1; `d` if `None`. Up to 4 d where keys are
            not Gaussian.
        query_noise: standard deviation of the noise per coordinate of a query; 0 where
            keys are bipolar.
        keys: `"gaussian"`, `"spherical"` (norm $\sqrt d$) or `"bipolar"`.

    Raises:
        ValueError: if a parameter is outside of its range.

    References:
        Derived here, in `theory/_recall.py`.
    """
    parameters = check("theory.relu_recall", keys, d, n, v, query_noise)
    return at_each(partial(recall_of_scores, active=0.5, keys=keys), *parameters)
