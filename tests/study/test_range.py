"""Studies of keys and values whose squares are out of range."""

import jax
import numpy as np
import pytest
import xarray as xr

import assocmem_jax as am
from assocmem_jax.study import _runner


@pytest.fixture
def shapes(monkeypatch):
    """The shapes of the calls of kernels, in order."""
    seen, start = [], _runner.Runner._start

    def started(self, call):
        running = start(self, call)
        seen.append(call.shape)
        return running

    monkeypatch.setattr(_runner.Runner, "_start", started)
    return seen


def study(keys, values, **given):
    """Of keys in one unit and values in another; `None` marginalizes values."""
    rng = np.random.default_rng(3)
    k, v = (rng.standard_normal((16, size)).astype(np.float32) for size in (6, 5))
    chosen = (k * np.float32(keys),)
    if values is None:
        given["values"] = "marginalized"
    else:
        chosen += (v * np.float32(values),)
    rules = {"dot": am.DotProduct(), "relu": am.ReLU(), "pinv": am.Pseudoinverse()}
    ensemble = am.patterns.Samples(*chosen)
    grid = {"d": [6], "n": [2, 8, 16], "trials": 3}
    return am.sweep(rules, **grid, ensemble=ensemble, **given)


@pytest.mark.parametrize(
    ("keys", "values"), ((1, 1e-30), (1, 1e30), (1e-12, 1), (1e12, 1e-20))
)
def test_scores_do_not_depend_on_units(keys, values, shapes):
    # The nearest value depends on the size of an answer, and so on the unit of keys.
    metrics = ("cosine", "success", *(["recall"] if keys == 1 else []))
    usual = study(1, 1, metrics=metrics)
    assert not any(shape.careful for shape in shapes)
    shapes.clear()
    scaled = study(keys, values, metrics=metrics)
    # What is out of range is found out, and computed once more.
    assert [shape.careful for shape in shapes].count(True) >= 2
    for metric in metrics:
        np.testing.assert_allclose(scaled[metric], usual[metric], atol=2e-6)


@pytest.mark.parametrize("values", (1e-30, 1e-10, 1e10, 1e30))
def test_distances_are_in_the_units_of_the_values(values):
    usual, scaled = study(1, 1), study(1, values)
    for one, other in zip(usual["distance"], scaled["distance"], strict=True):
        np.testing.assert_allclose(other / values, one, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("keys", (1e-12, 1e9))
def test_expectations_do_not_depend_on_units(keys, shapes):
    usual, scaled = (study(x, None) for x in (1, keys))
    np.testing.assert_allclose(scaled["cosine"], usual["cosine"], atol=2e-5)
    assert any(shape.careful for shape in shapes)


def test_care_changes_no_bit_of_what_is_in_range(shapes):
    rules = {
        "soft": am.Softmax(0.3),
        "dot": am.DotProduct(),
        "relu": am.ReLU(),
        "pinv": am.Pseudoinverse(),
        "sparsemax": am.Sparsemax(0.3),
    }
    for values in (None, "marginalized"):
        measured = lambda values=values: am.sweep(
            rules, d=[8], n=[2, 8, 32], trials=3, values=values
        )
        quick = measured()
        with jax.debug_nans(True):
            careful = measured()
        names = list(quick.data_vars)
        xr.testing.assert_identical(
            quick[names].drop_attrs(), careful[names].drop_attrs()
        )
    assert [shape.careful for shape in shapes] == 2 * (5 * [False] + 5 * [True])


def test_products_of_keys_out_of_range_are_not_taken_for_nothing():
    rules = {"dot": am.DotProduct()}
    keys = np.random.default_rng(0).standard_normal((8, 6)).astype(np.float32)
    for unit in (1e-25, 1e22):
        ensemble = am.patterns.Samples(keys * np.float32(unit))
        data = am.sweep(
            rules, d=[6], n=[2, 8], trials=2, ensemble=ensemble, values="marginalized"
        )
        assert np.isnan(data["cosine"]).all()


def test_care_is_remembered(shapes):
    """Of three calls of one program the second has begun when the first is known."""
    rules = {name: am.ReLU() for name in "abc"}
    ensemble = am.patterns.Samples(1e-25 * np.eye(4, dtype=np.float32))
    am.sweep(rules, d=[4], n=[2, 4], trials=3, ensemble=ensemble)
    assert [shape.careful for shape in shapes] == [False, False, True, True, True]


def test_answers_of_zeros_have_cosine_zero(shapes):
    rules = {"relu": am.ReLU()}
    data = am.sweep(rules, d=[2], n=[1, 2], trials=8, query_noise=30.0)
    assert np.isfinite(data["cosine"]).all() and shapes[-1].careful
    # Where noise turned the query away from its key, nothing is answered.
    assert (data["cosine"].sel(n=1) == 0).any()
