"""Feature maps: their kernels, ranks and dimensions, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close, elu

from assocmem_jax import features, theory


ALL = {
    "DPFP": features.DPFP(2),
    "ELU": features.ELU(),
    "Monomials": features.Monomials(2),
    "PositiveRandom": features.PositiveRandom(7),
    "RandomFourier": features.RandomFourier(7),
    "Rectified": features.Rectified(),
    "Taylor": features.Taylor(),
}
SIZES = {
    "DPFP": lambda d: 4 * d,
    "ELU": lambda d: d,
    "Monomials": lambda d: d * (d + 1) // 2,
    "PositiveRandom": lambda d: 14,
    "RandomFourier": lambda d: 14,
    "Rectified": lambda d: d,
    "Taylor": lambda d: 1 + d + d * (d + 1) // 2,
}


def test_every_map_is_in_the_table():
    assert set(ALL) == set(features.__all__) - {"AbstractFeatures"}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("dtype", (np.float32, np.float64))
def test_features_have_the_type_of_the_key_and_a_known_number(name, dtype, rng):
    for d in (3, 8):
        x = jnp.asarray(rng.standard_normal(d), dtype)
        phi = ALL[name](x)
        assert phi.dtype == dtype
        assert phi.shape == (ALL[name].dimension(d),) == (SIZES[name](d),)


@pytest.mark.parametrize("name", ALL)
def test_derivatives_are_finite_at_zero(name):
    jacobian = jax.jacobian(ALL[name])(jnp.zeros(4))
    assert jnp.all(jnp.isfinite(jacobian))


def test_features_of_single_coordinates_are_their_formulas(rng):
    x = rng.standard_normal(9)
    assert_close(features.ELU()(jnp.asarray(x)), elu(x))
    assert_close(features.Rectified()(jnp.asarray(x)), np.maximum(x, 0))
    # No overflow on the side that is not taken.
    steep = jax.jacobian(features.ELU())(jnp.array([1e3, -1e3]))
    assert_close(steep, np.diag([1.0, 0.0]))


def test_the_rank_of_dpfp_is_the_one_of_theory(rng):
    keys = jnp.asarray(rng.standard_normal((300, 4)))
    for order in range(1, 8):
        found = np.asarray(jax.vmap(features.DPFP(order))(keys))
        assert np.linalg.matrix_rank(found) == theory.dpfp_rank(4, order)


def test_dpfp_is_its_formula(rng):
    x = rng.standard_normal(3)
    r = np.maximum(np.concatenate([x, -x]), 0)
    desired = [r[i] * r[(i + s) % 6] for s in (1, 2, 3) for i in range(6)]
    assert_close(features.DPFP(3)(jnp.asarray(x)), desired)


def kernels(phi_of_seed, x, y, seeds=400):
    """Products of the features of two keys, one for each seed."""
    found = [phi_of_seed(seed) for seed in range(seeds)]
    return np.array([float(phi(x) @ phi(y)) for phi in found])


@pytest.mark.parametrize("distance", (0.0, 0.5, 3.0))
def test_random_fourier_features_approach_the_gaussian_kernel(distance, rng):
    num, scale = 8, 1.7
    x = jnp.asarray(rng.standard_normal(5))
    y = x + distance * scale * jnp.asarray([0.6, 0.8, 0.0, 0.0, 0.0])
    found = kernels(lambda s: features.RandomFourier(num, s, scale), x, y)
    exact = np.exp(-(distance**2) / 2)
    variance = (1 - exact**2) ** 2 / (2 * num)
    # As every product has it, the mean has the known error, and no larger one.
    error = np.sqrt(variance / len(found))
    assert abs(found.mean() - exact) <= 4 * error + 1e-12
    spread = ((found - exact) ** 2).std() / np.sqrt(len(found))
    assert abs(((found - exact) ** 2).mean() - variance) <= 4 * spread + 1e-12


@pytest.mark.parametrize("angle", (0.0, 1.0, 3.0))
def test_positive_random_features_approach_the_exponential(angle):
    num = 4
    x = 0.5 * jnp.asarray([1.0, 0.0])
    y = 0.5 * jnp.asarray([np.cos(angle), np.sin(angle)])
    found = kernels(lambda s: features.PositiveRandom(num, s), x, y, seeds=2000)
    exact, square = np.exp(float(x @ y)), float(jnp.sum((x + y) ** 2))
    relative = (np.exp(square) + np.exp(-square) - 2) / (2 * num)
    assert np.all(found > 0)
    error = exact * np.sqrt(relative / len(found))
    assert abs(found.mean() - exact) <= 4 * error + 1e-12
    squares = (found / exact - 1) ** 2
    assert abs(squares.mean() - relative) <= 4 * squares.std() / np.sqrt(2000) + 1e-12


def test_positive_random_features_do_not_overflow():
    phi = features.PositiveRandom(16)
    for size in (1e2, 1e10, 1e30):
        found = phi(jnp.full(300, size, jnp.float32))
        assert jnp.all(jnp.isfinite(found))


def test_directions_are_others_for_another_seed_or_dimension(rng):
    x = jnp.asarray(rng.standard_normal(4))
    padded = jnp.concatenate([x, jnp.zeros(1)])
    phi = features.RandomFourier(6)
    assert np.array_equal(phi(x), features.RandomFourier(6, 0)(x))
    assert not np.allclose(phi(x), features.RandomFourier(6, 1)(x))
    assert not np.allclose(phi(x), phi(padded))


@pytest.mark.parametrize(
    "make, kind, message",
    (
        (lambda: features.DPFP(0), ValueError, r"`DPFP\(order=...\)` must be at least"),
        (lambda: features.DPFP(1.5), TypeError, "must be a whole number, got 1.5"),
        (
            lambda: features.DPFP(6)(jnp.ones(3)),
            ValueError,
            r"`DPFP\(order=...\)` must be at most 2 d - 1 = 5, got 6. From d on",
        ),
        (lambda: features.Monomials(0), ValueError, r"`Monomials\(degree=...\)` must"),
        (lambda: features.RandomFourier(0), ValueError, "must be at least 1, got 0"),
        (
            lambda: features.RandomFourier(4, scale=0),
            ValueError,
            r"`RandomFourier\(scale=...\)` must be positive and finite, got 0.0",
        ),
        (lambda: features.PositiveRandom(4, -1), ValueError, "from 0 to below 2"),
    ),
)
def test_mistakes_are_explained(make, kind, message):
    with pytest.raises(kind, match=message):
        make()
