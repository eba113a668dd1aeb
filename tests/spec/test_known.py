"""Settings are known numbers, of whatever library: of a study that is no program."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import assocmem_jax as am
from assocmem_jax._spec.spec import Spec, plain
from assocmem_jax.study._programs import compiled_kernel


SOFT = {"soft": am.Softmax()}
DOT = am.DotProduct()


def test_settings_may_be_arrays_of_jax_and_of_numpy():
    given = {
        "d": [4],
        "n": [2, 8],
        "vary": {"beta": [0.5, 1.0]},
        "query_noise": [0.0, 1.0],
    }
    given |= {"trials": 2, "seed": 3, "v": 5, "success_cosine": 0.5}
    kept = Spec(SOFT, **given)
    for of in (jnp.asarray, np.asarray):
        arrays = jax.tree.map(of, given, is_leaf=is_list)
        assert Spec(SOFT, **plain("settings", arrays)) == kept
    assert type(am.patterns.Clustered(np.int64(3), 0.5).num_clusters) is int
    assert type(am.patterns.LowRank(np.int32(3), 0.5).rank) is int


def is_list(x):
    return isinstance(x, list)


TRACED = {
    "rules": lambda x: {"rules": {"soft": am.Softmax(x)}},
    "query_noise": lambda x: {"query_noise": [0.0, x]},
    "vary": lambda x: {"vary": {"beta": [x, 2.0]}},
    "ensemble": lambda x: {
        "ensemble": am.patterns.Samples(x * np.ones((9, 4), np.float32))
    },
}


@pytest.mark.parametrize("name", TRACED)
@pytest.mark.parametrize(
    "transform", (jax.jit, jax.grad, lambda fn: lambda x: jax.vmap(fn)(x[None]))
)
def test_a_study_of_traced_numbers_is_refused(name, transform):
    def study(x):
        return am.sweep(**{"rules": SOFT, "d": [4], "n": [4], **TRACED[name](x)})

    before = compiled_kernel.cache_info().misses
    message = (
        rf"`sweep\({name}=...\)` must hold numbers that are known, got traced ones"
    )
    # Or what the types of arguments say, where these are checked.
    with pytest.raises(TypeError, match=f"{message}|Type-check error whilst"):
        transform(study)(jnp.float32(1))
    assert compiled_kernel.cache_info().misses == before


@pytest.mark.parametrize("function", (am.sweep, am.search_capacity))
def test_a_study_is_no_part_of_a_program(function):
    given = {"n": [4]} if function is am.sweep else {"threshold": 0.5}
    study = lambda x: x * len(function({"dot": DOT}, d=[4], **given))
    message = rf"`{function.__name__}\(...\)` runs programs, and cannot be part of one"
    with pytest.raises(TypeError, match=message):
        jax.jit(study)(1.0)


@pytest.mark.parametrize("of", (np.asarray, list))
def test_sizes_may_be_arrays_wherever_a_study_is_asked_for(of):
    predicted = am.theory.predict({"dot": DOT}, d=of([4, 8]), n=of([2, 4]))
    assert predicted["d"].values.tolist() == [4, 8]
    found = am.search_capacity({"dot": DOT}, d=of([4]), threshold=0.5, trials=2)
    assert found["d"].values.tolist() == [4]
