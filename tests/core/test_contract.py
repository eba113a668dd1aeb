"""What a rule declares, and what is refused where a class is written."""

import operator
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import assert_close, make_pairs

import assocmem_jax as am
from assocmem_jax._core.table import AbstractTable


class Kinds(am.AbstractSeparation):
    """A separation whose fields are of every kind."""

    function: Callable
    text: str = "cubic"
    number: float = 2.0
    module: eqx.nn.Linear | None = None

    def weigh(self, scores, mask):
        return None, self.number * self.function(scores)


def test_looks_are_one_of_three():
    with pytest.raises(
        TypeError, match=r"`Odd.looks` must be .* got 'onse'. Did you m"
    ):
        type("Odd", (am.AbstractRule,), {"looks": "onse"})
    message = r'`Odd.looks` must be "memory" or "again", got "once". Derive'
    with pytest.raises(TypeError, match=message):
        type("Odd", (am.AbstractRule,), {"looks": "once"})
    assert am.AbstractRule.looks == am.Sparsemax().looks == "again"
    assert am.Softmax().looks == "once" and am.DotProduct().looks == "memory"


def test_a_linear_rule_leaves_write_to_the_engine():
    with pytest.raises(TypeError, match=r"`Odd.write` must not be defined.*`solve`"):
        type("Odd", (am.AbstractLinear,), {"write": lambda self, *_: None})


@pytest.mark.parametrize(
    "base, looks", ((am.AbstractSeparation, "memory"), (am.AbstractLinear, "again"))
)
def test_looks_fit_the_base_class(base, looks):
    with pytest.raises(TypeError, match=rf"`Odd.looks` must be .* got \"{looks}\""):
        type("Odd", (base,), {"looks": looks})


class Normalized(am.AbstractSeparation):
    """Weights that are shares of their sum, and no word on how sums are joined."""

    def weigh(self, scores, mask):
        weights = jnp.where(mask, jnp.abs(scores), 0)
        return jnp.sum(weights), weights

    def normalizer(self, scale):
        return scale


@pytest.mark.parametrize("n", (9, 600))
def test_a_scale_needs_a_join(n, rng):
    with pytest.raises(ValueError, match=r"`Normalized.join\(a, b\)` must be defined"):
        am.retrieve(Normalized(), *make_pairs(rng, n=n))


@pytest.mark.parametrize("rule", (am.Softmax(1e-3), am.Sparsemax(1e-3)), ids=str)
def test_products_beyond_half_precision_are_scaled_before(rule, rng):
    keys = jnp.asarray(30 * rng.standard_normal((64, 128)), jnp.float16)
    # Scores of up to 1e5 would be infinite.
    out = am.retrieve(rule, keys, keys, keys)
    exact = am.retrieve(rule, *[keys.astype(np.float64)] * 3)
    off = np.abs(np.asarray(out, np.float64) - exact)
    assert np.isfinite(out).all() and off.max() < 0.02 * np.abs(exact).max()


@pytest.mark.parametrize("name", ("write", "read"))
def test_a_separation_leaves_write_and_read_to_the_engine(name):
    with pytest.raises(TypeError, match=rf"`Odd.{name}` must not be defined.*Abstract"):
        type("Odd", (am.AbstractSeparation,), {name: lambda self, *_: None})


def test_weights_of_another_shape_are_refused(rng):
    class Odd(am.AbstractSeparation):
        def weigh(self, scores, mask):
            return None, scores[:2]

    message = r"`Odd.weigh\(scores, mask\)` must return .* shape \(2,\) for .*\(13,\)"
    with pytest.raises(ValueError, match=message):
        am.retrieve(Odd(), *make_pairs(rng))


@pytest.mark.parametrize(
    "answer, got",
    (
        (lambda query: query[:2], r"shape \(2,\)"),
        (lambda query: (query, query), "a tuple"),
    ),
)
def test_answers_that_are_no_values_are_refused(answer, got, rng):
    class Odd(am.AbstractRule):
        def write(self, pairs, fold=am.Fold()):
            return None

        def read(self, memory, query, fold=am.Fold()):
            return answer(query)

    message = rf"`Odd.read\(...\)` must return one value of dimension 3, got {got}"
    with pytest.raises(ValueError, match=message):
        am.retrieve(Odd(), *make_pairs(rng))


def test_rules_hold_functions_texts_numbers_and_modules(rng):
    keys, values, queries = make_pairs(rng)
    module = eqx.nn.Linear(2, 3, key=jax.random.key(0))
    cube = lambda scores: scores**3
    for rule in (Kinds(cube), Kinds(cube, "text", np.float64(2), module)):
        out = am.retrieve(rule, keys, values, queries, fold=am.Fold(4))
        assert_close(out, 2 * (queries @ keys.T) ** 3 @ values)


def test_what_cannot_be_hashed_is_to_be_static(rng):
    class Unhashable:
        __hash__: Any = None

        def __call__(self, scores):
            return scores

    message = r"`retrieve\(rule=...\)` holds .*Unhashable.*`eqx.field\(static=True\)`"
    with pytest.raises(TypeError, match=message):
        am.retrieve(Kinds(Unhashable()), *make_pairs(rng))


def test_prefixes_are_the_summaries_of_the_first_rows(rng):
    keys, values, _ = make_pairs(rng, n=40)
    mask = rng.random(40) < 0.8
    pairs = am.Pairs(keys, values, mask)
    stops = jnp.array([1, 4, 7, 7, 16, 33, 40], jnp.int32)
    # The order of the rows shows in the digits.
    digits = lambda block: (
        jnp.sum(block.mask, dtype=jnp.int32),
        fold.dot(block.keys.T, block.values),
    )
    merge = lambda a, b: jax.tree.map(operator.add, a, b)
    for size in (1, 4, 16, 64):
        fold = am.Fold(size)
        for first in (0, 3):
            counts, sums = fold.prefixes(digits, merge, pairs, stops=stops, first=first)
            for j, stop in enumerate(stops):
                here = np.where(mask[:stop, None], keys[:stop], 0)
                if j < first:
                    assert counts[j] == 0 and not sums[j].any()
                else:
                    assert int(counts[j]) == mask[:stop].sum()
                    assert_close(sums[j], here.T @ values[:stop])


def test_blocks_are_merged_in_order(rng):
    class Letters(AbstractTable):
        letter: jax.Array
        mask: jax.Array

    table = Letters(jnp.arange(1, 11, dtype=jnp.int32), jnp.ones(10, bool))
    # A word is a number and its length: joining two words does not commute.
    one = lambda block: (
        jnp.sum(block.letter, dtype=jnp.int32),
        jnp.sum(block.mask, dtype=jnp.int32),
    )
    join = lambda a, b: (a[0] * 11 ** b[1] + b[0], a[1] + b[1])
    word = lambda n: sum(letter * 11 ** (n - letter) for letter in range(1, n + 1))
    stops = jnp.array([1, 3, 8], jnp.int32)
    words, _ = am.Fold(1).prefixes(one, join, table, stops=stops)
    assert words.tolist() == [word(1), word(3), word(8)]
    assert am.Fold(1, stop=8)(one, join, table)[0] == word(8)
    assert am.Fold(1)(one, join, table.rows(0, 8))[0] == word(8)


def test_a_fold_takes_tables_with_columns_of_their_own(rng):
    class Rated(AbstractTable):
        keys: jax.Array
        rates: jax.Array
        mask: jax.Array

    keys, rates = rng.standard_normal((9, 3)), rng.random(9)
    table = Rated(jnp.asarray(keys), jnp.asarray(rates), jnp.arange(9) != 4)
    of_block = lambda block: block.rates @ block.keys
    for fold in (am.Fold(), am.Fold(2), am.Fold(4, stop=9), am.Fold(None)):
        out = fold(of_block, operator.add, table)
        assert_close(out, np.delete(rates, 4) @ np.delete(keys, 4, axis=0))
