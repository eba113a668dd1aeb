"""Capacity and means of a study: numbers, honesty about what was not measured."""

from collections.abc import Sequence

import numpy as np
import pytest
import xarray as xr
from helpers import logistic, slow
from scipy import stats

import assocmem_jax as am
from assocmem_jax._base.suggest import suggest
from assocmem_jax._statistics.capacity import capacity
from assocmem_jax._statistics.intervals import mean_interval


LOADS = np.array([4, 8, 16, 32, 64])


def as_dataset(samples, metric="cosine", n: Sequence | np.ndarray = LOADS):
    """A study with one cell per rule from an array over rules, trials and loads."""
    samples = np.asarray(samples, float)
    rules = [f"rule {i}" for i in range(len(samples))]
    return xr.Dataset(
        {metric: (("rule", "trial", "n"), samples)}, {"rule": rules, "n": n}
    )


def repeat(curve, trials=5):
    return [np.tile(np.asarray(curve, float), (trials, 1))]


@pytest.fixture
def study(rng):
    """A study over all kinds of axes."""
    d, n, beta = np.array([8, 16]), np.array([2, 4, 8, 16, 32, 64]), [0.5, 2.0]
    mean = np.sqrt(d[:, None] / (d[:, None] + n))[None, :, :, None, None]
    noise = 0.02 * rng.normal(size=(2, 2, 6, 2, 9))
    dims = ("rule", "d", "n", "beta", "trial")
    coords = {"rule": ["softmax", "ReLU"], "d": d, "n": n, "beta": beta}
    cosine = mean * np.array([1, 0.9])[:, None, None, None, None] + noise
    return xr.Dataset({"cosine": (dims, cosine)}, coords)


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
    found = capacity(study, threshold=0.7, seed=3)
    alone = study.sel(rule=["ReLU"], d=[16], beta=[2.0])
    expected = found.sel(rule=["ReLU"], d=[16], beta=[2.0])
    xr.testing.assert_identical(capacity(alone, threshold=0.7, seed=3), expected)
    one = capacity(study.sel(rule="ReLU", d=16, beta=2.0), threshold=0.7, seed=3)
    xr.testing.assert_identical(one, found.sel(rule="ReLU", d=16, beta=2.0))
    loads = study.assign_coords(load=study["n"] / study["d"])
    xr.testing.assert_identical(capacity(loads, threshold=0.7, seed=3), found)


def test_the_interval_ends_where_those_of_the_means_cross(rng):
    """Up to what is open between loads: little, where these are dense."""
    n, trials, level = np.geomspace(4, 256, 64), 10, 0.9
    y = logistic(n, 20) + 0.1 * rng.normal(size=(trials, 1))
    found = capacity(as_dataset([y], n=n), threshold=0.5, confidence=level)
    half = stats.t.ppf(0.95, 9) * y.std(axis=0, ddof=1) / np.sqrt(trials)
    for name, curve in (("low", y.mean(0) - half), ("high", y.mean(0) + half)):
        expected = np.exp(np.interp(-0.5, -curve, np.log(n)))
        assert float(found[name][0]) == pytest.approx(expected, rel=0.01)
    for old in ({"resamples": 99}, {"seed": 1}):
        again = capacity(as_dataset([y], n=n), threshold=0.5, confidence=level, **old)
        xr.testing.assert_identical(again, found)


# Coverage in simulated studies of 400 each, 2000 slowly: at least 95 %, in standard
# errors. It is above that where loads are distant, as what is between them counts.
FEW, MANY = 400, slow(2000)


def assert_covers(found, truth, least=0.95, at_most=1.0):
    covered = (found["low"] <= truth) & (found["high"] >= truth)
    error = np.sqrt(0.95 * 0.05 / covered.size)
    assert least - 4 * error < float(covered.mean()) <= at_most, covered.mean()


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


def shares(n, right, shape, spread, rng):
    """Shares of nested queries, whose trials differ."""
    at = stats.norm.ppf(right) * np.sqrt(1 + spread**2)
    shape = (*shape, int(max(n)))
    drawn = rng.normal(size=shape) + spread * rng.normal(size=(*shape[:-1], 1))
    columns = [(drawn[..., :k] < x).mean(-1) for k, x in zip(n, at, strict=True)]
    return np.stack(columns, axis=-1)


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
        assert abs(np.log(float(found["capacity"].median()) / exact)) < 0.03


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


def test_mean_intervals_of_scores_are_student_s(study):
    found = mean_interval(study, "cosine", confidence=0.9)
    assert found["mean"].dims == ("rule", "d", "n", "beta")
    cell = study["cosine"][1, 0, 2, 1].to_numpy()
    expected = stats.ttest_1samp(cell, 0).confidence_interval(0.9)
    ours = found.isel(rule=1, d=0, n=2, beta=1)
    assert float(ours["mean"]) == pytest.approx(cell.mean())
    assert float(ours["low"]) == pytest.approx(expected.low)
    assert float(ours["high"]) == pytest.approx(expected.high)
    for variable in found.data_vars.values():
        assert variable.attrs["long_name"] and variable.attrs["units"] == "1"
    assert found.attrs["confidence"] == 0.9 and found.attrs["trials"] == 9


def test_mean_intervals_of_right_or_wrong_are_wilson_s():
    right = np.array([[[1, 1, 0], [1, 1, 0], [1, 0, 0], [1, 1, 0]]])
    found = mean_interval(as_dataset(right, "all_correct", [1, 2, 3]), "all_correct")
    np.testing.assert_allclose(found["mean"][0], [1, 0.75, 0])
    np.testing.assert_allclose(found["low"][0], [0.510109, 0.300642, 0], atol=1e-6)
    np.testing.assert_allclose(found["high"][0], [1, 0.954413, 0.489891], atol=1e-6)


@pytest.mark.parametrize("metric", ("recall", "success"))
def test_shares_that_do_not_scatter_have_an_interval(metric):
    """Wilson's, with the square root of the number of queries as design effect."""
    samples = np.array([[[1, 0, 1], [1, 0, 1], [1, 0, 1], [1, 0, 1]]])
    found = mean_interval(as_dataset(samples, metric, [1, 4, 16]), metric)
    for i, queries in enumerate((1, 4, 16)):
        alone = 4 * np.sqrt(queries)
        alike = stats.binomtest(int(alone), int(alone)).proportion_ci(method="wilson")
        ends = (1 - alike.high, 1 - alike.low) if i == 1 else (alike.low, alike.high)
        np.testing.assert_allclose(found["low"][0, i], ends[0], atol=1e-12)
        np.testing.assert_allclose(found["high"][0, i], ends[1], atol=1e-12)


def test_many_queries_leave_little_doubt_of_a_plateau():
    found = mean_interval(as_dataset(np.ones((1, 8, 1)), "recall", [512]), "recall")
    assert 0.97 < float(found["low"][0, 0]) < 0.99 and found["high"][0, 0] == 1


def test_intervals_of_shares_are_student_s_where_trials_differ(rng):
    """In the middle of the range and with many trials."""
    samples = np.clip(0.5 + 0.1 * rng.normal(size=(1, 100, 1)), 0, 1)
    found = mean_interval(as_dataset(samples, "recall", [1000]), "recall")
    student = stats.ttest_1samp(samples[0, :, 0], 0).confidence_interval()
    ends = [found[end][0, 0].item() for end in ("low", "high")]
    np.testing.assert_allclose(ends, student, atol=1e-3)
    # As wide as for independent queries, where trials are alike by chance.
    found = mean_interval(as_dataset(np.full((1, 4, 1), 0.5), "recall", [25]), "recall")
    alone = stats.binomtest(50, 100).proportion_ci(method="wilson")
    np.testing.assert_allclose(found["low"][0, 0], alone.low)


def test_shares_of_unknown_numbers_of_queries_are_scores():
    scattered = xr.Dataset({"recall": ("trial", [0.5, 0.5, 1.0, 1.0, 1.0])})
    found = mean_interval(scattered, "recall")
    student = stats.ttest_1samp(scattered["recall"].to_numpy(), 0).confidence_interval()
    np.testing.assert_allclose((found["low"], found["high"]), student)
    found = mean_interval(xr.Dataset({"recall": ("trial", np.ones(5))}), "recall")
    alike = stats.binomtest(5, 5).proportion_ci(method="wilson")
    np.testing.assert_allclose(found["low"], alike.low)


@pytest.mark.parametrize("trials", (2, slow(3), slow(4), 8, slow(16)))
@pytest.mark.parametrize("queries", (4, slow(64), slow(512)))
def test_mean_intervals_of_shares_cover(trials, queries, rng):
    n, right = np.array([queries] * 3), np.array([0.5, 0.9, 0.99])
    for spread in (0.0, 0.3):
        samples = shares(n, right, (1000, trials), spread, rng)
        for i, share in enumerate(right):
            cell = as_dataset(samples[..., [i]], "recall", n[[i]])
            found = mean_interval(cell, "recall")
            assert_covers(found, share, least=0.93)


@pytest.mark.parametrize("metric", ("recall", "all_correct"))
def test_one_cell_has_a_mean(metric):
    found = mean_interval(xr.Dataset({metric: ("trial", [0.0, 1.0, 1.0])}), metric)
    assert float(found["mean"]) == pytest.approx(2 / 3)
    assert found["low"] < found["mean"] < found["high"]


@pytest.mark.parametrize("metric", ("recall", "all_correct"))
def test_means_leave_out_trials_that_were_not_run(metric):
    samples = np.array([[[1, 1, 1], [0, 0, np.nan], [1, np.nan, np.nan]]])
    samples = np.concatenate([samples, np.full((1, 3, 3), np.nan)])
    found = mean_interval(as_dataset(samples, metric, [1, 2, 3]), metric)
    np.testing.assert_allclose(found["mean"][0], [2 / 3, 1 / 2, 1])
    short = mean_interval(as_dataset(samples[:, :2], metric, [1, 2, 3]), metric)
    for end in ("low", "high"):
        assert found[end][0, 1] == short[end][0, 1]
        assert np.isnan(found[end][0, 2])
    assert all(np.isnan(found[name][1]).all() for name in found)


def test_infinite_distances_have_an_infinite_mean():
    found = mean_interval(
        as_dataset(repeat([1, np.inf]), "distance", [1, 2]), "distance"
    )
    assert found["mean"][0, 1] == np.inf and np.isnan(found["low"][0, 1])


@pytest.mark.parametrize(
    ("call", "message"),
    (
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
        (lambda ds: capacity(ds, resamples=0), r"`capacity\(resamples=...\)` .* got 0"),
        (lambda ds: capacity(ds, seed=-1), r"`capacity\(seed=...\)` .* got -1"),
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
