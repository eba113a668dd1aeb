"""What the softmax with a null slot does beyond the laws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close, make_pairs

import assocmem_jax as am


@pytest.mark.parametrize("null", (-3.0, 0.0, 2.0))
def test_the_null_slot_is_a_key_whose_value_is_zero(null, rng):
    keys, values, queries = make_pairs(rng)
    # One more dimension, in which the queries are 1 and the slot alone is not 0.
    more = np.zeros((14, 6))
    more[:13, :5], more[13, 5] = keys, null / 0.7
    slot = np.concatenate([values, np.zeros((1, 3))])
    asked = np.concatenate([queries, np.ones((7, 1))], axis=1)
    expected = am.retrieve(am.Softmax(0.7), more, slot, asked)
    out = am.retrieve(am.NullSoftmax(0.7, null), keys, values, queries)
    assert_close(out, expected)


def test_the_limits_of_the_null(rng):
    arrays = make_pairs(rng)
    softmax = am.retrieve(am.Softmax(0.7), *arrays)
    for null in (-np.inf, -1e30, -200.0):
        assert_close(am.retrieve(am.NullSoftmax(0.7, null), *arrays), softmax)
    assert np.abs(am.retrieve(am.NullSoftmax(0.7, 1e3), *arrays)).max() < 1e-300
    # Next to nothing for queries that are like no key.
    far = am.retrieve(
        am.NullSoftmax(), np.eye(4), np.ones((4, 1)), -50 * np.ones((1, 4))
    )
    assert 0 < far[0, 0] < 1e-20


def test_no_derivative_is_infinite(rng):
    arrays = [jnp.asarray(x) for x in make_pairs(rng)]

    def loss(beta, null, *arrays):
        return jnp.sum(am.retrieve(am.NullSoftmax(beta, null), *arrays))

    by_all = jax.jit(jax.grad(loss, (0, 1, 2, 3, 4)))
    for null in (-np.inf, -1e30, 0.0, 1e30):
        for gradient in by_all(0.7, jnp.asarray(null), *arrays):
            assert np.isfinite(gradient).all()
    _, by_null, *_ = by_all(0.7, jnp.asarray(0.5), *arrays)
    ends = [loss(0.7, jnp.asarray(0.5 + x), *arrays) for x in (1e-6, -1e-6)]
    difference = float(ends[0] - ends[1]) / 2e-6
    assert float(by_null) == pytest.approx(difference, abs=1e-7)


@pytest.mark.parametrize("null", (np.nan, np.inf, [1.0, 2.0]))
def test_a_null_that_is_none_is_refused(null):
    with pytest.raises(ValueError, match=r"NullSoftmax\(null=...\)` must be"):
        am.NullSoftmax(null=null)
