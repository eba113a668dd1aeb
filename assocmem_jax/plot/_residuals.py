"""Measurements less their predictions."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from .._base.errors import ArgumentError
from ._axes import axes_or_new, check_metric, over
from ._labels import label_of
from ._lines import check_hue, draw_lines
from ._predicted import predictions


# Squares of larger numbers overflow.
_LARGEST = 1e150


def residuals(
    dataset: xr.Dataset,
    metric: str = "cosine",
    *,
    hue: str,
    ax: Axes | None = None,
    legend: bool = True,
    **line: Any,
) -> Axes:
    """Draw by how many standard errors the mean of the trials is off its prediction.

    Two lines out of three should be within 1 at a place, and nearly all within 3.

    Args:
        dataset: what `study.sweep` returned, with one entry of every dimension but `n`,
            `hue` and `trial`, and at least two trials.
        metric: a variable of the dataset, such as "cosine".
        hue: the dimension that the lines differ in.
        ax: where to draw. `None` makes new axes.
        legend: draw a legend.
        line: passed on to `matplotlib.axes.Axes.plot`.

    Returns:
        The axes.

    Raises:
        ValueError: if the metric or `hue` is unknown, another dimension is left, there
            is one trial, or no prediction is known for any line.
    """
    check_metric("plot.residuals", dataset, metric)
    check_hue("plot.residuals", dataset, hue)
    data = over("plot.residuals", "dataset", dataset, (hue, "n"), free="trial")
    if data.sizes.get("trial", 1) < 2:
        raise ArgumentError(
            "plot.residuals",
            "dataset",
            "needs at least two trials for a standard error, got "
            f"{data.sizes.get('trial', 1)}",
            "Measure more with `sweep(trials=...)`.",
        )
    formulas = predictions(data, metric, hue)
    if not any(formulas):
        raise ArgumentError(
            "plot.residuals",
            "metric",
            "knows no prediction of any line",
            "Pass what `sweep` returned, of rules and patterns that `theory` knows.",
            given=repr(metric),
        )
    n = data["n"].values
    nothing = np.full(len(n), np.nan)
    predicted = np.array(
        [nothing if formula is None else formula(n) for formula in formulas]
    )
    scores = data[metric].astype(np.float64)
    # What is infinite, or nearly so, has no standard error; a trial that is NaN was
    # not run.
    count = scores.notnull().sum("trial")
    scores = scores.where((count > 1) & ~(abs(scores) > _LARGEST).any("trial"))
    mean = scores.mean("trial")
    error = scores.std("trial", ddof=1) / np.sqrt(count)
    # Where all trials agree, rounding is all that is left.
    means = ((mean - predicted) / error.where(error > 1e-6 * abs(mean))).rename("mean")
    means = means.to_dataset().assign_attrs(dataset.attrs)
    ax = axes_or_new("plot.residuals", ax)
    ax.axhspan(-2, 2, color="0.93", linewidth=0)
    draw_lines(ax, means, hue, line, band=False, legend=legend)
    ax.set_xlabel(label_of(dataset, "n"))
    ax.set_ylabel(
        f"{label_of(dataset, metric)}:\nmeasured less predicted [std. errors]"
    )
    return ax
