"""Chunks of a study as datasets, and the study put together from its cells."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from .._spec.axes import AXES, corruptions
from .._spec.levels import labels
from ..metrics._table import METRICS
from ._cells import Cells
from ._extent import Extent
from ._questions import num_asked
from ._settings import Settings, as_text, axes_of, facts_of
from ._state import state_array


def chunk_dataset(
    extent: Extent,
    mean: np.ndarray,
    std: np.ndarray,
    scores: tuple[str, ...],
    **attrs: Any,
) -> xr.Dataset:
    """Labeled numbers of one chunk, `[trials, levels, loads, scores]`.

    The attribute `extent` says of which cells, their levels included.
    """
    dims = ("trial", "level", "n", "score")
    return xr.Dataset(
        {"mean": (dims, mean), "std": (dims, std)},
        {
            "trial": np.arange(extent.first, extent.first + extent.count),
            "n": np.array(extent.loads),
            "score": list(scores),
        },
        {"extent": json.dumps(extent.described()), **attrs},
    )


def numbers_of(
    chunk: xr.Dataset, scores: tuple[str, ...]
) -> tuple[Extent, np.ndarray, np.ndarray]:
    """The cells of a chunk, and mean and deviation of some scores in them.

    Raises:
        ValueError: if it is no chunk of a study with these scores.
    """
    try:
        extent = Extent.of(json.loads(chunk.attrs["extent"]))
        known = chunk["score"].values.tolist()
        chosen = [known.index(score) for score in scores]
        mean, std = (chunk[kind].values[..., chosen] for kind in ("mean", "std"))
        cells = extent.count, len(extent.combinations), len(extent.loads)
        if mean.shape[:3] != cells:
            raise ValueError(f"{mean.shape[:3]} numbers for {cells} cells")
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ValueError(f"it is no chunk of this study ({error})") from error
    return extent, mean, std


def filled(settings: Settings, chunks: Iterable[tuple[str, xr.Dataset]]) -> Cells:
    """The cells of a study, from chunks that have some of them.

    Args:
        settings: of the study, as a store holds them.
        chunks: names and chunks.
    """
    cells = Cells(settings)
    for _, chunk in chunks:
        cells.put(*numbers_of(chunk, cells.scores))
    return cells


def assemble(cells: Cells) -> xr.Dataset:
    """The study: its cells, nan where one lacks, and how many there are."""
    settings, axes = cells.settings, dict(cells.axes)
    is_axis = lambda name: name == "age" or isinstance(settings[name], list)
    levels = {name: of for name, of in cells.levels.items() if is_axis(name)}
    dims = (*axes, *levels, "n")
    # Without the axes of corruptions that are at one level.
    shape = tuple(len(x) for x in (*axes.values(), *levels.values(), cells.loads))
    arrays = {
        kind: {score: array.reshape(shape) for score, array in of.items()}
        for kind, of in cells.numbers.items()
    }
    coords = {**axes, **levels, "n": cells.loads}
    done, size = cells.counts()
    dataset = xr.Dataset(
        _variables(settings, arrays, dims),
        {name: (name, labels(x), _axis(name, x)) for name, x in coords.items()},
        {
            **turns(settings),
            "title": "What associative memories hold",
            "spec": as_text(settings),
            "cells": size,
            "done": done,
        },
    )
    how = {name: settings.get(name) for name in ("asked", "ages", "held_out")}
    if any(how.values()):
        asked = num_asked(cells.loads, **how)
        dims = ("n",) if asked.ndim == 1 else ("age", "n")
        attrs = {"long_name": "number of pairs that are asked", "units": "1"}
        dataset = dataset.assign_coords(asked=(dims, asked, attrs))
    facts = {x: facts_of(settings, x).get("state", {}) for x in settings["rules"]}
    if any(facts.values()):
        attrs = {"long_name": "size of the memory", "units": "byte"}
        sizes = state_array(facts, cells.axes, cells.loads)
        dataset = dataset.assign_coords(state_bytes=(*sizes, attrs))
    points = axes_of(settings)
    return dataset.transpose("rule", "d", "n", *points, *levels, "trial")


def turns(settings: Settings) -> dict[str, str]:
    """The attribute for `capacity`: where rules answer corrupted queries by a valley.

    Empty where none is known, or all queries are as they were stored.
    """
    loads = {x: facts_of(settings, x)["critical_loads"] for x in settings["rules"]}
    loads = {name: sizes for name, sizes in loads.items() if sizes}
    levels = {x: settings[x] for x in corruptions() if x in settings}
    if not loads or not any(np.any(x) for x in levels.values()):
        return {}
    axes = [name for name, level in levels.items() if isinstance(level, list)]
    always = any(level for name, level in levels.items() if name not in axes)
    clean = [] if always else axes
    return {"critical_loads": json.dumps({"loads": loads, "clean": clean})}


def _variables(settings: Settings, arrays: Mapping[str, Any], dims) -> dict[str, Any]:
    variables = {}
    for metric in settings["metrics"]:
        known = METRICS.get(metric)
        noted = settings.get("metric_facts", {}).get(metric, {})
        mean = noted["long_name"] if known is None else known.long_name
        spread = arrays["mean"].get(metric)
        if follows := known and known.follows:
            share = arrays["mean"][follows]
            every = np.where(np.isnan(share), np.nan, share == 1).astype(np.float32)
            variables[metric] = dims, every, {"long_name": mean, "units": "1"}
            continue
        std = f"standard deviation over the stored pairs of the {mean}"
        attrs = {"long_name": mean, "units": "1", **noted}
        variables[metric] = dims, spread, attrs
        variables[f"{metric}_std"] = (
            dims,
            arrays["std"][metric],
            {"long_name": std, "units": "1"},
        )
    return variables


def _axis(name: str, levels: Sequence[Any] | np.ndarray) -> dict[str, str]:
    long_name = f"hyperparameter {name} of the rules"
    described = {"long_name": AXES[name].long_name if name in AXES else long_name}
    numbers = labels(levels).dtype.kind in "iuf"
    return {**described, "units": "1"} if numbers else described
