"""What linear attention, the covariance rule and the polar rule say of themselves."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close, make_pairs, polar
from jax.test_util import check_grads

import assocmem_jax as am
from assocmem_jax import features


def test_weights_of_linear_attention_add_up_to_one(rng):
    keys, _, queries = make_pairs(rng)
    units = np.eye(len(keys))
    out = am.retrieve(am.LinearAttention(), keys, units, queries)
    scores = queries @ keys.T
    assert_close(out, scores / scores.sum(axis=1, keepdims=True), scale=100)
    np.testing.assert_allclose(out.sum(axis=1), 1, rtol=1e-10)


def test_linear_attention_answers_zero_where_scores_add_up_to_zero():
    keys, values = np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([[2.0], [3.0]])
    queries = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    assert not am.retrieve(am.LinearAttention(), keys, values, queries).any()


def test_linear_attention_is_a_quotient_that_does_not_depend_on_scales(rng):
    keys, values, queries = (np.abs(x) for x in make_pairs(rng, dtype=np.float32))
    expected = am.retrieve(am.LinearAttention(), keys, values, queries)
    for scale in (np.float32(1e-30), np.float32(1e30)):
        out = am.retrieve(am.LinearAttention(), scale * keys, values, scale * queries)
        assert_close(out, expected)


def test_directions_of_linear_attention_are_those_of_the_dot_product():
    options: dict[str, Any] = {"d": [8], "n": [3, 20], "trials": 3}
    phi = features.ELU()
    rules = {
        "over": am.Mapped(am.LinearAttention(), phi),
        "plain": am.Mapped(am.DotProduct(), phi),
    }
    cosine = am.sweep(rules, **options, values="marginalized")["cosine"]
    over, plain = cosine.sel(rule="over"), cosine.sel(rule="plain")
    np.testing.assert_allclose(over, plain, rtol=1e-5)


@pytest.mark.parametrize("rule", (am.LinearAttention(), am.Covariance()), ids=str)
def test_marginalized_values_are_those_that_nobody_draws(rule):
    rules = {"rule": am.Mapped(rule, features.ELU())}
    options: dict[str, Any] = {"d": [6], "n": [2, 9, 40], "v": 600, "trials": 10}
    metrics = ("cosine", "squared_error")
    drawn = am.sweep(rules, **options, metrics=metrics)
    expected = am.sweep(rules, **options, metrics=metrics, values="marginalized")
    for metric in metrics:
        off = drawn[metric] / expected[metric] - 1
        error = off.std("trial", ddof=1) / np.sqrt(10)
        assert (abs(off.mean("trial")) < 5 * error + 1e-4).all(), metric


def test_the_covariance_rule_does_not_see_a_common_shift(rng):
    keys, values, queries = make_pairs(rng, n=40, dtype=np.float32)
    rule = am.Covariance()
    expected = am.retrieve(rule, keys, values, queries)
    # What a shift leaves of the digits of the keys, and no fewer.
    shifted = am.retrieve(rule, keys + 1000, values, queries + 1000)
    np.testing.assert_allclose(shifted, expected, atol=1e-2)
    assert np.abs(expected).max() > 30
    alone = am.retrieve(rule, keys[:1], values[:1], queries)
    assert not alone.any()


def test_the_covariance_rule_restores_the_capacity_of_positive_features():
    """Theory of the dot product with as many features, one pair less."""
    d, n = 64, 64
    rules = {
        "centered": am.Mapped(am.Covariance(), features.ELU()),
        "plain": am.Mapped(am.DotProduct(), features.ELU()),
    }
    study = am.sweep(rules, d=[d], n=[n], trials=10, values="marginalized")
    cosine = study["cosine"].mean("trial").squeeze()
    plain = am.theory.dot_product_cosine(d, n)
    assert abs(float(cosine.sel(rule="centered")) - plain) < 0.03
    assert float(cosine.sel(rule="plain")) < plain - 0.3


def test_the_polar_rule_has_singular_values_one_and_zero(rng):
    for n in (2, 3, 9):
        keys, values, _ = make_pairs(rng, n=n)
        memory = am.Polar().write(am.Pairs(keys, values))
        found = np.linalg.svd(memory, compute_uv=False)
        np.testing.assert_allclose(found, np.arange(3) < n, atol=1e-12)


def test_the_polar_rule_of_orthonormal_pairs_answers_each_exactly(rng):
    keys = np.linalg.qr(rng.standard_normal((5, 5)))[0][:3]
    values = np.linalg.qr(rng.standard_normal((4, 4)))[0][:3]
    sizes = np.array([[1e3], [1.0], [1e-3]])
    out = am.retrieve(am.Polar(), sizes * keys, values, keys)
    # The condition number is 1e6.
    assert_close(out, values, scale=1e4)


@pytest.mark.parametrize("n, v", ((2, 3), (3, 3), (9, 3), (9, 5), (9, 8)))
def test_derivatives_of_the_polar_rule_are_right_where_singular_values_coincide(
    n, v, rng
):
    keys, values, queries = make_pairs(rng, n=n, v=v)
    if n <= v:
        keys = np.linalg.qr(rng.standard_normal((5, n)))[0].T
        values = np.linalg.qr(rng.standard_normal((v, n)))[0].T

    def fn(keys, values):
        return am.retrieve(am.Polar(), keys, values, queries)

    check_grads(jax.jit(fn), (keys, values), 1, eps=1e-5, atol=1e-6, rtol=1e-6)


def test_second_derivatives_of_the_polar_rule_are_right_where_singular_values_differ(
    rng,
):
    keys, values, _ = make_pairs(rng)
    sum_of = lambda keys: jnp.sum(am.Polar().write(am.Pairs(keys, values)) ** 3)
    check_grads(jax.jit(sum_of), (keys,), 2, modes=("rev",), eps=1e-5, rtol=1e-5)


def test_the_polar_rule_is_found_for_a_batch(rng):
    batch = rng.standard_normal((3, 9, 5))
    write = lambda keys: am.Polar().write(am.Pairs(keys, keys))
    for keys, memory in zip(batch, jax.vmap(write)(batch), strict=True):
        assert_close(memory, polar(keys.T @ keys))


def test_values_of_the_polar_rule_cannot_be_left_undrawn():
    rules = {"polar": am.Polar()}
    with pytest.raises(ValueError, match="rule.*'polar'"):
        am.sweep(rules, d=[4], n=[4], values="marginalized")
    mapped = {"polar": am.Mapped(am.Polar(), features.ELU())}
    with pytest.raises(ValueError, match="rule.*'polar'"):
        am.sweep(mapped, d=[4], n=[4], values="marginalized")


@pytest.mark.slow
def test_recall_of_the_polar_rule_lies_between_those_of_its_neighbors():
    """Known to three digits from one draw: unit keys and values, d = 32."""
    known = {
        "dot": (0.974, 0.849, 0.453, 0.156),
        "polar": (1.0, 0.904, 0.456, 0.137),
        "pseudoinverse": (1.0, 0.982, 0.566, 0.194),
    }
    rules = {
        "dot": am.DotProduct(),
        "polar": am.Polar(),
        "pseudoinverse": am.Pseudoinverse(),
    }
    unit = am.patterns.Spherical()
    study = am.sweep(
        rules,
        d=[32],
        n=[32, 64, 128, 256],
        trials=32,
        metrics=("recall",),
        ensemble=unit,
        values=unit,
    )
    for name, recalls in known.items():
        found = study["recall"].sel(rule=name).squeeze()
        draw = found.std("trial", ddof=1)
        off = abs(found.mean("trial") - np.array(recalls))
        assert (off < 3 * draw * np.sqrt(1 + 1 / 32) + 1e-3).all(), name
    few = study["recall"].sel(rule="polar", n=64) - study["recall"].sel(
        rule="dot", n=64
    )
    assert float(few.mean()) > 5 * float(few.std()) / np.sqrt(32)
