"""The command line."""

import atexit
import contextlib
import dataclasses
import gc
import os
import shlex
import shutil
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from .._base.files import to_path
from .._version import __version__
from ..metrics._table import METRICS
from . import stores as _stores
from .messages import told
from .options import Mistake, registry
from .settings import with_settings, words_of
from .stores import Study
from .sweep import Folder, Sweep, keep_programs, settings_text


Figure = Annotated[Path, tyro.conf.arg(metavar="FILE")]
Numbers = Annotated[
    Path | None,
    tyro.conf.arg(metavar="FILE", help_behavior_hint="(default: no file)"),
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
Group = Annotated[
    str | None,
    tyro.conf.arg(metavar="NAME", help_behavior_hint="(default: the only one)"),
]
Chosen = Annotated[Sequence[str], tyro.conf.arg(help_behavior_hint="(default: all)")]


# Columns of a terminal that a help needs.
_COLUMNS = 40


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
    rules: Chosen = ()
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
            keep_programs(self.no_cache)
            for name, spec in _notebook.sweeps(self.seed, self.quick).items():
                print(f"{name}:\n{settings_text(spec)}\n")
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


@dataclasses.dataclass(frozen=True)
class Rules:
    """List the rules: what they answer, at what cost, and where they come from.

    Sizes are n stored pairs, dimension d of keys and v of values; costs are operations
    to store n pairs and to answer one query, and numbers that a memory holds.

    Attributes:
        markdown: as a table for a page.
    """

    markdown: bool = False

    def run(self, command: str) -> None:
        """Print the list."""
        del command
        from . import tables as _tables

        print(_tables.of_rules(self.markdown))


_COMMANDS: dict[str, Any] = {
    "sweep": Sweep,
    "capacity": Capacity,
    "table": Table,
    "plot": Plot,
    "status": _stores.Status,
    "merge": _stores.Merge,
    "notebook": Notebook,
    "rules": Rules,
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


def _check_out(out: Path, endings: Sequence[str]) -> None:
    """Raise, before any work, unless a file of that name can be written."""
    if out.suffix not in endings:
        raise Mistake(f"`--out {out}` must end in {', '.join(endings)}.")
    if not out.parent.is_dir():
        raise Mistake(f"`--out {out}` needs the folder `{out.parent}`. Make it first.")
