"""The engine of a study: compile side by side, and run chunk by chunk."""

import collections
import dataclasses
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeAlias

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec as P

from .._base.errors import argument_error
from .._base.random import trial_words
from .._base.threads import half_the_cores, limit_lapack
from .._core.meshes import line_of
from .._core.rule import split
from .._spec.axes import middles
from .._spec.spec import Spec
from ._inputs import AXIS, Settings, Shape, settings_of
from ._moments import deviation
from ._plan import Chunk, default_budget, kernel_shape
from ._programs import Program, program_of, timed
from ._questions import num_asked


Claim: TypeAlias = Callable[[list[Chunk]], list[Chunk]]
# Mean and deviation, of trials x levels x loads x scores.
Numbers: TypeAlias = tuple[np.ndarray, np.ndarray]


@dataclasses.dataclass
class Call:
    """One call of a kernel: chunks of one rule and dimension, spread over devices."""

    chunks: list[Chunk]
    shape: Shape
    settings: Settings


class Runner:
    """Runs the chunks of one study on some devices."""

    def __init__(
        self,
        spec: Spec,
        rows: int,
        devices: list[jax.Device],
        memory: int | None,
        say: Callable[[str], None],
        shard: str = "trials",
    ):
        self._spec, self._rows, self._say = spec, rows, say
        self._mesh = line_of(devices, AXIS)
        self._budget = default_budget(devices) if memory is None else memory
        self._on_cpu = devices[0].platform == "cpu"
        self._shards = self._mesh.size if shard == "pairs" else 1
        self._programs: dict[Program, Future] = {}
        self._instead: dict[Program, Shape] = {}

    @property
    def compile_seconds(self) -> float:
        """Time spent compiling so far, side by side with other work."""
        done = (x for x in self._programs.values() if x.done() and not x.cancelled())
        return sum((x.result()[1] for x in done if x.exception() is None), 0.0)

    @property
    def provenance(self) -> dict[str, Any]:
        """How the numbers came about, as attributes of a dataset."""
        return {
            "device": self._mesh.devices.flat[0].device_kind,
            "devices": self._mesh.size,
            "compile_seconds": self.compile_seconds,
        }

    def results(
        self, chunks: list[Chunk], claim: Claim
    ) -> Generator[tuple[Chunk, Numbers], None, None]:
        """Mean and deviation of every chunk that is claimed.

        The next call runs while the results of the last one are being fetched.

        Args:
            chunks: those to compute.
            claim: called before a call begins, with its chunks: takes those of them
                that nobody else computes, and says which.
        """
        # Before any thread that compiles loads the same: in two at once they can wait
        # for each other, each with a module that the other needs.
        with limit_lapack(), _Pool(half_the_cores()) as self._pool:
            calls = self._calls(chunks)
            for call in calls:
                self._program(call)
            running = collections.deque()
            for call in calls:
                call.chunks = claim(call.chunks)
                if not call.chunks:
                    continue
                running.append((call, self._start(call)))
                if len(running) > 1:
                    yield from self._finish(*running.popleft())
            while running:
                yield from self._finish(*running.popleft())

    def _calls(self, chunks: list[Chunk]) -> list[Call]:
        groups = collections.defaultdict(list)
        for chunk in chunks:
            place = chunk.rule, chunk.point, chunk.d, chunk.levels, chunk.loads
            groups[place].append(chunk)
        calls, devices = [], self._mesh.size // self._shards
        for (rule, point, d, levels, loads), together in groups.items():
            shape = kernel_shape(
                self._spec,
                together[0],
                self._rows,
                self._budget,
                self._on_cpu,
                devices,
                self._shards,
            )
            settings = settings_of(self._spec, rule, point, d, levels, loads)
            most = max(1, devices * shape.trials // together[0].size)
            calls += [
                Call(together[i : i + most], shape, settings)
                for i in range(0, len(together), most)
            ]
        return calls

    def _key(self, call: Call) -> Program:
        return program_of(call.settings, call.shape, self._mesh)

    def _program(self, call: Call) -> Future:
        """The compiled program of a call, and the seconds that it took."""
        key = self._key(call)
        if key not in self._programs or self._programs[key].cancelled():
            self._programs[key] = self._pool.submit(timed, key)
        return self._programs[key]

    def _start(self, call: Call) -> Future:
        """Begin a call. Its result, or the error of a device, is fetched later."""
        what = f"{call.chunks[0].rule}, d = {call.chunks[0].d}"
        # What failed once is not tried again.
        while other := self._instead.get(self._key(call)):
            call.shape = other
        program = self._program(call)
        if not program.done():
            self._say(f"compiling {what}")
        running = Future()
        try:
            compiled, _ = program.result()
            self._say(f"running {what}")
            arrays, _ = split("Spec", "rules", call.settings)
            # A rule may hold arrays that are on other devices, or spread over some.
            arrays = jax.device_put(arrays, NamedSharding(self._mesh, P()))
            trials = self._trials(call)
            if self._shards > 1:
                # The devices may be those of several processes.
                trials = jax.device_put(trials, NamedSharding(self._mesh, P()))
            running.set_result(compiled(arrays, *trials))
        except jax.errors.JaxRuntimeError as error:
            running.set_exception(error)
        return running

    def _trials(self, call: Call) -> tuple[np.ndarray, np.ndarray]:
        """Words of the random keys of all trials, by device, and how many there are."""
        each, devices = call.shape.trials, self._mesh.size // self._shards
        trials = [np.arange(c.first, c.first + c.count) for c in call.chunks]
        known = trial_words(self._spec.seed, call.shape.d, np.concatenate(trials))
        words = np.zeros((devices * each, 3, 2), np.uint32)
        words[: len(known)] = known
        left = len(known) - each * np.arange(devices)
        count = np.clip(left, 0, each).astype(np.int32)
        return words.reshape(devices, each, 3, 2), count

    def _finish(self, call: Call, running: Future):
        """Wait for a call; where memory does not suffice, call with less at a time."""
        try:
            totals = np.concatenate(jax.device_get(running.result()))
            # Before the loads there are those that fill up their number.
            totals = totals[:, :, -len(call.chunks[0].loads) :]
        except jax.errors.JaxRuntimeError as error:
            if "RESOURCE_EXHAUSTED" not in str(error):
                raise
            if call.shape.batch == 1:
                raise _out_of_memory(self._spec, call.chunks[0], error) from error
            half = dataclasses.replace(call.shape, batch=call.shape.batch // 2)
            self._instead[self._key(call)] = half
            yield from self._finish(call, self._start(call))
            return
        mean, squares = totals[..., 0], totals[..., 1]
        if np.isnan(mean).any() and not call.shape.careful:
            # There squares may be out of range, which to compute with takes longer.
            careful = dataclasses.replace(call.shape, careful=True)
            self._instead[self._key(call)] = careful
            yield from self._finish(call, self._start(call))
            return
        count = self._num_asked(call.chunks[0])
        # Of a part of the order in which there is no pair, nothing is known.
        mean = np.where(count[..., None] > 0, mean, np.nan)
        std = deviation(squares, count)
        first = 0
        for chunk in call.chunks:
            trials = slice(first, first + chunk.count)
            yield chunk, (mean[trials], std[trials])
            first += chunk.count

    def _num_asked(self, chunk: Chunk) -> np.ndarray:
        """Numbers of questions of a chunk, by level and load, or by load."""
        spec = self._spec
        count = num_asked(chunk.loads, spec.asked, spec.ages, spec.held_out)
        if spec.ages is None:
            return count
        age = list(spec.question_levels).index("age")
        parts = middles(spec.ages)
        return count[[parts.index(spec.combinations[i][age]) for i in chunk.levels]]


def _out_of_memory(spec: Spec, chunk: Chunk, error: Exception) -> Exception:
    said = str(error).splitlines()[0]
    return argument_error(MemoryError)(
        "Spec",
        ("d", "n"),
        f"ran out of memory on one trial of {chunk.rule!r} at d = {chunk.d} and "
        f"n = {max(spec.loads_at(chunk.d))}: {said}",
        "Ask for smaller ones, or use a device that has more. Finished chunks are in "
        "`store=`, if one was given.",
    )


class _Pool(ThreadPoolExecutor):
    """Threads. Leaving the block drops the work that has not begun."""

    def __exit__(self, *exc_info):
        self.shutdown(wait=False, cancel_futures=True)
