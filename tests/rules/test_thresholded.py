"""What the sparse separations do beyond the laws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import (
    assert_close,
    entmax,
    k_subset,
    make_pairs,
    normmax,
    slow,
    softmax,
    sparsemax,
)

import assocmem_jax as am
from assocmem_jax.testing._compiled import answered


ORDERS = (1.01, 1.25, 1.5, 2.0, 2.5, 4.0, 20.0)


def weights(rule, scores):
    """The weights that a rule gives to scores, one row per query."""
    n = scores.shape[1]
    unit = np.eye(n, dtype=scores.dtype)
    return np.asarray(answered(rule, (unit, unit, scores), size=7))


def by_sorting(scores):
    """Entmax of order 1.5 in closed form (Peters et al. 2019, algorithm 2)."""
    x = scores / 2
    ordered, count = -np.sort(-x, axis=1), np.arange(1, x.shape[1] + 1)
    mean = np.cumsum(ordered, axis=1) / count
    spread = np.cumsum(ordered**2, axis=1) - count * mean**2
    threshold = mean - np.sqrt(np.maximum(1 - spread, 0) / count)
    size = np.sum(threshold <= ordered, axis=1, keepdims=True)
    return np.maximum(x - np.take_along_axis(threshold, size - 1, axis=1), 0) ** 2


def margin(rule):
    return 1 / (float(rule.alpha) - 1) if isinstance(rule, am.Entmax) else 1.0


MARGINS = (
    *(am.Entmax(1.0, alpha) for alpha in (1.25, 1.5, 2.0, 3.0)),
    *(am.Normmax(1.0, gamma) for gamma in (1.2, 2.0, 5.0)),
    am.Sparsemax(),
    am.KSubset(1.0, k=1),
)


@pytest.mark.parametrize("rule", MARGINS, ids=str)
def test_an_answer_is_exact_from_the_margin_on(rule):
    lead = margin(rule) * np.array([[1.0], [1.5], [0.99], [0.5]])
    scores = np.concatenate([5 + lead, np.full((4, 1), 5.0), np.full((4, 3), 4.0)], 1)
    found = weights(rule, scores)
    np.testing.assert_array_equal(found[:2], np.eye(5)[[0, 0]])
    assert (found[2:, 0] < 1).all() and (found[2:, 1] > 0).all()


def test_the_k_best_are_exact_where_they_lead_by_one():
    scores = np.array([[9.0, 2.0, 0.9, 1.0, -3.0], [9.0, 2.0, 0.9, 1.1, -3.0]])
    found = weights(am.KSubset(1.0, k=2), scores)
    np.testing.assert_array_equal(found[0], [1, 1, 0, 0, 0])
    assert found[1, 3] > 0 and found[1, 1] < 1


@pytest.mark.parametrize("dtype", (np.float32, np.float64))
@pytest.mark.parametrize("n", (5, 1000))
def test_weights_add_up(n, dtype, rng):
    scores = rng.standard_normal((6, n)).astype(dtype)
    rules = [
        *((am.Entmax(beta, order), 1) for order in ORDERS for beta in (0.0, 0.1, 3.0)),
        *((am.Normmax(1.0, order), 1) for order in ORDERS),
        *((am.KSubset(0.5, k), min(k, n)) for k in (1, 4, 9)),
    ]
    for rule, total in rules:
        found = weights(rule, scores).astype(np.float64)
        assert (found >= 0).all() and (found <= 1 + 1e-6).all(), rule
        error = abs(found.sum(axis=1) - total).max() / total
        assert error < 100 * np.finfo(dtype).eps, (rule, error)


def test_orders_of_entmax_are_right(rng):
    scores = rng.standard_normal((6, 300))
    for order in ORDERS:
        # Next to the threshold of a high order a weight is a root of what is left.
        close = 1e-12 if order <= 2 else 1e-5
        expected = entmax(0.7 * scores, order)
        np.testing.assert_allclose(
            weights(am.Entmax(0.7, order), scores), expected, atol=close
        )
        if order < 20:
            expected = normmax(0.7 * scores, order)
            np.testing.assert_allclose(
                weights(am.Normmax(0.7, order), scores), expected, atol=close
            )


def test_entmax_lies_between_softmax_and_sparsemax(rng):
    scores = rng.standard_normal((6, 40))
    two = weights(am.Entmax(1.0, 2.0), scores)
    np.testing.assert_allclose(two, weights(am.Sparsemax(), scores), atol=1e-14)
    np.testing.assert_allclose(two, sparsemax(scores), atol=1e-14)
    near = [
        abs(weights(am.Entmax(1.0, 1 + x), scores) - softmax(scores)).max() / x
        for x in (1e-3, 1e-6)
    ]
    assert near[0] == pytest.approx(near[1], rel=0.01) and near[0] < 1
    # Down to an order that single precision tells from 1 by its last digit.
    single = scores.astype(np.float32)
    last = weights(am.Entmax(1.0, 1 + 2e-7), single)
    np.testing.assert_allclose(last, softmax(scores), atol=1e-6)


@pytest.mark.parametrize("n", (3, 50))
def test_order_one_and_a_half_is_what_sorting_gives(n, rng):
    scores = 2 * rng.standard_normal((6, n))
    found = weights(am.Entmax(1.0, 1.5), scores)
    np.testing.assert_allclose(found, by_sorting(scores), atol=1e-13)


def test_one_of_k_is_sparsemax_and_fewer_than_k_are_all_taken(rng):
    keys, values, queries = make_pairs(rng)
    one = am.retrieve(am.KSubset(0.3, k=1), keys, values, queries)
    assert_close(one, am.retrieve(am.Sparsemax(0.3), keys, values, queries))
    every = np.broadcast_to(values[:4].sum(axis=0), (7, 3))
    for k in (4, 9):
        out = am.retrieve(am.KSubset(0.3, k), keys[:4], values[:4], queries)
        assert_close(out, every)
    assert_close(
        am.retrieve(am.KSubset(0.0, 3), keys, values, queries),
        np.broadcast_to(3 * values.mean(axis=0), (7, 3)),
    )


OBJECTIVES = {
    "entmax": (
        lambda s: weights(am.Entmax(1.0, 1.5), s),
        lambda p, s: (p * s).sum(-1) - (p**1.5).sum(-1) / (1.5 * 0.5),
        1.0,
    ),
    "entmax of order 3": (
        lambda s: weights(am.Entmax(1.0, 3.0), s),
        lambda p, s: (p * s).sum(-1) - (p**3).sum(-1) / (3 * 2),
        1.0,
    ),
    "normmax": (
        lambda s: weights(am.Normmax(1.0, 3.0), s),
        lambda p, s: (p * s).sum(-1) - (p**3).sum(-1) ** (1 / 3),
        1.0,
    ),
    "k-subset": (
        lambda s: weights(am.KSubset(1.0, 3), s),
        lambda p, s: (p * s).sum(-1) - (p**2).sum(-1) / 2,
        3.0,
    ),
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_no_other_weights_are_better(name, rng):
    of_scores, objective, total = OBJECTIVES[name]
    scores = rng.standard_normal((5, 8))
    best = of_scores(scores)
    for size in (1e-3, 1e-2, 0.1, 1.0):
        for _ in range(50):
            other = rng.dirichlet(np.ones(8), 5)
            if total > 1:
                # Between 0 and 1, as three of the corners are.
                other = sum(np.eye(8)[rng.permutation(8)[:3]].sum(0) for _ in range(5))
                other = np.broadcast_to(other / 5, (5, 8))
            moved = (1 - size) * best + size * other
            assert moved.sum(axis=1) == pytest.approx(total)
            assert (objective(moved, scores) <= objective(best, scores) + 1e-12).all()


@pytest.mark.parametrize(
    ("make", "at"),
    (
        (lambda x: am.Entmax(x, 1.5), 0.3),
        (lambda x: am.Entmax(0.3, x), 1.3),
        (lambda x: am.Normmax(x, 1.5), 0.3),
        slow(lambda x: am.Entmax(0.3, x), 1.8),
        slow(lambda x: am.Normmax(0.3, x), 1.5),
        slow(lambda x: am.KSubset(x, 3), 0.3),
        slow(lambda x: am.Sparsemax(x), 0.3),
    ),
)
def test_derivatives_by_hyperparameters_are_finite_differences(make, at, rng):
    arrays = make_pairs(rng, n=20)
    answer = jax.jit(lambda x: am.retrieve(make(x), *arrays))
    x = jnp.asarray(at)
    forwards = jax.jit(jax.jacfwd(answer))(x)
    difference = (answer(x + 1e-6) - answer(x - 1e-6)) / 2e-6
    np.testing.assert_allclose(forwards, difference, atol=1e-7)
    backwards = jax.jit(jax.grad(lambda x: answer(x).sum()))(x)
    np.testing.assert_allclose(backwards, difference.sum(), atol=1e-6)


@pytest.mark.parametrize("rule", (am.Softmax, am.Sparsemax, am.Entmax, am.Normmax))
def test_at_zero_beta_pairs_that_are_absent_do_not_count(rule, rng):
    keys, values, queries = make_pairs(rng)
    mask = np.arange(13) % 3 > 0
    out = am.retrieve(rule(beta=0.0), keys, values, queries, mask=mask)
    assert_close(out, np.broadcast_to(values[mask].mean(axis=0), (7, 3)))


@pytest.mark.parametrize("size", (1e12, 1e30))
def test_scores_far_apart_give_the_largest(size, rng):
    scores = (size * rng.standard_normal((6, 30))).astype(np.float32)
    for rule, k in ((am.Entmax(), 1), (am.Normmax(), 1), (am.KSubset(k=4), 4)):
        best = np.argsort(-scores, axis=1)[:, :k]
        np.testing.assert_array_equal(
            np.nonzero(weights(rule, scores))[1].reshape(6, k), np.sort(best, axis=1)
        )
        assert_close(weights(rule, scores), k_subset(scores.astype(np.float64), k))


@pytest.mark.parametrize("bad", (1.0, 0.5, np.nan, np.inf))
def test_an_order_that_is_none_is_refused(bad):
    with pytest.raises(
        ValueError, match=r"Entmax\(alpha=...\)` must be above 1 and finite, got"
    ):
        am.Entmax(alpha=bad)
    with pytest.raises(
        ValueError, match=r"Normmax\(gamma=...\)` must be above 1 and finite, got"
    ):
        am.Normmax(gamma=bad)


def test_other_bad_numbers_are_refused():
    with pytest.raises(ValueError, match=r"Entmax\(alpha=...\)` must be one number"):
        am.Entmax(alpha=[1.5, 2.0])
    for k in (0, -1):
        with pytest.raises(ValueError, match=r"KSubset\(k=...\)` must be at least 1"):
            am.KSubset(k=k)
    with pytest.raises(TypeError, match="whole number, got 1.5|Type-check"):
        am.KSubset(k=1.5)  # pyright: ignore
    for rule in (am.Entmax, am.Normmax, am.KSubset):
        with pytest.raises(ValueError, match=rf"{rule.__name__}\(beta=...\)` must be"):
            rule(beta=-1.0)
