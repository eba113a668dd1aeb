"""The formula of ridge memories with weights."""

import numpy as np
import pytest

from assocmem_jax.theory import mean_cosine, ridge_cosine, weighted_ridge_cosine
from assocmem_jax.theory._weighted_ridge import _squared_correlation


def measure(rng, d, weights, penalty, noise, trials):
    """Mean cosine of each pair, for every draw of the keys."""
    found = []
    for _ in range(trials):
        keys = rng.standard_normal((len(weights), d))
        queries = keys + noise * rng.standard_normal(keys.shape)
        given = weights[:, None] * keys
        matrix = given.T @ keys + penalty * np.eye(d)
        answer = queries @ np.linalg.solve(matrix, given.T)
        correlation = np.diag(answer) / np.linalg.norm(answer, axis=1)
        found.append(mean_cosine(np.clip(correlation, -1, 1), d))
    return np.array(found)


WEIGHTS = {
    "decay": lambda n, rng: 0.98 ** np.arange(n),
    "uniform": lambda n, rng: rng.uniform(size=n),
    "Zipf": lambda n, rng: 1 / np.arange(1, n + 1),
}


@pytest.mark.parametrize("name", WEIGHTS)
@pytest.mark.parametrize(
    ("d", "n", "trials"), ((16, 8, 400), (16, 48, 200), (64, 32, 60), (64, 128, 30))
)
def test_simulation(name, d, n, trials, rng):
    weights = WEIGHTS[name](n, rng)
    for penalty, noise in ((0.02 * d, 0.0), (0.2 * d, 0.0), (0.2 * d, 0.5), (d, 1.0)):
        found = measure(rng, d, weights, penalty, noise, trials)
        known = weighted_ridge_cosine(d, weights, penalty, query_noise=noise)
        error = found.mean(axis=1).std() / np.sqrt(trials)
        assert abs(found.mean() - known.mean()) < 0.04 + 4 * error
        errors = found.std(axis=0) / np.sqrt(trials)
        assert np.all(abs(found.mean(axis=0) - known) < 0.1 + 4 * errors)


@pytest.mark.parametrize(
    ("weights", "penalty", "known"),
    (
        # Of simulations with d = 48 and 300 pairs: clean, and of noise 0.5.
        (0.98 ** np.arange(300), 5.0, (0.2436, 0.2125)),
        (np.ones(300), 20.0, (0.3945, 0.3474)),
    ),
)
def test_known_means(weights, penalty, known):
    for noise, mean in zip((0.0, 0.5), known, strict=True):
        found = weighted_ridge_cosine(48, weights, penalty, query_noise=noise)
        assert abs(found.mean() - mean) < 1e-3


@pytest.mark.parametrize(
    ("d", "decay", "known"),
    (
        (64, 0.98, (0.948344, 0.63428, 0.219671)),
        (128, 0.995, (0.833746, 0.622274, 0.386049)),
    ),
)
def test_least_squares_that_forget_are_a_window_of_d_pairs(d, decay, known):
    """Without penalty, pairs of age 0, d and 2 d: $1 / (1 + g^{-m} / (g^{-d} - 1))$."""
    weights = decay ** np.arange(5000)
    found = np.sqrt(_squared_correlation(d, weights, 1e-9, 0.0))
    # The known ones are of sums that are integrals.
    np.testing.assert_allclose(found[[0, d, 2 * d]], known, atol=6e-3)


def test_equal_weights_are_those_of_the_ridge_memory():
    for n in (8, 64, 300):
        for penalty, noise in ((1e-6, 0.0), (7.0, 0.5), (1e6, 0.3)):
            found = weighted_ridge_cosine(64, np.ones(n), penalty, query_noise=noise)
            exact = ridge_cosine(64, n, penalty, query_noise=noise)
            np.testing.assert_allclose(found, exact, atol=2e-3)
            # A common factor is one of the penalty.
            scaled = weighted_ridge_cosine(
                64, 3 * np.ones(n), 3 * penalty, query_noise=noise
            )
            if noise == 0 or penalty >= 6.4:
                np.testing.assert_allclose(scaled, found, rtol=1e-9)


def test_pairs_of_weight_zero_are_not_stored():
    weights = np.array([0.0, 1.0, 2.0, 0.0])
    found = weighted_ridge_cosine(16, weights, 1.0)
    assert not found[[0, 3]].any()
    alone = weighted_ridge_cosine(16, weights[1:3], 1.0)
    np.testing.assert_allclose(found[1:3], alone, rtol=1e-12)


@pytest.mark.parametrize("exponent", (-300, -9, 9, 300))
def test_is_finite_and_bounded(exponent):
    for weights in (np.ones(3), 10.0 ** np.arange(-30, 31)):
        found = weighted_ridge_cosine(16, weights, 10.0**exponent)
        assert np.all((found >= 0) & (found <= 1))


@pytest.mark.parametrize(
    ("call", "message"),
    (
        (lambda: weighted_ridge_cosine(16, [1.0, -1.0], 1.0), "weights >= 0, got -1"),
        (lambda: weighted_ridge_cosine(16, 1.0, 1.0), r"one axis .* got shape \(\)"),
        (lambda: weighted_ridge_cosine(8, [1.0], 1.0), "d >= 16, got 8"),
        (lambda: weighted_ridge_cosine(16, [1.0], 0.0), "penalty > 0, got 0"),
        (lambda: weighted_ridge_cosine(16, [1.0], [1.0]), "penalty.* one number, got"),
        (
            lambda: weighted_ridge_cosine(16, [1.0], 1.0, query_noise=0.5),
            "penalty >= d / 10 with query noise, got 1",
        ),
    ),
)
def test_what_is_outside_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
