"""Threads of the CPU, shared by compiler, XLA and LAPACK."""

import functools
import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from threadpoolctl import ThreadpoolController


def half_the_cores() -> int:
    """Number of threads that leave room for those of XLA."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)) // 2)
    return max(1, (os.cpu_count() or 1) // 2)


class _Limit(AbstractContextManager):
    """A limit of the process, in force while any thread is in the block.

    Each thread for itself would put back what it found: the limit of another one that
    has left since, for good.
    """

    def __init__(self):
        self._lock, self._inside = threading.Lock(), 0
        self._limits: Any = None

    def __enter__(self) -> "_Limit":
        with self._lock:
            if not self._inside:
                _by_a_thread_of_its_own(self._begin)
            self._inside += 1
        return self

    def __exit__(self, *exc_info) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside and self._limits is not None:
                _by_a_thread_of_its_own(self._limits.restore_original_limits)

    def _begin(self) -> None:
        self._limits = _libraries().limit(limits=half_the_cores(), user_api="blas")


@functools.cache
def _libraries() -> ThreadpoolController:
    """The libraries with threads, as loaded at first: to look for them takes 2 ms."""
    # The LAPACK that JAX calls on a CPU. It must be loaded to be limited.
    import scipy.linalg.cython_lapack  # noqa: F401

    return ThreadpoolController()


def _by_a_thread_of_its_own(function: Callable[[], None]) -> None:
    """Call it in a thread that ends.

    While the thread that set a limit lives, threadpoolctl lets no other one change it,
    and the thread that comes first need not leave last.
    """
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


_LAPACK = _Limit()


def limit_lapack() -> AbstractContextManager:
    """Let LAPACK use half of the cores, for use in a `with` statement.

    Its threads spin for a while after every call, in the way of XLA's: on 2 cores they
    cost a grid of pseudoinverses a fifth of its time.
    """
    return _LAPACK
