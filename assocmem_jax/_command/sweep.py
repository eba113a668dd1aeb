"""The command that measures a study."""

import contextlib
import dataclasses
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro

from .._base.errors import BadArgument
from .._spec.spec import Spec
from ..metrics._table import METRICS
from . import stores as _stores
from .options import Mistake


Folder = Annotated[Path, tyro.conf.arg(metavar="DIR")]
Memory = Annotated[
    float | None,
    tyro.conf.arg(metavar="GIB", help_behavior_hint="(default: what there is)"),
]
Metrics = Annotated[
    Sequence[str], tyro.conf.arg(help=f"the scores of answers: {', '.join(METRICS)}.")
]
Workers = Annotated[
    int | None,
    tyro.conf.arg(metavar="N", help_behavior_hint="(default: this one)"),
]


@dataclasses.dataclass(frozen=True)
class Sweep(Spec):
    """Measure rules over a grid of dimensions and loads.

    Finished work is kept in a folder: the same command goes on after a stop.

    `assocmem sweep study.toml` takes settings from a file, with the names of these
    options: d = [16, 32], n = ["0.5d", "2d"], vary = {beta = [0.1, "1/sqrt(d)"]}.
    Options that follow it win.

    Attributes:
        rules: what retrieves, by name, of those that `assocmem rules` lists:
            Pseudoinverse, or with parameters "Softmax(beta=0.5)", "Ridge(penalty=8)",
            "Mapped(LinearAttention, ELU)"; "hot=Softmax(beta=2)" gives it a name.
            "similarity=Cosine" among the parameters of rules that weigh values by
            scores compares keys otherwise than by products.
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

        keep_programs(self.no_cache)
        print(settings_text(spec))
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


def keep_programs(no_cache: bool) -> None:
    """Take compiled programs from earlier commands, where there is a place for them."""
    if no_cache:
        return
    from ..study import keep_programs as keep

    try:
        keep()
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


def settings_text(spec: Spec) -> str:
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
    if spec.asked is None:
        shown["asked"] = "all"
    for name in ("vary", "ages", "held_out"):
        if not shown[name]:
            del shown[name]
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
