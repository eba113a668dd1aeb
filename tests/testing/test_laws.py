"""The rules of the library under the laws, and rules that break them."""

import inspect

import pytest
from helpers import RULES, every_rule

import assocmem_jax as am
from assocmem_jax.testing._laws import LAWS


@pytest.mark.parametrize("law", LAWS)
@every_rule
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
