"""Rules with each similarity under the laws of rules."""

import pytest
from table import DISTANCES, rows

from assocmem_jax.testing._laws import LAWS


ROWS = rows()
# What depends on scores; the others say no more than of the dot product.
LAWS_OF_SCORES = {
    *("definition", "blocks", "masks", "stops", "gradients", "weights", "prefixes"),
    *("shards", "nans", "scores", "looks", "scales", "half"),
}
# Distances to a query that is far from all keys differ in digits that are not there.
BROKEN = {(f"Softmax of {name}", "scales") for name in DISTANCES}


@pytest.mark.parametrize(
    ("name", "law"),
    [
        (name, law)
        for name in ROWS
        for law in sorted(LAWS_OF_SCORES)
        if (name, law) not in BROKEN
    ],
)
def test_obeys(name, law):
    LAWS[law](ROWS[name].rule, ROWS[name].definition)


@pytest.mark.parametrize(("name", "law"), sorted(BROKEN))
def test_what_is_broken_is_truly_broken(name, law):
    with pytest.raises(AssertionError, match="`scales`: .* of the largest entry for"):
        LAWS[law](ROWS[name].rule, ROWS[name].definition)
