"""A study that was stopped goes on as if it had not been."""

import errno
import os
import re
import signal
import subprocess
import sys

import jax
import pytest
import xarray as xr

import assocmem_jax as am
from assocmem_jax.study import _plan
from assocmem_jax.study._ledger import Ledger
from assocmem_jax.study._store import Store


# In all processes: a chunk per trial, and time to stop between two.
PRELUDE = """
import sys, time
import jax
jax.config.update("jax_enable_x64", True)
import assocmem_jax as am
from assocmem_jax.study import _plan
from assocmem_jax.study._store import Store

_plan._CHUNK_WORK = 1.0
save = Store.save

def slow(store, name, chunk):
    save(store, name, chunk)
    print(name, flush=True)
    time.sleep(float(sys.argv[2]))

Store.save = slow

def study(store):
    return am.sweep(
        {"dot": am.DotProduct(), "soft": am.Softmax()}, d=[5], n=[3, 40], trials=4,
        query_noise=0.2, seed=3, store=store, devices=jax.local_devices()[:1],
    )
"""
RUN = "study(sys.argv[1])"
CHUNKS = 8


@pytest.fixture(autouse=True)
def a_chunk_per_trial(monkeypatch):
    monkeypatch.setattr(_plan, "_CHUNK_WORK", 1.0)


def sweep(store=None, **changed):
    arguments = {
        "d": [5],
        "n": [3, 40],
        "trials": 4,
        "query_noise": 0.2,
        "seed": 3,
        "devices": jax.local_devices()[:1],
        "rules": {"dot": am.DotProduct(), "soft": am.Softmax()},
        **changed,
    }
    return am.sweep(store=store, **arguments)


@pytest.fixture(scope="module")
def uninterrupted():
    return sweep()


@pytest.fixture
def saved(monkeypatch):
    """Names of the chunks that are saved, as they are."""
    names, save = [], Store.save
    note = lambda self, name, chunk: (names.append(name), save(self, name, chunk))
    monkeypatch.setattr(Store, "save", note)
    return names


def launch(store, code=RUN, pause=0.2):
    command = [sys.executable, "-c", PRELUDE + code, str(store), str(pause)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)


def wait_for_chunks(process, count):
    for _ in range(count):
        assert process.stdout.readline()


def assert_same(data, desired):
    xr.testing.assert_identical(
        data.drop_attrs(deep=False), desired.drop_attrs(deep=False)
    )


def chunk_files(store):
    return sorted(store.glob("chunks/*.nc"))


@pytest.mark.slow
def test_killed_again_and_again(tmp_path, uninterrupted, saved):
    store, done = tmp_path / "runs/first", 0
    for more in (1, 3):
        process = launch(store)
        wait_for_chunks(process, more)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        # What was finished before the last start is still there.
        assert done + more <= len(chunk_files(store)) <= done + more + 1
        done = len(chunk_files(store))
        # Each of them has two loads.
        assert am.study.load_study(store).attrs["done"] == 2 * done
    assert_same(sweep(store), uninterrupted)
    assert len(saved) == CHUNKS - done
    assert_same(am.study.load_study(store), uninterrupted)
    assert_same(sweep(store), uninterrupted)
    assert len(saved) == CHUNKS - done


def test_interrupted_from_the_keyboard(tmp_path, uninterrupted, saved):
    process = launch(tmp_path)
    wait_for_chunks(process, 2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT, said
    note = rf"Stopped. (\d) of {CHUNKS} chunks are kept in {re.escape(str(tmp_path))}; "
    match = re.search(note + "the same call goes on", said)
    kept = len(chunk_files(tmp_path))
    assert match and int(match[1]) in (kept, kept - 1) and kept < CHUNKS
    assert_same(sweep(tmp_path), uninterrupted)
    assert len(saved) == CHUNKS - kept


def test_interrupted_without_a_store(monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Ledger, "keep", interrupt)
    with pytest.raises(KeyboardInterrupt) as info:
        sweep()
    assert info.value.__notes__ == [
        "Stopped. Nothing is kept without `sweep(store=...)`."
    ]


@pytest.mark.parametrize(
    "changed, differs",
    (
        ({"seed": 4}, "`seed`: 3 there, 4 here"),
        ({"metrics": ["cosine"]}, "`metrics`: .*distance.* there, .* here"),
        ({"v": 4}, "`v`: null there, 4 here"),
        (
            {"ensemble": am.patterns.Spherical()},
            "`ensemble`: .Gaussian.* there, .Spherical.* here",
        ),
        (
            {"rules": {"soft": am.Softmax(2.0)}},
            "`rules`: .*Softmax.beta=1.0.* there, .*Softmax.beta=2.0.* here",
        ),
    ),
)
def test_another_study_is_refused(tmp_path, saved, changed, differs):
    sweep(tmp_path)
    saved.clear()
    with pytest.raises(ValueError, match=f"holds a study with other.*{differs}"):
        sweep(tmp_path, **changed)
    assert not saved


def test_the_order_in_which_rules_are_typed_does_not_matter(tmp_path, saved):
    rules = {"dot": am.DotProduct(), "soft": am.Softmax(), "hot": am.Softmax(9.0)}
    grid = {"d": [5], "n": [3, 40], "vary": {"beta": [0.1, 1.0]}, "store": tmp_path}
    before = am.sweep(rules, **grid)
    saved.clear()
    after = am.sweep(dict(reversed(rules.items())), **grid)
    assert not saved
    xr.testing.assert_equal(after, before.isel(rule=slice(None, None, -1)))


def test_damaged_chunks_are_set_aside_and_computed_again(
    tmp_path, uninterrupted, saved
):
    sweep(tmp_path)
    files = chunk_files(tmp_path)
    data = files[2].read_bytes()
    files[2].write_bytes(data[: len(data) // 2])
    files[5].write_bytes(files[4].read_bytes())
    saved.clear()
    with pytest.warns(UserWarning, match="bad chunk") as warned:
        assert_same(sweep(tmp_path), uninterrupted)
    assert len(warned) == 2
    assert sorted(saved) == sorted([files[2].stem, files[5].stem])
    assert len(list(tmp_path.glob("set-aside/*.nc"))) == 2


def test_a_full_disk_keeps_what_is_done(tmp_path, uninterrupted, monkeypatch):
    names, save = [], Store.save

    def full(self, name, chunk):
        if len(names) == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        names.append(name)
        save(self, name, chunk)

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(Store, "save", full)
        sweep(tmp_path)
    assert [file.stem for file in chunk_files(tmp_path)] == names
    again = []
    note = lambda self, name, chunk: (again.append(name), save(self, name, chunk))
    monkeypatch.setattr(Store, "save", note)
    assert_same(sweep(tmp_path), uninterrupted)
    assert len(again) == CHUNKS - 3 and not set(again) & set(names)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    file = tmp_path / "file"
    file.write_text("not a folder")
    with pytest.raises(OSError, match="sweep.store=.*cannot write.*another folder"):
        sweep(file / "study")
