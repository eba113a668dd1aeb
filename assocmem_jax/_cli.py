"""The command line."""

import dataclasses
import json
import shlex
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from ._cli_types import registry
from ._spec import Spec


Study = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="STUDY")]
Folder = Annotated[Path, tyro.conf.arg(metavar="DIR")]


def main(args: Sequence[str] | None = None) -> None:
    """Run the command that `args`, by default those of the process, ask for."""
    args = list(sys.argv[1:] if args is None else args)

    def sweep(
        spec: tyro.conf.OmitArgPrefixes[Spec],
        store: Folder = Path("assocmem-sweep"),
        memory_gib: float | None = None,
    ) -> None:
        """Measure rules over a grid of dimensions and loads.

        Finished work is kept in the folder: the same command goes on after a stop. Both
        d and n take numbers and ranges: 16:1024 doubles from 16 up to 1024.

        Args:
            spec: what is measured.
            store: folder that keeps finished work and the result, study.nc.
            memory_gib: memory that may be used on each device, in GiB; by default
                what the device has, and on a CPU half of the machine's.
        """
        from . import study

        command = shlex.join(["assocmem", *args])
        print(textwrap.indent(json.dumps(spec.describe(), indent=2), "  "))
        print(f"Result: {store / 'study.nc'}\nTo resume: {command}", flush=True)
        memory = None if memory_gib is None else int(memory_gib * 2**30)
        dataset = study.run(spec, store=store, progress=True, memory=memory)
        print(f"Done in {dataset.attrs['seconds']:.1f} s on {dataset.attrs['device']}.")

    commands = {
        "sweep": sweep,
        "capacity": capacity,
        "plot": plot,
        "notebook": notebook,
    }
    try:
        tyro.extras.subcommand_cli_from_dict(
            commands, prog="assocmem", args=args, registry=registry
        )
    except KeyboardInterrupt as stop:
        notes = getattr(stop, "__notes__", ["Stopped."])
        sys.exit("assocmem: " + " ".join(notes))
    except (ValueError, TypeError, OSError) as error:
        sys.exit(f"assocmem: error: {error}")


def capacity(
    study: Study,
    *,
    metric: str = "cosine",
    threshold: float = 0.9,
    confidence: float = 0.95,
    out: Annotated[Path, tyro.conf.arg(metavar="FILE")] | None = None,
) -> None:
    """Find the load at which each rule of a study fails, and how it grows with d.

    Args:
        study: a folder that `assocmem sweep` filled, or a netCDF file.
        metric: what has to pass: cosine, success, recall, all_correct (at least the
            threshold), distance, squared_error (at most).
        threshold: where the metric stops to pass.
        confidence: of the intervals.
        out: netCDF file for the capacities.
    """
    from . import study as laboratory

    found = laboratory.capacity(
        laboratory.load_study(study), metric, threshold, confidence=confidence
    )
    print(_capacity_table(found))
    try:
        fit = laboratory.fit_scaling(found, confidence=confidence)
    except ValueError as error:
        print(f"\nNo scaling law: {error}")
    else:
        print(f"\n{_fit_table(fit)}")
    if out is not None:
        found.to_netcdf(out, engine="h5netcdf")
        print(f"\nCapacities: {out}")


def plot(
    study: Study,
    *,
    kind: Literal["curves", "heatmap", "collapse", "capacity", "difference"] = "curves",
    metric: str = "cosine",
    threshold: float = 0.9,
    rules: tuple[str, ...] = (),
    select: Mapping[str, float] | None = None,
    out: Annotated[Path, tyro.conf.arg(metavar="FILE")] = Path("assocmem.png"),
) -> None:
    """Draw a study.

    Args:
        study: a folder that `assocmem sweep` filled, or a netCDF file.
        kind: curves against n, a map over d and n, collapse of all d against n / d,
            capacity against d, or the paired difference of two rules.
        metric: what is drawn.
        threshold: of the metric, for the capacity.
        rules: some of the rules, by name; by default all.
        select: one entry of a further axis, such as `query_noise 0.5`.
        out: the figure; its ending gives the format: .png, .svg or .pdf.
    """
    from . import _panels, study as laboratory

    data = laboratory.load_study(study)
    _panels.draw(data, kind, metric, threshold, rules, select or {}, out)
    print(f"Figure: {out}")


def notebook(
    *,
    out: Folder = Path("assocmem-notebook"),
    seed: int = 0,
    quick: bool = False,
    overwrite: bool = False,
) -> None:
    """Measure what four associative memories hold.

    Three experiments with Gaussian keys and values: the pseudoinverse rule against the
    number of stored pairs n, and over a grid of dimensions d and n; then the
    pseudoinverse, softmax, ReLU and dot-product rules against n.

    Args:
        out: folder for the figures (PNG, SVG) and for all numbers (netCDF).
        seed: of the random numbers.
        quick: run a small grid, in seconds.
        overwrite: replace another study in that folder.
    """
    from . import _notebook

    tree = _notebook.stored(out, seed, quick, overwrite)
    if tree is None:
        tree = _notebook.run(seed, quick, progress=True)
        _notebook.save(tree, out)
        came = f"computed in {tree.attrs['seconds']:.1f} s on {tree.attrs['device']}"
    else:
        came = "computed before; `--overwrite` computes them again"
    figures = _notebook.draw(tree, out)
    print(_notebook.table(tree))
    print(f"\nNumbers ({came}): {out / _notebook.NUMBERS}")
    print(f"Figures: {', '.join(str(path) for path in figures)}")


def _capacity_table(found: Any) -> str:
    """One line per cell: what it is, the capacity and its interval."""
    lines = [f"{'n*':>10} {'low':>10} {'high':>10}  cell"]
    stacked = found.stack(cell=list(found["capacity"].dims))
    for i in range(stacked.sizes["cell"]):
        at = stacked.isel(cell=i)
        cell = ", ".join(f"{x} = {at[x].item()}" for x in found["capacity"].dims)
        numbers = [f"{at[x].item():10.4g}" for x in ("capacity", "low", "high")]
        censored = str(at["censored"].item())
        if censored != "no":
            numbers[0] = f"{_CENSORED.get(censored, censored):>10}"
        lines.append(f"{' '.join(numbers)}  {cell}")
    return "\n".join(lines)


_CENSORED = {"below": "< smallest", "above": "> largest"}


def _fit_table(fit: Any) -> str:
    """One line per cell: exponent with its interval, and the best law."""
    lines = [f"{'exponent':>10} {'low':>10} {'high':>10} {'constant':>10}  best law"]
    stacked = fit.stack(cell=list(fit["exponent"].dims))
    for i in range(stacked.sizes["cell"]):
        at = stacked.isel(cell=i)
        names = ("exponent", "exponent_low", "exponent_high", "constant")
        numbers = " ".join(f"{at[x].item():10.4g}" for x in names)
        cell = ", ".join(str(at[x].item()) for x in fit["exponent"].dims)
        weight = at["weight"].fillna(0)
        best = str(weight["law"].values[int(weight.argmax())])
        lines.append(f"{numbers}  {best} (weight {float(weight.max()):.2f}), {cell}")
    return "\n".join(lines)
