import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import eagerly, every_way, slow, thorough
from jax.extend.random import threefry_2x32
from scipy import special, stats

from assocmem_jax._base import random as _random


FUNCTIONS = {
    "bits": _random.bits,
    "uniform": _random.uniform,
    "normal": _random.normal,
}
every_function = pytest.mark.parametrize("name", FUNCTIONS)
every_dimension = pytest.mark.parametrize("d", (5, *map(slow, (1, 2, 64))))

LAST = 2**31 - 1
EXTREME_WORDS = np.array([0, 1, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1], np.uint32)


@every_dimension
def test_bits_are_those_of_the_cipher_of_jax(d):
    key, index = jax.random.key(11), np.array([0, 1, 7, LAST])
    rows, columns = np.meshgrid(index, np.arange(d), indexing="ij")
    counters = jnp.asarray(np.stack([rows, columns]).ravel(), jnp.uint32)
    words = threefry_2x32(jax.random.key_data(key), counters)
    expected = words.reshape(2, len(index), d)[0]
    out = _random.bits(key, jnp.asarray(index), d)
    assert out.dtype == jnp.uint32
    np.testing.assert_array_equal(out, expected)


@every_function
@every_dimension
@every_way
def test_a_row_depends_on_key_and_index_alone(name, d, way):
    fn = lambda rng, index: FUNCTIONS[name](rng, index, d)
    keys, index = jax.random.split(jax.random.key(2), 3), jnp.arange(70)
    rows = np.stack([way(fn)(key, index) for key in keys])
    many = jax.vmap(fn, (0, None))
    assert rows.shape == (3, 70, d) and rows.dtype.itemsize == 4
    for part in (index[:1], index[:4], index[5:38], index[::-1], index.astype("int16")):
        for run in (way(fn), thorough(fn)):
            np.testing.assert_array_equal(run(keys[0], part), rows[0][part])
        for run in (way(many), thorough(many)):
            np.testing.assert_array_equal(run(keys, part), rows[:, part])
    with jax.disable_jit(way is eagerly):
        np.testing.assert_array_equal(fn(keys[0], index[:3]), rows[0][:3])


@every_function
@every_dimension
def test_a_row_does_not_depend_on_the_program_around(name, d):
    index = jnp.arange(9)
    rows = thorough(lambda index: FUNCTIONS[name](jax.random.key(2), index, d))(index)

    @thorough
    def larger(index):
        x = FUNCTIONS[name](jax.random.key(2), index, d)
        return x, x.astype(jnp.float32) * 0.3 + 1

    np.testing.assert_array_equal(larger(index)[0], rows)


@every_function
def test_other_keys_and_rows_are_other_numbers(name):
    fn, index = FUNCTIONS[name], jnp.array([0, 1, 2**16, LAST - 1, LAST])
    draws = [fn(jax.random.key(seed), index, 64) for seed in (0, 1)]
    rows = np.concatenate(draws)
    assert len(np.unique(rows, axis=0)) == 10


@pytest.mark.parametrize("name, law", (("uniform", "uniform"), ("normal", "norm")))
@pytest.mark.parametrize("seed", (0, 1))
def test_numbers_follow_the_law(name, law, seed):
    x = np.ravel(FUNCTIONS[name](jax.random.key(seed), jnp.arange(2000), 50))
    assert stats.kstest(x.astype(np.float64), law).pvalue > 1e-3


def test_normal_moments_are_those_of_the_law():
    x = np.asarray(_random.normal(jax.random.key(4), jnp.arange(20_000), 10))
    x = x.astype(np.float64)
    for power, moment in enumerate((0, 1, 0, 3, 0, 15), start=1):
        sample = x**power
        assert abs(sample.mean() - moment) < 5 * sample.std() / np.sqrt(x.size)


def test_every_bit_is_fair():
    words = np.asarray(_random.bits(jax.random.key(6), jnp.arange(4000), 9))
    ones = (words.ravel()[:, None] >> np.arange(32, dtype=np.uint32)) & 1
    assert np.all(np.abs(ones.mean(axis=0) - 0.5) < 5 * 0.5 / np.sqrt(words.size))


def test_columns_rows_and_adjacent_keys_are_uncorrelated():
    n, d = 1000, 30
    index = jnp.concatenate([jnp.arange(n // 2), LAST - jnp.arange(n // 2)])
    draws = [_random.normal(jax.random.key(seed), index, d) for seed in (8, 9)]
    x, other = (np.asarray(draw, np.float64) for draw in draws)
    error = 1 / np.sqrt(n)
    # Off the diagonal: 435 pairs of columns, 900 across keys.
    assert np.max(np.abs(np.corrcoef(x.T) - np.eye(d))) < 5 * error
    assert np.max(np.abs(x.T @ other)) / n < 5 * error
    for products in (x[:-1] * x[1:], x[:, :-1] * x[:, 1:], x * other):
        assert abs(products.mean()) < 5 / np.sqrt(products.size)


def test_extreme_words_are_finite_and_inside():
    uniform = np.asarray(_random._to_uniform(jnp.asarray(EXTREME_WORDS)))
    assert np.all((uniform > 0) & (uniform < 1))
    np.testing.assert_array_equal(uniform[:1] + uniform[-1:], 1)
    normal = np.asarray(_random._to_normal(jnp.asarray(EXTREME_WORDS)))
    assert np.all(np.isfinite(normal) & (normal != 0) & (np.abs(normal) < 5.5))
    assert np.all(normal[:3] > 0) and np.all(normal[3:] < 0)


def test_laws_are_symmetric():
    rng = np.random.default_rng(0)
    words = np.concatenate([EXTREME_WORDS, rng.integers(2**32, size=10_000)])
    # Also the words beside those where float32 holds one bit less.
    powers = 2 ** np.arange(32)
    words = np.concatenate([words, powers, powers - 1, powers + 1]).astype(np.uint32)
    words, opposite = jnp.asarray(words), jnp.asarray(~words)
    normal = _random._to_normal
    np.testing.assert_array_equal(normal(opposite), -normal(words))
    uniform = lambda words: np.asarray(_random._to_uniform(words), np.float64)
    np.testing.assert_array_equal(uniform(opposite), 1 - uniform(words))


def test_normal_is_the_quantile_of_its_word():
    words = np.random.default_rng(1).integers(2**32, size=10_000, dtype=np.uint32)
    sides = ((words | 1).view(np.int32)).astype(np.float64) / 2**31
    expected = np.sqrt(2) * special.erfinv(sides)
    # In the tails, the rounding of a side near 1 to 2**-24 is magnified.
    slope = np.sqrt(np.pi / 2) * np.exp(expected**2 / 2)
    error = np.abs(np.asarray(_random._to_normal(jnp.asarray(words))) - expected)
    assert np.all(error < 1e-6 * (1 + np.abs(expected)) + slope * 2**-24)


def test_streams_are_different_keys():
    keys = _random.streams(jax.random.key(0), 3)
    words = {tuple(np.asarray(jax.random.key_data(key)).tolist()) for key in keys}
    assert len(words) == 3


@every_function
def test_other_keys_are_refused(name):
    fn, index = FUNCTIONS[name], jnp.arange(2)
    with pytest.raises(ValueError, match="of the Threefry generator, got one of `rbg`"):
        fn(jax.random.key(0, impl="rbg"), index, 3)
    with pytest.raises(Exception, match="must be a typed key, got|Type-check"):
        fn(jnp.zeros(2, jnp.uint32), index, 3)
    with pytest.raises(Exception, match=r"must be one key, got shape \(2,\)|Type-ch"):
        fn(jax.random.split(jax.random.key(0)), index, 3)


def test_words_of_trials_are_those_of_fold_in():
    words = _random.trial_words(7, 64, np.arange(3, 6))
    of_dimension = jax.random.fold_in(jax.random.key(7), 64)
    for i, trial in enumerate((3, 4, 5)):
        for stream in range(3):
            rng = jax.random.fold_in(jax.random.fold_in(of_dimension, trial), stream)
            np.testing.assert_array_equal(words[i, stream], jax.random.key_data(rng))
