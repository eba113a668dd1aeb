"""Closed forms of the pseudoinverse memory."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from assocmem_jax.theory import _pseudoinverse as p, _pseudoinverse_error as e
from assocmem_jax.theory._cosine import mean_cosine, mean_norm


HYPOTHESIS = settings(deadline=None, max_examples=50, derandomize=True)
GOLDEN = {
    (16, 16, 24): (0.803537, 2.22691),
    (16, 16, 64): (0.482583, 3.40599),
    (16, 64, 64): (0.491315, 6.89222),
    (64, 16, 256): (0.486708, 3.40932),
    (64, 64, 80): (0.892316, 3.51953),
    (128, 128, 512): (0.497805, 9.77725),
    (1024, 1024, 32768): (0.176651, 31.48834),
}


def measure(rng, d, n, v, noise, trials):
    """Per trial, means of cosine, distance over mean norm, and squared error over v."""
    keys = rng.normal(size=(trials, n, d))
    queries = keys + noise * rng.normal(size=(trials, n, d))
    weights = queries @ np.linalg.pinv(keys)
    right = np.einsum("tii->ti", weights)
    norm = np.linalg.norm(weights, axis=-1)
    square = np.maximum(1 - 2 * right + norm**2, 0)
    cosine = mean_cosine(np.clip(right / norm, -1, 1), v)
    return cosine.mean(1), np.sqrt(square).mean(1), square.mean(1)


@pytest.mark.parametrize(("sizes", "golden"), GOLDEN.items())
def test_golden_values(sizes, golden):
    d, v, n = sizes
    assert abs(p.pseudoinverse_cosine(d, n, v=v) - golden[0]) < 2e-6
    assert abs(e.pseudoinverse_distance(d, n, v=v) - golden[1]) < 6e-6


@pytest.mark.parametrize(
    ("d", "n", "v", "noise", "trials"),
    (
        (16, 64, 16, 0.0, 200),
        (16, 24, 16, 0.5, 400),
        (16, 12, 16, 0.5, 400),
        (16, 16, 16, 0.5, 1000),
        (16, 17, 16, 0.5, 1000),
        (4, 6, 2, 1.0, 4000),
        (3, 2, 3, 2.0, 4000),
        (2, 1, 1, 1.0, 4000),
        (1, 3, 1, 1.0, 4000),
        (64, 72, 64, 0.5, 40),
    ),
)
def test_simulation(d, n, v, noise, trials, rng):
    cosine, distance, square = measure(rng, d, n, v, noise, trials)
    theory = {
        "cosine": (p.pseudoinverse_cosine(d, n, v=v, query_noise=noise), cosine),
    }
    if abs(n - d) > 1:
        # The variance of a distance is infinite nearer to n = d.
        mean = e.pseudoinverse_distance(d, n, v=v, query_noise=noise) / mean_norm(v)
        theory["distance"] = (mean, distance)
    if abs(n - d) > 3:
        mean = e.pseudoinverse_squared_error(d, n, v=v, query_noise=noise) / v
        theory["square"] = (mean, square)
    for name, (expected, sample) in theory.items():
        error = sample.std() / np.sqrt(trials)
        assert abs(sample.mean() - expected) < 4 * error, name


@pytest.mark.parametrize(("d", "n"), ((16, 8), (16, 40)))
def test_noise_gain(d, n, rng):
    weights = np.linalg.pinv(rng.normal(size=(2000, n, d)))
    square = (weights**2).sum((1, 2))
    error = square.std() / np.sqrt(len(square))
    assert abs(square.mean() - e.pseudoinverse_noise_gain(d, n) ** 2) < 4 * error
    assert np.all(np.isinf(e.pseudoinverse_noise_gain(9, [8, 9, 10])))


def test_distance_in_gamma_functions():
    from scipy.special import gammaln

    n = np.array([17, 24, 64, 300])
    d = 16
    exact = gammaln((n - d + 1) / 2) + gammaln(n / 2)
    exact = np.exp(exact - gammaln((n - d) / 2) - gammaln((n + 1) / 2)) * mean_norm(5)
    distance = e.pseudoinverse_distance(d, n, v=5)
    np.testing.assert_allclose(distance, exact, rtol=1e-9)


def test_noise_hurts_most_where_pairs_equal_dimensions():
    n = np.array([16, 32, 60, 64, 68, 128])
    cosine = np.asarray(p.pseudoinverse_cosine(64, n, query_noise=0.5))
    assert np.argmin(cosine) == 3 and cosine[3] < 0.2 < 0.5 < cosine[5]
    distance = np.asarray(e.pseudoinverse_distance(64, n, query_noise=0.5))
    assert np.isinf(distance[3]) and np.isfinite(distance).sum() == 5


def test_limits():
    assert np.all(p.pseudoinverse_cosine(9, [1, 5, 9]) == 1)
    assert np.all(e.pseudoinverse_distance(9, [1, 5, 9]) == 0)
    for n in (5, 9, 20):
        quiet = p.pseudoinverse_cosine(9, n, query_noise=1e-9)
        assert abs(quiet - p.pseudoinverse_cosine(9, n)) < 1e-7
    # Real sizes come arbitrarily near n = d.
    near = p.pseudoinverse_cosine(9, [9 + 1e-9, 9 + 1e-4], v=1)
    assert np.all(abs(1 - near) < 1e-4)


def test_very_many_pairs():
    """The limit of large n, a power of it."""
    d, n = np.array([1, 16, 1e4])[:, None], np.array([1e15, 1e30, 1e100, 1e250])
    scale = mean_norm(5) ** 2 / 5 * mean_norm(d)
    for noise in (0.0, 0.5):
        limit = scale / np.sqrt((1 + noise**2) * n)
        cosine = p.pseudoinverse_cosine(d, n, v=5, query_noise=noise)
        np.testing.assert_allclose(cosine, limit, rtol=1e-9)
        distance = e.pseudoinverse_distance(d, n, v=5, query_noise=noise)
        np.testing.assert_allclose(distance, mean_norm(5), rtol=1e-9)


def test_approximation():
    n = np.geomspace(1, 1e5, 40)
    for size, error in ((8, 0.003), (16, 7e-4), (64, 5e-5)):
        near = p.pseudoinverse_cosine_approximation(size, n)
        assert abs(near - p.pseudoinverse_cosine(size, n)).max() < error


@HYPOTHESIS
@given(
    st.floats(1, 1e4),
    st.floats(1, 1e9),
    st.floats(1, 1e4),
    st.sampled_from((0.0, 0.5, 1e3)),
)
def test_finite_and_bounded(d, n, v, noise):
    options = {"v": v, "query_noise": noise}
    assert -1 <= p.pseudoinverse_cosine(d, n, **options) <= 1
    assert e.pseudoinverse_distance(d, n, **options) >= 0
    assert e.pseudoinverse_squared_error(d, n, **options) >= 0
    assert 0 <= p.pseudoinverse_recall(d, n, **options) <= 1


@HYPOTHESIS
@given(st.floats(1, 1e4), st.floats(1, 1e8), st.floats(1.01, 10), st.floats(1, 1e4))
def test_more_pairs_are_harder(d, n, factor, v):
    few, many = np.asarray(p.pseudoinverse_cosine(d, [n, factor * n], v=v))
    near, far = np.asarray(e.pseudoinverse_distance(d, [n, factor * n], v=v))
    assert many <= few + 1e-9 and far >= near - 1e-9


@pytest.mark.parametrize(
    ("call", "message"),
    (
        (lambda: p.pseudoinverse_cosine(0, 4), "d >= 1, got 0"),
        (lambda: p.pseudoinverse_cosine(4, 0.5), "n >= 1, got 0.5"),
        (lambda: e.pseudoinverse_distance(4, 4, v=0), "v >= 1, got 0"),
        (
            lambda: p.pseudoinverse_recall(4, 4, query_noise=-1),
            "query_noise >= 0, got -1",
        ),
        (lambda: e.pseudoinverse_squared_error(4, np.nan), "finite numbers, got nan"),
        (lambda: p.pseudoinverse_cosine_approximation(4, 4, v=9), "d >= 8, got 4"),
    ),
)
def test_mistakes_are_explained(call, message):
    with pytest.raises(ValueError, match=message):
        call()
