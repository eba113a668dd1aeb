import jax
import jax.numpy as jnp
import numpy as np
import pytest

from assocmem_jax._base.checks import to_scalar
from assocmem_jax._spec.axes import corruptions
from assocmem_jax._spec.corruption import corrupt


N, D = 400, 50
INDEX = jnp.arange(N)
KEY = jax.random.key(12)


def levels_of(**given):
    """Levels of all corruptions, zero where not given."""
    return {name: to_scalar("f", name, given.get(name, 0.0)) for name in corruptions()}


@pytest.fixture
def queries(rng):
    return jnp.asarray(rng.standard_normal((N, D)), jnp.float32)


def assert_share(events, share):
    """Events of that probability, within five standard errors of their mean."""
    error = np.sqrt(share * (1 - share) / np.size(events))
    assert abs(np.mean(events) - share) < 5 * error


@pytest.mark.parametrize("dtype", (jnp.bfloat16, jnp.float32, jnp.float64))
@pytest.mark.parametrize("run", (corrupt, jax.jit(corrupt)))
def test_without_corruption_queries_are_kept_bit_for_bit(queries, dtype, run):
    special = jnp.array([0.0, -0.0, 1e-45, -3e38], jnp.float32)
    queries = queries.at[0, :4].set(special).astype(dtype)
    out = run(levels_of(), KEY, INDEX, queries)
    assert out.dtype == dtype
    np.testing.assert_array_equal(out, queries)
    np.testing.assert_array_equal(jnp.signbit(out), jnp.signbit(queries))


@pytest.mark.parametrize("fraction", (0.01, 0.3, 0.9))
def test_a_fraction_is_masked(queries, fraction):
    out = corrupt(levels_of(mask_fraction=fraction), KEY, INDEX, queries)
    masked = np.asarray(out) == 0
    assert_share(masked, fraction)
    np.testing.assert_array_equal(out, np.where(masked, 0, queries))


@pytest.mark.parametrize("probability", (0.01, 0.3, 0.9))
def test_signs_are_flipped(queries, probability):
    out = corrupt(levels_of(flip_probability=probability), KEY, INDEX, queries)
    flipped = np.asarray(out) == -np.asarray(queries)
    assert_share(flipped, probability)
    np.testing.assert_array_equal(out, np.where(flipped, -queries, queries))


def test_all_or_nothing_is_exact(queries):
    masked = corrupt(levels_of(mask_fraction=1), KEY, INDEX, queries)
    np.testing.assert_array_equal(masked, 0)
    flipped = corrupt(levels_of(flip_probability=1), KEY, INDEX, queries)
    np.testing.assert_array_equal(flipped, -queries)


def test_noise_is_normal(queries):
    out = corrupt(levels_of(query_noise=0.5), KEY, INDEX, queries)
    noise = np.asarray(out, np.float64) - np.asarray(queries)
    for power, moment in enumerate((0, 0.25, 0, 3 * 0.25**2), start=1):
        sample = noise**power
        assert abs(sample.mean() - moment) < 5 * sample.std() / np.sqrt(noise.size)
    products = noise * np.asarray(queries)
    assert abs(products.mean()) < 5 * products.std() / np.sqrt(noise.size)


def test_noise_comes_last(queries):
    levels = dict(mask_fraction=0.5, flip_probability=0.5)
    silent = corrupt(levels_of(**levels), KEY, INDEX, queries)
    noisy = corrupt(levels_of(query_noise=0.1, **levels), KEY, INDEX, queries)
    noise = np.asarray(noisy - silent)[np.asarray(silent) == 0]
    assert abs(noise.std() - 0.1) < 5 * 0.1 / np.sqrt(2 * noise.size)


def test_masks_flips_and_noise_are_independent(queries):
    queries = jnp.ones_like(queries)
    masked = corrupt(levels_of(mask_fraction=0.5), KEY, INDEX, queries) == 0
    flipped = corrupt(levels_of(flip_probability=0.5), KEY, INDEX, queries) < 0
    raised = corrupt(levels_of(query_noise=1), KEY, INDEX, queries) > 1
    for first, second in ((masked, flipped), (masked, raised), (flipped, raised)):
        assert_share(np.asarray(first == second), 0.5)


def test_levels_are_paired(queries):
    low, high = (
        corrupt(levels_of(mask_fraction=share), KEY, INDEX, queries) == 0
        for share in (0.2, 0.4)
    )
    assert bool(jnp.all(high | ~low)) and not bool(jnp.all(high == low))
    low, high = (
        corrupt(levels_of(flip_probability=share), KEY, INDEX, queries) == -queries
        for share in (0.2, 0.4)
    )
    assert bool(jnp.all(high | ~low)) and not bool(jnp.all(high == low))
    low, high = (
        corrupt(levels_of(query_noise=std), KEY, INDEX, jnp.zeros_like(queries))
        for std in (0.25, 0.5)
    )
    np.testing.assert_array_equal(high, 2 * low)


def test_a_query_is_corrupted_alike_in_any_company(queries):
    corruption = levels_of(query_noise=0.3, mask_fraction=0.2, flip_probability=0.1)
    whole = corrupt(corruption, KEY, INDEX, queries)
    for part in (slice(1), slice(7, 12), slice(None, None, -3)):
        alone = corrupt(corruption, KEY, INDEX[part], queries[part])
        np.testing.assert_array_equal(alone, whole[part])
    keys = jax.random.split(KEY, 3)
    many = jax.vmap(lambda key: corrupt(corruption, key, INDEX, queries))(keys)
    for key, out in zip(keys, many, strict=True):
        np.testing.assert_array_equal(out, corrupt(corruption, key, INDEX, queries))
    assert not np.array_equal(many[0], many[1])


def test_levels_can_be_mapped_over(queries):
    levels = jnp.array([0.0, 0.3, 1.0], jnp.float32)
    alike = lambda level: {name: level for name in corruptions()}
    at = lambda level: corrupt(alike(level), KEY, INDEX, queries)
    for level, out in zip(levels, jax.vmap(at)(levels), strict=True):
        np.testing.assert_array_equal(out, at(level))


@pytest.mark.parametrize("name", ("mask_fraction", "flip_probability"))
@pytest.mark.parametrize("share", (-0.1, 1.1, np.nan))
def test_shares_out_of_range_are_refused(name, share):
    message = rf"`f\({name}=...\)` must be from 0 to 1, got {share}"
    with pytest.raises(ValueError, match=message):
        corruptions()[name].check("f", name, to_scalar("f", name, share))


@pytest.mark.parametrize("std", (-1.0, np.inf, np.nan))
def test_noise_out_of_range_is_refused(std):
    message = rf"`f\(query_noise=...\)` must be from 0 to below inf, got {std}"
    with pytest.raises(ValueError, match=message):
        corruptions()["query_noise"].check(
            "f", "query_noise", to_scalar("f", "query_noise", std)
        )


def test_many_numbers_are_refused():
    with pytest.raises(ValueError, match=r"must be one number, got shape \(2,\)"):
        corruptions()["mask_fraction"].check("f", "mask_fraction", jnp.zeros(2))
