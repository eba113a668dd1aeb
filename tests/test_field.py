"""What users of this and of other libraries have met, each with the public report.

Others of these cases stand where their subject is tested: search for `jax#31800` and
its like.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import assocmem_jax as am


TEMPERED = (am.Softmax, am.Sparsemax)


def half(x):
    return jnp.asarray(x, jnp.float16)


@pytest.mark.parametrize("rule", TEMPERED)
def test_images_in_half_precision_are_retrieved(rule, rng):
    """pytorch#119131: scores of 784 pixels of up to 255 are beyond float16."""
    images = rng.integers(0, 256, (20, 784)).astype(np.float16)
    out = am.retrieve(rule(784**-0.5), images, images, images)
    np.testing.assert_array_equal(out, images)


@pytest.mark.parametrize("rule", TEMPERED)
def test_padding_does_not_win_over_very_low_scores(rule):
    """Dao-AILab/flash-attention#49: a masked score must be below all others."""
    keys, values = -250 * np.ones((4, 2)), [[1], [2], [3], [4]]
    mask = [True, True, False, False]
    out = am.retrieve(rule(), half(keys), half(values), half([[250, 250]]), mask=mask)
    np.testing.assert_array_equal(out, [[1.5]])


@pytest.mark.parametrize(
    ("n", "dtype", "fold"),
    (
        (65536, jnp.float16, am.Fold()),
        (131072, jnp.float16, am.Fold()),
        (8192, jnp.bfloat16, am.Fold(16)),
    ),
)
def test_means_of_many_are_in_more_digits_than_half(n, dtype, fold):
    """jax-ml/ml_dtypes#63: a sum in half precision stops to grow, or overflows."""
    values = jnp.repeat(jnp.array([[0.0], [1.0]], dtype), n // 2, 0)
    ones = jnp.ones((n, 2), dtype)
    assert am.retrieve(am.Softmax(), ones, values, ones[:1], fold=fold) == 0.5


def test_a_beta_beyond_half_precision_takes_the_nearest():
    eye = half(np.eye(3))
    np.testing.assert_array_equal(am.retrieve(am.Softmax(7e4), eye, eye, eye), eye)


def test_the_peak_at_as_many_pairs_as_dimensions_is_no_capacity():
    """arXiv:1912.07242: least squares fail where n = d, and recover beyond."""
    rules = {"pseudoinverse": am.Pseudoinverse()}
    loads = [16, 20, 22, 23, 24, 25, 26, 28, 32, 40, 48]
    grid = {"d": [24], "n": loads, "trials": 16, "query_noise": 0.3}
    found = am.capacity(am.sweep(rules, **grid), threshold=0.7).squeeze()
    assert 20 < found["low"] < found["capacity"] < 23.5
    # From about .73 at n = 32 on, it passes once more.
    assert 24 < found["passes_again"] <= 40
    theory = am.theory.capacity(rules["pseudoinverse"], 24, 0.7, query_noise=0.3)
    assert found["low"] < theory < found["high"]


def test_a_number_may_be_put_into_a_rule_by_surgery():
    """equinox#83: `tree_at` calls no converter."""
    rule = eqx.tree_at(lambda rule: rule.beta, am.Softmax(), 2.0)
    pairs, query = am.Pairs(np.eye(2), np.eye(2)), jnp.ones(2)
    np.testing.assert_allclose(rule.read(pairs, query), [0.5, 0.5])


@pytest.mark.parametrize("rule", (am.Pseudoinverse(), am.Softmax()))
def test_answers_are_exported(rule):
    """jax#21763: what XLA alone knows, such as a layout, is not exported."""
    fn = jax.jit(lambda keys: am.retrieve(rule, keys, keys, keys))
    exported = jax.export.export(fn)(jax.ShapeDtypeStruct((3, 8), jnp.float32))
    keys = np.random.default_rng(0).standard_normal((3, 8)).astype(np.float32)
    np.testing.assert_allclose(exported.call(keys), fn(keys), atol=1e-6)
