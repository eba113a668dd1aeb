"""The rules under test, their float64 definitions, and what tests share."""

import dataclasses
import inspect
from collections.abc import Callable

import jax
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from numpy.typing import DTypeLike

import assocmem_jax as am
from assocmem_jax.testing._case import tolerance
from assocmem_jax.testing._programs import (
    equations as equations,
    largest_intermediate as largest_intermediate,
)


def logistic(n, capacity=97.0, width=0.6):
    """A mean score that falls to one half at the capacity."""
    return 1 / (1 + (n / capacity) ** (1 / width))


def softmax(scores):
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def sparsemax(scores):
    """By sorting: the largest support whose last score is above its threshold."""
    scores = scores - scores.max(axis=1, keepdims=True)
    ordered = -np.sort(-scores, axis=1)
    thresholds = (np.cumsum(ordered, axis=1) - 1) / np.arange(1, scores.shape[1] + 1)
    size = np.sum(ordered > thresholds, axis=1, keepdims=True)
    return np.maximum(scores - np.take_along_axis(thresholds, size - 1, axis=1), 0)


def elu(x):
    """The exponential linear unit, plus 1."""
    return np.where(x > 0, x + 1, np.exp(np.minimum(x, 0)))


def polar(matrix):
    """By singular values, those that are zero left out."""
    left, singular, right = np.linalg.svd(matrix, full_matrices=False)
    return left @ ((singular > 1e-10 * singular.max())[:, None] * right)


def ridge(keys, values, penalty):
    """By singular values: keys may be so large that they hide the penalty."""
    left, singular, right = np.linalg.svd(keys, full_matrices=False)
    gains = singular / (singular**2 + penalty)
    return right.T @ (gains[:, None] * (left.T @ values))


def local_linear(K, V, Q, beta, penalty):
    """By the normal equations for slope and intercept, query by query."""
    answers = []
    for query in Q:
        scores = beta * (K @ query)
        weights = softmax(scores[None]).T
        k, v = (np.sum(weights * x, axis=0) for x in (K, V))
        penalized = penalty * np.eye(len(query))
        normal = (weights * (K - k)).T @ (K - k) + penalized
        slope = np.linalg.pinv(normal, rcond=1e-12) @ ((weights * (K - k)).T @ V)
        answers.append(v + (query - k) @ slope)
    return np.array(answers)


def at_threshold(scores, amount, total=1):
    """The excess over a threshold at which amounts, which rise with it, add up."""
    scores = scores - -np.sort(-scores, axis=1)[:, total - 1 : total]
    low, high = -np.ones((len(scores), 1)), np.zeros((len(scores), 1))
    for _ in range(200):
        middle = (low + high) / 2
        above = amount(scores - middle).sum(axis=1, keepdims=True) > total
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return scores - low


def entmax(scores, alpha):
    power = lambda x: np.maximum(x, 0) ** (1 / (alpha - 1))
    return power(at_threshold((alpha - 1) * scores, power))


def normmax(scores, gamma):
    root = lambda x: np.maximum(x, 0) ** (1 / (gamma - 1))
    weights = root(at_threshold(scores, lambda x: root(x) ** gamma))
    return weights / weights.sum(axis=1, keepdims=True)


def k_subset(scores, k):
    if scores.shape[1] <= k:
        return np.ones_like(scores)
    clipped = lambda x: np.clip(x, 0, 1)
    return clipped(at_threshold(scores, clipped, k))


def of_largest(scores, k, weights):
    """The weights of the k largest scores of each row, the first of equal ones."""
    first = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    chosen = np.zeros_like(scores)
    np.put_along_axis(chosen, first, np.take_along_axis(weights, first, 1), 1)
    return chosen


def kernel(K, Q, beta, slope):
    """Weights of keys by the slope of a kernel, zero outside of its support."""
    squares = ((np.asarray(Q)[:, None] - K) ** 2).sum(axis=2)
    inside = np.maximum(1 - beta * squares / 2, 0)
    weights = np.where(inside > 0, slope(inside), 0)
    sums = weights.sum(axis=1, keepdims=True)
    return weights / np.where(sums > 0, sums, 1)


@dataclasses.dataclass(frozen=True)
class Row:
    """A rule, and its definition on keys K, values V and queries Q, one per row."""

    rule: am.AbstractRule
    definition: Callable


RULES = {
    "Covariance": Row(
        am.Covariance(),
        lambda K, V, Q: (Q - K.mean(0)[None]) @ (K - K.mean(0)[None]).T @ V,
    ),
    "DotProduct": Row(am.DotProduct(), lambda K, V, Q: Q @ K.T @ V),
    "Entmax": Row(
        am.Entmax(beta=0.3, alpha=1.5),
        lambda K, V, Q: entmax(0.3 * Q @ K.T, 1.5) @ V,
    ),
    "Epanechnikov": Row(
        am.Epanechnikov(beta=0.15),
        lambda K, V, Q: kernel(K, Q, 0.15, np.ones_like) @ V,
    ),
    "Exponential": Row(
        am.Exponential(beta=0.4), lambda K, V, Q: np.exp(0.4 * Q @ K.T) @ V
    ),
    "KSubset": Row(
        am.KSubset(beta=0.3, k=3), lambda K, V, Q: k_subset(0.3 * Q @ K.T, 3) @ V
    ),
    "LinearAttention": Row(
        # Scores of both signs cancel in their sum, and digits with them.
        am.Mapped(am.LinearAttention(), am.features.ELU()),
        lambda K, V, Q: elu(Q) @ elu(K).T @ V / (elu(Q) @ elu(K).T).sum(1)[:, None],
    ),
    "LocalLinear": Row(
        am.LocalLinear(beta=0.3, penalty=0.5),
        lambda K, V, Q: local_linear(K, V, Q, 0.3, 0.5),
    ),
    "Mapped": Row(
        am.Mapped(am.DotProduct(), am.features.ELU()),
        lambda K, V, Q: elu(Q) @ elu(K).T @ V,
    ),
    "Nearest": Row(
        am.Nearest(),
        lambda K, V, Q: of_largest(Q @ K.T, 1, np.ones((len(Q), len(K)))) @ V,
    ),
    "Normmax": Row(
        am.Normmax(beta=0.3, gamma=1.5),
        lambda K, V, Q: normmax(0.3 * Q @ K.T, 1.5) @ V,
    ),
    "NullSoftmax": Row(
        am.NullSoftmax(beta=0.7, null=0.5),
        lambda K, V, Q: (
            softmax(np.concatenate([0.7 * Q @ K.T, np.full((len(Q), 1), 0.5)], axis=1))[
                :, :-1
            ]
            @ V
        ),
    ),
    "Polar": Row(am.Polar(), lambda K, V, Q: Q @ polar(K.T @ V)),
    "Polynomial": Row(am.Polynomial(degree=3), lambda K, V, Q: (Q @ K.T) ** 3 @ V),
    "Pseudoinverse": Row(
        am.Pseudoinverse(), lambda K, V, Q: Q @ np.linalg.pinv(K, rcond=1e-10) @ V
    ),
    "Quartic": Row(
        am.Quartic(beta=0.15), lambda K, V, Q: kernel(K, Q, 0.15, lambda x: x) @ V
    ),
    "ReLU": Row(am.ReLU(), lambda K, V, Q: np.maximum(Q @ K.T, 0) @ V),
    "Ridge": Row(am.Ridge(penalty=0.7), lambda K, V, Q: Q @ ridge(K, V, 0.7)),
    "Softmax": Row(am.Softmax(beta=0.7), lambda K, V, Q: softmax(0.7 * Q @ K.T) @ V),
    "Sparsemax": Row(
        am.Sparsemax(beta=0.3),
        lambda K, V, Q: sparsemax(0.3 * Q @ K.T) @ V,
    ),
    "TopK": Row(am.TopK(k=3), lambda K, V, Q: of_largest(Q @ K.T, 3, Q @ K.T) @ V),
    "Triweight": Row(
        am.Triweight(beta=0.15), lambda K, V, Q: kernel(K, Q, 0.15, np.square) @ V
    ),
}
every_rule = pytest.mark.parametrize("name", RULES)
# A rule for each of two engines: what is said of all rules, in the fast lane.
FEW = {name: RULES[name].rule for name in ("DotProduct", "Softmax")}
ALL = {name: row.rule for name, row in RULES.items()}
# The rules that say what weights they give to values, which need not be drawn.
UNDRAWN = {
    name: rule
    for name, rule in ALL.items()
    if not isinstance(rule, am.AbstractLinear) or rule.has_left
}


def slow(*values, **options):
    """Parameters of the slow lane alone."""
    return pytest.param(*values, marks=pytest.mark.slow, **options)


# Where the laws say the most of it: a rule for each engine, and the others slowly.
every_engine = pytest.mark.parametrize(
    "name", [name if name in FEW else slow(name) for name in RULES]
)


def some_or_all(argument, some, all_of_them):
    """Some cases of a rule for each engine; of every rule all cases, slowly."""
    few = [(name, some) for name in FEW]
    return pytest.mark.parametrize(
        ("name", argument), [*few, *(slow(name, all_of_them) for name in RULES)]
    )


def thorough(fn):
    """The function compiled as users' programs are, whatever the flags of the suite."""
    options = {"xla_backend_optimization_level": 3, "xla_cpu_use_fusion_emitters": True}
    return jax.jit(fn, compiler_options=options)


def eagerly(fn):
    """The function as it is."""
    return fn


# How the bits of a function are looked at: the slow lane compiles with one effort, so
# that they are the same in all ways.
every_way = pytest.mark.parametrize("way", (thorough, slow(eagerly)))


def examples(few, many, **strategies):
    """A test by hypothesis: few examples in the fast lane, many in the slow one."""

    def of(check):
        names = [x for x in inspect.signature(check).parameters if x not in strategies]

        @pytest.mark.parametrize("num", (few, slow(many)))
        def test(num, **others):
            known = settings(
                deadline=None,
                max_examples=num,
                derandomize=True,
                suppress_health_check=[HealthCheck.too_slow],
            )
            known(given(**strategies)(check))(**others)

        place = inspect.Parameter.KEYWORD_ONLY
        test.__signature__ = inspect.Signature(
            [inspect.Parameter(name, place) for name in ("num", *names)]
        )
        test.__name__, test.__doc__ = check.__name__, check.__doc__
        return test

    return of


def make_pairs(rng, n=13, d=5, v=3, m=7, dtype: DTypeLike = np.float64):
    """Keys, values and queries."""
    shapes = ((n, d), (n, v), (m, d))
    return tuple(rng.standard_normal(shape).astype(dtype) for shape in shapes)


def assert_close(actual, desired, scale=1.0):
    """Compare with the largest entry of `desired`, as errors of sums are absolute."""
    actual, desired = np.asarray(actual), np.asarray(desired, np.float64)
    assert actual.shape == desired.shape
    error = np.max(np.abs(actual - desired)) / (np.max(np.abs(desired)) or 1.0)
    assert error <= scale * tolerance(actual.dtype), error
