"""Chunks of a study as datasets, and the study put together from them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from .._base.text import to_text
from .._spec.axes import AXES
from .._spec.levels import labels
from .._spec.spec import Spec
from ..metrics._own import attributes_of, rows_of
from ._plan import Chunk


def chunk_dataset(
    spec: Spec, chunk: Chunk, mean: np.ndarray, std: np.ndarray, scores: tuple[str, ...]
) -> xr.Dataset:
    """Labeled numbers of one chunk, `[trials, levels, loads, scores]`."""
    dims = ("trial", "level", "n", "score")
    return xr.Dataset(
        {"mean": (dims, mean), "std": (dims, std)},
        {
            "trial": np.arange(chunk.first, chunk.first + chunk.count),
            "n": np.array(spec.loads_at(chunk.d)),
            "score": list(scores),
        },
        {
            "rule": chunk.rule,
            "call": to_text(spec.rules[chunk.rule]),
            "vary": json.dumps(spec.point(chunk.rule, chunk.point)),
            "d": chunk.d,
        },
    )


def assemble(spec: Spec, done: Mapping[Chunk, xr.Dataset]) -> xr.Dataset:
    """The study, from all of its chunks."""
    vary, corruption, n = spec.axes, spec.corruption_axes, spec.num_pairs
    trials = np.arange(spec.trials)
    axes = {"rule": tuple(spec.rules), "d": spec.d, **vary, "trial": trials}
    levels = tuple(len(x) for x in corruption.values())
    shape = tuple(len(x) for x in axes.values()) + (*levels, len(n))
    scores = next(iter(done.values()))["score"].values.tolist()
    arrays = {
        kind: {score: np.full(shape, np.nan, np.float32) for score in scores}
        for kind in ("mean", "std")
    }
    for chunk, data in done.items():
        point = spec.point(chunk.rule, chunk.point)
        place = (
            axes["rule"].index(chunk.rule),
            spec.d.index(chunk.d),
            # An axis that does not tell for a rule has the same numbers all along.
            *(vary[x].index(point[x]) if x in point else slice(None) for x in vary),
            slice(chunk.first, chunk.first + chunk.count),
        )
        loads = np.searchsorted(n, data["n"].values)
        for kind, of in arrays.items():
            for i, score in enumerate(scores):
                numbers = data[kind].values[..., i]
                numbers = numbers.reshape(len(numbers), *levels, len(loads))
                of[score][place][..., loads] = numbers
    dims = ("rule", "d", *vary, "trial", *corruption, "n")
    coords = {**axes, **corruption, "n": n}
    dataset = xr.Dataset(
        _variables(spec, arrays, dims),
        {name: (name, labels(x), _axis(name, x)) for name, x in coords.items()},
    )
    if spec.asked is not None:
        attrs = {"long_name": "number of pairs that are asked", "units": "1"}
        asked = "n", np.minimum(spec.num_pairs, spec.asked), attrs
        dataset = dataset.assign_coords(asked=asked)
    return dataset.transpose("rule", "d", "n", *vary, *corruption, "trial")


def turns(spec: Spec) -> dict[str, str]:
    """The attribute for `capacity`: where rules answer corrupted queries by a valley.

    Empty where none is known, or all queries are as they were stored.
    """
    loads = {
        name: {
            str(d): [int(n) for n in rule.critical_loads(d)]
            for d in spec.d
            if rule.critical_loads(d)
        }
        for name, rule in spec.rules.items()
    }
    loads = {name: sizes for name, sizes in loads.items() if sizes}
    if not spec.corrupted or not loads:
        return {}
    axes = spec.corruption_axes
    always = any(level for name, level in spec.levels.items() if name not in axes)
    clean = [] if always else list(axes)
    return {"critical_loads": json.dumps({"loads": loads, "clean": clean})}


def _variables(spec: Spec, arrays: Mapping[str, Any], dims) -> dict[str, Any]:
    variables = {}
    for metric, row in rows_of(spec.metrics).items():
        mean, spread = row.long_name, arrays["mean"].get(metric)
        if follows := row.follows:
            share = arrays["mean"][follows]
            every = np.where(np.isnan(share), np.nan, share == 1).astype(np.float32)
            variables[metric] = dims, every, {"long_name": mean, "units": "1"}
            continue
        std = f"standard deviation over the stored pairs of the {mean}"
        further = attributes_of(metric, row)
        variables[metric] = dims, spread, {"long_name": mean, "units": "1", **further}
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
