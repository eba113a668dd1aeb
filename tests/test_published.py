"""The published numbers, at a small size: `benchmarks/published.py --small`."""

import importlib
import json
import pathlib
import sys

import numpy as np
import pytest

import assocmem_jax as am


BENCHMARKS = pathlib.Path(__file__).parent.parent / "benchmarks"
ROWS = {"1", "1b", "3", "5", "5b", "5c", "7", "7b", "8", "16", "18", "20"}
COLUMNS = {"row", "source", "equation", "what", "published", "here", "tolerance"}


@pytest.fixture
def published(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("published")


def run(published, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["published.py", "--small"])
    with pytest.raises(SystemExit) as done:
        published.main()
    return done.value.code, [
        json.loads(x) for x in capsys.readouterr().out.split("\n")[:-1]
    ]


@pytest.mark.slow
def test_all_rows_agree(published, monkeypatch, capsys):
    code, rows = run(published, monkeypatch, capsys)
    assert [row["what"] for row in rows if not row["passed"]] == [] and code == 0
    assert {row["row"] for row in rows} == ROWS
    assert all(set(row) >= COLUMNS for row in rows)


def test_a_row_that_does_not_agree_fails(published, monkeypatch, capsys):
    monkeypatch.setattr(published, "hopfield_barrier_capacity", lambda: 0.13)
    for name in (
        "stable_patterns",
        "dense_memories",
        "softmax_bounds",
        "linear_memories",
        "facts",
        "sparse_hopfield",
        "exponential_capacity",
    ):
        monkeypatch.setattr(published, name, lambda small: iter(()))
    code, rows = run(published, monkeypatch, capsys)
    assert code == 1
    assert [row["passed"] for row in rows] == [True, True, False]


@pytest.mark.parametrize("degree", (2, 3, 4))
def test_the_dense_memory_is_a_difference_of_energies(degree, monkeypatch, rng):
    monkeypatch.syspath_prepend(BENCHMARKS)
    rule = importlib.import_module("_dense").DenseDifference(degree)
    patterns = rng.choice([-1.0, 1.0], (5, 7)).astype(np.float32)
    query = rng.choice([-1.0, 1.0], 7).astype(np.float32)
    expected = np.zeros(7)
    for i in range(7):
        others = np.delete(np.arange(7), i)
        for pattern in patterns.astype(float):
            y = pattern[others] @ query[others]
            expected[i] += (pattern[i] + y) ** degree - (-pattern[i] + y) ** degree
    for fold in (am.Fold(), am.Fold(2)):
        found = am.retrieve(rule, patterns, patterns, query[None], fold=fold)[0]
        np.testing.assert_allclose(found * 7.0**degree, expected, rtol=1e-4, atol=1e-2)
