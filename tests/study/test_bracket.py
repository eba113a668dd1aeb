"""The search for the load at which a rule stops to pass."""

import numpy as np
import pytest
from helpers import logistic

from assocmem_jax._statistics.capacity import capacity
from assocmem_jax.study._bracket import as_study, bracket_and_narrow, search


def search_on(curve, **settings):
    """The scores by load, and the loads in the order of evaluation."""
    asked = []

    def evaluate(n):
        asked.append(n)
        return np.full(4, curve(n))

    given = {"start": 4, "limit": 10**6, "threshold": 0.5, "tolerance": 0.02}
    found = search(evaluate, **{"metric": "cosine", **given, **settings})
    assert sorted(asked) == list(found) and len(set(asked)) == len(asked)
    assert all(type(n) is int for n in asked)
    return found, asked


@pytest.mark.parametrize("start", (1, 4, 97, 5000, 10**6))
def test_the_search_finds_the_capacity_in_few_evaluations(start):
    scores, asked = search_on(logistic, start=start)
    found = capacity(as_study(scores, "cosine"), threshold=0.5)
    assert found["bracket_low"] <= 97 <= found["bracket_high"]
    assert found["bracket_high"] / found["bracket_low"] <= 1.02
    assert float(found["capacity"]) == pytest.approx(97, rel=1e-3)
    halvings = np.log2(np.log(2) / 0.02) + 1
    # At most two more for the octaves on either side.
    assert len(asked) <= 2 + abs(np.log2(97 / start)) + halvings + 2


def test_the_search_first_doubles_or_halves():
    assert search_on(logistic)[1][:7] == [4, 8, 16, 32, 64, 128, 91]
    assert search_on(logistic, start=600)[1][:5] == [600, 300, 150, 75, 106]
    assert search_on(logistic, limit=100)[1][:7] == [4, 8, 16, 32, 64, 100, 80]


def test_the_search_stops_at_neighboring_loads():
    scores, _ = search_on(lambda n: logistic(n, 5.5), tolerance=1e-9)
    assert list(scores) == [2, 4, 5, 6, 8, 12]


def test_the_search_looks_an_octave_to_either_side_last():
    _, asked = search_on(logistic, start=96, tolerance=0.1)
    assert asked == [96, 192, 136, 114, 105, 48, 210]
    _, asked = search_on(lambda n: logistic(n, 1.5), start=1, limit=3, tolerance=2.0)
    assert asked == [1, 2, 3]  # nothing below 1, nor beyond the limit


def test_intervals_of_a_search_have_ends(rng):
    """Where the bracket lies within the noise, resamples cross outside of it."""
    shift = np.exp(0.2 * rng.normal(size=16))
    scores = search(
        lambda n: logistic(n / shift),
        start=96,
        limit=1000,
        threshold=0.5,
        metric="cosine",
        tolerance=2.0,
    )
    assert list(scores) == [48, 96, 192, 384]
    found = capacity(as_study(scores, "cosine"), threshold=0.5)
    assert 48 < found["low"] < 97 < found["high"] < 384


def test_the_search_stops_at_its_limits():
    scores, _ = search_on(lambda n: 1.0, limit=100)
    assert list(scores) == [4, 8, 16, 32, 64, 100]
    found = capacity(as_study(scores, "cosine"), threshold=0.5)
    assert found["censored"] == "above" and found["low"] == 100
    scores, _ = search_on(lambda n: 0.0, start=9)
    assert list(scores) == [1, 2, 4, 9]
    assert capacity(as_study(scores, "cosine"), threshold=0.5)["censored"] == "below"
    assert list(search_on(lambda n: 0.0, start=1, limit=1)[0]) == [1]
    assert list(search_on(lambda n: 1.0, start=7, limit=7)[0]) == [7]


def test_the_search_goes_down_for_distances():
    scores, _ = search_on(lambda n: n / 97, metric="distance", threshold=1.0)
    found = capacity(as_study(scores, "distance"), "distance", 1.0)
    assert float(found["capacity"]) == pytest.approx(97, rel=1e-3)


def test_the_search_on_noisy_curves_agrees_with_a_grid(rng):
    def evaluate(n):
        return logistic(n) + 0.1 * rng.normal(size=16)

    misses = []
    for _ in range(200):
        scores = search(
            evaluate,
            start=4,
            limit=4000,
            threshold=0.5,
            metric="cosine",
            tolerance=0.1,
        )
        found = capacity(as_study(scores, "cosine"), threshold=0.5, resamples=199)
        inside = [n for n in scores if found["bracket_low"] < n < found["bracket_high"]]
        assert not inside and found["bracket_high"] <= 1.1 * found["bracket_low"]
        misses.append(not found["low"] <= 97 <= found["high"])
    assert np.mean(misses) < 0.1


def test_narrowing_takes_any_criterion():
    scores = bracket_and_narrow(
        lambda n: np.array([n]),
        start=1,
        limit=50,
        passes=lambda scores: scores.max() < 13,
        tolerance=0.01,
    )
    assert {12, 13} < set(scores)
    assert min(scores) == 1 and max(scores) == 26


@pytest.mark.parametrize(
    ("call", "message"),
    (
        (lambda: search_on(logistic, start=0), r"start=...\)` .* at least 1, got 0"),
        (lambda: search_on(logistic, limit=3), r"limit=...\)` .* at least 4, got 3"),
        (lambda: search_on(logistic, tolerance=0.0), r"tolerance=...\)` .* got 0.0"),
        (lambda: search_on(logistic, threshold=2.0), r"`search_capacity\(threshold"),
        (lambda: search_on(logistic, metric="cosin"), "Did you mean `cosine`"),
    ),
)
def test_mistakes_are_explained(call, message):
    with pytest.raises(ValueError, match=message):
        call()
