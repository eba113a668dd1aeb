"""Studies: the numbers, how patterns are shared, and what compiles."""

import contextlib
import dataclasses
import functools
import itertools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import ALL, FEW, RULES, every_engine, slow, some_or_all, tolerance
from scipy import special

import assocmem_jax as am
from assocmem_jax._core.rule import split
from assocmem_jax._spec.corruption import corrupt
from assocmem_jax.study import Spec, _plan
from assocmem_jax.study._kernel import measure
from assocmem_jax.study._programs import compiled_kernel, program_of
from assocmem_jax.study._runner import Runner


D, N, NOISE, TRIALS = [5, 16], [1, 2, 5, 17, 511, 513, 1025], [0.0, 0.4], 2
SCORES = ["cosine", "distance", "squared_error", "success", "recall"]
METRICS = [*SCORES, "all_correct"]
SUCCESS = 0.8
TOLERANCE = tolerance(np.float32)


@functools.cache
def study(dimensions, *names):
    return am.sweep(
        {name: RULES[name].rule for name in names},
        d=list(dimensions),
        n=N,
        trials=TRIALS,
        query_noise=NOISE,
        metrics=METRICS,
        success_cosine=SUCCESS,
        seed=11,
    )


def streams(seed, d, trial):
    """The random keys of a trial: for keys, values, and the corruption of queries."""
    rng = jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), d), trial)
    return [jax.random.fold_in(rng, i) for i in range(3)]


@functools.cache
def drawn(d, n, trial, noise, seed=11):
    """Keys, values and queries of a cell, in float64."""
    key_rng, value_rng, query_rng = streams(seed, d, trial)
    ensemble, index = am.patterns.Gaussian(), jnp.arange(n, dtype=jnp.int32)
    keys, values = ensemble.draw(key_rng, n, d), ensemble.draw(value_rng, n, d)
    queries = corrupt({"query_noise": jnp.asarray(noise)}, query_rng, index, keys)
    return [np.asarray(x, np.float64) for x in (keys, values, queries)]


def scores(values, answers):
    """Least and largest scores that rounding in float32 allows, by name."""
    norm = lambda x: np.linalg.norm(x, axis=-1)
    # No answer has no direction.
    lengths = norm(values) * norm(answers)
    cosine = (values * answers).sum(axis=1) / np.where(lengths > 0, lengths, 1)
    distance = norm(values - answers)
    nearness = answers @ values.T - norm(values) ** 2 / 2
    right = np.diag(nearness).copy()
    np.fill_diagonal(nearness, -np.inf)
    rounding = TOLERANCE * norm(values).max() * (norm(answers) + norm(values).max())
    margin = right - nearness.max(axis=1)
    return {
        "cosine": (cosine, cosine),
        "distance": (distance, distance),
        "squared_error": (distance**2, distance**2),
        "success": (cosine > SUCCESS + TOLERANCE, cosine > SUCCESS - TOLERANCE),
        "recall": (margin > rounding, margin > -rounding),
    }


@some_or_all("dimensions", (5,), (5, 16))
def test_every_cell_equals_its_float64_definition(name, dimensions):
    for d in dimensions:
        assert_cells(name, d)


def assert_cells(name, d):
    dataset = study((d,), name)
    for noise, trial, n in itertools.product(NOISE, range(TRIALS), N):
        # The patterns of a load are the first of those of a larger one.
        keys, values, queries = (x[:n] for x in drawn(d, N[-1], trial, noise))
        answers = RULES[name].definition(keys, values, queries)
        cell = dataset.sel(rule=name, d=d, n=n, query_noise=noise, trial=trial)
        # The pseudoinverse of nearly dependent keys magnifies rounding.
        condition = np.linalg.cond(keys) if name == "Pseudoinverse" else 1.0
        for metric, (low, high) in scores(values, answers).items():
            low, high = low.astype(float), high.astype(float)
            error = TOLERANCE * condition * max(1, abs(high).max())
            assert low.mean() - error <= cell[metric] <= high.mean() + error
            if np.array_equal(low, high):
                std = low.std(ddof=1) if n > 1 else 0.0
                assert abs(cell[f"{metric}_std"] - std) <= error
        low, high = scores(values, answers)["recall"]
        assert low.all() <= cell["all_correct"] <= high.all()


def test_cosines_agree_with_theory():
    """Beta laws of the pseudoinverse and of the dot product, in standard errors."""
    d, n = 16, [24, 64, 500]
    rules = {"pseudoinverse": am.Pseudoinverse(), "dot product": am.DotProduct()}
    cosines = am.sweep(rules, d=[d], n=n, trials=30)["cosine"].values[:, 0]
    error = cosines.std(axis=-1, ddof=1) / np.sqrt(cosines.shape[-1])
    expected = [
        [expected_cosine(d / 2, (size - d) / 2, d) for size in n],
        [expected_cosine(d / 2, (size - 1) / 2, d) for size in n],
    ]
    assert np.all(np.abs(cosines.mean(axis=-1) - expected) < 4 * error)


def expected_cosine(a, b, v):
    """Mean cosine where rho^2 is Beta(a, b) and values are Gaussian in v dimensions."""
    x, weights = special.roots_sh_jacobi(200, a + b - 1, a)
    rho = np.sqrt(x)
    factor = 2 / v * np.exp(2 * (special.gammaln((v + 1) / 2) - special.gammaln(v / 2)))
    cosine = factor * rho * special.hyp2f1(0.5, 0.5, v / 2 + 1, x)
    return weights @ cosine / weights.sum()


def test_the_dataset_describes_itself():
    dataset = study(tuple(D), *FEW)
    assert dataset["cosine"].dims == ("rule", "d", "n", "query_noise", "trial")
    for name, size in {"rule": [*FEW], "d": D, "n": N, "query_noise": NOISE}.items():
        assert dataset[name].values.tolist() == size
    assert dataset["trial"].values.tolist() == list(range(TRIALS))
    spread = {f"{name}_std" for name in SCORES}
    assert set(dataset.data_vars) == {*METRICS, *spread}
    for name, variable in dataset.variables.items():
        assert variable.attrs["long_name"]
        unit = "byte" if name == "state_bytes" else "1"
        assert name == "rule" or variable.attrs["units"] == unit
    assert all(x.dtype == np.float32 for x in dataset.data_vars.values())
    spec = json.loads(dataset.attrs["spec"])
    assert spec["d"] == D and spec["n"] == N and spec["seed"] == 11
    assert spec["rules"]["Softmax"] == "Softmax(beta=0.7)"
    assert spec["dtype"] == "float32" and spec["precision"] == "highest"
    assert dataset.attrs["jax"] == jax.__version__
    assert dataset.attrs["devices"] == len(jax.local_devices())
    assert dataset.attrs["seconds"] > 0 and dataset.attrs["compile_seconds"] > 0


def test_axes_come_in_order_and_rules_are_paired():
    rules = {"dot": am.DotProduct(), "hot": am.Softmax(9.0), "same": am.Softmax(0.1)}
    axes = {"mask_fraction": [0.0, 0.3], "flip_probability": [0.2]}
    grid = {"d": [4], "n": [3, 9], "trials": 2, "metrics": ["distance"], **axes}
    data = am.sweep(rules, **grid, vary={"beta": [0.5, 2.0]})
    dims = ("rule", "d", "n", "beta", "mask_fraction", "flip_probability", "trial")
    assert data["distance"].dims == data["distance_std"].dims == dims
    assert data["beta"].values.tolist() == [0.5, 2.0]
    assert "hyperparameter" in data["beta"].attrs["long_name"]
    # Whatever beta the two rules had, it is varied: they are one rule now.
    np.testing.assert_array_equal(*data["distance"].sel(rule=["hot", "same"]))
    dot = data["distance"].sel(rule="dot")
    np.testing.assert_array_equal(dot.sel(beta=0.5), dot.sel(beta=2.0))
    soft = data["distance"].sel(rule="hot")
    assert not np.array_equal(soft.sel(beta=0.5), soft.sel(beta=2.0))


@pytest.mark.parametrize("kind", ("keys", "one-hot", "own", "v", "ensemble"))
def test_values_are_what_was_asked_for(kind, rng):
    d, n, v, seed = 6, 20, 3, 2
    ensemble, values, dimension = am.patterns.Gaussian(), None, None
    key_rng, value_rng, _ = streams(seed, d, 0)
    index = jnp.arange(n, dtype=jnp.int32)
    if kind == "keys":
        values = "keys"
        right = ensemble.draw(key_rng, n, d)
    elif kind == "one-hot":
        values, dimension = "one-hot", v
        right = am.patterns.OneHot().draw(value_rng, n, v)
    elif kind == "own":
        rows = rng.standard_normal((25, d)), rng.standard_normal((25, v))
        ensemble = am.patterns.Samples(*rows)
        right = ensemble.value_rows(key_rng, index)
    elif kind == "v":
        dimension = v
        right = ensemble.draw(value_rng, n, v)
    else:
        values = am.patterns.Bipolar()
        right = values.draw(value_rng, n, d)
    data = am.sweep(
        {"dot": am.DotProduct()},
        d=[d],
        n=[n],
        v=dimension,
        ensemble=ensemble,
        values=values,
        seed=seed,
    )
    keys, right = (np.asarray(x, float) for x in (ensemble.draw(key_rng, n, d), right))
    expected = scores(right, keys @ keys.T @ right)
    for metric in ("cosine", "distance"):
        exact = expected[metric][0].mean()
        assert abs(float(data[metric].squeeze()) - exact) <= TOLERANCE * max(1, exact)


@pytest.mark.parametrize("name", ("Sparsemax", slow("Pseudoinverse"), slow("Softmax")))
def test_a_study_has_no_nan_in_passing(name):
    """probdiffeq#124: what nobody asks for was nan, and `jax_debug_nans` saw it."""
    one = jax.local_devices()[:1]
    with jax.debug_nans(True):
        ds = am.sweep({name: ALL[name]}, d=[8], n=[4], trials=3, devices=one)
    assert np.isfinite(ds["cosine"]).all()


def test_absent_pairs_do_not_count_even_where_a_rule_answers_nan():
    class Normalized(am.AbstractRule[am.Pairs]):
        """Asks in the direction of the query, which a row of padding does not have."""

        def write(self, pairs, fold=am.Fold()):
            return pairs

        def read(self, memory, query, fold=am.Fold()):
            plain, direction = am.DotProduct(), query / jnp.linalg.norm(query)
            return plain.read(plain.write(memory, fold), direction, fold)

    rules = {"normalized": Normalized(), "plain": am.DotProduct()}
    data = am.sweep(rules, d=[4], n=[2, 7, 700], seed=5)
    np.testing.assert_allclose(*data["cosine"].values, atol=1e-5)


@contextlib.contextmanager
def compilations():
    """Counts what XLA compiles in the block."""
    events = []

    def listen(event, duration_secs, **_):
        if event == "/jax/core/compile/backend_compile_duration":
            events.append(duration_secs)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield events
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


def test_only_shapes_compile():
    plain = {"d": [3, 7], "n": [3, 90], "trials": 3, "query_noise": [0.1, 0.2]}

    def study(beta=0.3, **changed):
        with compilations() as events:
            am.sweep({"softmax": am.Softmax(beta)}, **{**plain, **changed})
        return len(events)

    before = compiled_kernel.cache_info().misses
    study()
    assert compiled_kernel.cache_info().misses - before == 2
    assert study(beta=0.7) == 0
    for name, other in {
        "n": [90, 500],
        "seed": 1,
        "query_noise": [0.0, 5.0],
        "trials": 4,
        "vary": {"beta": [0.1, 1.0]},
    }.items():
        assert study(**{name: other}) == 0, name
    assert compiled_kernel.cache_info().misses - before == 2


def test_a_grid_needs_a_program_per_dimension():
    d, n = [16, 32, 64, 128, 256, 512, 1024], [2**i for i in range(2, 16)]
    rows = _plan.rows(max(n))
    for row in RULES.values():
        spec = Spec(rules={"rule": row.rule}, d=d, n=n)
        runner = Runner(spec, rows, jax.local_devices()[:1], 2**40, print)
        calls = runner._calls(_plan.chunks(spec, rows))
        programs = {program_of(x.settings, x.shape, runner._mesh) for x in calls}
        assert len(programs) == 7


@every_engine
def test_kernels_lower_for_accelerators_without_float64(name):
    for batch, noise in ((2, 0.1), (1, 0.0)):
        assert_lowers(name, batch, noise)


def assert_lowers(name, batch, noise):
    rule = jax.tree.map(lambda x: x.astype(jnp.float32), RULES[name].rule)
    with jax.enable_x64(False):
        spec = Spec(
            rules={"rule": rule},
            d=[8],
            n=[3, 20],
            trials=2,
            query_noise=noise,
            metrics=METRICS,
        )
        rows = _plan.rows(20)
        runner = Runner(spec, rows, jax.local_devices()[:1], 2**40, print)
        (call,) = runner._calls(_plan.chunks(spec, rows))
        shape = dataclasses.replace(call.shape, batch=batch)
        arrays, static = split("sweep", "rules", call.settings)
        words = jax.ShapeDtypeStruct((1, 2, 3, 2), jnp.uint32)
        count = jax.ShapeDtypeStruct((1,), jnp.int32)
        traced = measure.trace(
            arrays, words, count, static=static, shape=shape, mesh=runner._mesh
        )
        for platform in ("cuda", "tpu"):
            lowered = traced.lower(lowering_platforms=(platform,))
            assert "f64" not in lowered.as_text()


def test_recall_survives_what_all_values_share(rng):
    keys = rng.standard_normal((400, 16)).astype(np.float32)
    values = rng.standard_normal((400, 8)).astype(np.float32)
    recall = {
        offset: am.sweep(
            {"softmax": am.Softmax(100.0)},
            d=[16],
            n=[150],
            ensemble=am.patterns.Samples(keys, values + np.float32(offset)),
            metrics=["recall"],
        )["recall"].item()
        for offset in (0, 3000)
    }
    # Half of the offset's last digit is 1e-4 of the spread.
    assert abs(recall[0] - recall[3000]) < 0.03 < recall[0]
