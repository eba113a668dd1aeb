"""Bits that a linear memory holds, per parameter."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import integrate, stats

from assocmem_jax import theory


def test_bits_approach_their_limit():
    limit = 1 / (2 * np.log(2))
    for function, sign in (
        (theory.dot_product_bits, -1),
        (theory.pseudoinverse_bits, 1),
    ):
        for d in (16, 1000):
            assert abs(function(d, 1e9 * d) - limit) < 1e-6
        assert sign * (function(1000, 16000) - limit) > 0.01
    load = np.array([0.5, 1, 2, 4, 16])
    expected = np.array([0.396, 0.5, 0.585, 0.644, 0.700])
    large = theory.dot_product_bits(1e6, 1e6 * load)
    np.testing.assert_allclose(large, expected, atol=5e-4)
    large = theory.pseudoinverse_bits(1e6, 1e6 * load[2:])
    np.testing.assert_allclose(large, [1.0, 0.830, 0.745], atol=5e-4)
    assert np.all(np.isinf(theory.pseudoinverse_bits(9, [1, 9])))
    assert np.isinf(theory.dot_product_bits(9, 1))


def test_bits_by_simulation(rng):
    keys = rng.normal(size=(2000, 12, 5))
    weights = keys @ np.linalg.pinv(keys)
    leverage = np.einsum("tii->ti", weights)
    sample = -12 / 5 * np.log2(1 - leverage).mean(1) / 2
    error = sample.std() / np.sqrt(len(sample))
    assert abs(sample.mean() - theory.pseudoinverse_bits(5, 12)) < 4 * error
    # Where Stirling's series takes over.
    below, above = np.asarray(
        theory.pseudoinverse_bits(5, 2005 + np.array([-1e-6, 1e-6]))
    )
    assert abs(above - below) < 1e-8


def test_dot_product_bits_by_simulation(rng):
    squares = (rng.standard_normal((4000, 12, 5)) ** 2).sum(-1)
    others = squares[:, :1] * (rng.standard_normal((4000, 11)) ** 2).sum(-1)[:, None]
    correlation = squares[:, 0] ** 2 / (squares[:, 0] ** 2 + others[:, 0])
    sample = -12 / 5 * np.log2(1 - correlation) / 2
    error = sample.std() / np.sqrt(len(sample))
    assert abs(sample.mean() - theory.dot_product_bits(5, 12)) < 4 * error


@pytest.mark.parametrize(("d", "n"), ((1, 2.5), (16, 17), (16, 64), (3, 4001)))
def test_is_the_mean_over_a_beta_law(d, n):
    rate = lambda x, b: -np.log2(1 - x) / 2 * stats.beta.pdf(x, d / 2, b)
    for function, b in (
        (theory.dot_product_bits, (n - 1) / 2),
        (theory.pseudoinverse_bits, (n - d) / 2),
    ):
        # A square of a square tames the ends.
        inside = lambda u, b=b: rate(np.sin(u) ** 4, b) * 4 * np.sin(u) ** 3 * np.cos(u)
        mean, _ = integrate.quad(inside, 0, np.pi / 2, epsabs=1e-12, limit=500)
        assert function(d, n) == pytest.approx(n / d * mean, rel=1e-6)


def test_n_pairs_of_the_one_tell_as_many_as_more_of_the_other():
    """The dot product's n pairs are the pseudoinverse's n + d - 1, told one by one."""
    d, n = np.array([1, 2, 16, 300])[:, None], np.array([1.5, 2, 7, 1e3, 1e9])
    per_pair = theory.pseudoinverse_bits(d, n + d - 1) / (n + d - 1)
    np.testing.assert_allclose(theory.dot_product_bits(d, n) / n, per_pair, rtol=1e-7)


@settings(deadline=None, max_examples=50, derandomize=True)
@given(st.floats(1, 1e4), st.floats(1e-6, 1e9), st.floats(1.01, 10))
def test_bits_are_monotone_in_n(d, excess, factor):
    limit = 1 / (2 * np.log(2))
    for function, first, sign in (
        (theory.dot_product_bits, 1, 0),
        (theory.pseudoinverse_bits, d, -1),
    ):
        bits = np.asarray(function(d, first + excess * np.array([1, factor])))
        assert np.all(np.isfinite(bits)) and np.all(bits > 0)
        if sign:
            assert bits[1] <= bits[0] + 1e-9 and np.all(bits >= limit - 1e-6)


@pytest.mark.parametrize(
    "function", (theory.dot_product_bits, theory.pseudoinverse_bits)
)
def test_what_is_outside_is_refused(function):
    for sizes, message in (((4, 0), "n >= 1, got 0"), ((0.5, 4), "d >= 1, got 0.5")):
        with pytest.raises(ValueError, match=message):
            function(*sizes)
