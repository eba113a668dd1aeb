"""Threads of the CPU, shared by compiler, XLA and LAPACK."""

import os
from contextlib import AbstractContextManager

from threadpoolctl import threadpool_limits


def half_the_cores() -> int:
    """Number of threads that leave room for those of XLA."""
    return max(1, (os.cpu_count() or 1) // 2)


def limit_lapack() -> AbstractContextManager:
    """Let LAPACK use half of the cores, for use in a `with` statement.

    Its threads spin for a while after every call, in the way of XLA's: on 2 cores they
    cost a grid of pseudoinverses a fifth of its time.
    """
    # The LAPACK that JAX calls on a CPU. It must be loaded to be limited.
    import scipy.linalg.cython_lapack  # noqa: F401

    return threadpool_limits(half_the_cores(), user_api="blas")
