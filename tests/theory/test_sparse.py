"""Sparsemax, and the distance of the softmax, against simulations of their weights."""

import numpy as np
import pytest
from helpers import examples, slow, softmax, sparsemax
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import ndtr, ndtri

from assocmem_jax import theory
from assocmem_jax.theory import _sparsemax


def simulated(weigh, d, n, beta, noise=0.0, trials=250):
    """Mean cosine, distance, its square, share of exact answers; standard errors."""
    rng, found = np.random.default_rng((d, n)), []
    for _ in range(trials):
        K = rng.standard_normal((n, d))
        i = np.arange(min(n, 40))
        queries = K[i] + noise * rng.standard_normal((len(i), d))
        P = weigh(beta * queries @ K.T)
        p, squares = P[i, i], (P**2).sum(axis=1)
        cosine = theory.mean_cosine(np.minimum(p / np.sqrt(squares), 1), d)
        P[i, i] -= 1
        error = np.linalg.norm(P, axis=1)
        distance, square = theory.mean_norm(d) * error, d * error**2
        found.append([x.mean() for x in (cosine, distance, square, p == 1)])
    return np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / trials**0.5


@pytest.mark.parametrize(
    ("d", "n", "beta"),
    (
        (8, 64, 1.0),
        (8, 8, 0.05),
        *(slow(*x) for x in ((16, 256, 0.1), (16, 1000, 0.2), (40, 300, 0.02))),
    ),
)
@pytest.mark.parametrize("noise", (0.0, 0.5, 2.0))
def test_sparsemax(d, n, beta, noise):
    mean, error = simulated(sparsemax, d, n, beta, noise)
    formulas = (
        theory.sparsemax_cosine,
        theory.sparsemax_distance,
        theory.sparsemax_squared_error,
    )
    found = np.array([f(d, n, beta, query_noise=noise) for f in formulas])
    stated = np.array([0.015 if noise else 0.01, 0.02 * found[1], 0.04 * found[2]])
    off = abs(mean[:3] - found)
    assert (off < stated + 4 * error[:3]).all(), off
    if not noise:
        exact = theory.sparsemax_exact_fraction(d, n, beta)
        assert abs(mean[3] - exact) < 1e-9 + 4 * error[3]


@pytest.mark.parametrize(
    ("d", "n", "beta"),
    (
        (8, 64, 1.0),
        (16, 256, 0.25),
        *(slow(*x) for x in ((16, 1000, 1.0), (8, 500, 0.02), (32, 300, 0.4))),
    ),
)
@pytest.mark.parametrize("noise", (0.0, 0.5, 2.0))
def test_softmax_distance(d, n, beta, noise):
    mean, error = simulated(softmax, d, n, beta, noise)
    distance = theory.softmax_distance(d, n, beta, query_noise=noise)
    square = theory.softmax_squared_error(d, n, beta, query_noise=noise)
    assert abs(mean[1] - distance) < 0.03 * distance + 4 * error[1]
    stated = 0.03 if noise else 1e-6
    assert abs(mean[2] - square) < stated * square + 4 * error[2]
    # Never above the root of the mean square.
    assert distance <= 1.01 * np.sqrt(square)


def test_little_noise_is_like_none():
    for formula in (
        theory.sparsemax_cosine,
        theory.sparsemax_distance,
        theory.sparsemax_squared_error,
        theory.softmax_distance,
        theory.softmax_squared_error,
        theory.softmax_recall,
        theory.sparsemax_recall,
    ):
        none, little = np.asarray(formula(16, 200, 0.2, query_noise=[0.0, 1e-6]))
        assert abs(none - little) < 0.01 * none


def test_one_pair_and_two():
    assert theory.sparsemax_cosine(5, 1, 0.3) == 1
    assert theory.sparsemax_distance(5, 1, 0.3) == theory.softmax_distance(5, 1, 1) == 0
    # Nothing is replaced by a mean where there is one other pair.
    mean, error = simulated(sparsemax, 4, 2, 0.3, trials=3000)
    formulas = theory.sparsemax_cosine, theory.sparsemax_distance
    off = mean[:2] - [formula(4, 2, 0.3) for formula in formulas]
    assert (abs(off) < 4 * error[:2]).all()


@pytest.mark.parametrize("n", (1e3, 1e9, 1e12))
@pytest.mark.parametrize("slope", (1.0, 8.0))
def test_weights_of_many_pairs_are_those_of_their_sums(n, slope):
    """The sums over the rest, by quadrature, with a weight below one of the largest."""
    largest = np.array([-ndtri(1 / n) + 0.3])
    along = largest - 0.2 / slope
    (t,), (target,), (square,) = _sparsemax.weights(
        np.array([slope]), along, largest, n
    )
    low = t / slope
    tail = lambda power: quad(
        lambda z: (slope * z - t) ** power * np.exp(-(z**2) / 2), low, largest[0]
    )[0]
    others = (n - 2) / ndtr(largest[0]) / np.sqrt(2 * np.pi)
    top = slope * largest[0] - t
    assert target == pytest.approx(max(slope * along[0] - t, 0))
    assert target + top + others * tail(1) == pytest.approx(1, rel=1e-9)
    assert square == pytest.approx(top**2 + others * tail(2), rel=1e-9)


def test_errors_of_many_pairs_are_smooth():
    found = theory.sparsemax_squared_error(16, np.geomspace(1e9, 1e12, 31), 1.0)
    assert (abs(np.diff(found, 2)) < 1e-4 * found.min()).all()


@examples(
    5,
    25,
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


@pytest.mark.parametrize("beta", (-1e-9, -1.0, np.inf))
def test_bad_input(beta):
    for formula in (
        theory.sparsemax_cosine,
        theory.sparsemax_distance,
        theory.sparsemax_exact_fraction,
        theory.sparsemax_recall,
        theory.sparsemax_squared_error,
        theory.softmax_distance,
        theory.softmax_recall,
        theory.softmax_squared_error,
    ):
        with pytest.raises(ValueError, match=r"theory\..*\(beta=...\)` (is|must)"):
            formula(8, 8, beta)
