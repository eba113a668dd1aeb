"""How studies are cut up: chunks, batches, and memory that is planned."""

from typing import Any

import jax
import numpy as np
import pytest
import xarray as xr
from helpers import ALL, UNDRAWN, some_or_all

import assocmem_jax as am
from assocmem_jax.study import Spec, _plan, _programs
from assocmem_jax.study._programs import compiled_kernel, program_of
from assocmem_jax.study._runner import Runner


SOFT = {"soft": am.Softmax()}
EXPECTED = ["cosine", "distance", "squared_error"]
MANY = {"d": [4], "n": list(range(1, 1001)), "values": "marginalized"}
SMALL = ({"d": [12], "n": [8, 1000], "trials": 4},)
LARGE = (
    {"d": [64], "n": [100, 5000], "v": 8, "query_noise": 0.1},
    {"d": [100], "n": list(range(1, 21)), "metrics": ["recall"]},
    {"d": [64], "n": [100, 3000, 5000], "values": "marginalized"},
    {**MANY, "metrics": EXPECTED},
)
GRID = {"d": [5], "n": [3, 40], "trials": 4, "seed": 3}


def calls(spec, memory):
    rows = _plan.rows(max(spec.num_pairs))
    runner = Runner(spec, rows, jax.local_devices()[:1], memory, print)
    return runner, runner._calls(_plan.chunks(spec, rows))


def test_chunks_cover_every_trial_once(monkeypatch):
    spec = Spec(ALL, d=[8, 64], n=[4, 4000], trials=13, vary={"beta": [0.1, 1.0]})
    whole = _plan.chunks(spec, 4096)
    assert all((chunk.first, chunk.count, chunk.size) == (0, 13, 16) for chunk in whole)
    monkeypatch.setattr(_plan, "_CHUNK_WORK", 2.0**32)
    cut = _plan.chunks(spec, 4096)
    assert len(cut) > len(whole)
    covered = {}
    for chunk in cut:
        place = chunk.rule, chunk.point, chunk.d
        covered.setdefault(place, []).extend(
            range(chunk.first, chunk.first + chunk.count)
        )
        assert chunk.count <= chunk.size
    points = len(ALL) + sum(hasattr(rule, "beta") for rule in ALL.values())
    assert list(covered.values()) == [list(range(13))] * (2 * points)
    # What takes longest begins first.
    assert [chunk.d for chunk in cut] == sorted(
        (chunk.d for chunk in cut), reverse=True
    )


def test_near_loads_share_programs():
    assert _plan.rows(3) == _plan.rows(1024) == 1024
    assert _plan.rows(1025) == _plan.rows(2048) == 2048
    assert _plan.search_rows(1025) == _plan.search_rows(16384) == 16384


def test_more_loads_and_trials_compile_nothing_new():
    key = lambda **changed: program_key(**{**GRID, "n": [3, 4, 40], **changed})
    known = key()
    assert key(n=[1, 2, 5, 9]) == key(n=[7, 500, 1024]) == known
    assert key(trials=3) == known
    assert key(n=[1, 2, 3, 4, 5]) != known
    assert key(trials=5) != known


def program_key(**settings):
    runner, (call, *_) = calls(Spec(SOFT, **settings), 2**30)
    return runner._key(call)


def test_pairs_are_held_where_that_is_faster_and_fits():
    soft: Any = SOFT["soft"]
    held = lambda rows, memory=2**40, rule=soft, **changed: _plan.pairs_are_held(
        Spec({"rule": rule}, d=[8], n=[4], **changed), "rule", 8, rows, memory
    )
    assert held(2**12, asked=4)
    assert not held(2**24, asked=4)
    # Whoever asks often would draw them again and again.
    assert held(2**24)
    assert not held(2**24, asked=2**16)
    assert not held(2**24, memory=2**24)
    # Each draw of these shuffles all rows.
    given = am.patterns.Samples(np.zeros((4, 8), np.float32))
    assert held(2**24, asked=4, ensemble=given)
    assert held(2**24, asked=4, values=given)

    class Own(am.AbstractRule):
        def write(self, pairs, fold=am.Fold()):
            return pairs.keys.T @ pairs.values

        def read(self, memory, query, fold=am.Fold()):
            return query @ memory

    assert held(2**24, asked=4, rule=Own())


@some_or_all("grids", SMALL, (*SMALL, *LARGE))
def test_estimated_memory_is_what_the_compiler_takes(name, grids):
    for changed in grids:
        if changed.get("values") != "marginalized" or name in UNDRAWN:
            assert_estimated(ALL[name], changed)


def test_estimated_memory_counts_features():
    rule = am.Mapped(am.Pseudoinverse(), am.features.Monomials(2))
    assert_estimated(rule, {"d": [24], "n": [100, 3000]})


def assert_estimated(rule, changed):
    spec = Spec({"rule": rule}, **changed)
    runner, (call,) = calls(spec, 2**40)
    program, _ = _programs.timed(program_of(call.settings, call.shape, runner._mesh))
    memory: Any = program.memory_analysis()
    taken = (
        memory.argument_size_in_bytes
        + memory.output_size_in_bytes
        + memory.temp_size_in_bytes
    )
    rows = _plan.rows(max(spec.num_pairs))
    estimate = call.shape.batch * _plan.trial_bytes(spec, "rule", spec.d[0], rows)
    assert taken / 2.5 < estimate < 2.5 * taken


def test_trials_are_batched_to_fit(monkeypatch):
    monkeypatch.setattr(_plan, "_CPU_BATCH", 2**40)
    spec = Spec(SOFT, d=[8], n=[40], trials=16)
    one = _plan.trial_bytes(spec, "soft", 8, 1024)
    for trials, batch in ((100, 16), (16, 16), (15, 8), (4, 4), (1, 1)):
        _, (call,) = calls(spec, trials * one)
        assert call.shape.batch == batch


def test_what_cannot_fit_is_refused_before_anything_compiles():
    before = compiled_kernel.cache_info().misses
    refused = (
        r"`sweep\(d=..., n=...\)` must fit into 0.000977 GiB, got about .* GiB for one "
        "trial of 'soft' at d = 64 and n = 50000. Ask for smaller ones, or raise `memo"
    )
    samples = am.patterns.Samples(np.zeros((50000, 64), np.float32))
    with pytest.raises(ValueError, match=refused):
        am.sweep(SOFT, d=[64], n=[4, 50000], memory=2**20, ensemble=samples)
    assert compiled_kernel.cache_info().misses == before


@pytest.mark.parametrize("d, trials", ((1024, 2 * 10**9), (1, 10**9)))
def test_results_that_cannot_fit_are_refused_before_chunks_are_made(
    d, trials, monkeypatch
):
    monkeypatch.setattr(_plan, "memory_limit", lambda: 2**34)
    refused = (
        r"`sweep\(d=..., n=..., trials=...\)` must have results that fit into 8 GiB, "
        f"got about .* GiB for {trials} trials in .* chunks. Ask for fewer"
    )
    with pytest.raises(ValueError, match=refused):
        am.sweep(SOFT, d=[d], n=[d**2 // 16 or 1], trials=trials)


def test_no_chunk_is_told_or_answers_much():
    loads = list(range(1, 1001))
    spec = Spec(SOFT, d=[1], n=loads, trials=2**16, metrics=EXPECTED)
    # A trial answers with a mean and a deviation at each of 1000 loads.
    held = [chunk.size * 1000 * 3 * 2 * 4 for chunk in _plan.chunks(spec, 1024)]
    assert max(held) <= 2**28


def test_a_limit_of_the_system_is_one_of_the_study(monkeypatch):
    monkeypatch.setattr(_plan, "memory_limit", lambda: 2**30)
    assert _plan.default_budget(jax.local_devices()[:2]) == 2**28
    monkeypatch.setattr(_plan, "memory_limit", lambda: 2**28)
    given = am.patterns.Samples(np.zeros((10**5, 128), np.float32))
    one = {"devices": jax.local_devices()[:1], "ensemble": given}
    with pytest.raises(ValueError, match="must fit into 0.125 GiB, got about 0.2"):
        am.sweep(SOFT, d=[128], n=[10**5], **one)


@pytest.fixture
def starved(monkeypatch):
    """Lets programs run out of memory above a batch size; tells what was tried."""

    def starve(limit):
        tried = []

        def compiled(asked_for):
            program, batch = compiled_kernel(asked_for), asked_for.shape.batch

            def call(*args):
                tried.append(batch)
                if batch > limit:
                    raise jax.errors.JaxRuntimeError(
                        "RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes."
                    )
                return program(*args)

            return call

        monkeypatch.setattr(_programs, "compiled_kernel", compiled)
        return tried

    monkeypatch.setattr(_plan, "_CPU_BATCH", 2**40)
    return starve


def test_a_device_that_runs_out_of_memory_gets_half_at_a_time(starved):
    expected = am.sweep(SOFT, **GRID, vary={"beta": [0.1, 1.0]})
    tried = starved(1)
    data = am.sweep(SOFT, **GRID, vary={"beta": [0.1, 1.0]})
    xr.testing.assert_equal(data, expected)
    # Two calls were under way before the first was seen to fail.
    assert sorted(tried) == [1, 1, 2, 2]


def test_a_single_trial_that_does_not_fit_is_an_error(starved):
    starved(0)
    message = (
        "ran out of memory on one trial of 'soft' at d = 5 and n = 40: RESOURCE_EXHAUS"
        "TED.*Ask for smaller ones"
    )
    with pytest.raises(MemoryError, match=message):
        am.sweep(SOFT, **GRID)


def test_other_errors_of_a_device_are_not_hidden(monkeypatch):
    def broken(*_):
        raise jax.errors.JaxRuntimeError("INTERNAL: the device is gone")

    monkeypatch.setattr(_programs, "compiled_kernel", lambda *_: broken)
    with pytest.raises(jax.errors.JaxRuntimeError, match="the device is gone"):
        am.sweep(SOFT, **GRID)


def test_devices_share_the_trials_of_a_chunk():
    spec = Spec(SOFT, d=[5], n=[9], trials=20)
    rows = _plan.rows(9)
    (chunk,) = _plan.chunks(spec, rows)
    shapes = {k: _plan.kernel_shape(spec, chunk, rows, 2**33, True, k) for k in (1, 3)}
    assert [shapes[1].trials, shapes[3].trials] == [32, 16]
