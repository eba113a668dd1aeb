"""What local linear attention does beyond the laws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close, local_linear, make_pairs, slow

import assocmem_jax as am
from assocmem_jax._core.positive import pseudoinverse
from assocmem_jax.similarities import Cosine, SquaredEuclidean


# Mean cosines of a softmax and of the rule with a penalty of 0.001, of one or two
# draws of 256 Gaussian pairs: of stored keys, and of queries with noise of 0.5.
PUBLISHED = {
    (16, 0.02): (0.083, 0.320, 0.083, 0.283),
    (16, 0.1): (0.253, 0.614, 0.248, 0.545),
    (16, 0.3): (0.782, 0.918, 0.729, 0.825),
    (16, 1.0): (0.946, 0.998, 0.856, 0.874),
    (32, 0.05): (0.289, 0.820, 0.289, 0.739),
    (32, 0.2): (0.959, 0.993, 0.943, 0.938),
    (32, 0.5): (0.997, 1.000, 0.990, 0.947),
}


@pytest.mark.parametrize("penalty", (0.0, 0.1, 1e9))
@pytest.mark.parametrize("n", (1, 4, 30))
def test_weights_sum_to_one(n, penalty, rng):
    keys, _, queries = make_pairs(rng, n=n)
    ones = am.retrieve(
        am.LocalLinear(beta=0.5, penalty=penalty), keys, np.ones((n, 1)), queries
    )
    np.testing.assert_allclose(ones, 1, rtol=1e-10)


@pytest.mark.parametrize("similarity", (am.similarities.Dot(), SquaredEuclidean()))
@pytest.mark.parametrize("beta", (0.0, 0.2, 1.0))
def test_affine_functions_are_answered_exactly(beta, similarity, rng):
    keys, _, queries = make_pairs(rng, n=30)
    slope, shift = rng.standard_normal((5, 3)), rng.standard_normal(3)
    rule = am.LocalLinear(beta=beta, similarity=similarity)
    found = am.retrieve(rule, keys, keys @ slope + shift, queries)
    np.testing.assert_allclose(found, queries @ slope + shift, atol=1e-8)


def test_without_a_slope_it_is_the_softmax(rng):
    arrays = make_pairs(rng)
    for similarity in (am.similarities.Dot(), Cosine(), SquaredEuclidean()):
        common = {"beta": 0.5, "similarity": similarity}
        stiff = am.retrieve(am.LocalLinear(penalty=1e15, **common), *arrays)
        assert_close(stiff, np.asarray(am.retrieve(am.Softmax(**common), *arrays)), 100)


def test_without_a_temperature_it_is_least_squares_with_an_intercept(rng):
    keys, values, queries = make_pairs(rng, n=30)
    ones = lambda x: np.c_[x, np.ones(len(x))]
    solved = np.linalg.lstsq(ones(keys), values, rcond=None)[0]
    found = am.retrieve(am.LocalLinear(beta=0.0), keys, values, queries)
    assert_close(found, ones(queries) @ solved)


@pytest.mark.parametrize("n", (2, 4, 6))
def test_no_penalty_is_the_limit_of_a_small_one(n, rng):
    """Also where keys do not span all directions: the slope of least norm."""
    keys, values, queries = make_pairs(rng, n=n)
    if n == 6:
        keys[:, 4] = keys[:, 3]
    found = am.retrieve(am.LocalLinear(beta=0.5), keys, values, queries)
    small = am.retrieve(am.LocalLinear(beta=0.5, penalty=1e-7), keys, values, queries)
    np.testing.assert_allclose(found, small, rtol=1e-4, atol=1e-4)
    exact = local_linear(keys, values, queries, 0.5, 0.0)
    assert_close(found, exact, 1e4)


def test_keys_far_from_the_origin_lose_no_digits(rng):
    keys, values, queries = make_pairs(rng, n=60, dtype=np.float32)
    keys, queries = (x + np.float32(1e3) for x in (keys, queries))
    rule = am.LocalLinear(beta=0.1, penalty=0.1, similarity=SquaredEuclidean())
    found = am.retrieve(rule, keys, values, queries)
    exact = am.retrieve(rule, *(x.astype(float) for x in (keys, values, queries)))
    assert_close(found, np.asarray(exact), 20)


@pytest.mark.parametrize("n", (4, 30))
@pytest.mark.parametrize("penalty", (0.0, 0.3))
def test_derivatives_are_finite_differences(penalty, n, rng):
    arrays = make_pairs(rng, n=n, m=2)
    given = (jnp.asarray(0.4), jnp.asarray(penalty), *arrays)
    moved = [rng.standard_normal(np.shape(x)) for x in given]
    if penalty == 0:
        moved[1] = np.zeros(())

    def answer(beta, penalty, *arrays):
        return am.retrieve(am.LocalLinear(beta, penalty), *arrays, fold=am.Fold(8))

    at = lambda s: answer(*(x + s * t for x, t in zip(given, moved, strict=True)))
    difference = (np.asarray(at(1e-6)) - np.asarray(at(-1e-6))) / 2e-6
    tangents = tuple(jnp.asarray(x) for x in moved)
    out, change = jax.jvp(answer, given, tangents)
    # With as few keys, the slope of least norm turns as fast as differences tell.
    bound = 1e-5 * (1 + np.abs(difference).max())
    np.testing.assert_allclose(change, difference, atol=bound)
    _, pull = jax.vjp(answer, *given)
    pulled = zip(pull(jnp.ones_like(out)), moved, strict=True)
    total = sum(np.sum(np.asarray(a) * b) for a, b in pulled)
    np.testing.assert_allclose(total, np.sum(change), atol=bound)


@pytest.mark.parametrize("rank", (0, 2, 5))
def test_pseudoinverses_of_every_rank(rank, rng):
    factor = rng.standard_normal((5, rank))
    matrix = 1e-9 * factor @ factor.T
    inverse, null = pseudoinverse(jnp.asarray(matrix))
    expected = np.linalg.pinv(matrix, rcond=1e-10)
    np.testing.assert_allclose(inverse, expected, atol=1e-8 * (1 + expected.max()))
    np.testing.assert_allclose(null, np.eye(5) - expected @ matrix, atol=1e-8)


@pytest.mark.parametrize("argument", ("beta", "penalty"))
@pytest.mark.parametrize("value", (-1.0, np.nan, np.inf, [1.0, 2.0]))
def test_what_is_no_beta_or_penalty_is_refused(argument, value):
    with pytest.raises(ValueError, match=rf"LocalLinear\({argument}=...\)` must be"):
        am.LocalLinear(**{argument: value})


@pytest.mark.parametrize(
    "cell", [x if x == (16, 0.1) else slow(x) for x in PUBLISHED], ids=str
)
def test_mean_cosines_are_those_that_are_known(cell):
    d, beta = cell
    rules = {
        "softmax": am.Softmax(beta=beta),
        "local": am.LocalLinear(beta=beta, penalty=1e-3),
    }
    trials = 6
    study = am.sweep(
        rules, d=[d], n=[256], trials=trials, query_noise=[0.0, 0.5], seed=1
    )
    found = study["cosine"].squeeze(("d", "n")).transpose("query_noise", "rule", ...)
    mean, spread = found.mean("trial").values, found.std("trial", ddof=1).values
    known = np.reshape(PUBLISHED[cell], (2, 2))
    # They are draws, too, of three digits. Where few queries fail, so do few of a draw.
    rare = (1 - known.clip(max=0.999)) / 256
    error = np.sqrt(spread**2 * (1 + 1 / trials) + rare)
    assert (abs(mean - known) < 4 * error + 1e-3).all(), (mean, known, error)
