"""The list of rules."""

import re
from pathlib import Path

import jax.numpy as jnp
import pytest
from helpers import RULES, every_rule

import assocmem_jax as am
from assocmem_jax._command.cli import main


README = (Path(__file__).parents[2] / "README.md").read_text()
LISTED = {facts.name: facts for facts in am.rules()}


def evaluated(text: str, **sizes: float) -> float:
    """A number of operations or numbers as text, such as `2 n (d + v)`."""
    product = re.sub(r"(?<=[\w)]) (?=[\w(])", "*", text).replace("^", "**")
    return float(eval(product, {}, sizes))


def test_every_rule_is_listed_once_by_name():
    names = [facts.name for facts in am.rules()]
    assert names == sorted(set(names)) and set(names) == {
        type(row.rule).__name__ for row in RULES.values()
    }


@every_rule
def test_the_listed_state_is_the_leading_term_of_the_memory(name):
    rule = RULES[name].rule
    facts = LISTED[type(rule).__name__]
    n, d, v = 4096, 8, 4096
    size = am.state_bytes(rule, d, v, n, jnp.float32)
    others = {"k": 3.0, "D": 1.0}
    listed = 4 * evaluated(facts.state, n=n, d=d, v=v, **others)
    assert size == pytest.approx(listed, rel=0.01)


def test_a_table_of_all_rules_is_printed(capsys):
    main(["rules"])
    printed = capsys.readouterr().out
    for facts in am.rules():
        assert f"{facts.name}({facts.parameters})" in printed
        assert facts.formula in printed and facts.source in printed


def test_the_table_of_the_readme_is_the_one_that_is_made(capsys):
    main(["rules", "--markdown"])
    made = capsys.readouterr().out.strip()
    assert README.split("<!-- rules -->\n")[1].split("\n\n")[0] == made
