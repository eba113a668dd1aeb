"""Pairs that are drawn where they are looked at: the same numbers, no memory."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from helpers import ALL, UNDRAWN, slow

import assocmem_jax as am
from assocmem_jax import patterns
from assocmem_jax._core.drawn import DrawnPairs
from assocmem_jax.study import Spec, _plan
from assocmem_jax.study._kernel import measure
from assocmem_jax.study._runner import Runner
from assocmem_jax.testing._programs import largest_intermediate


class Cubic(am.AbstractSeparation):
    """A polynomial of degree 3."""

    def weigh(self, scores, mask):
        return None, scores**3


RULES = {**ALL, "Cubic": Cubic()}
FEW = {name: ALL[name] for name in ("Pseudoinverse", "Softmax")}
GRID = {"d": [8], "n": [3, 700], "trials": 2, "query_noise": 0.3}
STUDIES = {
    "values": {"metrics": ("cosine", "recall", "success", "distance")},
    "marginalized": {"values": "marginalized"},
    "sphere": {"ensemble": patterns.Spherical(), "values": patterns.Bipolar()},
    "sequence": {"ensemble": patterns.Autoregressive(0.5), "values": "keys"},
    "clusters": {"ensemble": patterns.Clustered(4, 0.5), "values": "one-hot"},
    "factors": {"ensemble": patterns.LowRank(2, 0.5), "values": patterns.Gaussian()},
}


CASES = [
    pytest.param(FEW, "values", 40),
    pytest.param(FEW, "marginalized", None),
    *(slow(RULES, "values", asked) for asked in (None, 3, 40)),
    *(slow(UNDRAWN, "marginalized", asked) for asked in (None, 40)),
    # Each of the others in one of these orders.
    slow(RULES, "sphere", None),
    slow(RULES, "sequence", 40),
    slow(RULES, "clusters", None),
    slow(RULES, "factors", 3),
]


@pytest.mark.usefixtures("programs_of_users")
@pytest.mark.parametrize("rules, name, asked", CASES)
def test_drawn_pairs_give_the_bits_of_held_ones(rules, name, asked, monkeypatch):
    settings = {**GRID, **STUDIES[name], "asked": asked}
    held = am.sweep(rules, **settings)
    monkeypatch.setattr(_plan, "pairs_are_held", lambda *_: False)
    xr.testing.assert_equal(am.sweep(rules, **settings), held)


@pytest.mark.parametrize(
    "name, values",
    (*((x, None) for x in RULES), *((x, "marginalized") for x in UNDRAWN)),
)
def test_no_array_is_as_long_as_the_pairs(name, values):
    spec = Spec({name: RULES[name]}, d=[8], n=[2**20], asked=4, values=values)
    rows = _plan.rows(2**20)
    runner = Runner(spec, rows, jax.local_devices()[:1], 2**30, print)
    (call,) = runner._calls(_plan.chunks(spec, rows))
    program = runner._key(call)

    words, count = runner._trials(call)
    arrays = [jnp.zeros(x.shape, x.dtype) for x in program.arrays]

    def largest(held):
        shape = dataclasses.replace(program.shape, held=held)
        fixed = {"static": program.static, "shape": shape, "mesh": program.mesh}
        kernel = lambda *given: measure(*given, **fixed)
        return largest_intermediate(kernel, arrays, words, count)

    assert largest(held=False) < 2**16
    # Held, they would be seen.
    assert largest(held=True) >= 2**20 * 8


def test_a_million_pairs_are_what_theory_says():
    """Marginalized, with the standard error of the trials."""
    data = am.sweep(
        {"softmax": am.Softmax()},
        d=[24],
        n=[2**18],
        trials=8,
        asked=64,
        values="marginalized",
    )
    cosine = data["cosine"].values.ravel()
    expected = float(am.theory.softmax_cosine(d=24, n=2**18, beta=1.0))
    error = cosine.std(ddof=1) / len(cosine) ** 0.5
    assert abs(cosine.mean() - expected) < 4 * error
    assert error < 0.05


@pytest.fixture
def table():
    def draw(index):
        rows = index.astype(jnp.float32)[:, None]
        return am.Pairs(rows + jnp.ones((1, 3), jnp.float32), -rows)

    return DrawnPairs(jax.tree_util.Partial(draw), 20)


def test_a_drawn_table_is_the_held_one(table):
    held = am.Pairs(table.keys, table.values)
    part, like = table.between(3, 12), held.between(3, 12).present()
    np.testing.assert_array_equal(part.keys, like.keys)
    np.testing.assert_array_equal(part.mask, like.mask)
    np.testing.assert_array_equal(part.rows(2, 4).mask, like.rows(2, 4).mask)
    np.testing.assert_array_equal(part.rows(2, 4).present().keys, like.rows(2, 4).keys)
    index = jnp.array([5, 1, 11], jnp.int32)
    np.testing.assert_array_equal(part.take(index).present().keys, like.keys[index])
    assert (part.dimension, part.value_dimension, part.num_rows) == (3, 1, 20)
    assert part.dtype == held.dtype
    for stop in (None, *map(jnp.int32, (2, 7, 15))):
        assert int(part.count(stop)) == int(held.between(3, 12).count(stop))


def test_a_fold_sums_a_drawn_table(table):
    total = lambda fold: fold(lambda b: b.values.sum(), jnp.add, table)
    assert float(total(am.Fold(4))) == -190
    assert float(total(am.Fold(4, 7))) == -21
    assert float(total(am.Fold(None, 7))) == -21
