"""Lines of theory under what was measured."""

# Matplotlib declares more types than it returns.
# pyright: reportArgumentType=false, reportCallIssue=false, reportOperatorIssue=false
# pyright: reportAttributeAccessIssue=false, reportOptionalMemberAccess=false
# pyright: reportUnhashable=false, reportIndexIssue=false

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from figures import legend_of
from matplotlib.contour import QuadContourSet

import assocmem_jax as am


RULES = {"dot": am.DotProduct(), "softmax": am.Softmax(beta=0.5)}


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def study():
    return am.sweep(
        RULES,
        d=[8],
        n=[4, 16, 64],
        trials=6,
        query_noise=[0.0, 0.3],
        flip_probability=[0.0, 0.1],
        vary={"beta": [0.1, 1.0]},
        metrics=("cosine", "success"),
    )


def part_of(study, flips=0.0, beta=1.0, noise=0.3):
    chosen = {"flip_probability": flips, "beta": beta, "query_noise": noise}
    return study.sel(chosen)


def lines_of(ax):
    """Lines without and with markers."""
    plain = [line for line in ax.lines if line.get_marker() == "None"]
    return plain, [line for line in ax.lines if line.get_marker() != "None"]


def test_curves_are_predictions_and_markers_measurements(study):
    ax = am.plot.curves(part_of(study), "cosine", hue="rule")
    plain, marked = lines_of(ax)
    assert len(plain) == len(marked) == 2
    expected = am.theory.softmax_cosine(8, plain[1].get_xdata(), 1.0, query_noise=0.3)
    np.testing.assert_allclose(plain[1].get_ydata(), expected)
    measured = part_of(study)["cosine"].sel(rule="softmax", d=8).mean("trial")
    np.testing.assert_allclose(marked[1].get_ydata(), measured, rtol=1e-5)
    assert all(line.get_linestyle() == "None" for line in marked)


def test_a_varied_hyperparameter_is_that_of_each_line(study):
    softmax = study.sel(rule="softmax", query_noise=0.0, flip_probability=0.0)
    plain, _ = lines_of(am.plot.curves(softmax, "cosine", hue="beta"))
    for line, beta in zip(plain, (0.1, 1.0), strict=True):
        expected = am.theory.softmax_cosine(8, line.get_xdata(), beta)
        np.testing.assert_allclose(line.get_ydata(), expected)


@pytest.mark.parametrize("case", ("flips", "success", "off", "spec", "values"))
def test_without_a_prediction_measurements_are_joined(study, case):
    data = part_of(study, flips=0.1 if case == "flips" else 0.0)
    metric = "success" if case == "success" else "cosine"
    data = data.sel(rule="softmax")
    if case == "spec":
        data = data.drop_attrs(deep=False)
    if case == "values":
        spec = data.attrs["spec"].replace('"values": null', '"values": "keys"')
        data = data.assign_attrs(spec=spec)
    ax = am.plot.curves(data, metric, hue="rule", theory=case != "off")
    plain, (line,) = lines_of(ax)
    assert plain == [] and line.get_linestyle() == "-"


@pytest.mark.parametrize("case", ("n", "study", "rule", "none"))
def test_studies_put_together_have_lines_where_their_settings_fit(case):
    rules = {"dot": am.DotProduct()}
    one = am.sweep(rules, d=[4], n=[4, 16], trials=3)
    if case == "n":
        # Of other settings, which the attributes of the first do not tell.
        noisy = am.sweep(rules, d=[4], n=[32, 64], trials=3, query_noise=1.0)
        data = xr.concat([one, noisy], "n", join="outer", combine_attrs="override")
    elif case == "study":
        data = xr.concat([one, one], "study", combine_attrs="override")
        data = data.assign_coords(study=[1, 2]).sel(study=1)
    elif case == "rule":
        other = one.assign_coords(rule=["other"])
        data = xr.concat([one, other], "rule", combine_attrs="override")
    else:
        data = one.assign_coords(load=one["n"] / one["d"])
    plain, marked = lines_of(am.plot.curves(data, "cosine", hue="rule"))
    assert len(plain) == (case in ("rule", "none"))
    assert len(marked) == data.sizes["rule"]


def test_refused_predictions_are_none():
    grid = {"d": [4], "n": [4, 16], "trials": 3, "query_noise": 0.3}
    keys = am.patterns.Spherical()
    data = am.sweep({"softmax": am.Softmax(0.5)}, **grid, ensemble=keys)
    # Of noisy queries to few dimensions of keys of one norm nothing is known.
    plain, (line,) = lines_of(am.plot.curves(data, "cosine", hue="rule"))
    assert plain == [] and line.get_linestyle() == "-"
    with pytest.raises(ValueError, match="knows no prediction of any line"):
        am.plot.residuals(data, "cosine", hue="rule")


def test_lines_begin_at_one_pair_without_gaps():
    data = am.sweep({"softmax": am.Softmax(0.5)}, d=[8], n=[1, 2, 8], trials=3)
    plain, _ = lines_of(am.plot.curves(data, "distance", hue="rule"))
    assert np.isfinite(plain[0].get_ydata()).all()


def test_residuals_are_standard_errors(study):
    data = part_of(study)
    ax = am.plot.residuals(data, "cosine", hue="rule")
    _, marked = lines_of(ax)
    dot = data["cosine"].sel(rule="dot", d=8)
    predicted = am.theory.dot_product_cosine(8, dot["n"].values, query_noise=0.3)
    off = dot.mean("trial").values - predicted
    expected = off / (dot.std("trial", ddof=1).values / 6**0.5)
    np.testing.assert_allclose(marked[0].get_ydata(), expected, rtol=1e-4)


def test_collapse_scales_predictions(study):
    data = part_of(study).sel(rule=["dot"])
    (line,), _ = lines_of(am.plot.collapse(data, "cosine"))
    expected = am.theory.dot_product_cosine(8, 8 * line.get_xdata(), query_noise=0.3)
    np.testing.assert_allclose(line.get_ydata(), expected)


def test_residuals_need_trials_and_a_prediction(study):
    with pytest.raises(ValueError, match="needs at least two trials"):
        am.plot.residuals(part_of(study).isel(trial=[0]), hue="rule")
    with pytest.raises(ValueError, match="knows no prediction of any line"):
        am.plot.residuals(part_of(study, flips=0.1), hue="rule")


def test_a_rule_that_is_named_like_one_of_the_library_has_no_line():
    class ReLU(am.DotProduct):
        pass

    grid = {"d": [8], "n": [4, 16, 64], "trials": 2}
    for rule, num_lines in ((am.ReLU(), 1), (ReLU(), 0)):
        study = am.sweep({"rule": rule}, **grid)
        plain, _ = lines_of(am.plot.curves(study, "cosine", hue="rule"))
        assert len(plain) == num_lines


def test_an_ensemble_that_is_named_like_one_of_the_library_has_no_line():
    class Gaussian(am.patterns.Bipolar):
        pass

    grid = {"d": [8], "n": [4, 16, 64]}
    for given in ({"ensemble": Gaussian()}, {"values": Gaussian()}):
        study = am.sweep({"relu": am.ReLU()}, **grid, **given)
        plain, _ = lines_of(am.plot.curves(study, "cosine", hue="rule"))
        assert not plain


@pytest.fixture(scope="module")
def grid():
    """A study of a grid with a capacity at every dimension."""
    loads = [1, 2, 4, 8, 16, 32]
    rules = {"dot": am.DotProduct()}
    return am.sweep(rules, d=[8, 16], n=loads, trials=8, values="marginalized")


def test_legends_say_which_lines_are_theory(study):
    data = part_of(study, noise=0.0)
    assert legend_of(am.plot.curves(data, "cosine", hue="rule"))[-1] == "theory"
    for plain in (
        am.plot.curves(data, "success", hue="rule"),
        am.plot.curves(data, "cosine", hue="rule", theory=False),
    ):
        assert legend_of(plain) == list(RULES)


def test_capacities_stand_on_lines_of_theory(grid):
    found = am.capacity(grid, threshold=0.8)
    both = xr.concat([found, found], "rule").assign_coords(rule=["dot", "other"])
    ax = am.plot.capacity(both)
    (line,), marked = lines_of(ax)
    assert legend_of(ax) == ["dot", "other", "theory"]
    # What theory does not know is joined.
    assert [marks.get_linestyle() for marks in marked] == ["None", "-"]
    assert line.get_color() == marked[0].get_color()
    # Beside their dimension, the line like the marks.
    d = line.get_xdata() * 8 / marked[0].get_xdata()[0]
    assert {8, 16} <= set(d.round(9)) and len(d) > 3
    expected = am.theory.capacity(am.DotProduct(), d, 0.8)
    np.testing.assert_allclose(line.get_ydata(), expected)
    plain, marked = lines_of(am.plot.capacity(found, theory=False))
    assert not plain and all(line.get_linestyle() == "-" for line in marked)


def test_lines_of_theory_do_not_stretch_the_axes(grid):
    found = am.capacity(grid.isel(n=slice(4)), threshold=0.8)
    assert list(found["censored"].values[0]) == ["no", "above"]
    limits = [
        am.plot.capacity(found, theory=theory).get_ylim() for theory in (True, False)
    ]
    assert limits[0] == limits[1]
    assert am.theory.capacity(am.DotProduct(), 16, 0.8) > limits[0][1]


@pytest.mark.parametrize("case", ("spec", "metric", "above"))
def test_capacities_that_theory_does_not_know_are_joined(grid, case):
    found = am.capacity(grid, threshold=0.8)
    if case == "above":
        found = found.assign(
            censored=found["censored"].astype(str).where(False, "above")
        )
    elif case == "metric":
        found = found.assign_attrs(metric="success")
    else:
        found = found.drop_attrs(deep=False)
    ax = am.plot.capacity(found)
    assert not lines_of(ax)[0] and "theory" not in legend_of(ax)


def test_maps_have_lines_where_theory_takes_the_threshold(grid):
    data = grid.sel(rule="dot")
    ax = am.plot.heatmap(data, capacity=am.capacity(data, threshold=0.8))
    (lines,) = (x for x in ax.collections if isinstance(x, QuadContourSet))
    assert list(lines.levels) == [0.8] and legend_of(ax)[-1] == "theory"
    points = np.concatenate([path.vertices for path in lines.get_paths()])
    expected = am.theory.capacity(am.DotProduct(), points[:, 0], 0.8)
    # Between loads an octave apart the line is interpolated.
    np.testing.assert_allclose(points[:, 1], expected, rtol=0.05)
    assert ax.get_lines()[0].get_linestyle() == "None"


def test_maps_without_a_capacity_mark_their_lines_on_the_color_bar(grid):
    ax = am.plot.heatmap(grid.sel(rule="dot"))
    (lines,) = (x for x in ax.collections if isinstance(x, QuadContourSet))
    bar = ax.figure.axes[1]
    marked = [line.get_ydata()[0] for line in bar.get_lines()]
    assert list(lines.levels) == marked and set(np.round(marked, 9)) <= {
        0.2,
        0.4,
        0.6,
        0.8,
    }
    bare = am.plot.heatmap(grid.sel(rule="dot"), theory=False)
    assert bare.get_legend() is None and len(bare.collections) == 1
