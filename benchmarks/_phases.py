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

from assocmem_jax._base.random import trial_words
from assocmem_jax._base.threads import limit_lapack
from assocmem_jax._core.rule import split
from assocmem_jax._spec.spec import Spec
from assocmem_jax.study import _inputs, _plan, _programs


PHASES: tuple[str, ...] = (
    "random numbers",
    "products",
    "factorisations",
    "rule",
    "metrics",
    "other",
)
FACTORS = r"/(cholesky|eigh|geqrf|householder_product|svd|triangular_solve)\b"
# They hold other operations, which have events of their own.
HOLDERS = ("while", "conditional", "call")
INSTRUCTION = re.compile(r"^ *(?:ROOT )?%?(\S+) = .*? ([a-z][a-z0-9-]*)\(")


@dataclasses.dataclass
class Kernel:
    """What `sweep` compiles for one rule and dimension, and the first chunk for it."""

    settings: _inputs.Settings
    words: np.ndarray
    count: np.ndarray
    calls: int
    compiled: jax.stages.Compiled
    seconds_lower: float
    seconds_compile: float

    def __call__(self):
        """Run the chunk, and wait for it."""
        arrays, _ = split("sweep", "rules", self.settings)
        out = self.compiled(arrays, self.words, self.count)
        return jax.block_until_ready(out)


def kernel(spec: Spec) -> Kernel:
    """Compile the kernel of a study of one rule and one dimension."""
    device = jax.devices()[0]
    rows = _plan.rows(max(spec.n))
    chunks = _plan.chunks(spec, rows)
    budget = _plan.default_budget([device])
    on_cpu = device.platform == "cpu"
    shape = _plan.kernel_shape(spec, chunks[0], rows, budget, on_cpu)
    settings = _inputs.settings_of(spec, chunks[0].rule, 0, chunks[0].d)
    mesh = jax.make_mesh(
        (1,), ("cells",), axis_types=(jax.sharding.AxisType.Auto,), devices=[device]
    )
    spent = collections.defaultdict(float)

    def watch(event: str, duration_secs: float, **_):
        spent[event] += duration_secs

    jax.monitoring.register_event_duration_secs_listener(watch)
    start = time.perf_counter()
    compiled = _programs.compiled_kernel(_programs.program_of(settings, shape, mesh))
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
    phase_of = phases_by_instruction(kernel.compiled.as_text() or "")
    options = ProfileOptions()
    options.python_tracer_level = 0
    with tempfile.TemporaryDirectory() as folder, limit_lapack():
        kernel()
        with jax.profiler.trace(folder, profiler_options=options):
            start = time.perf_counter()
            kernel()
            total = time.perf_counter() - start
        (file,) = Path(folder).rglob("*.xplane.pb")
        planes = list(ProfileData.from_file(str(file)).planes)
        on_device = [x for x in planes if x.name.startswith("/device:")]
        lines = [line for plane in on_device or planes for line in plane.lines]
        operations = intervals([x for line in lines for x in line.events], phase_of)
    seconds = busy(operations)
    seconds["other"] += total - sum(seconds.values())
    return {phase: seconds[phase] for phase in PHASES}, total


def intervals(events: list, phase_of: dict) -> list[tuple[float, float, str]]:
    """Start, end and phase of every operation that was traced."""
    traced, ends = [], {}
    for event in events:
        stats, end = dict(event.stats), event.start_ns + event.duration_ns
        if event.name.startswith("end: "):
            # Of an operation that went on in other threads.
            ends[stats.get("_c")] = end
        elif stats.get("hlo_op") in phase_of:
            phase = phase_of[stats["hlo_op"]]
            traced.append((event.start_ns, end, phase, stats.get("_p")))
    return [(start, ends.get(i, end), phase) for start, end, phase, i in traced]


def busy(operations: list[tuple[float, float, str]]) -> dict[str, float]:
    """Seconds that each phase was at work, those of several side by side shared."""
    points = [(start, 1, phase) for start, _, phase in operations]
    points += [(end, -1, phase) for _, end, phase in operations]
    active, seconds, last = collections.Counter(), collections.defaultdict(float), 0.0
    for now, step, phase in sorted(points):
        for each, count in active.items():
            if count:
                seconds[each] += (now - last) * 1e-9 * count / active.total()
        active[phase] += step
        last = now
    return seconds


def phases_by_instruction(text: str) -> dict[str, str]:
    """The phase of every instruction of a compiled program, by its name."""
    phases, opcodes, computation = {}, collections.defaultdict(list), ""
    place_of = places(text)
    for line in text.splitlines():
        if found := INSTRUCTION.match(line):
            name, opcode = found.groups()
            opcodes[computation].append(opcode)
            called = re.search(r"calls=%?([\w.-]+)", line)
            frame = re.search(r"stack_frame_id=(\d+)", line)
            place = place_of.get(frame[1], "") if frame else ""
            inside = opcodes[called[1]] if called else []
            if opcode not in HOLDERS:
                phases[name] = phase_of_instruction(line, [opcode, *inside], place)
        elif line.endswith("{"):
            computation = line.split()[0].lstrip("%")
    return phases


def places(text: str) -> dict[str, str]:
    """File and function of every stack frame that a program's text mentions."""
    names = r"^(?:ENTRY|%|FileNames|FunctionNames|FileLocations|StackFrames)"
    tables = {x.split("\n")[0]: x for x in re.split(rf"(?m)(?={names})", text)}
    table = lambda name, row: re.findall(row, tables.get(name, ""), re.M)
    files = dict(table("FileNames", r'^(\d+) "(.*)"$'))
    functions = dict(table("FunctionNames", r'^(\d+) "(.*)"$'))
    row = r"^(\d+) {file_name_id=(\d+) function_name_id=(\d+)"
    locations = {
        i: f"{files[file]}:{functions[function]}"
        for i, file, function in table("FileLocations", row)
    }
    row = r"^(\d+) {file_location_id=(\d+) parent_frame_id=(\d+)"
    frames = {i: rest for i, *rest in table("StackFrames", row)}

    def place(i):
        location, parent = frames[i]
        # One more than the parent's number: that of a frame without one is 1.
        parent = str(int(parent) - 1)
        # What rounds belongs to what asked for it.
        if locations[location].endswith(":rounded") and parent in frames:
            return place(parent)
        return locations[location]

    return {i: place(i) for i in frames}


def phase_of_instruction(line: str, opcodes: list[str], place: str) -> str:
    """The phase of one instruction: what it does, and which code asked for it."""
    if "dot" in opcodes or re.search(r'custom_call_target="\S*(gemm|matmul)', line):
        return "products"
    if "jit(normal)" in line or re.search(r"/(random|patterns/\w+)\.py:", place):
        return "random numbers"
    if re.search(r"/(metrics/\w+|_moments)\.py:", place) or place.endswith(".score"):
        return "metrics"
    if re.search(FACTORS, line):
        return "factorisations"
    if re.search(r"/(least_squares|reduced|batches)\.py:(?!products|_summed)", place):
        return "factorisations"
    rule = re.search(r"/(_rules/\w+|separation|linear)\.py:", place)
    return "rule" if rule else "other"
