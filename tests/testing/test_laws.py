"""The rules of the library under the laws, and rules that break them."""

import inspect

import jax
import numpy as np
import pytest
from helpers import FEW, RULES, equations, largest_intermediate, make_pairs, slow

import assocmem_jax as am
from assocmem_jax.testing._laws import LAWS


# Much to compile. What they say of one rule, they say of the fold: rules of each kind.
KINDS = {
    "LocalLinear",
    "Mapped",
    "Polar",
    "Pseudoinverse",
    "Ridge",
    "Sparsemax",
    "TopK",
}
ONLY = {"adjoints": KINDS | set(FEW), "meshes": KINDS | set(FEW)}
SLOW = {"adjoints": set(RULES) - {"DotProduct"}, "meshes": set(RULES) - set(FEW)}
# They differ from `Entmax` and `Epanechnikov` in what they make of a score: these laws
# see that, and all others say slowly what those rules have said.
ALIKE = {"KSubset", "Normmax", "Quartic", "Triweight"}
OF_SCORES = {"definition", "half", "gradients", "scales", "weights", "nothing"}


def is_slow(name, law):
    return name in SLOW.get(law, ()) or name in ALIKE and law not in OF_SCORES


@pytest.mark.parametrize(
    ("name", "law"),
    [
        (slow if is_slow(name, law) else pytest.param)(name, law)
        for name in RULES
        for law in LAWS
        if name in ONLY.get(law, RULES)
    ],
)
def test_obeys(name, law):
    LAWS[law](RULES[name].rule, RULES[name].definition)


def test_every_public_rule_is_in_the_table():
    public = {
        name
        for name, thing in vars(am).items()
        if inspect.isclass(thing)
        and issubclass(thing, am.AbstractRule)
        and not inspect.isabstract(thing)
    }
    assert public == set(RULES)


def test_new_values_of_hyperparameters_count(rng):
    arrays = make_pairs(rng)
    for row in RULES.values():
        if jax.tree.leaves(row.rule):
            double = jax.tree.map(lambda x: 2 * x, row.rule)
            once, twice = (am.retrieve(rule, *arrays) for rule in (row.rule, double))
            assert not np.allclose(once, twice)


def test_a_write_holds_no_more_than_a_block_of_pairs(rng):
    n, d = 512, 4
    keys, values, _ = make_pairs(rng, n=n, d=d, v=3)
    for row in RULES.values():
        write = lambda keys, values: row.rule.write(am.Pairs(keys, values))  # noqa: B023
        # Keys and values side by side, below a triangle of d rows.
        assert largest_intermediate(write, keys, values) <= (n + d) * (d + 3)


def test_products_are_seen_where_their_precision_is_judged(rng):
    arrays = make_pairs(rng, n=40, dtype=np.float32)
    for row in RULES.values():
        fn = lambda *arrays: am.retrieve(row.rule, *arrays).sum()  # noqa: B023
        for traced in (fn, jax.grad(fn, (0, 1, 2))):
            names = {eqn.primitive.name for eqn in equations(traced, *arrays)}
            assert "dot_general" in names
