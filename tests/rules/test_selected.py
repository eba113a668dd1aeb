"""What the rules of the largest scores do beyond the laws."""

from typing import Any

import jax
import numpy as np
import pytest
from helpers import assert_close, make_pairs, of_largest

import assocmem_jax as am


FOLDS = (am.Fold(4), am.Fold(1), am.Fold(None), am.Fold(4, stop=50), am.Fold())


@pytest.mark.parametrize("k", (1, 2, 5, 12, 13, 50))
def test_the_largest_of_all_blocks_are_kept(k, rng):
    keys, values, queries = make_pairs(rng)
    scores = queries @ keys.T
    expected = of_largest(scores, k, scores) @ values
    for fold in FOLDS:
        out = am.retrieve(am.TopK(k), keys, values, queries, fold=fold)
        assert_close(out, expected)


def test_more_than_are_stored_are_all_kept(rng):
    arrays = make_pairs(rng)
    whole = am.retrieve(am.DotProduct(), *arrays)
    for k in (13, 100):
        assert_close(am.retrieve(am.TopK(k), *arrays), whole)
    mask = np.arange(13) < 3
    few = am.retrieve(am.DotProduct(), *arrays, mask=mask)
    assert_close(am.retrieve(am.TopK(5), *arrays, mask=mask), few)


def test_of_equal_scores_the_first_stored_is_the_largest():
    keys, values = np.ones((9, 2)), np.arange(9.0)[:, None]
    query, late = np.ones((1, 2)), np.arange(9) >= 4
    for fold in FOLDS:
        given: dict[str, Any] = {"fold": fold}
        first = am.retrieve(am.Nearest(), keys, values, query, **given)
        np.testing.assert_array_equal(first, [[0.0]])
        three = am.retrieve(am.TopK(3), keys, values, query, **given)
        np.testing.assert_array_equal(three, [[2 * (0 + 1 + 2)]])
        fifth = am.retrieve(am.Nearest(), keys, values, query, mask=late, **given)
        np.testing.assert_array_equal(fifth, [[4.0]])


def test_the_nearest_is_the_limit_of_the_softmax(rng):
    arrays = make_pairs(rng)
    softmax = am.retrieve(am.Softmax(beta=1e6), *arrays)
    np.testing.assert_array_equal(am.retrieve(am.Nearest(), *arrays), softmax)
    assert np.isin(am.retrieve(am.Nearest(), *arrays), arrays[1]).all()


def test_the_nearest_has_derivatives_by_values_alone(rng):
    arrays = make_pairs(rng)
    loss = lambda *x: am.retrieve(am.Nearest(), *x).sum()
    keys, values, queries = jax.grad(loss, (0, 1, 2))(*arrays)
    assert not np.any(keys) and not np.any(queries)
    assert np.sum(values) == 7 * 3


@pytest.mark.parametrize("size", (1e30, 1e-30))
def test_what_is_nearest_does_not_depend_on_the_scale(size, rng):
    keys, values, queries = make_pairs(rng, dtype=np.float32)
    expected = am.retrieve(am.Nearest(), keys, values, queries)
    big = np.float32(size)
    for given in (
        (big * keys, queries),
        (keys, big * queries),
        (big * keys, big * queries),
    ):
        if size < 1 and given[0] is not keys and given[1] is not queries:
            continue
        out = am.retrieve(am.Nearest(), given[0], values, given[1])
        np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("k", (0, -3))
def test_a_number_that_is_none_is_refused(k):
    with pytest.raises(ValueError, match=r"TopK\(k=...\)` must be at least 1, got"):
        am.TopK(k)


def test_a_number_that_is_not_whole_is_refused():
    with pytest.raises(TypeError, match="must be a whole number, got 2.5|Type-check"):
        am.TopK(2.5)  # pyright: ignore
