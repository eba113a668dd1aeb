"""Figures of a study. Every function draws into `ax` and returns it."""

from contextlib import AbstractContextManager
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes


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
_LABELS = {
    "cosine": "mean cosine similarity",
    "distance": "mean Euclidean distance",
}


def style() -> AbstractContextManager:
    """The look of this library's figures, for use in a `with` statement."""
    return mpl.rc_context(_STYLE)


def curves(
    dataset: xr.Dataset, metric: str, *, hue: str, ax: Axes | None = None, **line: Any
) -> Axes:
    """Draw a metric against the number of stored pairs, one line per entry of `hue`.

    Args:
        dataset: what `study.sweep` returned, with no dimension left but `n` and `hue`.
        metric: a variable of the dataset, such as "cosine".
        hue: the dimension that the lines differ in. Lines of `d` take ordered colors.
        ax: where to draw. `None` makes new axes.
        line: passed on to `matplotlib.axes.Axes.plot`.

    Returns:
        The axes.

    Raises:
        ValueError: if the dataset has not just the dimensions `n` and `hue`.
    """
    data = dataset[metric]
    if set(data.dims) != {"n", hue}:
        raise ValueError(
            f"`curves(dataset=..., hue={hue!r})` draws over `n` and `{hue}`, got a "
            f"dataset over {', '.join(f'`{dim}`' for dim in data.dims)}. Select one "
            "entry of every other dimension."
        )
    ax = plt.figure(layout="constrained").add_subplot() if ax is None else ax
    entries = data[hue].values
    if hue == "rule":
        colors, markers = mpl.color_sequences["petroff10"], "osD^vP*X"
    else:
        markers = "o"
        colors = mpl.colormaps["viridis"](np.linspace(0.92, 0.0, len(entries)))
    for i, entry in enumerate(entries):
        ax.plot(
            data["n"],
            data.sel({hue: entry}).transpose("n"),
            color=colors[i % len(colors)],
            marker=markers[i % len(markers)],
            markeredgewidth=0,
            label=str(entry),
            **line,
        )
    ax.set_xscale("log", base=2)
    ax.set_xlabel("number of stored pairs $n$")
    ax.set_ylabel(_LABELS.get(metric, metric))
    return ax
