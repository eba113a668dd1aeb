"""A study from beginning to end: chunks kept, chunks to compute, the dataset."""

import functools
import hashlib
import json
import platform
import time
from collections.abc import Sequence
from typing import Any

import jax

from .._base.checks import check_count
from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.labels import Dataset
from .._spec.spec import Spec
from ._plan import Chunk, check_results, chunks as planned_chunks, trial_work
from ._progress import Progress
from ._runner import Runner


def execute(
    spec: Spec,
    store: Any,
    rows: int,
    progress: bool,
    devices: Sequence[jax.Device] | None,
    memory: int | None,
) -> Dataset:
    """Compute the chunks of a study that the store does not hold, and assemble all.

    Args:
        spec: what is measured.
        store: the `Store` that keeps finished chunks, if any.
        rows: pairs that programs are compiled for, at least the largest load.
        progress: show a progress bar.
        devices: where to compute. `None` takes all local devices.
        memory: bytes that may be used on each device. `None` asks the device.
    """
    start = time.perf_counter()
    check_place(devices, memory)
    check_results(spec, rows)
    devices = list(jax.local_devices() if devices is None else devices)
    chunks = planned_chunks(spec, rows)
    names = {chunk: _name(spec, chunk) for chunk in chunks}
    done: dict[Chunk, Dataset] = {}
    if store is not None:
        kept = {chunk: store.load(names[chunk]) for chunk in chunks}
        done = {chunk: data for chunk, data in kept.items() if data is not None}
    todo = [chunk for chunk in chunks if chunk not in done]
    cells = {
        chunk: chunk.count * spec.num_levels * len(spec.loads_at(chunk.d))
        for chunk in todo
    }
    work_at = functools.cache(lambda *place: _trial_work(spec, *place))
    work = {
        chunk: chunk.count * work_at(chunk.rule, chunk.point, chunk.d) for chunk in todo
    }
    with Progress(progress, sum(work.values()), sum(cells.values())) as bar:
        runner = Runner(spec, rows, devices, memory, bar.say)
        results = runner.results(todo)
        try:
            for chunk, scores in results:
                # Not at the top: xarray is loaded while the first program compiles.
                from ._dataset import chunk_dataset

                data = chunk_dataset(spec, chunk, *scores)
                if store is not None:
                    store.save(names[chunk], data)
                done[chunk] = data
                bar.add(work[chunk], cells[chunk])
        except KeyboardInterrupt as error:
            kept = "Nothing is kept without `sweep(store=...)`."
            if store is not None:
                kept = (
                    f"{len(done)} of {len(chunks)} chunks are kept in {store.path}; "
                    "the same call goes on from there."
                )
            error.add_note(f"Stopped. {kept}")
            raise
        finally:
            # A traceback that is kept would keep it open, and LAPACK limited.
            results.close()
    from ._dataset import assemble, turns

    dataset = assemble(spec, done).assign_attrs(
        turns(spec),
        title="What associative memories hold",
        spec=json.dumps(spec.describe()),
        jax=jax.__version__,
        python=platform.python_version(),
        device=devices[0].device_kind,
        devices=len(devices),
        seconds=time.perf_counter() - start,
        compile_seconds=runner.compile_seconds,
    )
    if store is not None:
        finished = None if todo else store.result()
        if finished is not None:
            # Where the numbers come from is what it says of the call that made them.
            return dataset.assign_attrs(finished.attrs)
        store.finish(dataset)
    return dataset


def check_place(devices: Sequence[jax.Device] | None, memory: int | None) -> None:
    """Raise unless a study can run on these devices, in so much memory.

    Raises:
        TypeError: if `devices` is no list of devices.
        ValueError: if it is empty, or `memory` is no number of bytes.
    """
    if isinstance(devices, str | jax.Device):
        complaint = f"must be a list of devices, got {devices!r}"
        advice = "Pass some of `jax.devices()`."
        raise ArgumentTypeError("study.run", "devices", complaint, advice)
    if devices is not None and len(devices) == 0:
        complaint = f"must not be empty, got {devices!r}"
        advice = "Leave it out for all local devices."
        raise ArgumentError("study.run", "devices", complaint, advice)
    if memory is not None:
        check_count("study.run", "memory", memory, 1)


def _trial_work(spec: Spec, rule: str, point: int, d: int) -> float:
    return trial_work(spec.at(rule, point, d), rule, d, spec.loads_at(d))


def _name(spec: Spec, chunk: Chunk) -> str:
    """The name of a chunk's file: the same whatever else is planned, in any order."""
    point = sorted(spec.point(chunk.rule, chunk.point).items())
    rule = hashlib.sha256(json.dumps([chunk.rule, point]).encode()).hexdigest()
    return f"d{chunk.d}-{rule[:16]}-trials{chunk.first}-{chunk.first + chunk.count}"
