"""Recall of the nearest value by linear memories, against draws of keys and values."""

import numpy as np
import pytest
from helpers import examples, slow
from hypothesis import strategies as st
from scipy import stats

from assocmem_jax import theory
from assocmem_jax.theory._recall import _chi_square


RULES = ("pseudoinverse", "dot_product", "relu")
every_rule = pytest.mark.parametrize("rule", RULES)
# By the largest ratio of v to d.
STATED = {
    "pseudoinverse": {1: 0.02, 16: 0.03, np.inf: 0.06},
    "dot_product": {1: 0.02, 16: 0.03, np.inf: 0.06},
    "relu": {1: 0.05, 16: 0.06, np.inf: 0.08},
}


def recall(rule, *sizes, keys="gaussian", **options):
    if rule != "pseudoinverse":
        options["keys"] = keys
    return getattr(theory, f"{rule}_recall")(*sizes, **options)


def draw(rule, d, n, noise, keys, trials, rng):
    """Weights of all pairs in the answers to all queries."""
    stored = rng.standard_normal((trials, n, d))
    if keys == "spherical":
        stored *= np.sqrt(d) / np.linalg.norm(stored, axis=-1, keepdims=True)
    if keys == "bipolar":
        stored = np.sign(stored)
    queries = stored + noise * rng.standard_normal(stored.shape)
    if rule == "pseudoinverse":
        return queries @ np.linalg.pinv(stored)
    scores = queries @ stored.swapaxes(1, 2)
    return np.maximum(scores, 0) if rule == "relu" else scores


@every_rule
@pytest.mark.parametrize(
    ("d", "n", "v", "noise", "keys", "trials"),
    (
        (16, 32, 16, 0.0, "gaussian", 300),
        (16, 12, 16, 2.0, "gaussian", 1000),
        (8, 12, 8, 0.5, "gaussian", 1000),
        (16, 16, 16, 0.5, "gaussian", 1000),
        slow(32, 128, 32, 0.0, "gaussian", 60),
        slow(64, 512, 64, 0.0, "gaussian", 8),
        slow(64, 96, 16, 0.5, "gaussian", 60),
        (1, 4, 1, 0.5, "gaussian", 3000),
        (4, 12, 64, 0.5, "gaussian", 1000),
        (3, 12, 300, 0.0, "gaussian", 1000),
        (16, 2, 4, 0.0, "gaussian", 3000),
        (16, 12, 16, 0.5, "spherical", 1000),
        (3, 12, 12, 0.7, "spherical", 1000),
        (8, 30, 32, 0.0, "spherical", 300),
        (16, 12, 16, 0.0, "bipolar", 1000),
        (3, 12, 12, 0.0, "bipolar", 1000),
        slow(32, 200, 32, 0.0, "bipolar", 20),
    ),
)
def test_is_the_share_of_nearest_values(rule, d, n, v, noise, keys, trials, rng):
    if rule == "pseudoinverse" and keys != "gaussian":
        return
    values = rng.standard_normal((trials, n, v))
    answers = draw(rule, d, n, noise, keys, trials, rng) @ values
    # Half the squared distance, but for the square of the answer.
    nearness = answers @ values.swapaxes(1, 2)
    nearness -= (values**2).sum(-1)[:, None, :] / 2
    hits = (nearness.argmax(-1) == np.arange(n)).mean(1)
    error = hits.std() / np.sqrt(trials)
    stated = next(x for ratio, x in STATED[rule].items() if v <= ratio * d)
    expected = recall(rule, d, n, v=v, query_noise=noise, keys=keys)
    assert abs(hits.mean() - expected) < stated + 4 * error


@every_rule
@pytest.mark.parametrize(("d", "n"), ((2, 12), (4, 40), slow(8, 300)))
def test_of_long_values_the_largest_weight_decides(rule, d, n, rng):
    weights = draw(rule, d, n, 0.0, "gaussian", 100, rng)
    largest = (weights.argmax(-1) == np.arange(n)).mean(1)
    error = largest.std() / np.sqrt(len(largest))
    expected = recall(rule, d, n, v=1e6)
    assert abs(largest.mean() - expected) < STATED[rule][np.inf] + 4 * error


@pytest.mark.parametrize("v", (1, 2, 4, 16, 300))
@pytest.mark.parametrize("center", (1e-9, 0.5, 5.0, 100.0, 1e4))
def test_saddlepoint_is_near_the_noncentral_chi_square(v, center):
    spread = np.sqrt(2 * v + 4 * center)
    near, far = np.linspace(-0.3, 0.3, 201), np.linspace(-6, 6, 201)
    limit = v + center + spread * np.r_[near, far]
    limit = limit[limit > 0]
    one = np.ones(limit.shape)
    found = _chi_square(limit, one, v, center * one)
    error = abs(found - stats.ncx2.cdf(limit, v, center)).max()
    assert error < 0.015 / v
    half = _chi_square(limit / 2, one / 2, v, center / 2 * one)
    np.testing.assert_allclose(half, found, rtol=1e-12)


@every_rule
def test_one_pair_is_found(rule):
    assert np.all(recall(rule, [3, 16, 1e4], 1, v=[[1], [12]], query_noise=2.0) == 1)


@every_rule
def test_many_pairs_are_not(rule):
    assert recall(rule, 16, 1e9) < 1e-4
    # What noise is left after a thousandfold is chance.
    assert recall(rule, 16, 50, query_noise=1e3) == pytest.approx(0.02, abs=0.005)


def test_real_answers_are_found():
    assert np.all(theory.pseudoinverse_recall(9, [1, 5, 9]) == 1)
    near = theory.pseudoinverse_recall(9, 9 + 1e-9)
    assert near == pytest.approx(1, abs=1e-3)


def test_leading_order():
    """Half is found where n ln n is about d v / 2: the same n for any such product."""
    n = np.array([100, 10000])
    few, many = np.asarray(
        theory.dot_product_recall([512, 64], n[:, None], v=[64, 512])
    )
    assert few.min() > 0.99 and many.max() < 0.5
    # Twice as much crosstalk.
    relu = theory.relu_recall(64, 2000)
    assert relu == pytest.approx(theory.dot_product_recall(64, 1000), abs=0.1)


@every_rule
@examples(
    8,
    30,
    d=st.integers(3, 10_000),
    n=st.floats(0, 9).map(lambda x: 10.0**x),
    share=st.floats(0, 1),
    ensemble=st.sampled_from(
        (
            (0.0, "gaussian"),
            (0.5, "gaussian"),
            (1e3, "gaussian"),
            (0.7, "spherical"),
            (0.0, "bipolar"),
        )
    ),
)
def test_is_a_probability_that_falls_with_n(rule, d, n, share, ensemble):
    noise, keys = ensemble
    v = (4.0 * d) ** share
    # The pseudoinverse with noise falls up to n = d and rises again.
    pairs = np.array([n, 1.5 * n]) + (d if rule == "pseudoinverse" and not noise else 0)
    found = np.asarray(recall(rule, d, pairs, v=v, query_noise=noise, keys=keys))
    assert np.all((found >= 0) & (found <= 1))
    if rule != "pseudoinverse" or not noise:
        assert found[1] <= found[0] + 2e-3


@pytest.mark.parametrize("rule", RULES[1:])
@pytest.mark.parametrize(
    ("sizes", "options", "message"),
    (
        ((2, 4), {"keys": "bipolar"}, "d >= 3 and v <= 4 d where keys are bipolar"),
        ((4, 4), {"keys": "spherical", "v": 17}, r"recall\(v=.*spherical, got 17"),
        ((4, 4), {"keys": "uniform"}, "'bipolar', got 'uniform'"),
        ((0, 4), {}, "d >= 1, got 0"),
        ((4, 0.5), {}, "n >= 1, got 0.5"),
        ((4, 4), {"query_noise": -1}, "query_noise >= 0, got -1"),
        ((4, 4), {"query_noise": 1, "keys": "bipolar"}, "query_noise = 0 where"),
    ),
)
def test_what_is_outside_is_refused(rule, sizes, options, message):
    with pytest.raises(ValueError, match=message):
        recall(rule, *sizes, **options)
