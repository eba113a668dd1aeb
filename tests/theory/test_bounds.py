"""Bounds against what they bound."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from assocmem_jax.theory._bounds import (
    softmax_error_bound,
    softmax_log_capacity_bound,
)


few = settings(deadline=None, max_examples=50, derandomize=True)


def test_the_constants_of_the_theorem():
    for d, radius, c, n in ((20, 3, 3.1546, 7.41), (75, 1, 1.3718, 10.97)):
        bound = softmax_log_capacity_bound(d, 1, radius, 1e-3)
        assert np.exp(bound) == pytest.approx(n, abs=6e-3)
        log_c = 4 / (d - 1) * (bound - np.log(1e-3) / 2)
        assert np.exp(log_c) == pytest.approx(c, abs=1e-4)


def test_the_base_solves_its_equation():
    """Before Lambert's W: a + ln c = b / c."""
    d, beta, radius, failure = 30, 2.0, 1.5, 0.01
    bound = softmax_log_capacity_bound(d, beta, radius, failure)
    log_c = 4 / (d - 1) * (bound - np.log(failure) / 2)
    b = 2 * radius**2 * beta / 5
    a = 2 / (d - 1) * (1 + np.log(2 * beta * radius**2 * failure * (d - 1)))
    assert a + log_c == pytest.approx(b / np.exp(log_c), rel=1e-12)


@few
@given(st.floats(20, 1e4), st.floats(0, 300), st.floats(1e-3, 1))
def test_the_capacity_bound_grows_with_beta(d, log_beta, failure):
    beta = 10**log_beta
    bounds = softmax_log_capacity_bound(d, np.array([1, 2]) * beta, 3, failure)
    less, more = np.asarray(bounds)
    assert 0 <= less < more < np.inf


@pytest.mark.parametrize("beta", (0.0, 0.1, 0.5, 1.0))
def test_one_step_errs_no_more_than_the_bound(beta, rng):
    for _ in range(20):
        x = rng.standard_normal((50, 20))
        scores = x @ x.T
        gaps = np.diag(scores)[:, None] - scores + np.diag(np.full(50, np.inf))
        weights = np.exp(beta * (scores - scores.max(axis=1, keepdims=True)))
        answers = weights @ x / weights.sum(axis=1, keepdims=True)
        errors = np.linalg.norm(answers - x, axis=1)
        largest = np.linalg.norm(x, axis=1).max()
        bound = softmax_error_bound(50, beta, gaps.min(axis=1), largest)
        assert np.all(errors <= bound * (1 + 1e-12))


def test_the_formula_of_the_error_bound():
    expected = 2 * 9 * 3.0 * np.exp(-0.5 * (40 - 2 * 2.0 * 3.0))
    assert softmax_error_bound(10, 0.5, 40, 3.0, 2.0) == pytest.approx(expected)
    assert softmax_error_bound(10, 0.5, -40, 3.0) == 6
    assert softmax_error_bound(1, 0.0, 0.0, 3.0) == 0


@few
@given(
    st.floats(1, 1e9),
    st.floats(0, 1e300),
    st.floats(-1e300, 1e300),
    st.floats(0, 1e300),
    st.floats(0, 1e300),
)
def test_the_error_bound_is_finite(n, beta, separation, norm, distance):
    bound = softmax_error_bound(n, beta, separation, norm, distance)
    assert 0 <= bound <= 2 * norm


@pytest.mark.parametrize(
    ("call", "message"),
    (
        (lambda: softmax_log_capacity_bound(1, 1, 1, 0.1), "d > 1, got 1"),
        (lambda: softmax_log_capacity_bound(20, 0, 1, 0.1), "beta > 0, got 0"),
        (lambda: softmax_log_capacity_bound(20, 1, 0, 0.1), "radius > 0, got 0"),
        (lambda: softmax_log_capacity_bound(20, 1, 1, 0), "0 < failure <= 1, got 0"),
        (
            lambda: softmax_log_capacity_bound(20, 0.1, 1, 1e-3),
            "beta and radius with c",
        ),
        (lambda: softmax_error_bound(0, 1, 1, 1), "n >= 1, got 0"),
        (lambda: softmax_error_bound(2, -1, 1, 1), "beta >= 0, got -1"),
        (lambda: softmax_error_bound(2, 1, 1, -1), "largest_norm >= 0, got -1"),
        (lambda: softmax_error_bound(2, 1, 1, 1, -1), r"distance=.*distance >= 0"),
    ),
)
def test_what_is_outside_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
