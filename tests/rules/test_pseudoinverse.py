"""The pseudoinverse on hard keys: rank, ill conditioning, accuracy, gradients."""

import subprocess
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from helpers import assert_close, equations, largest_intermediate, slow
from jax.test_util import check_grads

import assocmem_jax as am
from assocmem_jax.testing._compiled import quick


def keys_of_condition(rng, n, d, condition, rank=None):
    """Random keys of given condition number and rank."""
    k = min(n, d)
    rank = k if rank is None else rank
    singular = np.where(np.arange(k) < rank, condition ** -np.linspace(0, 1, k), 0)
    singular[rank - 1] = 1 / condition
    left = np.linalg.qr(rng.standard_normal((n, k)))[0]
    right = np.linalg.qr(rng.standard_normal((d, k)))[0]
    return (left * singular) @ right.T


# One function, so that equal shapes share a program.
write = eqx.filter_jit(lambda rule, *args: rule.write(*args))


def weights_and_rank(keys, values, rtol=None, **fold):
    memory = write(am.Pseudoinverse(rtol), am.Pairs(keys, values), am.Fold(**fold))
    return np.asarray(memory.weights), int(memory.rank)


def exact_weights(keys, values, rtol):
    """The weights from the float64 singular value decomposition, and the rank."""
    keys = np.asarray(keys, np.float64)
    u, s, vt = np.linalg.svd(keys, full_matrices=False)
    keep = s > rtol * s[0]
    inverse = np.where(keep, 1 / np.where(keep, s, 1), 0)
    return vt.T * inverse @ u.T @ np.asarray(values, np.float64), keep.sum()


def default_rtol(n, d, dtype):
    return 4 * np.finfo(dtype).eps * np.sqrt(max(n, d))


# Below d, between d and 2 d, and beyond: there are three ways to solve.
shapes = pytest.mark.parametrize(
    "n, d", ((6, 8), (12, 8), (40, 8), slow(8, 8), slow(300, 20))
)


@shapes
@pytest.mark.parametrize("dtype", (np.float32, np.float64))
def test_gives_the_minimum_norm_solution(n, d, dtype, rng):
    for condition in (1.0, 1e2, 1e5):
        for rank in (min(n, d), min(n, d) // 2):
            assert_minimum_norm(n, d, condition, rank, dtype, rng)


def assert_minimum_norm(n, d, condition, rank, dtype, rng):
    keys = keys_of_condition(rng, n, d, condition, rank).astype(dtype)
    values = rng.standard_normal((n, 3)).astype(dtype)
    exact, kept = exact_weights(keys, values, default_rtol(n, d, dtype))
    assert kept == rank
    for block_size in (5, None):
        weights, found = weights_and_rank(keys, values, block_size=block_size)
        assert found == rank
        # First-order perturbation theory: the error of least squares grows with the
        # square of the condition number, in units of the residual.
        error = np.linalg.norm(weights - exact) / np.linalg.norm(exact)
        residual = np.linalg.norm(keys @ exact - values)
        amplified = condition + condition**2 * residual / (
            np.linalg.norm(keys, 2) * np.linalg.norm(exact)
        )
        assert error < np.finfo(dtype).eps * (10 + amplified / 2)


@shapes
def test_duplicated_and_zero_keys_share_their_values(n, d, rng):
    keys = rng.standard_normal((n, d)).astype(np.float32)
    values = rng.standard_normal((n, 3)).astype(np.float32)
    keys[1] = keys[0]
    keys[2] = 0
    exact, rank = exact_weights(keys, values, default_rtol(n, d, np.float32))
    assert rank == min(n - 2, d)
    weights, found = weights_and_rank(keys, values)
    assert found == rank
    assert_close(weights, exact)


@shapes
def test_zero_keys_store_nothing(n, d):
    weights, rank = weights_and_rank(np.zeros((n, d)), np.ones((n, 2)))
    assert rank == 0 and not weights.any()


@shapes
def test_the_scale_of_keys_does_not_matter(n, d, rng):
    keys = rng.standard_normal((n, d)).astype(np.float32)
    values = rng.standard_normal((n, 3)).astype(np.float32)
    expected, full = weights_and_rank(keys, values)
    for scale in (1e-30, 1e-12, 1e12, 1e30):
        weights, rank = weights_and_rank(keys * np.float32(scale), values)
        assert rank == full == min(n, d)
        assert_close(weights * np.float32(scale), expected, scale=10)


@shapes
def test_rtol_decides_the_rank(n, d, rng):
    keys = keys_of_condition(rng, n, d, 1e3)
    values = rng.standard_normal((n, 3))
    previous = -1
    for rtol in (0.5, 0.1, 1e-2, 1e-4):
        exact, rank = exact_weights(keys, values, rtol)
        weights, found = weights_and_rank(keys, values, rtol)
        assert found == rank > previous
        assert_close(weights, exact, scale=1e6)
        previous = rank


def test_the_default_rtol_is_the_documented_one(rng):
    n, d = 60, 20
    left, _ = np.linalg.qr(rng.standard_normal((n, d)))
    right, _ = np.linalg.qr(rng.standard_normal((d, d)))
    # Of 100 rows 60 are stored: n in the threshold is the number of stored pairs.
    mask = np.arange(100) < n
    for factor, rank in ((1.1, d), (0.9, d - 1)):
        singular = np.ones(d)
        singular[-1] = factor * default_rtol(n, d, np.float64)
        keys = np.zeros((100, d))
        keys[:n] = (left * singular) @ right
        pairs = am.Pairs(keys, np.ones((100, 1)), mask)
        assert am.Pseudoinverse().write(pairs).rank == rank


@pytest.mark.parametrize("d", (8, 64))
def test_rank_at_a_stop_counts_stored_pairs_only(d, rng):
    keys, values = rng.standard_normal((2, 40, d))
    keys[1] = keys[0]
    for stop in (2, 5, 8, 12, 40):
        _, rank = weights_and_rank(keys, values, stop=jnp.asarray(stop, jnp.int32))
        assert rank == min(stop - 1, d)


@pytest.mark.parametrize("load", (0.5, 1, 2, *map(slow, (0.25, 0.9, 1.1, 8))))
@pytest.mark.parametrize("d", (64, slow(128)))
def test_is_no_less_accurate_than_torch(load, d):
    ours, theirs = [], []
    for draw in range(5):
        rng = np.random.default_rng((d, round(load * d), draw))
        shape = (2, round(load * d), d)
        keys, values = rng.standard_normal(shape).astype(np.float32)
        exact, _ = exact_weights(keys, values, 1e-12)
        right = keys @ exact
        retrieved = np.asarray(am.retrieve(am.Pseudoinverse(), keys, values, keys))
        torch_keys, torch_values = torch.from_numpy(keys), torch.from_numpy(values)
        peer = torch_keys @ (torch.linalg.pinv(torch_keys) @ torch_values)
        ours.append(np.linalg.norm(retrieved - right) / np.linalg.norm(right))
        theirs.append(np.linalg.norm(peer.numpy() - right) / np.linalg.norm(right))
    assert np.median(ours) <= np.median(theirs)


def orthonormal(rng, n, d):
    return np.linalg.qr(rng.standard_normal((max(n, d), min(n, d))))[0]


HARD_KEYS = {
    "orthonormal": lambda rng: orthonormal(rng, 8, 5),
    "orthonormal rows": lambda rng: orthonormal(rng, 5, 8).T,
    "orthogonal": lambda rng: orthonormal(rng, 5, 5),
    "many orthonormal": lambda rng: orthonormal(rng, 30, 5),
    "duplicated": lambda rng: np.repeat(rng.standard_normal((4, 5)), 2, axis=0),
    "many duplicated": lambda rng: np.repeat(rng.standard_normal((3, 5)), 9, axis=0),
    "zero": lambda rng: np.zeros((4, 5)),
    "one zero": lambda rng: rng.standard_normal((4, 5)) * [[1], [1], [0], [1]],
}


@quick()
def gradients(keys, values, queries):
    def loss(*arrays):
        return jnp.sum(am.retrieve(am.Pseudoinverse(), *arrays) ** 2)

    return jax.grad(loss, (0, 1, 2))(keys, values, queries)


@pytest.mark.parametrize("dtype", (np.float32, slow(np.float64)))
def test_gradients_are_finite_on_hard_keys(dtype, rng):
    for kind, hard in HARD_KEYS.items():
        keys = hard(rng).astype(dtype)
        n, d = keys.shape
        values = rng.standard_normal((n, 2)).astype(dtype)
        queries = rng.standard_normal((3, d)).astype(dtype)
        for gradient in gradients(keys, values, queries):
            assert np.all(np.isfinite(gradient)), kind


@pytest.mark.parametrize(
    "kind", ("orthonormal", slow("orthonormal rows"), slow("many orthonormal"))
)
def test_gradients_are_right_where_singular_values_coincide(kind, rng):
    keys = HARD_KEYS[kind](rng)
    n, d = keys.shape
    values, queries = rng.standard_normal((n, 2)), rng.standard_normal((3, d))
    fn = lambda keys: am.retrieve(am.Pseudoinverse(), keys, values, queries)
    check_grads(fn, (keys,), 1, eps=1e-5, atol=1e-7, rtol=1e-7)


def test_the_derivative_at_deficient_rank_keeps_the_rank(rng):
    # Keys move inside the set of matrices of rank 2, where the solution is smooth.
    left, right = rng.standard_normal((7, 2)), rng.standard_normal((2, 5))
    values, query = rng.standard_normal((7, 3)), rng.standard_normal((1, 5))
    retrieve = lambda left: am.retrieve(am.Pseudoinverse(), left @ right, values, query)
    exact = lambda left: query @ np.linalg.pinv(left @ right, rcond=1e-8) @ values
    step = 1e-6 * rng.standard_normal(left.shape)
    _, change = jax.jvp(retrieve, (jnp.asarray(left),), (jnp.asarray(step),))
    difference = (exact(left + step) - exact(left - step)) / 2
    np.testing.assert_allclose(change, difference, rtol=1e-6, atol=1e-14)


def test_second_derivatives_exist(rng):
    keys, values = rng.standard_normal((9, 4)), rng.standard_normal((9, 2))
    sum_of = lambda keys: jnp.sum(
        am.Pseudoinverse().write(am.Pairs(keys, values)).weights
    )
    fn = jax.jit(sum_of)
    check_grads(fn, (keys,), 2, modes=("rev",), eps=1e-5, rtol=1e-5)


@pytest.mark.parametrize("n", (129, 512))
def test_no_matrix_of_n_by_n_and_no_decomposition_beyond_d(n, rng):
    d, v = 64, 3
    keys, values = rng.standard_normal((n, d)), rng.standard_normal((n, v))
    write = lambda *pairs: am.Pseudoinverse().write(am.Pairs(*pairs)).weights
    loss = lambda *pairs: jnp.sum(write(*pairs) ** 2)
    # QR of a block of at most n rows, keys and values side by side, below a triangle.
    largest = (n + d) * (d + v)
    assert largest_intermediate(write, keys, values) <= largest
    assert largest_intermediate(jax.grad(loss), keys, values) <= largest
    decompositions = {
        eqn.invars[0].aval.shape
        for eqn in equations(write, keys, values)
        if eqn.primitive.name == "svd"
    }
    assert decompositions == {(d, d)}


def test_a_batch_does_not_hang():
    """Decompositions of batches, side by side, wait for each other in jaxlib 0.10.2."""
    code = """
import jax, numpy as np, assocmem_jax as am
keys = np.random.default_rng(0).standard_normal((2, 256, 128)).astype(np.float32)
retrieve = lambda keys: am.retrieve(am.Pseudoinverse(), keys, keys, keys)
loss = lambda keys: retrieve(keys).sum()
many = jax.jit(jax.vmap(lambda keys: (retrieve(keys), jax.grad(loss)(keys))))
for _ in range(40):
    answers, gradients = jax.block_until_ready(many(keys))
for one, answer, gradient in zip(keys, answers, gradients):
    np.testing.assert_allclose(answer, retrieve(one), atol=1e-4)
    np.testing.assert_allclose(gradient, jax.grad(loss)(one), atol=1e-3)
"""
    subprocess.run([sys.executable, "-c", code], timeout=100, check=True)
