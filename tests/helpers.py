"""The rules under test, their float64 definitions, and what tests share."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import assocmem_jax as am


def softmax(scores):
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


@dataclasses.dataclass(frozen=True)
class Row:
    """A rule, and its definition on keys K, values V and queries Q, one per row."""

    rule: am.AbstractRule
    definition: Callable
    streams: bool = False  # whether `read` runs over the pairs


RULES = {
    "DotProduct": Row(am.DotProduct(), lambda K, V, Q: Q @ K.T @ V),
    "Pseudoinverse": Row(
        am.Pseudoinverse(), lambda K, V, Q: Q @ np.linalg.pinv(K, rcond=1e-10) @ V
    ),
    "ReLU": Row(am.ReLU(), lambda K, V, Q: np.maximum(Q @ K.T, 0) @ V, streams=True),
    "Softmax": Row(
        am.Softmax(beta=0.7), lambda K, V, Q: softmax(0.7 * Q @ K.T) @ V, streams=True
    ),
}
every_rule = pytest.mark.parametrize("name", RULES)


def make_pairs(rng, n=13, d=5, v=3, m=7, dtype=np.float64):
    """Keys, values and queries."""
    shapes = ((n, d), (n, v), (m, d))
    return tuple(rng.standard_normal(shape).astype(dtype) for shape in shapes)


def tolerance(dtype):
    """Relative error to expect of a few hundred operations on well-posed data."""
    return 200 * float(jnp.finfo(dtype).eps)


def assert_close(actual, desired, scale=1.0):
    """Compare with the largest entry of `desired`, as errors of sums are absolute."""
    actual, desired = np.asarray(actual), np.asarray(desired, np.float64)
    assert actual.shape == desired.shape
    error = np.max(np.abs(actual - desired)) / np.max(np.abs(desired))
    assert error <= scale * tolerance(actual.dtype), error


def largest_intermediate(fn, *args):
    """Number of elements of the largest array inside the traced program."""
    return max(_sizes(jax.make_jaxpr(fn)(*args).jaxpr))


def _sizes(jaxpr):
    for equation in jaxpr.eqns:
        for variable in equation.outvars:
            yield variable.aval.size
        for value in equation.params.values():
            for inner in value if isinstance(value, (tuple, list)) else (value,):
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns"):
                    yield from _sizes(inner)
