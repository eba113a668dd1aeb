"""What the rules by kernels do beyond the laws."""

import jax
import numpy as np
import pytest
from helpers import assert_close, make_pairs

import assocmem_jax as am
from assocmem_jax.similarities import SquaredEuclidean


KERNELS = (am.Epanechnikov, am.Quartic, am.Triweight)
every_kernel = pytest.mark.parametrize("rule", KERNELS)


@every_kernel
@pytest.mark.parametrize("dtype", (np.float32, np.float64))
def test_queries_within_the_exact_radius_are_answered_exactly(rule, dtype, rng):
    """Hoover et al. (2025): beta = 2 / (r - D)^2, queries within D of a key."""
    keys = rng.random((200, 16)).astype(dtype)
    distances = np.linalg.norm(keys[:, None] - keys, axis=2) + np.eye(200) * 1e9
    least = distances.min()
    near = 0.4 * least
    away = rng.standard_normal((200, 16))
    away *= 0.999 * near / np.linalg.norm(away, axis=1, keepdims=True)
    beta = 2 / (least - near) ** 2
    out = am.retrieve(rule(beta), keys, keys, (keys + away).astype(dtype))
    # One weight, over itself.
    eps = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(out, keys, rtol=2 * eps)
    assert rule is not am.Epanechnikov or np.array_equal(out, keys)
    # A ball that holds more keys answers more.
    wider = am.retrieve(rule(beta / 4), keys, keys, (keys + away).astype(dtype))
    assert abs(np.asarray(wider) - keys).max() > 0.01


@every_kernel
def test_where_no_key_is_near_the_answer_is_zero(rule, rng):
    keys, values, queries = make_pairs(rng)
    out = am.retrieve(rule(beta=1.0), keys, values, queries + 100)
    np.testing.assert_array_equal(out, np.zeros((7, 3)))
    gradient = jax.grad(lambda x: am.retrieve(rule(), keys, values, x).sum())
    assert np.isfinite(gradient(queries + 100)).all()


@every_kernel
def test_zero_beta_answers_the_mean(rule, rng):
    keys, values, queries = make_pairs(rng)
    mask = np.arange(13) % 3 > 0
    out = am.retrieve(rule(beta=0.0), keys, values, queries, mask=mask)
    assert_close(out, np.broadcast_to(values[mask].mean(axis=0), (7, 3)))


ENERGIES = {
    am.Epanechnikov: lambda x: np.maximum(1 - x, 0),
    am.Quartic: lambda x: np.maximum(1 - x, 0) ** 2,
    am.Triweight: lambda x: np.maximum(1 - x, 0) ** 3,
}


@every_kernel
def test_a_step_goes_along_the_slope_of_the_density(rule, rng):
    """q + (answer - q) is a gradient step: patterns are their own values."""
    keys, query = rng.standard_normal((20, 3)), 0.1 * rng.standard_normal((1, 3))
    beta = 0.5
    density = lambda q: ENERGIES[rule](beta * ((q - keys) ** 2).sum(1) / 2).sum()
    step = np.asarray(am.retrieve(rule(beta), keys, keys, query)) - query
    slope = [(density(query + e) - density(query - e)) / 2e-6 for e in 1e-6 * np.eye(3)]
    cosine = step[0] @ slope / np.linalg.norm(step) / np.linalg.norm(slope)
    assert cosine == pytest.approx(1, abs=1e-6)
    # And the energy falls.
    assert density(query + step) >= density(query)


def test_the_gaussian_kernel_is_a_softmax_of_squared_distances(rng):
    keys, values, queries = make_pairs(rng)
    squares = ((queries[:, None] - keys) ** 2).sum(axis=2)
    weights = np.exp(-0.3 * squares / 2)
    expected = weights / weights.sum(axis=1, keepdims=True) @ values
    rule = am.Softmax(beta=0.15, similarity=SquaredEuclidean())
    assert_close(am.retrieve(rule, keys, values, queries), expected)


@every_kernel
@pytest.mark.parametrize("beta", (-1.0, np.nan, np.inf, [1.0, 2.0]))
def test_a_beta_that_is_none_is_refused(rule, beta):
    with pytest.raises(ValueError, match=rf"{rule.__name__}\(beta=...\)` must be"):
        rule(beta)
