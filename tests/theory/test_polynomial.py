"""The polynomial memory, against draws of keys."""

import numpy as np
import pytest

from assocmem_jax import theory


def draw(keys, n, d, rng):
    if keys == "bipolar":
        return rng.choice([-1.0, 1.0], (n, d))
    drawn = rng.standard_normal((n, d))
    if keys == "spherical":
        drawn *= np.sqrt(d) / np.linalg.norm(drawn, axis=1, keepdims=True)
    return drawn


@pytest.mark.parametrize("rectified", (False, True))
@pytest.mark.parametrize(
    ("d", "n", "v", "degree", "keys", "noise"),
    (
        (8, 30, 8, 2, "gaussian", 0.0),
        (8, 30, 3, 3, "gaussian", 0.5),
        (16, 50, 16, 4, "gaussian", 2.0),
        (8, 30, 8, 3, "spherical", 0.0),
        (2, 6, 5, 2, "spherical", 0.0),
        (8, 30, 8, 3, "bipolar", 0.0),
        (1, 5, 2, 2, "bipolar", 0.0),
    ),
)
def test_simulation(d, n, v, degree, keys, noise, rectified):
    rng, found = np.random.default_rng((d, n, degree)), []
    for _ in range(400):
        stored = draw(keys, n, d, rng)
        queries = stored + noise * rng.standard_normal(stored.shape)
        scores = queries @ stored.T
        weights = (np.maximum(scores, 0) if rectified else scores) ** degree
        own, norm = np.diag(weights), np.linalg.norm(weights, axis=1)
        correlation = own / np.where(norm > 0, norm, 1)
        cosine = np.sign(correlation) * theory.mean_cosine(abs(correlation), v)
        square = v * ((own - 1) ** 2 + norm**2 - own**2)
        found.append([cosine.mean(), square.mean()])
    mean = np.mean(found, axis=0)
    error = np.std(found, axis=0, ddof=1) / len(found) ** 0.5
    kind = {"v": v, "keys": keys, "rectified": rectified}
    expected = theory.polynomial_cosine(d, n, degree, query_noise=noise, **kind)
    assert abs(mean[0] - expected) < 4 * error[0] + 1e-9
    if not noise:
        expected = theory.polynomial_squared_error(d, n, degree, **kind)
        assert abs(mean[1] - expected) < 4 * error[1] + 1e-9 * expected


@pytest.mark.parametrize("degree", (1, 2, 3, 5, 10))
@pytest.mark.parametrize("d", (8, 32, 200))
def test_the_mean_field_is_near(d, degree):
    n = np.geomspace(2, 1e9, 15)
    exact = theory.polynomial_cosine(d, n, degree)
    near = theory.polynomial_mean_field_cosine(d, n, degree)
    assert (abs(near - exact) <= 0.14 * degree**2 / d).all()


@pytest.mark.parametrize(
    ("correlation", "ratios"),
    ((0.71, (0.99, 0.96, 0.92, 0.85)), (0.9, (0.99, 0.93, 0.87, 0.71))),
)
def test_the_mean_field_capacity_is_a_little_high(correlation, ratios):
    for degree, ratio in zip((1, 2, 3, 5), ratios, strict=True):
        n = theory.polynomial_capacity(64, degree, correlation)
        exact = theory.polynomial_cosine(64, ratio * n, degree, v=1e5)
        assert exact == pytest.approx(correlation, abs=0.005)
        pairs = theory.polynomial_mean_field_cosine(64, n, degree, v=1e9)
        assert pairs == pytest.approx(correlation, abs=1e-6)
