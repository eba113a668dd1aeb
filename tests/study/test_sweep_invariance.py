"""A cell is the same, to the last bit, whatever is computed beside it."""

import os
import subprocess
import sys

import jax
import numpy as np
import pytest
import xarray as xr
from helpers import ALL, slow

import assocmem_jax as am
from assocmem_jax.study import _plan


GRID = {
    "d": [12],
    "n": [3, 17, 100, 513, 700],
    "trials": 3,
    "query_noise": 0.3,
    "metrics": ["cosine", "distance", "recall", "all_correct"],
    "seed": 7,
}


def sweep(rules, **changed):
    return am.sweep(rules, **{**GRID, "devices": jax.local_devices()[:1], **changed})


pytestmark = pytest.mark.usefixtures("programs_of_users")
ONE = {"Softmax": ALL["Softmax"]}
AGAIN = {"Sparsemax": ALL["Sparsemax"]}


@pytest.fixture(scope="module", params=(ONE, slow(ALL)), ids=("one", "all"))
def rules(request):
    return request.param


@pytest.fixture(scope="module")
def dataset(rules):
    return sweep(rules)


def assert_same_cells(actual, desired):
    """Compare the cells that both have; there must be some in every dimension."""
    shared = {
        name: [x for x in desired[name].values if x in actual[name].values]
        for name in desired.dims
    }
    assert all(shared.values())
    for metric in desired.data_vars:
        ours, theirs = actual[metric].sel(shared), desired[metric].sel(shared)
        assert ours.dims == theirs.dims
        for rule in shared["rule"]:
            np.testing.assert_array_equal(
                ours.sel(rule=rule), theirs.sel(rule=rule), f"{metric} of {rule}"
            )


@pytest.mark.parametrize(
    "n",
    (
        slow([700]),
        # Next to the edges of blocks, and so many that more rows are drawn.
        [1, 17, 99, 100, 101, 512, 513, 701, 1024, 1025, 3000],
    ),
)
def test_other_loads(rules, dataset, n):
    assert_same_cells(sweep(rules, n=n), dataset)


def test_other_rules_and_dimensions(rules, dataset):
    others = {"again": am.Softmax(beta=0.2), **dict(reversed(rules.items()))}
    assert_same_cells(sweep(others, d=[4, 12]), dataset)


def test_a_rule_that_looks_again_is_asked_load_by_load():
    assert_same_cells(sweep(AGAIN, n=[3, 513]), sweep(AGAIN, n=[513, 700]))


def test_other_numbers_of_trials(rules, dataset):
    assert_same_cells(sweep(rules, trials=8), dataset)


@pytest.mark.parametrize("budget", (1, slow(2**40)))
def test_other_batches(rules, dataset, monkeypatch, budget):
    monkeypatch.setattr(_plan, "_CPU_BATCH", budget)
    data = sweep(rules, trials=4)
    alike = [name for name in rules if name != "LocalLinear"]
    assert_same_cells(data.sel(rule=alike), dataset.sel(rule=alike))


def test_other_batches_of_least_squares(monkeypatch):
    """Whose products round otherwise where trials are computed side by side."""
    rules = {"LocalLinear": ALL["LocalLinear"]}
    cosines = []
    for budget in (1, 2**40):
        monkeypatch.setattr(_plan, "_CPU_BATCH", budget)
        cosines.append(sweep(rules, n=[17, 100])["cosine"])
    np.testing.assert_allclose(*cosines, rtol=1e-6)


@pytest.mark.parametrize("name", ("Softmax", slow("DotProduct")))
def test_batches_of_other_shapes(monkeypatch, name):
    rules = {name: ALL[name]}
    changed = {"d": [3], "v": 7, "n": [2, 40, 600], "trials": 8}
    changed["metrics"] = ["cosine", "distance", "recall"]
    monkeypatch.setattr(_plan, "_CPU_BATCH", 1)
    alone = sweep(rules, **changed)
    monkeypatch.setattr(_plan, "_CPU_BATCH", 2**40)
    assert_same_cells(sweep(rules, **changed), alone)


def test_a_small_memory_takes_fewer_trials_at_a_time(rules, dataset):
    spec = am.study.Spec(rules, **GRID)
    rows = _plan.rows(max(spec.num_pairs))
    enough = max(_plan.trial_bytes(spec, name, 12, rows) for name in rules)
    assert_same_cells(sweep(rules, memory=enough), dataset)


def test_other_chunks(rules, dataset, monkeypatch):
    monkeypatch.setattr(_plan, "_CHUNK_WORK", 1.0)
    assert_same_cells(sweep(rules), dataset)


@pytest.mark.parametrize("name", ("DotProduct", slow("Pseudoinverse")))
def test_what_is_marginalized(name):
    """A square was added with or without a rounding of its own."""
    rules, metrics = {name: ALL[name]}, ["cosine", "distance"]
    few = {"d": [16], "n": [3, 17], "values": "marginalized", "metrics": metrics}
    among = sweep(rules, **few, trials=4, query_noise=[0.0, 0.7])
    assert_same_cells(sweep(rules, **few, trials=2, query_noise=[0.0, 0.7]), among)
    alone = sweep(rules, **few, trials=4, query_noise=0.0)
    assert_same_cells(alone, among.sel(query_noise=0.0))


def test_varied_hyperparameters(rules, dataset):
    betas = {
        name: round(float(getattr(x, "beta", 0.1)), 6) for name, x in rules.items()
    }
    data = sweep(rules, vary={"beta": sorted({*betas.values(), 0.2})})
    for name, beta in betas.items():
        one = data.sel(rule=[name], beta=beta, drop=True)
        assert_same_cells(one, dataset.sel(rule=[name]))


def test_other_levels_of_corruption(rules, dataset):
    data = sweep(rules, query_noise=[0.0, 0.3], flip_probability=[0.0, 0.1])
    chosen = data.sel(query_noise=0.3, flip_probability=0.0, drop=True)
    assert_same_cells(chosen, dataset)


def test_other_seeds_give_other_numbers(rules, dataset):
    other = sweep(rules, seed=8)
    ours, theirs = (x["cosine"].sel(n=700).values for x in (other, dataset))
    assert not np.isin(ours, theirs).any()


CHILD = """
import sys
import jax
import assocmem_jax as am
from assocmem_jax.study import _plan

_plan._CHUNK_WORK = 1.0
rules = {
    "Softmax": am.Softmax(beta=0.7),
    "DotProduct": am.DotProduct(),
    "Pseudoinverse": am.Pseudoinverse(),
    "ReLU": am.ReLU(),
}
rules = {name: rules[name] for name in [*rules][:int(sys.argv[2])]}
for count in map(int, sys.argv[3:]):
    devices = jax.local_devices()[:count]
    data = am.sweep(
        rules, d=[5], n=[3, 100], trials=11, query_noise=0.3, devices=devices,
        metrics=["cosine", "recall"],
    )
    assert data.attrs["devices"] == count
    data.drop_attrs().to_netcdf(f"{sys.argv[1]}/{count}.nc", engine="h5netcdf")
"""


@pytest.mark.parametrize(
    ("rules", "counts"), ((1, (1, 4)), slow(4, (1, 2, 4, 8))), ids=("few", "all")
)
def test_other_numbers_of_devices(tmp_path, rules, counts):
    environment = {**os.environ, "JAX_NUM_CPU_DEVICES": "8", "XLA_FLAGS": ""}
    command = [sys.executable, "-c", CHILD, tmp_path, rules, *counts]
    command = [str(word) for word in command]
    subprocess.run(command, env=environment, check=True, timeout=300)
    one, *others = (xr.load_dataset(tmp_path / f"{i}.nc") for i in counts)
    for other in others:
        xr.testing.assert_identical(other, one)


@pytest.mark.parametrize(
    ("d", "below", "above"), ((60, [20, 50], 70), slow(1100, [300, 1000], 1200))
)
def test_loads_below_a_dimension_do_not_depend_on_those_above(d, below, above):
    rules = {"pseudoinverse": am.Pseudoinverse()}
    few = am.sweep(rules, d=[d], n=below)
    more = am.sweep(rules, d=[d], n=[*below, above])
    np.testing.assert_array_equal(few["distance"], more["distance"][:, :, :2])


@pytest.mark.parametrize("rule", (am.DotProduct(), slow(am.Softmax(beta=0.5))))
@pytest.mark.parametrize("seeds", (1, slow(12)))
def test_one_score_of_one_trial(rule, seeds):
    grid = {"d": [5], "n": [5, 11, 37, 300, 700], "query_noise": 0.3}
    for seed in range(seeds):
        several = sweep({"rule": rule}, **grid, trials=8, seed=seed)
        alone = sweep({"rule": rule}, **grid, trials=1, metrics=["cosine"], seed=seed)
        assert_same_cells(alone, several[list(alone.data_vars)])
