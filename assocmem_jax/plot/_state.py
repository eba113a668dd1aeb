"""Metrics against the size of the memory."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from .._base.errors import ArgumentError
from ._asked import described, own_loads
from ._axes import axes_or_new, check_dataset, mean_over_trials, over
from ._labels import draw_legend, label_of, looks_of
from ._lines import check_hue


# Octaves between two lines at one number of bytes.
_ASIDE = 0.06


def recall_against_bytes(
    dataset: xr.Dataset,
    metric: str = "recall",
    *,
    hue: str = "rule",
    ax: Axes | None = None,
    band: bool = True,
    confidence: float = 0.95,
    legend: bool = True,
    **line: Any,
) -> Axes:
    """Draw a metric against the bytes of memory that each stored pair takes.

    A memory of fixed size has fewer bytes for each pair, the more are stored: a curve.
    One that keeps the pairs has as many for each at any load: a vertical line, along
    which its answers get worse. What lies further to the upper left holds more. Lines
    stand side by side: each is moved aside by a few percent.

    Args:
        dataset: what `study.sweep` returned, with one entry of every dimension but `n`,
            `hue` and `trial`, and with the coordinate `state_bytes`.
        metric: a variable of the dataset.
        hue: the dimension that the lines differ in.
        ax: where to draw. `None` makes new axes.
        band: draw the interval of the mean, where there are several trials.
        confidence: of the interval, between 0 and 1.
        legend: draw a legend.
        line: passed on to `matplotlib.axes.Axes.plot`.

    Returns:
        The axes.

    Raises:
        ValueError: if the metric or `hue` is unknown, another dimension is left, sizes
            are not known, or the confidence is not between 0 and 1.
    """
    call = "plot.recall_against_bytes"
    check_dataset(call, "dataset", dataset)
    if "state_bytes" not in dataset.coords:
        complaint = "must have a coordinate `state_bytes`, got a dataset without it"
        advice = "Measure it by `sweep` of this version, or assign the coordinate."
        raise ArgumentError(call, "dataset", complaint, advice)
    check_hue(call, dataset, hue)
    dims = (hue, "n")
    means = mean_over_trials(call, dataset, metric, dims, confidence=confidence)
    sizes = over(call, "dataset", _sizes(dataset, means), dims)["bytes"]
    ax = axes_or_new(call, ax)
    study, handles = described(means), []
    for i, look in enumerate(looks_of(means[hue].values, means.attrs)):
        one = means.isel({hue: i})
        d = one["d"].item() if "d" in one.coords and one["d"].ndim == 0 else None
        chosen = own_loads(one["mean"], study, d)
        one = one.isel(n=chosen)
        aside = 2 ** (_ASIDE * (i - (means.sizes[hue] - 1) / 2))
        x = (sizes.isel({hue: i, "n": chosen}) / one["n"]).values * aside
        handles += ax.plot(x, one["mean"].values, **{**look, **line})
        if band and "low" in one:
            low, high = one["low"].values, one["high"].values
            ax.vlines(x, low, high, color=handles[-1].get_color(), linewidth=1)
    ax.set_xscale("log", base=2)
    ax.set_xlabel("bytes of memory for each stored pair")
    ax.set_ylabel(label_of(dataset, metric))
    if legend:
        numbers = np.issubdtype(means[hue].dtype, np.number)
        title = None if hue == "rule" else label_of(means, hue)
        draw_legend(ax, handles, title=title, ordered=numbers)
    return ax


def _sizes(dataset: xr.Dataset, means: xr.Dataset) -> xr.Dataset:
    """The size of the memory at every mean, as a variable."""
    sizes = dataset["state_bytes"].drop_vars("state_bytes")
    return sizes.broadcast_like(means["mean"]).to_dataset(name="bytes")
