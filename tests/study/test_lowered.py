"""Kernels as they are lowered for accelerators, none of which has to be at hand."""

import re

import jax
import jax.numpy as jnp
import pytest

import assocmem_jax as am
from assocmem_jax.study import _inputs, _plan, _programs
from assocmem_jax.study._kernel import measure


TRIALS = 4


def lowered(rule, platform, **options):
    """The program of a chunk, as text."""
    spec = am.study.Spec({"rule": rule}, d=[8], n=[4, 16], trials=TRIALS, **options)
    rows = _plan.rows(16, 8)
    (chunk,) = _plan.chunks(spec, rows)
    shape = _plan.kernel_shape(spec, chunk, rows, 2**30, on_cpu=False)
    auto = (jax.sharding.AxisType.Auto,)
    mesh = jax.make_mesh((1,), ("cells",), axis_types=auto, devices=jax.devices()[:1])
    settings = _inputs.settings_of(spec, "rule", 0, 8)
    arrays, static, shape, mesh = _programs.program_of(settings, shape, mesh)
    words = jax.ShapeDtypeStruct((1, shape.trials, 3, 2), jnp.uint32)
    count = jax.ShapeDtypeStruct((1,), jnp.int32)
    traced = measure.trace(
        list(arrays), words, count, static=static, shape=shape, mesh=mesh
    )
    return traced.lower(lowering_platforms=(platform,)).as_text()


@pytest.mark.parametrize("platform", ("cuda", "tpu"))
@pytest.mark.parametrize("values", (None, "marginalized"))
def test_an_accelerator_solves_for_all_trials_at_once(platform, values):
    text = lowered(am.Pseudoinverse(), platform, values=values)
    quick = {"cuda": "@cusolver_potrf", "tpu": r"stablehlo\.cholesky"}[platform]
    lines = [line for line in text.splitlines() if re.search(quick, line)]
    types = [re.findall(r"tensor<((?:\d+x)+)f", line)[-1] for line in lines]
    assert [x for x in types if x.startswith(f"{TRIALS}x")] != []
    # A factorization of one matrix belongs to what is solved with care.
    assert platform == "tpu" or all(x.startswith(f"{TRIALS}x") for x in types)


@pytest.mark.parametrize("platform", ("cuda", "tpu"))
@pytest.mark.parametrize("rule", (am.Pseudoinverse(), am.Softmax(), am.DotProduct()))
def test_nothing_in_a_chunk_waits_for_the_host(platform, rule):
    text = lowered(rule, platform)
    assert "stablehlo.while" in text
    assert not re.search(r"callback|stablehlo\.(infeed|outfeed|send|recv)\b", text)
