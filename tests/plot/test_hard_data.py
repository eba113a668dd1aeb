"""Figures of data that are hard to show, and of what is no study."""

# Matplotlib declares more types than it returns.
# pyright: reportArgumentType=false, reportCallIssue=false
# pyright: reportAttributeAccessIssue=false, reportOptionalMemberAccess=false

import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from figures import RULES, D, N, legend_of

import assocmem_jax as am


FUNCTIONS = {
    "curves": lambda data, **kw: am.plot.curves(
        data.isel(d=0), "cosine", hue="rule", **kw
    ),
    "heatmap": lambda data, **kw: am.plot.heatmap(data.isel(rule=0), **kw),
    "collapse": lambda data, **kw: am.plot.collapse(data.isel(rule=0), **kw),
    "difference": lambda data, **kw: am.plot.difference(
        data, rules=tuple(data["rule"].values[:2]), **kw
    ),
    "capacity": lambda data, **kw: am.plot.capacity(am.capacity(data), **kw),
}
every_function = pytest.mark.parametrize("name", FUNCTIONS)
CONTENTS = {
    "nan": lambda x: x * np.nan,
    "zero": lambda x: x * 0,
    "infinite": lambda x: x * np.inf,
    "partly infinite": lambda x: x.where(x["n"] < 20, np.inf),
    "negative": lambda x: -abs(x),
    "huge": lambda x: x * 1e300,
    "tiny": lambda x: x * 1e-310,
    "first missing": lambda x: x.where(x["n"] > N[0]),
    "one load": lambda x: x.isel(n=[2]),
    "one dimension": lambda x: x.isel(d=[1]),
    "one cell": lambda x: x.isel(d=[1], n=[2]),
    "two trials": lambda x: x.isel(trial=[0, 1]),
}


@pytest.mark.parametrize("content", CONTENTS)
@every_function
def test_what_cannot_be_shown_leaves_axes_empty(name, content, dataset):
    """All of it NaN, or nothing positive: matplotlib#31337 and its kind."""
    data = CONTENTS[content](dataset)
    ax = FUNCTIONS[name](data)
    ax.figure.canvas.draw()
    # The axes are those of the study, whatever is known in it.
    low, high = ax.get_xlim()
    x = data["d" if name in ("heatmap", "capacity") else "n"].values
    x = x / data["d"].values.max() if name == "collapse" else x
    assert 0 < low <= x.min() and x.max() <= high < np.inf
    assert np.isfinite(ax.get_ylim()).all()


@pytest.mark.parametrize("kept", ("n", "d"))
@every_function
def test_logarithmic_axes_need_positive_numbers(name, kept, dataset):
    if name == "capacity":
        found = am.capacity(dataset)
        make = lambda d: am.plot.capacity(found.assign_coords(d=d))
        bad = (("d", [0, *D[1:]]), ("d", [np.nan, *D[1:]]), ("d", list("abc")))
    else:
        make = lambda x: FUNCTIONS[name](dataset.assign_coords({kept: x}))
        first = dataset[kept].values[1:]
        bad = ((kept, [0, *first]), (kept, [np.inf, *first]), (kept, [-4, *first]))
        if name == "curves" and kept == "d":
            return
    for axis, entries in bad:
        with pytest.raises(ValueError, match=f"must .* along `{axis}`, got"):
            make(entries)


@pytest.mark.parametrize("axis", ("n", "rule"))
def test_an_axis_without_an_entry_is_named(axis, dataset):
    data = dataset.isel({axis: []}).isel(d=0)
    with pytest.raises(ValueError, match=f"has no entry along `{axis}`. Select"):
        am.plot.curves(data, "cosine", hue="rule")
    with pytest.raises(ValueError, match=r"plot.heatmap\(dataset=.*no entry along `n`"):
        am.plot.heatmap(dataset.isel(n=[], rule=0))


NAMES = (
    "a$b",
    "$x_$",
    r"$\foo$",
    "_hidden",
    "_$",
    "tab\tx",
    "",
    "a_b",
    "^2",
    "x" * 300,
)


@pytest.mark.parametrize("text", NAMES)
def test_names_are_shown_whatever_they_are(text, dataset):
    data = dataset.isel(rule=[0, 1]).assign_coords(rule=[text, "other"])
    for name in ("curves", "difference", "capacity"):
        ax = FUNCTIONS[name](data)
        ax.figure.canvas.draw()
        if name == "difference":
            continue
        shown = legend_of(ax)
        assert len(shown) >= 2 and shown[1] == "other"
        # Also in a legend that is made anew.
        ax.legend()
        assert legend_of(ax)[:2] == shown[:2]
        plain = shown[0].replace(r"\$", "$").replace(r"$\_$", "_")
        if text and text.isprintable() and len(text) < 60:
            assert plain == text
        assert 0 < len(plain) <= 60


def test_names_may_be_mathematics(dataset):
    data = dataset.isel(rule=[0, 1], d=0).assign_coords(rule=[r"$\beta = 1$", "b"])
    assert legend_of(am.plot.curves(data, "cosine", hue="rule"))[0] == r"$\beta = 1$"


def test_legends_of_many_entries_fit(dataset):
    names = [f"rule {i}" for i in range(60)]
    one = dataset.isel(rule=0, d=0, drop=True)
    ax = am.plot.curves(one.expand_dims(rule=names), "cosine", hue="rule")
    ax.figure.canvas.draw()
    assert len(ax.get_lines()) == 60
    assert legend_of(ax) == [*names[:19], "and 41 more"]
    legend, whole = ax.get_legend().get_window_extent(), ax.figure.bbox
    # Beside the lines, and whole.
    assert legend.x0 >= ax.bbox.x1 and legend.x1 <= whole.x1
    assert whole.y0 <= legend.y0 and legend.y1 <= whole.y1
    levels = np.arange(1, 61)
    ax = am.plot.curves(one.expand_dims(beta=levels), "cosine", hue="beta")
    ax.figure.canvas.draw()
    shown = legend_of(ax)
    assert len(shown) == 10 and shown[0] == "60" and shown[-1] == "1"


def test_large_whole_numbers_are_written_out(dataset):
    data = dataset.isel(rule=0).assign_coords(d=[16, 32, 1234567])
    ax = am.plot.curves(data, "cosine", hue="d")
    assert legend_of(ax) == ["1234567", "32", "16"]


def test_long_descriptions_are_broken_into_lines(dataset):
    words = " ".join(["energy"] * 20)
    data = dataset.isel(d=0)
    data["energy"].attrs["long_name"] = words
    ax = am.plot.curves(data, "energy", hue="rule")
    lines = ax.get_ylabel().removesuffix(" [kT]").split("\n")
    assert " ".join(lines) == words and max(map(len, lines)) <= 44


WRONG = (ValueError, TypeError)


def refused(words):
    """What a user reads, or what the types of arguments say where these are checked."""
    return f"{words}|Type-check error whilst"


CALLS = {
    "curves": lambda x: am.plot.curves(x, "cosine", hue="rule"),
    "heatmap": am.plot.heatmap,
    "collapse": am.plot.collapse,
    "difference": lambda x: am.plot.difference(x, rules=("a", "b")),
    "residuals": lambda x: am.plot.residuals(x, hue="rule"),
    "capacity": am.plot.capacity,
}


@pytest.mark.parametrize("thing", (None, {}, np.ones(3), xr.DataArray([1.0])))
@pytest.mark.parametrize("name", CALLS)
def test_what_is_no_dataset_is_refused(name, thing):
    kind = type(thing).__name__
    match = f"`plot.{name}.*must be a dataset, got a `{kind}`. Pass what `"
    with pytest.raises(TypeError, match=refused(match)):
        CALLS[name](thing)
    assert plt.get_fignums() == []


@pytest.mark.parametrize("name", CALLS)
def test_datasets_of_others_are_refused(name):
    air = xr.Dataset({"air": (("time", "lat"), np.ones((3, 2)))})
    with pytest.raises(ValueError, match=f"`plot.{name}"):
        CALLS[name](air)


def test_variables_without_a_mean_are_no_metrics(dataset):
    data = dataset.isel(d=0).assign(kind=("rule", ["x", "y", "z"]))
    with pytest.raises(
        WRONG, match=refused("must be a metric of the dataset, got 'kind'")
    ):
        am.plot.curves(data, "kind", hue="rule")
    with pytest.raises(WRONG, match=refused(r"must be a metric .*got \['cosine'\]")):
        am.plot.curves(data, ["cosine"], hue="rule")


@pytest.mark.parametrize("rules", ("softmax", ("softmax",), RULES))
def test_differences_are_of_two_rules(rules, dataset):
    with pytest.raises(
        WRONG, match=refused("rules=.*must name two rules of the dataset")
    ):
        am.plot.difference(dataset, rules=rules)


@every_function
def test_axes_are_axes(name, dataset):
    _, several = plt.subplots(1, 2)
    with pytest.raises(
        TypeError, match=refused(f"plot.{name}.ax=.*got a `ndarray`. Pass one")
    ):
        FUNCTIONS[name](dataset, ax=several)


def test_no_trial_is_said_of_the_function_that_was_called(dataset):
    with pytest.raises(ValueError, match=r"`plot.curves\(dataset=.*got 0"):
        am.plot.curves(dataset.isel(d=0, trial=[]), "cosine", hue="rule")


def test_files_of_figures_embed_their_fonts(dataset):
    with am.plot.style():
        ax = am.plot.curves(dataset.isel(d=0), "cosine", hue="rule")
        ax.set_title("$n^* = C d^a$")
        for suffix, kept, refused in (
            ("pdf", b"/CIDFontType2", b"/Type3"),
            ("ps", b"/FontType 42", b"/FontType 3"),
        ):
            ax.figure.savefig(file := io.BytesIO(), format=suffix)
            assert kept in file.getvalue() and refused not in file.getvalue()


def test_nothing_is_cut_in_the_style(dataset):
    with am.plot.style():
        figure, ax = plt.subplots(figsize=(3, 2))
        am.plot.curves(dataset.isel(d=0), "cosine", hue="rule", ax=ax)
        figure.canvas.draw()
    whole = figure.bbox
    for label in (ax.xaxis.label, ax.yaxis.label):
        box = label.get_window_extent()
        assert whole.x0 <= box.x0 and box.x1 <= whole.x1
        assert whole.y0 <= box.y0 and box.y1 <= whole.y1


def test_a_rule_looks_alike_in_all_figures_of_its_study(dataset):
    spec = (
        '{"rules": {"dot product": "DotProduct()", "mine": "me.Mine()", '
        '"softmax": "Softmax(beta=0.5)", "pseudoinverse": "Pseudoinverse()"}}'
    )
    plain = dataset.isel(d=0)
    told = plain.assign_attrs(spec=spec)

    def looks(data):
        lines = am.plot.curves(data, "cosine", hue="rule").get_lines()
        return {x.get_label(): (x.get_color(), x.get_marker()) for x in lines}

    whole = looks(told)
    for names in (["softmax"], ["dot product", "pseudoinverse"]):
        part = looks(told.sel(rule=names))
        assert part == {name: whole[name] for name in names}
    assert len(set(whole.values())) == 3
    # The usual four rules in their usual order have the looks of places in order.
    usual = ["pseudoinverse", "softmax", "ReLU", "dot product"]
    places = looks(
        xr.concat([plain, plain.isel(rule=[0])], "rule").assign_coords(rule=usual)
    )
    assert {name: places[name] for name in whole} == whole
