"""A metric over all dimensions and loads, as a map."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from ..metrics._table import METRICS
from ._axes import axes_or_new, label_of, mean_over_trials
from ._capacity import draw_points, points_over


def heatmap(
    dataset: xr.Dataset,
    metric: str = "cosine",
    *,
    capacity: xr.Dataset | None = None,
    ax: Axes | None = None,
    colorbar: bool = True,
) -> Axes:
    """Draw the mean of a metric over dimension and number of stored pairs.

    Colors of a metric of which 1 is the best run from 0 to 1, so that maps can be
    compared.
    Cells without a number are gray.

    Args:
        dataset: what `study.sweep` returned, with one entry of every dimension but `d`,
            `n` and `trial`.
        metric: a variable of the dataset, such as "cosine".
        capacity: the capacity of this rule, drawn on top: a line, its intervals, and
            an open triangle on the edge where it lies beyond.
        ax: where to draw. `None` makes new axes.
        colorbar: draw a color bar.

    Returns:
        The axes.

    Raises:
        ValueError: if the metric is unknown, or another dimension is left, or
            `capacity` is not one.
    """
    data = mean_over_trials("plot.heatmap", dataset, metric, ("n", "d"))["mean"]
    if capacity is not None:
        capacity = points_over("plot.heatmap", "capacity", capacity, ("d",))
    ax = axes_or_new(ax)
    x, y = _edges(data["d"].values), _edges(data["n"].values)
    known = METRICS.get(metric)
    low, high = (0, 1) if known and known.highest == 1 else (None, None)
    mesh = ax.pcolormesh(x, y, data.values, vmin=low, vmax=high)
    ax.set_facecolor("0.85")
    ax.grid(False)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log", base=2)
    if capacity is not None:
        look = {
            "color": "white",
            "marker": "o",
            "label": label_of(capacity, "capacity"),
        }
        draw_points(ax, capacity, look, bottom=y[0], top=y[-1], outline="black")
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(y[0], y[-1])
    ax.set_xlabel(label_of(dataset, "d"))
    ax.set_ylabel(label_of(dataset, "n"))
    if colorbar:
        ax.figure.colorbar(mesh, ax=ax, label=label_of(dataset, metric))
    return ax


def _edges(centers: np.ndarray) -> np.ndarray:
    """Edges of cells, halfway between the centers on a logarithmic axis."""
    log = np.log2(centers)
    # A cell at the end reaches as far out as in; a cell alone spans an octave.
    gaps = np.diff(log) if len(log) > 1 else np.ones(1)
    inner = log[:-1] + np.diff(log) / 2
    return np.exp2([log[0] - gaps[0] / 2, *inner, log[-1] + gaps[-1] / 2])
