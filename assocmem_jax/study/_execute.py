"""A study from beginning to end: chunks kept, chunks to compute, the dataset."""

import contextlib
import functools
import platform
import random
import time
from collections.abc import Sequence
from typing import Any

import jax

from .._base.checks import check_count
from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.labels import Dataset
from .._spec.spec import Spec
from ._executors import HandedOut
from ._ledger import Ledger
from ._load import chunks_of
from ._plan import Chunk, check_results, chunks as planned_chunks, trial_work
from ._progress import Progress
from ._runner import Runner


# Attributes that say how numbers came about, as against what they are.
_PROVENANCE = ("jax", "python", "device", "devices", "seconds", "compile_seconds")
# Seconds between two looks at what other processes do.
_PAUSE = 0.5


def execute(
    spec: Spec,
    store: Any,
    rows: int,
    progress: bool,
    devices: Sequence[jax.Device] | None,
    memory: int | None,
    executor: Any = None,
    shard: str = "trials",
) -> Dataset:
    """Compute the cells of a study that the store does not hold, and assemble all.

    Args:
        spec: what is measured.
        store: the `Store` that keeps finished chunks, if any.
        rows: pairs that programs are compiled for, at least the largest load.
        progress: show a progress bar.
        devices: where to compute. `None` takes all local devices.
        memory: bytes that may be used on each device. `None` asks the device.
        executor: whose workers compute the chunks, if any.
        shard: what devices share, "trials" or "pairs".
    """
    start = time.perf_counter()
    check_place(devices, memory)
    _check_shard(shard, devices, memory, store, executor)
    check_results(spec, rows)
    with contextlib.closing(Ledger(spec, store)) as ledger:
        before = set(ledger.names)
        todo = planned_chunks(spec, rows, ledger.missing)
        with Progress(progress, _work(spec, ledger, todo)) as bar:
            if executor is None:
                devices = list(jax.local_devices() if devices is None else devices)
                source = Runner(spec, rows, devices, memory, bar.say, shard)
            else:
                source = HandedOut(executor, spec, rows, memory, bar.say)
            try:
                while todo:
                    _compute(ledger, source, todo, bar)
                    todo = planned_chunks(spec, rows, ledger.missing)
            except BaseException as error:
                if executor is None and not isinstance(error, KeyboardInterrupt):
                    raise
                kept = "Nothing is kept without `sweep(store=...)`."
                if store is not None:
                    kept = f"{len(ledger.seen)} of {len(ledger.seen) + bar.left} "
                    kept += f"chunks are kept in {store.path}; "
                    kept += "the same call goes on from there."
                error.add_note(f"Stopped. {kept}")
                raise
    # Not at the top: xarray is loaded while the first program compiles.
    from ._dataset import assemble

    dataset = assemble(ledger.cells).assign_attrs(
        jax=jax.__version__,
        python=platform.python_version(),
        seconds=time.perf_counter() - start,
        **source.provenance,
    )
    return dataset if store is None else _kept(dataset, store, ledger, before)


def _work(spec: Spec, ledger: Ledger, todo: list[Chunk]) -> dict[str, tuple]:
    """Work and cells of each chunk, by name."""
    share = 1 / spec.num_levels

    @functools.cache
    def of_trial(rule: str, point: int, d: int, loads: tuple[int, ...]) -> float:
        return trial_work(spec.at(rule, point, d), rule, d, loads)

    return {
        ledger.extent(chunk).name: (
            chunk.count
            * (share * len(chunk.levels))
            * of_trial(chunk.rule, chunk.point, chunk.d, chunk.loads),
            chunk.count * len(chunk.levels) * len(chunk.loads),
        )
        for chunk in todo
    }


def _compute(ledger: Ledger, source: Any, todo: list[Chunk], bar: Progress) -> None:
    """Compute chunks that nobody else computes; where there is none, wait a while."""
    mine = ledger.unclaimed(todo)
    if not mine:
        bar.say("waiting for other processes")
        # Not in step with another process that waits.
        time.sleep(_PAUSE * random.uniform(0.5, 1.5))
    results, last = source.results(mine, ledger.claim), time.perf_counter()
    try:
        for chunk, numbers in results:
            now = time.perf_counter()
            ledger.keep(chunk, *numbers, seconds=now - last)
            bar.add(ledger.seen)
            last = now
    finally:
        # A traceback that is kept would keep it open, and LAPACK limited.
        results.close()
    ledger.read()
    bar.add(ledger.seen)


def _kept(dataset: Dataset, store: Any, ledger: Ledger, before: set[str]) -> Dataset:
    """The result of a call, when the store has the study of all that was asked."""
    from ._dataset import assemble, filled

    settings, asked = store.settings(), ledger.cells.settings
    finished = store.result()
    # What others added in the meantime, they write.
    if finished is not None and ledger.names == before:
        # Where the numbers come from is what it says of the call that made them.
        made = finished.attrs
        return dataset.assign_attrs({x: made[x] for x in _PROVENANCE if x in made})
    names, whole = sorted(ledger.names), dataset
    if settings != asked:
        names = store.names()
        whole = assemble(filled(settings, chunks_of(store.archive, settings, names)))
        whole = whole.assign_attrs({name: dataset.attrs[name] for name in _PROVENANCE})
    store.finish(whole, names)
    return dataset


def check_place(devices: Sequence[jax.Device] | None, memory: int | None) -> None:
    """Raise unless a study can run on these devices, in so much memory.

    Raises:
        TypeError: if `devices` is no list of devices, or `memory` no whole number.
        ValueError: if `devices` is empty, or `memory` below 1.
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


def _check_shard(
    shard: Any,
    devices: Sequence[jax.Device] | None,
    memory: int | None,
    store: Any,
    executor: Any,
) -> None:
    """Raise unless devices can share what they are asked to."""
    if shard not in ("trials", "pairs"):
        complaint = f'must be "trials" or "pairs", got {shard!r}'
        raise ArgumentError("study.run", "shard", complaint)
    if shard == "pairs" and executor is not None:
        raise ArgumentError(
            "study.run",
            ("shard", "executor"),
            "cannot share pairs among workers, which compute chunks by themselves",
            "Pass `devices`, or leave one of them out.",
        )
    here = jax.process_index()
    far = any(device.process_index != here for device in devices or ())
    if far and (shard != "pairs" or memory is None):
        raise ArgumentError(
            "study.run",
            ("devices", "shard", "memory"),
            "must be devices of this process, got some of another one",
            'Those of several processes take `shard="pairs"`, and `memory`, so that '
            "all run the same program.",
        )
    if shard == "pairs" and store is not None:
        raise ArgumentError(
            "study.run",
            ("shard", "store"),
            "cannot keep numbers that depend on how many devices there are",
            "Write the dataset to a file instead.",
        )
