"""Figures: they show the numbers they are given, and change nothing else."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import FillBetweenPolyCollection, LineCollection, QuadMesh
from matplotlib.colors import to_rgba
from matplotlib.markers import CARETDOWN, CARETUP
from scipy import stats

import assocmem_jax as am


RULES = ["pseudoinverse", "softmax", "dot product"]
D = np.array([16, 32, 128])
N = np.array([4, 16, 24, 64, 1024])
TRIALS = 6


@pytest.fixture(autouse=True)
def closed_figures_and_kept_style():
    before = dict(mpl.rcParams)
    yield
    assert dict(mpl.rcParams) == before
    plt.close("all")


@pytest.fixture
def dataset(rng):
    """A study of three rules, with luck that the rules of a trial share."""
    d, n = np.meshgrid(D, N, indexing="ij")
    mean = np.stack([np.minimum(1, (d / n) ** a) for a in (0.5, 1.0, 0.4)])[..., None]
    luck = 0.1 * rng.standard_normal((1, len(D), len(N), TRIALS))
    own = 0.001 * rng.standard_normal((len(RULES), len(D), len(N), TRIALS))
    dims = ("rule", "d", "n", "trial")
    cosine = mean + luck + own
    return xr.Dataset(
        {
            "cosine": (dims, cosine, {"long_name": "cosine", "units": "1"}),
            "cosine_std": (dims, np.full_like(cosine, 0.1)),
            "all_correct": (dims, (cosine > 0.5).astype(float)),
            "energy": (dims, cosine, {"long_name": "energy", "units": "kT"}),
        },
        {"rule": RULES, "d": D, "n": N},
    )


@pytest.fixture
def capacities():
    """One censored point on each side, one end at zero, one at infinity."""
    nan, inf = np.nan, np.inf
    dims = ("rule", "d")
    return xr.Dataset(
        {
            "capacity": (dims, [[16.0, 32.0, 128.0], [nan, 40.0, nan]]),
            "low": (dims, [[15.0, 0.0, 100.0], [nan, 30.0, nan]]),
            "high": (dims, [[17.0, 40.0, inf], [nan, 50.0, nan]]),
            "bracket_low": (dims, [[4.0, 24.0, 64.0], [0.0, 24.0, 1024.0]]),
            "bracket_high": (dims, [[16.0, 64.0, 1024.0], [4.0, 64.0, inf]]),
            "censored": (dims, [["no", "no", "no"], ["below", "no", "above"]]),
        },
        {"rule": RULES[:2], "d": D},
        {"metric": "cosine", "threshold": 0.9},
    )


@pytest.fixture
def fit():
    columns = {
        "exponent": [1.004, np.nan],
        "exponent_low": [0.98, np.nan],
        "exponent_high": [1.02, np.nan],
        "constant": [0.97, np.nan],
    }
    variables: dict = {name: ("rule", column) for name, column in columns.items()}
    variables["weight"] = (("rule", "law"), np.full((2, 3), 1 / 3))
    return xr.Dataset(variables, {"rule": RULES[:2]})


def student(samples, confidence=0.95):
    """Mean and ends of Student's interval over the last axis."""
    count = samples.shape[-1]
    mean = samples.mean(-1)
    half = samples.std(-1, ddof=1) / np.sqrt(count)
    half = half * stats.t.ppf((1 + confidence) / 2, count - 1)
    return mean, mean - half, mean + half


def bands_of(ax):
    """Low and high end of every band, in order of n."""
    bands = []
    for band in ax.collections:
        assert isinstance(band, FillBetweenPolyCollection)
        vertices = np.asarray(band.get_paths()[0].vertices)
        columns = [vertices[vertices[:, 0] == x, 1] for x in np.unique(vertices[:, 0])]
        bands.append(([y.min() for y in columns], [y.max() for y in columns]))
    return bands


def legend_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def markers_of(ax):
    """Where markers of a kind are, for lines that are nothing but markers."""
    return {
        line.get_marker(): list(zip(*line.get_data(), strict=True))
        for line in ax.get_lines()
        if line.get_linestyle() == "None"
    }


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
        np.testing.assert_array_equal(line.get_xdata(), D)
        np.testing.assert_array_equal(line.get_ydata(), capacities["capacity"][i])
    bars = [bar for bar in ax.collections if isinstance(bar, LineCollection)]
    # Where there is no interval, matplotlib keeps an empty segment.
    ends = [[s[:, 1] for s in bar.get_segments() if len(s)] for bar in bars]
    np.testing.assert_array_equal(ends[0], [[15, 17], [16, 40], [100, 256]])
    np.testing.assert_array_equal(ends[1], [[30, 50]])
    assert markers_of(ax) == {
        CARETDOWN: [(32, 16)],
        CARETUP: [(128, 256)],
        # Beside their dimension, as those of the other rule are on its other side.
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


def test_capacity_draws_the_fit_and_says_its_exponent(capacities, fit):
    ax = am.plot.capacity(capacities, fit=fit)
    (law,) = [line for line in ax.get_lines() if line.get_linestyle() == "--"]
    np.testing.assert_array_equal(law.get_xdata(), [16, 128])
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
