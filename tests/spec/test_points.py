"""Axes of a point: ensembles, v, static fields, and loads that grow with d."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

import assocmem_jax as am
from assocmem_jax._spec.described import levels_of, loads_at
from assocmem_jax.patterns import Bipolar, Gaussian, Samples, Spherical
from assocmem_jax.study import Spec


class Power(am.AbstractSeparation):
    """A rule whose form is compiled for."""

    degree: int = eqx.field(default=2, static=True)
    sign: str = eqx.field(default="keep", static=True)

    def __check_init__(self):
        if self.degree < 1:
            raise ValueError(f"`Power(degree=...)` must be positive, got {self.degree}")

    def weigh(self, scores, mask):
        powers = scores**self.degree
        return None, jnp.abs(powers) if self.sign == "drop" else powers


RULES = {"power": Power(), "dot": am.DotProduct(), "soft": am.Softmax()}
SIZES: Any = {"d": [4, 8], "n": [2]}


def test_loads_are_numbers_of_pairs_of_each_dimension():
    spec = Spec(RULES, d=[3, 8], n=am.loads(0.1, 0.5, 1))
    assert spec.loads_at(3) == (1, 2, 3) and spec.loads_at(8) == (1, 4, 8)
    assert spec.num_pairs == (1, 2, 3, 4, 8)
    assert spec.describe()["n"] == ["0.1d", "0.5d", "1d"]
    assert repr(spec.n) == "loads(0.1, 0.5, 1)"


def test_loads_come_back_from_their_text():
    load = am.loads(0.1, 1 / 6, 2**0.5)
    described = Spec(RULES, d=[9, 100], n=load).describe()
    assert loads_at(described, 9) == load.at(9) == (1, 2, 13)
    assert levels_of(described, "n") == [1, 2, 10, 13, 17, 141]


@pytest.mark.parametrize(
    "ratios, message",
    [
        ((), r"loads\(...\)` must hold ascending numbers, got \[\]"),
        ((1, 0.5), r"ascending numbers, got \[1.0, 0.5\]"),
        ((1, 1), "ascending"),
        ((0, 1), "positive numbers below .*, got 0"),
        ((np.nan,), "positive numbers below .*, got nan"),
        ((np.inf,), "got inf"),
    ],
)
def test_what_are_no_loads_is_refused(ratios, message):
    with pytest.raises(ValueError, match=message):
        am.loads(*ratios)


def test_loads_are_numbers_that_an_index_counts():
    with pytest.raises(ValueError, match=r"n=.*below 2\*\*31"):
        Spec(RULES, d=[8], n=am.loads(1e9))


def test_a_point_has_a_level_of_each_axis_that_tells_for_its_rule():
    spec = Spec(
        RULES,
        **SIZES,
        v=[2, 3],
        ensemble={"g": Gaussian(), "b": Bipolar()},
        vary={"degree": [2, 3], "sign": ["drop", "keep"], "beta": [0.5]},
    )
    assert list(spec.axes) == ["ensemble", "v", "degree", "sign", "beta"]
    assert len(spec.points("dot")) == 4 and len(spec.points("soft")) == 4
    points = spec.points("power")
    assert len(points) == 16
    last = {"ensemble": "b", "v": 3, "degree": 3, "sign": "keep"}
    assert points[-1] == last
    for name in RULES:
        known = range(len(spec.points(name)))
        assert [spec.point(name, i) for i in known] == spec.points(name)
    alone = spec.at("power", 15, 8)
    assert alone.rules == {"power": Power(3, "keep")}
    assert (alone.ensemble, alone.v, alone.d) == (Bipolar(), 3, (8,))
    assert alone.value_dimension(8) == 3 and alone.axes == {}
    assert spec.describe()["ensemble"] == {"g": "Gaussian()", "b": "Bipolar()"}
    assert spec.describe()["vary"]["degree"] == [2, 3]


@pytest.mark.parametrize(
    "changed, error, message",
    [
        ({"v": []}, ValueError, "v=.*must not be empty"),
        ({"v": [3, 2]}, ValueError, "v=.*must ascend"),
        ({"v": [2], "values": "keys"}, ValueError, "v=.*left out"),
        ({"ensemble": {}}, ValueError, "ensemble=.*must not be empty"),
        ({"ensemble": {"\0": Gaussian()}}, ValueError, "names that a file can hold"),
        (
            {"ensemble": {"g": Gaussian(), "s": Samples(np.ones((9, 4)))}},
            ValueError,
            "dimension 8, and `Samples` holds patterns of dimension 4",
        ),
        (
            {"vary": {"degree": [2.0]}},
            TypeError,
            "whole numbers or texts for 'degree'.*got .2.0.",
        ),
        ({"vary": {"degree": [2, "3"]}}, TypeError, r"got \[2, '3'\]"),
        ({"vary": {"degree": [True]}}, TypeError, r"got \[True\]"),
        ({"vary": {"degree": [2, 2]}}, ValueError, "must not repeat"),
        ({"vary": {"degree": 2}}, TypeError, "must be like"),
        ({"vary": {"degree": []}}, ValueError, "must not be empty"),
        ({"vary": {"degree": [0]}}, ValueError, r"Power\(degree=...\)` must be pos"),
    ],
)
def test_what_is_no_axis_is_refused(changed, error, message):
    with pytest.raises(error, match=message):
        Spec(RULES, **{**SIZES, **changed})


def test_names_of_axes_are_no_hyperparameters():
    class Odd(Power):
        v: float = 1.0

    with pytest.raises(ValueError, match="'v', the name of another axis"):
        Spec({"odd": Odd(v=2.0)}, **SIZES, vary={"v": [1.0]})


def test_values_drawn_are_there_at_each_v():
    with pytest.raises(ValueError, match="values=.*dimension 3.*of dimension 4"):
        Spec(RULES, **SIZES, v=[3, 4], values=Samples(np.ones((9, 4))))


def test_each_ensemble_has_the_pairs_of_its_dimension():
    few = Samples(np.ones((9, 4)))
    Spec(RULES, d=[4], n=am.loads(2), ensemble=few)
    with pytest.raises(ValueError, match="12 patterns, and `Samples` holds 9"):
        Spec(RULES, d=[4], n=am.loads(3), ensemble={"s": few, "g": Spherical()})
