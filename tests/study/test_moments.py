"""Moments: batches that are put together are one sample."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import thorough

from assocmem_jax.study import _moments


def together(x, size):
    """Moments of x, taken `size` numbers at a time."""
    moments, count = jnp.zeros((2, size), x.dtype), jnp.int32(len(x))
    for i in range(-(-len(x) // size)):
        part = x[i * size : (i + 1) * size]
        part = np.pad(part, (0, size - len(part)), constant_values=np.nan)
        moments = _moments.add(moments, jnp.asarray(part), jnp.int32(i), count)
    return np.asarray(_moments.total(moments, count))


@pytest.mark.parametrize("size", (1, 7, 20, 64, 90, 200))
def test_batches_are_one_sample_and_what_is_beyond_may_be_nan(rng, size):
    x = 1e4 + rng.standard_normal(90)
    mean, squares = together(x, size)
    np.testing.assert_allclose(mean, x.mean(), rtol=1e-12)
    std = _moments.deviation(np.array([[squares]]), np.array([90]))
    np.testing.assert_allclose(std, [[x.std(ddof=1)]], rtol=1e-9)


@pytest.mark.parametrize("count", (1, 3, 512, 4000, 4096))
def test_float32_does_not_cancel(rng, count):
    x = (1e3 + rng.standard_normal(count)).astype(np.float32)
    # The first place is far off: no sum may be about it alone.
    x[0] = 0
    mean, squares = together(x, 512)
    exact = x.astype(np.float64)
    np.testing.assert_allclose(mean, exact.mean(), rtol=1e-6)
    np.testing.assert_allclose(squares, ((exact - exact.mean()) ** 2).sum(), rtol=1e-5)


def test_numbers_that_are_equal_have_no_spread():
    x = np.full(3000, 0.1, np.float32)
    np.testing.assert_array_equal(together(x, 512), [np.float32(0.1), 0])


def test_one_number_has_no_spread_and_counts_go_by_cell():
    squares = np.array([[[0.0], [8.0]], [[0.0], [2.0]]])
    std = _moments.deviation(squares, np.array([1, 3]))
    np.testing.assert_array_equal(std, [[[0], [2]], [[0], [1]]])


def test_infinite_numbers_are_no_numbers():
    x = np.ones(30, np.float32)
    for place in (0, 1, 29):
        assert np.isnan(together(np.where(np.arange(30) == place, np.inf, x), 8)).all()


def test_bits_are_those_of_many_at_once(rng):
    x = jnp.asarray(rng.standard_normal((40, 300)), jnp.float32)
    counts = jnp.asarray(rng.integers(1, 300, 40), jnp.int32)

    def one(x, count):
        nothing = jnp.zeros((2, 300), jnp.float32)
        return _moments.total(_moments.add(nothing, x, jnp.int32(0), count), count)

    many = thorough(jax.vmap(one))(x, counts)
    program = thorough(one)
    alone = jnp.stack([program(*each) for each in zip(x, counts, strict=True)])
    np.testing.assert_array_equal(many, alone)
