"""A metric over all dimensions and loads, as a map."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..metrics._own import row_of
from ._asked import described, grows, own_loads
from ._axes import axes_or_new, mean_over_trials
from ._capacity import draw_points, points_over
from ._labels import label_of
from ._predicted import loads_between, predicted_map


# Lines on colored ground.
_THEORY = {
    "color": "white",
    "linewidth": 1.0,
    "path_effects": [patheffects.withStroke(linewidth=2.5, foreground="black")],
}


def heatmap(
    dataset: xr.Dataset,
    metric: str = "cosine",
    *,
    capacity: xr.Dataset | None = None,
    ax: Axes | None = None,
    colorbar: bool = True,
    legend: bool = True,
    theory: bool = True,
) -> Axes:
    """Draw the mean of a metric over dimension and number of stored pairs.

    Colors of a metric of which 1 is the best run from 0 to 1, so that maps can be
    compared. Cells without a number are gray.

    Where a prediction is known, lines of theory show where it takes the value that is
    the threshold of `capacity` or, without one, each of the values marked on the color
    bar. Between points half an octave apart they are interpolated. For softmax and
    sparsemax that takes seconds.

    Args:
        dataset: what `study.sweep` returned, with one entry of every dimension but `d`,
            `n` and `trial`.
        metric: a variable of the dataset, such as "cosine".
        capacity: the capacity of this rule, drawn on top: a line, or markers where
            there is a line of theory, its intervals, and an open triangle on the edge
            where it lies beyond.
        ax: where to draw. `None` makes new axes.
        colorbar: draw a color bar.
        legend: draw a legend above the map, where there are lines of theory.
        theory: draw lines of theory.

    Returns:
        The axes.

    Raises:
        TypeError: if what was passed is no dataset.
        ValueError: if the metric is unknown, or another dimension is left, or
            `capacity` is not one.
    """
    data = mean_over_trials("plot.heatmap", dataset, metric, ("n", "d"))["mean"]
    if capacity is not None:
        capacity = points_over("plot.heatmap", "capacity", capacity, ("d",))
    ax = axes_or_new("plot.heatmap", ax)
    known = row_of(metric, dataset[metric].attrs)
    low, high = (0, 1) if known and known.highest == 1 else (None, None)
    x, y, mesh = _draw_cells(ax, data, described(dataset), low, high)
    ax.set_facecolor("0.85")
    ax.grid(False)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log", base=2)
    levels = _levels(capacity, metric, *mesh.get_clim()) if theory else []
    levels = _draw_theory(ax, dataset, metric, levels)
    handles = []
    if capacity is not None:
        look = {
            "color": "white",
            "marker": "o",
            "label": label_of(capacity, "capacity"),
        }
        if levels:
            look["linestyle"] = "none"
        line = draw_points(ax, capacity, look, bottom=y[0], top=y[-1], outline="black")
        handles.append(line)
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(y[0], y[-1])
    ax.set_xlabel(label_of(dataset, "d"))
    ax.set_ylabel(label_of(dataset, "n"))
    if colorbar:
        bar = ax.figure.colorbar(mesh, ax=ax, label=label_of(dataset, metric))
        for level in levels:
            bar.ax.axhline(level, **_THEORY)
    if legend and levels:
        handles.append(Line2D([], [], label="theory", **_THEORY))
        # Above the map, as all of it is data.
        above = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "frameon": False}
        ax.legend(handles=handles, ncols=2, borderaxespad=0.2, **above)
    return ax


def _draw_cells(
    ax: Axes,
    data: xr.DataArray,
    study: dict[str, Any],
    low: float | int | None,
    high: float | int | None,
) -> tuple[np.ndarray, np.ndarray, QuadMesh]:
    """Draw the cells of a map, and say its edges.

    Where each dimension has numbers of pairs of its own, so have its columns.
    """
    x, y = _edges(data["d"].values), _edges(data["n"].values)
    if not grows(study):
        return x, y, ax.pcolormesh(x, y, data.values, vmin=low, vmax=high)
    if low is None and data.notnull().any():
        low, high = float(data.min()), float(data.max())
    meshes = []
    for i, d in enumerate(data["d"].values.tolist()):
        column = data.isel(d=[i], n=own_loads(data.isel(d=i), study, d))
        sides = x[i : i + 2], _edges(column["n"].values)
        meshes.append(ax.pcolormesh(*sides, column.values, vmin=low, vmax=high))
    return x, y, meshes[0]


def _levels(
    capacity: xr.Dataset | None, metric: str, low: float, high: float
) -> list[float]:
    """The values of a metric where lines of theory are drawn."""
    if capacity is not None and capacity.attrs.get("metric") == metric:
        return [float(capacity.attrs["threshold"])]
    if not (np.isfinite([low, high]).all() and low < high):
        return []
    ticks = MaxNLocator(5).tick_values(low, high)
    return [float(tick) for tick in ticks if low < tick < high]


def _draw_theory(
    ax: Axes, dataset: xr.Dataset, metric: str, levels: list[float]
) -> list[float]:
    """Draw where the prediction takes each of the values, and say which it takes."""
    predicted = predicted_map(dataset, metric) if levels else None
    if predicted is None or min(predicted[2].shape) < 2:
        return []
    d, n, values = predicted
    # Contours are straight between points: these are so on the logarithmic axis.
    between = loads_between(n)
    values = [np.interp(np.log(between), np.log(n), column) for column in values]
    values = np.ma.masked_invalid(values).T
    taken = [level for level in levels if values.min() < level < values.max()]
    if taken:
        lines = ax.contour(d, between, values, taken, colors="white", linewidths=1.0)
        lines.set_path_effects(_THEORY["path_effects"])
    return taken


def _edges(centers: np.ndarray) -> np.ndarray:
    """Edges of cells, halfway between the centers on a logarithmic axis."""
    log = np.log2(centers)
    # A cell at the end reaches as far out as in; a cell alone spans an octave.
    gaps = np.diff(log) if len(log) > 1 else np.ones(1)
    inner = log[:-1] + np.diff(log) / 2
    return np.exp2([log[0] - gaps[0] / 2, *inner, log[-1] + gaps[-1] / 2])
