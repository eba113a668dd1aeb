"""Sizes of memories."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import RULES, every_rule

import assocmem_jax as am


@every_rule
@pytest.mark.parametrize("dtype", (jnp.float32, jnp.float64))
def test_the_size_of_a_memory_is_that_of_its_arrays(name, dtype):
    rule, (n, d, v) = RULES[name].rule, (7, 4, 3)
    pairs = am.Pairs(jnp.eye(n, d, dtype=dtype), jnp.ones((n, v), dtype))
    memory = rule.write(pairs)
    held = sum(x.nbytes for x in jax.tree.leaves(memory))
    assert am.state_bytes(rule, d, v, n, dtype) == held > 0


def test_sizes_are_read_off_without_any_memory():
    # A matrix of scores, or the pairs themselves, would not fit.
    assert am.state_bytes(am.DotProduct(), 2**10, 2**10, 2**30) == 2**22
    assert am.state_bytes(am.Softmax(), 2**10, 2**10, 2**30) > 2**43


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((3, 4, 4, 4), TypeError, "`state_bytes(rule=...)` must be a rule"),
        ((am.ReLU(), 0, 4, 4), ValueError, "`state_bytes(d=...)` must be"),
        ((am.ReLU(), 4, 4.5, 4), TypeError, "`state_bytes(v=...)` must be a whole"),
        ((am.ReLU(), 4, 4, -1), ValueError, "`state_bytes(n=...)` must be"),
        (
            (am.ReLU(), 4, 4, 4, jnp.int32),
            ValueError,
            "`state_bytes(dtype=...)` must be a type of floating-point numbers",
        ),
    ],
)
def test_sizes_of_nothing_are_refused(arguments, error, message):
    unchecked = getattr(am.state_bytes, "__wrapped__", am.state_bytes)
    with pytest.raises(error, match=re.escape(message)):
        unchecked(*arguments)


class Roots(am.AbstractRule):
    """A rule whose memory grows like the root of the number of pairs."""

    def write(self, pairs, fold=am.Fold()):
        del fold
        return pairs.keys[: int(pairs.num_rows**0.5)], pairs.values

    def read(self, memory, query, fold=am.Fold()):
        del query, fold
        return memory[1][0]


def test_a_study_knows_the_size_of_every_memory():
    grid = {"d": [4, 8], "n": [2, 16], "v": [3, 5], "vary": {"beta": [0.5, 1.0]}}
    rules = {"softmax": am.Softmax(), "dot product": am.DotProduct()}
    sizes = am.sweep(rules, **grid).state_bytes
    assert sizes.attrs["units"] == "byte" and set(sizes.dims) == {"rule", "d", "n", "v"}
    for name, rule in rules.items():
        for d, n, v in [(4, 2, 3), (8, 16, 5), (4, 16, 3)]:
            size = sizes.sel(rule=name, d=d, n=n, v=v)
            assert size == am.state_bytes(rule, d, v, n)


def test_sizes_that_grow_otherwise_are_not_guessed():
    rules = {"roots": Roots(), "relu": am.ReLU()}
    sizes = am.sweep(rules, d=[4], n=[4]).state_bytes
    assert np.isnan(sizes.sel(rule="roots")).all()
    assert (sizes.sel(rule="relu") == am.state_bytes(am.ReLU(), 4, 4, 4)).all()


def test_a_store_that_grows_knows_the_sizes_of_all(tmp_path):
    rules = {"softmax": am.Softmax()}
    am.sweep(rules, d=[4], n=[2], store=tmp_path)
    more = {**rules, "dot product": am.DotProduct()}
    grown = am.sweep(more, d=[4, 8], n=[2], store=tmp_path)
    alone = am.sweep(more, d=[4, 8], n=[2])
    np.testing.assert_array_equal(grown.state_bytes, alone.state_bytes)
    loaded = am.load_study(tmp_path).state_bytes.sel(rule=grown.rule)
    np.testing.assert_array_equal(
        loaded.transpose(*grown.state_bytes.dims), alone.state_bytes
    )
