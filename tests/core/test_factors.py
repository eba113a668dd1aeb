"""Factors of the inverse of a Gram matrix, and of the projector on its row space."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import assocmem_jax as am
from assocmem_jax._core.least_squares import row_space


D = 160


@pytest.fixture(scope="module")
def keys():
    """More than 2 d keys, two of them the same."""
    keys = np.random.default_rng(0).standard_normal((400, D)).astype(np.float32)
    keys[7] = keys[3]
    return keys


@pytest.fixture(scope="module")
def factors(keys):
    pairs, tolerance = am.Pairs(keys, keys), jnp.float32(1e-5)

    @jax.jit
    def factors(gram, stop):
        fold = am.Fold(64, stop)
        return row_space(pairs, gram, rtol=tolerance, unit=jnp.float32(1), fold=fold)

    return factors


@pytest.mark.parametrize("n", (1, 5, 9, 100, 159, 160, 161, 399))
def test_factors_are_those_of_the_keys(keys, factors, n):
    """By NumPy in float64: below, at and beyond d, with and without the twin."""
    stored = keys[:n]
    root, span = (np.asarray(x, float) for x in factors(stored.T @ stored, n))
    stored = stored.astype(float)
    projector = np.linalg.pinv(stored) @ stored
    np.testing.assert_allclose(span @ span.T, projector, atol=2e-6)
    inverse = np.linalg.pinv(stored.T @ stored, rcond=1e-10)
    scale = abs(inverse).max()
    np.testing.assert_allclose(root @ root.T, inverse, atol=2e-4 * scale)
