"""How much faster is the notebook's study here than in its own torch code?

Three comparisons, the two sides in turn within one run, one JSON row each:
`experiment_2`, warm (98 cells of the pseudoinverse in one process); `experiment_3`,
warm (four rules, 13 loads); and `command`, the whole study in a fresh process, imports,
compiling, figures and files included, with its peak memory. Before a time counts, the
curves of both sides must agree within sampling error.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import notebook_torch
import numpy as np
from _rows import provenance

import assocmem_jax as am


HERE = Path(__file__).parent
# Runs a command and prints its peak memory. A small process has to do it: the peak of a
# child counts from that of its parent on.
WATCH = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
POWERS = notebook_torch.powers
RULES = {
    "pseudoinverse": am.Pseudoinverse(),
    "softmax": am.Softmax(),
    "ReLU": am.ReLU(),
    "dot product": am.DotProduct(),
}
GRIDS = {
    "experiment_2": (["pseudoinverse"], POWERS(4, 10), POWERS(2, 15)),
    "experiment_3": (list(RULES), [64], POWERS(2, 14)),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", choices=(*GRIDS, "command"))
    args = parser.parse_args()
    for name in GRIDS:
        if args.only in (None, name):
            report(name, **warm(name, args.repeats))
    if args.only in (None, "command"):
        report("command", **command(args.repeats))


def report(name, **row):
    shared = provenance(dtype="float32", precision="highest")
    print(json.dumps({"benchmark": "notebook", "what": name, **row, **shared}))


def warm(name: str, repeats: int) -> dict:
    """Time one grid in this process, after one run that compiles."""
    names, dimensions, loads = GRIDS[name]
    rules = {rule: RULES[rule] for rule in names}
    ours = lambda seed: am.study.sweep(rules, d=dimensions, n=loads, seed=seed)
    theirs = lambda: notebook_torch.grid(names, dimensions, loads)
    start = time.perf_counter()
    dataset = ours(0)
    cold = time.perf_counter() - start
    z = disagreement(dataset, theirs())
    assert z < 5, f"the curves differ by {z} standard errors"
    times = {"assocmem": [], "torch": []}
    for seed in range(repeats):
        for side, run in (("torch", theirs), ("assocmem", lambda: ours(seed))):  # noqa: B023
            start = time.perf_counter()
            run()
            times[side].append(time.perf_counter() - start)
    median = {side: float(np.median(seconds)) for side, seconds in times.items()}
    return {
        "cells": len(names) * len(dimensions) * len(loads),
        "seconds_cold": cold,
        "seconds_warm": median,
        "all_seconds": times,
        "ratio_warm": median["torch"] / median["assocmem"],
        "largest_z": z,
        **floor(names, dimensions, loads, median["assocmem"]),
    }


def disagreement(dataset, cells) -> float:
    """Largest difference of mean cosines, in standard errors."""
    z = []
    for (d, n), results in cells.items():
        for rule, ((mean, std), _) in results.items():
            here = dataset.sel(rule=rule, d=d, n=n)
            # Answers that are exact differ by rounding, up to 1e-3 near n = d in torch.
            error = np.sqrt((std**2 + float(here["cosine_std"]) ** 2) / n + 1e-6)
            z.append(abs(mean - float(here["cosine"])) / error)
    return max(z)


def floor(names, dimensions, loads, seconds: float) -> dict:
    """Products that the rules cannot do without, at the rate of one large product."""
    flops = 0
    for d in dimensions:
        for n in loads:
            for rule in names:
                if rule in ("softmax", "ReLU"):
                    flops += 4 * n * n * d
                else:
                    # Sums over the pairs (K'K too, for the pseudoinverse), then a read.
                    flops += (6 if rule == "pseudoinverse" else 4) * n * d * d
    rate = product_rate()
    return {
        "gigaflops": flops / 1e9,
        "gigaflops_per_second": rate / 1e9,
        "seconds_floor": flops / rate,
        "fraction_of_floor": flops / rate / seconds,
    }


def product_rate() -> float:
    """Floating-point operations per second of a 2048 x 2048 float32 product."""
    import jax
    import jax.numpy as jnp

    x = jnp.ones((2048, 2048), jnp.float32)
    product = jax.jit(lambda x: jnp.matmul(x, x, precision="highest"))
    product(x).block_until_ready()
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        product(x).block_until_ready()
        seconds.append(time.perf_counter() - start)
    return 2 * 2048**3 / float(np.median(seconds))


def command(repeats: int) -> dict:
    """Time the whole study in fresh processes."""
    sides = {
        "torch": [str(HERE / "notebook_torch.py")],
        "assocmem": ["-m", "assocmem_jax", "notebook"],
    }
    seconds = {side: [] for side in sides}
    peak = {side: 0.0 for side in sides}
    for _ in range(repeats):
        for side, arguments in sides.items():
            with tempfile.TemporaryDirectory() as out:
                call = [sys.executable, *arguments, "--out", out]
                start = time.perf_counter()
                kibibytes = subprocess.check_output(
                    [sys.executable, "-c", WATCH, *call]
                )
                seconds[side].append(time.perf_counter() - start)
                peak[side] = max(peak[side], int(kibibytes) / 2**20)
    median = {side: float(np.median(times)) for side, times in seconds.items()}
    return {
        "seconds_cold": median,
        "all_seconds": seconds,
        "ratio_cold": median["torch"] / median["assocmem"],
        "peak_gibibytes": peak,
    }


if __name__ == "__main__":
    main()
