"""Capacities, scaling laws, the status of stores and lists of rules as text."""

import datetime
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from .._catalog.rules import rules
from .._spec.described import loads_at


if TYPE_CHECKING:
    import pandas as pd


_LAW = "best law (weight)"


def of_capacities(found: xr.Dataset, loads: np.ndarray) -> str:
    """One line per cell: the capacity and its interval.

    Args:
        found: what `capacity` returned.
        loads: the loads that were measured; beyond them nothing is known.
    """
    axes = [str(axis) for axis in found["capacity"].dims]
    rows, recovers = [], bool(np.isfinite(found["passes_again"]).any())
    for cell in _cells(found, axes):
        number = lambda name, cell=cell: float(cell[name])
        tried = _own_loads(found, cell, loads)
        shown = _number(number("capacity"), tried)
        if cell["censored"] == "below":
            shown = _number(0.0, tried)
        elif cell["censored"] == "above":
            shown = _number(np.inf, tried)
        elif cell["censored"] == "unknown":
            skipped = number("skipped")
            shown = f"n = {skipped:g} not measured" if skipped > 0 else "not measured"
        low, high = (_number(number(name), tried) for name in ("low", "high"))
        again = f"{number('passes_again'):g}" if number("passes_again") > 0 else ""
        rows.append([*_names(cell, axes), shown, low, high, *[again] * recovers])
    percent = f"{100 * found.attrs['confidence']:g} %"
    ends = [f"low {percent}", f"high {percent}"]
    return _table([*axes, "n*", *ends, *["passes again"] * recovers], rows)


def _own_loads(found: xr.Dataset, cell: xr.Dataset, loads: np.ndarray) -> np.ndarray:
    """The loads that were measured at the dimension of a cell."""
    spec = json.loads(found.attrs.get("spec", "{}"))
    if "d" not in cell.coords or "n" not in spec:
        return loads
    own = loads[np.isin(loads, loads_at(spec, cell["d"].item()))]
    return own if own.size else loads


def of_scaling(fit: xr.Dataset) -> str:
    """One line per cell: the exponent of n* = C d^a, its interval, the best law."""
    axes = [str(axis) for axis in fit["exponent"].dims]
    rows = []
    for cell in _cells(fit, axes):
        numbers = ("exponent", "exponent_low", "exponent_high", "constant")
        shown = [f"{float(cell[name]):.4g}" for name in numbers]
        law = "fewer than 3 capacities"
        if np.isfinite(cell["exponent"]):
            weight = cell["weight"].values
            best = int(np.nanargmax(weight))
            law = f"{cell['law'].values[best]} ({weight[best]:.0%})"
        else:
            shown = [""] * len(numbers)
        rows.append([*_names(cell, axes), *shown, law])
    percent = f"{100 * fit.attrs['confidence']:g} %"
    columns = ["a", f"low {percent}", f"high {percent}", "C", _LAW]
    return "n* = C d^a\n" + _table([*axes, *columns], rows)


def of_cells(data: xr.Dataset) -> "pd.DataFrame":
    """One row per cell and trial: its place on all axes, and what was measured there.

    Cells that a study does not have, of loads that are multiples of other dimensions,
    are left out.
    """
    # The axes in the order of the variables.
    axes = dict.fromkeys(axis for x in data.data_vars.values() for axis in x.dims)
    table = data.to_dataframe(dim_order=[*axes]).reset_index()
    spec = json.loads(data.attrs.get("spec", "{}"))
    if not {"d", "n"} <= axes.keys() or not {"d", "n"} <= spec.keys():
        return table
    asked = {(d, n) for d in spec["d"] for n in loads_at(spec, d)}
    d, n = table["d"].tolist(), table["n"].tolist()
    return table.loc[[place in asked for place in zip(d, n, strict=True)]]


def write(data: xr.Dataset, out: Path) -> None:
    """Write a dataset to a file of the kind that its ending names."""
    if out.suffix == ".csv":
        of_cells(data).to_csv(out, index=False)
    else:
        data.to_netcdf(out, engine="h5netcdf")


def of_status(status: Any) -> str:
    """One line per rule and dimension, and one for all; who computes; time left.

    Args:
        status: what `status_of` returned.
    """
    numbers = lambda part: [part.done, part.running, part.left]
    rows = [[part.rule, str(part.d), *numbers(part)] for part in status.parts]
    total = [sum(column) for column in zip(*map(numbers, status.parts), strict=True)]
    rows.append(["all", "", *total])
    lines = [
        _table(
            ["rule", "d", "done", "running", "left"],
            [[str(entry) for entry in row] for row in rows],
        )
    ]
    for (host, pid), count in status.workers.items():
        lines.append(f"Process {pid} on {host} computes {count} cells.")
    if total[1] + total[2] == 0:
        lines.append("All is done.")
    elif status.seconds_left is not None:
        left = datetime.timedelta(seconds=round(status.seconds_left))
        at_work = len(status.workers)
        by = "one process" if at_work < 2 else f"{at_work} processes"
        lines.append(f"Time left: about {left} for {by}.")
    return "\n".join(lines)


def _cells(data: xr.Dataset, axes: Sequence[str]) -> list[xr.Dataset]:
    sizes = [data.sizes[axis] for axis in axes]
    return [
        data.isel(dict(zip(axes, index, strict=True))) for index in np.ndindex(*sizes)
    ]


def _names(cell: xr.Dataset, axes: Sequence[str]) -> list[str]:
    return [str(cell[axis].item()) for axis in axes]


def _number(n: float, loads: np.ndarray) -> str:
    """A load; where it is beyond those measured, on which side."""
    if n <= 0:
        return f"< {loads.min()}"
    return f"> {loads.max()}" if np.isinf(n) else f"{n:.4g}"


def of_rules(markdown: bool = False) -> str:
    """One line per rule of the library."""
    head = ["rule", "answer to q", "write", "read", "state", "source"]
    rows = []
    for name, parameters, formula, *sizes, source in rules():
        call = f"{name}({parameters})"
        if markdown:
            # A line ends a cell, within code, too.
            call, formula = (f"`{x}`".replace("|", r"\|") for x in (call, formula))
        rows.append([call, formula, *sizes, source])
    if not markdown:
        return _table(head, rows, left=head)
    line = lambda cells: f"| {' | '.join(cells)} |"
    return "\n".join(map(line, [head, ["---"] * len(head), *rows]))


def _table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    left: Sequence[str] = ("rule", _LAW),
) -> str:
    """Columns, text to the left and numbers to the right."""
    lines = [head, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    sides = ["<" if name in left else ">" for name in head]
    texts = [
        "  ".join(
            f"{x:{side}{width}}"
            for x, side, width in zip(line, sides, widths, strict=True)
        )
        for line in lines
    ]
    return "\n".join(text.rstrip() for text in texts)
