import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close, largest_intermediate

import assocmem_jax as am


def test_cosine_and_distance_equal_their_definitions(rng):
    a, b = rng.standard_normal((2, 4, 6, 5))
    cosine, distance = np.empty((4, 6)), np.empty((4, 6))
    for i in np.ndindex(4, 6):
        cosine[i] = a[i] @ b[i] / np.sqrt((a[i] @ a[i]) * (b[i] @ b[i]))
        distance[i] = np.sqrt(
            sum((x - y) ** 2 for x, y in zip(a[i], b[i], strict=True))
        )
    assert_close(am.metrics.cosine_similarity(a, b), cosine)
    assert_close(am.metrics.euclidean_distance(a, b), distance)


def test_a_zero_vector_has_cosine_zero_and_finite_gradients():
    zero, one = jnp.zeros(3), jnp.ones(3)
    for a, b in ((zero, one), (one, zero), (zero, zero)):
        assert am.metrics.cosine_similarity(a, b) == 0
        assert am.metrics.euclidean_distance(a, b) == np.linalg.norm(a - b)
        for metric in (am.metrics.cosine_similarity, am.metrics.euclidean_distance):
            assert all(np.all(np.isfinite(g)) for g in jax.grad(metric, (0, 1))(a, b))


def test_bit_accuracy_counts_signs(rng):
    a, b = rng.standard_normal((2, 4, 6, 5))
    np.testing.assert_allclose(
        am.metrics.bit_accuracy(a, b), np.mean(np.sign(a) == np.sign(b), axis=-1)
    )
    signs = np.array([1, -1, 1, -1])
    for scale, share in ((3.0, 1), (1e-200, 1), (-1.0, 0)):
        assert am.metrics.bit_accuracy(1e-200 * signs, scale * signs) == share
    broken = np.array([0.0, np.nan, 1, np.inf])
    assert am.metrics.bit_accuracy(signs, broken) == 0.25
    assert am.metrics.bit_accuracy(broken, signs) == 0.25
    half = jnp.asarray(signs, jnp.bfloat16)
    assert am.metrics.bit_accuracy(half, half).dtype == jnp.bfloat16


@pytest.mark.parametrize("query_batch", (None, 1, 4, 100))
def test_recall_equals_its_definition(query_batch, rng):
    values = rng.standard_normal((30, 4))
    target = rng.integers(0, 30, 11)
    retrieved = values[target] + 0.7 * rng.standard_normal((11, 4))
    expected = []
    for x, index in zip(retrieved, target, strict=True):
        distances = [np.linalg.norm(x - value) for value in values]
        expected.append(float(np.argmin(distances) == index))
    assert 0 < np.mean(expected) < 1
    hits = am.metrics.recall_at_1(values, retrieved, target, query_batch)
    np.testing.assert_array_equal(hits, expected)


def test_recall_counts_every_pair_that_shares_the_nearest_value():
    values = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    hits = am.metrics.recall_at_1(values, np.zeros((3, 2)), np.array([0, 1, 2]))
    np.testing.assert_array_equal(hits, [0, 1, 1])
    opposite, middle = np.array([[1.0, 0.0], [-1.0, 0.0]]), np.zeros((2, 2))
    first = am.metrics.recall_at_1(opposite, middle, np.array([0, 1]))
    np.testing.assert_array_equal(first, [1, 0])  # the first of equally near


def test_recall_never_holds_all_distances(rng):
    values, retrieved = rng.standard_normal((2, 512, 3))
    target = np.arange(512)
    fn = lambda x, y: am.metrics.recall_at_1(x, y, target)
    assert largest_intermediate(fn, values, retrieved) < 512 * 512 // 3


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"cosine_similarity.*\(3, 2\) and \(2,\)"):
        am.metrics.cosine_similarity(np.ones((3, 2)), np.ones(2))
    with pytest.raises(ValueError, match=r"euclidean_distance.*\(3, 2\) and \(1, 2\)"):
        am.metrics.euclidean_distance(np.ones((3, 2)), np.ones((1, 2)))
    with pytest.raises(ValueError, match=r"bit_accuracy.*\(3, 2\) and \(1, 2\)"):
        am.metrics.bit_accuracy(np.ones((3, 2)), np.ones((1, 2)))
    with pytest.raises(ValueError, match=r"recall_at_1.*\(3, 2\), \(4, 2\) and \(3,\)"):
        am.metrics.recall_at_1(np.ones((3, 2)), np.ones((4, 2)), np.zeros(3, int))
    with pytest.raises(ValueError, match="query_batch=.*at least 1, got 0"):
        am.metrics.recall_at_1(np.ones((3, 2)), np.ones((4, 2)), np.zeros(4, int), 0)


def test_what_is_not_a_number_is_no_perfect_answer():
    right, broken = np.ones((2, 3)), np.array([[np.nan, 1, 1], [1, 1, 1]])
    for metric in (am.metrics.cosine_similarity, am.metrics.euclidean_distance):
        scores = metric(right, broken)
        assert np.isnan(scores[0]) and np.isfinite(scores[1])
    hits = am.metrics.recall_at_1(np.eye(3), np.full((1, 3), np.nan), [0])
    np.testing.assert_array_equal(hits, [0])


def test_whole_numbers_are_converted():
    values = np.array([[10, 0], [30, 200]], np.uint8)
    distance = am.metrics.euclidean_distance(values[:1], values[1:])
    assert float(distance[0]) == pytest.approx(np.hypot(20, 200))
    hits = am.metrics.recall_at_1(values, values, [0, 1])
    assert jnp.issubdtype(hits.dtype, jnp.floating)
    np.testing.assert_array_equal(hits, [1, 1])
    with pytest.raises(TypeError, match="real numbers, got an array of complex"):
        am.metrics.cosine_similarity(1j * values, values)


def test_recall_does_not_lose_digits_to_an_offset(rng):
    values = (rng.standard_normal((2000, 8)) + 1e3).astype(np.float32)
    assert am.metrics.recall_at_1(values, values, np.arange(2000)).mean() == 1


SCALES = (1e-30, 1e-20, 1e-10, 1.0, 1e10, 1e20, 1e37)


@pytest.mark.parametrize("scale", SCALES)
def test_all_of_the_range_of_a_type_is_measured(scale, rng):
    """As of squares out of range in pytorch#69512 and pytorch#51912."""
    values, retrieved = rng.standard_normal((2, 6, 5))
    scaled = [(scale * x).astype(np.float32) for x in (values, retrieved)]
    exact = [x.astype(np.float64) for x in scaled]
    norms = [np.linalg.norm(x, axis=1) for x in exact]
    np.testing.assert_allclose(
        am.metrics.cosine_similarity(*scaled),
        np.sum(exact[0] / scale * exact[1] / scale, axis=1)
        / (norms[0] / scale * norms[1] / scale),
        rtol=1e-5,
    )
    np.testing.assert_allclose(
        am.metrics.euclidean_distance(*scaled),
        np.linalg.norm(exact[0] - exact[1], axis=1),
        rtol=1e-5,
    )
    target = np.arange(6)
    nearest = [np.argmin([np.linalg.norm(x - y) for y in values]) for x in retrieved]
    hits = am.metrics.recall_at_1(scaled[0], scaled[1], target)
    np.testing.assert_array_equal(hits, nearest == target)
    assert am.metrics.recall_at_1(scaled[0], scaled[0], target).all()


@pytest.mark.parametrize("scale", (1e-4, 10.0, 1e4))
def test_half_precision_is_measured_in_single(scale, rng):
    """As of NVIDIA/apex#211: 768 squares are beyond float16."""
    values = (scale * rng.standard_normal((20, 768))).astype(np.float16)
    other = values[::-1].copy()
    exact = values.astype(np.float64)
    off = np.linalg.norm(exact - exact[::-1], axis=1)
    cosine = am.metrics.cosine_similarity(values, other)
    distance = am.metrics.euclidean_distance(values, other)
    assert cosine.dtype == distance.dtype == np.float16
    assert np.all(am.metrics.cosine_similarity(values, values) == 1)
    assert am.metrics.recall_at_1(values, values, np.arange(20)).all()
    if off.max() < 6e4:
        np.testing.assert_allclose(distance.astype(np.float64), off, rtol=1e-3)


@pytest.mark.parametrize("other", (1.0, None))
def test_derivatives_are_right_over_the_range_of_a_type(other, rng):
    """Of vectors of many sizes, next to one of size 1 or of their own size."""
    x, y = rng.standard_normal((2, 4))
    for scale in 10.0 ** np.arange(-30, 31, 2):
        size = scale if other is None else other
        a, b = (scale * x).astype(np.float32), (size * y).astype(np.float32)
        wide = a.astype(np.float64), b.astype(np.float64)
        norms = [np.linalg.norm(z) for z in wide]
        cosine = wide[0] @ wide[1] / norms[0] / norms[1]
        along = wide[1] / norms[1] - cosine * wide[0] / norms[0]
        gap = wide[0] - wide[1]
        for score, expected in (
            (am.metrics.cosine_similarity, along / norms[0]),
            (am.metrics.euclidean_distance, gap / np.linalg.norm(gap)),
        ):
            gradient = _gradient(a, b, score=score)
            close = functools.partial(np.testing.assert_allclose, rtol=1e-4)
            close(gradient, expected, atol=1e-5 * abs(expected).max())
            step = (scale * np.ones(4)).astype(np.float32)
            _, change = _change(a, b, step, score=score)
            close(change, expected @ step, atol=1e-5 * np.abs(expected * step).sum())


@functools.partial(jax.jit, static_argnames="score")
def _gradient(a, b, *, score):
    return jax.grad(score)(a, b)


@functools.partial(jax.jit, static_argnames="score")
def _change(a, b, step, *, score):
    return jax.jvp(lambda a: score(a, b), (a,), (step,))
