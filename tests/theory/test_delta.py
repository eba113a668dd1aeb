"""The delta rule against one pass over random keys."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from assocmem_jax.theory._cosine import mean_cosine, mean_norm
from assocmem_jax.theory._delta import (
    delta_cosine,
    delta_distance,
    delta_squared_error,
)
from assocmem_jax.theory._delta_rate import delta_best_rate


few = settings(deadline=None, max_examples=50, derandomize=True)
real = lambda low, high: st.floats(np.log(low), np.log(high)).map(
    lambda x: float(np.clip(np.exp(x), low, high))
)
rates = real(1e-6, 1.99)


def simulated(d, n, rate, trials, rng, v=None):
    """Cosine, distance and squared distance given the weights; means and errors."""
    keys = rng.standard_normal((trials, n, d))
    keys /= np.linalg.norm(keys, axis=2, keepdims=True)
    # The memory of values that are rows of the identity: a weight per pair.
    memory = np.zeros((trials, n, d))
    for t in range(n):
        key = keys[:, t, :, None]
        error = -(memory @ key)
        error[:, t] += 1
        memory += rate * error @ key.transpose(0, 2, 1)
    weights = keys @ memory.transpose(0, 2, 1)
    right = np.diagonal(weights, axis1=1, axis2=2)
    squares = (weights**2).sum(axis=2)
    correlation = np.clip(right / np.sqrt(squares), -1, 1)
    gaps = np.maximum((1 - right) ** 2 + squares - right**2, 0)
    v = v or d
    scores = mean_cosine(correlation, v), mean_norm(v) * np.sqrt(gaps), v * gaps
    means = [score.mean(axis=1) for score in scores]
    return [(x.mean(), x.std(ddof=1) / np.sqrt(trials)) for x in means]


@pytest.mark.parametrize(
    ("d", "n", "rate", "trials", "error", "share"),
    (
        (8, 2, 1.0, 8000, 0.02, 0.15),
        (8, 8, 0.5, 3000, 0.01, 0.01),
        (8, 32, 1.6, 600, 0.01, 0.01),
        (16, 16, 1.0, 1000, 0.02, 0.03),
        (16, 64, 0.1, 200, 0.01, 0.01),
        (32, 16, 0.7, 500, 0.01, 0.03),
        (64, 64, 0.408, 60, 0.003, 0.01),
        (64, 128, 1.0, 60, 0.003, 0.01),
    ),
)
def test_is_one_pass_over_random_keys(d, n, rate, trials, error, share, rng):
    cosine, distance, squares = simulated(d, n, rate, trials, rng)
    assert abs(delta_cosine(d, n, rate) - cosine[0]) < error + 4 * cosine[1]
    limit = share * distance[0] + 4 * distance[1]
    assert abs(delta_distance(d, n, rate) - distance[0]) < limit
    assert abs(delta_squared_error(d, n, rate) - squares[0]) < 4 * squares[1]


@pytest.mark.parametrize(
    ("d", "n", "rate", "trials", "stated"),
    (
        (2, 2, 1.9, 30000, {1: 0.08, 2: 0.08}),
        (4, 2, 0.05, 30000, {1: 0.06, 2: 0.04}),
        (8, 4, 0.05, 10000, {1: 0.06, 2: 0.025}),
        (64, 2, 0.05, 10000, {1: 0.03, 2: 0.01}),
    ),
)
@pytest.mark.parametrize("v", (1, 2))
def test_values_of_few_dimensions(d, n, rate, trials, stated, v, rng):
    cosine, distance, squares = simulated(d, n, rate, trials, rng, v)
    assert abs(delta_cosine(d, n, rate, v=v) - cosine[0]) < stated[v] + 4 * cosine[1]
    assert abs(delta_squared_error(d, n, rate, v=v) - squares[0]) < 4 * squares[1]
    limit = 0.15 * distance[0] + 4 * distance[1]
    assert abs(delta_distance(d, n, rate, v=v) - distance[0]) < limit


def test_the_best_rates_and_their_cosines():
    d, loads = 256, np.array([0.25, 0.5, 1, 2, 4, 8])
    rates = delta_best_rate(d, loads * d)
    np.testing.assert_allclose(rates, [0.78, 0.61, 0.41, 0.225, 0.105, 0.04], rtol=0.05)
    cosines = [0.931, 0.860, 0.744, 0.599, 0.456, 0.336]
    np.testing.assert_allclose(delta_cosine(d, loads * d, rates), cosines, atol=6e-4)
    ones = [0.928, 0.841, 0.674, 0.446, 0.246, 0.125]
    np.testing.assert_allclose(delta_cosine(d, loads * d, 1.0), ones, atol=1e-3)


@pytest.mark.parametrize("d", (2.0, 16.0, 1e4))
@pytest.mark.parametrize("load", (0.1, 1.0, 30.0, 1e4))
def test_the_best_rate_is_better_than_others(d, load):
    n = max(2.0, load * d)
    best = delta_best_rate(d, n)
    cosine = delta_cosine(d, n, best)
    others = np.minimum(best * np.array([0.5, 0.9, 1.1, 2.0]), 1.0)
    assert np.all(delta_cosine(d, n, others) <= cosine + 1e-12)
    assert cosine >= delta_cosine(d, n, 1e-200) - 1e-12


def test_a_small_rate_is_the_dot_product():
    d, n = 64, np.array([1, 10, 1000])
    expected = mean_cosine((1 + (n - 1) / d) ** -0.5, d)
    for rate in (1e-9, 1e-200):
        np.testing.assert_allclose(delta_cosine(d, n, rate), expected, rtol=1e-6)
        np.testing.assert_allclose(delta_squared_error(d, n, rate), d, rtol=1e-5)


def test_one_pair_is_scaled_by_the_rate():
    for rate in (0.3, 1.0, 1.7):
        assert delta_cosine(16, 1, rate) == pytest.approx(1, abs=1e-12)
        squares = 16 * (1 - rate) ** 2
        assert delta_squared_error(16, 1, rate) == pytest.approx(squares, abs=1e-12)
        distance = mean_norm(16) * abs(1 - rate)
        assert delta_distance(16, 1, rate) == pytest.approx(distance, abs=1e-12)
    assert delta_best_rate(16, 1) == 1


def test_sums_over_many_items_are_exact():
    d, rate, n = 16.0, 0.05, 3000
    age = np.arange(n)
    c, g = rate * (1 - rate / d) ** age, 1 - rate * (2 - rate) / d
    h = 1 - 2 * rate / d + 2 * rate**2 / (d * (d + 2))
    q = (1 - 1 / d) * h**age + g**age / d
    before = (g**age - rate * (2 - rate) * q) * (1 - g ** (n - 1 - age))
    noise = rate / (2 - rate) * (1 - g**age + before)
    squares = d * (1 - 2 * c + rate**2 * q + noise).mean()
    assert delta_squared_error(d, n, rate) == pytest.approx(squares, rel=1e-12)
    cosine = mean_cosine(c / np.sqrt(c**2 + noise), d).mean()
    assert delta_cosine(d, n, rate) == pytest.approx(cosine, rel=1e-12)


@few
@given(real(2, 1e4), real(1, 1e9), rates, real(1, 1e4))
def test_is_finite_and_falls_with_n(d, n, rate, v):
    cosine, more = np.asarray(delta_cosine(d, np.array([n, 1.1 * n]), rate, v=v))
    assert 0 <= more <= cosine + 1e-12 and cosine <= 1
    squares, distance = (
        f(d, n, rate, v=v) for f in (delta_squared_error, delta_distance)
    )
    assert np.isfinite(squares) and distance >= 0
    assert distance**2 <= squares * (1 + 1e-9) + 1e-18


def test_parameters_broadcast():
    out = np.asarray(delta_cosine([[8.0], [16.0]], [1, 10, 100], 0.5))
    assert out.shape == (2, 3) and out.dtype == np.float64
    assert out[1, 2] == delta_cosine(16, 100, 0.5)
    assert isinstance(delta_best_rate(8, 4), np.float64)


@pytest.mark.parametrize(
    ("call", "message"),
    (
        (lambda: delta_cosine(1.5, 4, 0.5), r"delta_cosine\(d=.*d >= 2, got 1.5"),
        (lambda: delta_cosine(4, 0.5, 0.5), "n >= 1, got 0.5"),
        (lambda: delta_distance(4, 4, 2.0), r"delta_distance\(rate=.*0 < rate < 2"),
        (lambda: delta_squared_error(4, 4, 0.0), "0 < rate < 2, got 0"),
        (lambda: delta_cosine(4, 4, 0.5, v=0), "v >= 1"),
        (lambda: delta_best_rate(4, 1e6), "n <= 1e4 d, got 1e"),
    ),
)
def test_what_is_outside_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
