"""Chunks that workers compute: the same bits, whoever dies."""

import multiprocessing
import os
import pickle
import signal
import threading
import time
from concurrent.futures import (
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from concurrent.futures.process import BrokenProcessPool

import jax
import numpy as np
import pytest
from grown import assert_same
from workers import Ending, Failing, Powers

import assocmem_jax as am
from assocmem_jax._base.errors import argument_error
from assocmem_jax.study import _executors, _plan
from assocmem_jax.study._executors import compute, spawned
from assocmem_jax.study._ledger import Ledger


GRID = {"d": [5], "n": [3, 40], "trials": 4, "query_noise": 0.2, "seed": 3}
RULES = {"dot": am.DotProduct(), "powers": Powers(np.array([0.5, 0.25], np.float32))}
CHUNKS = 8


@pytest.fixture(autouse=True)
def a_chunk_per_trial(monkeypatch):
    monkeypatch.setattr(_plan, "_CHUNK_WORK", 1.0)


@pytest.fixture(scope="module")
def desired():
    return am.sweep(RULES, **GRID)


@pytest.fixture(scope="module")
def pool():
    with spawned(2) as pool:
        yield pool


def test_processes_compute_the_same_bits(tmp_path, pool, desired):
    assert_same(am.sweep(RULES, **GRID, executor=pool), desired)
    kept = am.sweep(RULES, **GRID, executor=pool, store=tmp_path)
    assert_same(kept, desired)
    assert len(list(tmp_path.glob("chunks/*.nc"))) == CHUNKS
    assert not list(tmp_path.glob("claims/*"))
    assert kept.attrs["device"] == "cpu" and kept.attrs["compile_seconds"] > 0
    assert_same(am.load_study(tmp_path), desired)


def test_threads_compute_the_same_bits(desired):
    with ThreadPoolExecutor(2) as pool:
        assert_same(am.sweep(RULES, **GRID, executor=pool), desired)


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="cores are not given to processes"
)
def test_workers_share_the_cores(pool):
    # A pool starts another process where all that there are have something to do.
    for done in [pool.submit(time.sleep, 0.2) for _ in range(2)]:
        done.result()
    known = pool._processes
    shares = [os.sched_getaffinity(pid) for pid in known]
    every = os.sched_getaffinity(0)
    assert len(shares) == 2 and set.union(*shares) == every
    assert len(every) < 2 or not shares[0] & shares[1]


class Now:
    """An executor that computes at once, some of it by another function."""

    def __init__(self, instead=None):
        self.instead, self.submitted = instead, []

    def submit(self, function, *arguments):
        future = Future()
        self.submitted.append(arguments)
        done = self.instead and self.instead(len(self.submitted), future)
        if not done:
            # What a worker is given, and what it gives, goes from process to process.
            given = pickle.loads(pickle.dumps((function, arguments)))
            answer = given[0](*given[1])
            future.set_result(pickle.loads(pickle.dumps(answer)))
        return future


def test_what_was_finished_is_kept_where_one_fails(tmp_path, desired):
    def third_fails(number, future):
        if number == 3:
            future.set_exception(OSError("gone"))
        return number == 3

    with pytest.raises(OSError, match="gone") as info:
        am.sweep(RULES, **GRID, executor=Now(third_fails), store=tmp_path)
    (note,) = info.value.__notes__
    assert f"{CHUNKS - 1} of {CHUNKS} chunks are kept in {tmp_path}" in note
    assert not list(tmp_path.glob("claims/*"))
    again = Now()
    assert_same(am.sweep(RULES, **GRID, executor=again, store=tmp_path), desired)
    assert len(again.submitted) == 1


def test_where_one_fails_those_that_have_not_begun_are_given_up():
    futures = []

    def first_fails(number, future):
        futures.append(future)
        if number == 1:
            future.set_exception(OSError("gone"))
        return True

    with pytest.raises(OSError, match="gone"):
        am.sweep(RULES, **GRID, executor=Now(first_fails))
    assert len(futures) == CHUNKS
    assert all(future.cancelled() for future in futures[1:])


def test_an_interrupt_gives_up_what_has_not_begun(monkeypatch, tmp_path):
    executor = Now(lambda number, future: futures.append(future) or True)
    futures = []

    def interrupt(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(_executors.time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt) as info:
        am.sweep(RULES, **GRID, executor=executor, store=tmp_path)
    assert f"0 of {CHUNKS} chunks are kept" in info.value.__notes__[0]
    assert len(futures) == CHUNKS and all(future.cancelled() for future in futures)
    assert not list(tmp_path.glob("claims/*"))


@pytest.mark.slow
def test_a_worker_that_dies_costs_its_own_chunks_alone(tmp_path, desired):
    def kill_one(self, chunk, *numbers, **attrs):
        keep(self, chunk, *numbers, **attrs)
        if len(self.names) == 3:
            os.kill(min(pool._processes), signal.SIGKILL)

    keep = Ledger.keep
    with (
        pytest.MonkeyPatch.context() as patch,
        spawned(2) as pool,
        pytest.raises(BrokenProcessPool) as info,
    ):
        patch.setattr(Ledger, "keep", kill_one)
        am.sweep(RULES, **GRID, executor=pool, store=tmp_path)
    kept = len(list(tmp_path.glob("chunks/*.nc")))
    assert f"{kept} of {CHUNKS} chunks are kept" in info.value.__notes__[0]
    assert 3 <= kept < CHUNKS
    assert not list(tmp_path.glob("claims/*"))
    again = Now()
    assert_same(am.sweep(RULES, **GRID, executor=again, store=tmp_path), desired)
    assert len(again.submitted) == CHUNKS - kept


@pytest.mark.slow
def test_errors_of_workers_are_those_of_the_call(pool):
    with pytest.raises(ValueError, match="not here"):
        am.sweep({"rule": Failing()}, **GRID, executor=pool)
    match = r"`sweep\(d=..., n=...\)` must fit into"
    with pytest.raises(ValueError, match=match):
        am.sweep(RULES, **GRID, executor=pool, memory=1)
    with spawned(1) as ending, pytest.raises(BrokenProcessPool):
        am.sweep({"rule": Ending()}, **GRID, executor=ending)


def test_errors_of_every_kind_come_back_as_they_were():
    error = argument_error(MemoryError)("Spec", ("d", "n"), "ran out", "Ask for less.")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error) and isinstance(again, MemoryError)
    assert str(again) == str(error) == "`Spec(d=..., n=...)` ran out. Ask for less."


@pytest.mark.parametrize("executor", (3, ProcessPoolExecutor, "processes"))
def test_what_is_no_executor_is_refused(executor):
    with pytest.raises(TypeError, match="sweep.executor=.*must have a method `submit`"):
        am.sweep(RULES, **GRID, executor=executor)


def test_processes_that_fork_and_devices_are_refused(tmp_path):
    forking = ProcessPoolExecutor(1, multiprocessing.get_context("fork"))
    with forking, pytest.raises(ValueError, match="must not fork.*spawn"):
        am.sweep(RULES, **GRID, executor=forking)
    with pytest.raises(ValueError, match="executor=..., devices=.*cannot go together"):
        am.sweep(RULES, **GRID, executor=Now(), devices=jax.local_devices()[:1])
    assert not list(tmp_path.iterdir())


def test_a_chunk_can_be_computed_anywhere(desired):
    spec = am.study.Spec(RULES, **GRID)
    chunk = _plan.chunks(spec, 1024)[-1]
    spec, chunk = pickle.loads(pickle.dumps((spec, chunk)))
    (mean, std), _ = compute(spec, 1024, chunk, None)
    place = {"rule": chunk.rule, "d": chunk.d, "trial": chunk.first}
    for name, of in (("cosine", mean), ("cosine_std", std)):
        np.testing.assert_array_equal(of[0, 0, :, 0], desired[name].sel(place))


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_worker_of_dask_that_dies_costs_nothing(tmp_path, cluster, desired):
    keep, killed = Ledger.keep, threading.Event()

    def kill_one(self, chunk, *numbers, **attrs):
        keep(self, chunk, *numbers, **attrs)
        if len(self.names) == 2 and not killed.is_set():
            killed.set()
            os.kill(min(cluster.run(os.getpid).values()), signal.SIGKILL)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ledger, "keep", kill_one)
        data = am.sweep(RULES, **GRID, executor=cluster, store=tmp_path)
    assert killed.is_set()
    assert_same(data, desired)
    assert_same(am.load_study(tmp_path), desired)
