"""Pairs and queries that are spread over the devices of a mesh."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import FEW, RULES, assert_close, every_engine, make_pairs, slow
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P

import assocmem_jax as am


KINDS = AxisType.Auto, AxisType.Explicit
# Whatever lies on a mesh of four, all rules: jax#31800, jax#31799, jax#26621.
CHILD = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import NamedSharding, PartitionSpec as P
from helpers import RULES, assert_close
import assocmem_jax as am

k, v, q = np.random.default_rng(0).standard_normal((3, 64, 8)).astype(np.float32)
mesh = jax.make_mesh((4,), ("x",))
put = lambda x, spec=P("x"): jax.device_put(x, NamedSharding(mesh, spec))
K, V, Q = put(k), put(v), put(q, P())
given = dict(mesh=mesh, in_specs=(P("x"), P("x"), P()))
for row in RULES.values():
    right = row.definition(*(x.astype(np.float64) for x in (k, v, q)))
    assert_close(am.retrieve(row.rule, K, V, q), right)
    assert_close(am.retrieve(row.rule, k, v, put(q)), right)
    assert_close(am.retrieve(row.rule, K, V, put(q)), right)
    assert_close(am.retrieve(row.rule, K, V, q, mesh=mesh), right)

    def one(k, v, q):
        fold = am.Fold(axis_name="x")
        return row.rule.read(row.rule.write(am.Pairs(k, v), fold), q, fold)

    answer = jax.jit(jax.shard_map(one, out_specs=P(), **given))
    assert_close(answer(K, V, Q[0]), right[0])
    loss = lambda k, v, q: jnp.sum(one(k, v, q))
    inside = jax.shard_map(jax.grad(loss), out_specs=P("x"), **given)
    alone = lambda k: jnp.sum(am.retrieve(row.rule, k, v, q[:1]))
    slope = np.sum(np.asarray(jax.jit(inside)(K, V, Q[0])) * k)
    # Zero, of answers that do not depend on the scale of keys.
    near = dict(rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(slope, np.sum(jax.grad(alone)(k) * k), **near)
"""


@pytest.mark.slow
def test_four_devices_of_an_explicit_mesh_answer_as_one():
    folder = os.path.dirname(os.path.dirname(__file__))
    settings = {"JAX_NUM_CPU_DEVICES": "4", "JAX_ENABLE_X64": "0"}
    path = os.pathsep.join([folder, os.environ.get("PYTHONPATH", "")])
    said = subprocess.run(
        [sys.executable, "-c", CHILD],
        capture_output=True,
        text=True,
        env={**os.environ, **settings, "PYTHONPATH": path},
    )
    assert said.returncode == 0, said.stderr


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def put(request):
    mesh = jax.make_mesh((2,), ("x",), axis_types=(request.param,))
    return lambda x, spec=P("x"): jax.device_put(x, NamedSharding(mesh, spec))


@every_engine
def test_pairs_are_spread_over_a_mesh(name, put, rng):
    keys, values, queries = make_pairs(rng, n=9, m=4)
    row, mesh = RULES[name], jax.make_mesh((1, 2), ("a", "b"))
    ask = lambda *given, **options: am.retrieve(row.rule, *given, mesh=mesh, **options)
    # An odd number of pairs, so that a device has one less.
    assert_close(ask(keys, values, queries), row.definition(keys, values, queries))
    even = put(keys[:8]), put(values[:8])
    right = row.definition(keys[:8], values[:8], queries)
    assert_close(ask(*even, queries), right)
    mask = np.arange(9) != 2
    few = row.definition(keys[[0, 1, 3, 4]], values[[0, 1, 3, 4]], queries)
    assert_close(ask(keys, values, queries, mask=mask, fold=am.Fold(2, 5)), few)
    loss = lambda k, **mesh: jnp.sum(
        am.retrieve(row.rule, k, values, queries, **mesh) ** 2
    )
    slope = jax.jit(jax.grad(lambda k: loss(k, mesh=mesh)))(jnp.asarray(keys))
    assert_close(slope, jax.grad(loss)(jnp.asarray(keys)), scale=100)


def test_what_is_no_mesh_is_refused(rng):
    arrays = make_pairs(rng)
    match = r"`retrieve\(mesh=...\)` must be a mesh of devices, got 'x'. Make one by"
    with pytest.raises(TypeError, match=match):
        am.retrieve.__wrapped__(am.Softmax(), *arrays, mesh="x")


def test_a_batch_on_a_mesh_is_a_loop(put, rng):
    """jax#31799: a rule that solves for one element at a time."""
    arrays = [np.stack([x, x[::-1]]) for x in make_pairs(rng, n=6, m=4)]
    rule, definition = RULES["Pseudoinverse"].rule, RULES["Pseudoinverse"].definition
    out = jax.vmap(lambda *x: am.retrieve(rule, *x))(*map(put, arrays))
    for answers, *given in zip(out, *arrays, strict=True):
        assert_close(answers, definition(*given))


def test_samples_on_a_mesh_are_measured_as_others(put, rng):
    keys = rng.standard_normal((16, 4)).astype(np.float32)
    sweep = lambda x: am.sweep(
        {"dot": FEW["DotProduct"]}, d=[4], n=[4], ensemble=am.patterns.Samples(x)
    )
    assert sweep(put(keys))["cosine"].equals(sweep(keys)["cosine"])


def test_metrics_of_arrays_on_a_mesh_are_those_of_others(put, rng):
    values, answers = rng.standard_normal((2, 8, 3))
    for given in ((put(values), answers), (values, put(answers))):
        for metric in (am.metrics.cosine_similarity, am.metrics.euclidean_distance):
            assert_close(metric(*given), metric(values, answers))
        hits = am.metrics.recall_at_1(*given, np.arange(8))
        distances = np.linalg.norm(answers[:, None] - values[None], axis=2)
        np.testing.assert_array_equal(hits, distances.argmin(1) == np.arange(8))


@pytest.mark.parametrize(
    "name", ("DotProduct", *(slow(x) for x in RULES if x != "DotProduct"))
)
def test_trials_and_queries_are_spread_without_a_word(name, rng):
    """Loops of unknown length begin with what differs between devices."""
    keys, values, queries = make_pairs(rng, n=8, m=6)
    mesh = jax.make_mesh((2,), ("x",), axis_types=(AxisType.Auto,))
    row, fold = RULES[name], am.Fold(2, stop=3)
    fn = lambda k, v, q: am.retrieve(row.rule, k, v, q, fold=fold)
    right = row.definition(keys[:3], values[:3], queries)
    spread = lambda *specs: jax.jit(
        jax.shard_map(fn, mesh=mesh, in_specs=specs, out_specs=P("x"))
    )
    assert_close(spread(P(), P(), P("x"))(keys, values, queries), right)
    out = np.asarray(spread(P("x"), P("x"), P())(keys, values, queries))
    assert_close(out[:6], right)
    assert_close(out[6:], row.definition(keys[4:7], values[4:7], queries))


def test_a_summary_of_truth_values_is_merged(rng):
    mesh = jax.make_mesh((2,), ("x",), axis_types=(AxisType.Auto,))
    keys = jnp.asarray(rng.standard_normal((4, 1)))

    def any_above(keys):
        of_block = lambda block: jnp.any(block.keys > 0)
        return am.Fold(axis_name="x")(of_block, jnp.logical_or, am.Pairs(keys, keys))

    spread = jax.jit(
        jax.shard_map(any_above, mesh=mesh, in_specs=P("x"), out_specs=P())
    )
    assert spread(keys) and not spread(-jnp.abs(keys))
