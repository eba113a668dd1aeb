"""Closed forms of the dot-product and the ReLU memories, which weigh by scores."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats

from assocmem_jax.theory import (
    _dot_product as dot,
    _pseudoinverse as pseudoinverse,
    _relu as relu,
)
from assocmem_jax.theory._cosine import mean_cosine, mean_norm


HYPOTHESIS = settings(deadline=None, max_examples=50, derandomize=True)
RULES = pytest.mark.parametrize("rule", ("dot_product", "relu"))


def theory(rule, quantity):
    return getattr(dot if rule == "dot_product" else relu, f"{rule}_{quantity}")


def scores(rng, rule, d, n, noise, keys, trials):
    stored = rng.normal(size=(trials, n, d))
    if keys == "spherical":
        stored *= np.sqrt(d) / np.linalg.norm(stored, axis=-1, keepdims=True)
    if keys == "bipolar":
        stored = np.sign(stored)
    queries = stored + noise * rng.normal(size=(trials, n, d))
    weights = queries @ stored.swapaxes(1, 2)
    return np.maximum(weights, 0) if rule == "relu" else weights


def test_golden_values():
    sizes = ((16, 16, 4), (16, 16, 64), (16, 64, 64), (64, 16, 256), (128, 128, 512))
    golden = (0.910690, 0.433413, 0.441724, 0.435290, 0.445469)
    for (d, v, n), value in zip(sizes, golden, strict=True):
        assert abs(dot.dot_product_cosine(d, n, v=v) - value) < 2e-6
    assert abs(dot.dot_product_cosine(1024, 32768) - 0.173957) < 2e-6
    sizes = ((16, 4), (16, 64), (64, 256), (1024, 32768))
    golden = (0.953261, 0.564003, 0.573977, 0.242374)
    for (d, n), value in zip(sizes, golden, strict=True):
        assert abs(relu.relu_cosine(d, n) - value) < 2e-6


def test_dot_product_is_the_pseudoinverse_with_more_pairs():
    """By two methods: the integral over scores, and the Beta law."""
    d = np.array([1, 2, 16, 300])[:, None]
    n = np.array([1, 1.5, 2, 7, 1e3, 1e9])
    # For v = 1 `mean_cosine` has errors of 2e-7 next to 1.
    for v, error in ((1, 1e-6), (5, 1e-9), (128, 1e-9)):
        shifted = pseudoinverse.pseudoinverse_cosine(d, n + d - 1, v=v)
        np.testing.assert_allclose(
            dot.dot_product_cosine(d, n, v=v), shifted, rtol=error
        )


def test_relu_is_a_mixture_of_dot_products():
    n, m = 12, np.arange(12)
    mixture = stats.binom.pmf(m, n - 1, 0.5) @ dot.dot_product_cosine(8, m + 1, v=3)
    assert relu.relu_cosine(8, n, v=3) == pytest.approx(mixture, rel=1e-9)


@RULES
@pytest.mark.parametrize(
    ("d", "n", "v", "noise", "keys", "trials"),
    (
        (16, 64, 16, 0.0, "gaussian", 100),
        (8, 6, 3, 0.5, "gaussian", 3000),
        (2, 3, 1, 2.0, "gaussian", 4000),
        (4, 2, 4, 1.0, "gaussian", 4000),
        (8, 6, 3, 0.0, "spherical", 3000),
        (8, 6, 3, 0.7, "spherical", 3000),
        (2, 3, 2, 2.0, "spherical", 4000),
        (8, 6, 3, 0.0, "bipolar", 3000),
        (3, 5, 3, 0.0, "bipolar", 3000),
    ),
)
def test_simulation(rule, d, n, v, noise, keys, trials, rng):
    weights = scores(rng, rule, d, n, noise, keys, trials)
    right, norm = np.einsum("tii->ti", weights), np.linalg.norm(weights, axis=-1)
    share = np.clip(right / np.where(norm == 0, 1, norm), -1, 1)
    square = np.maximum(1 - 2 * right + norm**2, 0)
    options = {"v": v, "query_noise": noise, "keys": keys}
    for quantity, sample, scale in (
        ("cosine", mean_cosine(share, v), 1),
        ("distance", np.sqrt(square), mean_norm(v)),
        ("squared_error", square, v),
    ):
        sample = sample.mean(1)
        error = sample.std() / np.sqrt(trials)
        expected = theory(rule, quantity)(d, n, **options) / scale
        assert abs(sample.mean() - expected) < 4 * error + 1e-9, quantity


@pytest.mark.parametrize("keys", ("gaussian", "spherical", "bipolar"))
def test_squared_error_in_closed_form(keys):
    d, n, noise = np.array([1, 5, 64]), 9.5, 0.0 if keys == "bipolar" else 0.7
    norms = d * (1 + noise**2)
    closed = d**2 + 1 + noise**2 * d + norms * (n - 1)
    closed = closed if keys == "gaussian" else closed - 2 * d
    square = dot.dot_product_squared_error(d, n, v=3, query_noise=noise, keys=keys)
    np.testing.assert_allclose(square, 3 * closed, rtol=1e-9)
    gaussian = relu.relu_squared_error(d, n, v=3)
    np.testing.assert_allclose(gaussian, 3 * (d**2 + 1 + d * (n - 1) / 2), rtol=1e-9)


@RULES
@pytest.mark.parametrize("v", (1, 2, 50))
def test_one_pair_is_right_unless_noise_turns_the_query_away(rule, v):
    d, noise = np.array([1, 2, 16, 1000]), 2.0
    away = stats.t.cdf(-np.sqrt(d) / noise, d)
    expected = 1 - (2 if rule == "dot_product" else 1) * away
    cosine = theory(rule, "cosine")(d, 1, v=v, query_noise=noise)
    np.testing.assert_allclose(cosine, expected, atol=1e-9)


@RULES
def test_limits(rule):
    assert theory(rule, "cosine")(7, 1) == pytest.approx(1, abs=1e-9)
    for keys in ("gaussian", "spherical"):
        for quantity in ("cosine", "distance"):
            quiet = theory(rule, quantity)(16, 20, query_noise=1e-7, keys=keys)
            still = theory(rule, quantity)(16, 20, keys=keys)
            assert quiet == pytest.approx(still, rel=1e-6)
    # One coordinate of one sign: every score is the same, up to its sign.
    both = dot.dot_product_cosine(1, 9, keys="spherical")
    assert both == pytest.approx(dot.dot_product_cosine(1, 9, keys="bipolar"))
    assert both == pytest.approx(mean_cosine(1 / 3, 1))


@RULES
@HYPOTHESIS
@given(
    st.integers(1, 10_000),
    st.floats(1, 1e9),
    st.floats(1, 1e4),
    st.sampled_from(
        (
            (0.0, "gaussian"),
            (0.5, "gaussian"),
            (1e3, "gaussian"),
            (0.0, "spherical"),
            (0.0, "bipolar"),
        )
    ),
)
def test_finite_bounded_and_harder_with_more_pairs(rule, d, n, v, ensemble):
    options = {"v": v, "query_noise": ensemble[0], "keys": ensemble[1]}
    cosine = theory(rule, "cosine")(d, [n, 1.5 * n], **options)
    distance = theory(rule, "distance")(d, [n, 1.5 * n], **options)
    square = theory(rule, "squared_error")(d, [n, 1.5 * n], **options)
    assert -1 <= cosine[1] <= cosine[0] + 1e-9 and cosine[0] <= 1
    assert 0 <= distance[0] <= distance[1] * (1 + 1e-9)
    assert np.all(distance**2 <= square * (1 + 1e-6)) and np.all(np.isfinite(square))


def test_spherical_keys_with_much_noise_are_finite():
    for rule in ("dot_product", "relu"):
        for d in (1, 2, 10_000):
            options = {"query_noise": 1e3, "keys": "spherical"}
            assert 0 <= theory(rule, "cosine")(d, 1.5, **options) <= 1
            assert np.isfinite(theory(rule, "distance")(d, 1.5, **options))


@RULES
def test_mistakes_are_explained(rule):
    cosine = theory(rule, "cosine")
    for call, message in (
        (lambda: cosine(0, 4), "d >= 1, got 0"),
        (lambda: cosine(4, 0.5), "n >= 1, got 0.5"),
        (lambda: cosine(4, 4, v=0), "v >= 1, got 0"),
        (lambda: cosine(4, 4, query_noise=-1), "query_noise >= 0, got -1"),
        (lambda: cosine(4, 4, keys="uniform"), "'bipolar', got 'uniform'"),
        (lambda: cosine(4, 4, query_noise=1, keys="bipolar"), "query_noise = 0 where"),
        (lambda: cosine(4.5, 4, keys="bipolar"), "whole d where"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
