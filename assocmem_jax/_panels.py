"""Whole figures of a study, for the command line: one panel per rule or dimension."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import xarray as xr

from . import plot
from ._names import suggest
from .study import capacity, fit_scaling


def draw(
    dataset: xr.Dataset,
    kind: str,
    metric: str,
    threshold: float,
    rules: Sequence[str],
    select: Mapping[str, float],
    out: Path,
) -> None:
    """Draw a figure of some kind and write it to a file."""
    dataset = _chosen(dataset, rules, select)
    names = [str(name) for name in dataset["rule"].values]
    with plot.style():
        if kind in ("heatmap", "collapse"):
            panels = {name: dataset.sel(rule=name) for name in names}
        elif kind == "curves" and len(names) > 1:
            panels = {f"d = {d}": dataset.sel(d=d) for d in dataset["d"].values}
        else:
            panels = {names[0] if kind == "curves" else "": dataset}
        columns = min(len(panels), 3)
        lines = -(-len(panels) // columns)
        size = (5.2 * columns if columns == 1 else 4.2 * columns, 3.3 * lines)
        figure, axes = plt.subplots(
            lines, columns, figsize=size, layout="constrained", squeeze=False
        )
        for ax, (title, data) in zip(axes.flat, panels.items(), strict=False):
            _panel(ax, data, kind, metric, threshold, names)
            if title:
                ax.set_title(title)
        for ax in axes.flat[len(panels) :]:
            ax.set_axis_off()
        figure.savefig(out)
        plt.close(figure)


def _chosen(
    dataset: xr.Dataset, rules: Sequence[str], select: Mapping[str, float]
) -> xr.Dataset:
    for name in rules:
        if name not in dataset["rule"].values:
            known = [str(x) for x in dataset["rule"].values]
            raise ValueError(
                f"`assocmem plot --rules` has {name!r}, which the study has not."
                f"{suggest(name, known)}"
            )
    for axis in select:
        if axis not in dataset.dims:
            raise ValueError(
                f"`assocmem plot --select` has {axis!r}, which is no axis of the study."
                f"{suggest(axis, [str(x) for x in dataset.dims])}"
            )
    if rules:
        dataset = dataset.sel(rule=list(rules))
    return dataset.sel(dict(select), method="nearest") if select else dataset


def _panel(ax: Any, data: xr.Dataset, kind: str, metric: str, threshold, names) -> None:
    if kind == "curves":
        plot.curves(data, metric, hue="d" if "d" in data.dims else "rule", ax=ax)
    elif kind == "heatmap":
        found = None
        if data.sizes.get("trial", 1) > 1:
            found = capacity(data, metric, threshold)
        plot.heatmap(data, metric, capacity=found, ax=ax)
    elif kind == "collapse":
        plot.collapse(data, metric, ax=ax)
    elif kind == "capacity":
        found = capacity(data, metric, threshold)
        enough = (found["censored"] == "no").sum("d").max() >= 3
        plot.capacity(found, fit=fit_scaling(found) if enough else None, ax=ax)
    else:
        if len(names) != 2:
            raise ValueError(
                f"`assocmem plot --kind difference` needs two rules, got {len(names)}. "
                "Choose them with `--rules`."
            )
        plot.difference(data, metric, rules=(names[0], names[1]), ax=ax)
