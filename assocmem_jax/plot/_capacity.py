"""Capacity against dimension."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib import markers, patheffects
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ._axes import axes_or_new, over, reach, take
from ._labels import draw_legend, label_of, looks_of, theory_line
from ._predicted import predicted_capacity


# An interval without an end reaches this factor, and then an arrow.
_STUB = 2.0
# Octaves between two rules at one dimension, and the share of the octaves between two
# dimensions that all rules take.
_ASIDE, _SHARE = 0.06, 0.5
_CAPACITY = ("capacity", "low", "high", "bracket_low", "bracket_high", "censored")
_FIT = ("exponent", "exponent_low", "exponent_high", "constant")


def capacity(
    capacities: xr.Dataset,
    *,
    fit: xr.Dataset | None = None,
    ax: Axes | None = None,
    legend: bool = True,
    theory: bool = True,
) -> Axes:
    r"""Draw capacity against dimension, one color per rule.

    Bars are intervals; an end at zero or infinity is an arrow. Where the capacity lies
    beyond the loads that were tried, an open triangle stands at the last of them. At
    each dimension several rules stand side by side: all that belongs to one, lines too,
    is moved aside by a few percent.

    Where `theory.capacity` knows the capacity, the line is theory, and what was
    measured are the markers on it. For softmax and sparsemax that takes
    seconds.

    Args:
        capacities: what `capacity` returned, with one entry of every dimension but
            `rule` and `d`.
        fit: what `fit_scaling` returned for these rules, drawn as dashed lines
            $C d^a$ with the exponent in the legend.
        ax: where to draw. `None` makes new axes.
        legend: draw a legend.
        theory: draw what theory says; `False` joins what was measured by lines.

    Returns:
        The axes.

    Raises:
        TypeError: if what was passed is no dataset.
        ValueError: if another dimension is left, or a dataset is of another kind.
    """
    points = points_over("plot.capacity", "capacities", capacities, ("rule", "d"))
    if fit is not None:
        fit = take("plot.capacity", "fit", fit, _FIT, "fit_scaling")
        fit = over("plot.capacity", "fit", fit, ("rule",))
    ax = axes_or_new("plot.capacity", ax)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log", base=2)
    handles, others = [], _censored_handles(points)
    rules, d = points["rule"].values, points["d"].values
    looks = looks_of(rules, points.attrs)
    for rule, look, aside in zip(rules, looks, _asides(len(rules), d), strict=True):
        one = points.sel(rule=rule)
        predicted = predicted_capacity(one) if theory else None
        if predicted is not None:
            between, n = predicted
            # As an artist: the axes reach around what was measured.
            line = Line2D(between * aside, n, color=look["color"], linewidth=1.0)
            ax.add_artist(line)
            others = [theory_line(), *_censored_handles(points)]
        if fit is not None or predicted is not None:
            look["linestyle"] = "none"
        if fit is not None and rule in fit["rule"]:
            law = fit.sel(rule=rule)
            look["label"] += _draw_fit(ax, one, law, look, aside)
        bottom, top = one["bracket_high"].values, one["bracket_low"].values
        handles.append(draw_points(ax, one, look, bottom=bottom, top=top, aside=aside))
    reach(ax, d)
    ax.set_xlabel(label_of(capacities, "d"))
    ax.set_ylabel(label_of(capacities, "capacity"))
    if legend:
        title = None if fit is None else r"$n^* = C\,d^{\,a}$"
        draw_legend(ax, handles, others, title=title)
    return ax


def _asides(count: int, d: np.ndarray) -> np.ndarray:
    """The factors by which the marks of each rule stand beside their dimension."""
    gap = np.diff(np.log2(d)).min() if len(d) > 1 else np.inf
    step = min(_ASIDE, _SHARE * gap / count)
    return 2 ** (step * (np.arange(count) - (count - 1) / 2))


def points_over(
    function: str, argument: str, dataset: xr.Dataset, dims: Sequence[str]
) -> xr.Dataset:
    """The capacities of a dataset that `capacity` returned, over `dims` alone."""
    found = take(function, argument, dataset, _CAPACITY, "capacity")
    return over(function, argument, found, dims)


def draw_points(
    ax: Axes,
    points: xr.Dataset,
    look: dict[str, Any],
    *,
    bottom: np.ndarray | float,
    top: np.ndarray | float,
    aside: float = 1.0,
    outline: str | None = None,
) -> Line2D:
    """Draw the capacities of one rule, their intervals, and where they are censored.

    Args:
        ax: where to draw.
        points: capacities over `d`.
        look: color, marker and label.
        bottom: where a capacity below the loads that were tried is marked.
        top: the same, above.
        aside: factor by which all of it stands beside its dimension.
        outline: a color around lines, for use on colored ground.

    Returns:
        The line through the capacities.
    """
    stroke = [patheffects.withStroke(linewidth=3, foreground=outline)]
    common = {"path_effects": stroke if outline else None, "color": look["color"]}
    d, n = points["d"].values * aside, points["capacity"].values
    known = np.isfinite(n)
    low = np.where(known, points["low"], np.nan)
    high = np.where(known, points["high"], np.nan)
    no_low, no_high = low <= 0, np.isinf(high)
    low = np.where(no_low, n / _STUB, low)
    high = np.where(no_high, n * _STUB, high)
    ax.vlines(d, low, high, linewidth=1, **common)
    (line,) = ax.plot(d, n, **{**common, **look})
    censored = points["censored"].values
    for chosen, y, marker, face in (
        (no_low, low, markers.CARETDOWN, look["color"]),
        (no_high, high, markers.CARETUP, look["color"]),
        (censored == "below", bottom, "v", "white"),
        (censored == "above", top, "^", "white"),
    ):
        if chosen.any():
            ax.plot(
                d[chosen],
                np.broadcast_to(y, d.shape)[chosen],
                marker=marker,
                markerfacecolor=face,
                markersize=1.5 * line.get_markersize(),
                linestyle="none",
                clip_on=False,
                **common,
            )
    return line


def _draw_fit(
    ax: Axes, points: xr.Dataset, fit: xr.Dataset, look: dict, aside: float
) -> str:
    """Draw the fit of one rule where its capacity is known, and say the exponent."""
    d = points["d"].values[np.isfinite(points["capacity"])]
    exponent = float(fit["exponent"])
    error = float(fit["exponent_high"] - fit["exponent_low"]) / 2
    if not np.isfinite(exponent) or len(d) == 0:
        return ""
    ends = np.array([d.min(), d.max()], float)
    fitted = float(fit["constant"]) * ends**exponent
    dashed: dict[str, Any] = {"linestyle": "--", "linewidth": 1, "zorder": 1.5}
    ax.plot(ends * aside, fitted, color=look["color"], **dashed)
    return f": ${_exponent_text(exponent, error)}$"


def _exponent_text(exponent: float, error: float) -> str:
    """The exponent and its error, with digits enough that the error is not zero."""
    if not np.isfinite(error):
        return f"a = {exponent:.2f}"
    digits = 2 if error == 0 else min(max(2, -int(np.floor(np.log10(error)))), 6)
    return rf"a = {exponent:.{digits}f} \pm {error:.{digits}f}"


def _censored_handles(points: xr.Dataset) -> list[Line2D]:
    """Legend entries of the censored points that there are."""
    kinds = (
        ("above", "^", "above the largest $n$"),
        ("below", "v", "below the smallest $n$"),
    )
    return [
        Line2D([], [], color="0.35", ls="none", marker=marker, mfc="white", label=text)
        for side, marker, text in kinds
        if (points["censored"] == side).any()
    ]
