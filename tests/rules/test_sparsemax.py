"""What sparsemax does beyond the laws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close, make_pairs

import assocmem_jax as am


def test_a_lead_of_one_is_an_exact_answer():
    keys, values = np.eye(4), np.arange(12.0).reshape(4, 3)
    queries = 2 * np.eye(4)
    exact = am.retrieve(am.Sparsemax(beta=0.5), keys, values, queries)
    np.testing.assert_array_equal(exact, values)
    # A little less of a lead, and the others count a little.
    near = am.retrieve(am.Sparsemax(beta=0.49), keys, values, queries)
    weights = np.full((4, 4), 0.005) + 0.98 * np.eye(4)
    np.testing.assert_allclose(near, weights @ values, rtol=1e-14)


@pytest.mark.parametrize("n", (5, 1000))
def test_zero_beta_answers_the_mean(n, rng):
    arrays = make_pairs(rng, n=n)
    mean = np.broadcast_to(arrays[1].mean(axis=0), (7, 3))
    assert_close(am.retrieve(am.Sparsemax(beta=0.0), *arrays), mean)


def test_equal_keys_share_the_weight():
    keys, values = np.ones((3, 2)), np.array([[1.0], [2.0], [6.0]])
    out = am.retrieve(am.Sparsemax(beta=100.0), keys, values, np.ones((1, 2)))
    np.testing.assert_array_equal(out, [[3.0]])


def test_the_same_offset_of_all_scores_does_not_matter(rng):
    keys, values, queries = make_pairs(rng, n=50, dtype=np.float32)
    ones = lambda x, size: np.c_[x, np.full(len(x), size, np.float32)]
    out = am.retrieve(am.Sparsemax(), ones(keys, 1e3), values, ones(queries, 1.0))
    expected = am.retrieve(am.Sparsemax(), keys, values, queries)
    # Scores of 1000 have four digits after the point.
    assert np.abs(out - expected).max() < 1e-3


@pytest.mark.parametrize("beta", (-1.0, np.nan, np.inf, [1.0, 2.0]))
def test_a_beta_that_is_none_is_refused(beta):
    with pytest.raises(ValueError, match=r"Sparsemax\(beta=...\)` must be"):
        am.Sparsemax(beta=beta)


def test_the_derivative_by_beta_is_a_finite_difference(rng):
    arrays = make_pairs(rng, n=30)
    answer = lambda beta: am.retrieve(am.Sparsemax(beta), *arrays)
    beta = jnp.asarray(0.2)
    _, change = jax.jvp(answer, (beta,), (jnp.ones_like(beta),))
    difference = (answer(beta + 1e-6) - answer(beta - 1e-6)) / 2e-6
    np.testing.assert_allclose(change, difference, atol=1e-7)


@pytest.mark.slow
def test_a_study_of_prefixes_equals_loads_by_themselves():
    loads, rules = [4, 30, 64], {"sparse": am.Sparsemax(beta=0.2)}
    all_loads = am.sweep(rules, d=[8], n=loads, trials=2)
    for n in loads:
        alone = am.sweep(rules, d=[8], n=[n], trials=2)
        together = all_loads["cosine"].sel(n=n).to_numpy()
        np.testing.assert_allclose(
            alone["cosine"].to_numpy().squeeze(), together.squeeze(), rtol=1e-5
        )
