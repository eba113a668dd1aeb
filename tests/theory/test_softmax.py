"""Softmax: golden values, simulations, limits, the whole domain."""

import functools

import numpy as np
import pytest
from helpers import examples
from hypothesis import given, settings, strategies as st

import assocmem_jax as am
from assocmem_jax import theory


def simulated(d, n, beta, noise=0.0, keys="gaussian", trials=300, seed=0):
    """Mean cosine, target weight and squared error per coordinate, with errors."""
    rng, found = np.random.default_rng((seed, d, n)), []
    for _ in range(trials):
        K = rng.standard_normal((n, d))
        if keys == "spherical":
            K *= np.sqrt(d) / np.linalg.norm(K, axis=1, keepdims=True)
        elif keys == "bipolar":
            K = np.sign(K)
        i = np.arange(min(n, 40))
        S = beta * (K[i] + noise * rng.standard_normal((len(i), d))) @ K.T
        P = np.exp(S - S.max(axis=1, keepdims=True))
        P /= P.sum(axis=1, keepdims=True)
        p, squares = P[i, i], (P**2).sum(axis=1)
        cosine = theory.mean_cosine(p / np.sqrt(squares), d)
        found.append([cosine.mean(), p.mean(), np.mean((1 - 2 * p) + squares)])
    return np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / trials**0.5


def test_golden_values():
    cosine = theory.softmax_cosine(
        [16, 16, 16, 16, 64], [256, 4096, 32768, 1024, 2048], [1, 1, 1, 0.25, 0.1]
    )
    golden = [0.926903, 0.694476, 0.448397, 0.515455, 0.961501]
    np.testing.assert_allclose(cosine, golden, atol=2e-6)
    weight = theory.softmax_target_weight(16, [256, 1024], [1.0, 0.5])
    np.testing.assert_allclose(weight, [0.822071, 0.350322], atol=2e-6)


@pytest.mark.parametrize(
    ("d", "n", "beta", "noise", "keys"),
    (
        (8, 64, 1.0, 0.0, "gaussian"),
        (16, 256, 0.25, 0.0, "gaussian"),
        (4, 16, 10.0, 0.0, "gaussian"),
        (16, 256, 1.0, 0.5, "gaussian"),
        (16, 100, 0.2, 0.0, "spherical"),
        (9, 60, 0.3, 0.5, "spherical"),
        (12, 100, 0.3, 0.0, "bipolar"),
    ),
)
def test_simulations(d, n, beta, noise, keys):
    mean, error = simulated(d, n, beta, noise, keys)
    given = {"query_noise": noise, "keys": keys}
    expected = [
        theory.softmax_cosine(d, n, beta, **given),
        theory.softmax_target_weight(d, n, beta, **given),
    ]
    if noise == 0 and keys == "gaussian":
        expected.append(theory.softmax_squared_error(d, n, beta, v=1))
    z = (mean[: len(expected)] - expected) / error[: len(expected)]
    assert (abs(z) < 4).all(), z


def test_limits():
    # The mean of all values, and the value of the key with the largest score.
    assert theory.softmax_cosine(16, 100, 1e-9) == pytest.approx(
        theory.mean_cosine(0.1, 16), abs=1e-6
    )
    assert theory.softmax_squared_error(16, 100, 1e-9, v=1) == pytest.approx(0.99)
    nearest = theory.nearest_key_probability(16, 1000)
    assert theory.softmax_cosine(16, 1000, 1e8) == pytest.approx(nearest, abs=1e-5)
    error = theory.softmax_squared_error(16, 1000, 1e8, v=1)
    assert error == pytest.approx(2 * (1 - nearest), abs=1e-4)
    assert theory.softmax_squared_error(16, 1, 0.5) == 0


@settings(deadline=None, max_examples=40, derandomize=True)
@given(
    d=st.integers(1, 300),
    n=st.floats(1, 1e9),
    beta=st.floats(-6, 3).map(lambda x: 10.0**x),
    v=st.integers(1, 300),
)
def test_bounded_and_falling(d, n, beta, v):
    n = np.array([n, 2 * n])
    cosine = theory.softmax_cosine(d, n, beta, v=v)
    weight = theory.softmax_target_weight(d, n, beta)
    for score in map(np.asarray, (cosine, weight)):
        assert np.isfinite(score).all() and (score >= 0).all() and (score <= 1).all()
        assert score[1] <= score[0] + 1e-9


@examples(
    3,
    10,
    d=st.integers(1, 200),
    n=st.integers(2, 10**7),
    beta=st.floats(-6, 3).map(lambda x: 10.0**x),
)
def test_squared_error_is_bounded(d, n, beta):
    error = theory.softmax_squared_error(d, n, beta, v=1)
    assert 0 <= error <= 2
    weight = theory.softmax_target_weight(d, n, beta)
    # The errors of the mean weight alone, and of all others in one place.
    assert (1 - weight) ** 2 - 1e-6 <= error <= 2 * (1 - weight) + 1e-6


@pytest.mark.parametrize("noise", (0.0, 0.5))
def test_beta_of_zero_is_the_mean_of_all_values(noise):
    n, given = np.array([1, 4, 100, 1e9]), {"v": 3, "query_noise": noise}
    agree = functools.partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-9)
    cosine = theory.mean_cosine(n**-0.5, 3)
    error = 1 - 1 / n
    for softmax, sparsemax, expected in (
        (theory.softmax_cosine, theory.sparsemax_cosine, cosine),
        (
            theory.softmax_distance,
            theory.sparsemax_distance,
            theory.mean_norm(3) * error**0.5,
        ),
        (theory.softmax_squared_error, theory.sparsemax_squared_error, 3 * error),
    ):
        agree(softmax(5, n, 0.0, **given), expected)
        agree(sparsemax(5, n, 0.0, **given), expected)
    weight = theory.softmax_target_weight(5, n, 0.0, query_noise=noise)
    agree(weight, 1 / n)
    for recall in (theory.softmax_recall, theory.sparsemax_recall):
        # Every value is as near to their mean as another.
        np.testing.assert_allclose(
            recall(5, n[1:3], 0.0, **given), 1 / n[1:3], rtol=0.1
        )
    assert theory.sparsemax_exact_fraction(5, 100, 0.0) == 0


@pytest.mark.parametrize("keys", ("spherical", "bipolar"))
def test_beta_of_zero_whatever_the_keys(keys):
    found = theory.softmax_cosine(9, 100, [0.0, 1e-12], keys=keys)
    np.testing.assert_allclose(found, theory.mean_cosine(0.1, 9), rtol=1e-9)


def test_rules_with_a_beta_of_zero_are_predicted():
    predicted = theory.predict({"a": am.Softmax(0.0)}, d=[9], n=[100])["cosine"].item()
    assert predicted == pytest.approx(theory.mean_cosine(0.1, 9))
    assert theory.capacity(am.Softmax(0.0), 9, predicted) == pytest.approx(100)


@pytest.mark.parametrize(
    ("given", "message"),
    (
        ({"beta": -1.0}, "beta >= 0, got -1"),
        ({"n": 0.5}, "n >= 1, got 0.5"),
        ({"d": 0}, "d >= 1, got 0"),
        ({"query_noise": -0.1}, "query_noise >= 0, got -0.1"),
        ({"keys": "uniform"}, "uniform"),
        ({"n": np.nan}, "finite numbers"),
    ),
)
def test_bad_input(given, message):
    given = {"d": 8, "n": 8, "beta": 1.0, **given}
    with pytest.raises(ValueError, match=message):
        theory.softmax_cosine(
            given.pop("d"), given.pop("n"), given.pop("beta"), **given
        )
