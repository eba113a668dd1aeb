"""The chunks of a study, and the work and the memory of each."""

import collections
import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool

from .._base.errors import ArgumentError
from .._base.memory import memory_limit
from .._core.fold import Fold
from .._core.linear import AbstractLinear
from .._core.pairs import Pairs
from .._core.rule import AbstractRule
from .._core.separation import AbstractSeparation
from .._core.shapes import shapes_of
from .._spec.asked import MOST_PAIRS
from .._spec.axes import corruptions
from .._spec.spec import Spec
from ..metrics._own import scores_of
from ..patterns import Samples
from ._inputs import Shape, power_of_two, queries_at_a_time, study_block


# Floating-point operations of a chunk: seconds on a CPU. The plan depends on the study
# alone, so that a study can go on with other devices and other memory.
_CHUNK_WORK = 2.0**38
# Bytes of what a chunk is told and answers, of many trials that are little work.
_CHUNK_BYTES = 2**28
# Bytes of a chunk that is kept, and of the result, beside their numbers.
CHUNK_OVERHEAD = 2**14
# Bytes of the pairs of a trial beyond which they are drawn where they are used, if not
# all of them are asked.
_HELD_BYTES = 2**26
# Bytes of a batch of trials beyond which a CPU's caches no longer hold it.
_CPU_BATCH = 2**24


@dataclasses.dataclass(frozen=True)
class Chunk:
    """A rectangle of cells of one rule, at one of its points and one dimension.

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
            for point in range(len(spec.points(name))):
                most = _most_trials(spec.at(name, point, d), name, d, rows)
                lack = None if missing is None else missing(name, point, d)
                for first, count, levels, loads in _rectangles(spec, d, most, lack):
                    planned.append(
                        Chunk(name, point, d, first, count, most, levels, loads)
                    )
    return planned


def _rectangles(spec: Spec, d: int, most: int, lack: np.ndarray | None):
    """First trial, number of trials, levels and loads of each chunk."""
    every, num_pairs = tuple(range(spec.num_levels)), spec.num_pairs
    for start in range(0, spec.trials, most):
        stop = min(start + most, spec.trials)
        if lack is None:
            yield start, stop - start, every, spec.loads_at(d)
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
                    asked = tuple(num_pairs[i] for i in loads)
                    yield start + first, last - first, tuple(levels), asked


def _most_trials(spec: Spec, name: str, d: int, rows: int) -> int:
    """Trials of a full chunk, of a study `at` a point."""
    most, loads = power_of_two(spec.trials), (rows,) * len(spec.loads_at(d))
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
        for point, d in itertools.product(range(len(spec.points(name))), spec.d):
            alone = spec.at(name, point, d)
            count += -(-spec.trials // _most_trials(alone, name, d, rows))
            # Once in chunks; put together; and twice as a file that is written.
            needed += 4 * spec.trials * _result_bytes(spec)
    needed += count * CHUNK_OVERHEAD
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
    cells = spec.num_levels * len(spec.num_pairs)
    return 24 + 8 * cells * len(scores_of(spec.metrics))


def kernel_shape(
    spec: Spec,
    chunk: Chunk,
    rows: int,
    budget: int,
    on_cpu: bool,
    devices: int = 1,
    shards: int = 1,
) -> Shape:
    """What the kernel of a chunk is compiled for.

    Args:
        spec: what is measured.
        chunk: the chunk.
        rows: pairs that programs are compiled for.
        budget: bytes that may be used on each device.
        on_cpu: whether devices are CPUs.
        devices: devices that take an equal share of the trials each, rounded up to a
            power of two.
        shards: devices that take an equal share of the pairs each, of all trials.

    Raises:
        ValueError: if a single trial does not fit the budget, in bytes.
    """
    spec = spec.at(chunk.rule, chunk.point, chunk.d)
    trials = power_of_two(-(-chunk.size // devices))
    share = -(-rows // shards)
    held = pairs_are_held(spec, chunk.rule, chunk.d, share, budget)
    needed = trial_bytes(spec, chunk.rule, chunk.d, share if held else 0, not on_cpu)
    drawn_from = jax.tree.leaves((spec.ensemble, spec.value_ensemble()))
    shared = sum(array.nbytes for array in drawn_from)
    if needed + shared > budget:
        raise ArgumentError(
            "Spec",
            ("d", "n"),
            f"must fit into {_gib(budget)}, got about {_gib(needed + shared)} for one "
            f"trial of {chunk.rule!r} at d = {chunk.d} and n = "
            f"{max(spec.num_pairs)}",
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
        held=held,
        queries=_queries(spec),
        all_asked=spec.asks_all,
        shards=shards,
        together=not on_cpu,
        trials=trials,
        batch=batch,
        metrics=tuple(scores_of(spec.metrics).values()),
        values=spec.value_source,
        corrupted=spec.corrupted,
        # What is computed once more is nan at first.
        careful=bool(jax.config.jax_debug_nans),  # pyright: ignore
        defined=tuple(corruptions().values()),
    )


def pairs_are_held(spec: Spec, name: str, d: int, rows: int, budget: int) -> bool:
    """Whether the pairs of a trial are drawn once and held, or wherever they are used.

    The numbers are the same. Held pairs are read faster; drawn ones need no memory.
    """
    rule = spec.rules[name]
    if not isinstance(rule, AbstractLinear | AbstractSeparation):
        # Such a rule may look at the arrays.
        return True
    ensembles: tuple[Any, ...] = (spec.ensemble, spec.value_ensemble())
    if any(x is not None and not x.draws_alone for x in ensembles):
        return True
    needed = trial_bytes(spec, name, d, rows)
    often = spec.asked is None and spec.held_out is None
    return needed <= (budget if often else min(budget, _HELD_BYTES))


def rows(n: int, d: int = 1) -> int:
    """Rows that hold n pairs: a power of two, so that near loads share a program.

    At least 2 d, so that a pseudoinverse takes the same path whatever the largest load.
    """
    return min(max(1024, power_of_two(n), power_of_two(2 * d)), MOST_PAIRS)


def search_rows(n: int, d: int = 1) -> int:
    """Rows that hold n pairs: in steps of 16, so that a search shares its programs."""
    rows = max(1024, power_of_two(2 * d))
    while rows < n:
        rows *= 16
    return min(rows, MOST_PAIRS)


def trial_work(spec: Spec, name: str, d: int, loads: Sequence[int]) -> float:
    """Floating-point operations of one trial, roughly, of a study `at` a point."""
    v, levels = _columns(spec, d), spec.num_levels
    largest = float(max(loads))
    # A load asks for each of its pairs, or for some.
    questions = [spec.num_questions(n) / (spec.ages or 1) for n in loads]
    squares = float(sum(n * m for n, m in zip(loads, questions, strict=True)))
    marginalized = spec.value_source == "marginalized"
    width = _width(spec.rules[name], d)
    work = 2 * largest * width * (width + v)
    looks = spec.rules[name].looks
    if looks == "memory":
        work += 2 * levels * sum(questions) * width * (2 * width if marginalized else v)
    else:
        together = looks == "once" and spec.asks_all
        passes = largest**2 if together else squares
        work += 2 * levels * passes * (d + v)
    if _compares_all(spec):
        work += 2 * levels * squares * v
    return work


def trial_bytes(
    spec: Spec, name: str, d: int, rows: int, together: bool = False
) -> int:
    """Bytes that one trial needs, roughly: pairs, queries, memories, scores.

    Of a study `at` a point, as the work is.
    """
    v, scores = _columns(spec, d), len(scores_of(spec.metrics))
    loads = power_of_two(len(spec.loads_at(d)))
    queries = _queries(spec)
    block = study_block()
    tile = queries * block
    numbers = 3 * max(rows, block) * (d + v) // 2 + queries * (d + v)
    looks = spec.rules[name].looks
    if looks == "memory":
        # What a solve takes is needed once, or at each load.
        width = _width(spec.rules[name], d)
        numbers += (8 * loads if together else 2 * loads + 6) * width * max(width, v)
        # Features, beside the keys that are counted above.
        numbers += 2 * (block + queries) * max(width - d, 0)
    elif looks == "once" and spec.asks_all:
        numbers += 2 * tile + 2 * loads * queries * (v + scores)
    else:
        numbers += 2 * tile + 2 * queries * (v + scores)
        # A solve takes some times what it is told.
        numbers += 5 * queries * _told(spec.rules[name], d)
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
    here = [x for x in devices if x.process_index == jax.process_index()]
    stats = [device.memory_stats() for device in here]
    limits = [s["bytes_limit"] - s.get("bytes_in_use", 0) for s in stats if s]
    if limits:
        return int(0.9 * min(limits))
    return memory_limit() // 2 // len(here)


def _queries(spec: Spec) -> int:
    """Queries that are asked at a time."""
    return queries_at_a_time(spec.asked if spec.held_out is None else spec.held_out)


def _width(rule: AbstractRule, d: int) -> int:
    """Numbers that stand for a key in the memory of a rule."""
    if not isinstance(rule, AbstractLinear):
        return d
    (lifted,) = shapes_of("Spec", _lifted, rule, d)
    return lifted.size


def _lifted(rule: AbstractLinear, d: int):
    return rule.lift(jnp.zeros(d, jnp.float32))


def _told(rule: AbstractRule, d: int) -> int:
    """Numbers that a separation is told of each query, before it weighs any key."""
    if not isinstance(rule, AbstractSeparation):
        return 0
    # Less what the rule holds anyhow.
    sizes = [
        sum(x.size for x in shapes_of("Spec", of, rule, d)) for of in (_prepared, _held)
    ]
    return max(sizes[0] - sizes[1], 0)


def _prepared(rule: AbstractSeparation, d: int):
    keys = jnp.zeros((1, d), jnp.float32)
    return rule.prepare(keys[0], Pairs(keys, keys), Fold(None))


def _held(rule: AbstractSeparation, d: int):
    del d
    return rule


def _columns(spec: Spec, d: int) -> int:
    """Numbers that stand for a value: those that are not drawn have an index."""
    return 1 if spec.value_source == "marginalized" else spec.value_dimension(d)


def _compares_all(spec: Spec) -> bool:
    """Whether answers are compared with all stored values."""
    return any(row.compares_all for row in scores_of(spec.metrics).values())


def _gib(x: int) -> str:
    return f"{x / 2**30:.3g} GiB"
