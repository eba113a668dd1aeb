"""Axes of a point are measured as one study each, bit for bit."""

import json
from typing import Any

import equinox as eqx
import numpy as np
import pytest
import xarray as xr

import assocmem_jax as am
from assocmem_jax.patterns import Bipolar, Gaussian


class Power(am.AbstractSeparation):
    """A rule whose form is compiled for."""

    degree: int = eqx.field(default=2, static=True)

    def weigh(self, scores, mask):
        return None, scores**self.degree


RULES = {"power": Power(), "dot": am.DotProduct()}
AXES: Any = {
    "n": am.loads(0.5, 2),
    "ensemble": {"gaussian": Gaussian(), "signs": Bipolar()},
    "vary": {"degree": [2, 3]},
    "query_noise": [0.0, "d**-0.5"],
    "trials": 2,
}


@pytest.fixture(scope="module")
def study():
    return am.sweep(RULES, d=[4, 6], **AXES)


def test_cells_that_are_no_multiple_of_d_are_not_computed(study):
    assert study["n"].values.tolist() == [2, 3, 8, 12]
    known = study["cosine"].notnull().any("trial").sel(rule="power", query_noise="0.0")
    known = known.isel(ensemble=0, degree=0)
    assert known.sel(d=4).values.tolist() == [True, False, True, False]
    assert known.sel(d=6).values.tolist() == [False, True, False, True]


def test_a_point_is_a_study_of_its_own(study):
    alone = am.sweep(
        {"power": Power(3)},
        d=[6],
        n=[3, 12],
        ensemble=Bipolar(),
        query_noise=6**-0.5,
        trials=2,
    )
    place = {"ensemble": "signs", "degree": 3, "query_noise": "d**-0.5"}
    one = study.sel(rule="power", d=6, n=[3, 12], **place)
    xr.testing.assert_identical(
        one.drop_vars(list(one.coords)).drop_attrs(),
        alone.squeeze(["rule", "d"])
        .drop_vars(["rule", "d", "n", "trial", "state_bytes"])
        .drop_attrs(),
    )


def test_axes_are_labeled(study):
    dims = ("rule", "d", "n", "ensemble", "degree", "query_noise", "trial")
    assert study["cosine"].dims == dims
    assert study["ensemble"].values.tolist() == ["gaussian", "signs"]
    assert "units" not in study["ensemble"].attrs and study["n"].attrs["units"] == "1"
    assert study["degree"].values.tolist() == [2, 3]
    assert study["query_noise"].values.tolist() == ["0.0", "d**-0.5"]
    assert json.loads(study.attrs["spec"])["n"] == ["0.5d", "2d"]


def test_an_axis_that_does_not_tell_for_a_rule_has_the_same_numbers(study):
    dot = study["cosine"].sel(rule="dot")
    np.testing.assert_array_equal(dot.isel(degree=0), dot.isel(degree=1))


def test_capacities_know_where_nothing_was_asked(study):
    found = am.capacity(study.sel(query_noise="0.0"), threshold=0.6)
    assert found["capacity"].dims == ("rule", "d", "ensemble", "degree")
    brackets = found["bracket_high"].sel(d=4).values
    assert set(brackets[np.isfinite(brackets)]) <= {2.0, 8.0}


def test_v_is_an_axis_and_programs_are_one_for_each(tmp_path):
    common: Any = {"d": [4], "n": [3], "trials": 2, "metrics": ["cosine", "recall"]}
    rules = {"dot": am.DotProduct()}
    several = am.sweep(rules, v=[2, 5], **common, store=tmp_path)
    assert several["cosine"].dims == ("rule", "d", "n", "v", "trial")
    alone = am.sweep(rules, v=5, **common)
    for name in ("cosine", "recall"):
        np.testing.assert_array_equal(several[name].sel(v=5), alone[name])
    xr.testing.assert_equal(am.load_study(tmp_path), several)
    xr.testing.assert_equal(
        am.sweep(rules, v=[2, 5], **common, store=tmp_path), several
    )


def test_levels_that_depend_on_d_are_their_numbers():
    rules = {"soft": am.Softmax()}
    common: Any = {"n": [4], "trials": 2}
    beta = {"beta": [0.1, "1/sqrt(d)", lambda d: 1 / d]}
    study = am.sweep(rules, d=[4, 8], vary=beta, **common)
    assert study["beta"].values.tolist() == ["0.1", "d**-0.5", "{4: 0.25, 8: 0.125}"]
    alone = am.sweep(rules, d=[8], vary={"beta": [0.1, 8**-0.5, 1 / 8]}, **common)
    np.testing.assert_array_equal(study["cosine"].sel(d=8), alone["cosine"].sel(d=8))


@pytest.mark.parametrize(
    "axis",
    [{"v": [2, 3]}, {"ensemble": {"g": Gaussian()}}, {"query_noise": [0.1, "1/d"]}],
)
def test_a_search_is_of_one_point(axis):
    (name,) = axis
    # Where annotations are checked, they speak first.
    search = getattr(am.search_capacity, "__wrapped__", am.search_capacity)
    with pytest.raises(ValueError, match=rf"search_capacity\({name}=.*must be one"):
        search(RULES, d=[4], threshold=0.5, **axis)


def test_rules_of_the_callers_own_are_tried_at_every_static_level():
    class Odd(Power):
        def weigh(self, scores, mask):
            if self.degree == 3:
                raise RuntimeError("no cubes")
            return super().weigh(scores, mask)

    with pytest.raises(ValueError, match="'odd', which.*no cubes"):
        am.sweep({"odd": Odd()}, d=[4], n=[2], vary={"degree": [2, 3]})
