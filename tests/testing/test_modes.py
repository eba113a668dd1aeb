"""The laws hold in the mode that users have, and at other sizes."""

import subprocess
import sys
from pathlib import Path

import pytest
from helpers import slow

import assocmem_jax as am
from assocmem_jax.testing._laws import LAWS


CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from helpers import RULES
import assocmem_jax as am
for name in sys.argv[2:]:
    am.testing.check_rule(RULES[name].rule)
"""
TESTS = Path(__file__).parents[1]
# A rule for each way in which a memory is made and read.
KINDS = ("Covariance", "LocalLinear", "Mapped", "Nearest", "Pseudoinverse", "Softmax")


@pytest.mark.parametrize("names", (("DotProduct",), slow(KINDS)), ids=str)
def test_laws_hold_without_64_bits(names):
    said = subprocess.run(
        [sys.executable, "-c", CHILD, str(TESTS), *names],
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0, said.stderr


@pytest.mark.slow
@pytest.mark.parametrize("d", (16, 32))
def test_all_laws_hold_at_other_sizes(d):
    am.testing.check_rule(am.ReLU(), d=d, v=4)


@pytest.mark.parametrize("law", ("definition", "stops", "weights", "scores", "looks"))
def test_laws_hold_at_other_sizes(law):
    LAWS[law](am.ReLU(), d=16, v=4)
