"""Formulas of the ridge memory."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from assocmem_jax.theory import (
    _dot_product as dot,
    _pseudoinverse as pseudoinverse,
    _pseudoinverse_error as pseudoinverse_error,
    _ridge as ridge,
)
from assocmem_jax.theory._cosine import mean_cosine


def measure(rng, d, n, penalty, noise, trials, v=None):
    keys = rng.normal(size=(trials, n, d))
    queries = keys + noise * rng.normal(size=keys.shape)
    matrix = keys.swapaxes(1, 2) @ keys + penalty * np.eye(d)
    weights = queries @ np.linalg.solve(matrix, keys.swapaxes(1, 2))
    right, norm = np.einsum("tii->ti", weights), np.linalg.norm(weights, axis=-1)
    square = np.maximum(1 - 2 * right + norm**2, 0)
    cosine = mean_cosine(np.clip(right / norm, -1, 1), v or d)
    return cosine.mean(1), np.sqrt(square).mean(1), square.mean(1)


@pytest.mark.parametrize("d", (16, 64))
@pytest.mark.parametrize("load", (0.25, 0.5, 1, 2))
@pytest.mark.parametrize(("penalty", "noise"), ((0.1, 0), (0.1, 0.5), (1, 1), (10, 0)))
def test_simulation(d, load, penalty, noise, rng):
    n, penalty = int(load * d), penalty * d
    cosine, distance, square = measure(rng, d, n, penalty, noise, 400 if d < 64 else 20)
    large = d >= 64
    options = {"v": d, "query_noise": noise}
    for sample, expected, stated in (
        (
            cosine,
            ridge.ridge_cosine(d, n, penalty, **options),
            0.007 if large else 0.02,
        ),
        (
            distance,
            ridge.ridge_distance(d, n, penalty, **options) / np.sqrt(d),
            0.03 if large else 0.06,
        ),
        (
            square,
            ridge.ridge_squared_error(d, n, penalty, **options) / d,
            0.015 if large else 0.1,
        ),
    ):
        error = sample.std() / np.sqrt(len(sample))
        assert abs(sample.mean() - expected) < stated + 4 * error


@pytest.mark.parametrize(
    ("d", "n", "penalty", "noise"), ((16, 1, 0.1, 1), (32, 2, 10, 1), (64, 4, 10, 1))
)
@pytest.mark.parametrize("v", (1, 2))
def test_values_of_few_dimensions(d, n, penalty, noise, v, rng):
    cosine, _, _ = measure(rng, d, n, penalty * d, noise, 100_000 // (n * d), v)
    expected = ridge.ridge_cosine(d, n, penalty * d, v=v, query_noise=noise)
    stated = {1: 0.05, 2: 0.02} if d < 64 else {1: 0.025, 2: 0.007}
    error = cosine.std() / np.sqrt(len(cosine))
    assert abs(cosine.mean() - expected) < stated[v] + 4 * error


def test_limits():
    n = np.array([1, 20, 60, 64, 70, 200, 1e9])
    weak = ridge.ridge_cosine(64, n, 1e-9)
    strong = ridge.ridge_cosine(64, n, 1e15)
    exact = pseudoinverse.pseudoinverse_cosine(64, n)
    np.testing.assert_allclose(weak, exact, atol=1e-3)
    np.testing.assert_allclose(strong, dot.dot_product_cosine(64, n), atol=7e-3)
    assert np.all(np.isfinite(ridge.ridge_cosine(64, n, [[1e-300], [1e300]])))
    weak = ridge.ridge_squared_error(64, n, 1e-9)
    exact = pseudoinverse_error.pseudoinverse_squared_error(64, n)
    np.testing.assert_allclose(weak, exact, atol=1e-2)
    assert ridge.ridge_squared_error(64, 9, 1e15) == pytest.approx(64)


@pytest.mark.parametrize("n", (32, 64, 128))
def test_best_penalty(n):
    best = ridge.ridge_best_penalty(n, 0.5)
    assert best == n / 4
    around = best * np.array([0.98, 1, 1.02])
    square = ridge.ridge_squared_error(64, n, around, query_noise=0.5)
    assert square.argmin() == 1


def test_best_penalty_for_any_keys(rng):
    keys, values = rng.uniform(size=(5, 4)), rng.normal(size=(5, 3))
    best = ridge.ridge_best_penalty(5, 0.3)

    def mean_square(penalty):
        matrix = np.linalg.solve(keys.T @ keys + penalty * np.eye(4), keys.T @ values)
        missing = values - keys @ matrix
        return (missing**2).sum() + 5 * 0.3**2 * (matrix**2).sum()

    assert mean_square(best) < min(mean_square(0.99 * best), mean_square(1.01 * best))


@settings(deadline=None, max_examples=50, derandomize=True)
@given(
    st.floats(16, 1e4),
    st.floats(1, 1e9),
    st.floats(-300, 300),
    st.floats(1, 1e4),
    st.floats(0, 1),
)
def test_finite_and_bounded(d, n, exponent, v, noise):
    penalty = 10.0**exponent
    if noise:
        penalty = max(penalty, d / 10)
    options = {"v": v, "query_noise": noise}
    assert 0 <= ridge.ridge_cosine(d, n, penalty, **options) <= 1
    assert 0 <= ridge.ridge_squared_error(d, n, penalty, **options) < np.inf
    assert 0 <= ridge.ridge_distance(d, n, penalty, **options) < np.inf
    more = ridge.ridge_cosine(d, 1.5 * n, penalty, **options)
    assert more <= ridge.ridge_cosine(d, n, penalty, **options) + 0.02


@pytest.mark.parametrize(
    ("call", "message"),
    (
        (lambda: ridge.ridge_cosine(64, 4, 0), "penalty > 0, got 0"),
        (lambda: ridge.ridge_cosine(8, 4, 1), "d >= 16, got 8"),
        (lambda: ridge.ridge_distance(64, 4, 1, query_noise=2), "query_noise <= 1"),
        (
            lambda: ridge.ridge_squared_error(64, 4, 0.1, query_noise=1),
            "penalty >= d / 10 with",
        ),
        (lambda: ridge.ridge_best_penalty(0, 1), "n >= 1, got 0"),
    ),
)
def test_mistakes_are_explained(call, message):
    with pytest.raises(ValueError, match=message):
        call()
