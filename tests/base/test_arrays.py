"""What is taken for an array, wherever one is: numpyro#948, h5py#1131, ml_dtypes#81."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import assocmem_jax as am
from assocmem_jax._base.arrays import to_index, to_mask, to_real


ROWS = np.array([[1, 0], [0, 1], [1, 1]], np.float32)
MASKED = np.ma.array(ROWS, mask=np.arange(6).reshape(3, 2) > 3)
ONES = np.ones((3, 2), np.float32)


@pytest.mark.parametrize(
    "take",
    (
        lambda x: am.retrieve(am.DotProduct(), x, ONES, ONES),
        lambda x: am.retrieve(am.DotProduct(), ONES, ONES, list(x)),
        lambda x: am.retrieve(am.DotProduct(), ONES, ONES, ONES, mask=x[:, 0] > 0),
        lambda x: am.Pairs(x, ONES),
        lambda x: am.patterns.Samples(x),
        lambda x: am.metrics.cosine_similarity(x, ONES),
        lambda x: am.metrics.recall_at_1(ONES, x, [0, 1, 2]),
        lambda x: am.metrics.recall_at_1(ONES, ONES, x[:, 0].astype(int)),
    ),
)
def test_masked_entries_are_refused(take):
    """NumPy drops the mask, which would count the third row: 11. in place of 3."""
    with pytest.raises(
        ValueError, match=r"`.*\(.*=...\)` must be a full array, got one "
    ):
        take(MASKED)


def test_a_masked_array_of_which_nothing_is_masked_is_an_array():
    whole = np.ma.array(ONES)
    np.testing.assert_array_equal(to_real("f", "x", whole), ONES)
    assert to_mask("f", "mask", np.ma.array([True, False]), 2).tolist() == [True, False]


@pytest.mark.parametrize("kind", (">f4", ">f8", ">f2", ">i4", ">u2"))
def test_the_order_of_bytes_does_not_matter(kind):
    given = np.arange(6).reshape(3, 2).astype(kind)
    out = am.retrieve(am.DotProduct(), given, given, given)
    right = given.astype(float)
    np.testing.assert_array_equal(out, right @ right.T @ right)
    np.testing.assert_array_equal(am.patterns.Samples(given).keys, right)


def tensors():
    torch = pytest.importorskip("torch")
    return torch.ones(3, 2, dtype=torch.float64)


@pytest.mark.parametrize(
    "make",
    (
        lambda: np.ones((3, 2)),
        lambda: np.ones((3, 2), ">f8"),
        lambda: np.ones((3, 2), np.longdouble),
        lambda: [np.ones(2)] * 3,
        lambda: [[1.0, np.float64(2)]] * 3,
        lambda: pytest.importorskip("pandas").DataFrame(np.ones((3, 2))),
        tensors,
        lambda: list(tensors()),
    ),
)
def test_float64_is_not_narrowed_without_a_word(make):
    with jax.enable_x64(False), pytest.warns(UserWarning, match=r"`f\(x=...\)` is flo"):
        assert to_real("f", "x", make(), 2).dtype == jnp.float32


@pytest.mark.parametrize("given", ([[1.0, 2.0]], [[1, 2.5]], ((1, 2),), [[True, 0.5]]))
def test_numbers_as_python_has_them_chose_no_type(given):
    with jax.enable_x64(False), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert to_real("f", "x", given, 2).dtype == jnp.float32


def with_a_gradient():
    return pytest.importorskip("torch").ones(3, 2, requires_grad=True)


@pytest.mark.parametrize(
    ("make", "message"),
    (
        (with_a_gradient, "must be an array, got a Tensor that NumPy cannot read: "),
        (lambda: tensors().to_sparse(), "got a Tensor that NumPy cannot read"),
        (
            lambda: np.zeros((3, 2), "m8[s]"),
            "real numbers, got an array of timedelta64",
        ),
        (lambda: np.zeros((3, 2), "M8[s]"), "real numbers, got an array of datetime64"),
        (lambda: np.ones((3, 2), object), "real numbers, got an array of object"),
        (lambda: jax.random.split(jax.random.key(0), 2)[None], "got an array of key"),
    ),
)
def test_what_holds_no_numbers_is_named(make, message):
    with pytest.raises(TypeError, match=rf"`f\(x=...\)` .*{message}"):
        to_real("f", "x", make(), 2)


@pytest.mark.parametrize(
    ("index", "error", "message"),
    (
        ([0, 3], ValueError, "must be from 0 to below 3, got 3"),
        ([0, -1], ValueError, "must be from 0 to below 3, got -1"),
        (jnp.array([7]), ValueError, "must be from 0 to below 3, got 7"),
        ([0.0, 1.0], TypeError, "must hold whole numbers, got an array of float64"),
        ([True], TypeError, "must hold whole numbers, got an array of bool"),
    ),
)
def test_indices_are_not_clamped(index, error, message):
    with pytest.raises(error, match=rf"`f\(i=...\)` {message}"):
        to_index("f", "i", index, 3)
    with pytest.raises(error, match=rf"`recall_at_1\(target=...\)` {message}"):
        am.metrics.recall_at_1(ONES, ONES[: len(index)], index)
