"""The engine of a study: how programs are compiled."""

import subprocess
import sys

import jax
import pytest

import assocmem_jax as am
from assocmem_jax._spec.spec import Spec
from assocmem_jax.study import _plan, _programs, _runner


# Fails where a program compiles while what JAX loads for it is not there.
FRESH = """
import sys
import assocmem_jax as am
from assocmem_jax.study import _runner

timed = _runner.timed

def checked(program):
    assert "scipy.linalg.cython_lapack" in sys.modules
    return timed(program)

_runner.timed = checked
am.sweep({"dot product": am.DotProduct()}, d=[4], n=[2], trials=1)
"""


@pytest.fixture
def program():
    """What is compiled for a study of one cell."""
    spec = Spec({"dot product": am.DotProduct()}, d=[4], n=[2], trials=1)
    runner = _runner.Runner(spec, _plan.rows(2), jax.devices()[:1], 2**40, print)
    (call,) = runner._calls(_plan.chunks(spec, _plan.rows(2)))
    return _programs.program_of(call.settings, call.shape, runner._mesh)


def test_lapack_is_loaded_before_threads_compile():
    subprocess.run([sys.executable, "-c", FRESH], timeout=100, check=True)


def test_an_option_that_xla_does_not_have_is_left_out_alone(program, monkeypatch):
    known, used = {"xla_backend_optimization_level": 1}, []
    options = {"xla_cpu_no_such": True, **known, "xla_cpu_nor_such": 2}
    monkeypatch.setattr(_programs, "_cpu_options", lambda rule: dict(options))
    compile_ = jax.stages.Lowered.compile

    def watched(self, given):
        used.append(dict(given))
        return compile_(self, given)

    monkeypatch.setattr(jax.stages.Lowered, "compile", watched)
    compiled = _programs.compiled_kernel.__wrapped__(program)
    assert used[0] == options and used[-1] == known
    assert compiled.memory_analysis() is not None


def test_other_errors_of_a_compiler_are_not_hidden(program, monkeypatch):
    def broken(self, options):
        raise jax.errors.JaxRuntimeError("INTERNAL: no such luck")

    monkeypatch.setattr(jax.stages.Lowered, "compile", broken)
    with pytest.raises(jax.errors.JaxRuntimeError, match="no such luck"):
        _programs.compiled_kernel.__wrapped__(program)
