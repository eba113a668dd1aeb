"""Capacities from predictions."""

import numpy as np
import pytest

import assocmem_jax as am
from assocmem_jax import theory


def test_finite_size_values():
    # Published nowhere; from the beta laws, to a digit.
    thresholds = np.array([0.95, 0.9, 0.5**0.5, 0.5])
    pinv = theory.capacity(am.Pseudoinverse(), 64, thresholds)
    dot = theory.capacity(am.DotProduct(), 64, thresholds)
    np.testing.assert_allclose(pinv, [70.8, 78.7, 126.5, 251.6], atol=0.06)
    np.testing.assert_allclose(pinv - dot, 63, atol=1e-6)


@pytest.mark.parametrize("rule", (am.ReLU(), am.Softmax(0.2), am.DotProduct()))
@pytest.mark.parametrize(("metric", "threshold"), (("cosine", 0.8), ("cosine", 0.3)))
def test_inverts_the_prediction(rule, metric, threshold):
    for size in (8, 20):
        load = theory.capacity(rule, size, threshold, metric=metric)
        near = [int(load), int(load) + 1]
        around = theory.predict({"a": rule}, d=[size], n=near, metrics=(metric,))
        before, after = around[metric].squeeze().values
        assert before >= threshold >= after


def test_large_dimensions():
    d = 4096
    assert theory.capacity(am.Pseudoinverse(), d, 0.9) / d == pytest.approx(
        1 / 0.81, rel=2e-3
    )
    assert theory.capacity(am.DotProduct(), d) / d == pytest.approx(0.2346, rel=5e-3)


def test_far_out():
    # ln n is near d / 2, between the last two loads that a doubling would try.
    n = theory.capacity(am.Softmax(1.0), 1024, 0.5)
    assert 440 < np.log(n) < 600
    assert theory.softmax_cosine(1024, n, 1.0) == pytest.approx(0.5, abs=1e-6)


def test_between_one_pair_and_two():
    # Not known there: the second pair is there with probability n - 1.
    for rule, metric, threshold in (
        (am.Softmax(0.01), "distance", 1.5),
        (am.Sparsemax(0.01), "cosine", 0.95),
    ):
        n = theory.capacity(rule, 8, threshold, metric=metric)
        one, two = theory.predict({"a": rule}, d=[8], n=[1, 2], metrics=(metric,))[
            metric
        ].values.ravel()
        assert 1 < n < 2 and one + (n - 1) * (two - one) == pytest.approx(threshold)


def test_what_is_beyond_all_that_is_known_says_so():
    message = r"threshold=...\)` must be crossed.*Up to n = 1e\+12 it is not crossed"
    with pytest.raises(ValueError, match=message):
        theory.capacity(am.Sparsemax(1.0), 128, 0.5)
    # Known up to 1e12, and crossed before.
    n = theory.capacity(am.Sparsemax(1.0), 32, 0.5)
    assert theory.sparsemax_cosine(32, n, 1.0) == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize(("d", "threshold"), ((16, 4.875), (2, 1.415)))
def test_a_distance_that_falls_again_is_crossed_where_it_rises(d, threshold):
    rule = am.Softmax(4.0)
    n = theory.capacity(rule, d, threshold, metric="distance")
    assert theory.softmax_distance(d, n, 4.0) == pytest.approx(threshold, rel=1e-9)
    # It rises up to here, and comes down further out.
    before = theory.softmax_distance(d, np.geomspace(2, n, 40), 4.0)
    assert (np.diff(before) > 0).all()
    assert theory.softmax_distance(d, 1e30, 4.0) < threshold


@pytest.mark.parametrize(
    ("metric", "threshold"),
    (("cosine", 0.5), ("recall", 0.5), ("distance", 20.0), ("squared_error", 100.0)),
)
def test_noisy_queries_to_a_pseudoinverse_fail_first_below_n_of_d(metric, threshold):
    rule, given = am.Pseudoinverse(), {"metric": metric, "query_noise": 0.5}
    n = theory.capacity(rule, 48, threshold, **given)
    formula = getattr(theory, f"pseudoinverse_{metric}")
    assert 24 < n < 48
    assert formula(48, n, query_noise=0.5) == pytest.approx(threshold, rel=1e-8)
    one, further = formula(48, np.array([1, 96]), query_noise=0.5)
    assert (one - threshold) * (further - threshold) > 0
    if metric == "cosine":
        # The least at n = d is .212: below, only the second fall crosses.
        assert theory.capacity(rule, 48, 0.21, query_noise=0.5) > 480


@pytest.mark.slow
def test_agrees_with_a_measured_capacity():
    rules = {"dot": am.DotProduct(), "relu": am.ReLU()}
    n = [2, 3, 4, 6, 8, 12, 16, 24]
    data = am.sweep(rules, d=[32], n=n, trials=100, values="marginalized", seed=1)
    found = am.capacity(data, metric="cosine", threshold=0.9).squeeze("d")
    for name, rule in rules.items():
        one = found.sel(rule=name)
        expected = theory.capacity(rule, 32, 0.9)
        assert one["low"] < expected < one["high"]


@pytest.mark.parametrize(
    ("given", "message"),
    (
        ({"threshold": 1.0}, "from one pair, with a cosine of 1, to very many, got 1 "),
        ({"threshold": -0.5}, "threshold=.*got -0.5 for d = 16"),
        ({"metric": "success"}, "no prediction of 'success'"),
        ({"d": 0}, r"capacity\(d=.* d >= 1, got 0"),
        # It comes as near as 4.8996, and turns around.
        (
            {"rule": am.Softmax(4.0), "metric": "distance", "threshold": 4.9},
            "a distance of 0, to very many, got 4.9.* it is not crossed",
        ),
    ),
)
def test_bad_input(given, message):
    given = {"rule": am.DotProduct(), "d": 16, **given}
    with pytest.raises(ValueError, match=message):
        theory.capacity(given.pop("rule"), given.pop("d"), **given)
