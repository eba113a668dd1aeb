"""The chunks of a study, and the work and the memory of each."""

import collections
import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import TypeAlias

import jax
import numpy as np
from jaxtyping import Bool

from .._base.errors import ArgumentError
from .._base.memory import memory_limit
from .._spec.axes import corruptions
from .._spec.spec import Spec
from ..metrics._table import METRICS, scores_of
from ..patterns import Samples
from ._inputs import Shape, study_fold


# Floating-point operations of a chunk: seconds on a CPU. The plan depends on the study
# alone, so that a study can go on with other devices and other memory.
_CHUNK_WORK = 2.0**38
# Bytes of what a chunk is told and answers, of many trials that are little work.
_CHUNK_BYTES = 2**28
# Bytes of a chunk that is kept, beside its numbers.
_CHUNK_OVERHEAD = 2**14
# Bytes of a batch of trials beyond which a CPU's caches no longer hold it.
_CPU_BATCH = 2**24


@dataclasses.dataclass(frozen=True)
class Chunk:
    """A rectangle of cells of one rule, at one point of `vary` and one dimension.

    Attributes:
        rule: its name.
        point: which of `Spec.points`.
        d: dimension of the keys.
        first: the first trial.
        count: how many trials.
        size: how many trials a full chunk of this rule and dimension has.
        levels: which of `Spec.combinations` of the levels of corruption.
        loads: numbers of stored pairs.
    """

    rule: str
    point: int
    d: int
    first: int
    count: int
    size: int
    levels: tuple[int, ...]
    loads: tuple[int, ...]


# Which cells of a rule, a point and a dimension lack: trials x levels x loads.
Missing: TypeAlias = Callable[[str, int, int], Bool[np.ndarray, "trials levels loads"]]


def chunks(spec: Spec, rows: int, missing: Missing | None = None) -> list[Chunk]:
    """The chunks of a study, those of the largest dimension first.

    Their sizes suit the largest load that `rows` hold, so that programs are shared.

    Args:
        spec: the study.
        rows: pairs that programs are compiled for.
        missing: which cells lack. Left out, all.
    """
    planned = []
    for d in reversed(spec.d):
        for name in spec.rules:
            most = _most_trials(spec, name, d, rows)
            for point in range(len(spec.points(name))):
                lack = None if missing is None else missing(name, point, d)
                for first, count, levels, loads in _rectangles(spec, most, lack):
                    planned.append(
                        Chunk(name, point, d, first, count, most, levels, loads)
                    )
    return planned


def _rectangles(spec: Spec, most: int, lack: np.ndarray | None):
    """First trial, number of trials, levels and loads of each chunk."""
    every = tuple(range(spec.num_levels))
    for start in range(0, spec.trials, most):
        stop = min(start + most, spec.trials)
        if lack is None:
            yield start, stop - start, every, tuple(spec.n)
            continue
        # Trials next to each other that lack the same go together, and so do levels.
        block = lack[start:stop]
        changes = np.flatnonzero((block[1:] != block[:-1]).any((1, 2))) + 1
        for first, last in itertools.pairwise((0, *changes.tolist(), len(block))):
            by_loads = collections.defaultdict(list)
            for level, loads in enumerate(block[first]):
                by_loads[tuple(np.flatnonzero(loads).tolist())].append(level)
            for loads, levels in by_loads.items():
                if loads:
                    asked = tuple(spec.n[i] for i in loads)
                    yield start + first, last - first, tuple(levels), asked


def _most_trials(spec: Spec, name: str, d: int, rows: int) -> int:
    """Trials of a full chunk."""
    most, loads = _power_of_two(spec.trials), (rows,) * len(spec.n)
    work, held = trial_work(spec, name, d, loads), _result_bytes(spec)
    while most > 1 and (most * work > _CHUNK_WORK or most * held > _CHUNK_BYTES):
        most //= 2
    return most


def check_results(spec: Spec, rows: int) -> None:
    """Raise unless the results of a study fit into half of the memory, all together.

    Raises:
        ValueError: if they do not.
    """
    count = needed = 0
    for name in spec.rules:
        points = len(spec.points(name))
        for d in spec.d:
            count += points * -(-spec.trials // _most_trials(spec, name, d, rows))
            # Once in chunks; put together; and twice as a file that is written.
            needed += 4 * points * spec.trials * _result_bytes(spec)
    needed += count * _CHUNK_OVERHEAD
    limit = memory_limit() // 2
    if needed > limit:
        raise ArgumentError(
            "Spec",
            ("d", "n", "trials"),
            f"must have results that fit into {_gib(limit)}, got about {_gib(needed)} "
            f"for {spec.trials} trials in {count} chunks",
            "Ask for fewer trials, or cut the study in several.",
        )


def _result_bytes(spec: Spec) -> int:
    """Bytes of one trial's random keys, and of its mean and deviation everywhere."""
    cells = spec.num_levels * len(spec.n)
    return 24 + 8 * cells * len(scores_of(spec.metrics))


def kernel_shape(
    spec: Spec, chunk: Chunk, rows: int, budget: int, on_cpu: bool, devices: int = 1
) -> Shape:
    """What the kernel of a chunk is compiled for.

    Each device takes an equal share of the trials, rounded up to a power of two.

    Raises:
        ValueError: if a single trial does not fit the budget, in bytes.
    """
    trials = _power_of_two(-(-chunk.size // devices))
    needed = trial_bytes(spec, chunk.rule, chunk.d, rows)
    drawn_from = jax.tree.leaves((spec.ensemble, spec.value_ensemble()))
    shared = sum(array.nbytes for array in drawn_from)
    if needed + shared > budget:
        raise ArgumentError(
            "Spec",
            ("d", "n"),
            f"must fit into {_gib(budget)}, got about {_gib(needed + shared)} for one "
            f"trial of {chunk.rule!r} at d = {chunk.d} and n = {max(spec.n)}",
            "Ask for smaller ones, or raise `memory=`.",
        )
    batch = trials
    limit = budget - shared
    limit = min(limit, max(needed, _CPU_BATCH)) if on_cpu else limit
    while batch > 1 and batch * needed > limit:
        batch //= 2
    return Shape(
        d=chunk.d,
        v=_columns(spec, chunk.d),
        rows=rows,
        trials=trials,
        batch=batch,
        scores=scores_of(spec.metrics),
        values=spec.value_source,
        corrupted=spec.corrupted,
        # What is computed once more is nan at first.
        careful=bool(jax.config.jax_debug_nans),  # pyright: ignore
        defined=(
            *(METRICS[name] for name in scores_of(spec.metrics)),
            *corruptions().values(),
        ),
    )


def rows(n: int, d: int = 1) -> int:
    """Rows that hold n pairs: a power of two, so that near loads share a program.

    At least 2 d, so that a pseudoinverse takes the same path whatever the largest load.
    """
    return max(1024, _power_of_two(n), _power_of_two(2 * d))


def search_rows(n: int, d: int = 1) -> int:
    """Rows that hold n pairs: in steps of 16, so that a search shares its programs."""
    rows = max(1024, _power_of_two(2 * d))
    while rows < n:
        rows *= 16
    return rows


def trial_work(spec: Spec, name: str, d: int, loads: Sequence[int]) -> float:
    """Floating-point operations of one trial, roughly: its products."""
    v, levels = _columns(spec, d), spec.num_levels
    largest, total = float(max(loads)), float(sum(loads))
    squares = float(sum(n * n for n in loads))
    marginalized = spec.value_source == "marginalized"
    work = 2 * largest * d * (d + v)
    looks = spec.rules[name].looks
    if looks == "memory":
        work += 2 * levels * total * d * (2 * d if marginalized else v)
    else:
        passes = largest**2 if looks == "once" else squares
        work += 2 * levels * passes * (d + v)
    if _compares_all(spec):
        work += 2 * levels * squares * v
    return work


def trial_bytes(spec: Spec, name: str, d: int, rows: int) -> int:
    """Bytes that one trial needs, roughly: pairs, queries, memories, scores."""
    v, loads, scores = _columns(spec, d), len(spec.n), len(scores_of(spec.metrics))
    fold, queries = study_fold()
    tile = int(queries * fold.block_size)  # pyright: ignore[reportOperatorIssue]
    numbers = 3 * rows * (d + v) // 2 + queries * (d + v)
    looks = spec.rules[name].looks
    if looks == "memory":
        numbers += (2 * loads + 6) * d * max(d, v)
    elif looks == "once":
        numbers += 2 * tile + 2 * loads * queries * (v + scores)
    else:
        numbers += 4 * tile + 2 * queries * (v + scores)
    if spec.corrupted:
        numbers += 2 * queries * d
    if _compares_all(spec):
        numbers += tile
    if isinstance(spec.ensemble, Samples):
        # A shuffle sorts one word per sample.
        numbers += 4 * len(spec.ensemble.keys)
    return 4 * numbers


def default_budget(devices: list[jax.Device]) -> int:
    """Bytes that a study may use on each device."""
    stats = [device.memory_stats() for device in devices]
    limits = [s["bytes_limit"] - s.get("bytes_in_use", 0) for s in stats if s]
    if limits:
        return int(0.9 * min(limits))
    return memory_limit() // 2 // len(devices)


def _columns(spec: Spec, d: int) -> int:
    """Numbers that stand for a value: those that are not drawn have an index."""
    return 1 if spec.value_source == "marginalized" else spec.value_dimension(d)


def _compares_all(spec: Spec) -> bool:
    """Whether answers are compared with all stored values."""
    return any(METRICS[name].compares_all for name in scores_of(spec.metrics))


def _power_of_two(x: int) -> int:
    return 1 << (x - 1).bit_length()


def _gib(x: int) -> str:
    return f"{x / 2**30:.3g} GiB"
