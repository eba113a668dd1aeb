"""Whole figures of a study, for the command line: one panel per rule or dimension."""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

from .. import plot
from .._base.suggest import suggest
from .._spec.levels import as_levels
from .._statistics.capacity import capacity
from .._statistics.scaling import fit_scaling
from ..metrics._table import METRICS
from ..plot._labels import label_of, readable


def _floor(metric: str) -> float | None:
    """The lower edge of the axis of a metric that is logarithmic, else `None`."""
    return METRICS[metric].floor if metric in METRICS else None


def chosen(
    dataset: xr.Dataset, rules: Sequence[str], select: Mapping[str, float | int | str]
) -> xr.Dataset:
    """The part of a study that is to be drawn, with one entry of every further axis.

    Raises:
        ValueError: if a rule, an axis or an entry is not there, or an axis is left.
    """
    known = [str(x) for x in dataset["rule"].values]
    for name in rules:
        if name not in known:
            raise ValueError(
                f"`--rules {name}` is not in the study.{suggest(name, known)}"
            )
    if rules:
        dataset = dataset.sel(rule=list(rules))
    further = [str(x) for x in dataset.dims if x not in ("rule", "d", "n", "trial")]
    for axis, level in select.items():
        if axis not in ("d", *further):
            raise ValueError(
                f"`--select {axis}={_shown(level)}` names no axis to choose from."
                f"{suggest(axis, ['d', *further])}"
            )
        near = _near(dataset[axis].values, level)
        if not near.any():
            raise ValueError(
                f"`--select {axis}={_shown(level)}` is not in the study. Choose from "
                f"{_listed(dataset[axis])}."
            )
        dataset = dataset.isel({axis: np.flatnonzero(near)[:1]})
    for axis in further:
        if dataset.sizes[axis] > 1:
            raise ValueError(
                f"A figure shows one entry of `{axis}`, and the study has "
                f"{_listed(dataset[axis])}. Choose by `--select "
                f"{axis}={_shown(dataset[axis].values[0])}`."
            )
    return dataset


def _listed(axis: xr.DataArray) -> str:
    return ", ".join(map(_shown, axis.values))


def _shown(level: Any) -> str:
    return str(level) if isinstance(level, str) else f"{level:g}"


def _near(levels: np.ndarray, level: float | int | str) -> np.ndarray:
    """Where an axis has a level; as text, where its levels are."""
    if levels.dtype.kind in "iuf" and not isinstance(level, str):
        return np.isclose(levels, level)
    # Of numbers and powers of d among texts, any way of writing them.
    texts = [str(level)]
    with contextlib.suppress(ValueError):
        texts += map(str, as_levels("select", level, ()))
    return np.isin(levels.astype(str), texts)


def draw(
    dataset: xr.Dataset, kind: str, metric: str, threshold: float, out: Path
) -> None:
    """Draw a figure of a kind and write it to a file."""
    names = [str(name) for name in dataset["rule"].values]
    if kind == "difference" and len(names) != 2:
        raise ValueError(
            f"`--kind difference` needs two rules, got {len(names)}. Choose them with "
            f"`--rules`: {', '.join(names)}."
        )
    floor = _floor(metric)
    panels = _panels_of(dataset, kind, metric, threshold, names)
    columns = {1: 1, 2: 2, 4: 2}.get(len(panels), 3)
    lines = -(-len(panels) // columns)
    width, height = (4.6, 3.3) if len(panels) == 1 else (3.3, 2.7)
    with plot.style():
        figure, axes = plt.subplots(
            lines,
            columns,
            # The legend, or the color bar, stands to the right.
            figsize=(
                width * columns + (2 if kind == "capacity" else 1.3),
                height * lines,
            ),
            layout="constrained",
            squeeze=False,
            sharex=True,
            sharey=kind in ("curves", "heatmap") or floor is None,
        )
        try:
            for ax, (title, data) in zip(axes.flat, panels.items(), strict=False):
                _panel(ax, data, kind, metric, threshold, names)
                ax.set_title(title)
            if kind == "curves" and floor is not None:
                axes.flat[0].set_ylim(floor)
            _tidy(axes, len(panels))
            comparable = kind == "heatmap" and floor is None
            label = label_of(dataset, metric) if comparable else None
            _share(figure, axes.flat[: len(panels)], label)
            _entitle(figure, dataset)
            figure.savefig(out)
        finally:
            plt.close(figure)


def _panels_of(dataset: xr.Dataset, kind, metric, threshold, names) -> dict:
    """The data of each panel, by its title."""
    if kind in ("heatmap", "collapse"):
        return {readable(name): dataset.sel(rule=name) for name in names}
    if kind == "curves" and len(names) > 1:
        return {f"$d = {d}$": dataset.sel(d=d) for d in dataset["d"].values}
    if kind == "capacity":
        return {f"{metric} at {threshold:g}": dataset}
    if kind == "difference":
        return {" $-$ ".join(map(readable, names)): dataset}
    return {readable(names[0]): dataset}


def _panel(ax: Any, data: xr.Dataset, kind: str, metric: str, threshold, names) -> None:
    if kind == "curves":
        hue, floor = "d" if "d" in data.dims else "rule", _floor(metric)
        if floor is None:
            plot.curves(data, metric, hue=hue, ax=ax)
            return
        # No band: its lower end may be negative.
        raised = data.assign({metric: data[metric].clip(floor)})
        plot.curves(raised, metric, hue=hue, ax=ax, band=False, clip_on=False)
        ax.set_yscale("log")
    elif kind == "heatmap":
        found = None
        if data.sizes.get("trial", 1) > 1:
            found = capacity(data, metric, threshold)
        plot.heatmap(
            data, metric, capacity=found, ax=ax, colorbar=_floor(metric) is not None
        )
    elif kind == "collapse":
        plot.collapse(data, metric, ax=ax)
    elif kind == "capacity":
        found = capacity(data, metric, threshold)
        enough = (found["censored"] == "no").sum("d").max() >= 3
        plot.capacity(found, fit=fit_scaling(found) if enough else None, ax=ax)
    else:
        plot.difference(data, metric, rules=(names[0], names[1]), ax=ax)


def _tidy(axes: np.ndarray, count: int) -> None:
    """Label the outer panels alone, also above places that are left free."""
    for i, ax in enumerate(axes.flat):
        if i >= count:
            ax.set_axis_off()
            continue
        if i + axes.shape[1] < count:
            ax.set_xlabel("")
        else:
            ax.tick_params(labelbottom=True)
        if i % axes.shape[1]:
            ax.set_ylabel("")


def _share(figure: Any, axes: np.ndarray, label: str | None) -> None:
    """One legend for all panels, or one color bar, if it has a label."""
    legends = [legend for ax in axes if (legend := ax.get_legend()) is not None]
    if legends:
        # What one panel says of its lines, another may not.
        entries = {
            text.get_text(): handle
            for legend in legends
            for text, handle in zip(
                legend.get_texts(), legend.legend_handles, strict=True
            )
        }
        figure.legend(
            handles=list(entries.values()),
            labels=list(entries),
            title=legends[0].get_title().get_text() or None,
            loc="outside right upper",
        )
        for legend in legends:
            legend.remove()
    if label is not None:
        figure.colorbar(axes[0].collections[0], ax=list(axes), label=label)


def _entitle(figure: Any, dataset: xr.Dataset) -> None:
    """Say what was selected."""
    shown = [
        f"{axis} = {readable(_shown(dataset[axis].values[0]))}"
        for axis in dataset.dims
        if axis not in ("rule", "d", "n", "trial")
    ]
    if shown:
        figure.suptitle(", ".join(shown), fontsize=10)
