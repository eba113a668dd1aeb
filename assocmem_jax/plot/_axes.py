"""Common to the figures: style, labels, colors, and the data they draw."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from .._base.errors import ArgumentError
from .._base.suggest import suggest
from .._spec.axes import AXES
from .._statistics.intervals import check_confidence, mean_interval
from ..metrics._table import METRICS


_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.labelsize": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "0.92",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.4,
    "lines.markersize": 3.5,
    "figure.dpi": 120,
    "savefig.dpi": 200,
    "svg.hashsalt": "assocmem_jax",
}
# Labels of all that is neither a metric nor an axis of every study.
_LABELS = {
    "capacity": "capacity $n^*$",
    "beta": r"inverse temperature $\beta$",
}


def style() -> AbstractContextManager:
    """The look of this library's figures, for use in a `with` statement."""
    return mpl.rc_context(_STYLE)


def axes_or_new(ax: Axes | None) -> Axes:
    """The axes, or those of a new figure."""
    return plt.figure(layout="constrained").add_subplot() if ax is None else ax


def label_of(dataset: xr.Dataset, name: str) -> str:
    """The text on an axis that shows this variable or coordinate."""
    attrs = dataset[name].attrs
    row = {**METRICS, **AXES}.get(name)
    text = row.label if row else _LABELS.get(name, str(attrs.get("long_name", name)))
    unit = attrs.get("units", "1")
    return text if unit in ("", "1") else f"{text} [{unit}]"


def looks_of(entries: np.ndarray) -> list[dict[str, Any]]:
    """One look per entry: numbers take ordered colors, names distinct ones."""
    if np.issubdtype(entries.dtype, np.number):
        # The light end of the map is hard to see on white.
        colors = mpl.colormaps["viridis"](np.linspace(0, 0.88, len(entries)))[::-1]
        markers, labels = "o", [f"{entry:.6g}" for entry in entries]
    else:
        colors = mpl.color_sequences["petroff10"]
        markers, labels = "osD^vP*X", [str(entry) for entry in entries]
    return [
        {
            "color": colors[i % len(colors)],
            "marker": markers[i % len(markers)],
            "label": label,
        }
        for i, label in enumerate(labels)
    ]


def check_metric(function: str, dataset: xr.Dataset, metric: str) -> None:
    """Raise unless `metric` is one of the dataset."""
    known = [str(name) for name in dataset.data_vars if not str(name).endswith("_std")]
    if metric not in known:
        complaint = f"must be a metric of the dataset, got {metric!r}"
        raise ArgumentError(function, "metric", complaint, suggest(metric, known))


def take(
    function: str,
    argument: str,
    dataset: xr.Dataset,
    names: Sequence[str],
    source: str,
) -> xr.Dataset:
    """Some variables of a dataset that `source` returned; raise if one is absent."""
    absent = [name for name in names if name not in dataset.data_vars]
    if absent:
        raise ArgumentError(
            function,
            argument,
            f"must hold {_names(names)}, got a dataset without {_names(absent)}",
            f"Pass what `{source}` returned.",
        )
    return dataset[list(names)]


def over(
    function: str,
    argument: str,
    dataset: xr.Dataset,
    dims: Sequence[str],
    free: str | None = None,
) -> xr.Dataset:
    """The dataset over `dims` alone, numbers in rising order.

    Args:
        function: the function that the user called, for messages.
        argument: its argument that holds the dataset.
        dataset: what was passed. Other dimensions may have one entry.
        dims: the dimensions to draw over, in this order.
        free: a dimension that may be there too.

    Returns:
        The dataset over `dims`, in this order, and `free` where it has several entries.

    Raises:
        ValueError: if other dimensions have several entries, or one is missing.
    """
    single = [k for k, size in dataset.sizes.items() if size == 1 and k not in dims]
    data = dataset.squeeze(single)
    data = data.expand_dims([k for k in dims if k in data.coords and data[k].ndim == 0])
    if set(data.dims) - {free} != set(dims):
        there = _names([str(k) for k in dataset.sizes if k != free])
        raise ArgumentError(
            function,
            argument,
            f"draws over {_names(dims)}, got a dataset over {there}",
            "Select one entry of every other dimension, and keep these.",
        )
    numbers = [k for k in dims if np.issubdtype(data[k].dtype, np.number)]
    return data.sortby(numbers).transpose(*dims, ...)


def mean_over_trials(
    function: str,
    dataset: xr.Dataset,
    metric: str,
    dims: Sequence[str],
    *,
    confidence: float = 0.95,
) -> xr.Dataset:
    """The mean of a metric over `dims`, with an interval where there are trials.

    Args:
        function: the function that the user called, for messages.
        dataset: what was passed.
        metric: the name of a variable.
        dims: the dimensions to draw over, in this order.
        confidence: of each interval.

    Returns:
        `mean`, and where there are several trials, `low` and `high`.

    Raises:
        ValueError: if the metric is unknown, the confidence not between 0 and 1, or
            the dataset not over `dims`.
    """
    check_metric(function, dataset, metric)
    check_confidence(function, "confidence", confidence)
    data = over(function, "dataset", dataset[[metric]], dims, free="trial")
    if "trial" not in data.dims:
        return data.rename({metric: "mean"})
    return mean_interval(data, metric, confidence=confidence)


def _names(dims: Sequence[str]) -> str:
    return ", ".join(f"`{dim}`" for dim in dims) or "nothing"
