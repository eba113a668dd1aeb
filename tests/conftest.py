"""Strict defaults, and a cache of compiled programs that all processes share."""

import ctypes
import gc
import os
import signal
import sys
import tempfile
from pathlib import Path

import jax


jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_legacy_prng_key", "error")
jax.config.update("jax_num_cpu_devices", 2)


import numpy as np  # noqa: E402
import pytest  # noqa: E402


C = ctypes.CDLL(None)
LITTLE_EFFORT = "--xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=0"


def pytest_configure(config):
    # A shell starts what runs in the background deaf to it, and children are so, too.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.getoption("markexpr") == "not slow":
        # Compiling is most of what the fast lane costs: a third of it, this way. Where
        # bits are at stake, a test asks for the effort that users' programs get:
        # `thorough` in helpers.py.
        os.environ.setdefault("XLA_FLAGS", LITTLE_EFFORT)
    # Workers compile much that others have compiled, in this run or the last, and child
    # processes have nothing else. Those read the environment.
    folder = getattr(config, "cache", None)
    cache = {
        "jax_compilation_cache_dir": str(
            folder.mkdir("jax") if folder else tempfile.mkdtemp("jax")
        ),
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    for name, value in cache.items():
        jax.config.update(name, value)
        os.environ[name.upper()] = str(value)


def pytest_collection_finish():
    # What is there by now stays. To look through it again and again, as tracing makes
    # the collector do, took a twelfth of the time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


@pytest.fixture(autouse=True, scope="module")
def no_program_outlives_its_module():
    """Workers would grow to gigabytes: of programs, and of gaps between them."""
    yield
    forget_programs()


@pytest.fixture(autouse=True)
def no_worker_holds_too_many_programs():
    """Each has pieces of memory of its own, and a process may have 65,530 of these."""
    yield
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > 20_000:
        forget_programs()


def forget_programs():
    """Let go of what was compiled, and of its memory."""
    programs = sys.modules.get("assocmem_jax.study._programs")
    if programs is not None:
        programs.compiled_kernel.cache_clear()
    jax.clear_caches()
    gc.collect()
    if hasattr(C, "malloc_trim"):
        C.malloc_trim(0)


@pytest.fixture
def rng():
    return np.random.default_rng(2026)
