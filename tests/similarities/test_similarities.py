"""What each similarity is, and what it does far out and close by."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close, make_pairs, slow, softmax
from table import DISTANCES, NEW, SEPARATIONS, SIMILARITIES, with_similarity

import assocmem_jax as am
from assocmem_jax._core.separation import weight_sums, weighted
from assocmem_jax._core.sums import IndexedKeys
from assocmem_jax.similarities import Cosine, Manhattan, SquaredEuclidean
from assocmem_jax.testing._compiled import quick


def few(rules):
    """One rule of each kind, in the fast lane one that looks once, and one again."""
    kinds = ("Epanechnikov", "LocalLinear", "Polynomial", "TopK")
    return ["Softmax", "Sparsemax", *(slow(x) for x in kinds if x in rules)]


# Weights of local linear answers depend on the keys themselves, too.
by_scores_alone = pytest.mark.parametrize(
    "rule", few(set(SEPARATIONS) - {"LocalLinear"})
)
every_similarity = pytest.mark.parametrize("name", SIMILARITIES)
every_distance = pytest.mark.parametrize("name", DISTANCES)


def scores(name, queries, keys):
    similarity = SIMILARITIES[name][0]
    of_one = lambda query: similarity.scores(query, jnp.asarray(keys), jnp.matmul)
    return jax.vmap(of_one)(jnp.asarray(queries))


@every_similarity
# Coordinates within a step of the loop over them, one more, and several steps.
@pytest.mark.parametrize("d", (1, 5, 16, 17, 50))
@pytest.mark.parametrize("dtype", (np.float32, np.float64))
def test_scores_are_those_of_the_definition(name, d, dtype, rng):
    keys, _, queries = make_pairs(rng, n=20, d=d, dtype=dtype)
    expected = SIMILARITIES[name][1](*(x.astype(float) for x in (queries, keys)))
    found = scores(name, queries, keys)
    assert found.dtype == dtype
    assert_close(found, expected)


@every_similarity
@by_scores_alone
def test_the_nearest_key_has_the_largest_weight(rule, name, rng):
    keys, _, queries = make_pairs(rng, n=20)
    weights = am.retrieve(
        with_similarity(SEPARATIONS[rule], name), keys, np.eye(20), queries
    )
    nearest = SIMILARITIES[name][1](queries, keys).argmax(axis=1)
    # Of k largest scores below zero, those that are left out have a larger weight, 0.
    chosen = weights if rule != "TopK" else np.where(weights == 0, -np.inf, weights)
    largest = chosen.max(axis=1)
    assert np.all(chosen[np.arange(len(queries)), nearest] == largest)
    # Minus a distance is negative: its powers are, and a rectified one is nothing.
    signed = rule in ("Polynomial", "ReLU", "TopK") and name in DISTANCES
    assert (largest > 0).any() != signed


@by_scores_alone
def test_norms_do_not_count_in_a_cosine(rule, rng):
    keys, values, queries = make_pairs(rng)
    rule = with_similarity(SEPARATIONS[rule], "Cosine")
    of_keys, of_queries = (np.exp(5 * rng.standard_normal((n, 1))) for n in (13, 7))
    scaled = am.retrieve(rule, of_keys * keys, values, of_queries * queries)
    assert_close(scaled, am.retrieve(rule, keys, values, queries))


@pytest.mark.parametrize("rule", few(SEPARATIONS))
@every_distance
def test_the_origin_does_not_count_in_a_distance(rule, name, rng):
    keys, values, queries = make_pairs(rng)
    rule, shift = with_similarity(SEPARATIONS[rule], name), rng.standard_normal(5)
    shifted = am.retrieve(rule, keys + shift, values, queries + shift)
    expected = np.asarray(am.retrieve(rule, keys, values, queries))
    np.testing.assert_allclose(shifted, expected, atol=1e-12)


@every_distance
def test_near_points_are_told_apart_far_from_the_origin(name, rng):
    keys, values, queries = (x.astype(np.float32) for x in make_pairs(rng, n=50, d=40))
    keys, queries = keys + np.float32(1e5), queries + np.float32(1e5)
    # Rounded, they are other points, of which the distances are known.
    wide = [x.astype(float) for x in (queries, keys)]
    expected = SIMILARITIES[name][1](*wide)
    np.testing.assert_allclose(scores(name, queries, keys), expected, rtol=1e-5)
    rule = am.Softmax(beta=0.1, similarity=SIMILARITIES[name][0])
    assert_close(
        am.retrieve(rule, keys, values, queries), softmax(0.1 * expected) @ values
    )


def test_distances_count_against_a_key_times_the_inverse_temperature():
    # One step away, in a single coordinate: a share of e^-beta, the smaller the larger
    # beta.
    keys, values, query = np.array([[0.0], [1.0]]), np.eye(2), np.zeros((1, 1))
    for similarity in (Manhattan(), SquaredEuclidean()):
        for beta in (0.5, 1.0, 8.0):
            rule = am.Softmax(beta=beta, similarity=similarity)
            near, far = am.retrieve(rule, keys, values, query)[0]
            np.testing.assert_allclose(far / near, np.exp(-beta), rtol=1e-12)


def test_a_softmax_of_squared_distances_is_a_gaussian_kernel(rng):
    keys, values, queries = make_pairs(rng)
    width = 0.8
    kernel = np.exp(SIMILARITIES["SquaredEuclidean"][1](queries, keys) / 2 / width**2)
    rule = am.Softmax(beta=1 / (2 * width**2), similarity=SquaredEuclidean())
    expected = kernel @ values / kernel.sum(axis=1, keepdims=True)
    assert_close(am.retrieve(rule, keys, values, queries), expected)


@pytest.mark.parametrize("of_keys", (1e-30, 1e-12, 1.0, 1e12, 1e30))
@pytest.mark.parametrize("of_queries", (1e-30, 1.0, 1e30))
@pytest.mark.parametrize("name", NEW)
def test_scores_of_extremes_are_finite(name, of_keys, of_queries, rng):
    arrays = make_pairs(rng, dtype=np.float32)
    keys, values, queries = (
        x * np.float32(y) for x, y in zip(arrays, (of_keys, 1, of_queries), strict=True)
    )
    assert np.isfinite(scores(name, queries, keys)).all()
    for beta in (0.0, 1.0, 1e30):
        rule = am.Softmax(beta=beta, similarity=SIMILARITIES[name][0])
        fn = lambda *arrays: am.retrieve(rule, *arrays)  # noqa: B023
        answers, pull = jax.vjp(fn, keys, values, queries)
        assert np.isfinite(answers).all()
        # Values are not beyond those that are stored.
        assert np.abs(answers).max() <= np.abs(values).max() * (1 + 1e-5)
        # Products of what derivatives are made of are out of range before they are.
        if beta <= 1 and of_keys < 1e15 and of_queries == 1:
            assert all(np.isfinite(x).all() for x in pull(jnp.ones_like(answers)))


@pytest.mark.parametrize("scale", (1e-30, 1e-10, 1e10, 1e30))
def test_cosines_are_right_for_vectors_of_any_length(scale, rng):
    keys, _, queries = make_pairs(rng, dtype=np.float32)
    expected = np.asarray(SIMILARITIES["Cosine"][1](queries, keys))
    for given in ((scale, 1), (1, scale), (scale, scale)):
        scaled = [
            x * np.float32(y) for x, y in zip((queries, keys), given, strict=True)
        ]
        assert_close(scores("Cosine", *scaled), expected)


@pytest.mark.parametrize("name", NEW)
def test_near_keys_win_at_any_length(name, rng):
    keys, values, queries = make_pairs(rng, m=13, dtype=np.float32)
    rule = am.Softmax(beta=1e4, similarity=SIMILARITIES[name][0])
    scale = np.float32(1e30)
    answers = am.retrieve(rule, keys * scale, values, keys * np.float32(1.01) * scale)
    np.testing.assert_allclose(answers, values, rtol=1e-5)


def test_a_vector_of_zeros_has_no_direction():
    zero, some = np.zeros((1, 3)), np.array([[1.0, 2.0, 3.0]])
    for queries, keys in ((zero, some), (some, zero), (zero, zero)):
        assert scores("Cosine", queries, keys) == 0
        for by in (0, 1):
            gradient = jax.grad(lambda *x: scores("Cosine", *x).sum(), by)(
                jnp.asarray(queries), jnp.asarray(keys)
            )
            assert np.isfinite(gradient).all()


@every_distance
@pytest.mark.parametrize("d", (3, 40))
def test_derivatives_of_scores_are_finite_differences(name, d, rng):
    keys, _, queries = make_pairs(rng, n=4, d=d, m=2)
    change = [rng.standard_normal(x.shape) for x in (queries, keys)]
    fn = lambda queries, keys: scores(name, queries, keys)
    _, forward = jax.jvp(fn, (queries, keys), tuple(change))
    moved = [fn(queries + s * change[0], keys + s * change[1]) for s in (1e-6, -1e-6)]
    np.testing.assert_allclose(forward, (moved[0] - moved[1]) / 2e-6, atol=1e-6)
    out, pull = jax.vjp(fn, queries, keys)
    sums = [
        np.sum(a * b) for a, b in zip(pull(jnp.ones_like(out)), change, strict=True)
    ]
    np.testing.assert_allclose(sum(sums), forward.sum())


@every_distance
def test_a_query_that_is_a_key_is_drawn_nowhere(name):
    at = jnp.arange(20.0)
    gradient = jax.grad(lambda x: scores(name, x[None], at[None]).sum())(at)
    np.testing.assert_array_equal(gradient, 0)


class Kernel(am.AbstractSeparation):
    """Weights relative to nothing, the larger the more alike."""

    def weigh(self, scores, mask):
        return None, jnp.exp(scores)


class Cubic(am.AbstractSeparation):
    """Weights that are largest for what is least alike."""

    def weigh(self, scores, mask):
        return None, scores**3


@pytest.mark.parametrize("scale", (1e-5, 1.0, 1e5))
@pytest.mark.parametrize("rule", (Kernel, Cubic))
@every_similarity
def test_weights_of_any_size_have_a_unit(name, rule, scale, rng):
    """What is summed of weights is in range where the weights are."""
    if rule is Kernel and name != "Cosine":
        scale = min(scale, 1.0)
    similarity, definition = SIMILARITIES[name]
    keys = rng.standard_normal((20, 8))
    queries = keys + 0.3 * rng.standard_normal((20, 8))
    keys, queries = ((scale * x).astype(np.float32) for x in (keys, queries))
    index, stored = jnp.arange(20, dtype=jnp.int32), jnp.ones(20, bool)
    table = IndexedKeys(jnp.asarray(keys), index, stored)

    def found(query, key, target):
        own, fold = rule(similarity=similarity), am.Fold(7)
        sums = weight_sums(own, query, key, target, fold)
        return weighted(own, sums, query, table, fold)

    sums = quick()(jax.vmap(found))(jnp.asarray(queries), table.keys, index)
    scores = definition(*(x.astype(float) for x in (queries, keys)))
    right = np.exp(scores) if rule is Kernel else scores**3
    unit, target = (np.asarray(x, float) for x in (sums.unit, sums.target))
    # Squares of the largest weight are far from the ends of the range.
    assert np.all(np.abs(right).max(axis=1) < 1e6 * unit)
    assert np.all(np.abs(right).max(axis=1) > 1e-6 * unit)
    off = np.abs(target - np.diag(right) / unit)
    assert np.all(off < 1e-4 * np.abs(right).max(axis=1) / unit)
    noise = (right**2).sum(axis=1) - np.diag(right) ** 2
    np.testing.assert_allclose(sums.noise, noise / unit**2, rtol=1e-3, atol=1e-12)


@pytest.mark.parametrize("given", (Cosine, "cosine", None, am.Softmax()))
@pytest.mark.parametrize("rule", few(SEPARATIONS))
def test_what_is_no_similarity_is_refused(rule, given):
    message = rf"`{rule}\(similarity=...\)` must be a similarity, got .*`similarities."
    with pytest.raises(TypeError, match=message):
        dataclasses.replace(SEPARATIONS[rule], similarity=given)


def test_a_similarity_is_part_of_what_a_rule_says_of_itself():
    assert repr(am.ReLU(similarity=Cosine())) == "ReLU(similarity=Cosine())"
    assert repr(am.ReLU()) == "ReLU()"
