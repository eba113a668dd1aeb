"""How long does a large study take on this device, and how near its peak does it work?

Two JSON rows. `study`: four rules, 20 x 20 (d, n), 32 trials, cold and warm, with the
phases of one trace of every kernel, times its number of calls, and the fraction of
peak: the operations or bytes that a phase cannot do without, at the best of the device.
Warm, the whole study is to take at most a minute on one GPU. `experiment_2`: the
notebook's grid of pseudoinverses, next to its torch code on the same device.

One device is measured. On a GPU, torch needs a build that sees it. `--quick` takes half
a minute on a CPU.
"""

import argparse
import collections
import sys

import jax
import notebook
import notebook_torch
import numpy as np
import torch
from _phases import PHASES, kernel, phases_of_call
from _rows import in_turn, medians, report, seconds_of
from _work import RULES, device_peaks, needs

import assocmem_jax as am


# Seconds that the whole study may take, warm, on one GPU.
ALLOWED = 60.0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--trials", type=int, default=32)
    parser.add_argument("--only", choices=("study", "experiment_2"))
    parser.add_argument("--quick", action="store_true", help="a small grid, in seconds")
    args = parser.parse_args()
    if args.only != "study" and on_gpu() and not torch.cuda.is_available():
        parser.error("torch sees no GPU: install a build that does, or --only study")
    d, n, trials = sizes(16, 1024, 20), sizes(4, 2**15, 20), args.trials
    if args.quick:
        d, n, trials = sizes(16, 64, 2), sizes(4, 512, 3), 2
    if args.only in (None, "study"):
        row = study(d, n, trials, args.repeats)
        if not args.quick:
            row["seconds_allowed"] = ALLOWED
        report("accelerator", what="study", **row)
    if args.only in (None, "experiment_2"):
        grid = notebook_torch.experiments(args.quick)["experiment_2"]
        report("accelerator", what="experiment_2", **next_to_torch(grid, args.repeats))


def sizes(first: int, last: int, count: int) -> list[int]:
    """Whole numbers in equal steps of their logarithm."""
    return np.unique(np.round(np.geomspace(first, last, count)).astype(int)).tolist()


def on_gpu() -> bool:
    return jax.default_backend() == "gpu"


def study(d: list[int], n: list[int], trials: int, repeats: int) -> dict:
    """Cold and warm seconds of the whole study, and those of its phases."""
    # The kernels whose phases are looked at are those of one device, too.
    devices = jax.local_devices()[:1]
    sweep = lambda seed: am.study.sweep(
        RULES, d=d, n=n, trials=trials, seed=seed, devices=devices
    )
    cold = seconds_of(lambda: sweep(0))
    seconds = in_turn({"assocmem": sweep}, repeats)
    check(sweep(0))
    peaks = device_peaks()
    phases = {rule: dict.fromkeys(PHASES, 0.0) for rule in RULES}
    least = collections.defaultdict(float)
    for rule in RULES:
        for size in d:
            spec = am.study.Spec({rule: RULES[rule]}, d=[size], n=n, trials=trials)
            compiled = kernel(spec)
            for phase, taken in phases_of_call(compiled)[0].items():
                phases[rule][phase] += taken * compiled.calls
            for phase, needed in needs(rule, size, n, peaks).items():
                least[phase] += needed * trials
        line = "".join(f"{phase} {phases[rule][phase]:.3g} s, " for phase in PHASES)
        print(f"{rule}: {line}", file=sys.stderr, flush=True)
    total = {phase: sum(x[phase] for x in phases.values()) for phase in PHASES}
    return {
        "d": d,
        "n": n,
        "trials": trials,
        "cells": len(RULES) * len(d) * len(n) * trials,
        "seconds_cold": cold,
        "seconds_warm": medians(seconds)["assocmem"],
        "all_seconds": seconds["assocmem"],
        "seconds_of_phases": total,
        "fraction_of_peak": {
            phase: least[phase] / total[phase] for phase in least if total[phase]
        },
        "seconds_of_phases_by_rule": phases,
        **peaks,
    }


def check(dataset):
    """Raise where the pseudoinverse does not answer as theory says."""
    mean = dataset["cosine"].sel(rule="pseudoinverse").mean("trial")
    # Projections of Gaussian values: the cosine of a large cell is sqrt(d / n).
    right = np.minimum(1, np.sqrt(mean.d / mean.n))
    np.testing.assert_allclose(mean, right.transpose(*mean.dims), atol=0.05)


def next_to_torch(grid, repeats: int) -> dict:
    """Cold and warm seconds of one grid, here and in torch, on the same device."""
    row = notebook.warm(grid, repeats, "cuda" if on_gpu() else "cpu")
    return {**row, "torch_device": torch.cuda.get_device_name() if on_gpu() else "cpu"}


if __name__ == "__main__":
    main()
