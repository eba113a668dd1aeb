"""What rules that grow fast do beyond the laws: powers and exponentials of scores."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close, make_pairs

import assocmem_jax as am
from assocmem_jax._core.rule import with_arrays


@pytest.mark.parametrize("block_size", (4, None))
@pytest.mark.parametrize("rectified", (False, True))
@pytest.mark.parametrize("degree", (1, 2, 3, 7))
def test_weights_are_powers_of_scores(degree, rectified, block_size, rng):
    keys, values, queries = make_pairs(rng)
    rule = am.Polynomial(degree, rectified)
    scores = queries @ keys.T
    scores = np.maximum(scores, 0) if rectified else scores
    out = am.retrieve(rule, keys, values, queries, fold=am.Fold(block_size))
    assert_close(out, scores**degree @ values)


def test_the_first_degree_is_the_dot_product_or_relu(rng):
    arrays = make_pairs(rng)
    for rule, known in (
        (am.Polynomial(1), am.DotProduct()),
        (am.Polynomial(1, rectified=True), am.ReLU()),
    ):
        assert_close(am.retrieve(rule, *arrays), am.retrieve(known, *arrays))


@pytest.mark.parametrize("degree", (2, 5))
def test_an_even_degree_takes_a_key_and_its_opposite_for_the_same(degree, rng):
    keys, values, queries = make_pairs(rng)
    sign = (-1) ** degree
    rule = am.Polynomial(degree)
    out = am.retrieve(rule, -keys, values, queries)
    np.testing.assert_array_equal(out, sign * am.retrieve(rule, keys, values, queries))


def directions(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("rule", "same"),
    (
        (am.Polynomial(60), None),
        (am.Exponential(beta=2.0), am.Softmax(beta=2.0)),
    ),
    ids=str,
)
@pytest.mark.parametrize("block_size", (4, None))
def test_answers_out_of_range_keep_their_direction(rule, same, block_size, rng):
    keys, values, _ = make_pairs(rng, d=64, dtype=np.float32)
    # Scores of about 64: 64^60 and e^128 are beyond single precision.
    queries = keys[:7]
    out = am.retrieve(rule, keys, values, queries, fold=am.Fold(block_size))
    assert np.isfinite(out).all()
    scores = queries.astype(np.float64) @ keys.T.astype(np.float64)
    if same is None:
        expected = (scores / scores.max(1, keepdims=True)) ** rule.degree @ values
    else:
        expected = am.retrieve(same, keys, values, queries)
    out, expected = np.asarray(out, np.float64), np.asarray(expected, np.float64)
    np.testing.assert_allclose(directions(out), directions(expected), atol=5e-5)
    # As large as can be; an exponential leaves room for sums.
    assert (abs(out).max(axis=1) > (1e37 if same is None else 1e33)).all()


@pytest.mark.parametrize("rule", (am.Polynomial(40), am.Exponential(3.0)), ids=str)
def test_a_study_of_weights_out_of_range_is_one_of_directions(rule):
    study = am.sweep(
        {"rule": rule},
        d=[64],
        n=[16],
        trials=2,
        values="marginalized",
        metrics=["cosine"],
    )
    drawn = am.sweep({"rule": rule}, d=[64], n=[16], trials=2, metrics=["cosine"])
    for found in (study, drawn):
        assert (found["cosine"] > 0.999).all()


def test_derivatives_of_answers_out_of_range_are_finite(rng):
    keys, values, _ = (jnp.asarray(x) for x in make_pairs(rng, d=64, dtype=np.float32))
    for rule in (am.Polynomial(60), am.Exponential(beta=2.0), am.Exponential(0.8)):
        # Of the logarithm of an answer, which is in range.
        loss = lambda rule, *x: jnp.sum(jnp.log(jnp.abs(am.retrieve(rule, *x))))
        by_arrays = jax.grad(loss, (0, 1, 2, 3))(with_arrays(rule), keys, values, keys)
        for gradient in jax.tree.leaves(by_arrays):
            assert np.isfinite(gradient).all(), rule


def test_the_exponential_is_the_softmax_times_its_normalizer(rng):
    keys, values, queries = make_pairs(rng)
    sums = np.exp(0.4 * queries @ keys.T).sum(axis=1, keepdims=True)
    softmax = am.retrieve(am.Softmax(0.4), keys, values, queries)
    out = am.retrieve(am.Exponential(0.4), keys, values, queries)
    assert_close(out, sums * softmax)


@pytest.mark.parametrize("degree", (0, -1))
def test_a_degree_that_is_none_is_refused(degree):
    with pytest.raises(ValueError, match=r"Polynomial\(degree=...\)` must be"):
        am.Polynomial(degree)


def test_other_bad_hyperparameters_are_refused():
    with pytest.raises(TypeError, match="whole number|Type-check"):
        am.Polynomial(1.5)  # pyright: ignore
    with pytest.raises(TypeError, match="must be True or False|Type-check"):
        am.Polynomial(2, rectified=1)  # pyright: ignore
    for beta in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match=r"Exponential\(beta=...\)` must be"):
            am.Exponential(beta)
