"""Feature maps against draws of their features."""

import collections
import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.special import ndtr

from assocmem_jax.theory._cosine import mean_cosine
from assocmem_jax.theory._features import (
    dpfp_cosine,
    dpfp_rank,
    feature_map_cosine,
    feature_moments,
)
from assocmem_jax.theory._random_features import (
    positive_features_error,
    random_fourier_cosine,
    trigonometric_features_error,
)


few = settings(deadline=None, max_examples=50, derandomize=True)
real = lambda low, high: st.floats(np.log(low), np.log(high)).map(
    lambda x: float(np.clip(np.exp(x), low, high))
)
elu = lambda x: np.where(x > 0, x + 1, np.exp(np.minimum(x, 0)))
relu = lambda x: np.maximum(x, 0)


def dpfp(keys, order):
    r = np.maximum(np.concatenate([keys, -keys], axis=1), 0)
    products = [r * np.roll(r, -shift, axis=1) for shift in range(1, order + 1)]
    return np.concatenate(products, axis=1)


def simulated(features, trials, v):
    """Mean cosine given the features that a function draws, and its error."""
    found = []
    for _ in range(trials):
        x = features()
        scores = x @ x.T
        norms = np.sqrt((scores**2).sum(axis=1))
        # A key may have no feature at all.
        found.append(np.diag(scores) / np.where(norms > 0, norms, 1))
    means = mean_cosine(np.clip(found, -1, 1), v).mean(axis=1)
    return np.mean(means), np.std(means, ddof=1) / np.sqrt(trials)


def test_moments_are_those_of_closed_forms():
    mean, square = feature_moments(lambda x: float(elu(x)))
    root = 1 / np.sqrt(2 * np.pi)
    assert mean == pytest.approx(root + 0.5 + np.exp(0.5) * ndtr(-1), rel=1e-9)
    assert square == pytest.approx(1 + 2 * root + np.exp(2) * ndtr(-2), rel=1e-9)
    assert (mean, square) == pytest.approx((1.1605, 1.9660), abs=5e-5)
    assert feature_moments(lambda x: max(x, 0.0)) == pytest.approx((root, 0.5))
    assert feature_moments(np.exp) == pytest.approx((np.exp(0.5), np.exp(2)))


def test_the_capacity_of_positive_features_does_not_grow():
    for feature, more in ((elu, 2.13), (relu, np.pi**2)):
        mean, square = feature_moments(lambda x, f=feature: float(f(x)))
        assert feature_map_cosine(1e9, 1 + more, mean, square) == pytest.approx(
            0.5**0.5, abs=2e-3
        )


@pytest.mark.parametrize("feature", (elu, relu, lambda x: x), ids=("elu", "relu", "x"))
@pytest.mark.parametrize(
    ("d", "n", "trials"), ((8, 16, 1000), (16, 64, 100), (64, 256, 20))
)
def test_is_a_feature_of_random_keys(feature, d, n, trials, rng):
    moments = feature_moments(lambda x: float(feature(x)))
    mean, error = simulated(lambda: feature(rng.standard_normal((n, d))), trials, d)
    gap = abs(feature_map_cosine(d, n, *moments) - mean)
    assert gap < 0.2 / d + 4 * error


@pytest.mark.parametrize("feature", (elu, relu, lambda x: x), ids=("elu", "relu", "x"))
@pytest.mark.parametrize(("d", "n", "trials"), ((8, 2, 8000), (64, 2, 8000)))
@pytest.mark.parametrize(("v", "stated"), ((1, (0.15, 0.5)), (2, (0.3, 1))))
def test_values_of_few_dimensions(feature, d, n, trials, v, stated, rng):
    moments = feature_moments(lambda x: float(feature(x)))
    mean, error = simulated(lambda: feature(rng.standard_normal((n, d))), trials, v)
    gap = abs(feature_map_cosine(d, n, *moments, v=v) - mean)
    assert gap < stated[0] / d ** stated[1] + 4 * error


@pytest.mark.parametrize(
    ("d", "n", "order", "trials", "allowed"),
    (
        (8, 64, 3, 200, 0.09),
        (16, 16, 1, 300, 0.07),
        (64, 256, 3, 20, 0.02),
        (32, 128, 31, 10, 0.03),
    ),
)
def test_dpfp_is_its_features(d, n, order, trials, allowed, rng):
    draw = lambda: dpfp(rng.standard_normal((n, d)), order)
    mean, error = simulated(draw, trials, d)
    gap = dpfp_cosine(d, n, order) - mean
    assert -4 * error < gap < allowed + 4 * error


@pytest.mark.parametrize(("d", "order"), ((8, 1), (8, 4), (8, 7), (12, 8)))
def test_the_second_moment_of_dpfp_is_exact(d, order):
    """A sum over all two products of two coordinates."""
    shifts = range(1, order + 1)
    products = [(a, (a + shift) % (2 * d)) for a in range(2 * d) for shift in shifts]
    moments = {1: 1 / (2 * np.pi), 2: 1 / 4}
    total = 0.0
    for one in products:
        for other in products:
            counts = collections.Counter(one + other)
            # A coordinate and its negative are never both positive.
            if not any((a + d) % (2 * d) in counts for a in counts):
                total += math.prod(moments[count] for count in counts.values())
    n = np.array([2, 50])
    expected = (1 + (n - 1) * total / (d * order / 2) ** 2) ** -0.5
    np.testing.assert_allclose(
        dpfp_cosine(d, n, order), mean_cosine(expected, d), rtol=1e-12
    )


def test_dpfp_of_many_dimensions_has_a_limit():
    n = np.array([10, 1000])
    expected = mean_cosine((1 + (n - 1) / np.pi**4) ** -0.5, 1e8)
    np.testing.assert_allclose(dpfp_cosine(1e8, n, 3), expected, rtol=1e-5)


@pytest.mark.parametrize(
    "feature", (np.exp, np.square, lambda x: x**3), ids=("exp", "square", "cube")
)
@pytest.mark.parametrize(
    ("d", "n", "trials", "stated"),
    ((8, 4, 2000, 0.12), (64, 8, 600, 0.06), (64, 64, 60, 0.06)),
)
def test_features_with_large_moments_are_further_off(
    feature, d, n, trials, stated, rng
):
    moments = feature_moments(lambda x: float(feature(x)))
    mean, error = simulated(lambda: feature(rng.standard_normal((n, d))), trials, d)
    gap = feature_map_cosine(d, n, *moments) - mean
    assert -4 * error < gap < stated + 4 * error


def test_the_rank_of_dpfp_is_that_of_its_features(rng):
    for d in range(1, 6):
        for order in range(1, 2 * d):
            features = dpfp(rng.standard_normal((300, d)), order)
            assert dpfp_rank(d, order) == np.linalg.matrix_rank(features)


@pytest.mark.parametrize(
    ("frequencies", "n", "d", "v", "stated"),
    (
        (16, 64, 40, 32, 0.1 / 16),
        (128, 256, 32, 32, 0.1 / 128),
        (64, 8, 40, 2, 0.2 / 64),
        (64, 2, 40, 1, 0.12 / 8),
    ),
)
def test_fourier_features_are_those_of_far_keys(frequencies, n, d, v, stated, rng):
    def draw():
        keys, waves = rng.standard_normal((n, d)), rng.standard_normal((frequencies, d))
        phases = keys @ waves.T
        return np.concatenate([np.cos(phases), np.sin(phases)], axis=1)

    mean, error = simulated(draw, 60 if n > 10 else 2000, v)
    gap = abs(random_fourier_cosine(frequencies, n, v) - mean)
    assert gap < stated + 4 * error


@pytest.mark.parametrize("angle", (0.0, 1.0, 3.0))
def test_errors_of_random_features_are_exact(angle, rng):
    x, y = 0.6 * np.array([1.0, 0.0]), 0.6 * np.array([np.cos(angle), np.sin(angle)])
    waves = rng.standard_normal((400_000, 4, 2))
    kernel, squares = np.exp(x @ y), (x @ x + y @ y) / 2
    positive = np.exp(waves @ (x + y) - squares).mean(axis=1)
    fourier = (np.exp(squares) * np.cos(waves @ (x - y))).mean(axis=1)
    for estimate, expected in (
        (positive, positive_features_error(4, np.linalg.norm(x + y))),
        (fourier, trigonometric_features_error(4, np.linalg.norm(x - y))),
    ):
        errors = (estimate / kernel - 1) ** 2
        assert abs(errors.mean() - expected) <= 4 * errors.std() / np.sqrt(400_000)


@few
@given(real(8, 1e4), real(1, 1e9), st.floats(-1, 1), real(1e-9, 1e9), real(1, 1e4))
def test_cosines_are_finite_and_fall_with_n(d, n, share, square, v):
    loads = np.array([n, 2 * n])
    cosines = [
        feature_map_cosine(d, loads, share * np.sqrt(square), square, v=v),
        dpfp_cosine(d, loads, np.floor(d / 2), v=v),
        random_fourier_cosine(2 * d, loads, v),
    ]
    for few, many in map(np.asarray, cosines):
        assert 0 < many <= few <= 1
    assert 0 <= positive_features_error(d, 26 * abs(share)) < np.inf
    assert 0 <= trigonometric_features_error(d, 26 * abs(share)) < np.inf


@pytest.mark.parametrize(
    ("call", "message"),
    (
        (lambda: feature_map_cosine(7, 4, 0, 1), "d >= 8, got 7"),
        (lambda: feature_map_cosine(4, 0, 0, 1), "n >= 1, got 0"),
        (lambda: feature_map_cosine(8, 4, 2, 1), "second_moment > 0 and >= mean"),
        (lambda: feature_map_cosine(8, 4, 0, 0), "second_moment > 0 and >= mean"),
        (lambda: feature_moments(lambda x: np.exp(x * x)), "must have finite moments"),
        (lambda: dpfp_rank(4, 8), "orders from 1 to 2 d - 1, got 8"),
        (lambda: dpfp_rank(4.5, 1), "whole d >= 1, got 4.5"),
        (lambda: dpfp_cosine(4, 4, 1), "d >= 8, got 4"),
        (lambda: dpfp_cosine(16, 4, 16), "orders from 1 to d - 1, got 16"),
        (lambda: random_fourier_cosine(15, 4, 4), "frequencies >= 16"),
        (lambda: positive_features_error(4, 27.0), "0 <= sum_norm <= 26, got 27"),
        (lambda: trigonometric_features_error(4, -1), "0 <= difference_norm <= 26"),
    ),
)
def test_what_is_outside_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
