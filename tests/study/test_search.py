"""Capacities that are searched for, against those that are known."""

import json
from typing import Any

import numpy as np
import pytest
from helpers import slow
from scipy import optimize, special

import assocmem_jax as am
from assocmem_jax.study._programs import compiled_kernel


def exact_capacity(shape, v, threshold) -> Any:
    """The load where the mean cosine is the threshold, where rho^2 is Beta(a, b)."""

    def rest(n):
        a, b = shape(n)
        return expected_cosine(a, b, v) - threshold

    return optimize.brentq(rest, 1.5, 10 * v)


def expected_cosine(a, b, v):
    """Mean cosine where rho^2 is Beta(a, b) and values are Gaussian in v dimensions."""
    if b <= 0:
        return 1.0
    x, weights = special.roots_sh_jacobi(200, a + b - 1, a)
    factor = 2 / v * np.exp(2 * (special.gammaln((v + 1) / 2) - special.gammaln(v / 2)))
    cosine = factor * np.sqrt(x) * special.hyp2f1(0.5, 0.5, v / 2 + 1, x)
    return weights @ cosine / weights.sum()


RULES = {"pseudoinverse": am.Pseudoinverse(), "dot product": am.DotProduct()}
SHAPES = {
    "pseudoinverse": lambda d: lambda n: (d / 2, (n - d) / 2),
    "dot product": lambda d: lambda n: (d / 2, (n - 1) / 2),
}


def test_known_capacities_are_those_of_the_literature():
    for name, expected in (("pseudoinverse", 78.7), ("dot product", 15.7)):
        exact = exact_capacity(SHAPES[name](64), 64, 0.9)
        assert exact == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("dimensions", ([16], slow([16, 32])))
def test_the_search_covers_the_exact_capacities(dimensions):
    found = am.search_capacity(
        RULES, d=dimensions, threshold=0.9, trials=32, confidence=0.99
    )
    assert found["capacity"].dims == ("rule", "d")
    assert (found["censored"] == "no").all()
    assert (found["bracket_high"] - found["bracket_low"] <= 2).all()
    for name, shape in SHAPES.items():
        for d in dimensions:
            cell, exact = found.sel(rule=name, d=d), exact_capacity(shape(d), d, 0.9)
            assert 0 < float(cell["low"]) < exact < float(cell["high"]) < np.inf
            assert cell["high"] / cell["low"] < 1.5
    assert found.attrs["metric"] == "cosine" and found.attrs["threshold"] == 0.9
    assert json.loads(found.attrs["spec"])["rules"].keys() == set(found["rule"].values)


# The first crossings of a threshold of 0.5 under noise of 0.5; beyond n = d the curve
# recovers, and falls again at about 2.8 d (arXiv:1912.07242).
FIRST = {16: 15, 24: 23, 32: 30, 40: 38, 48: 45, 64: 60, 80: 74, 96: 89}


@pytest.mark.parametrize("dimensions", ([16], slow(list(FIRST))))
def test_the_search_finds_the_first_crossing(dimensions):
    found = am.search_capacity(
        {"p": am.Pseudoinverse()},
        d=dimensions,
        threshold=0.5,
        trials=8,
        query_noise=0.5,
        seed=1,
    ).squeeze("rule")
    expected = np.array([FIRST[d] for d in dimensions])
    assert (abs(found["capacity"] - expected) < 1).all()
    assert (found["low"] < expected).all() and (found["high"] < 1.1 * expected).all()
    assert (found["passes_again"] > found["d"]).all()


@pytest.mark.slow
def test_the_search_agrees_with_a_grid_of_a_curve_that_recovers():
    settings = {"d": [24], "trials": 16, "query_noise": 0.3}
    rules = {"p": am.Pseudoinverse()}
    found = am.search_capacity(rules, threshold=0.7, **settings)
    grid = am.capacity(am.sweep(rules, n=range(2, 49), **settings), threshold=0.7)
    for capacity in (found, grid):
        assert capacity["capacity"].item() == pytest.approx(22, abs=0.5)


def test_what_the_limit_does_not_reach_is_censored():
    found = am.search_capacity(
        {"softmax": am.Softmax()}, d=[32], threshold=0.9, trials=4, limit=256
    )
    assert found["censored"] == "above" and np.isnan(found["capacity"])
    assert found["bracket_low"] == 256 and np.isinf(found["high"])


def test_other_loads_trials_seeds_and_narrowing_compile_nothing():
    settings = {"d": [5], "threshold": 0.9, "trials": 4, "limit": 64}
    rules = {"ReLU": am.ReLU(), "softmax": am.Softmax(0.3)}
    before = compiled_kernel.cache_info().misses
    am.search_capacity(rules, **settings, tolerance=2.0)
    assert compiled_kernel.cache_info().misses == before + 2
    narrow = am.search_capacity(rules, **settings, tolerance=0.01, seed=1)
    am.search_capacity({"softmax": am.Softmax(0.7)}, **settings, start=7)
    assert compiled_kernel.cache_info().misses == before + 2
    assert (narrow["bracket_high"] == narrow["bracket_low"] + 1).any()


def test_a_search_sees_the_numbers_of_a_sweep():
    rules = {"ReLU": am.ReLU()}
    found = am.search_capacity(rules, d=[6], threshold=0.9, trials=8, seed=3)
    ends = [int(found[f"bracket_{end}"].item()) for end in ("low", "high")]
    means = am.sweep(rules, d=[6], n=ends, trials=8, seed=3)["cosine"].mean("trial")
    assert means[0, 0, 0] >= 0.9 > means[0, 0, 1]


def test_samples_are_not_asked_for_more_than_they_hold(rng):
    """`Samples` would refuse, and for keys as for values."""
    few = am.patterns.Samples(rng.standard_normal((40, 8)))
    settings = {"d": [8], "threshold": 0.5, "trials": 4}
    for rule, drawn in (
        (am.Softmax(beta=5.0), {"ensemble": few}),
        (am.Softmax(beta=5.0), {"values": few}),
        (am.DotProduct(), {"ensemble": few, "threshold": 0.45}),
    ):
        found = am.search_capacity({"it": rule}, **{**settings, **drawn})
        assert found["bracket_low"] <= 40 and found["capacity"].size == 1
    found = am.search_capacity({"it": am.Softmax(5.0)}, **settings, ensemble=few)
    assert found["censored"] == "above" and found["bracket_low"] == 40


@pytest.mark.parametrize(
    "changed, message",
    (
        ({"trials": 1}, r"search_capacity\(trials=.*at least 2, got 1"),
        ({"threshold": 1.5}, r"search_capacity\(threshold=.*got 1.5"),
        ({"metric": "cosin"}, "has no metric 'cosin'. Did you mean `cosine`"),
        ({"start": 0}, "must be at least 1, got 0"),
        ({"start": 9, "limit": 8}, r"limit=...\)` .* at least 9, got 8"),
        ({"tolerance": 0.0}, r"tolerance=...\)` must be positive, got 0.0"),
        ({"rules": {}}, "rules=.*must not be empty"),
        ({"d": []}, "d=.*must not be empty"),
        (
            {"query_noise": [0.0, 0.5]},
            r"search_capacity\(query_noise=.*one number, got \[0.0, 0.5\]|Type-check",
        ),
        (
            {"ensemble": am.patterns.Samples(np.eye(4)), "start": 5},
            "asks for 5 patterns, and `Samples` holds 4",
        ),
    ),
)
def test_what_is_no_search_is_refused_before_anything_compiles(changed, message):
    given = {"rules": {"ReLU": am.ReLU()}, "d": [4], "threshold": 0.9, "trials": 4}
    before = compiled_kernel.cache_info().misses
    with pytest.raises((ValueError, TypeError), match=message):
        am.search_capacity(**{**given, **changed})
    assert compiled_kernel.cache_info().misses == before


def test_a_limit_that_does_not_fit_is_refused_before_any_work(monkeypatch):
    monkeypatch.setattr("assocmem_jax.study._search.execute", None)
    message = r"search_capacity\(d=..., limit=...\)` must fit .* smaller ones, or raise"
    given = am.patterns.Samples(np.zeros((4096, 512), np.float32))
    few = {"threshold": 0.9, "memory": 8 * 2**20, "ensemble": given}
    with pytest.raises(ValueError, match=message):
        am.search_capacity(RULES, d=[512], **few)


@pytest.mark.parametrize(
    ("given", "message"),
    (
        ({"d": [0]}, r"`search_capacity\(d=...\)` must be at least 1"),
        ({"metric": "bits"}, r"`search_capacity\(metric=...\)` has no metric 'bits'"),
        ({"start": 0}, r"`search_capacity\(start=...\)` must be at least 1"),
        ({"seed": -1}, r"`search_capacity\(seed=...\)` must be from 0"),
        ({"limit": 2.5}, r"`search_capacity\(limit=...\)` must be a whole number"),
    ),
)
def test_messages_name_what_was_called(given, message):
    with pytest.raises((TypeError, ValueError), match=f"{message}|Type-check error"):
        am.search_capacity(RULES, **{"d": [4], "threshold": 0.9, **given})


def test_a_stopped_search_says_that_nothing_is_kept(monkeypatch):
    def stopped(*_):
        error = KeyboardInterrupt()
        error.add_note("Nothing is kept without `sweep(store=...)`.")
        raise error

    monkeypatch.setattr("assocmem_jax.study._search.execute", stopped)
    with pytest.raises(KeyboardInterrupt) as stop:
        am.search_capacity(RULES, d=[4], threshold=0.9)
    assert stop.value.__notes__ == ["Stopped. A search keeps nothing."]
