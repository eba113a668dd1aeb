"""Thresholds, nearest keys, top-k and polynomials."""

from typing import Any

import numpy as np
import pytest
from helpers import slow
from hypothesis import given, settings, strategies as st
from scipy.optimize import brentq

from assocmem_jax import theory


def half(score, d, low, high):
    """The logarithm of n at which a score is one half."""
    root: Any = brentq(lambda log_n: float(score(d, np.exp(log_n))) - 0.5, low, high)
    return float(root)


@pytest.mark.parametrize(
    ("keys", "metric", "beta", "tolerance"),
    (
        ("spherical", "cosine", 0.05, 3e-4),
        slow("spherical", "cosine", 0.5, 3e-4),
        ("spherical", "weight", 1.0, 3e-4),
        slow("gaussian", "cosine", 0.1, 6e-3),
        ("gaussian", "weight", 0.25, 3e-3),
        slow("gaussian", "weight", 1.0, 3e-3),
        ("gaussian", "cosine", 1.0, 0.02),
    ),
)
def test_threshold_is_the_slope_of_the_exact_transition(keys, metric, beta, tolerance):
    formula = {
        "cosine": theory.softmax_cosine,
        "weight": theory.softmax_target_weight,
    }[metric]
    score = lambda d, n: formula(d, n, beta, keys=keys)
    ends = [half(score, d, 0.1, 300) for d in (64, 256)]
    slope = (ends[1] - ends[0]) / 192
    alpha = theory.softmax_threshold(beta, keys=keys, metric=metric)
    assert slope == pytest.approx(alpha, abs=tolerance)


def test_threshold_far_out():
    betas = 10.0 ** np.arange(-9, 300, 20)
    for keys in ("gaussian", "spherical"):
        alpha = theory.softmax_threshold(betas, keys=keys)
        assert (np.diff(alpha) >= 0).all() and (alpha > 0).all()
    # (1 + ln(2 beta)) / 2
    far = theory.softmax_threshold(1e8, keys="spherical")
    assert far == pytest.approx((1 + np.log(2e8)) / 2, rel=1e-6)


def scores(rng, d, n, noise=0.0):
    K = rng.standard_normal((n, d))
    i = np.arange(min(n, 30))
    return i, (K[i] + noise * rng.standard_normal((len(i), d))) @ K.T


@pytest.mark.parametrize(
    ("d", "n", "k", "noise"),
    ((8, 64, 1, 0.0), (16, 512, 1, 0.5), (16, 512, 4, 0.0), (3, 20, 7, 0.3)),
)
def test_target_among_the_best(d, n, k, noise):
    rng, found = np.random.default_rng((d, n, k)), []
    for _ in range(400):
        i, S = scores(rng, d, n, noise)
        found.append(np.mean((S[i, i][:, None] < S).sum(axis=1) < k))
    expected = theory.top_k_probability(d, n, k, query_noise=noise)
    error = np.std(found, ddof=1) / 20
    assert abs(np.mean(found) - expected) < 4 * error
    if k == 1:
        assert theory.nearest_key_probability(d, n, query_noise=noise) == expected


def test_all_nearest():
    rng = np.random.default_rng(3)
    for n in (20, 44, 80):
        found = []
        for _ in range(1500):
            K = rng.standard_normal((n, 16))
            S = K @ K.T
            found.append((S.max(axis=1) <= np.diag(S)).all())
        error = np.std(found) / len(found) ** 0.5
        off = np.mean(found) - theory.all_nearest_probability(16, n)
        assert abs(off) < 0.03 + 4 * error


@pytest.mark.parametrize(
    ("d", "n", "k"), ((16, 256, 8), (16, 64, 60), (16, 16, 4), (32, 20, 10), (9, 50, 1))
)
def test_top_k(d, n, k):
    rng, found = np.random.default_rng((d, n, k)), []
    for _ in range(200):
        i, S = scores(rng, d, n)
        weights = np.where(np.sort(S, axis=1)[:, [-k]] <= S, S, 0)
        if k == 1:
            weights = np.sign(weights)
        rho = weights[i, i] / np.linalg.norm(weights, axis=1)
        found.append(theory.mean_cosine(rho, d).mean())
    error = np.std(found, ddof=1) / len(found) ** 0.5
    stated = 0 if k == 1 else 0.015
    assert abs(np.mean(found) - theory.top_k_cosine(d, n, k)) < stated + 4 * error


def test_top_k_of_all_is_nearly_the_dot_product():
    dot = theory.dot_product_cosine(64, 100)
    assert theory.top_k_cosine(64, 100, 100) == pytest.approx(dot, abs=0.005)


def test_polynomial():
    golden = theory.polynomial_cosine(32, [1024, 2048], [2, 3])
    np.testing.assert_allclose(golden, [0.487033, 0.687948], atol=2e-6)
    dot = theory.polynomial_cosine(16, [4, 64], 1)
    np.testing.assert_allclose(dot, [0.910690, 0.433413], atol=2e-6)
    relu = theory.polynomial_cosine(16, [4, 64], 1, rectified=True)
    np.testing.assert_allclose(relu, theory.relu_cosine(16, [4, 64]), atol=1e-7)


@pytest.mark.parametrize(("degree", "rectified"), ((2, False), (3, False), (3, True)))
def test_polynomial_simulations(degree, rectified):
    rng, found = np.random.default_rng(degree), []
    for _ in range(300):
        i, S = scores(rng, 16, 300)
        weights = (np.maximum(S, 0) if rectified else S) ** degree
        rho = weights[i, i] / np.linalg.norm(weights, axis=1)
        found.append(theory.mean_cosine(rho, 16).mean())
    expected = theory.polynomial_cosine(16, 300, degree, rectified=rectified)
    error = np.std(found, ddof=1) / len(found) ** 0.5
    assert abs(np.mean(found) - expected) < 4 * error


@settings(deadline=None, max_examples=40, derandomize=True)
@given(d=st.integers(4, 2000), n=st.integers(1, 10**9), k=st.integers(1, 50))
def test_bounds(d, n, k):
    k = min(k, n)
    numbers = np.array([n, 3 * n])
    kept = np.asarray(theory.top_k_probability(d, numbers, k))
    cosine = theory.top_k_cosine(max(d, 16), max(n, 16), k)
    every = np.asarray(theory.all_nearest_probability(d, numbers))
    assert (kept >= 0).all() and (kept <= 1).all() and 0 <= cosine <= 1
    assert kept[1] <= kept[0] + 1e-9 and every[1] <= every[0]
    power = np.asarray(theory.polynomial_cosine(d, numbers, 2))
    assert np.isfinite(power).all() and power[1] <= power[0] + 1e-9


@pytest.mark.parametrize(
    ("call", "message"),
    (
        (lambda: theory.softmax_threshold(0.0), "beta > 0"),
        (lambda: theory.softmax_threshold(1.0, keys="bipolar"), "got 'bipolar'"),
        (lambda: theory.softmax_threshold(1.0, metric="recall"), "got 'recall'"),
        (lambda: theory.nearest_key_probability(0, 4), "d >= 1"),
        (lambda: theory.top_k_probability(4, 4, 5), "k <= n, got 5"),
        (lambda: theory.top_k_cosine(4, 4, 1.5), "whole numbers"),
        (lambda: theory.top_k_cosine(4, 40, 2), "d >= 16 where 1 < k < n"),
        (lambda: theory.polynomial_mean_field_cosine(4, 4, 2), "d >= 8"),
        (lambda: theory.polynomial_mean_field_cosine(8, 4, 11), "from 1 to 10"),
        (lambda: theory.polynomial_capacity(1e15, 24, 0.5), "below 1e300"),
        (lambda: theory.polynomial_capacity(100, 30, 1e-200), "below 1e300"),
        (lambda: theory.all_nearest_probability(4, 0), "1 <= n"),
        (lambda: theory.all_nearest_probability(3, 9), "d >= 4"),
        (lambda: theory.polynomial_cosine(4, 4, 0), "degree"),
        (lambda: theory.polynomial_cosine(4, 4, 2.5), "degree"),
    ),
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_far_out():
    # One more that may be ahead never hurts, also where 1 - Phi(-y) rounds to 1.
    one, two = np.asarray(theory.top_k_probability(100, 1e30, [1, 2]))
    assert one <= two < one + 0.05
    distance = np.asarray(theory.softmax_distance(16, 1000, [1e6, 1e8, 1e12], v=1))
    np.testing.assert_allclose(distance, distance[0], rtol=1e-3)
    for beta in (1e-310, 1e308):
        for formula in (
            theory.sparsemax_cosine,
            theory.sparsemax_distance,
            theory.softmax_squared_error,
            theory.softmax_distance,
        ):
            assert np.isfinite(formula(8, 1000, beta))
        assert theory.softmax_threshold(beta) >= 0
