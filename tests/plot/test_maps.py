"""Maps over dimension and load, and capacities: what they show."""

# Matplotlib declares more types than it returns.
# pyright: reportArgumentType=false, reportCallIssue=false, reportOperatorIssue=false
# pyright: reportAttributeAccessIssue=false, reportOptionalMemberAccess=false
# pyright: reportUnhashable=false

import numpy as np
import pytest
from figures import RULES, D, N, legend_of, markers_of
from matplotlib.collections import LineCollection, QuadMesh
from matplotlib.markers import CARETDOWN, CARETUP

import assocmem_jax as am


def test_heatmap_shows_means_in_cells_around_the_coordinates(dataset):
    data = dataset.sel(rule="softmax").isel(n=[3, 0, 1, 2, 4])
    ax = am.plot.heatmap(data)
    (mesh,) = ax.collections
    assert isinstance(mesh, QuadMesh)
    expected = dataset["cosine"].sel(rule="softmax").mean("trial").transpose("n", "d")
    np.testing.assert_allclose(np.asarray(mesh.get_array()), expected)
    corners = np.asarray(mesh.get_coordinates())
    x, y = corners[0, :, 0], corners[:, 0, 1]
    for edges, centers in ((x, D), (y, N)):
        assert np.all(edges[:-1] < centers) and np.all(centers < edges[1:])
        np.testing.assert_allclose(edges[1:-1] ** 2, centers[1:] * centers[:-1])
    assert ax.get_xlim() == (x[0], x[-1]) and ax.get_ylim() == (y[0], y[-1])
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert mesh.get_clim() == (0, 1)
    assert ax.figure.axes[1].get_ylabel() == "mean cosine similarity"


def test_heatmap_of_one_cell_without_a_number(dataset):
    data = dataset.sel(rule="softmax", d=32, n=[16])
    ax = am.plot.heatmap(data.where(data["n"] < 0), "energy", colorbar=False)
    assert ax.get_xlim() == pytest.approx((32 / 2**0.5, 32 * 2**0.5))
    assert np.ma.getmaskarray(ax.collections[0].get_array()).all()
    assert len(ax.figure.axes) == 1
    ax.figure.draw_without_rendering()


def test_heatmap_draws_the_capacity_on_top(dataset, capacities):
    data = dataset.sel(rule="softmax")
    ax = am.plot.heatmap(data, capacity=capacities.sel(rule="softmax"))
    line = ax.get_lines()[0]
    np.testing.assert_array_equal(line.get_ydata(), [np.nan, 40, np.nan])
    bottom, top = ax.get_ylim()
    assert bottom > 1 and top < 2**14
    assert markers_of(ax) == {"v": [(16, bottom)], "^": [(128, top)]}
    with pytest.raises(ValueError, match=r"heatmap\(capacity=.*over `d`, got .*`rule`"):
        am.plot.heatmap(data, capacity=capacities)


def test_capacity_draws_points_intervals_and_where_they_are_censored(capacities):
    ax = am.plot.capacity(capacities)
    lines = [line for line in ax.get_lines() if line.get_linestyle() == "-"]
    for i, line in enumerate(lines):
        # Side by side.
        np.testing.assert_allclose(line.get_xdata(), D * 2 ** (0.06 * (i - 0.5)))
        np.testing.assert_array_equal(line.get_ydata(), capacities["capacity"][i])
    bars = [bar for bar in ax.collections if isinstance(bar, LineCollection)]
    # Where there is no interval, matplotlib keeps an empty segment.
    ends = [[s[:, 1] for s in bar.get_segments() if len(s)] for bar in bars]
    np.testing.assert_array_equal(ends[0], [[15, 17], [16, 40], [100, 256]])
    np.testing.assert_array_equal(ends[1], [[30, 50]])
    assert markers_of(ax) == {
        CARETDOWN: [(pytest.approx(32 / 2**0.03), 16)],
        CARETUP: [(pytest.approx(128 / 2**0.03), 256)],
        "v": [(pytest.approx(16 * 2**0.03), 4)],
        "^": [(pytest.approx(128 * 2**0.03), 1024)],
    }
    censored = "above the largest $n$", "below the smallest $n$"
    assert legend_of(ax) == [*RULES[:2], *censored]
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert ax.get_ylabel() == "capacity $n^*$"
    ax.figure.draw_without_rendering()
    low, high = ax.get_ylim()
    assert 1 < low < 4 and 1024 < high < 4096


@pytest.mark.parametrize("count", (1, 2, 40))
def test_bars_of_rules_at_one_dimension_do_not_overlap(count, capacities):
    names = [f"rule {i}" for i in range(count)]
    one = capacities.isel(rule=0, drop=True)
    found = one.expand_dims(rule=names)
    bars = am.plot.capacity(found, theory=False).collections
    x = np.array([[s[0, 0] for s in bar.get_segments() if len(s)] for bar in bars])
    # In the order of the rules around the dimension, far from the next one.
    assert x.shape == (count, len(D)) and np.all(np.diff(x, axis=0) > 0)
    np.testing.assert_allclose(np.exp2(np.log2(x).mean(axis=0)), D)
    assert np.all(np.abs(np.log2(x / D)) < 0.26)


def test_capacity_draws_the_fit_and_says_its_exponent(capacities, fit):
    ax = am.plot.capacity(capacities, fit=fit)
    (law,) = [line for line in ax.get_lines() if line.get_linestyle() == "--"]
    np.testing.assert_allclose(law.get_xdata(), np.array([16, 128]) / 2**0.03)
    expected = 0.97 * np.array([16, 128]) ** 1.004
    np.testing.assert_allclose(law.get_ydata(), expected)
    labels = legend_of(ax)
    assert labels[:2] == [r"pseudoinverse: $a = 1.00 \pm 0.02$", "softmax"]
    one = am.plot.capacity(
        capacities.sel(rule=RULES[0]), fit=fit.sel(rule=RULES[0]), legend=False
    )
    assert one.get_legend() is None and one.get_lines()[0].get_linestyle() == "--"
    unknown = capacities.where(capacities["d"] < 0)
    for points, law in ((capacities, fit.sel(rule=["softmax"])), (unknown, fit)):
        assert legend_of(am.plot.capacity(points, fit=law))[:2] == RULES[:2]


@pytest.mark.parametrize(
    "half, text",
    (
        (0.3, r"1.00 \pm 0.30"),
        (0.0031, r"1.004 \pm 0.003"),
        (0.0, r"1.00 \pm 0.00"),
        (np.inf, "1.00"),
    ),
)
def test_exponents_have_the_digits_that_their_errors_have(half, text, capacities, fit):
    fit["exponent_low"], fit["exponent_high"] = (
        fit["exponent"] - half,
        fit["exponent"] + half,
    )
    ax = am.plot.capacity(capacities, fit=fit)
    assert legend_of(ax)[0] == f"pseudoinverse: $a = {text}$"


def test_capacity_refuses_other_datasets(dataset, capacities, fit):
    with pytest.raises(ValueError, match="without `capacity`, .* Pass what `capacity`"):
        am.plot.capacity(dataset)
    with pytest.raises(ValueError, match="fit=.*without `constant`. Pass what `fit_"):
        am.plot.capacity(capacities, fit=fit.drop_vars("constant"))
    with pytest.raises(ValueError, match="over `rule`, `d`, got .*`beta`"):
        am.plot.capacity(capacities.expand_dims(beta=[1.0, 2.0]))
