"""The kernels of a study, one at a time: how long each phase of a call takes."""

import collections
import dataclasses
import re
import tempfile
import time
from pathlib import Path

import jax
import numpy as np
from jax.profiler import ProfileData, ProfileOptions

from assocmem_jax import _measure, _plan, _run
from assocmem_jax._random import trial_words
from assocmem_jax._spec import Spec
from assocmem_jax._threads import limit_lapack


PHASES = ("random numbers", "products", "factorisations", "rule", "metrics", "other")
FACTORS = r"/(cholesky|eigh|geqrf|householder_product|svd|triangular_solve)\b"
# They hold other operations, which have events of their own.
HOLDERS = ("while", "conditional", "call")
INSTRUCTION = re.compile(r"^ *(?:ROOT )?%?(\S+) = .*? ([a-z][a-z0-9-]*)\(")


@dataclasses.dataclass
class Kernel:
    """What `sweep` compiles for one rule and dimension, and the first chunk for it."""

    settings: _measure.Settings
    words: np.ndarray
    count: np.ndarray
    calls: int
    compiled: jax.stages.Compiled
    seconds_lower: float
    seconds_compile: float

    def __call__(self):
        """Run the chunk, and wait for it."""
        out = self.compiled(self.settings, self.words, self.count)
        return jax.block_until_ready(out)


def kernel(spec: Spec) -> Kernel:
    """Compile the kernel of a study of one rule and one dimension."""
    device = jax.devices()[0]
    rows = _plan.rows(max(spec.n))
    chunks = _plan.chunks(spec, rows)
    budget = _plan.default_budget([device])
    on_cpu = device.platform == "cpu"
    shape = _plan.kernel_shape(spec, chunks[0], rows, budget, on_cpu)
    settings = _run.settings_of(spec, chunks[0])
    mesh = jax.make_mesh(
        (1,), ("cells",), axis_types=(jax.sharding.AxisType.Auto,), devices=[device]
    )
    spent = collections.Counter()
    watch = lambda event, seconds, **_: spent.update({event: seconds})
    jax.monitoring.register_event_duration_secs_listener(watch)
    start = time.perf_counter()
    compiled = _run.compiled_kernel(*_run._structure(settings), shape, mesh)
    total = time.perf_counter() - start
    jax.monitoring.unregister_event_duration_listener(watch)
    seconds_compile = spent["/jax/core/compile/backend_compile_duration"]
    words = trial_words(spec.seed, shape.d, np.arange(shape.trials))[None]
    count = np.array([chunks[0].count], np.int32)
    lower = total - seconds_compile
    calls = len(chunks)
    return Kernel(settings, words, count, calls, compiled, lower, seconds_compile)


def phases_of_call(kernel: Kernel) -> tuple[dict[str, float], float]:
    """Seconds of each phase of one warm call, and of all of it.

    Where operations run side by side, each counts with its share of the time. What
    belongs to no phase, waiting included, is `other`: phases add up to the whole.
    """
    phase_of = phases_by_instruction(kernel.compiled.as_text())
    options = ProfileOptions()
    options.python_tracer_level = 0
    with tempfile.TemporaryDirectory() as folder, limit_lapack():
        kernel()
        with jax.profiler.trace(folder, profiler_options=options):
            start = time.perf_counter()
            kernel()
            total = time.perf_counter() - start
        (file,) = Path(folder).rglob("*.xplane.pb")
        trace = ProfileData.from_file(str(file))
        events = [
            event
            for plane in trace.planes
            for line in plane.lines
            for event in line.events
        ]
        seconds = busy(intervals(events, phase_of))
    seconds["other"] += total - sum(seconds.values())
    return {phase: seconds[phase] for phase in PHASES}, total


def intervals(events, phase_of: dict[str, str]) -> list[tuple[float, float, str]]:
    """Start, end and phase of every operation that was traced."""
    started, ended = [], {}
    for event in events:
        stats = dict(event.stats)
        if event.name.startswith("end: "):
            # The end of an operation that went on after the call of it returned.
            ended[stats.get("_c")] = event.start_ns + event.duration_ns
        elif phase_of.get(stats.get("hlo_op")):  # pyright: ignore
            started.append((event, stats))
    return [
        (
            event.start_ns,
            ended.get(stats.get("_p"), event.start_ns + event.duration_ns),
            phase_of[stats["hlo_op"]],
        )
        for event, stats in started
    ]


def busy(operations: list[tuple[float, float, str]]) -> collections.Counter:
    """Seconds that each phase was at work, those of several side by side shared."""
    points = [(start, 1, phase) for start, _, phase in operations]
    points += [(end, -1, phase) for _, end, phase in operations]
    active, seconds, last = collections.Counter(), collections.Counter(), 0.0
    for now, step, phase in sorted(points):
        for each, count in active.items():
            if count:
                seconds[each] += (now - last) * 1e-9 * count / active.total()
        active[phase] += step
        last = now
    return seconds


def phases_by_instruction(text: str) -> dict[str, str]:
    """The phase of every instruction of a compiled program, by its name."""
    tables = re.split(
        r"^(?=FileNames|FunctionNames|FileLocations|StackFrames)", text, flags=re.M
    )
    files, functions = (
        dict(re.findall(r'^(\d+) "(.*)"$', x, re.M)) for x in tables[1:3]
    )
    ids = r"^(\d+) {file_name_id=(\d+) function_name_id=(\d+)"
    places = {
        i: f"{files[file]}:{functions[name]}"
        for i, file, name in re.findall(ids, tables[3], re.M)
    }
    frames = dict(re.findall(r"^(\d+) {file_location_id=(\d+)", tables[4], re.M))
    phases, bodies = {}, collections.defaultdict(list)
    body = ""
    for line in tables[4].splitlines():
        if found := INSTRUCTION.match(line):
            bodies[body].append(found[2])
            called = re.search(r"calls=%?([\w.-]+)", line)
            frame = re.search(r"stack_frame_id=(\d+)", line)
            place = places[frames[frame[1]]] if frame else ""
            if found[2] not in HOLDERS:
                inside = bodies[called[1]] if called else []
                phases[found[1]] = phase_of(line, [found[2], *inside], place)
        elif line.endswith("{"):
            body = line.split()[0].lstrip("%")
    return phases


def phase_of(line: str, opcodes: list[str], place: str) -> str:
    """The phase of one instruction: what it does, and which code asked for it."""
    if "dot" in opcodes or re.search(r'custom_call_target="\S*(gemm|matmul)', line):
        return "products"
    if "jit(normal)" in line or re.search(r"/(_random|patterns/\w+)\.py:", place):
        return "random numbers"
    if re.search(r"/(metrics|_moments)\.py:", place) or place.endswith(".score"):
        return "metrics"
    if re.search(FACTORS, line) or re.search(
        r"_least_squares\.py:(?!_products|_add)", place
    ):
        return "factorisations"
    return "rule" if "/_rules/" in place else "other"
