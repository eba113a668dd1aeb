"""Pairs that several devices share: the numbers of one device, to rounding."""

import os
import socket
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from helpers import ALL, FEW, UNDRAWN, slow

import assocmem_jax as am
from assocmem_jax import patterns
from assocmem_jax.study._shards import Shards


GRID = {"d": [6], "n": [5, 700], "trials": 2, "query_noise": 0.2}
SAMPLES = patterns.Samples(np.random.default_rng(0).standard_normal((900, 6)))
STUDIES = {
    "some": {"asked": 9},
    "all": {"metrics": ("cosine", "recall", "success")},
    "marginalized": {"values": "marginalized"},
    "samples": {"ensemble": SAMPLES, "values": "keys", "asked": 9},
}
CASES = [
    (FEW, "some"),
    *(slow(UNDRAWN if x == "marginalized" else ALL, x) for x in STUDIES),
]


@pytest.mark.parametrize("rows, count, block", [(8, 2, 2), (10, 3, 2), (7, 2, 8)])
def test_each_pair_is_dealt_to_one_device(rows, count, block):
    shards = Shards(rows, count, block)
    local = np.arange(shards.local_rows, dtype=np.int32)
    for load in range(rows + 1):
        held = []
        for shard in range(count):
            index = np.asarray(shards.numbers(jnp.int32(shard), jnp.asarray(local)))
            stored = int(shards.stored(jnp.int32(shard), jnp.int32(load)))
            part = index[:stored].tolist()
            assert part == sorted(part)
            held += part
        assert sorted(held) == list(range(load))


def test_devices_have_like_shares_of_any_load():
    shards = Shards(2**20, 4, 512)
    for load in (2**14, 2**17 + 5, 2**20):
        shares = [int(shards.stored(jnp.int32(k), jnp.int32(load))) for k in range(4)]
        assert max(shares) - min(shares) <= 512


def assert_close(actual, desired):
    for name in desired.data_vars:
        xr.testing.assert_allclose(actual[name], desired[name], rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("rules, name", CASES)
def test_devices_that_share_pairs_are_one(rules, name):
    settings = {**GRID, **STUDIES[name]}
    alone = am.sweep(rules, **settings, devices=jax.devices()[:1])
    assert_close(am.sweep(rules, **settings, shard="pairs"), alone)


class Fading(am.AbstractLinear):
    """A correlation matrix that halves with each pair: the order counts."""

    def summarize(self, block, fold):
        stored = block.mask.astype(block.keys.dtype)
        later = jnp.cumsum(stored[::-1])[::-1] - stored
        weighted = block.keys * (stored * 0.5**later)[:, None]
        return fold.dot(weighted.T, block.values), jnp.sum(stored)

    def merge(self, a, b):
        return 0.5 ** b[1] * a[0] + b[0], a[1] + b[1]

    def solve(self, summary, pairs, fold):
        return summary[0]


def test_pairs_are_in_order_where_the_order_counts():
    rule, settings = {"fading": Fading()}, {**GRID, "n": [5, 1400]}
    alone = am.sweep(rule, **settings, devices=jax.devices()[:1])
    shared = am.sweep(rule, **settings, shard="pairs")
    assert_close(shared, alone)
    # The last pairs alone are remembered.
    assert float(alone["cosine"].sel(n=1400).max()) < 0.2


CHILD = """
import sys, jax
jax.distributed.initialize(f"localhost:{sys.argv[2]}", 2, int(sys.argv[1]))
import assocmem_jax as am
rules = {"pinv": am.Pseudoinverse(), "softmax": am.Softmax(0.5)}
settings = dict(d=[6], n=[5, 700], trials=2, asked=9)
try:
    am.sweep(rules, **settings, devices=jax.devices())
except ValueError as error:
    assert "must be devices of this process" in str(error), error
spread = dict(devices=jax.devices(), shard="pairs", memory=2**30)
data = am.sweep(rules, **settings, **spread)
data.to_netcdf(sys.argv[3] + sys.argv[1], engine="h5netcdf")
"""


@pytest.mark.slow
def test_two_processes_share_pairs(tmp_path):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
    settings = {"JAX_NUM_CPU_DEVICES": "2", "JAX_ENABLE_X64": "0"}
    out = os.fspath(tmp_path / "part")
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, str(rank), port, out],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **settings},
        )
        for rank in (0, 1)
    ]
    for process in processes:
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said
    parts = [am.load_study(out + str(rank)) for rank in (0, 1)]
    xr.testing.assert_equal(parts[0], parts[1])
    rules = {"pinv": am.Pseudoinverse(), "softmax": am.Softmax(0.5)}
    assert_close(parts[0], am.sweep(rules, d=[6], n=[5, 700], trials=2, asked=9))


@pytest.mark.parametrize(
    "given, match",
    [
        ({"shard": "keys"}, r'`sweep\(shard=...\)` must be "trials" or "pairs", got'),
        (
            {"shard": "pairs", "store": "some"},
            r"`sweep\(shard=..., store=...\)` cannot keep numbers that depend",
        ),
        (
            {"shard": "pairs", "executor": "one"},
            r"`sweep\(shard=..., executor=...\)` cannot share pairs among workers",
        ),
    ],
)
def test_what_cannot_be_shared_is_refused(given, match, tmp_path):
    class Executor:
        def submit(self, *_):
            raise AssertionError

    if "store" in given:
        given = {**given, "store": tmp_path}
    if "executor" in given:
        given = {**given, "executor": Executor()}
    with pytest.raises(ValueError, match=match):
        am.sweep(FEW, d=[4], n=[3], **given)
