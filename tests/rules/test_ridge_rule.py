"""The ridge memory: its limits, its accuracy, its derivatives, and its other names."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close, make_pairs, ridge, slow
from jax.test_util import check_grads

import assocmem_jax as am
from assocmem_jax.testing._compiled import quick


@quick()
def write(penalty, keys, values):
    return am.Ridge(penalty).write(am.Pairs(keys, values))


def error(penalty, keys, values):
    found = np.asarray(write(jnp.asarray(penalty, keys.dtype), keys, values))
    exact = ridge(keys.astype(np.float64), values.astype(np.float64), penalty)
    return np.linalg.norm(found - exact) / np.linalg.norm(exact)


# Below, at and above d.
@pytest.mark.parametrize(
    ("n", "d"), ((5, 8), (8, 8), (9, 8), (80, 8), slow(32, 64), slow(65, 64))
)
def test_is_accurate_for_every_penalty(n, d, rng):
    keys, values, _ = make_pairs(rng, n=n, d=d, dtype=np.float32)
    singular = np.linalg.svd(keys.astype(np.float64), compute_uv=False)
    for exponent in (-30, -12, -9, -6, -3, 0, 3, 12, 30):
        penalty = 10.0**exponent
        # The errors of keys and values, rounded, in the answer.
        smallest = np.sqrt(singular.min() ** 2 + penalty)
        condition = np.sqrt(singular.max() ** 2 + penalty) / smallest
        bound = 10 * np.finfo(np.float32).eps * condition**2
        assert error(penalty, keys, values) < min(bound, 1e-3), penalty


def test_a_small_penalty_of_few_pairs_costs_no_digits_at_a_stop(rng):
    """Nor where their weights alone are asked for."""
    d, n, rows = 64, 24, 200
    keys = rng.standard_normal((rows, d)).astype(np.float32)
    stop = jnp.asarray(n, jnp.int32)
    stored = keys[:n].astype(np.float64)
    units, gram = jnp.eye(rows, dtype=jnp.float32), jnp.asarray(keys[:n].T @ keys[:n])
    query = keys[3] + 0.5 * rng.standard_normal(d).astype(np.float32)
    asked = jnp.asarray(query), jnp.asarray(keys[3])

    @jax.jit
    def found(penalty):
        rule, fold = am.Ridge(penalty), am.Fold(64, stop=stop)
        weights = rule.write(am.Pairs(keys, units), fold)
        pairs = am.Pairs(keys, units)
        bare = eqx.tree_at(lambda pairs: pairs.values, pairs, units[:, :0])
        left = rule.prepare(bare, fold).left(gram, bare, fold)
        return weights, left.weights(*asked, fold)

    for penalty in (1e-9, 1e-6, 1e-3, 1.0, 1e3):
        weights, numbers = found(jnp.float32(penalty))
        exact = ridge(stored, np.eye(n), penalty)
        assert_close(weights[:, :n], exact, scale=2)
        answer = query.astype(np.float64) @ exact
        noise = np.sum(np.delete(answer, 3) ** 2)
        got = numbers.unit * np.array([numbers.target, numbers.unit * numbers.noise])
        np.testing.assert_allclose(got, [answer[3], noise], rtol=2e-4)


def test_to_zero_penalty_it_is_the_pseudoinverse(rng):
    for n in (3, 5, 12):
        keys, values, queries = make_pairs(rng, n=n)
        for twin in (False, True):
            keys = np.concatenate([keys, keys[:1]]) if twin else keys
            values = np.concatenate([values, values[1:2]]) if twin else values
            exact = am.retrieve(am.Pseudoinverse(), keys, values, queries)
            out = am.retrieve(am.Ridge(1e-200), keys, values, queries)
            assert_close(out, exact)
            # Rounding keys that coincide errs by 1e-16 over the penalty.
            out = am.retrieve(am.Ridge(1e-8), keys, values, queries)
            np.testing.assert_allclose(out, exact, rtol=1e-4)


def test_to_infinite_penalty_it_is_the_dot_product_over_it(rng):
    keys, values, queries = make_pairs(rng)
    exact = am.retrieve(am.DotProduct(), keys, values, queries)
    out = am.retrieve(am.Ridge(1e20), keys, values, queries)
    assert_close(1e20 * out, exact)


@pytest.mark.parametrize("n", (3, 5, 12))
def test_derivatives_by_keys_and_the_penalty_are_right_where_keys_coincide(n, rng):
    keys, values, queries = make_pairs(rng, n=n)
    keys[1] = keys[0]

    def fn(penalty, keys, values):
        return am.retrieve(am.Ridge(penalty), keys, values, queries)

    check_grads(jax.jit(fn), (0.3, keys, values), 1, eps=1e-5, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("n", (3, 9))
def test_second_derivatives_exist(n, rng):
    keys, values, _ = make_pairs(rng, n=n)
    sum_of = lambda penalty, keys: jnp.sum(
        am.Ridge(penalty).write(am.Pairs(keys, values))
    )
    check_grads(jax.jit(sum_of), (0.3, keys), 2, modes=("rev",), eps=1e-5, rtol=1e-5)


def test_the_derivative_of_few_pairs_keeps_its_digits_under_a_small_penalty(rng):
    """Its part outside of the keys is finite, and no quotient of two small numbers."""
    keys, values, queries = make_pairs(rng, n=3, dtype=np.float32)

    def loss(keys, penalty):
        return jnp.sum(am.retrieve(am.Ridge(penalty), keys, values, queries) ** 2)

    gradient = jax.jit(jax.grad(loss))
    exact = gradient(keys.astype(np.float64), 1e-10)
    assert_close(gradient(keys, jnp.float32(1e-10)), exact)


def test_penalties_are_mapped_over(rng):
    keys, values, queries = make_pairs(rng)
    penalties = np.array([1e-3, 1.0, 1e3])
    answers = lambda penalty: am.retrieve(am.Ridge(penalty), keys, values, queries)
    loss = lambda penalty: jnp.sum(answers(penalty) ** 2)
    outs, slopes = jax.vmap(jax.value_and_grad(loss))(penalties)
    for penalty, out, slope in zip(penalties, outs, slopes, strict=True):
        exact = lambda x: np.sum((queries @ ridge(keys, values, x)) ** 2)
        assert_close(out, exact(penalty))
        step = 1e-4 * penalty
        difference = (exact(penalty + step) - exact(penalty - step)) / (2 * step)
        np.testing.assert_allclose(slope, difference, rtol=1e-6)


# Rules of the literature that are this one.


def test_dreaming_is_ridge(rng):
    patterns = rng.choice([-1.0, 1.0], (6, 9))
    dimension = patterns.shape[1]
    overlaps = patterns @ patterns.T / dimension
    for t in (0.1, 1.0, 30.0):
        inside = np.linalg.inv(np.eye(6) + t * overlaps)
        couplings = (1 + t) / dimension * patterns.T @ inside @ patterns
        rule = am.Ridge(dimension / t)
        out = am.retrieve(rule, patterns, patterns, patterns)
        assert_close((1 + t) / t * out, patterns @ couplings)


def test_a_mesa_layer_solves_for_each_query_what_ridge_solves_once(rng):
    keys, values, queries = make_pairs(rng)
    matrix = keys.T @ keys + 0.8 * np.eye(5)
    for query, out in zip(
        queries, am.retrieve(am.Ridge(0.8), keys, values, queries), strict=True
    ):
        # Conjugate gradients end after d steps.
        x, residual = np.zeros(5), query.copy()
        direction = residual
        for _ in range(5):
            along = matrix @ direction
            step = residual @ residual / (direction @ along)
            x, after = x + step * direction, residual - step * along
            direction = after + after @ after / (residual @ residual) * direction
            residual = after
        np.testing.assert_allclose(out, values.T @ (keys @ x), rtol=1e-7)


def test_gated_kalmanet_without_gates_is_ridge_of_a_penalty_that_follows_its_keys(rng):
    keys, values, queries = make_pairs(rng)
    gram = keys.T @ keys
    penalty = 0.02 * np.linalg.norm(gram)
    low, high = penalty, penalty + np.linalg.norm(gram)
    # Chebyshev's iteration; it never ends, and need not here.
    x, change = np.zeros((5, 7)), np.zeros((5, 7))
    middle, half, weight = (high + low) / 2, (high - low) / 2, 0.0
    for step in range(300):
        residual = queries.T - (gram + penalty * np.eye(5)) @ x
        momentum = 0.0 if step == 0 else (half * weight / 2) ** 2
        momentum = 2 * momentum if step == 1 else momentum
        weight = 1 / (middle - (momentum / weight if step else 0.0))
        change = weight * residual + momentum * change
        x = x + change
    out = am.retrieve(am.Ridge(penalty), keys, values, queries)
    np.testing.assert_allclose(out, (keys @ x).T @ values, rtol=1e-9)


def test_recursive_least_squares_is_ridge_one_pair_at_a_time(rng):
    keys, values, queries = make_pairs(rng)
    state, spread = np.zeros((5, 3)), np.eye(5) / 0.4
    for key, value in zip(keys, values, strict=True):
        along = spread @ key
        gain = along / (1 + key @ along)
        state += np.outer(gain, value - key @ state)
        spread -= np.outer(gain, along)
    assert_close(am.retrieve(am.Ridge(0.4), keys, values, queries), queries @ state)


def test_studies_are_predicted():
    rules = {"ridge": am.Ridge(8.0)}
    options: dict[str, Any] = {
        "d": [32],
        "n": [8, 24, 32, 64],
        "query_noise": [0.0, 0.5],
    }
    vary = {"penalty": [8.0, 64.0]}
    metrics = ("cosine", "distance", "squared_error")
    stated = {"cosine": 0.02, "distance": 0.06 * 32**0.5, "squared_error": 0.1 * 32}
    study = am.sweep(
        rules, **options, vary=vary, metrics=metrics, values="marginalized", trials=30
    )
    predicted = am.theory.predict(rules, **options, vary=vary, metrics=metrics)
    for metric, allowed in stated.items():
        spread = study[metric].std("trial", ddof=1) / np.sqrt(30)
        off = abs(study[metric].mean("trial") - predicted[metric])
        assert (off < allowed + 4 * spread).all(), metric


@pytest.mark.parametrize(
    "penalty, message",
    (
        (0.0, r"`Ridge\(penalty=...\)` must be positive and finite, got 0.0. `Pseudo"),
        (-1, "must be positive and finite, got -1.0"),
        (np.inf, "got inf. .* and `DotProduct\\(\\)` of an infinite one"),
        (np.nan, "got nan"),
        ([1.0, 2.0], r"must be one number, got shape \(2,\)"),
    ),
)
def test_other_penalties_are_refused(penalty, message):
    with pytest.raises(ValueError, match=message):
        am.Ridge(penalty)


# Weights of pairs.


def weighted(keys, values, penalty, weights):
    roots = np.sqrt(weights)[:, None]
    return ridge(roots * keys, roots * values, penalty)


@pytest.mark.parametrize("n", (3, 13, 40))
def test_weights_count_pairs_as_often(n, rng):
    keys, values, queries = make_pairs(rng, n=n)
    weights = rng.uniform(size=n) * (rng.uniform(size=n) < 0.8)
    mask = rng.uniform(size=n) < 0.7
    rule = am.Ridge(0.4, weights)
    for size in (1, 4, None):
        fold = am.Fold(size)
        out = am.retrieve(rule, keys, values, queries, fold=fold, mask=mask)
        exact = weighted(keys[mask], values[mask], 0.4, weights[mask])
        assert_close(out, queries @ exact)
        stop = n // 2 + 1
        fold = am.Fold(size, stop=stop)
        out = am.retrieve(rule, keys, values, queries, fold=fold)
        exact = weighted(keys[:stop], values[:stop], 0.4, weights[:stop])
        assert_close(out, queries @ exact)
    twice = am.Ridge(0.4, [2.0, *[1.0] * (n - 1), 7.0])
    again = np.concatenate([keys, keys[:1]]), np.concatenate([values, values[:1]])
    out = am.retrieve(twice, keys, values, queries)
    assert_close(out, am.retrieve(am.Ridge(0.4), *again, queries))


@pytest.mark.parametrize("n", (3, 13))
def test_weights_have_derivatives(n, rng):
    keys, values, queries = make_pairs(rng, n=n)
    weights = rng.uniform(0.1, 1, n)

    def fn(weights, keys, values):
        return am.retrieve(am.Ridge(0.4, weights), keys, values, queries)

    given = weights, keys, values
    check_grads(jax.jit(fn), given, 1, eps=1e-5, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("n", (7, 16))
def test_each_device_takes_the_weights_of_its_own_pairs(n, rng):
    keys, values, queries = make_pairs(rng, n=n)
    weights = rng.uniform(size=n)
    mesh = jax.make_mesh((2,), ("pairs",))
    out = am.retrieve(am.Ridge(0.4, weights), keys, values, queries, mesh=mesh)
    assert_close(out, queries @ weighted(keys, values, 0.4, weights))


def test_weights_are_those_of_the_first_pairs_of_a_study(rng):
    weights = rng.uniform(size=20)
    options: dict[str, Any] = {"d": [6], "n": [4, 20], "trials": 200, "seed": 1}
    found = am.sweep({"r": am.Ridge(2.0, weights)}, **options)["cosine"]
    for n in (4, 20):
        cosines = []
        for _ in range(400):
            keys, values = rng.standard_normal((2, n, 6))
            answers = keys @ weighted(keys, values, 2.0, weights[:n])
            norms = np.linalg.norm(answers, axis=1) * np.linalg.norm(values, axis=1)
            cosines.append(np.mean(np.sum(answers * values, axis=1) / norms))
        own = found.sel(n=n).squeeze()
        error = np.hypot(np.std(cosines) / 20, float(own.std()) / np.sqrt(200))
        assert abs(float(own.mean()) - np.mean(cosines)) < 4 * error


def test_rules_of_features_take_weights(rng):
    keys, values, queries = make_pairs(rng)
    weights = rng.uniform(size=13)
    mapped = am.Mapped(am.Ridge(0.4, weights), am.features.Rectified())
    out = am.retrieve(mapped, keys, values, queries)
    exact = weighted(np.maximum(keys, 0), values, 0.4, weights)
    assert_close(out, np.maximum(queries, 0) @ exact)


@pytest.mark.parametrize(
    "call, message",
    (
        (lambda: am.Ridge(1.0, [1.0, -2.0]), r"`Ridge\(weights=...\)` must be from 0 "),
        (lambda: am.Ridge(1.0, 3.0), r"`Ridge\(weights=...\)` must have one axis"),
        (
            lambda: am.retrieve(am.Ridge(1.0, [1.0]), *[np.eye(3)] * 3),
            r"`retrieve\(rule=...\)` must hold a number for each of 3 pairs, got 1 in",
        ),
        (
            lambda: am.Ridge(1.0, [1.0]).write(am.Pairs(np.eye(3), np.eye(3))),
            "must hold a number for each of 3 pairs, got 1",
        ),
        (
            lambda: am.sweep({"r": am.Ridge(1.0, [1.0, 2.0])}, d=[4], n=[2, 3]),
            r"`sweep\(rules=...\)` must hold a number .* of 3 pairs, got 2 in 'r'",
        ),
        (
            lambda: am.sweep(
                {"r": am.Ridge(1.0, [1.0])}, d=[4], n=[1], values="marginalized"
            ),
            "must know what weights a rule gives .*'r', a `Ridge`",
        ),
        (
            lambda: am.theory.predict({"r": am.Ridge(1.0, [1.0])}, d=[16], n=[1]),
            "knows no prediction of 'cosine' for `Ridge`",
        ),
    ),
)
def test_weights_that_do_not_fit_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
