"""Capacity of a study: numbers, honesty about what was not measured."""

import numpy as np
import pytest
import xarray as xr
from helpers import logistic
from scipy import stats
from studies import as_dataset, repeat

import assocmem_jax as am
from assocmem_jax._base.suggest import suggest
from assocmem_jax._statistics.capacity import capacity
from assocmem_jax._statistics.intervals import mean_interval


def test_the_capacity_lies_on_a_line_in_log_n():
    found = capacity(as_dataset(repeat([1, 0.9, 0.7, 0.5, 0.1])), threshold=0.8)
    assert float(found["capacity"][0]) == pytest.approx(np.sqrt(8 * 16))
    # On from 4 and 8 the line would cross at 16, back from 16 and 32 at 8 sqrt(2).
    assert float(found["low"][0]) == pytest.approx(np.sqrt(8 * 16))
    assert float(found["high"][0]) == pytest.approx(16)
    assert (found["bracket_low"][0], found["bracket_high"][0]) == (8, 16)
    assert found["censored"][0] == "no"


def test_a_load_that_just_passes_is_the_capacity():
    found = capacity(as_dataset(repeat([1, 0.9, 0.8, 0.5, 0.1])), threshold=0.8)
    assert found["capacity"][0] == 16
    assert (found["bracket_low"][0], found["bracket_high"][0]) == (16, 32)


def test_up_to_the_capacity_every_load_passes():
    found = capacity(as_dataset(repeat([1, 0.6, 1, 1, 0.1])), threshold=0.8)
    assert 4 < found["capacity"][0] < 8
    assert (found["bracket_low"][0], found["bracket_high"][0]) == (4, 8)


@pytest.mark.parametrize("metric", ("distance", "squared_error"))
def test_of_distances_the_smaller_pass(metric):
    curve = np.array([0.0, 1, 2, 4, np.inf])
    found = capacity(as_dataset(repeat(curve), metric), metric, 1.5)
    assert float(found["capacity"][0]) == pytest.approx(np.sqrt(8 * 16))
    found = capacity(as_dataset(repeat(curve), metric), metric, 5.0)
    assert float(found["capacity"][0]) == pytest.approx(32)


def test_the_order_of_loads_and_of_axes_does_not_matter(study):
    expected = capacity(study, threshold=0.7)
    shuffled = study.isel(n=[3, 1, 5, 0, 4, 2]).transpose("trial", "beta", ...)
    found = capacity(shuffled, threshold=0.7).transpose(*expected.dims)
    xr.testing.assert_identical(found, expected)


def test_all_axes_but_load_and_trial_are_kept(study):
    found = capacity(study, threshold=0.7)
    assert found["capacity"].dims == ("rule", "d", "beta")
    for variable in found.data_vars.values():
        assert variable.attrs["long_name"]
    assert found.attrs["metric"] == "cosine" and found.attrs["threshold"] == 0.7
    assert found.attrs["trials"] == 9 and found.attrs["confidence"] == 0.95
    assert np.all(found["trials"] == 9)
    one = capacity(study["cosine"][0, 0, :, 0].drop_vars("rule").to_dataset())
    assert one["capacity"].shape == ()


@pytest.mark.parametrize(
    ("threshold", "censored", "known"),
    ((0.99, "below", (0, 4, 0, 4)), (0.05, "above", (64, np.inf, 64, np.inf))),
)
def test_no_answer_beyond_the_loads(threshold, censored, known):
    found = capacity(as_dataset(repeat([0.9, 0.8, 0.7, 0.5, 0.1])), threshold=threshold)
    assert np.isnan(found["capacity"][0]) and found["censored"][0] == censored
    ends = ("low", "high", "bracket_low", "bracket_high")
    assert tuple(float(found[name][0]) for name in ends) == known


def test_intervals_open_where_they_leave_the_loads():
    trials = np.array([-0.1, 0.0, 0.1, 0.1, -0.1])[:, None]
    curve = np.array([0.9, 0.8, 0.7, 0.5, 0.3])
    samples = (curve + trials)[None]
    found = capacity(as_dataset(samples), threshold=0.32)
    assert found["censored"][0] == "no"
    assert found["high"][0] == np.inf and 0 < found["low"][0] < 64
    found = capacity(as_dataset(samples), threshold=0.28)
    assert found["censored"][0] == "above" and found["high"][0] == np.inf
    # From means of 0.7 on, 0.58 beyond doubt, to 0.28: open between the loads.
    assert found["low"][0] == 32
    found = capacity(as_dataset(samples), threshold=0.92)
    assert found["censored"][0] == "below" and found["low"][0] == 0
    assert 4 < found["high"][0] <= 16
    found = capacity(as_dataset(samples), threshold=0.88)
    assert found["low"][0] == 0 and found["capacity"][0] > 4


def test_one_load_is_always_censored():
    found = capacity(as_dataset(repeat([0.8]), n=[4]), threshold=0.7)
    assert found["censored"][0] == "above" and found["low"][0] == 4


def test_what_was_not_run_is_left_out(rng):
    samples = np.array([1, 0.9, 0.7, 0.5, 0.1]) + 0.05 * rng.normal(size=(1, 12, 5))
    expected = capacity(as_dataset(samples[:, :8, [0, 1, 3, 4]], n=[4, 8, 32, 64]))
    samples[0, 8:] = np.nan
    samples[0, 3, 2] = np.nan
    found = capacity(as_dataset(samples))
    assert found["trials"][0] == 8
    xr.testing.assert_equal(found, expected)


@pytest.mark.parametrize("run", (0, 1))
def test_cells_without_two_trials_are_unknown(run):
    samples = np.array(repeat([1, 0.9, 0.7, 0.5, 0.1]))
    samples[0, run:] = np.nan
    found = capacity(as_dataset(samples))
    assert found["censored"][0] == "unknown" and found["trials"][0] == run
    assert np.isnan(found["capacity"][0])
    assert (found["low"][0], found["high"][0]) == (0, np.inf)


def test_a_cell_does_not_depend_on_the_others(study):
    found = capacity(study, threshold=0.7)
    alone = study.sel(rule=["ReLU"], d=[16], beta=[2.0])
    expected = found.sel(rule=["ReLU"], d=[16], beta=[2.0])
    xr.testing.assert_identical(capacity(alone, threshold=0.7), expected)
    one = capacity(study.sel(rule="ReLU", d=16, beta=2.0), threshold=0.7)
    xr.testing.assert_identical(one, found.sel(rule="ReLU", d=16, beta=2.0))
    loads = study.assign_coords(load=study["n"] / study["d"])
    xr.testing.assert_identical(capacity(loads, threshold=0.7), found)


def test_the_interval_ends_where_those_of_the_means_cross(rng):
    """Up to what is open between loads: little, where these are dense."""
    n, trials, level = np.geomspace(4, 256, 64), 10, 0.9
    y = logistic(n, 20) + 0.1 * rng.normal(size=(trials, 1))
    found = capacity(as_dataset([y], n=n), threshold=0.5, confidence=level)
    half = stats.t.ppf(0.95, 9) * y.std(axis=0, ddof=1) / np.sqrt(trials)
    for name, curve in (("low", y.mean(0) - half), ("high", y.mean(0) + half)):
        expected = np.exp(np.interp(-0.5, -curve, np.log(n)))
        assert float(found[name][0]) == pytest.approx(expected, rel=0.01)


def test_a_curve_that_recovers_says_so():
    found = capacity(as_dataset(repeat([1, 0.6, 1, 1, 0.1])), threshold=0.8).squeeze()
    assert found["passes_again"] == 16 and found["bracket_high"] == 8
    falls = capacity(as_dataset(repeat([1, 0.9, 0.7, 0.5, 0.1])), threshold=0.8)
    assert np.isnan(falls["passes_again"]).all()


def test_a_rise_by_chance_is_no_valley(rng):
    """One unlucky load: the other trials do not show it."""
    samples = np.tile([1, 0.95, 0.9, 0.5, 0.1], (8, 1)) + 0.03 * rng.normal(size=(8, 5))
    samples[0, 1] = -0.6
    assert samples[:, 1].mean() < 0.8
    found = capacity(as_dataset([samples]), threshold=0.8).squeeze()
    assert found["bracket_low"] == 16 and np.isnan(found["passes_again"])
    assert found["low"] <= 8


def test_a_peak_that_is_known_is_not_jumped_over():
    """arXiv:1912.07242: the error of the pseudoinverse peaks at n = d."""
    rules = {"p": am.Pseudoinverse(), "dot": am.DotProduct()}
    loads, noise = [2, 4, 6, 8, 11, 16, 22, 32, 48], [0.0, 0.3]
    fine = am.sweep(rules, d=[8], n=loads, trials=32, query_noise=noise).squeeze("d")
    coarse = fine.drop_sel(n=8)
    found = capacity(coarse, threshold=0.6)
    noisy = found.sel(rule="p", query_noise=0.3)
    assert noisy["censored"] == "unknown" and np.isnan(noisy["capacity"])
    assert noisy["skipped"] == 8 and noisy["low"] <= 6
    for known in (
        found.sel(rule="p", query_noise=0.0),
        found.sel(rule="dot", query_noise=0.3),
    ):
        assert known["censored"] == "no" and np.isnan(known["skipped"])
    above = capacity(coarse.sel(n=[4, 11]), threshold=0.6)
    assert above.sel(rule="p", query_noise=0.3)["censored"] == "unknown"
    noisy = capacity(fine.sel(query_noise=0.3), threshold=0.6).sel(rule="p")
    # And about 20 where the valley is jumped over.
    assert 6 <= noisy["low"] < noisy["capacity"] < noisy["high"] <= 8
    assert noisy["passes_again"] == 11 and noisy["censored"] == "no"
    # Between the loads on either side of the valley the curve may be anywhere.
    beside = fine.sel(n=[2, 4, 22, 32], query_noise=0.3)
    noisy = capacity(beside, threshold=0.6).sel(rule="p")
    assert (noisy["bracket_low"], noisy["bracket_high"]) == (4, 22)
    assert noisy["low"] == 4 and noisy["high"] >= 22 and noisy["censored"] == "no"


def test_a_step_is_somewhere_in_its_bracket():
    data = as_dataset(np.ones((1, 8, 1)) * [1, 1, 0, 0], "all_correct", [8, 16, 32, 64])
    found = capacity(data, "all_correct", 0.5).squeeze()
    assert (float(found["low"]), float(found["high"])) == (16, 32)


def test_slopes_on_either_side_bound_what_is_between():
    # Linear in log n but for one corner, at the load 16.
    n, means = [4, 8, 16, 32, 64], np.array([1.0, 0.9, 0.8, 0.2, -0.4])
    data = as_dataset(np.broadcast_to(means, (1, 8, 5)), n=n)
    found = capacity(data, threshold=0.5).squeeze()
    assert float(found["capacity"]) == pytest.approx(np.sqrt(16 * 32))
    # Straight on from before, beyond the bracket; straight back is the chord itself.
    assert float(found["low"]) == pytest.approx(np.sqrt(16 * 32))
    assert float(found["high"]) == pytest.approx(32)


@pytest.mark.parametrize(
    "call", (capacity, lambda x: mean_interval(x, "cosine")), ids=("capacity", "mean")
)
def test_what_is_no_dataset_is_refused(call, study):
    with pytest.raises(TypeError, match="DataArray. Pass the whole dataset|Type-check"):
        call(study["cosine"])
    with pytest.raises(TypeError, match="got a dict. Pass what `sweep`|Type-check"):
        call({"cosine": [1.0]})


@pytest.mark.parametrize(
    ("call", "message"),
    (
        (lambda ds: capacity(ds.drop_vars("n")), "must have a coordinate `n`"),
        (lambda ds: capacity(ds, "cosin"), r"got 'cosin'\. Did you mean `cosine`\?"),
        (lambda ds: capacity(ds, "recall"), r"got 'recall'\. Choose from `cosine`\."),
        (
            lambda ds: capacity(ds.rename(cosine="loss"), "loss"),
            "must be a metric with a better side, got 'loss'",
        ),
        (lambda ds: capacity(ds.isel(trial=[0])), "at least 2 trials .* got 1"),
        (lambda ds: capacity(ds.isel(trial=0)), "got 1. Run the study with `trials=2`"),
        (lambda ds: capacity(ds.isel(n=0)), "must have an axis `n`"),
        (
            lambda ds: capacity(ds, threshold=1.0),
            r"`capacity\(threshold=...\)` must be between -1 and 1 for `cosine`, got 1",
        ),
        (lambda ds: capacity(ds, threshold=np.nan), "got nan"),
        (
            lambda ds: capacity(ds.rename(cosine="recall"), "recall", -0.5),
            "between 0 and 1 for `recall`, got -0.5",
        ),
        (
            lambda ds: capacity(ds.rename(cosine="distance"), "distance", np.inf),
            "positive and finite for `distance`, got inf",
        ),
        (lambda ds: capacity(ds, confidence=1.0), r"`capacity\(confidence=...\)` must"),
        (lambda ds: mean_interval(ds, "cosin"), r"`mean_interval\(metric=...\)` must"),
        (
            lambda ds: mean_interval(ds.isel(trial=[3]), "cosine"),
            r"`mean_interval\(ds=...\)` needs at least 2 trials .* got 1",
        ),
        (
            lambda ds: mean_interval(ds, "cosine", confidence=95.0),
            r"`mean_interval\(confidence=...\)` must be between 0 and 1, got 95.0",
        ),
    ),
)
def test_mistakes_are_explained(call, message, study):
    with pytest.raises(ValueError, match=message):
        call(study)


def test_an_unknown_name_gets_the_nearest_or_all():
    assert suggest("recal", ["cosine", "recall"]) == " Did you mean `recall`?"
    assert suggest("x", ["cosine", "recall"]) == " Choose from `cosine`, `recall`."
    assert suggest("x", []) == ""
