"""Compiled kernels: one per structure of the settings, kept for the next study."""

import contextlib
import functools
import gc
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from .._core.rule import AbstractRule, Static, joined, split
from ._inputs import Settings, Shape
from ._kernel import measure


class Program(NamedTuple):
    """All that a kernel is compiled for.

    Attributes:
        arrays: shapes and types of the arrays of the settings.
        static: what else there is to the settings.
        shape: sizes.
        mesh: the devices.
    """

    arrays: tuple[jax.ShapeDtypeStruct, ...]
    static: Static
    shape: Shape
    mesh: Mesh


def program_of(settings: Settings, shape: Shape, mesh: Mesh) -> Program:
    """The program for some settings."""
    arrays, static = split("Spec", "rules", settings)
    weak = lambda x: getattr(x, "weak_type", False)
    like = lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, weak_type=weak(x))
    return Program(tuple(map(like, arrays)), static, shape, mesh)


def timed(program: Program):
    """A compiled kernel, and the seconds that it took now."""
    start = time.perf_counter()
    with _no_collection():
        compiled = compiled_kernel(program)
    return compiled, time.perf_counter() - start


@contextlib.contextmanager
def _no_collection():
    """Let the garbage be.

    Tracing makes objects that stay, and looking through them again and again took a
    study of 7 programs 0.4 of 6 seconds.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


# A program for a CPU takes some 180 pieces of memory or more, and Linux gives a process
# 65,530 of them.
@functools.lru_cache(maxsize=96)
def compiled_kernel(program: Program):
    """The kernel, compiled for settings of one structure."""
    arrays, static, shape, mesh = program
    groups = mesh.size // shape.shards
    words = jax.ShapeDtypeStruct((groups, shape.trials, 3, 2), jnp.uint32)
    count = jax.ShapeDtypeStruct((groups,), jnp.int32)
    lowered = measure.lower(
        list(arrays), words, count, static=static, shape=shape, mesh=mesh
    )
    on_cpu = mesh.devices.flat[0].platform == "cpu"
    rule = joined(list(arrays), static).rule
    options = _cpu_options(rule) if on_cpu else {}
    while True:
        try:
            return lowered.compile(options)
        except jax.errors.JaxRuntimeError as error:
            # Not every version of XLA has all options.
            unknown = [name for name in options if f"option: '{name}'" in str(error)]
            if not unknown:
                raise
            del options[unknown[0]]


def _cpu_options(rule: AbstractRule) -> dict[str, Any]:
    """What makes a program for a CPU compile in less time, and run as fast."""
    options: dict[str, Any] = {
        # The heavy work is in products, which do not depend on it.
        "xla_backend_optimization_level": 1,
        # Parts that are compiled side by side, each at a cost of its own.
        "xla_cpu_parallel_codegen_split_count": 2,
    }
    if rule.looks == "memory":
        # The emitters of old. Only where answers take exponentials of all scores do
        # they make a slower program.
        options["xla_cpu_use_fusion_emitters"] = False
    return options
