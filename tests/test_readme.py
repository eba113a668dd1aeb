"""The code of the README runs, and says what it should."""

import re
from pathlib import Path

import numpy as np
import pytest

import assocmem_jax as am


ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


def test_the_example_prints_every_rule(capsys):
    exec(EXAMPLES[0], {})
    printed = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert set(printed) == {"Pseudoinverse", "Softmax", "ReLU", "DotProduct"}
    # sqrt(d / n), within the spread of 1000 cosines.
    assert float(printed["Pseudoinverse"]) == pytest.approx(0.253, abs=0.02)


def test_the_rule_of_the_readme_is_a_rule(rng):
    namespace = {}
    exec(EXAMPLES[1], namespace)
    keys, values, queries = (rng.standard_normal((n, 3)) for n in (9, 9, 4))
    out = am.retrieve(namespace["Cubic"](), keys, values, queries, fold=am.Fold(4))
    np.testing.assert_allclose(out, (queries @ keys.T) ** 3 @ values, rtol=1e-10)


def test_pictures_and_links_are_there():
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / target).exists(), target
