import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import assocmem_jax as am


ENSEMBLES = {
    "Gaussian": am.patterns.Gaussian(),
    "Spherical": am.patterns.Spherical(),
    "Bipolar": am.patterns.Bipolar(),
}
every_ensemble = pytest.mark.parametrize("name", ENSEMBLES)


@every_ensemble
@pytest.mark.parametrize("d", (1, 5, 64, 2**18))
def test_a_pattern_does_not_depend_on_how_many_are_drawn(name, d):
    draw, n = ENSEMBLES[name].draw, 70 if d < 100 else 7
    longer = draw(jax.random.key(3), n, d)
    assert longer.shape == (n, d) and longer.dtype == jnp.float32
    for fewer in (1, 4, n // 2):
        np.testing.assert_array_equal(draw(jax.random.key(3), fewer, d), longer[:fewer])


@every_ensemble
def test_long_draws_do_not_repeat_and_are_the_same_traced(name):
    # Two whole blocks of numbers and a part of one.
    n, d = 37, 2**15
    draw = lambda rng: ENSEMBLES[name].draw(rng, n, d)
    x = np.asarray(draw(jax.random.key(5)), np.float64)
    # Off the diagonal, products of independent patterns: 5 standard errors.
    products = x @ x.T - np.diag(np.sum(x**2, axis=1))
    assert np.max(np.abs(products)) < 5 * np.sqrt(d)
    np.testing.assert_allclose(jax.jit(draw)(jax.random.key(5)), x, rtol=1e-6)


@every_ensemble
def test_other_keys_and_patterns_are_other_numbers(name):
    draw = ENSEMBLES[name].draw
    first, second = draw(jax.random.key(0), 2, 64)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, draw(jax.random.key(1), 1, 64)[0])


@every_ensemble
def test_moments_are_those_of_the_law(name):
    n, d = 20_000, 4
    x = np.asarray(ENSEMBLES[name].draw(jax.random.key(7), n, d), np.float64)
    # Means, variances and correlations of coordinates, in standard errors.
    products = x[:, :, None] * x[:, None, :]
    for sample, mean in ((x, np.zeros(d)), (products, np.eye(d))):
        error = sample.std(axis=0, ddof=1) / np.sqrt(n)
        assert np.all(np.abs(sample.mean(axis=0) - mean) <= 5 * error)


def test_gaussian_coordinates_are_normal():
    x = am.patterns.Gaussian().draw(jax.random.key(1), 5000, 3)
    assert stats.kstest(np.ravel(x), "norm").pvalue > 1e-3


def test_spherical_patterns_have_norm_sqrt_d():
    x = am.patterns.Spherical().draw(jax.random.key(1), 50, 9)
    np.testing.assert_allclose(jnp.linalg.norm(x, axis=1), 3, rtol=1e-6)


def test_bipolar_coordinates_are_signs():
    x = am.patterns.Bipolar().draw(jax.random.key(1), 50, 9)
    assert set(np.unique(x)) == {-1, 1}


@every_ensemble
def test_sizes_below_one_are_refused(name):
    with pytest.raises(ValueError, match=r"draw\(n=...\)` must be at least 1, got 0"):
        ENSEMBLES[name].draw(jax.random.key(0), 0, 3)
    with pytest.raises(ValueError, match=r"draw\(d=...\)` must be at least 1, got -2"):
        ENSEMBLES[name].draw(jax.random.key(0), 3, -2)
    with pytest.raises(TypeError, match="whole number, got 2.5|Type-check"):
        ENSEMBLES[name].draw(jax.random.key(0), 2.5, 2)
