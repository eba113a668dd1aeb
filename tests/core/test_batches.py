"""Batches of solves: one by one on a CPU, elsewhere all at once, with the same result.

`everywhere` makes a CPU do what other platforms do.
"""

import re
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close
from jax import export

import assocmem_jax as am
from assocmem_jax._core import batches
from assocmem_jax._core.drawn import DrawnPairs
from assocmem_jax.study._inputs import Draw


RULE = am.Pseudoinverse()


@pytest.fixture
def everywhere(monkeypatch):
    monkeypatch.setattr(
        batches, "platform_dependent", lambda *args, cpu, default: default(*args)
    )


def write(keys, values, stop=None):
    memory = RULE.write(am.Pairs(keys, values), am.Fold(8, stop=stop))
    return memory.weights, memory.rank


def left(keys, stop=None):
    """The factor that marginalized values ask for, as its product."""
    fold = am.Fold(8, stop=stop)
    pairs = eqx.tree_at(lambda x: x.values, am.Pairs(keys, keys), keys[:, :0])
    rule = RULE.prepare(pairs, fold)
    gram = fold(lambda block: fold.dot(block.keys.T, block.keys), jnp.add, pairs)
    factor: Any = rule.left(gram, pairs, fold).factor
    return factor @ factor.T


def mixed(rng, n, d, dtype=np.float64):
    """Keys that are orthonormal, Gaussian, twice the same, near others, and zero."""
    keys = rng.standard_normal((6, n, d))
    keys[1] = np.linalg.qr(rng.standard_normal((max(n, d),) * 2))[0][:n, :d]
    keys[2, 1] = keys[2, 0]
    keys[3, 1] = keys[3, 0] + 1e-3 * keys[3, 1]
    keys[4, 2] = 0
    keys[5] = 0
    return keys.astype(dtype), rng.standard_normal((6, n, 3)).astype(dtype)


def assert_same(actual, expected):
    """Compare up to rounding, and what is zero exactly."""
    if np.any(expected):
        # A Gram matrix is trusted up to a condition number of 1.6 d, which is squared.
        assert_close(actual, expected, scale=30)
    else:
        assert not np.any(actual)


def one_by_one(function, *batch):
    out = [function(*one) for one in zip(*batch, strict=True)]
    return jax.tree.map(lambda *x: jnp.stack(x), *out)


@pytest.mark.parametrize("n, d", ((4, 8), (8, 8), (12, 8), (64, 8)))
@pytest.mark.parametrize("dtype", (np.float32, np.float64))
def test_a_batch_at_once_is_the_same(n, d, dtype, rng, everywhere):
    keys, values = mixed(rng, n, d, dtype)
    weights, rank = jax.jit(jax.vmap(write))(keys, values)
    expected, right = one_by_one(jax.jit(write), keys, values)
    np.testing.assert_array_equal(rank, right)
    for i in range(len(keys)):
        assert_same(weights[i], expected[i])


@pytest.mark.parametrize("dtype", (np.float32, np.float64))
def test_elements_may_hold_few_pairs_or_many(dtype, rng, everywhere):
    """The loads of a study: fewer pairs than coordinates, as many, and more."""
    keys, values = mixed(rng, 40, 8, dtype)
    stops = jnp.asarray([0, 1, 2, 4, 7, 8, 9, 12, 16, 40], jnp.int32)
    at = jax.vmap(write, (None, None, 0))
    both = jax.jit(jax.vmap(at, (0, 0, None)))(keys, values, stops)
    alone = jax.jit(write)
    for i in range(len(keys)):
        for j, stop in enumerate(stops):
            expected, rank = alone(keys[i], values[i], stop)
            assert both[1][i, j] == rank
            assert_same(both[0][i, j], expected)


def test_pairs_may_be_drawn_where_they_are_needed(everywhere):
    """The solves of a study that holds no pairs: random keys are in the batch, too."""
    normal = am.patterns.Gaussian()

    def at(rng, stop):
        one, other = jax.random.split(rng)
        draw = Draw(normal, normal, one, other, "drawn", 8, 3)
        memory = RULE.write(DrawnPairs(draw, 40), am.Fold(8, stop=stop))
        return memory.weights, memory.rank

    rngs = jax.random.split(jax.random.key(0), 3)
    stops = jnp.asarray([2, 8, 9, 40], jnp.int32)
    both = jax.jit(jax.vmap(jax.vmap(at, (None, 0)), (0, None)))(rngs, stops)
    for i, rng in enumerate(rngs):
        for j, stop in enumerate(stops):
            weights, rank = jax.jit(at)(rng, stop)
            assert both[1][i, j] == rank
            assert_same(both[0][i, j], weights)


def test_factors_of_a_batch_are_the_same(rng, everywhere):
    keys, _ = mixed(rng, 40, 8)
    for i, product in enumerate(jax.jit(jax.vmap(left))(keys)):
        assert_same(product, jax.jit(left)(keys[i]))
    stops = jnp.asarray([1, 4, 40], jnp.int32)
    at = jax.jit(jax.vmap(left, (None, 0)))(keys[0], stops)
    for j, stop in enumerate(stops):
        assert_same(at[j], jax.jit(left)(keys[0], stop))


@pytest.mark.parametrize("n", (6, 40))
def test_gradients_of_a_batch_are_the_same(n, rng, everywhere):
    keys, values = mixed(rng, n, 8)
    loss = lambda keys, values: jnp.sum(jnp.sin(write(keys, values)[0]))
    both = jax.jit(jax.vmap(jax.grad(loss, (0, 1))))(keys, values)
    alone = one_by_one(jax.jit(jax.grad(loss, (0, 1))), keys, values)
    for actual, expected in zip(both, alone, strict=True):
        for i in range(len(keys)):
            assert_same(actual[i], expected[i])


# Where a factorization of Gram matrices, of any matrix, and of singular values stands
# in a program that is lowered for a platform, with the shape of what it takes.
FACTORIZATIONS = {
    "cuda": (r"@cusolver_potrf\w*", r"@cusolver_(?:geqrf|gesvdj|gesvd)\w*"),
    "tpu": (r"stablehlo\.cholesky", r"@(?:Qr|Eigh)\b"),
    "cpu": (r"@lapack_.potrf\w*", r"@lapack_.(?:geqrf|gesdd)\w*"),
}


def factorized(platform, function, *shapes):
    """Shapes of the matrices that a program factorizes: quickly, and with care."""
    arrays = [jax.ShapeDtypeStruct(*shape) for shape in shapes]
    lowered = export.export(jax.jit(function), platforms=[platform])(*arrays)
    lines = lowered.mlir_module().splitlines()
    found = []
    for pattern in FACTORIZATIONS[platform]:
        types = [
            line.rpartition(" : ")[2] for line in lines if re.search(pattern, line)
        ]
        found.append([re.findall(r"tensor<((?:\d+x)*)f", x)[0] for x in types])
    return found


@pytest.mark.parametrize("platform", ("cuda", "tpu"))
@pytest.mark.parametrize("n", (4, 8, 64))
def test_an_accelerator_factorizes_a_batch_once(platform, n):
    pairs = ((8, n, 16), jnp.float32)
    quick, careful = factorized(platform, jax.vmap(write), pairs, pairs)
    size = min(n, 16)
    assert [x for x in quick if x.count("x") > 2] == [f"8x{size}x{size}x"]
    # What needs care is taken by itself.
    assert careful and not [x for x in careful if x.count("x") > 2]


@pytest.mark.parametrize("platform", ("cuda", "tpu"))
def test_an_accelerator_factorizes_trials_and_loads_once(platform):
    pairs = ((3, 64, 16), jnp.float32)
    at = jax.vmap(write, (None, None, 0))
    solves = jax.vmap(at, (0, 0, None))
    quick, careful = factorized(platform, solves, pairs, pairs, ((5,), jnp.int32))
    assert [x for x in quick if x.count("x") > 2] == ["3x5x16x16x"]
    assert careful and not [x for x in careful if x.count("x") > 2]


def test_a_cpu_takes_one_element_at_a_time():
    pairs = ((8, 64, 16), jnp.float32)
    quick, careful = factorized("cpu", jax.vmap(write), pairs, pairs)
    assert not [x for x in quick + careful if x.count("x") > 2]
