"""Recall of softmax and sparsemax, against draws of keys and values."""

import numpy as np
import pytest
from helpers import examples, softmax, sparsemax
from hypothesis import strategies as st

from assocmem_jax import theory


RULES = {
    "softmax": (softmax, theory.softmax_recall),
    "sparsemax": (sparsemax, theory.sparsemax_recall),
}
every_rule = pytest.mark.parametrize("rule", RULES)


@every_rule
@pytest.mark.parametrize(
    ("d", "n", "v", "beta", "noise"),
    (
        (8, 32, 8, 0.3, 0.0),
        (8, 200, 8, 0.1, 0.0),
        (8, 200, 8, 1.0, 0.5),
        (16, 64, 16, 0.1, 0.0),
        (16, 64, 200, 0.05, 0.5),
        (16, 64, 2, 0.3, 3.0),
        (32, 300, 32, 0.1, 0.5),
        (64, 60, 1, 0.05, 0.0),
        (1, 8, 4, 1.0, 0.5),
        (16, 3, 4, 0.05, 0.0),
        (16, 3, 1, 0.05, 0.0),
        (16, 2, 4, 0.02, 0.5),
    ),
)
def test_is_the_share_of_nearest_values(rule, d, n, v, beta, noise):
    weigh, formula = RULES[rule]
    rng, hits = np.random.default_rng((d, n, v)), []
    for _ in range(12000 // n):
        keys, values = rng.standard_normal((n, d)), rng.standard_normal((n, v))
        queries = keys + noise * rng.standard_normal((n, d))
        answers = weigh(beta * queries @ keys.T) @ values
        # Half the squared distance, but for the square of the answer.
        nearness = answers @ values.T - (values**2).sum(1) / 2
        hits.append((nearness.argmax(1) == np.arange(n)).mean())
    error = np.std(hits) / np.sqrt(len(hits))
    stated = 0.03 if n >= 8 else 0.08
    found = formula(d, n, beta, v=v, query_noise=noise)
    assert abs(np.mean(hits) - found) < stated + 4 * error


@pytest.mark.parametrize("noise", (0.0, 0.7))
def test_of_long_values_the_largest_weight_decides(noise):
    d, n = np.array([4, 16, 64])[:, None], np.array([2, 30, 1e5])
    nearest = theory.nearest_key_probability(d, n, query_noise=noise)
    for _, formula in RULES.values():
        found = formula(d, n, 0.3, v=1e9, query_noise=noise)
        np.testing.assert_allclose(found, nearest, atol=0.02)


@every_rule
def test_one_pair_is_found(rule):
    assert RULES[rule][1](5, 1, 0.3, query_noise=2.0) == 1


@every_rule
@examples(
    8,
    40,
    d=st.integers(1, 1000),
    n=st.floats(0.31, 11.6).map(lambda x: np.floor(10**x)),
    beta=st.floats(-9, 6).map(lambda x: 10.0**x),
    v=st.floats(0, 6).map(lambda x: 10.0**x),
    noise=st.sampled_from((0.0, 0.5, 1e3, 1e200)),
)
def test_is_a_probability_that_falls_with_n(rule, d, n, beta, v, noise):
    formula = RULES[rule][1]
    more, most = np.asarray(formula(d, [n, 2 * n], beta, v=v, query_noise=noise))
    assert 0 <= most <= 1 and 0 <= more <= 1
    # What the mean over points leaves, and for few pairs the approximation.
    assert most <= more + (0.01 if n >= 8 else 0.08)


@every_rule
@pytest.mark.parametrize(
    ("sizes", "options", "message"),
    (
        ((0, 4, 1.0), {}, "d >= 1, got 0"),
        ((4, 1.5, 1.0), {}, "n = 1 and 2 <= n <= 1e12, got 1.5"),
        ((4, 1e13, 1.0), {}, "2 <= n <= 1e12, got 1e"),
        ((4, 4, -0.1), {}, "beta >= 0, got -0.1"),
        ((4, 4, 1.0), {"v": 0.5}, "v >= 1, got 0.5"),
        ((4, 4, 1.0), {"query_noise": -1}, "query_noise >= 0, got -1"),
    ),
)
def test_what_is_outside_is_refused(rule, sizes, options, message):
    with pytest.raises(ValueError, match=message):
        RULES[rule][1](*sizes, **options)
