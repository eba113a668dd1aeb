"""How much faster is the notebook's study here than in its own torch code?

Five comparisons, the two sides in turn within one run, one JSON row each:
`experiment_2`, warm (98 cells of the pseudoinverse in one process);
`experiment_2_asked`, the same of expectations over values, for some of the pairs;
`experiment_3`, warm (four rules, 13 loads); `experiment_2_cold`, the first alone in a
fresh process, compiling and imports included, and of that the call alone; and
`command`, the whole study in a fresh process, figures and files included, with its peak
memory. Before a time counts, the curves of both sides must agree within sampling error.
The floor is the time of the products, of each cell by itself and in one pass over loads
that hold each other's pairs (`shared`), at the rate of one large product.
"""

import argparse
import collections
import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import notebook_torch
import numpy as np
import xarray as xr
from _rows import in_turn, medians, report
from _work import RULES, cell_by_cell, device_peaks, in_one_pass, of_some
from scipy import stats

import assocmem_jax as am


HERE = Path(__file__).parent
# Runs a command and prints its peak memory. A small process has to do it: the peak of a
# child counts from that of its parent on.
WATCH = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
# Experiment 2 as a program of its own; what it prints is checked.
PROGRAMS = {
    "torch": """
import json, time, notebook_torch
start = time.perf_counter()
cells = notebook_torch.grid({names}, {dimensions}, {loads}, {seed})
seconds = time.perf_counter() - start
print(json.dumps([seconds, list(cells.values())]))
""",
    "assocmem": """
import json, time, assocmem_jax as am
start = time.perf_counter()
rules = {{"pseudoinverse": am.Pseudoinverse()}}
dataset = am.sweep(rules, d={dimensions}, n={loads}, seed={seed})
seconds = time.perf_counter() - start
print(json.dumps([seconds, dataset.to_dict()]))
""",
}
# Draws that tell how much a mean scatters.
DRAWS = 8
# Pairs that are asked where not all are.
ASKED = 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--small", action="store_true", help="a small grid, in seconds")
    rows = {
        "experiment_2": lambda grids: warm(grids["experiment_2"], args.repeats),
        "experiment_2_asked": lambda grids: asked(grids["experiment_2"], args.repeats),
        "experiment_3": lambda grids: warm(grids["experiment_3"], args.repeats),
        "experiment_2_cold": lambda grids: cold(grids["experiment_2"], args.repeats),
        "command": lambda grids: command(grids, args.repeats, args.small),
    }
    parser.add_argument("--only", choices=rows)
    args = parser.parse_args()
    for name, row in rows.items():
        if args.only in (None, name):
            grids = notebook_torch.experiments(args.small)
            report("notebook", what=name, **row(grids))


def warm(grid, repeats: int, device: str = "cpu") -> dict:
    """Time one grid in this process, after one run of each side."""
    names, dimensions, loads = grid
    rules = {rule: RULES[rule] for rule in names}
    answers = collections.defaultdict(list)
    sides = {
        "torch": lambda seed: notebook_torch.grid(
            names, dimensions, loads, seed, device
        ),
        "assocmem": lambda seed: am.study.sweep(
            rules, d=dimensions, n=loads, seed=seed
        ),
    }
    keep = lambda side: lambda seed: answers[side].append(sides[side](seed))
    first = in_turn(sides, 1)
    seconds = in_turn({side: keep(side) for side in sides}, repeats)
    z = agreement(grid, answers["assocmem"], answers["torch"])
    median = medians(seconds)
    return {
        "cells": len(names) * len(dimensions) * len(loads),
        "seconds_cold": first["assocmem"][0],
        "seconds_warm": median,
        "all_seconds": seconds,
        "ratio_warm": median["torch"] / median["assocmem"],
        "largest_z": z,
        **floor(grid, median["assocmem"]),
    }


def asked(grid, repeats: int) -> dict:
    """Time one grid without values, some pairs asked, beside torch with all of both.

    A mean of ours must not scatter more than one of theirs.
    """
    names, dimensions, loads = grid
    rules = {rule: RULES[rule] for rule in names}
    some = {"values": "marginalized", "asked": ASKED}
    sweep = lambda **settings: am.study.sweep(rules, d=dimensions, n=loads, **settings)
    sides = {
        "torch": lambda seed: notebook_torch.grid(names, dimensions, loads, seed),
        "assocmem": lambda seed: sweep(seed=seed, **some),
    }
    first = in_turn(sides, 1)
    seconds = in_turn(sides, repeats)
    median = medians(seconds)
    here, there = (
        sweep(trials=DRAWS, seed=repeats, **settings).std("trial", ddof=1)
        for settings in (some, {})
    )
    # Up to d pairs are answered exactly: rounding is all there is.
    ratios = {
        name: (here[name] / there[name]).where(here.n > here.d).values
        for name in ("cosine", "distance")
    }
    parts = collections.Counter()
    for d in dimensions:
        parts.update(of_some(d, loads, ASKED))
    rate = device_peaks()["operations_per_second"]
    return {
        "cells": len(names) * len(dimensions) * len(loads),
        "asked": ASKED,
        "seconds_cold": first["assocmem"][0],
        "seconds_warm": median,
        "all_seconds": seconds,
        "ratio_warm": median["torch"] / median["assocmem"],
        "scatter_over_torch": {
            name: {
                "median": float(np.nanmedian(x)),
                "largest": float(np.nanmax(x)),
                # By chance, of two estimates from few draws each.
                "chance": float(stats.f.ppf(0.999, DRAWS - 1, DRAWS - 1) ** 0.5),
            }
            for name, x in ratios.items()
        },
        "gigaflops_per_second": rate / 1e9,
        "gigaflops": {part: operations / 1e9 for part, operations in parts.items()},
        "seconds_floor": parts.total() / rate,
        "fraction_of_floor": parts.total() / rate / median["assocmem"],
    }


def cold(grid, repeats: int) -> dict:
    """Time one grid in fresh processes."""
    names, dimensions, loads = grid
    calls, answers = collections.defaultdict(list), collections.defaultdict(list)

    def program(side):
        def run(seed):
            code = PROGRAMS[side].format(
                names=names, dimensions=dimensions, loads=loads, seed=seed
            )
            printed = subprocess.check_output(
                [sys.executable, "-c", code], cwd=HERE, env=environment()
            )
            seconds, answer = json.loads(printed)
            calls[side].append(seconds)
            answers[side].append(answer)

        return run

    processes = in_turn({side: program(side) for side in PROGRAMS}, repeats)
    ours = [xr.Dataset.from_dict(answer) for answer in answers["assocmem"]]
    cells = [by_place(answer, dimensions, loads) for answer in answers["torch"]]
    z = agreement(grid, ours, cells)
    call, process = medians(calls), medians(processes)
    return {
        "cells": len(names) * len(dimensions) * len(loads),
        "seconds_cold": process,
        "all_seconds": processes,
        "ratio_cold": process["torch"] / process["assocmem"],
        "seconds_cold_call": call,
        "all_seconds_call": calls,
        "ratio_cold_call": call["torch"] / call["assocmem"],
        "largest_z": z,
        **floor(grid, process["assocmem"]),
    }


def command(grids, repeats: int, small: bool) -> dict:
    """Time the whole study in fresh processes."""
    peak = {"torch": 0.0, "assocmem": 0.0}
    programs = {
        "torch": [str(HERE / "notebook_torch.py")],
        "assocmem": ["-m", "assocmem_jax", "notebook", "--no-cache"],
    }
    with tempfile.TemporaryDirectory() as folder:
        out = lambda side, seed: Path(folder) / f"{side}_{seed}"

        def study(side):
            def run(seed):
                call = [sys.executable, *programs[side], "--seed", str(seed)]
                call += ["--out", str(out(side, seed)), *["--quick"][:small]]
                kibibytes = subprocess.check_output(
                    [sys.executable, "-c", WATCH, *call],
                    env=environment(),
                    stderr=subprocess.DEVNULL,
                )
                peak[side] = max(peak[side], int(kibibytes) / 2**20)

            return run

        seconds = in_turn({side: study(side) for side in programs}, repeats)
        seeds = range(repeats)
        studies = [xr.load_datatree(out("assocmem", i) / "notebook.nc") for i in seeds]
        files = [(out("torch", i) / "notebook.json").read_text() for i in seeds]
    z = {}
    for name, grid in grids.items():
        ours = [study[name].to_dataset() for study in studies]
        cells = [by_place(json.loads(file)[name], *grid[1:]) for file in files]
        z[name] = agreement(grid, ours, cells)
    median = medians(seconds)
    return {
        "seconds_cold": median,
        "all_seconds": seconds,
        "ratio_cold": median["torch"] / median["assocmem"],
        "peak_gibibytes": peak,
        "largest_z": z,
    }


def environment() -> dict[str, str]:
    """That of this process, without a cache of compiled programs."""
    return {k: v for k, v in os.environ.items() if k != "JAX_COMPILATION_CACHE_DIR"}


def by_place(cells: list, dimensions, loads) -> dict:
    """Cells in the order of `notebook_torch.grid`, by d and n."""
    return dict(zip(itertools.product(dimensions, loads), cells, strict=True))


def agreement(grid, ours: list, theirs: list) -> dict[str, float]:
    """Largest difference of mean cosines and distances, in standard errors.

    All pairs of a draw are answered by one memory, so that their mean scatters by more
    than they do: what it scatters by is measured over other draws.

    Raises:
        ValueError: if it cannot be chance.
    """
    names, dimensions, loads = grid
    rules = {rule: RULES[rule] for rule in names}
    draws = am.study.sweep(rules, d=dimensions, n=loads, trials=DRAWS, seed=len(ours))
    scatter = draws.std("trial", ddof=1)
    z = {"cosine": 0.0, "distance": 0.0}
    for i, name in enumerate(z):
        for rule, d, n in itertools.product(*grid):
            at = {"rule": rule, "d": d, "n": n}
            here = np.mean([dataset[name].sel(at).item() for dataset in ours])
            there = np.mean([cells[d, n][rule][i][0] for cells in theirs])
            # Answers that are exact differ by rounding, up to 1e-3 of the length of a
            # value near n = d in torch.
            rounding = 1e-3 * (d**0.5 if name == "distance" else 1)
            variance = scatter[name].sel(at).item() ** 2 * 2 / len(ours)
            steps = abs(here - there) / np.sqrt(variance + rounding**2)
            # Few draws scatter by Student's law: the normal step as unlikely.
            chance = stats.t.sf(steps, DRAWS - 1)
            z[name] = max(z[name], float(stats.norm.isf(chance)))
    if max(z.values()) > 5:
        raise ValueError(f"The curves differ by {z} standard errors.")
    return z


def floor(grid, seconds: float) -> dict:
    """Operations and time of the products that the rules cannot do without."""
    names, dimensions, loads = grid
    rate = device_peaks()["operations_per_second"]
    count = lambda of: sum(of(rule, d, loads) for rule in names for d in dimensions)
    each, shared = count(cell_by_cell), count(in_one_pass)
    return {
        "gigaflops_per_second": rate / 1e9,
        "gigaflops": each / 1e9,
        "seconds_floor": each / rate,
        "fraction_of_floor": each / rate / seconds,
        "gigaflops_shared": shared / 1e9,
        "seconds_floor_shared": shared / rate,
        "fraction_of_floor_shared": shared / rate / seconds,
    }


if __name__ == "__main__":
    main()
