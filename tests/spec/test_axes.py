"""An axis is one row and one field: all that sweeps or draws it asks the table."""

import dataclasses
import json
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest

import assocmem_jax as am
from assocmem_jax._base.checks import check_range
from assocmem_jax._command import panels
from assocmem_jax._spec.axes import AXES, Axis, Corruption
from assocmem_jax._spec.corruption import corrupt
from assocmem_jax.study import Spec


RULES = {"dot": am.DotProduct(), "softmax": am.Softmax(beta=0.5)}


def offset(level, rng, index, queries):
    del rng, index
    return queries + level.astype(queries.dtype)


OFFSET = Axis(
    long_name="number added to each coordinate of a query",
    label="offset of queries",
    corruption=Corruption(
        offset,
        lambda function, argument, level: check_range(
            function, argument, level, "Zero adds nothing.", limit=10.0
        ),
        stream=3,
        example="1.0 or [0.0, 1.0]",
    ),
)


@dataclasses.dataclass(frozen=True)
class Shifted(Spec):
    offset: float | tuple[float, ...] = 0.0


@pytest.fixture(autouse=True, scope="module")
def added():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(AXES, "offset", OFFSET)
        yield
    plt.close("all")


@pytest.fixture(scope="module")
def study(added):
    noise = {"query_noise": (0.0, 0.3), "trials": 3}
    spec = Shifted(RULES, d=[8], n=[2, 8, 32], offset=(0.0, 1.0), **noise)
    return am.study.run(spec)


def test_an_axis_from_outside_is_swept(study):
    assert study["cosine"].dims == (
        *("rule", "d", "n", "query_noise", "offset", "trial"),
    )
    assert study["offset"].attrs["long_name"] == OFFSET.long_name
    plain = am.sweep(RULES, d=[8], n=[2, 8, 32], query_noise=[0.0, 0.3], trials=3)
    still = study["cosine"].sel(offset=0.0, drop=True)
    np.testing.assert_array_equal(still, plain["cosine"])
    moved = study["cosine"].sel(rule="dot", n=32)
    assert (moved.sel(offset=1.0) != moved.sel(offset=0.0)).any()


def test_an_axis_from_outside_is_described(study):
    assert json.loads(study.attrs["spec"])["offset"] == [0.0, 1.0]
    assert Shifted(RULES, d=[4], n=[2], offset=0.5).describe()["offset"] == 0.5
    assert Shifted(RULES, d=[4], n=[2], offset=0.5).corrupted
    assert "offset" not in Spec(RULES, d=[4], n=[2]).describe()


def test_an_axis_from_outside_is_checked():
    with pytest.raises(ValueError, match=r"`Spec\(offset=...\)` .* below 10, got 11"):
        Shifted(RULES, d=[4], n=[2], offset=11.0)
    with pytest.raises(ValueError, match=r"offset=...\)` must not repeat, got \[1.0"):
        Shifted(RULES, d=[4], n=[2], offset=(1.0, 1.0))
    with pytest.raises(ValueError, match=r"offset=.* like `1.0 or \[0.0, 1.0\]`"):
        Shifted(RULES, d=[4], n=[2], offset=())


def test_an_axis_from_outside_is_drawn(study):
    one = study.sel(rule="dot", query_noise=0.0)
    ax = am.plot.curves(one, "cosine", hue="offset")
    legend: Any = ax.get_legend()
    assert legend.get_title().get_text() == "offset of queries"
    # Theory knows queries that are not moved.
    plain = [line for line in ax.lines if line.get_marker() == "None"]
    assert len(plain) == 1


def test_an_axis_from_outside_is_selected_for_panels(study, tmp_path):
    with pytest.raises(ValueError, match="one entry of `offset`.* `--select offset=0`"):
        panels.chosen(study, (), {"query_noise": 0.0})
    data = panels.chosen(study, (), {"query_noise": 0.0, "offset": 1.0})
    panels.draw(data, "heatmap", "cosine", 0.9, tmp_path / "x.png")
    assert (tmp_path / "x.png").exists()


def test_an_axis_from_outside_has_a_capacity(study):
    assert set(am.capacity(study)["capacity"].dims) == {
        *("rule", "d", "query_noise", "offset"),
    }


@pytest.mark.parametrize("name", ("query_noise", "offset", "n", "trial"))
def test_an_axis_is_not_registered_twice(name):
    with pytest.raises(ValueError, match=f"must be its own, got '{name}'"):
        AXES[name] = OFFSET


def test_axes_are_applied_in_the_order_of_their_streams():
    flips = {"flip_probability": 1.0, "offset": 1.0}
    levels = {name: jnp.asarray(x) for name, x in flips.items()}
    out = corrupt(levels, jax.random.key(0), jnp.arange(2), jnp.full((2, 3), 5.0))
    np.testing.assert_array_equal(out, -4.0)
