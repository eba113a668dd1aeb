"""Sparsemax, and the distance of the softmax, against simulations of their weights."""

import numpy as np
import pytest
from helpers import softmax, sparsemax
from hypothesis import given, settings, strategies as st

from assocmem_jax import theory


def simulated(weigh, d, n, beta, trials=250):
    """Mean cosine, distance and share of exact answers, with standard errors."""
    rng, found = np.random.default_rng((d, n)), []
    for _ in range(trials):
        K = rng.standard_normal((n, d))
        i = np.arange(min(n, 40))
        P = weigh(beta * K[i] @ K.T)
        p, squares = P[i, i], (P**2).sum(axis=1)
        cosine = theory.mean_cosine(np.minimum(p / np.sqrt(squares), 1), d)
        P[i, i] -= 1
        distance = theory.mean_norm(d) * np.linalg.norm(P, axis=1)
        found.append([cosine.mean(), distance.mean(), np.mean(p == 1)])
    return np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / trials**0.5


@pytest.mark.parametrize(
    ("d", "n", "beta"),
    ((8, 64, 1.0), (16, 256, 0.1), (16, 1000, 0.2), (8, 8, 0.05), (40, 300, 0.02)),
)
def test_sparsemax(d, n, beta):
    mean, error = simulated(sparsemax, d, n, beta)
    cosine = theory.sparsemax_cosine(d, n, beta)
    distance = theory.sparsemax_distance(d, n, beta)
    exact = theory.sparsemax_exact_fraction(d, n, beta)
    off = abs(mean - [cosine, distance, exact])
    assert (off < [0.01, 0.02 * distance, 1e-9] + 4 * error).all(), off


@pytest.mark.parametrize(
    ("d", "n", "beta"),
    ((8, 64, 1.0), (16, 256, 0.25), (16, 1000, 1.0), (8, 500, 0.02), (32, 300, 0.4)),
)
def test_softmax_distance(d, n, beta):
    mean, error = simulated(softmax, d, n, beta)
    distance = theory.softmax_distance(d, n, beta)
    assert abs(mean[1] - distance) < 0.03 * distance + 4 * error[1]
    # Never above the root of the mean square.
    assert distance <= 1.01 * np.sqrt(theory.softmax_squared_error(d, n, beta))


def test_one_pair_and_two():
    assert theory.sparsemax_cosine(5, 1, 0.3) == 1
    assert theory.sparsemax_distance(5, 1, 0.3) == theory.softmax_distance(5, 1, 1) == 0
    # Nothing is replaced by a mean where there is one other pair.
    mean, error = simulated(sparsemax, 4, 2, 0.3, trials=3000)
    formulas = theory.sparsemax_cosine, theory.sparsemax_distance
    off = mean[:2] - [formula(4, 2, 0.3) for formula in formulas]
    assert (abs(off) < 4 * error[:2]).all()


@settings(deadline=None, max_examples=25, derandomize=True)
@given(
    d=st.integers(1, 300),
    n=st.integers(2, 10**9),
    beta=st.floats(-9, 4).map(lambda x: 10.0**x),
)
def test_bounded_and_falling(d, n, beta):
    n = np.array([n, 2 * n])
    cosine = theory.sparsemax_cosine(d, n, beta)
    exact = theory.sparsemax_exact_fraction(d, n, beta)
    # What is replaced by a mean may make the cosine rise within its error.
    for found, error in ((cosine, 1e-3), (exact, 1e-9)):
        score = np.asarray(found)
        assert (score >= 0).all() and (score <= 1).all() and np.isfinite(score).all()
        assert score[1] <= score[0] + error
    for distance in (theory.sparsemax_distance, theory.softmax_distance):
        assert (distance(d, n, beta, v=1) >= 0).all()
        assert (distance(d, n, beta, v=1) <= 2**0.5).all()


@pytest.mark.parametrize("beta", (0.0, -1.0, np.inf))
def test_bad_input(beta):
    for formula in (
        theory.sparsemax_cosine,
        theory.sparsemax_distance,
        theory.sparsemax_exact_fraction,
        theory.softmax_distance,
        theory.softmax_squared_error,
    ):
        with pytest.raises(ValueError, match=r"theory\..*\(beta=...\)` (is|must)"):
            formula(8, 8, beta)
