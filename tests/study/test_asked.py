"""Some of the stored pairs are asked: which, and what that does to the means."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import ALL, FEW, slow

import assocmem_jax as am
from assocmem_jax import patterns
from assocmem_jax.study import _programs
from assocmem_jax.study._questions import Questions, spread


CASES = [(1, 1), (1, 9), (7, 7), (7, 8), (5, 13), (4, 8), (1000, 1999)]


def spread_of(count, n, start):
    numbers = (jnp.int32(x) for x in (count, n, start))
    return np.asarray(spread(jnp.arange(count, dtype=jnp.int32), *numbers))


@pytest.mark.parametrize("count, n", [*CASES, (70_000, 100_003)])
def test_some_numbers_are_evenly_spread(count, n):
    place = np.arange(count)
    for start in (0, n // 3, n - 1):
        actual = spread_of(count, n, start)
        np.testing.assert_array_equal(actual, (place * n + start) // count)
        assert actual.min() >= 0 and actual.max() < n
        assert set(np.diff(actual)) <= {n // count, -(-n // count)}


@pytest.mark.parametrize("count, n", CASES[:-1])
def test_each_number_is_asked_as_often(count, n):
    found = np.concatenate([spread_of(count, n, start) for start in range(n)])
    np.testing.assert_array_equal(np.bincount(found, minlength=n), count)


def test_numbers_are_spread_over_as_many_as_there_can_be():
    count, n = 2**30, 2**31 - 2**12
    place = np.random.default_rng(0).integers(0, count, 1000)
    place[:2] = 0, count - 1
    for start in (0, n - 1):
        expected = (place.astype(object) * n + start) // count
        numbers = (jnp.int32(x) for x in (count, n, start))
        actual = spread(jnp.asarray(place, jnp.int32), *numbers)
        np.testing.assert_array_equal(np.asarray(actual), expected.astype(np.int64))


ONE = jnp.int32(0)


def test_batches_ask_each_number_once():
    questions = Questions(4, jnp.int32(10), begin=jnp.float32(0.5))
    assert int(questions.batches(jnp.int32(9), ONE)) == 3
    assert int(questions.count(jnp.int32(9), ONE)) == 9
    load = jnp.int32(23)
    index = [np.asarray(questions.index(jnp.int32(i), load, ONE)) for i in range(3)]
    index = np.concatenate(index)[:10]
    np.testing.assert_array_equal(index, (np.arange(10) * 23 + 11) // 10)
    index = Questions(4, None).index(jnp.int32(2), load, ONE)
    np.testing.assert_array_equal(index, range(8, 12))


@pytest.mark.parametrize("n, ages", [(12, 3), (13, 4), (3, 5), (2**31 - 2**12, 7)])
def test_parts_of_the_order_begin_with_the_newest(n, ages):
    begin = jnp.float32(0.9)
    questions = Questions(4, jnp.int32(10), jnp.int32(ages), begin=begin)
    load, ends = jnp.int32(n), [n - n * part // ages for part in range(ages + 1)]
    for part, (stop, first) in enumerate(itertools.pairwise(ends)):
        where = load, jnp.int32(part)
        assert int(questions.count(*where)) == min(10, stop - first)
        if stop > first:
            index = np.asarray(questions.index(jnp.int32(0), *where))
            assert index.min() >= first and index.max() < stop


def test_pairs_that_are_not_stored_are_the_same_at_all_loads():
    questions = Questions(4, jnp.int32(6), fresh=jnp.int32(50))
    for load in (3, 40):
        assert int(questions.count(jnp.int32(load), ONE)) == 6
        index = [questions.index(jnp.int32(i), jnp.int32(load), ONE) for i in (0, 1)]
        np.testing.assert_array_equal(np.concatenate(index)[:6], range(50, 56))


SAMPLES = patterns.Samples(np.random.default_rng(5).standard_normal((70, 6)) ** 3)
ENSEMBLES = {
    "Gaussian": patterns.Gaussian(),
    "Spherical": patterns.Spherical(),
    "Bipolar": patterns.Bipolar(),
    "Autoregressive": patterns.Autoregressive(0.5),
    "LowRank": patterns.LowRank(2, 0.3),
    "Spectrum": patterns.Spectrum(np.arange(1.0, 7)),
    "Clustered": patterns.Clustered(4, 0.5),
    "OneHot": patterns.OneHot(),
    "Samples": SAMPLES,
}
GRID = {"d": [6], "n": [64], "trials": 128}


def z_score(x):
    return x.mean() / (x.std(ddof=1) / len(x) ** 0.5)


# A rule for each order of asking, and for each kind of memory.
KINDS = {x: ALL[x] for x in ("DotProduct", "Exponential", "Pseudoinverse", "Sparsemax")}


@pytest.mark.parametrize(
    "name, rules",
    [("Gaussian", ALL), *(slow(x, KINDS) for x in ENSEMBLES if x != "Gaussian")],
)
def test_means_are_those_of_all_pairs(name, rules):
    metrics = ("cosine", "distance", "recall", "success")
    same = {**GRID, "ensemble": ENSEMBLES[name], "metrics": metrics}
    whole, some = am.sweep(rules, **same), am.sweep(rules, **same, asked=8)
    for rule in rules:
        for metric in metrics:
            gap = (some[metric] - whole[metric]).sel(rule=rule).values.ravel()
            # The squares of large distances are beyond float32.
            gap = gap.astype(float)
            # Where every answer is right, or wrong, there is nothing to be off by.
            if not np.allclose(gap, 0, atol=1e-6):
                assert abs(z_score(gap)) < 4, (rule, metric)


def test_standard_errors_are_those_of_the_pairs_that_are_asked():
    """What 8 of 64 queries leave open, beside what the patterns do."""
    some = am.sweep(FEW, **GRID, asked=8)["cosine"]
    whole = am.sweep(FEW, **GRID)
    drawn = whole["cosine"].var("trial", ddof=1)
    # Queries are a sample without replacement of those of a trial.
    queries = (whole["cosine_std"] ** 2).mean("trial") * (1 / 8 - 1 / 64)
    ratio = some.var("trial", ddof=1) / (drawn + queries)
    # The variance of 128 draws is known to 1 in 8.
    assert (abs(ratio - 1) < 4 * (2 / 127) ** 0.5).all()
    assert (ratio.values > 0).all()


class Fading(am.AbstractRule):
    """A correlation matrix in which the first half of the pairs has faded."""

    looks = "again"

    def write(self, pairs, fold=am.Fold()):
        return pairs

    def read(self, memory, query, fold=am.Fold()):
        def answer(block):
            return jnp.stack([fold.dot(fold.dot(query, block.keys.T), block.values)])

        older = am.Fold(fold.block_size, fold.count(memory) // 2)
        add = lambda a, b: a + b
        return (fold(answer, add, memory) - 0.9 * older(answer, add, memory))[0]


def test_rules_of_ordered_pairs_are_measured_without_bias():
    """Where a pair more or less at an end would count: at loads near what is asked."""
    same = {"d": [16], "n": [9, 11, 12, 15, 16, 32], "trials": 256}
    rule = {"fading": Fading()}
    whole = am.sweep(rule, **same)["cosine"].squeeze()
    gap = am.sweep(rule, **same, asked=8)["cosine"].squeeze() - whole
    z = gap.mean("trial") / (gap.std("trial", ddof=1) / 16)
    assert (abs(z) < 4).all()
    # The first ones alone would be worse, by far more than that.
    first = Questions.index

    def biased(self, i, load, part):
        return first(Questions(self.size, None), i, load, part)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Questions, "index", biased)
        jax.clear_caches()
        _programs.compiled_kernel.cache_clear()
        wrong = am.sweep(rule, **same, asked=8)["cosine"].squeeze() - whole
        _programs.compiled_kernel.cache_clear()
        jax.clear_caches()
    z = wrong.mean("trial") / (wrong.std("trial", ddof=1) / 16)
    assert float(z.sel(n=32)) < -8


def test_more_than_there_are_is_all_of_them():
    few = {"relu": am.ReLU(), "pinv": am.Pseudoinverse()}
    same = {"d": [6], "n": [5, 20], "trials": 2, "metrics": ("cosine", "all_correct")}
    whole, capped = am.sweep(few, **same), am.sweep(few, **same, asked=10**6)
    for name in whole.data_vars:
        np.testing.assert_allclose(capped[name], whole[name], atol=2e-6)
    np.testing.assert_array_equal(capped["asked"], [5, 20])
    assert "asked" not in whole.coords


def test_a_dataset_says_how_many_were_asked():
    data = am.sweep({"dot": am.DotProduct()}, d=[4], n=[2, 8], trials=2, asked=4)
    np.testing.assert_array_equal(data["asked"], [2, 4])
    assert data["asked"].dims == ("n",)


def test_shares_are_as_sure_as_their_queries():
    """Of shares that are all 1, an interval knows the number of queries alone."""
    same = {"d": [24], "n": [8, 12], "trials": 4, "metrics": ["recall"]}
    rule = {"pinv": am.Pseudoinverse()}
    ends = [
        am.mean_interval(am.sweep(rule, **same, asked=asked), "recall")["low"]
        for asked in (None, 2)
    ]
    assert (ends[0] > ends[1]).all()
    one = am.sweep(rule, **{**same, "n": [2, 3]}, asked=2)
    two = am.mean_interval(one, "recall")["low"].values
    np.testing.assert_allclose(ends[1].values, two[..., :1].repeat(2, -1))


def test_a_search_asks_some_pairs():
    found = am.search_capacity(
        {"relu": am.ReLU()}, d=[16], threshold=0.5, trials=16, asked=8, limit=256
    )
    every = am.search_capacity(
        {"relu": am.ReLU()}, d=[16], threshold=0.5, trials=16, limit=256
    )
    gap = np.log(found["capacity"] / every["capacity"])
    error = np.hypot(found["log_error"], every["log_error"])
    assert abs(float(gap.squeeze())) < 4 * float(error.squeeze())


@pytest.mark.parametrize(
    "asked, match",
    [
        (0, r"`sweep\(asked=...\)` must be at least 1, got 0"),
        (2**30 + 1, r"`sweep\(asked=...\)` must be at most 1073741824, got"),
    ],
)
def test_what_cannot_be_asked_is_refused(asked, match):
    with pytest.raises((ValueError, TypeError), match=match):
        am.sweep({"dot": am.DotProduct()}, d=[4], n=[8], asked=asked)


def test_whether_all_are_right_cannot_be_told_from_some():
    with pytest.raises(ValueError, match="cannot tell 'all_correct' of 8 pairs from"):
        am.sweep(
            {"dot": am.DotProduct()}, d=[4], n=[8], asked=4, metrics=["all_correct"]
        )


def test_more_pairs_than_can_be_counted_are_refused():
    with pytest.raises(ValueError, match=r"`sweep\(n=...\)` must be at most 21474795"):
        am.sweep({"dot": am.DotProduct()}, d=[4], n=[2**31 - 1], asked=4)
