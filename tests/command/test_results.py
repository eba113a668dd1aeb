"""Capacities and figures from the command line."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from helpers import slow
from typed import SWEEP, refusal, run

import assocmem_jax as am
from assocmem_jax._command import panels as _panels
from assocmem_jax._command.tables import of_capacities


# Capacity


def test_capacities_are_a_table_a_law_and_a_file(study, tmp_path, capsys):
    out = tmp_path / "capacity.nc"
    run("capacity", study, "--threshold", 0.8, "--out", out)
    printed = capsys.readouterr().out
    found = xr.load_dataset(out)
    xr.testing.assert_identical(found, am.capacity(am.load_study(study), threshold=0.8))
    head, *lines = printed.splitlines()
    assert head.split()[:5] == ["rule", "d", "query_noise", "n*", "low"]
    assert [line.split()[0] for line in lines[:6]] == ["pseudoinverse"] * 6
    number = float(found["capacity"].sel(rule="pseudoinverse", d=16, query_noise=0))
    assert f"{number:.4g}" in lines[4]
    above = found.where(found["censored"] == "above", drop=True)
    assert above.sizes["d"] and "> 64" in printed
    fit = am.fit_scaling(found).sel(rule="pseudoinverse", query_noise=0)
    assert f"{float(fit['exponent']):.4g}" in printed
    assert "fewer than 3 capacities" in printed


@pytest.mark.parametrize(
    "args, message",
    (
        (("--metric", "recal"), "`--metric` must be a metric of the study"),
        (("--threshold", "2"), "`--threshold` must be between -1 and 1"),
        (("--confidence", "95"), "`--confidence` must be between 0 and 1"),
        (("--out", "x.txt"), "`--out x.txt` must end in .nc, .csv"),
        (("--out", "no/x.nc"), "needs the folder `no`. Make it first"),
    ),
)
def test_mistakes_in_capacities_are_told(args, message, study, capsys):
    assert re.search(message, refusal(capsys, "capacity", study, *args))


@pytest.mark.parametrize("args", (["capacity"], ["plot", "--kind", "capacity"]))
def test_one_trial_is_too_few(args, tmp_path, capsys):
    run(*SWEEP, "--trials", 1, "--store", tmp_path)
    capsys.readouterr()
    assert refusal(capsys, *args, tmp_path) == (
        "`STUDY` needs at least 2 trials to tell how sure a mean is, got 1. Run the "
        "study with `--trials 2` or more."
    )


def test_what_is_no_study_is_told(tmp_path, capsys):
    assert "leads to no study" in refusal(capsys, "capacity", tmp_path / "none")
    (tmp_path / "x.nc").write_text("x")
    assert "leads to no study" in refusal(capsys, "plot", tmp_path / "x.nc")


# Figures


@pytest.fixture
def figures(monkeypatch):
    """The figures that were drawn, still open."""
    drawn = []
    monkeypatch.setattr(plt, "close", drawn.append)
    yield drawn
    monkeypatch.undo()
    plt.close("all")


@pytest.mark.parametrize(
    "args, panels, titles",
    (
        # Of all that is drawn, predictions take the time.
        slow(("--kind", "curves"), 3, ["$d = 4$", "$d = 8$", "$d = 16$"]),
        slow(("--kind", "curves", "--metric", "distance"), 3, None),
        slow(("--kind", "curves", "--rules", "hot"), 1, ["hot"]),
        slow(("--kind", "heatmap"), 3, ["pseudoinverse", "hot", "relu"]),
        (("--kind", "heatmap", "--rules", "relu"), 1, ["relu"]),
        slow(("--kind", "heatmap", "--metric", "distance", "--threshold", 2), 3, None),
        slow(("--kind", "collapse"), 3, ["pseudoinverse", "hot", "relu"]),
        (("--kind", "capacity"), 1, ["cosine at 0.9"]),
        (("--kind", "difference", "--rules", "hot", "relu"), 1, ["hot $-$ relu"]),
        (
            ("--kind", "difference", "--rules", "hot", "relu", "--select", "d=8"),
            1,
            None,
        ),
    ),
)
def test_every_figure_is_drawn(args, panels, titles, study, tmp_path, figures, capsys):
    selected = "--select" in args
    select = () if selected else ("--select",)
    out = tmp_path / "figure.png"
    run("plot", study, "--out", out, *args, *select, "query_noise=0.5")
    assert f"Figure: {out}" in capsys.readouterr().out
    assert out.stat().st_size > 10_000
    (figure,) = figures
    bars = [ax for ax in figure.axes if ax.get_label() == "<colorbar>"]
    axes = [ax for ax in figure.axes if ax not in bars and ax.axison]
    assert len(axes) == panels
    if titles is not None:
        assert [ax.get_title(loc="left") for ax in axes] == titles
    assert "query_noise = 0.5" in figure.get_suptitle()
    assert all(ax.get_legend() is None for ax in axes)
    shared = "heatmap" in args and "distance" not in args
    (legend,) = figure.legends
    said = [text.get_text() for text in legend.get_texts()]
    assert ("theory" in said) == ("difference" not in args)
    assert len(bars) == (1 if shared else panels if "heatmap" in args else 0)
    assert axes[0].get_xlabel() and axes[0].get_ylabel()


@pytest.mark.parametrize("ending, start", (slow("svg", b"<?xml"), ("pdf", b"%PDF")))
def test_figures_have_the_format_of_their_ending(ending, start, study, tmp_path):
    out = tmp_path / f"x.{ending}"
    run("plot", study, "--select", "query_noise=0", "--out", out)
    assert out.read_bytes().startswith(start)


def test_panels_above_free_places_have_labels(tmp_path, figures, rng):
    axes = {"rule": ["a", "b"], "d": [1, 2, 3, 4, 5], "n": [1, 2], "trial": [0]}
    cosines = rng.random([len(axis) for axis in axes.values()])
    dataset = xr.Dataset({"cosine": (list(axes), cosines)}, axes)
    _panels.draw(dataset, "curves", "cosine", 0.9, tmp_path / "x.png")
    *panels, free = figures[0].axes
    assert not free.axison
    x, y = ([bool(label(ax)) for ax in panels] for label in LABELS)
    assert x == [False, False, True, True, True]
    assert y == [True, False, False, True, False]


LABELS = (lambda ax: ax.get_xlabel(), lambda ax: ax.get_ylabel())


@pytest.mark.parametrize(
    "args, message",
    (
        (("--out", "x.gif"), "`--out x.gif` must end in .png, .svg, .pdf"),
        (("--out", "no/x.png"), "needs the folder `no`"),
        ((), "one entry of `query_noise`.* 0, 0.5. Choose by `--select query_noise=0`"),
        (("--select", "noise=0"), "names no axis .* Did you mean `query_noise`"),
        (("--select", "query_noise=0.4"), "is not in the study. Choose from 0, 0.5"),
        (("--select", "query_noise"), "must be like `query_noise=0.5`"),
        (("--rules", "rel"), "`--rules rel` is not in the study. Did you mean `relu`"),
        (
            ("--kind", "difference", "--select", "query_noise=0"),
            "needs two rules, got 3. Choose them with `--rules`: pseudoinverse, hot",
        ),
        (
            ("--metric", "cosin", "--select", "query_noise=0"),
            "`--metric` must be a metric of the dataset, got 'cosin'. Did you mean",
        ),
    ),
)
def test_mistakes_in_figures_are_told(
    args, message, study, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert re.search(message, refusal(capsys, "plot", study, *args))
    assert not list(tmp_path.iterdir())
    assert not plt.get_fignums()


def test_the_table_says_where_a_curve_passes_again():
    scores = np.array([[[1, 0.6, 1, 0.9, 0.1]] * 3, [[1, 0.9, 0.7, 0.5, 0.1]] * 3])
    data = xr.Dataset(
        {"cosine": (("rule", "trial", "n"), scores)},
        {"rule": ["noisy", "clean"], "n": [4, 8, 16, 32, 64]},
    )
    head, noisy, clean = of_capacities(
        am.capacity(data, threshold=0.8), data["n"].values
    ).splitlines()
    assert head.endswith("passes again") and noisy.endswith("16")
    assert clean.split()[0] == "clean" and len(clean.split()) == 4
    alone = of_capacities(am.capacity(data.isel(rule=[1])), data["n"].values)
    assert "again" not in alone
