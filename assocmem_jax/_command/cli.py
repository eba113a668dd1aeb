"""The command line."""

import atexit
import contextlib
import dataclasses
import gc
import math
import os
import shlex
import shutil
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from .._base.errors import BadArgument
from .._base.files import to_path
from .._spec.spec import Spec
from .._version import __version__
from ..metrics._table import METRICS
from . import stores as _stores
from .messages import told
from .options import Mistake, registry
from .settings import with_settings, words_of


Study = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="STUDY")]
Folder = Annotated[Path, tyro.conf.arg(metavar="DIR")]
Figure = Annotated[Path, tyro.conf.arg(metavar="FILE")]
Numbers = Annotated[
    Path | None,
    tyro.conf.arg(metavar="FILE", help_behavior_hint="(default: no file)"),
]
Memory = Annotated[
    float | None,
    tyro.conf.arg(metavar="GIB", help_behavior_hint="(default: what there is)"),
]
_LISTED = {
    side: ", ".join(
        name for name, metric in METRICS.items() if metric.larger_is_better is larger
    )
    for side, larger in (("at least", True), ("at most", False))
}
Metric = Annotated[
    str,
    tyro.conf.arg(
        help=f"the metric that has to pass: {_LISTED['at least']} (at least the "
        f"threshold), {_LISTED['at most']} (at most)."
    ),
]
Metrics = Annotated[
    Sequence[str], tyro.conf.arg(help=f"the scores of answers: {', '.join(METRICS)}.")
]
Workers = Annotated[
    int | None,
    tyro.conf.arg(metavar="N", help_behavior_hint="(default: this one)"),
]
Group = Annotated[
    str | None,
    tyro.conf.arg(metavar="NAME", help_behavior_hint="(default: the only one)"),
]
Rules = Annotated[Sequence[str], tyro.conf.arg(help_behavior_hint="(default: all)")]


# Columns of a terminal that a help needs.
_COLUMNS = 40


@dataclasses.dataclass(frozen=True)
class Sweep(Spec):
    """Measure rules over a grid of dimensions and loads.

    Finished work is kept in a folder: the same command goes on after a stop.

    `assocmem sweep study.toml` takes settings from a file, with the names of these
    options: d = [16, 32], n = ["0.5d", "2d"], vary = {beta = [0.1, "1/sqrt(d)"]}.
    Options that follow it win.

    Attributes:
        rules: what retrieves: Pseudoinverse, Softmax, Sparsemax, ReLU, DotProduct, or
            with parameters "Softmax(beta=0.5)"; "hot=Softmax(beta=2)" gives it a name.
        d: dimensions of the keys: numbers, and ranges that double, such as 16:1024.
        n: loads, numbers of stored pairs, in the same form; or multiples of d, such as
            0.5d 1d 2d or 0.25d:4d.
        v: dimension of the values. Left out, it is d. Several make an axis.
        ensemble: how keys are drawn, such as Spherical or "Clustered(num_clusters=8,
            spread=0.5)"; "Samples('keys.npy')" takes the rows of a file. Several, as
            "g=Gaussian signs=Bipolar", make an axis.
        vary: axes of the rules' hyperparameters, such as beta=0.1,1/sqrt(d), and of
            their static fields.
        store: folder that keeps finished work and the result, study.nc.
        memory_gib: memory that may be used on each device. Left out, it is what the
            device has, and on a CPU half of the machine's.
        workers: processes of this machine that compute, each on its share of the cores.
            Left out, this one computes, on all. On other machines, give the same
            command: commands with one store share the work.
        dry_run: say what would be computed, and stop.
        no_cache: compile everything, and keep no compiled program for the next command.
    """

    metrics: Metrics = ("cosine", "distance")
    store: Folder = Path("assocmem-sweep")
    memory_gib: Memory = None
    workers: Workers = None
    dry_run: bool = False
    no_cache: bool = False

    def __post_init__(self):
        """Check nothing yet: the parser would put a frame around the message."""

    def run(self, command: str) -> None:
        """Say what will be measured, and measure it."""
        from .. import study

        fields = dataclasses.fields(Spec)
        spec = Spec(**{field.name: getattr(self, field.name) for field in fields})
        memory = None if self.memory_gib is None else _bytes(self.memory_gib)
        workers = self.workers
        if workers is not None and workers < 1:
            raise Mistake(f"`--workers {workers}` must be at least 1.")
        from ..study._preview import preview

        _keep_programs(self.no_cache)
        print(_settings(spec))
        print(_stores.planned(preview(spec, self.store)))
        if self.dry_run:
            return
        print(f"\nResult: {self.store / 'study.nc'}\nResume: {command}", flush=True)
        with contextlib.ExitStack() as stack:
            pool = None
            if workers is not None:
                from ..study._executors import share_of_memory, spawned

                pool = stack.enter_context(spawned(workers, not self.no_cache))
                memory = share_of_memory(workers) if memory is None else memory
            data = study.run(
                spec, store=self.store, progress=True, memory=memory, executor=pool
            )
        print(f"Done in {data.attrs['seconds']:.1f} s on {data.attrs['device']}.")


@dataclasses.dataclass(frozen=True)
class Capacity:
    """Find the load at which each rule of a study fails, and how it grows with d.

    Attributes:
        study: a folder that `assocmem sweep` filled, or a netCDF file.
        threshold: where the metric stops to pass.
        confidence: of each interval.
        group: which study, in a file of several such as notebook.nc.
        out: file for the capacities. Its ending gives the format: .nc or .csv.
    """

    study: Study
    metric: Metric = "cosine"
    threshold: float = 0.9
    confidence: float = 0.95
    group: Group = None
    out: Numbers = None

    def run(self, command: str) -> None:
        """Print the capacities and their scaling, and write the former."""
        del command
        if self.out is not None:
            _check_out(self.out, (".nc", ".csv"))
        from .._statistics import capacity as _capacity, scaling as _scaling
        from . import tables as _tables

        data = _stores.loaded(self.study, self.group)
        confidence = self.confidence
        found = _capacity.capacity(
            data, self.metric, self.threshold, confidence=confidence
        )
        print(_tables.of_capacities(found, data["n"].values))
        if found.sizes["d"] >= 3:
            try:
                fit = _scaling.fit_scaling(found, confidence=confidence)
            except ValueError as error:
                print(f"\nNo scaling law: {told(error)}")
            else:
                print(f"\n{_tables.of_scaling(fit)}")
        if self.out is not None:
            _tables.write(found, self.out)
            print(f"\nCapacities: {self.out}")


@dataclasses.dataclass(frozen=True)
class Table:
    """Write the numbers of a study as CSV, a line for each cell and trial.

    Attributes:
        study: a folder that `assocmem sweep` filled, or a netCDF file.
        group: which study, in a file of several such as notebook.nc.
        out: the file. Its ending gives the format: .csv or .nc. Left out, CSV is
            printed.
    """

    study: Study
    group: Group = None
    out: Numbers = None

    def run(self, command: str) -> None:
        """Write it, or print it."""
        del command
        if self.out is not None:
            _check_out(self.out, (".csv", ".nc"))
        from ..study._load import load_study
        from . import tables as _tables

        data = load_study(self.study, group=self.group)
        if self.out is None:
            print(_tables.of_cells(data).to_csv(index=False), end="")
            return
        _tables.write(data, self.out)
        print(f"Table: {self.out}")


@dataclasses.dataclass(frozen=True)
class Plot:
    """Draw a study.

    Attributes:
        study: a folder that `assocmem sweep` filled, or a netCDF file.
        kind: curves against n; a heat map over d and n; the collapse of all d against
            n / d; capacity against d; or the paired difference of two rules.
        metric: what is drawn.
        threshold: of the metric, for the capacity.
        rules: some of the rules, by name.
        select: one entry of each further axis, such as query_noise=0.5 or
            ensemble=gaussian.
        group: which study, in a file of several such as notebook.nc.
        out: the figure. Its ending gives the format: .png, .svg or .pdf.
    """

    study: Study
    kind: Literal["curves", "heatmap", "collapse", "capacity", "difference"] = "curves"
    metric: str = "cosine"
    threshold: float = 0.9
    rules: Rules = ()
    select: Mapping[str, float | int | str] = dataclasses.field(default_factory=dict)
    group: Group = None
    out: Figure = Path("assocmem.png")

    def run(self, command: str) -> None:
        """Draw it into a file."""
        del command
        _check_out(self.out, (".png", ".svg", ".pdf"))
        from . import panels as _panels

        data = _stores.loaded(self.study, self.group)
        data = _panels.chosen(data, self.rules, self.select)
        _panels.draw(data, self.kind, self.metric, self.threshold, self.out)
        print(f"Figure: {self.out}")


@dataclasses.dataclass(frozen=True)
class Notebook:
    """Measure what four associative memories hold.

    With Gaussian keys and values: the pseudoinverse rule against the number n.

    The same over a grid of dimensions d and n. Four rules against n.

    Attributes:
        out: folder for the figures (PNG, SVG), for all numbers (netCDF), and for
            finished work: the same command goes on after a stop.
        seed: of the random numbers.
        quick: run a small grid, in seconds.
        overwrite: replace another study in that folder.
        no_cache: compile everything, and keep no compiled program for the next command.
    """

    out: Folder = Path("assocmem-notebook")
    seed: int = 0
    quick: bool = False
    overwrite: bool = False
    no_cache: bool = False

    def run(self, command: str) -> None:
        """Run the experiments, or find them done, and draw them."""
        from . import notebook as _notebook

        done = _notebook.prepare(self.out, self.seed, self.quick, self.overwrite)
        came = "computed before; `--overwrite` computes them again"
        if not done:
            _keep_programs(self.no_cache)
            for name, spec in _notebook.sweeps(self.seed, self.quick).items():
                print(f"{name}:\n{_settings(spec)}\n")
            result = self.out / _notebook.NUMBERS
            print(f"Result: {result}\nResume: {command}\n", flush=True)
        tree = _notebook.run(self.out, self.seed, self.quick, progress=True)
        _notebook.save(tree, self.out)
        if not done:
            came = f"computed in {tree.attrs['seconds']:.1f} s"
            came += f" on {tree.attrs['device']}"
        figures = _notebook.draw(tree, self.out)
        print(_notebook.table(tree))
        print(f"\nNumbers ({came}): {self.out / _notebook.NUMBERS}")
        print(f"Figures: {', '.join(str(path) for path in figures)}")


_COMMANDS: dict[str, Any] = {
    "sweep": Sweep,
    "capacity": Capacity,
    "table": Table,
    "plot": Plot,
    "status": _stores.Status,
    "merge": _stores.Merge,
    "notebook": Notebook,
}


def main(args: Sequence[str] | None = None) -> None:
    """Run the command that `args`, by default those of the process, ask for."""
    if args is None:
        # In a process of its own. Python looks through all objects, several times, when
        # it exits: with what JAX makes of them, 0.4 s.
        atexit.register(gc.freeze)
        # What is imported stays. To look through it again and again, as imports and
        # tracing make the collector do, took 0.4 s of a quick study's 7.
        gc.freeze()
        gc.set_threshold(100_000, 50, 50)
    args = list(sys.argv[1:] if args is None else args)
    if args == ["--version"]:
        print(f"assocmem_jax {__version__}")
        return
    # What is replaced is so from the start. Repeated, it would be the new work.
    command = shlex.join(["assocmem", *(x for x in args if x != "--overwrite")])
    places: dict[str, str] = {}
    try:
        file = "".join(args[1:2])
        if args[:1] == ["sweep"] and file.endswith(".toml") and file[0] != "-":
            words = words_of(to_path("assocmem", "FILE", file), Sweep)
            options, taken = with_settings(args[2:], words)
            places = {name: f"`{name}` in `{file}`" for name in taken}
            args = ["sweep", *options]
        with _wide_enough():
            chosen = tyro.extras.subcommand_cli_from_dict(
                _COMMANDS,
                prog="assocmem",
                description="Measure what associative memories hold. `--version` says "
                "which version does.",
                args=args,
                config=(tyro.conf.FlagCreatePairsOff,),
                registry=registry,
            )
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            chosen.run(command)
    except KeyboardInterrupt as stop:
        notes = getattr(stop, "__notes__", ["Stopped."])
        print(f"\nassocmem: {' '.join(notes)}\nResume: {command}", file=sys.stderr)
        sys.exit(130)
    except (Mistake, ValueError, TypeError, OSError, MemoryError) as error:
        sys.exit(f"assocmem: error: {told(error, places)}")


def _show_warning(message: Any, *_: Any) -> None:
    print(f"assocmem: warning: {told(message)}", file=sys.stderr)


@contextlib.contextmanager
def _wide_enough() -> Iterator[None]:
    """Let a help be as wide as its boxes: in less the parser would never return."""
    before = os.environ.get("COLUMNS")
    if shutil.get_terminal_size().columns < _COLUMNS:
        os.environ["COLUMNS"] = str(_COLUMNS)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("COLUMNS", None)
        else:
            os.environ["COLUMNS"] = before


def _keep_programs(no_cache: bool) -> None:
    """Take compiled programs from earlier commands, where there is a place for them."""
    if no_cache:
        return
    from ..study import keep_programs

    try:
        keep_programs()
    except OSError as error:
        reason = f"{type(error).__name__}: {error.strerror}"
        if isinstance(error, BadArgument):
            reason = f"{error.given} {error.complaint}"
        advice = "`--no-cache` does without."
        warnings.warn(
            f"Compiled programs are not kept: {reason}. {advice}", stacklevel=2
        )


def _bytes(gib: float) -> int:
    """The bytes of `--memory-gib`."""
    if not 0 < gib < math.inf:
        raise Mistake(f"`--memory-gib {gib:g}` must be a number above 0, such as 4.")
    return max(1, int(gib * 2**30))


def _check_out(out: Path, endings: Sequence[str]) -> None:
    """Raise, before any work, unless a file of that name can be written."""
    if out.suffix not in endings:
        raise Mistake(f"`--out {out}` must end in {', '.join(endings)}.")
    if not out.parent.is_dir():
        raise Mistake(f"`--out {out}` needs the folder `{out.parent}`. Make it first.")


def _settings(spec: Spec) -> str:
    """The settings of a study, one a line."""
    shown = spec.describe()
    shown["rules"] = [
        call if name == call else f"{name} = {call}"
        for name, call in shown["rules"].items()
    ]
    shown["vary"] = [f"{name} = {_listed(x)}" for name, x in spec.vary.items()]
    shown["v"] = "d" if spec.v is None else spec.v
    if isinstance(spec.ensemble, Mapping):
        named = shown["ensemble"].items()
        shown["ensemble"] = [f"{name} = {call}" for name, call in named]
    if spec.values is None:
        known = {"own": "the ensemble's own", "drawn": "Gaussian()"}
        shown["values"] = ", else ".join(known[x] for x in known if x in _sources(spec))
    if not spec.vary:
        del shown["vary"]
    return "\n".join(f"{name:18}{_words(x)}" for name, x in shown.items())


def _sources(spec: Spec) -> set[str]:
    """Where values are from, which may differ from ensemble to ensemble."""
    name = next(iter(spec.rules))
    points = range(len(spec.points(name)))
    return {spec.at(name, point, spec.d[0]).value_source for point in points}


def _words(x: Any) -> str:
    """Entries in one line, texts apart from one another."""
    if not isinstance(x, list | tuple):
        return str(x)
    named = any(isinstance(entry, str) and " " in entry for entry in x)
    return _listed(x, ", " if named else " ")


def _listed(x: Any, separator: str = " ") -> str:
    """Entries in one line; of many numbers, the first and the last."""
    words = [str(entry) for entry in x]
    if len(words) > 16 and separator == " ":
        words = [*words[:8], "...", *words[-4:], f"({len(words)})"]
    return separator.join(words)
