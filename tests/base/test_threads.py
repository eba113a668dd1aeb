"""Threads of LAPACK: limited while any study runs, and as they were afterwards."""

import subprocess
import sys
import threading

import pytest
import scipy.linalg.cython_lapack  # noqa: F401
from threadpoolctl import threadpool_info

from assocmem_jax._base import threads as _threads
from assocmem_jax._base.threads import limit_lapack


# Every module of the face at once: a package, and modules in it.
AT_ONCE = """
import threading
import assocmem_jax as am

names = ("testing", "plot", "theory", "search_capacity", "capacity", "study")
go, failed = threading.Barrier(len(names)), []

def load(name):
    go.wait()
    try:
        getattr(am, name)
    except Exception as error:
        failed.append((name, error))

threads = [threading.Thread(target=load, args=(name,)) for name in names]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not failed, failed
"""


def lapack():
    return [x["num_threads"] for x in threadpool_info() if x["user_api"] == "blas"]


def test_limits_of_several_threads_end_with_the_last(monkeypatch):
    monkeypatch.setattr(_threads, "half_the_cores", lambda: 1)
    before = lapack()
    first, second = limit_lapack(), limit_lapack()
    with first:
        assert set(lapack()) == {1}
        entered, leave = threading.Event(), threading.Event()

        def other():
            with second:
                entered.set()
                leave.wait()

        thread = threading.Thread(target=other)
        thread.start()
        entered.wait()
    # The one that came first has left, and the other still works.
    assert set(lapack()) == {1}
    leave.set()
    thread.join()
    assert lapack() == before


@pytest.mark.slow
def test_threads_may_load_the_library_at_once():
    subprocess.run([sys.executable, "-c", AT_ONCE], check=True, timeout=100)
