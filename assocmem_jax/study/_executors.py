"""Chunks of a study handed to the workers of an executor."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import CancelledError, ProcessPoolExecutor
from typing import Any

import jax
import numpy as np

from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.memory import memory_limit
from .._spec.spec import Spec
from ._keep import keep_programs
from ._plan import Chunk
from ._runner import Claim, Numbers, Runner


# Seconds between two looks at what workers have done: at first, and at most.
_PAUSE = 0.01, 0.25


def compute(
    spec: Spec, rows: int, chunk: Chunk, memory: int | None
) -> tuple[Numbers, dict[str, Any]]:
    """The numbers of one chunk, from all devices of this process, and their provenance.

    What is compiled for it stays for the next chunk.
    """
    runner = Runner(spec, rows, jax.local_devices(), memory, lambda doing: None)
    ((_, (mean, std)),) = runner.results([chunk], lambda chunks: chunks)
    return (np.ascontiguousarray(mean), np.ascontiguousarray(std)), runner.provenance


class HandedOut:
    """Has the chunks of one study computed by the workers of an executor."""

    def __init__(
        self,
        executor: Any,
        spec: Spec,
        rows: int,
        memory: int | None,
        say: Callable[[str], None],
    ):
        """Hand out nothing yet.

        Args:
            executor: something with a method `submit`, as `check_executor` takes it.
            spec: the study.
            rows: pairs that programs are compiled for.
            memory: bytes that may be used on each device of a worker.
            say: told what is going on.
        """
        self._executor, self._say = executor, say
        self._study = spec, rows
        self._memory = memory
        self._made: list[dict[str, Any]] = []

    @property
    def provenance(self) -> dict[str, Any]:
        """How the numbers came about: as `Runner.provenance`, of all workers."""
        kinds = sorted({made["device"] for made in self._made})
        return {
            "device": ", ".join(kinds) or "none",
            "devices": max((made["devices"] for made in self._made), default=0),
            "compile_seconds": sum(made["compile_seconds"] for made in self._made),
        }

    def results(
        self, chunks: list[Chunk], claim: Claim
    ) -> Generator[tuple[Chunk, Numbers], None, None]:
        """Mean and deviation of every chunk that is claimed, as workers finish them.

        Where one fails the others that have begun are waited for; then its error is
        raised.

        Args:
            chunks: those to compute.
            claim: takes those of them that nobody else computes, and says which.
        """
        waiting, failed, pause = [], None, _PAUSE[0]
        try:
            for chunk in claim(chunks):
                submitted = (compute, *self._study, chunk, self._memory)
                waiting.append((chunk, self._executor.submit(*submitted)))
            while waiting:
                self._say(f"{len(waiting)} chunks at workers")
                done = [(chunk, future) for chunk, future in waiting if future.done()]
                waiting = [x for x in waiting if x not in done]
                for chunk, future in done:
                    try:
                        numbers, made = future.result()
                    except CancelledError:
                        continue
                    except Exception as error:
                        if failed is None:
                            failed = error
                            _cancel(waiting)
                        continue
                    self._made.append(made)
                    yield chunk, numbers
                pause = _PAUSE[0] if done else min(2 * pause, _PAUSE[1])
                if waiting and not done:
                    time.sleep(pause)
        finally:
            _cancel(waiting)
        if failed is not None:
            raise failed


def _cancel(waiting: list[tuple[Chunk, Any]]) -> None:
    for _, future in waiting:
        future.cancel()


def check_executor(executor: Any, devices: Any) -> None:
    """Raise unless it can compute chunks.

    Raises:
        TypeError: if it is no executor.
        ValueError: if its processes begin as copies of this one, or devices are given.
    """
    is_one = callable(getattr(executor, "submit", None))
    if not is_one or isinstance(executor, type):
        raise ArgumentTypeError(
            "study.run",
            "executor",
            f"must have a method `submit`, got {executor!r}",
            "Pass an executor such as `ProcessPoolExecutor(mp_context=...)`, or a "
            "`dask.distributed.Client`.",
        )
    context = getattr(executor, "_mp_context", None)
    if context is not None and context.get_start_method() == "fork":
        raise ArgumentError(
            "study.run",
            "executor",
            "must not fork its processes, which JAX's threads do not survive",
            'Pass `mp_context=multiprocessing.get_context("spawn")` to it.',
        )
    if devices is not None:
        raise ArgumentError(
            "study.run",
            ("executor", "devices"),
            "cannot go together",
            "Workers use all of their devices: limit these where workers are started.",
        )


def share_of_memory(workers: int) -> int | None:
    """Bytes for each of the processes that share a CPU's memory; `None` elsewhere.

    Args:
        workers: how many processes.
    """
    on_cpu = jax.default_backend() == "cpu"
    return max(1, memory_limit() // 2 // workers) if on_cpu else None


def spawned(workers: int, keep: bool = False) -> ProcessPoolExecutor:
    """A pool of processes of this machine, each with its share of the cores.

    Args:
        workers: how many processes.
        keep: whether they keep compiled programs, as `keep_programs` does.
    """
    context = multiprocessing.get_context("spawn")
    started = context.Value("i", 0)
    return ProcessPoolExecutor(
        workers, context, initializer=_begin, initargs=(started, workers, keep)
    )


def _end_with_the_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _begin(started: Any, workers: int, keep: bool) -> None:
    """Begin to work: on some of the cores, until the user stops all processes."""
    # The pool says what happened: a worker just ends.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Nor does it wait for work from a process that was killed.
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    with started.get_lock():
        number = started.value
        started.value += 1
    # XLA starts a thread for each core that it may use.
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        ends = [len(cores) * i // workers for i in (number, number + 1)]
        share = cores[slice(*ends)] or [cores[number % len(cores)]]
        os.sched_setaffinity(0, share)
    if keep:
        # Where there is no place for them, who began the pool has said so.
        with contextlib.suppress(OSError):
            keep_programs()
