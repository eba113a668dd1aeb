"""What separations with an inverse temperature share beyond the laws."""

import dataclasses

import numpy as np
import pytest
from helpers import RULES, assert_close, make_pairs

import assocmem_jax as am
from assocmem_jax._core.tempered import AbstractTempered


TEMPERED = [
    name for name, row in RULES.items() if isinstance(row.rule, AbstractTempered)
]


@pytest.mark.parametrize("beta", (0.0, 1e-38, 1e-3))
@pytest.mark.parametrize("name", TEMPERED)
def test_absent_pairs_count_for_nothing_at_any_temperature(name, beta, rng):
    """However flat the weights: not even the lowest score has a weight."""
    keys, values, queries = make_pairs(rng, n=30, dtype=np.float32)
    mask = np.arange(30) % 3 == 0
    rule = dataclasses.replace(RULES[name].rule, beta=beta)
    for size in (4, None):
        found = am.retrieve(rule, keys, values, queries, mask=mask, fold=am.Fold(size))
        stored = am.retrieve(rule, keys[mask], values[mask], queries)
        assert_close(found, np.asarray(stored))
