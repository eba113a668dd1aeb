"""How often intervals of the capacity hold it, in simulated studies."""

import numpy as np
import pytest
from helpers import logistic, slow
from studies import FEW, MANY, as_dataset, assert_covers, shares

import assocmem_jax as am
from assocmem_jax._statistics.capacity import capacity


@pytest.mark.parametrize("studies", (FEW, MANY))
@pytest.mark.parametrize("trials", (2, 3, 4, 8, 16))
def test_intervals_cover_the_capacity(trials, studies, rng):
    n = np.geomspace(10, 1000, 17).round()
    level = 0.1 * rng.normal(size=(studies, trials, 1))
    noise = 0.03 * rng.normal(size=(studies, trials, len(n)))
    found = capacity(as_dataset(logistic(n) + level + noise, n=n), threshold=0.5)
    assert_covers(found, 97, at_most=0.985)
    median = float(found["capacity"].median())
    assert abs(np.log(median / 97)) < 0.1


@pytest.mark.parametrize("per_decade", (16, slow(60)))
def test_intervals_cover_where_loads_are_dense_and_independent(per_decade, rng):
    """Unlucky loads are pooled with their neighbors, not taken for the capacity."""
    n = np.unique(np.geomspace(10, 1000, 2 * per_decade + 1).round())
    samples = logistic(n) + 0.1 * rng.normal(size=(400, 8, len(n)))
    assert_covers(capacity(as_dataset(samples, n=n), threshold=0.5), 97)


@pytest.mark.parametrize("spread", (0.0, slow(0.3)))
@pytest.mark.parametrize("threshold", (slow(0.5), 0.9))
@pytest.mark.parametrize("trials", (2, slow(3), slow(4), 16))
def test_intervals_cover_the_capacity_of_shares(trials, threshold, spread, rng):
    """At small loads, where a trial has few queries, and near one."""
    n, capacity_ = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48]), 12.0
    right = logistic(n, capacity_, 0.35)
    samples = shares(n, right, (400, trials), spread, rng)
    found = capacity(as_dataset(samples, "recall", n), "recall", threshold)
    truth = capacity_ * (1 / threshold - 1) ** 0.35
    assert_covers(found, truth)
    # The running minimum was a third below.
    assert abs(np.log(float(found["capacity"].median()) / truth)) < 0.12


def test_shares_near_one_have_a_lower_end(rng):
    """Of 16 trials of a few queries each, most tell that small loads pass."""
    n = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48])
    samples = shares(n, logistic(n, 12.0, 0.35), (200, 16), 0.0, rng)
    found = capacity(as_dataset(samples, "recall", n), "recall", 0.9)
    assert float((found["low"] > 0).mean()) > 0.8


@pytest.mark.slow
def test_intervals_cover_where_each_trial_is_right_or_wrong(rng):
    """The load at which the first error comes differs from trial to trial."""
    n = np.geomspace(5, 2000, 21).round()
    ends = 97 * np.exp(0.4 * rng.logistic(size=(2000, 48, 1)))
    found = capacity(as_dataset(n < ends, "all_correct", n), "all_correct", 0.5)
    assert_covers(found, 97)


@pytest.mark.parametrize(
    ("d", "threshold", "loads"),
    (
        # The capacity, 11.745, is just below a load.
        (8, 0.8, [4, 6, 8, 12, 16, 24, 32, 48]),
        slow(8, 0.8, [4, 6, 8, 11, 16, 23, 32, 45]),
        slow(16, 0.8895, [4, 6, 8, 11, 16, 23, 32, 45]),
        slow(16, 0.9, [4, 8, 16, 32, 64]),
        slow(16, 0.9, [18, 19, 21]),
    ),
)
def test_intervals_cover_between_distant_loads(d, threshold, loads):
    """The pseudoinverse stops to be perfect at n = d, between two loads.

    Its values are marginalized: noise does not hide what loads leave open.
    """
    rule, num = am.Pseudoinverse(), 800
    data = am.sweep({"p": rule}, d=[d], n=loads, trials=num, values="marginalized")
    exact = float(am.theory.capacity(rule, d=d, threshold=threshold))
    for trials in (2, 4, 8):
        scores = data["cosine"].to_numpy().reshape(len(loads), -1, trials)
        found = capacity(
            as_dataset(np.moveaxis(scores, 0, -1), n=loads), threshold=threshold
        )
        assert_covers(found, exact)
