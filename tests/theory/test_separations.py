"""Separations beside their closed forms, cell by cell."""

import numpy as np
import pytest
from helpers import entmax, slow

import assocmem_jax as am
from assocmem_jax import theory
from assocmem_jax.similarities import SquaredEuclidean
from assocmem_jax.theory._graded_kernels import cosine as graded_cosine


EXACT = {
    "polynomial": am.Polynomial(3),
    "rectified": am.Polynomial(2, rectified=True),
    "exponential": am.Exponential(0.25),
    "null": am.NullSoftmax(0.25, 3.0),
    "nearest": am.Nearest(),
    "epanechnikov": am.Epanechnikov(0.12),
}
GRADED = {"quartic": am.Quartic(0.12), "triweight": am.Triweight(0.12)}
FEW = {"d": [8], "n": [2, 16, 100], "trials": 40, "values": "marginalized"}
MANY = {**FEW, "d": [8, 32], "n": [2, 6, 31, 100, 1000], "trials": 60}


def assert_predicted(rules, metrics, error=0.0, **options):
    measured = am.sweep(rules, metrics=metrics, seed=3, **options)
    asked = {x: options[x] for x in options if x not in ("trials", "values")}
    predicted = theory.predict(rules, metrics=metrics, **asked)
    for metric in metrics:
        found, trials = measured[metric], options["trials"]
        scatter = found.std("trial", ddof=1) / trials**0.5
        # Rare failures, of which a sample may hold none.
        if metric in ("cosine", "recall"):
            missing = (1 - predicted[metric]).clip(0)
            scatter = scatter + np.sqrt(missing / (trials * found["n"]))
        if metric == "squared_error":
            # A value in the place of another costs 2 d. A few do not tell scatter.
            questions, cost = trials * found["n"], 2 * found["d"]
            few = predicted[metric] * questions / cost < 100
            rare = np.sqrt(predicted[metric] * cost / questions)
            scatter = scatter + rare.where(few, 0)
        off = abs(found.mean("trial") - predicted[metric])
        rounding = 1e-5 * (1 + predicted[metric])
        excess = (off - 4 * scatter - rounding - error).max(
            [x for x in off.dims if x != "rule"]
        )
        assert (excess <= 0).all(), (metric, excess)


@pytest.mark.parametrize("grid", (FEW, slow(MANY)), ids=("few", "many"))
def test_cosines(grid):
    assert_predicted(EXACT, ["cosine"], query_noise=[0.0, 0.5], **grid)


@pytest.mark.parametrize("grid", (FEW, slow(MANY)), ids=("few", "many"))
def test_cosines_of_kernels(grid):
    assert_predicted(GRADED, ["cosine"], **grid)


@pytest.mark.parametrize("grid", (FEW, slow(MANY)), ids=("few", "many"))
def test_squared_errors(grid):
    rules = {
        "polynomial": am.Polynomial(1),
        "rectified": am.Polynomial(2, rectified=True),
        "nearest": am.Nearest(),
        "epanechnikov": am.Epanechnikov(0.12),
    }
    # Of two pairs the nearest is rarely wrong.
    assert_predicted(rules, ["squared_error"], **{**grid, "n": [31, 100]})


def test_the_largest_scores():
    grid = {**FEW, "d": [16], "n": [2, 3, 6, 100]}
    rules = {"two": am.TopK(2), "five": am.TopK(5)}
    assert_predicted(rules, ["cosine"], 0.02, query_noise=[0.0, 0.5], **grid)


def test_the_nearest_value():
    grid = {**FEW, "values": None, "n": [16, 60]}
    metrics = ["cosine", "distance", "recall"]
    assert_predicted({"nearest": am.Nearest()}, metrics, query_noise=[0.0, 1.0], **grid)


@pytest.mark.parametrize("keys", ("spherical", "bipolar"))
def test_keys_of_one_norm(keys):
    kind = {"spherical": am.patterns.Spherical(), "bipolar": am.patterns.Bipolar()}
    rules = {x: EXACT[x] for x in ("polynomial", "rectified", "epanechnikov")}
    metrics = ["cosine", "squared_error"]
    assert_predicted(rules, metrics, ensemble=kind[keys], **FEW)


@pytest.mark.parametrize(
    ("d", "n", "beta", "published"), ((16, 200, 0.25, 0.9490), (32, 1000, 0.1, 0.9951))
)
def test_the_share_of_exact_answers_on_a_sphere(d, n, beta, published):
    exact = theory.epanechnikov_exact_fraction(d, n, beta, keys="spherical")
    assert exact == pytest.approx(published, abs=5e-5)


@pytest.mark.parametrize("noise", (0.0, 0.3, 1.0))
def test_the_share_of_exact_answers(noise, rng):
    d, n, beta, found = 8, 60, 0.2, []
    for _ in range(300):
        keys = rng.standard_normal((n, d))
        queries = keys + noise * rng.standard_normal((n, d))
        inside = ((queries[:, None] - keys) ** 2).sum(axis=2) < 2 / beta
        found.append((np.diag(inside) & (inside.sum(axis=1) == 1)).mean())
    error = np.std(found, ddof=1) / len(found) ** 0.5
    exact = theory.epanechnikov_exact_fraction(d, n, beta, query_noise=noise)
    assert abs(np.mean(found) - exact) < 4 * error


@pytest.mark.parametrize(
    ("d", "n", "beta", "v"),
    (
        (2, 30, 0.3, 2),
        slow(1, 10, 1.0, 3),
        slow(8, 100, 0.15, 8),
        slow(32, 500, 0.03, 1),
    ),
)
def test_kernels_that_fall_towards_their_edge(d, n, beta, v, rng):
    found = {theory.quartic_cosine: [], theory.triweight_cosine: []}
    for _ in range(200):
        keys = rng.standard_normal((n, d))
        squares = ((keys[:, None] - keys) ** 2).sum(axis=2)
        weights = np.maximum(1 - beta * squares / 2, 0)
        for power, cosines in zip((1, 2), found.values(), strict=True):
            rho = 1 / np.linalg.norm(weights**power, axis=1)
            cosines.append(np.mean(theory.mean_cosine(np.minimum(rho, 1), v)))
    for function, cosines in found.items():
        error = np.std(cosines, ddof=1) / len(cosines) ** 0.5
        assert abs(np.mean(cosines) - function(d, n, beta, v=v)) < 4 * error


@pytest.mark.parametrize(
    ("d", "n", "beta", "v"), ((1, 10, 1.0, 1), (8, 1.5, 0.1, 8), (64, 1e6, 0.02, 300))
)
def test_a_kernel_that_does_not_fall_is_epanechnikovs(d, n, beta, v):
    expected = theory.epanechnikov_cosine(d, n, beta, v=v)
    found = graded_cosine(float(d), float(n), float(v), beta, 1e-7)
    assert found == pytest.approx(expected, abs=1e-6)


def test_kernels_of_all_widths_have_their_limits():
    for function in (theory.quartic_cosine, theory.triweight_cosine):
        for d in (1, 8, 256):
            whole = function(d, [1, 2, 1e12], 0.0, v=3)
            expected = theory.mean_cosine(1 / np.sqrt([1, 2, 1e12]), 3)
            np.testing.assert_allclose(whole, expected, atol=1e-6)
            assert function(d, 1e3, 1e30) == pytest.approx(1)


def test_balls_of_all_sizes_have_their_limits():
    n = np.array([1.0, 1.5, 2, 1e3, 1e30])
    for keys in ("gaussian", "spherical", "bipolar"):
        for d in (1, 2, 50):
            whole = np.asarray(theory.epanechnikov_cosine(d, n, 0.0, v=2, keys=keys))
            # Not below 2, where the second pair is there or is not.
            known = n != 1.5
            expected = np.asarray(theory.mean_cosine(1 / np.sqrt(n), 2))
            np.testing.assert_allclose(whole[known], expected[known], atol=1e-7)
            assert theory.epanechnikov_exact_fraction(d, 4, 0.0, keys=keys) < 1e-40
    many = theory.epanechnikov_cosine(50, 1e9, 1e5)
    assert many == pytest.approx(1) == theory.epanechnikov_exact_fraction(50, 1e9, 1e5)


def test_the_margin_of_entmax_is_that_of_sparsemax_at_another_beta(rng):
    """Exact from a lead of 1 / (alpha - 1) on: beta times alpha - 1."""
    d, n, found = 8, 64, []
    for _ in range(100):
        keys = rng.standard_normal((n, d))
        scores = keys @ keys.T
        right = np.diag(scores).copy()
        np.fill_diagonal(scores, -np.inf)
        found.append((right - scores.max(axis=1) >= 1 / 0.5).mean())
    error = np.std(found, ddof=1) / 10
    exact = theory.sparsemax_exact_fraction(d, n, 0.5)
    assert abs(np.mean(found) - exact) < 4 * error


@pytest.mark.parametrize(
    ("d", "n", "beta", "alpha"),
    (
        (8, 64, 1.0, 1.5),
        (8, 16, 0.05, 3.0),
        slow(16, 256, 0.1, 1.1),
        slow(16, 256, 0.1, 1.5),
        slow(32, 500, 0.05, 1.25),
    ),
)
@pytest.mark.parametrize("noise", (0.0, 0.5))
def test_entmax(d, n, beta, alpha, noise, rng):
    found, i = [], np.arange(min(n, 30))
    for _ in range(120):
        keys = rng.standard_normal((n, d))
        queries = keys[i] + noise * rng.standard_normal((len(i), d))
        weights = entmax(beta * queries @ keys.T, alpha)
        rho = weights[i, i] / np.linalg.norm(weights, axis=1)
        found.append(np.mean(theory.mean_cosine(np.minimum(rho, 1), d)))
    error = np.std(found, ddof=1) / len(found) ** 0.5
    cosine = theory.entmax_cosine(d, n, beta, alpha, query_noise=noise)
    stated = 0.02 if noise else 0.01
    assert abs(np.mean(found) - cosine) < stated + 4 * error


def test_entmax_of_order_two_is_sparsemax():
    for d, n, beta in ((8, 64, 1.0), (16, 1e9, 0.05), (8, 3, 0.0)):
        two = theory.entmax_cosine(d, n, beta, 2.0)
        assert two == pytest.approx(theory.sparsemax_cosine(d, n, beta), rel=1e-8)


def errors_of_noisy_queries(rule):
    metrics = ("squared_error",)
    return theory.predict({"x": rule}, d=[8], n=[8], query_noise=0.5, metrics=metrics)


@pytest.mark.parametrize(
    ("call", "message"),
    (
        (lambda: theory.epanechnikov_cosine(8, 8, -1.0), "beta >= 0"),
        (lambda: theory.entmax_cosine(8, 8, 1.0, 1.0), "1.05 <= alpha <= 4"),
        (lambda: theory.entmax_cosine(8, 8, -1.0, 1.5), "beta >= 0"),
        (lambda: theory.epanechnikov_cosine(2e4, 8, 1.0), "d <= 1e4"),
        (lambda: theory.quartic_cosine(300, 8, 1.0), "d <= 256"),
        (lambda: theory.triweight_cosine(8, 8, -1.0), "beta >= 0"),
        (
            lambda: theory.epanechnikov_cosine(
                8, 8, 1.0, query_noise=0.5, keys="spherical"
            ),
            "unless keys are Gaussian",
        ),
        (
            lambda: errors_of_noisy_queries(am.Epanechnikov(1.0)),
            r"theory.predict\(query_noise=...\)` is known for `Epanechnikov.* = 0, got",
        ),
        (
            lambda: errors_of_noisy_queries(am.Polynomial(2)),
            r"theory.predict\(query_noise=...\)` is known for `Polynomial.* = 0, got",
        ),
        (lambda: theory.nearest_distance(8, 8, v=0), "v >= 1"),
        (
            lambda: theory.predict(
                {"x": am.Softmax(similarity=SquaredEuclidean())}, d=[4], n=[4]
            ),
            r"no prediction of 'cosine' for `Softmax\(similarity=SquaredEuclidean",
        ),
    ),
)
def test_what_is_not_known_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
