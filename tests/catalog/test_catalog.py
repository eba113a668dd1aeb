"""The list of rules."""

from pathlib import Path

import jax.numpy as jnp
import pytest
from helpers import RULES, every_rule

import assocmem_jax as am
from assocmem_jax._command.cli import main


README = (Path(__file__).parents[2] / "README.md").read_text()
LISTED = {facts.name: facts for facts in am.rules()}


def test_every_rule_is_listed_once_by_name():
    names = [facts.name for facts in am.rules()]
    assert names == sorted(set(names)) and set(names) == set(RULES)


@every_rule
def test_the_listed_state_is_the_leading_term_of_the_memory(name):
    rule = RULES[name].rule
    n, d, v = 4096, 8, 4096
    sizes = {"n": n, "d": d, "v": v}
    if isinstance(rule, am.Mapped):
        sizes["D"] = rule.features.dimension(d)
    assert rule.about is not None
    listed = 4 * rule.about.counted("state", **sizes)
    assert am.state_bytes(rule, d, v, n, jnp.float32) == pytest.approx(listed, rel=0.01)


@every_rule
def test_listed_costs_are_numbers_of_operations(name):
    about, sizes = RULES[name].rule.about, dict.fromkeys("ndvDk", 2.0)
    assert about is not None and about.source.count("(") == 1
    assert about.counted("write", **sizes) >= 0 < about.counted("read", **sizes)


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
    assert f"**{len(LISTED)} rules of one step**" in README
    for line in made.splitlines():
        assert line.replace(r"\|", "").count("|") == 7
