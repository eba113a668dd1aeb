"""The search for the load at which a rule stops to pass."""

import numpy as np
import pytest
from helpers import logistic

from assocmem_jax._statistics.capacity import capacity
from assocmem_jax.study._bracket import GROWTH, as_study, search


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
    up = np.log(97 / (1 if start > 97 else start)) / np.log(GROWTH)
    halvings = np.log2(np.log(GROWTH) / 0.02) + 1
    # Two beyond, one below, and what rounding adds at small loads.
    assert len(asked) <= 1 + up + halvings + 3 + 3


def test_the_search_grows_until_it_fails_and_looks_beyond():
    asked = search_on(logistic)[1]
    assert asked[:8] == [4, 5, 6, 8, 10, 12, 15, 19]
    assert asked[11:18] == [48, 60, 75, 94, 118, 167, 236]
    assert search_on(logistic, start=600)[1][:5] == [600, 1, 2, 3, 4]
    assert 100 in search_on(logistic, limit=100)[1]


def test_the_search_stops_at_neighboring_loads():
    scores, _ = search_on(lambda n: logistic(n, 5.5), tolerance=1e-9)
    assert list(scores) == [2, 4, 5, 6, 8, 12]


def test_the_search_looks_an_octave_to_either_side():
    _, asked = search_on(logistic, start=96, tolerance=0.3)
    assert asked[:5] == [96, 120, 170, 240, 48]
    _, asked = search_on(lambda n: logistic(n, 1.5), start=1, limit=3, tolerance=2.0)
    assert asked == [1, 2, 3]  # nothing below 1, nor beyond the limit


def test_the_search_costs_about_as_much_as_doubling():
    """Pairs that are asked, n^2, in units of the capacity: doubling took 11.5."""
    costs = []
    for middle in np.geomspace(10, 8000, 30):
        scores, _ = search_on(
            lambda n, middle=middle: logistic(n, middle), tolerance=0.05
        )
        costs.append(sum(n**2 for n in scores) / middle**2)
    assert np.mean(costs) < 1.5 * 11.5


def valley(n):
    """Falls to 0.2 at 48 and recovers, as the noisy pseudoinverse does (d = 48)."""
    return 0.9 - 0.7 * np.exp(-(np.log(n / 48) ** 2) / 0.02) - 0.1 * np.log2(n / 48 + 1)


def test_the_search_finds_a_valley_on_its_way():
    """arXiv:1912.07242: the peak of the error at n = d."""
    assert valley(42) > 0.45 > valley(43) and valley(60) > 0.45
    for start in (1, 4, 40):
        scores, asked = search_on(valley, start=start, threshold=0.45)
        found = capacity(as_study(scores, "cosine"), threshold=0.45)
        assert found["bracket_low"] <= 42.5 <= found["bracket_high"]
        assert found["passes_again"] < 90 and max(asked) < 120


def test_a_narrow_valley_is_found_where_it_is_known():
    narrow = lambda n: 0.2 if n == 48 else logistic(n, 1000)
    scores, _ = search_on(narrow, critical=(48,))
    found = capacity(as_study(scores, "cosine"), threshold=0.5)
    assert (found["bracket_low"], found["bracket_high"]) == (47, 48)
    assert found["passes_again"] > 48
    # Also where the search begins beyond it.
    scores, _ = search_on(narrow, critical=(48,), start=500)
    assert capacity(as_study(scores, "cosine"), threshold=0.5)["bracket_high"] == 48
    scores, _ = search_on(narrow, critical=(48,), limit=40)
    assert max(scores) == 40


def test_an_unlucky_load_does_not_end_the_search(rng):
    unlucky = lambda n: logistic(n) - (0.49 if n == 12 else 0)
    scores = search(
        lambda n: unlucky(n) + 0.4 * rng.normal(size=8) * (n == 12),
        start=4,
        limit=1000,
        threshold=0.5,
        metric="cosine",
        tolerance=0.05,
    )
    found = capacity(as_study(scores, "cosine"), threshold=0.5)
    assert 80 < found["capacity"] < 110


def test_intervals_of_a_search_have_ends(rng):
    """Where the bracket lies within the noise, intervals reach outside of it."""
    shift = np.exp(0.2 * rng.normal(size=16))
    scores = search(
        lambda n: logistic(n / shift),
        start=96,
        limit=1000,
        threshold=0.5,
        metric="cosine",
        tolerance=2.0,
    )
    assert list(scores) == [48, 96, 120, 170, 240]
    found = capacity(as_study(scores, "cosine"), threshold=0.5)
    assert 48 < found["low"] < 97 < found["high"] < 240


def test_the_search_stops_at_its_limits():
    scores, _ = search_on(lambda n: 1.0, limit=100)
    assert list(scores)[-2:] == [94, 100]
    found = capacity(as_study(scores, "cosine"), threshold=0.5)
    assert found["censored"] == "above" and found["low"] == 100
    scores, _ = search_on(lambda n: 0.0, start=9)
    assert list(scores) == [1, 2, 9]
    assert capacity(as_study(scores, "cosine"), threshold=0.5)["censored"] == "below"
    assert list(search_on(lambda n: 0.0, start=1, limit=1)[0]) == [1]
    assert list(search_on(lambda n: 1.0, start=7, limit=7)[0]) == [7]


@pytest.mark.parametrize("score", (np.nan, np.inf))
def test_what_is_no_number_fails(score):
    scores, _ = search_on(
        lambda n: score if n > 9 else 1.0, metric="distance", threshold=2.0
    )
    assert {9, 10} < set(scores)


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
        found = capacity(as_study(scores, "cosine"), threshold=0.5)
        inside = [n for n in scores if found["bracket_low"] < n < found["bracket_high"]]
        assert not inside and found["bracket_high"] <= 1.1 * found["bracket_low"]
        misses.append(not found["low"] <= 97 <= found["high"])
    assert np.mean(misses) < 0.1


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
