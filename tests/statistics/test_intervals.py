"""Means of a study and their intervals."""

import numpy as np
import pytest
import xarray as xr
from helpers import slow
from scipy import stats
from studies import as_dataset, assert_covers, repeat, shares

from assocmem_jax._statistics.intervals import mean_interval


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
