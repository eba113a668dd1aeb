import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import every_way, slow, thorough
from scipy import linalg, stats

import assocmem_jax as am
from assocmem_jax import patterns


N = 70


def walsh(d):
    """The fixed basis: Walsh functions on the first, then the last 2^k coordinates."""
    size = 2 ** int(np.log2(d))
    block, rest = linalg.hadamard(size) / np.sqrt(size), np.eye(d - size)
    first = linalg.block_diag(block, rest) if size < d else np.eye(d)
    return np.asarray(linalg.block_diag(rest, block)) @ np.asarray(first)


def low_rank(d):
    basis = walsh(d)[:, : min(d, 3)]
    return 0.8 * d / basis.shape[1] * basis @ basis.T + 0.2 * np.eye(d)


def spectrum(d):
    basis, eigenvalues = walsh(d), np.arange(d) + 0.5
    return basis @ np.diag(eigenvalues / eigenvalues.mean()) @ basis.T


def samples(d):
    numbers = np.random.default_rng(0).standard_normal((N, d + 2))
    return patterns.Samples(numbers[:, :d], numbers[:, d:])


@dataclasses.dataclass(frozen=True)
class Row:
    """An ensemble for dimension d, the covariance of its coordinates over keys.

    And that of the same coordinate of two patterns of one key.
    """

    make: Callable
    covariance: Callable = np.eye
    shared: float = 0.0


LAWS = {
    "Gaussian": Row(lambda d: patterns.Gaussian()),
    "Spherical": Row(lambda d: patterns.Spherical()),
    "Normalized": Row(lambda d: patterns.Normalized(patterns.Gaussian(), d**0.5)),
    "Bipolar": Row(lambda d: patterns.Bipolar()),
    "Autoregressive": Row(
        lambda d: patterns.Autoregressive(-0.7),
        lambda d: linalg.toeplitz((-0.7) ** np.arange(d)),
    ),
    "LowRank": Row(lambda d: patterns.LowRank(min(d, 3), 0.2), low_rank),
    "Spectrum": Row(lambda d: patterns.Spectrum(np.arange(d) + 0.5), spectrum),
    "Clustered": Row(lambda d: patterns.Clustered(5, 0.3), shared=0.7 / 5),
}
ENSEMBLES = {name: row.make for name, row in LAWS.items()} | {
    "OneHot": lambda d: patterns.OneHot(),
    "Samples": samples,
}
every_law = pytest.mark.parametrize("name", LAWS)
every_ensemble = pytest.mark.parametrize("name", ENSEMBLES)


def assert_mean(sample, mean):
    """Means over the first axis, within five standard errors."""
    error = sample.std(axis=0, ddof=1) / np.sqrt(sample.shape[0])
    # Where nothing varies, float32 rounds.
    assert np.all(np.abs(sample.mean(axis=0) - mean) <= 5 * error + 1e-6)


def test_every_ensemble_is_in_the_table():
    public = {name for name in vars(patterns) if name[0].isupper()}
    assert public == set(ENSEMBLES) | {"AbstractEnsemble"}


@every_ensemble
@pytest.mark.parametrize("d", (3, slow(1), slow(64)))
@every_way
def test_a_pattern_depends_on_key_and_index_alone(name, d, way):
    ensemble, keys = ENSEMBLES[name](d), jax.random.split(jax.random.key(3), 3)
    draw = lambda n: way(lambda key: ensemble.draw(key, n, d))
    longer = np.stack([draw(N)(key) for key in keys])
    assert longer.shape == (3, N, d) and longer.dtype == jnp.float32
    for fewer in (1, 4, N // 2):
        np.testing.assert_array_equal(draw(fewer)(keys[0]), longer[0, :fewer])
    rows = lambda key, index: ensemble.rows(key, index, d)
    index = jnp.array([N - 1, 3, 3, 20, 4, 0, 7])
    for compiled in {way, thorough}:
        run = compiled(rows)
        np.testing.assert_array_equal(run(keys[0], index), longer[0, index])
    many = jax.vmap(rows, (0, None))
    for compiled in {way, thorough}:
        run = compiled(many)
        np.testing.assert_array_equal(run(keys, index), longer[:, index])


@pytest.mark.parametrize("name", ("Gaussian", "Spherical", "Bipolar"))
def test_long_draws_do_not_repeat(name):
    n, d = 37, 2**15
    x = np.asarray(ENSEMBLES[name](d).draw(jax.random.key(5), n, d), np.float64)
    # Off the diagonal, products of independent patterns: 5 standard errors.
    products = x @ x.T - np.diag(np.sum(x**2, axis=1))
    assert np.max(np.abs(products)) < 5 * np.sqrt(d)


@every_ensemble
def test_other_keys_and_patterns_are_other_numbers(name):
    draw = ENSEMBLES[name](64).draw
    patterns = draw(jax.random.key(0), 4, 64)
    assert not np.array_equal(patterns[0], patterns[1])
    # One sample may come first in both shuffles.
    assert not np.array_equal(patterns, draw(jax.random.key(1), 4, 64))


@every_law
@pytest.mark.parametrize("d", (6, slow(4)))
def test_moments_are_those_of_the_law(name, d):
    # One draw per key, as patterns in clusters share their centers.
    ensemble, keys = LAWS[name].make(d), jax.random.split(jax.random.key(7), 20_000)
    rows = jax.vmap(lambda key: ensemble.rows(key, jnp.array([0, 3]), d))(keys)
    first, second = np.moveaxis(np.asarray(rows, np.float64), 1, 0)
    covariance = LAWS[name].covariance(d)
    np.testing.assert_allclose(np.trace(covariance), d)
    assert_mean(first, np.zeros(d))
    assert_mean(first[:, :, None] * first[:, None, :], covariance)
    assert_mean(first[:, :, None] * second[:, None, :], LAWS[name].shared * np.eye(d))


@pytest.mark.parametrize("name", ("Gaussian", "Autoregressive", "LowRank", "Spectrum"))
def test_standardized_patterns_are_normal(name):
    n, d = 2000, 7
    x = np.asarray(LAWS[name].make(d).draw(jax.random.key(1), n, d), np.float64)
    factor = np.linalg.cholesky(LAWS[name].covariance(d))
    assert stats.kstest(np.linalg.solve(factor, x.T).ravel(), "norm").pvalue > 1e-3


@pytest.mark.parametrize("d", (1, 9, 1000))
def test_spherical_patterns_have_norm_sqrt_d(d):
    x = np.asarray(patterns.Spherical().draw(jax.random.key(1), 50, d), np.float64)
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), d**0.5, rtol=1e-6)


def test_bipolar_coordinates_are_signs():
    x = patterns.Bipolar().draw(jax.random.key(1), 50, 9)
    assert set(np.unique(x)) == {-1, 1}


def test_one_hot_patterns_are_the_unit_vectors_equally_often():
    x = np.asarray(patterns.OneHot().draw(jax.random.key(1), 3000, 7))
    assert set(np.unique(x)) == {0, 1}
    np.testing.assert_array_equal(x.sum(axis=1), 1)
    assert stats.chisquare(x.sum(axis=0)).pvalue > 1e-3


@pytest.mark.parametrize("correlation", (-0.999, -0.5, 0.0, 0.9))
def test_an_autoregressive_pattern_is_the_cholesky_factor_times_noise(correlation):
    d = 50
    x = patterns.Autoregressive(correlation).draw(jax.random.key(2), 20, d)
    noise = np.asarray(patterns.Gaussian().draw(jax.random.key(2), 20, d), np.float64)
    factor = np.linalg.cholesky(linalg.toeplitz(correlation ** np.arange(d)))
    np.testing.assert_allclose(x, noise @ factor.T, atol=1e-4)


@pytest.mark.parametrize("d", (1, 2, 3, 6, 32, 100))
def test_spectrum_rotates_independent_coordinates(d):
    eigenvalues = np.arange(d) + 0.5
    x = patterns.Spectrum(eigenvalues).draw(jax.random.key(2), 20, d)
    noise = np.asarray(patterns.Gaussian().draw(jax.random.key(2), 20, d), np.float64)
    scores = np.sqrt(eigenvalues / eigenvalues.mean()) * noise
    np.testing.assert_allclose(x, scores @ walsh(d).T, atol=1e-5)


def test_low_rank_patterns_without_noise_have_that_rank():
    x = patterns.LowRank(3, 0.0).draw(jax.random.key(2), 40, 20)
    values = np.linalg.svd(np.asarray(x, np.float64), compute_uv=False)
    assert values[2] > 1 and values[3] < 1e-5


@pytest.mark.parametrize(
    "ensemble", (patterns.LowRank(3, 1.0), patterns.Autoregressive(0))
)
def test_extremes_are_gaussian(ensemble):
    out = ensemble.draw(jax.random.key(2), 30, 8)
    # The first in other axes: of the same products.
    gaussian = np.asarray(patterns.Gaussian().draw(jax.random.key(2), 30, 8))
    np.testing.assert_allclose(out @ out.T, gaussian @ gaussian.T, atol=1e-4)


def test_clusters_are_equally_likely_and_as_wide_as_asked():
    n, d, spread = 6000, 8, 0.3
    ensemble, key = patterns.Clustered(4, spread), jax.random.key(2)
    x = np.asarray(ensemble.draw(key, n, d), np.float64)
    labels = np.asarray(ensemble.labels(key, jnp.arange(n)))
    assert stats.chisquare(np.bincount(labels, minlength=4)).pvalue > 1e-3
    centers = patterns.Clustered(4, 0.0).draw(key, n, d)
    assert len(np.unique(centers, axis=0)) == 4
    for label in range(4):
        inside = labels == label
        center = np.sqrt(1 - spread) * np.asarray(centers)[inside][0]
        assert_mean(x[inside], center)
        assert_mean((x[inside] - center) ** 2, spread * np.ones(d))


@pytest.mark.parametrize(
    "make, numbers",
    (
        (patterns.Autoregressive, (-0.5, 0.0, 0.9)),
        (lambda noise: patterns.LowRank(2, noise), (0.0, 0.5, 1.0)),
        (lambda spread: patterns.Clustered(3, spread), (0.0, 0.5, 1.0)),
        (patterns.Spectrum, np.random.default_rng(0).random((3, 6))),
    ),
)
def test_parameters_can_be_mapped_over(make, numbers):
    numbers, index = jnp.asarray(numbers, jnp.float32), jnp.arange(5)
    rows = lambda number: make(number).rows(jax.random.key(0), index, 6)
    many = jax.vmap(rows)(numbers)
    loop = jnp.stack([rows(number) for number in numbers])
    np.testing.assert_allclose(many, loop, rtol=1e-5, atol=1e-6)


def test_a_new_parameter_does_not_recompile():
    traces = []

    @jax.jit
    def draw(ensemble):
        traces.append(1)
        return ensemble.draw(jax.random.key(0), 4, 3)

    for correlation in (0.1, 0.2):
        draw(patterns.Autoregressive(correlation))
    assert len(traces) == 1


def test_samples_do_not_repeat_and_values_go_along():
    ensemble, key = samples(5), jax.random.key(4)
    keys = np.asarray(ensemble.draw(key, N, 5))
    values = np.asarray(ensemble.value_rows(key, jnp.arange(N)))
    assert ensemble.has_values and ensemble.values is not None
    assert len(np.unique(keys, axis=0)) == N
    held = np.asarray(ensemble.keys)
    places = [int(np.argmax(np.all(held == row, axis=1))) for row in keys]
    np.testing.assert_array_equal(keys, held[places])
    np.testing.assert_array_equal(values, np.asarray(ensemble.values)[places])
    # A study draws more rows than it stores.
    past = jax.jit(lambda index: ensemble.rows(key, index, 5))(
        jnp.array([N - 1, N, N + 50])
    )
    with pytest.raises(
        ValueError, match=rf"rows\(index=.*from 0 to below {N}, got {N}"
    ):
        ensemble.rows(key, jnp.array([0, N]), 5)
    np.testing.assert_array_equal(past, keys[[-1, -1, -1]])


def test_every_sample_is_as_likely_in_every_place():
    ensemble = patterns.Samples(np.arange(6)[:, None])
    rows = lambda key: ensemble.rows(key, jnp.arange(6), 1)[:, 0]
    draws = np.asarray(jax.vmap(rows)(jax.random.split(jax.random.key(0), 6000)))
    for place in range(6):
        counts = np.bincount(draws[:, place].astype(int), minlength=6)
        assert stats.chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize("with_values", (True, False))
def test_samples_are_loaded(tmp_path, rng, with_values):
    keys, values = rng.standard_normal((7, 3)), rng.integers(5, size=(7, 2))
    if with_values:
        np.savez(tmp_path / "pairs.npz", keys=keys, values=values)
        ensemble = patterns.Samples.load(tmp_path / "pairs.npz")
        np.testing.assert_array_equal(ensemble.values, values)
    else:
        np.save(tmp_path / "keys.npy", keys)
        ensemble = patterns.Samples.load(str(tmp_path / "keys.npy"))
    assert ensemble.has_values == with_values
    np.testing.assert_array_equal(ensemble.keys, keys.astype(np.float32))


def test_files_that_hold_no_samples_are_refused(tmp_path):
    load = patterns.Samples.load
    with pytest.raises(FileNotFoundError, match="finds no file '.*none.npy'"):
        load(tmp_path / "none.npy")
    with pytest.raises(ValueError, match="must end in `.npy` or `.npz`, got '.*csv'"):
        load(tmp_path / "none.csv")
    np.savez(tmp_path / "other.npz", images=np.ones((2, 2)), labels=np.ones(2))
    with pytest.raises(ValueError, match="other.npz' holds `images`, `labels`"):
        load(tmp_path / "other.npz")
    np.save(tmp_path / "object.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(ValueError, match="cannot read '.*object.npy': Object arrays"):
        load(tmp_path / "object.npy")
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(ValueError, match="cannot read '.*broken.npz'"):
        load(tmp_path / "broken.npz")
    np.save(tmp_path / "flat.npy", np.ones(3))
    with pytest.raises(ValueError, match=r"keys=...\)` must have two axes"):
        load(tmp_path / "flat.npy")


@every_ensemble
def test_sizes_below_one_are_refused(name):
    ensemble = ENSEMBLES[name](3)
    with pytest.raises(ValueError, match=r"draw\(n=...\)` must be at least 1, got 0"):
        ensemble.draw(jax.random.key(0), 0, 3)
    with pytest.raises(ValueError, match=r"draw\(d=...\)` must be at least 1, got -2"):
        ensemble.draw(jax.random.key(0), 3, -2)
    with pytest.raises(TypeError, match="whole number, got 2.5|Type-check"):
        ensemble.draw(jax.random.key(0), 2.5, 2)


@pytest.mark.parametrize(
    "ensemble, n, d, message",
    (
        (samples(3), N + 1, 3, r"n=...\)` asks for 71 patterns, and `Samples` holds"),
        (samples(3), N, 4, r"d=...\)` asks for dimension 4, and `Samples` holds"),
        (
            patterns.LowRank(5, 0.1),
            9,
            4,
            r"d=...\)` asks for dimension 4, and `LowRank` has 5 factors",
        ),
        (
            patterns.Spectrum([1, 2]),
            9,
            3,
            r"d=...\)` asks for dimension 3, and `Spectrum` has 2 eigen",
        ),
    ),
)
def test_patterns_that_there_are_not_are_refused(ensemble, n, d, message):
    with pytest.raises(ValueError, match=r"`sweep\(" + message):
        ensemble.check("sweep", n, d)
    with pytest.raises(ValueError, match=r"`draw\(" + message):
        ensemble.draw(jax.random.key(0), n, d)


@pytest.mark.parametrize(
    "make, message",
    (
        (lambda: patterns.Autoregressive(1.0), "above -1 and below 1, got 1.0"),
        (lambda: patterns.Autoregressive(np.nan), "above -1 and below 1, got nan"),
        (lambda: patterns.Autoregressive(jnp.zeros(2)), r"one number, got shape \(2,"),
        (lambda: patterns.LowRank(0, 0.5), r"rank=...\)` must be at least 1, got 0"),
        (
            lambda: patterns.LowRank(2, 1.5),
            r"noise=...\)` must be from 0 to 1, got 1.5",
        ),
        (lambda: patterns.Clustered(0, 0.5), r"num_clusters=...\)` must be at least 1"),
        (
            lambda: patterns.Clustered(2, -0.5),
            r"spread=...\)` must be from 0 to 1, got",
        ),
        (lambda: patterns.Spectrum([1, -2]), r"not negative, got -2.0 at \[1\]"),
        (lambda: patterns.Spectrum([1, np.inf]), r"be finite and .*, got inf at \[1\]"),
        (lambda: patterns.Spectrum([0, 0]), "must not all be zero, got 2 zeros"),
        (lambda: patterns.Spectrum([[1]]), r"must have one axis, got shape \(1, 1\)"),
        (lambda: patterns.Samples([1, 2]), r"two axes, one row per item, got shape"),
        (lambda: patterns.Samples([[1], [np.nan]]), r"1 of 2 rows .* first at \[1\]"),
        (lambda: patterns.Samples([[1]], [[np.inf]]), r"values=...\)` must be finite"),
        (lambda: patterns.Samples([[1]], [[1], [2]]), "got 1 keys and 2 values"),
        (
            lambda: patterns.Samples([[1]]).value_rows(
                jax.random.key(0), jnp.arange(1)
            ),
            r"`Samples\(values=None\)` has no values for `value_rows`",
        ),
    ),
)
def test_wrong_parameters_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_ensembles_are_reached_from_the_package():
    assert am.patterns is patterns
