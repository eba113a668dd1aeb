"""Figures: they show the numbers they are given, and change nothing else."""

# Matplotlib declares more types than it returns.
# pyright: reportArgumentType=false, reportCallIssue=false, reportOperatorIssue=false
# pyright: reportAttributeAccessIssue=false, reportOptionalMemberAccess=false
# pyright: reportUnhashable=false

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from figures import RULES, TRIALS, D, N, bands_of, legend_of, student
from matplotlib.collections import FillBetweenPolyCollection
from matplotlib.colors import to_rgba
from scipy import stats

import assocmem_jax as am


CALLS = {
    "curves": lambda data, **kw: am.plot.curves(
        data.sel(rule="softmax"), "cosine", hue="d", **kw
    ),
    "heatmap": lambda data, **kw: am.plot.heatmap(data.sel(rule="softmax"), **kw),
    "collapse": lambda data, **kw: am.plot.collapse(data.sel(rule="softmax"), **kw),
    "difference": lambda data, **kw: am.plot.difference(
        data, rules=("softmax", "dot product"), **kw
    ),
}
every_function = pytest.mark.parametrize("name", CALLS)


@every_function
def test_draws_into_the_axes_it_is_given_or_new_ones(name, dataset):
    _, ax = plt.subplots()
    assert CALLS[name](dataset, ax=ax) is ax
    new = CALLS[name](dataset)
    assert new is not ax and new.figure is not ax.figure
    new.figure.draw_without_rendering()


def test_style_ends_with_its_block():
    with am.plot.style():
        assert not mpl.rcParams["axes.spines.top"]


@every_function
def test_metrics_that_are_not_there_are_named(name, dataset):
    with pytest.raises(ValueError, match=f"`plot.{name}.metric=.*must be a metric"):
        CALLS[name](dataset.rename(cosine="cosines"))
    assert plt.get_fignums() == []


@every_function
def test_a_dimension_that_is_left_is_named(name, dataset):
    twice = dataset.expand_dims(beta=[1.0, 2.0])
    with pytest.raises(ValueError, match="draws over .*, got .*`beta`.* Select one"):
        CALLS[name](twice)
    CALLS[name](twice.sel(beta=[1.0]))


@pytest.mark.parametrize("missing", ("n", "d"))
@every_function
def test_a_dimension_that_is_missing_is_named(name, missing, dataset):
    data = dataset.isel({missing: 0}, drop=True)
    with pytest.raises(ValueError, match=f"`{missing}`.* got|hue=.*must name"):
        CALLS[name](data)


@pytest.mark.parametrize("name", ("curves", "collapse", "difference"))
def test_confidence_is_between_0_and_1(name, dataset):
    with pytest.raises(ValueError, match=f"`plot.{name}.confidence=.*between 0 and 1"):
        CALLS[name](dataset, confidence=95.0)


@pytest.mark.parametrize("confidence", (0.95, 0.5))
def test_curves_draw_means_and_students_intervals(confidence, dataset):
    data = dataset.sel(rule="softmax")
    ax = am.plot.curves(data, "cosine", hue="d", confidence=confidence)
    lines, bands = ax.get_lines(), bands_of(ax)
    for i, line in enumerate(lines):
        mean, low, high = student(data["cosine"].values[i], confidence)
        np.testing.assert_array_equal(line.get_xdata(), N)
        np.testing.assert_allclose(line.get_ydata(), mean)
        np.testing.assert_allclose(bands[i], (low, high))
        assert line.get_label() == str(D[i])
    assert len(lines) == len(bands) == len(D)
    assert ax.get_xscale() == "log"
    assert ax.get_xlabel() == "number of stored pairs $n$"
    assert ax.get_ylabel() == "mean cosine similarity"


def test_bands_of_yes_or_no_are_wilsons(dataset):
    data = dataset.sel(rule="softmax", d=[32])
    ax = am.plot.curves(data, "all_correct", hue="d")
    ends = [
        stats.binomtest(int(k), TRIALS).proportion_ci(method="wilson")
        for k in data["all_correct"].values[0].sum(-1)
    ]
    low, high = bands_of(ax)[0]
    np.testing.assert_allclose(low, [end.low for end in ends], atol=1e-12)
    np.testing.assert_allclose(high, [end.high for end in ends])


@every_function
def test_one_trial_has_no_band(name, dataset):
    for data in (dataset.isel(trial=[0]), dataset.isel(trial=0, drop=True)):
        ax = CALLS[name](data)
        bands = [c for c in ax.collections if isinstance(c, FillBetweenPolyCollection)]
        assert bands == []


def test_one_trial_is_drawn_as_it_is_and_bands_can_be_left_out(dataset):
    data = dataset.sel(d=32)
    one = am.plot.curves(data.isel(trial=0), "cosine", hue="rule")
    for line, name in zip(one.get_lines(), RULES, strict=True):
        cosines = data["cosine"].isel(trial=0).sel(rule=name)
        np.testing.assert_array_equal(line.get_ydata(), cosines)
        assert line.get_label() == name
    bare = am.plot.curves(data, "cosine", hue="rule", band=False, legend=False)
    assert len(bare.get_lines()) == 3 and len(bare.collections) == 0
    assert bare.get_legend() is None


def test_cells_that_are_missing_leave_gaps(dataset):
    data = dataset.where(dataset["n"] != 24).sel(rule="softmax")
    ax = am.plot.curves(data, "cosine", hue="d")
    for line in ax.get_lines():
        np.testing.assert_array_equal(np.isnan(line.get_ydata()), N == 24)
    ax.figure.draw_without_rendering()


def test_names_take_distinct_looks_and_numbers_ordered_ones(dataset):
    ax = am.plot.curves(dataset.sel(d=32), "cosine", hue="rule")
    colors = [line.get_color() for line in ax.get_lines()]
    assert colors == list(mpl.color_sequences["petroff10"][:3])
    assert len({line.get_marker() for line in ax.get_lines()}) == 3
    assert legend_of(ax) == RULES
    shuffled = dataset.sel(rule="softmax").isel(d=[1, 2, 0], n=[2, 0, 1, 4, 3])
    ax = am.plot.curves(shuffled, "cosine", hue="d")
    lightness = [sum(to_rgba(line.get_color())[:3]) for line in ax.get_lines()]
    assert lightness == sorted(lightness, reverse=True)
    np.testing.assert_array_equal(ax.get_lines()[0].get_xdata(), N)
    assert legend_of(ax) == ["128", "32", "16"]
    assert ax.get_legend().get_title().get_text() == "dimension $d$"


def test_lines_take_keywords_and_axes_their_units(dataset):
    data = dataset.sel(d=32)
    ax = am.plot.curves(data, "energy", hue="rule", color="red", linestyle=":")
    assert {line.get_color() for line in ax.get_lines()} == {"red"}
    assert {line.get_linestyle() for line in ax.get_lines()} == {":"}
    assert ax.get_ylabel() == "energy [kT]"


@pytest.mark.parametrize("hue", ("n", "trial", "rul"))
def test_curves_refuse_a_hue_that_lines_cannot_differ_in(hue, dataset):
    with pytest.raises(ValueError, match=rf"curves\(hue=.*got '{hue}'.*`rule`"):
        am.plot.curves(dataset.sel(d=32), "cosine", hue=hue)


def test_collapse_divides_by_the_scale(dataset):
    data = dataset.sel(rule="softmax")
    load = am.plot.collapse(data)
    scaled = am.plot.collapse(data, scale=lambda d: d**1.5, label="$n / d^{1.5}$")
    for i, d in enumerate(D):
        np.testing.assert_allclose(load.get_lines()[i].get_xdata(), N / d)
        np.testing.assert_allclose(scaled.get_lines()[i].get_xdata(), N / d**1.5)
        mean, low, high = student(data["cosine"].values[i])
        np.testing.assert_allclose(load.get_lines()[i].get_ydata(), mean)
        np.testing.assert_allclose(bands_of(load)[i], (low, high))
    assert load.get_xlabel() == "load $n / d$"
    assert scaled.get_xlabel() == "$n / d^{1.5}$"


@pytest.mark.parametrize("number", (0.0, -1.0, np.inf, np.nan))
def test_collapse_refuses_a_scale_that_is_not_positive(number, dataset):
    with pytest.raises(ValueError, match=f"scale=.*got {number} for d = 16"):
        am.plot.collapse(dataset.sel(rule="softmax"), scale=lambda d: number)


def test_difference_is_taken_trial_by_trial(dataset):
    ax = am.plot.difference(dataset, rules=("pseudoinverse", "softmax"))
    first, second = (dataset["cosine"].sel(rule=name).values for name in RULES[:2])
    zero, *lines = ax.get_lines()
    assert list(zero.get_ydata()) == [0, 0]
    for i, (line, band) in enumerate(zip(lines, bands_of(ax), strict=True)):
        mean, low, high = student(first[i] - second[i])
        np.testing.assert_allclose(line.get_ydata(), mean)
        np.testing.assert_allclose(band, (low, high))
        _, low_alone, high_alone = student(first[i])
        assert np.all(high - low < 0.1 * (high_alone - low_alone))
    assert ax.get_ylabel().endswith("pseudoinverse $-$ softmax")


def test_differences_of_yes_or_no_have_students_intervals(dataset):
    data = dataset.sel(d=32)
    ax = am.plot.difference(data, "all_correct", rules=("softmax", "dot product"))
    yes = data["all_correct"]
    paired = yes.sel(rule="softmax").values - yes.sel(rule="dot product").values
    assert paired.min() < 0
    np.testing.assert_allclose(bands_of(ax)[0], student(paired)[1:], atol=1e-12)


def test_difference_refuses_rules_that_are_not_there(dataset):
    with pytest.raises(ValueError, match="rules=.*got 'sofmax'. Did you mean `softm"):
        am.plot.difference(dataset, rules=("pseudoinverse", "sofmax"))
    with pytest.raises(ValueError, match="needs a dataset over `rule`, got one over"):
        am.plot.difference(dataset.sel(rule="softmax"), rules=("softmax", "ReLU"))
