"""The Hopfield network and dense memories against networks of random patterns."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.special import erf, ndtr
from scipy.stats import binom

from assocmem_jax.theory._dense import (
    dense_bit_error,
    dense_bit_error_limit,
    dense_capacity,
)
from assocmem_jax.theory._hopfield import (
    hopfield_all_fixed_probability,
    hopfield_barrier_capacity,
    hopfield_bit_error,
    hopfield_capacity,
    hopfield_fixed_fraction,
    hopfield_overlap,
)


few = settings(deadline=None, max_examples=50, derandomize=True)


def test_the_published_capacities():
    assert hopfield_capacity() == pytest.approx(0.13790557, abs=1e-8)
    assert hopfield_barrier_capacity() == pytest.approx(0.129490, abs=1e-6)
    overlaps = hopfield_overlap([0.10, 0.12, hopfield_capacity()])
    np.testing.assert_allclose(overlaps, [0.99800, 0.99322, 0.96742], atol=5e-6)


def test_the_overlap_solves_the_equations_of_the_replicas():
    for load in (0.02, 0.1, 0.137):
        # By iteration, from the pattern on.
        overlap, r = 1.0, 1.0
        for _ in range(5000):
            y = overlap / np.sqrt(2 * load * r)
            c = 2 / np.sqrt(np.pi) * np.exp(-y * y) / np.sqrt(2 * load * r)
            overlap, r = erf(y), 1 / (1 - c) ** 2
        assert hopfield_overlap(load) == pytest.approx(overlap, abs=1e-9)


@few
@given(st.floats(0, 0.1379))
def test_the_overlap_falls_with_the_load(load):
    loads = [load, min(1.01 * load, 0.1379)]
    overlap, less = np.asarray(hopfield_overlap(loads))
    assert 0.967 < less <= overlap + 1e-12 and overlap <= 1


def signs(rng, *shape):
    return rng.integers(0, 2, shape) * 2.0 - 1


@pytest.mark.parametrize(
    ("d", "n", "trials", "error"),
    (
        (8, 5, 4000, 0.1),
        (9, 5, 4000, 0.1),
        (16, 3, 4000, 0.04),
        (17, 5, 4000, 0.1),
        (25, 5, 4000, 0.1),
        (33, 5, 4000, 0.04),
        (64, 12, 1000, 0.1),
        (256, 23, 40, 0.04),
    ),
)
def test_a_step_of_hebbian_couplings(d, n, trials, error, rng):
    wrong, fixed, all_fixed = np.empty((3, trials))
    for trial in range(trials):
        x = signs(rng, n, d)
        right = (x @ (x.T @ x) - n * x) * x > 0
        wrong[trial], fixed[trial] = 1 - right.mean(), right.all(axis=1).mean()
        all_fixed[trial] = right.all()
    se = lambda x: x.std(ddof=1) / np.sqrt(trials)
    assert abs(hopfield_bit_error(d, n) - wrong.mean()) < 4 * se(wrong)
    gap = fixed.mean() - hopfield_fixed_fraction(d, n)
    assert abs(gap) < error + 4 * se(fixed)
    gap = all_fixed.mean() - hopfield_all_fixed_probability(d, n)
    assert -4 * se(all_fixed) < gap < 0.25 + 4 * se(all_fixed)


def test_many_patterns_are_a_limit_not_a_hole():
    half = hopfield_bit_error([2, 168, 10000], [5e12, 5e10, 1e9])
    assert np.all((half > 0.4) & (half <= 0.75))
    with pytest.raises(
        ValueError, match=r"hopfield_bit_error\(n=.*n d <= 1e13, got 1e"
    ):
        hopfield_bit_error(168, 1e14)


def test_the_bit_error_is_the_tail_of_a_binomial():
    for d, n in ((2, 2), (2, 3), (5, 4), (8, 2), (100, 30)):
        count = (n - 1) * (d - 1)
        tail = binom.sf(np.ceil(n * (d - 1) / 2) - 1, count, 0.5)
        assert hopfield_bit_error(d, n) == pytest.approx(tail, rel=1e-9)
    assert hopfield_bit_error(1e4, 1e3) == pytest.approx(
        ndtr(-np.sqrt(9999 / 999)), rel=0.03
    )
    np.testing.assert_array_equal(hopfield_bit_error([2, 50, 1e4], 1), 0)
    assert hopfield_all_fixed_probability(1e4, 1) == 1


@few
@given(st.integers(2, 10_000), st.integers(1, 10**9))
def test_shares_are_shares(d, n):
    bit, fixed = hopfield_bit_error(d, n), hopfield_fixed_fraction(d, n)
    assert 0 <= hopfield_all_fixed_probability(d, n) <= fixed <= 1 - bit <= 1


@pytest.mark.parametrize(
    ("d", "n", "degree"),
    ((100, 500, 3), (100, 1000, 3), (60, 6000, 4), (60, 300, 3), (16, 200, 4)),
)
def test_crosstalk_of_a_dense_memory(d, n, degree, rng):
    """The signs that one pattern sees of the others, as independent draws."""
    draws = 4_000_000 // n
    y = 2.0 * rng.binomial(d - 1, 0.5, (draws, n - 1)) - (d - 1)
    terms = signs(rng, draws, n - 1) * ((y + 1) ** degree - (y - 1) ** degree)
    wrong = terms.sum(axis=1) <= -(d**degree - (d - 2) ** degree)
    rate, error = wrong.mean(), wrong.std() / np.sqrt(draws)
    assert abs(dense_bit_error(d, n, degree) - rate) < 0.08 * rate + 4 * error
    assert abs(dense_bit_error_limit(d, n, degree) - rate) < 0.15 * rate + 4 * error


@pytest.mark.parametrize(
    ("degree", "load", "ratio"), ((3, 1, 1), (5, 1, 1), (8, 1, 1.7), (16, 5, 5))
)
def test_the_leading_order_takes_more_units_for_larger_degrees(degree, load, ratio):
    n = load * dense_capacity(60, degree)
    found = dense_bit_error_limit(60, n, degree) / dense_bit_error(60, n, degree)
    assert found == pytest.approx(ratio, rel=0.15)


def test_the_variance_of_the_crosstalk_is_exact():
    for d, degree in ((2, 4), (7, 5), (60, 4), (1000, 10)):
        y = 2 * np.arange(d) - (d - 1.0)
        square = ((y + 1) ** degree - (y - 1) ** degree) ** 2
        noise = binom.pmf(np.arange(d), d - 1, 0.5) @ square
        ratio = (float(d) ** degree - (d - 2.0) ** degree) / np.sqrt(noise)
        for n in (2, 50):
            expected = ndtr(-ratio / np.sqrt(n - 1))
            assert dense_bit_error(d, n, degree) == pytest.approx(expected, rel=1e-9)


def test_published_numbers_of_dense_memories():
    d, n, degree = [100, 100, 60, 200], [500, 1000, 6000, 2500], [3, 3, 4, 3]
    np.testing.assert_allclose(
        dense_bit_error(d, n, degree), [0.00517, 0.03495, 0.0628, 0.0107], atol=5e-5
    )
    np.testing.assert_allclose(
        dense_bit_error_limit(d, n, degree), [0.0049, 0.0339, 0.0607, 0.0105], atol=5e-5
    )
    np.testing.assert_allclose(
        dense_capacity([30, 100, 100, 60], [2, 2, 3, 4]),
        [4.410, 10.86, 361.9, 1758.5],
        rtol=3e-4,
    )


def test_degree_two_is_the_hopfield_network():
    np.testing.assert_allclose(
        dense_bit_error(1000, [50, 72, 300], 2),
        hopfield_bit_error(1000, [50, 72, 300]),
        rtol=0.1,
    )
    np.testing.assert_allclose(
        dense_bit_error(500, 20, 2), ndtr(-np.sqrt(499 / 19)), rtol=1e-9
    )


@few
@given(st.floats(2, 1e4), st.floats(0, 9).map(lambda x: 10**x), st.integers(1, 64))
def test_bit_errors_grow_with_n(d, n, degree):
    for formula in (dense_bit_error, dense_bit_error_limit):
        less, more = np.asarray(formula(d, np.array([n, 2 * n]), degree))
        assert 0 <= less <= more <= 0.5
    assert dense_bit_error(d, 1, degree) == 0
    assert np.isfinite(dense_capacity(d, max(degree, 2)))


@pytest.mark.parametrize(
    ("call", "message"),
    (
        (lambda: hopfield_overlap(0.138), "0 <= load <= 0.137906, got 0.138"),
        (lambda: hopfield_overlap(-0.1), r"hopfield_overlap\(load=...\)"),
        (lambda: hopfield_bit_error(1, 2), "whole d >= 2, got 1"),
        (lambda: hopfield_fixed_fraction(4, 2.5), "whole n >= 1, got 2.5"),
        (lambda: hopfield_all_fixed_probability(4, 0), "whole n >= 1, got 0"),
        (lambda: dense_bit_error(1, 2, 3), "2 <= d <= 1e4, got 1"),
        (lambda: dense_bit_error_limit(4, 0.5, 3), "n >= 1, got 0.5"),
        (lambda: dense_bit_error(4, 2, 2.5), "whole degrees from 1 to 64, got 2.5"),
        (lambda: dense_capacity(4, 1), "whole degrees from 2 to 64, got 1"),
    ),
)
def test_what_is_outside_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
