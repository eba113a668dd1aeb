"""Moments: batches that are merged are one sample."""

import jax.numpy as jnp
import numpy as np
import pytest

from assocmem_jax._moments import Moments, deviation


def merged(x, mask, size):
    """Moments of the rows of x, taken `size` columns at a time."""
    zeros, seen = jnp.zeros(len(x), x.dtype), jnp.int32(0)
    total = Moments(zeros, zeros)
    for i in range(0, x.shape[1], size):
        part = slice(i, i + size)
        count = jnp.int32(mask[part].sum())
        moments = Moments.of(jnp.asarray(x[:, part]), jnp.asarray(mask[part]), count)
        total, seen = total.merge(seen, moments, count), seen + count
    return total


@pytest.mark.parametrize("size", (1, 7, 20, 90))
def test_batches_merge_as_one_sample(rng, size):
    x = 1e4 + rng.standard_normal((2, 90))
    mask = rng.random(90) < 0.7
    mask[20:40] = False
    total, kept = merged(x, mask, size), x[:, mask]
    np.testing.assert_allclose(total.mean, kept.mean(axis=1), rtol=1e-12)
    std = deviation(np.asarray(total.squares)[None], np.array([kept.shape[1]]))
    np.testing.assert_allclose(std[0], kept.std(axis=1, ddof=1), rtol=1e-9)


def test_float32_does_not_cancel(rng):
    x = (1e3 + rng.standard_normal((1, 4096))).astype(np.float32)
    total = merged(x, np.full(4096, True), 512)
    exact = x.astype(np.float64)
    np.testing.assert_allclose(total.mean, exact.mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(
        total.squares, ((exact - exact.mean()) ** 2).sum(axis=1), rtol=1e-3
    )


def test_what_is_masked_may_be_nan():
    x, mask = np.array([[1.0, np.nan, 3.0, np.inf]]), np.array([True, False] * 2)
    total = merged(x, mask, 2)
    assert float(total.mean[0]) == 2 and float(total.squares[0]) == 2


def test_one_number_has_no_spread_and_counts_go_by_cell():
    squares = np.array([[[0.0], [8.0]], [[0.0], [2.0]]])
    std = deviation(squares, np.array([1, 3]))
    np.testing.assert_array_equal(std, [[[0], [2]], [[0], [1]]])
