"""Patterns scaled to one norm."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import assocmem_jax as am
from assocmem_jax import patterns


class Scaled(patterns.AbstractEnsemble):
    """Gaussian patterns of a size, every other one zero."""

    size: float = 1.0

    def rows(self, rng, index, d):
        rows = self.size * patterns.Gaussian().rows(rng, index, d)
        return jnp.where(index[:, None] % 2 == 0, 0, rows)


@pytest.mark.parametrize("size", (1e-30, 1.0, 1e30))
@pytest.mark.parametrize("d", (1, 7))
def test_norms_are_one_whatever_the_size_and_zeros_stay(size, d):
    found = patterns.Normalized(Scaled(size)).draw(jax.random.key(0), 20, d)
    norms = np.linalg.norm(np.asarray(found, float), axis=1)
    np.testing.assert_allclose(norms[1::2], 1, rtol=1e-6)
    assert (norms[::2] == 0).all()


def test_directions_are_those_of_the_ensemble():
    clustered, rng = patterns.Clustered(3, 0.4), jax.random.key(1)
    drawn = np.asarray(clustered.draw(rng, 9, 8), float)
    found = patterns.Normalized(clustered, norm=2.5).draw(rng, 9, 8)
    expected = 2.5 * drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_normalized_gaussian_patterns_of_radius_sqrt_d_are_spherical():
    rng, d = jax.random.key(2), 6
    found = patterns.Normalized(patterns.Gaussian(), d**0.5).draw(rng, 9, d)
    np.testing.assert_array_equal(found, patterns.Spherical().draw(rng, 9, d))


def test_norms_can_be_differentiated():
    total = lambda norm: patterns.Normalized(Scaled(), norm).draw(
        jax.random.key(0), 4, 3
    )[1, 0]
    slope = jax.grad(total)(jnp.float32(2.0))
    np.testing.assert_allclose(slope, total(jnp.float32(1.0)), rtol=1e-6)


@pytest.mark.parametrize(
    "make, error, message",
    (
        (lambda: patterns.Normalized(patterns.Gaussian(), 0.0), ValueError, "got 0.0"),
        (lambda: patterns.Normalized(patterns.Gaussian(), -1.0), ValueError, "got -1"),
        (
            lambda: patterns.Normalized(patterns.Gaussian(), np.inf),
            ValueError,
            r"Normalized\(norm=...\)` must be positive and finite, got inf",
        ),
        (
            lambda: patterns.Normalized(patterns.Samples(np.eye(3))),
            TypeError,
            "must draw patterns, got `Samples`. Divide the rows",
        ),
    ),
)
def test_what_cannot_be_scaled_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_sizes_are_checked_by_what_is_scaled():
    with pytest.raises(ValueError, match="`LowRank` has 5 factors"):
        am.sweep(
            {"dot": am.DotProduct()},
            d=[4],
            n=[2],
            ensemble=patterns.Normalized(patterns.LowRank(5, 0.1)),
        )
