"""Facts decoded from a linear memory, against draws of facts."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from assocmem_jax.theory._facts import dot_product_accuracy


few = settings(deadline=None, max_examples=50, derandomize=True)
real = lambda low, high: st.floats(np.log(low), np.log(high)).map(
    lambda x: float(np.clip(np.exp(x), low, high))
)


def decoded(d, n, v, trials, rng):
    """Share of facts whose value is nearest to their answer, and its error."""
    shares = []
    for _ in range(trials):
        keys, values = rng.standard_normal((n, d)), rng.standard_normal((n, v))
        keys /= np.linalg.norm(keys, axis=1, keepdims=True)
        values /= np.linalg.norm(values, axis=1, keepdims=True)
        scores = keys @ (keys.T @ values) @ values.T
        shares.append(np.mean(scores.argmax(axis=1) == np.arange(n)))
    return np.mean(shares), np.std(shares, ddof=1) / np.sqrt(trials)


@pytest.mark.parametrize(
    ("d", "n", "v", "trials", "error"),
    (
        (2, 4, 2, 2000, 0.03),
        (4, 8, 4, 2000, 0.03),
        (8, 16, 8, 1000, 0.03),
        (16, 8, 16, 1000, 0.01),
        (16, 38, 16, 500, 0.02),
        (64, 32, 16, 400, 0.01),
        (16, 100, 64, 200, 0.02),
        (100, 8, 2, 1000, 0.03),
        (32, 115, 32, 200, 0.015),
        (64, 383, 64, 40, 0.003),
        (128, 433, 128, 20, 0.003),
    ),
)
def test_is_the_share_of_decoded_facts(d, n, v, trials, error, rng):
    mean, se = decoded(d, n, v, trials, rng)
    assert abs(dot_product_accuracy(d, n, v) - mean) < error + 4 * se


def test_published_accuracies():
    """Of numbers of facts that were found by simulation at 99 % and at 50 %."""
    d = np.array([16, 32, 64, 128])
    np.testing.assert_allclose(
        dot_product_accuracy(d, [8, 29, 111, 433]), 0.99, atol=3e-3
    )
    np.testing.assert_allclose(
        dot_product_accuracy(d, [38, 115, 383, 1306]), 0.5, atol=0.01
    )


def test_half_are_decoded_at_the_leading_order():
    d, log_n = 2000.0, np.log(2e5)
    loads = np.array([0.9, 1.3]) * d**2 / (2 * log_n)
    more, less = np.asarray(dot_product_accuracy(d, loads))
    assert more > 0.5 > less


@few
@given(real(2, 1e4), real(1, 1e9), real(2, 1e4))
def test_is_a_probability_that_falls_with_n(d, n, v):
    less, more = np.asarray(dot_product_accuracy(d, np.array([n, 2 * n]), v))
    assert 0 <= more <= less <= 1
    assert dot_product_accuracy(d, [1, 2], v).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("call", "message"),
    (
        (lambda: dot_product_accuracy(1, 4, 4), "d >= 2, got 1"),
        (lambda: dot_product_accuracy(4, 0, 4), "n >= 1, got 0"),
        (lambda: dot_product_accuracy(4, 4, 1), r"accuracy\(v=.*v >= 2, got 1"),
    ),
)
def test_what_is_outside_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
