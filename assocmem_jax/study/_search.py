"""The capacity of rules, searched for without a grid of loads."""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

import jax
import numpy as np
import xarray as xr

from .._base.checks import check_size
from .._base.errors import ArgumentError, called_as
from .._core.rule import AbstractRule
from .._spec.levels import Level
from .._spec.spec import Spec, spec_of
from .._statistics.capacity import capacity
from .._statistics.intervals import check_confidence
from ..metrics._own import OwnMetric, attributes_of, rows_of
from ..patterns import AbstractEnsemble, Gaussian, Samples
from ._bracket import as_study, search
from ._dataset import turns
from ._execute import check_place, execute
from ._measurable import check_measurable
from ._plan import chunks, default_budget, kernel_shape, search_rows
from ._progress import kind_of_bar
from ._settings import store_settings


def search_capacity(
    rules: Mapping[str, AbstractRule],
    *,
    d: Sequence[int] | np.ndarray,
    threshold: float,
    metric: str | OwnMetric | Callable = "cosine",
    trials: int = 16,
    start: int = 4,
    limit: int = 2**15,
    tolerance: float = 0.05,
    confidence: float = 0.95,
    v: int | None = None,
    ensemble: AbstractEnsemble = Gaussian(),
    values: AbstractEnsemble | str | None = None,
    query_noise: Level = 0.0,
    mask_fraction: Level = 0.0,
    flip_probability: Level = 0.0,
    success_cosine: float = 0.9,
    asked: int | None = None,
    seed: int | np.integer = 0,
    progress: bool = False,
    devices: Sequence[jax.Device] | None = None,
    memory: int | None = None,
) -> xr.Dataset:
    """Find the load at which each rule first fails, without a grid.

    A curve may recover after it fails, as that of the pseudoinverse of noisy queries
    does beyond n = d. So the first crossing is looked for from small loads on: the load
    grows by a quarter until the metric fails, and stops at loads at which the rule is
    known to have a valley (`AbstractRule.critical_loads`). Two loads up to an octave
    beyond tell chance from a fall, and the bracket is narrowed. What is not seen: a
    valley below `start`, and one narrower than a quarter of its load that no rule
    declares. Where the curve recovers at a load that was looked at, `passes_again` says
    so. A dimension compiles a program for each factor of 16 in the load, and none to
    narrow.

    Args:
        rules: the retrieval rules, by name.
        d: dimensions of the keys, ascending.
        threshold: where the metric stops to pass.
        metric: what is measured, as in `sweep`.
        trials: independent draws of every cell, at least 2.
        start: the load to begin with. If it passes, smaller ones are taken to pass.
        limit: the largest load to try, at most as many as `Samples` hold. What it does
            not reach is censored.
        tolerance: how far apart the last load that passes and the first that fails may
            be in the end, relative to the former.
        confidence: of the intervals.
        v: dimension of the values, as in `sweep`.
        ensemble: how keys are drawn.
        values: how values are drawn, as in `sweep`.
        query_noise: standard deviation of the noise added to a query; it may depend on
            d, as in `sweep`.
        mask_fraction: share of a query's coordinates set to zero.
        flip_probability: share of a query's coordinates that change their sign.
        success_cosine: the cosine above which an answer counts as a success.
        asked: how many of the stored pairs are asked, at most, as in `sweep`.
        seed: of the random numbers.
        progress: show a progress bar on stderr, if that is a terminal.
        devices: where to compute. `None` takes all local devices.
        memory: bytes that may be used on each device, as in `sweep`.

    Returns:
        What `capacity` returns, over `rule` and `d`.

    Raises:
        TypeError: if an argument is of the wrong kind.
        ValueError: if an argument is out of range, or there are fewer than 2 trials.
    """
    check_size("search_capacity", "trials", trials)
    if trials < 2:
        complaint = f"must be at least 2, got {trials}"
        advice = "An interval needs several."
        raise ArgumentError("search_capacity", "trials", complaint, advice)
    check_confidence("search_capacity", "confidence", confidence)
    with _handed_on({"n": "start", "metrics": "metric"}):
        spec = spec_of(
            rules,
            d=d,
            n=[start],
            trials=trials,
            v=v,
            ensemble=ensemble,
            values=values,
            query_noise=query_noise,
            mask_fraction=mask_fraction,
            flip_probability=flip_probability,
            metrics=[metric],
            success_cosine=success_cosine,
            asked=asked,
            seed=seed,
        )
        check_measurable(spec)
    ((metric, row),) = rows_of(spec.metrics).items()
    for name, levels in {**spec.axes, **spec.corruption_axes}.items():
        one_of = "ensemble" if name == "ensemble" else "number"
        complaint = f"must be one {one_of}, got {list(levels)}"
        advice = "Search at each level by itself."
        raise ArgumentError("search_capacity", name, complaint, advice)
    check_size("search_capacity", "limit", limit)
    limit = min([limit, *_sizes(spec)])
    cells = [(name, int(size)) for name in spec.rules for size in spec.d]

    def one(name: str, size: int, n: int) -> Spec:
        return dataclasses.replace(spec, rules={name: rules[name]}, d=[size], n=[n])

    with _handed_on({"n": "limit", "metrics": "metric"}):
        check_place(devices, memory)
        for name, size in cells:
            _check_memory(one(name, size, limit), devices, memory)

    def found(name: str, size: int) -> xr.Dataset:
        def evaluate(n: int) -> np.ndarray:
            rows = search_rows(n, size)
            with _handed_on({"n": "limit", "metrics": "metric"}):
                data = execute(one(name, size, n), None, rows, False, devices, memory)
            return data[metric].values.ravel()

        scores = search(
            evaluate,
            start=start,
            limit=limit,
            threshold=threshold,
            metric=metric,
            row=row,
            tolerance=tolerance,
            critical=rules[name].critical_loads(size) if spec.corrupted else (),
            asked=spec.asked,
        )
        study = as_study(scores, metric, spec.asked).expand_dims(rule=[name], d=[size])
        study = study.assign_attrs(turns(store_settings(one(name, size, start))))
        study[metric].attrs.update(attributes_of(metric, row))
        return capacity(study, metric, threshold, confidence=confidence)

    bar, quiet = kind_of_bar(progress)
    try:
        parts = {
            cell: found(*cell)
            for cell in bar(cells, desc="search_capacity", disable=quiet)
        }
    except KeyboardInterrupt as stop:
        stop.__notes__ = ["Stopped. A search keeps nothing."]
        raise
    by_rule = [
        xr.concat([parts[name, int(size)] for size in spec.d], "d")
        for name in spec.rules
    ]
    attrs = {**next(iter(parts.values())).attrs, "spec": json.dumps(spec.describe())}
    return xr.concat(by_rule, "rule").assign_attrs(attrs)


def _handed_on(names: Mapping[str, str]) -> AbstractContextManager:
    """Say of arguments of `Spec` and `run` which ones of `search_capacity` they are."""
    return called_as("search_capacity", names, instead_of=("Spec", "study.run"))


def _check_memory(spec: Spec, devices: Sequence[jax.Device] | None, memory: int | None):
    """Raise unless the largest load of a search fits."""
    devices = list(devices or jax.local_devices())
    budget = default_budget(devices) if memory is None else memory
    rows = search_rows(spec.num_pairs[0], spec.d[0])
    on_cpu = devices[0].platform == "cpu"
    (chunk, *_) = chunks(spec, rows)
    kernel_shape(spec, chunk, rows, budget, on_cpu, len(devices))


def _sizes(spec: Spec) -> list[int]:
    """Numbers of pairs, where they are not drawn without end."""
    drawn = (spec.ensemble, spec.values)
    return [len(samples.keys) for samples in drawn if isinstance(samples, Samples)]
