"""Values of signs, lists of facts, and how many are decoded."""

import numpy as np
import pytest
from scipy.special import ndtr

import assocmem_jax as am
from assocmem_jax import theory


@pytest.mark.parametrize(
    ("d", "n", "noise"), [(64, 96, 0.0), (16, 40, 0.5), (3, 5, 0.7)]
)
def test_wrong_signs_of_the_dot_product_are_those_of_a_simulation(d, n, noise):
    rng, shares = np.random.default_rng(0), []
    for _ in range(200):
        keys, signs = rng.standard_normal((n, d)), rng.choice([-1.0, 1.0], (n, 8))
        queries = keys + noise * rng.standard_normal((n, d))
        shares.append(np.mean(queries @ (keys.T @ signs) * signs < 0))
    error = np.std(shares, ddof=1) / len(shares) ** 0.5
    predicted = theory.dot_product_sign_error(d, n, query_noise=noise)
    assert abs(np.mean(shares) - predicted) < 4 * error
    # Half of the noise would be seen.
    if noise:
        less = theory.dot_product_sign_error(d, n, query_noise=noise / 2)
        assert abs(np.mean(shares) - less) > 4 * error


@pytest.mark.parametrize(("d", "n"), [(16, 20), (16, 64), (64, 96)])
def test_wrong_signs_of_the_pseudoinverse_are_those_of_a_simulation(d, n):
    rng, shares = np.random.default_rng(1), []
    for _ in range(200):
        keys, signs = rng.standard_normal((n, d)), rng.choice([-1.0, 1.0], (n, 8))
        answers = keys @ (np.linalg.pinv(keys) @ signs)
        shares.append(np.mean(answers * signs < 0))
    error = np.std(shares, ddof=1) / len(shares) ** 0.5
    predicted = theory.pseudoinverse_sign_error(d, n)
    assert abs(np.mean(shares) - predicted) < 4 * error
    assert theory.pseudoinverse_sign_error(d, d) == 0


def test_signs_of_a_known_correlation():
    rho = np.array([0.0, 0.6, 1.0, -1.0])
    expected = [0.5, ndtr(-0.75), 0.0, 1.0]
    np.testing.assert_allclose(theory.sign_error(rho), expected, atol=1e-15)
    # 1 - rho**2 has lost all digits here.
    assert theory.sign_error(1 - 1e-15) < 1e-100
    with pytest.raises(ValueError, match=r"theory.sign_error\(correlation=...\)"):
        theory.sign_error(1.1)


def test_bits_are_scored_with_values_drawn_or_not():
    grid = {"d": [16], "n": [8, 32], "trials": 24, "metrics": ["bit_accuracy"]}
    rules = {"dot product": am.DotProduct(), "softmax": am.Softmax(0.1)}
    drawn = am.sweep(rules, **grid).bit_accuracy
    known = am.sweep(rules, **grid, values="marginalized").bit_accuracy
    error = np.hypot(*(x.std("trial", ddof=1) / 24**0.5 for x in (drawn, known)))
    assert (abs(drawn.mean("trial") - known.mean("trial")) < 4 * error).all()
    # At one coordinate the cosine is a sign.
    exact = (1 + theory.dot_product_cosine(16, np.array([8, 32]), v=1)) / 2
    off = known.mean("trial").sel(rule="dot product", d=16) - exact
    assert (abs(off) < 4 * error.sel(rule="dot product", d=16)).all()


@pytest.mark.parametrize(("d", "n"), [(32, 1024), (64, 1024)])
def test_facts_in_a_list_are_those_of_a_simulation(d, n):
    rng, found = np.random.default_rng(2), {0.1: [], 0.01: []}
    unit = lambda x: x / np.linalg.norm(x, axis=1, keepdims=True)
    for _ in range(4):
        keys, values = (unit(rng.standard_normal((n, d))) for _ in range(2))
        scores = keys @ (keys.T @ values) @ values.T
        before = (scores > np.diag(scores)[:, None]).sum(axis=1)
        for share, shares in found.items():
            shares.append(np.mean(before < share * n))
    for share, shares in found.items():
        predicted = theory.dot_product_list_accuracy(d, n, share)
        assert abs(np.mean(shares) - predicted) < 0.05


def test_capacities_of_facts_are_roots_near_those_of_finite_size():
    d = np.array([32.0, 64.0, 128.0])
    n = theory.dot_product_fact_capacity(d)
    np.testing.assert_allclose(2 * n * np.log(n), d**2)
    every = theory.dot_product_fact_capacity(d, 2 * d, every=True)
    np.testing.assert_allclose(8 * every * np.log(every), 2 * d**2)
    # Half of the facts are decoded at 5 to 11 % more of them.
    more = [theory.dot_product_accuracy(d, n * factor) for factor in (1.04, 1.14)]
    assert np.all(more[0] > 0.5) and np.all(more[1] < 0.5)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: theory.dot_product_sign_error(0, 4), "sign_error(d=...)"),
        (lambda: theory.pseudoinverse_sign_error(4, 0), "sign_error(n=...)"),
        (lambda: theory.dot_product_list_accuracy(8, 8, 1.0), "accuracy(share=...)"),
        (lambda: theory.dot_product_fact_capacity(1), "fact_capacity(d=...)"),
    ],
)
def test_sizes_out_of_range_are_refused(call, named):
    with pytest.raises(ValueError) as raised:
        call()
    assert named in str(raised.value)
