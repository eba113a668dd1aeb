"""Processes that share a store: each chunk is computed once, whoever is killed."""

import collections
import os
import queue
import random
import signal
import subprocess
import sys
import threading
import time

import jax
import pytest
import xarray as xr

import assocmem_jax as am
from assocmem_jax.study import _execute, _plan
from assocmem_jax.study._claims import Claims
from assocmem_jax.study._ledger import Ledger
from assocmem_jax.study._settings import store_settings
from assocmem_jax.study._store import Store


TRIALS = 200
# Starts processes, each of which works on the study and says what it does.
SERVER = """
import os, signal, sys, time
import jax
jax.config.update("jax_enable_x64", True)
import assocmem_jax as am
from assocmem_jax.study import _dataset, _execute, _plan, _store
from assocmem_jax.study._ledger import Ledger

_plan._CHUNK_WORK = 1.0
claim, keep = Ledger.claim, Ledger.keep

def say(*words):
    # In one piece, whoever else writes.
    os.write(1, " ".join(map(str, [os.getpid(), *words])).encode() + b"\\n")

def said_claim(self, chunks):
    granted = claim(self, chunks)
    for chunk in granted:
        say("begins", self.extent(chunk).name)
    return granted

def slow_keep(self, chunk, *numbers, **attrs):
    keep(self, chunk, *numbers, **attrs)
    say("saved", self.extent(chunk).name)
    time.sleep(pause)

Ledger.claim, Ledger.keep = said_claim, slow_keep
# So that the dead are gone at once.
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    pause = float(line)
    if os.fork() == 0:
        say("starts")
        data = am.sweep(
            {"dot": am.DotProduct()}, d=[5], n=[3, 40], trials=TRIALS, seed=3,
            store=sys.argv[1], devices=jax.local_devices()[:1],
        )
        file = f"{sys.argv[1]}/{os.getpid()}.nc"
        data.drop_attrs().to_netcdf(file, engine="h5netcdf")
        say("ends")
        os._exit(0)
""".replace("TRIALS", str(TRIALS))


class Processes:
    """Processes that work on one store, and what they say."""

    def __init__(self, store):
        pipe = subprocess.PIPE
        command = [sys.executable, "-W", "ignore", "-c", SERVER, str(store)]
        self._server = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        self._lines, self.said = queue.Queue(), []
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self):
        for line in self._server.stdout or ():
            self._lines.put(line.split())

    def start(self, pause):
        assert self._server.stdin
        self._server.stdin.write(f"{pause}\n")
        self._server.stdin.flush()
        return int(self.wait_for(lambda said: said[1] == "starts")[0])

    def wait_for(self, expected):
        while True:
            self.said.append(self._lines.get(timeout=120))
            if expected(self.said[-1]):
                return self.said[-1]

    def close(self):
        assert self._server.stdin and self._server.stdout
        self._server.stdin.close()
        assert self._server.wait(timeout=60) == 0
        self._listener.join(timeout=60)
        self._server.stdout.close()


@pytest.fixture
def processes(tmp_path):
    made = Processes(tmp_path)
    yield made
    made.close()


def study(store=None, trials=TRIALS):
    return am.sweep(
        {"dot": am.DotProduct()},
        d=[5],
        n=[3, 40],
        trials=trials,
        seed=3,
        store=store,
        devices=jax.local_devices()[:1],
    )


def assert_results(store, pids):
    desired = study().drop_attrs()
    for name in (*pids, "study"):
        data = xr.load_dataset(store / f"{name}.nc", engine="h5netcdf")
        xr.testing.assert_identical(data.drop_attrs(), desired)
    assert not list(store.glob("claims/*"))
    assert not (store / "set-aside").exists()


@pytest.mark.slow
def test_two_processes_share_the_work(tmp_path, processes):
    pids = [processes.start(0.02) for _ in range(2)]
    for _ in pids:
        processes.wait_for(lambda said: said[1] == "ends")
    saved = [said[2] for said in processes.said if said[1] == "saved"]
    assert len(saved) == len(set(saved)) == TRIALS
    share = collections.Counter(
        said[0] for said in processes.said if said[1] == "saved"
    )
    # One may start later.
    assert len(share) == 2 and min(share.values()) > TRIALS // 5, share
    assert_results(tmp_path, pids)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks the killed processes")
def test_killed_at_random_moments_two_processes_lose_nothing(tmp_path, processes):
    generator = random.Random(0)
    pids, killed = [processes.start(0.3) for _ in range(2)], []
    for _ in range(20):
        victim = generator.choice(pids)
        # From its start on, or in the midst of its work.
        for _ in range(generator.randrange(4)):
            processes.wait_for(lambda said, pid=victim: said[0] == str(pid))
        time.sleep(generator.uniform(0, 0.3))
        os.kill(victim, signal.SIGKILL)
        pids.remove(victim)
        killed.append(victim)
        pids.append(processes.start(0.3))
        # What was said to be saved is there.
        saved = {said[2] for said in processes.said if said[1] == "saved"}
        assert saved <= {file.stem for file in tmp_path.glob("chunks/*.nc")}
    pids.append(processes.start(0.0))
    for _ in pids:
        processes.wait_for(lambda said: said[1] == "ends")
    owners = collections.defaultdict(list)
    for pid, does, *name in processes.said:
        if does == "begins":
            owners[name[0]].append(int(pid))
    assert len(owners) == TRIALS
    # Begun again is only what a dead process had begun.
    assert all(set(of[:-1]) <= set(killed) for of in owners.values())
    assert_results(tmp_path, pids)


def test_chunks_of_others_are_waited_for_and_taken(tmp_path, monkeypatch):
    """As if another process computed all of it, and came to an end later."""
    desired = study(tmp_path / "other", trials=2)
    store = tmp_path / "store"
    monkeypatch.setattr(_execute, "_PAUSE", 0.01)
    other, waits = Claims(store / "claims"), []
    claim = Ledger.unclaimed

    def look(self, chunks):
        mine = claim(self, chunks)
        if not waits:
            # It claims before this process does, which has planned already.
            extents = {self.extent(x).name: self.extent(x) for x in chunks}
            assert len(other.take(extents)) == 1
            waits.append(len(mine))
            mine = claim(self, chunks)
        elif len(waits) < 3:
            waits.append(len(mine))
        else:
            for file in (tmp_path / "other/chunks").iterdir():
                os.link(file, store / "chunks" / file.name)
            other.close()
        return mine

    def nothing(*_, **__):
        raise AssertionError("computed what another one has")

    monkeypatch.setattr(Ledger, "unclaimed", look)
    monkeypatch.setattr(Ledger, "keep", nothing)
    xr.testing.assert_identical(
        study(store, trials=2).drop_attrs(), desired.drop_attrs()
    )
    assert waits == [1, 0, 0]


def test_what_another_finished_since_the_plan_is_not_computed(tmp_path, monkeypatch):
    desired = study(tmp_path / "other", trials=2)
    store, claim = tmp_path / "store", Ledger.claim

    def late(self, chunks):
        for file in (tmp_path / "other/chunks").iterdir():
            os.link(file, store / "chunks" / file.name)
        assert claim(self, chunks) == []
        return []

    monkeypatch.setattr(Ledger, "claim", late)
    monkeypatch.setattr(_execute, "_PAUSE", 0.01)
    xr.testing.assert_identical(
        study(store, trials=2).drop_attrs(), desired.drop_attrs()
    )
    assert not list(store.glob("claims/*"))


def test_a_claim_reads_no_numbers_of_other_chunks(tmp_path, monkeypatch):
    """Who does falls behind where chunks are small, and computes nothing."""
    monkeypatch.setattr(_plan, "_CHUNK_WORK", 1.0)
    study(tmp_path / "other", trials=2)
    spec = am.study.Spec({"dot": am.DotProduct()}, [5], [3, 40], 2, seed=3)
    ledger = Ledger(spec, Store(tmp_path / "store", store_settings(spec)))
    first, second = _plan.chunks(spec, 1024, ledger.missing)
    name = f"chunks/{ledger.extent(first).name}.nc"
    os.link(tmp_path / "other" / name, tmp_path / "store" / name)

    def read(*_):
        raise AssertionError("read a chunk")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "load", read)
        assert ledger.claim([first, second]) == [second]
    ledger.read()
    assert _plan.chunks(spec, 1024, ledger.missing) == [second]
    ledger.close()


def test_an_error_gives_up_all_claims(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("no luck")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="no luck"):
        patch.setattr(Ledger, "keep", fail)
        study(tmp_path, trials=2)
    assert not list(tmp_path.glob("claims/*"))
    assert study(tmp_path, trials=2).attrs["done"] == 4
