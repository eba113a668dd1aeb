"""Common to the figures: style, axes, and the data they draw."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from .._base.errors import ArgumentError, ArgumentTypeError, called_as
from .._base.suggest import suggest
from .._statistics.intervals import check_confidence, mean_interval


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
    # Where a legend must stand on lines, it can be read, and so can they.
    "legend.edgecolor": "none",
    "legend.fontsize": 8,
    "lines.linewidth": 1.4,
    "lines.markersize": 3.5,
    "figure.dpi": 120,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 200,
    # Journals refuse the Type 3 fonts that are the default.
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.hashsalt": "assocmem_jax",
}
# Kinds of NumPy's types that have a mean.
_REAL = "biuf"


def style() -> AbstractContextManager:
    """The look of this library's figures, for use in a `with` statement.

    Figures made in the block are laid out so that nothing is cut. Save them in the
    block, too: fonts are embedded as TrueType, which journals ask for.

    Example:
        >>> import assocmem_jax as am
        >>> import matplotlib.pyplot as plt
        >>> with am.plot.style():
        ...     figure, ax = plt.subplots()
    """
    return mpl.rc_context(_STYLE)


def axes_or_new(function: str, ax: Axes | None) -> Axes:
    """The axes, or those of a new figure."""
    if ax is None:
        return plt.figure(layout="constrained").add_subplot()
    if isinstance(ax, Axes):
        return ax
    complaint = f"must be axes of matplotlib, got a `{type(ax).__name__}`"
    raise ArgumentTypeError(function, "ax", complaint, "Pass one of `figure.axes`.")


def reach(ax: Axes, x: np.ndarray) -> None:
    """Let the logarithmic axes reach around all of `x`, also where nothing is known.

    An axis on which nothing is positive could not be drawn.
    """
    ax.update_datalim(np.column_stack([x, np.zeros(len(x))]), updatey=False)
    if ax.get_yscale() == "log" and not np.isfinite(ax.dataLim.minposy):
        ax.update_datalim([(x[0], 1.0)], updatex=False)


def check_dataset(
    function: str, argument: str, dataset: xr.Dataset, source: str = "sweep"
) -> None:
    """Raise unless a dataset was passed."""
    if not isinstance(dataset, xr.Dataset):
        complaint = f"must be a dataset, got a `{type(dataset).__name__}`"
        advice = f"Pass what `{source}` returned."
        raise ArgumentTypeError(function, argument, complaint, advice)


def check_metric(function: str, dataset: xr.Dataset, metric: str) -> None:
    """Raise unless `metric` is one of a dataset."""
    check_dataset(function, "dataset", dataset)
    known = [
        str(name)
        for name, x in dataset.data_vars.items()
        if not str(name).endswith("_std") and x.dtype.kind in _REAL
    ]
    if metric not in known:
        complaint = f"must be a metric of the dataset, got {metric!r}"
        raise ArgumentError(function, "metric", complaint, suggest(str(metric), known))


def take(
    function: str,
    argument: str,
    dataset: xr.Dataset,
    names: Sequence[str],
    source: str,
) -> xr.Dataset:
    """Some variables of a dataset that `source` returned; raise if one is absent."""
    check_dataset(function, argument, dataset, source)
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
        ValueError: if other dimensions have several entries, one is missing or empty,
            or a number of pairs or dimensions is not positive.
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
    for name in dims:
        _check_entries(function, argument, data[name], positive=name in ("n", "d"))
    numbers = [k for k in dims if np.issubdtype(data[k].dtype, np.number)]
    return data.sortby(numbers).transpose(*dims, ...)


def _check_entries(function, argument, entries: xr.DataArray, positive: bool) -> None:
    """Raise unless there are entries, and a logarithmic axis can show them."""
    name, advice = entries.name, "Select entries that a study can have."
    if entries.size == 0:
        complaint = f"has no entry along `{name}`"
        raise ArgumentError(function, argument, complaint, "Select at least one.")
    if positive and entries.dtype.kind not in "iuf":
        complaint = f"must have numbers along `{name}`, got {entries.values[0]!r}"
        raise ArgumentError(function, argument, complaint, advice)
    shown = (entries.values > 0) & np.isfinite(entries.values) if positive else [True]
    if not np.all(shown):
        first = entries.values[~np.asarray(shown)][0]
        complaint = f"must be positive and finite along `{name}`, got {first}"
        raise ArgumentError(function, argument, complaint, advice)


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
        `mean`, and where there are several trials, `low` and `high`, with the
        attributes of the dataset.

    Raises:
        ValueError: if the metric is unknown, the confidence not between 0 and 1, or
            the dataset not over `dims`.
    """
    check_metric(function, dataset, metric)
    check_confidence(function, "confidence", confidence)
    data = over(function, "dataset", dataset[[metric]], dims, free="trial")
    if "trial" not in data.dims:
        return data.rename({metric: "mean"})
    with called_as(function, {"ds": "dataset"}, instead_of=("mean_interval",)):
        means = mean_interval(data, metric, confidence=confidence)
    return means.assign_attrs(dataset.attrs)


def _names(dims: Sequence[str]) -> str:
    return ", ".join(f"`{dim}`" for dim in dims) or "nothing"
