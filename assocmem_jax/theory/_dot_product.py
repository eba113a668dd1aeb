"""Closed forms of the dot-product (correlation matrix) memory."""

from functools import partial

from .._base.checks import ArrayLike
from . import _scores
from ._domain import Values, at_each
from ._score_recall import check, recall_of_scores


def dot_product_cosine(
    d: ArrayLike,
    n: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
    keys: str = "gaussian",
) -> Values:
    r"""Mean cosine of the dot-product memory, exact.

    For Gaussian keys, with s the query noise and g normal,

    $$E\, C_v\left(\frac{y}{\sqrt{y^2 + \chi^2_{n - 1}}}\right), \qquad
    y = \frac{\chi_d + s g}{\sqrt{1 + s^2}},$$

    near $\sqrt{d / (d + (1 + s^2) (n - 1))}$. Without noise the squared correlation is
    Beta(d/2, (n - 1)/2): n pairs have the cosine of the pseudoinverse with n + d - 1.
    For keys of norm $\sqrt d$, y is $\sqrt d$ times the cosine of query and key, and
    the chi-square gives way to the sum of n - 1 squares of scores of unit variance.
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
        Kohonen (1972), doi:10.1109/TC.1972.5008975 (signal and crosstalk).
        The law is derived here: given the query, scores of other keys are independent.
    """
    parameters = _scores.check("theory.dot_product_cosine", keys, d, n, v, query_noise)
    return at_each(partial(_scores.cosine, active=1.0, keys=keys), *parameters)


def dot_product_squared_error(
    d: ArrayLike,
    n: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
    keys: str = "gaussian",
) -> Values:
    r"""Mean squared distance of the dot-product memory, exact.

    $v\, (d^2 + 1 + s^2 d + (1 + s^2) d (n - 1))$ for Gaussian keys, with s the query
    noise, and 2 d less for keys of norm $\sqrt d$. The answer is about d times the
    value, so this measures its gain; compare cosines.

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
        Derived here: $E (a_i - 1)^2 + (n - 1) E |q|^2$ with $a_i = k_i \cdot q$.
    """
    parameters = _scores.check(
        "theory.dot_product_squared_error", keys, d, n, v, query_noise
    )
    return at_each(partial(_scores.squared_error, active=1.0, keys=keys), *parameters)


def dot_product_distance(
    d: ArrayLike,
    n: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
    keys: str = "gaussian",
) -> Values:
    r"""Mean distance of the dot-product memory, exact.

    $\mu_v\, E \tau$ with $\mu_v$ = `mean_norm` and
    $\tau^2 = (k_i \cdot q - 1)^2 + \sum_{j \ne i} (k_j \cdot q)^2$: about
    $\sqrt{v d (d + (1 + s^2)(n - 1))}$, as the answer has a gain of about d.
    Evaluated to 1e-9, but to 1e-3 for n < 2 with d < 4 and a query noise between 0 and
    0.1, where a kink is not resolved.

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
    parameters = _scores.check(
        "theory.dot_product_distance", keys, d, n, v, query_noise
    )
    return at_each(partial(_scores.distance, active=1.0, keys=keys), *parameters)


def dot_product_recall(
    d: ArrayLike,
    n: ArrayLike,
    *,
    v: ArrayLike | None = None,
    query_noise: ArrayLike = 0.0,
    keys: str = "gaussian",
) -> Values:
    r"""Mean recall@1 of the dot-product memory.

    The right value is the nearest to the answer in Euclidean distance, so the gain of
    about d matters: it makes this close to the largest inner product.
    Within 0.02 for v <= d, 0.03 for v <= 16 d, and 0.06 beyond.

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
    parameters = check("theory.dot_product_recall", keys, d, n, v, query_noise)
    return at_each(partial(recall_of_scores, active=1.0, keys=keys), *parameters)
