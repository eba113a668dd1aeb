"""Where does the time of a study go: random numbers, products, factorisations, metrics?

Every kernel of the notebook's experiments 2 and 3 is compiled as `sweep` does it, and
one warm call of it is traced. One JSON row per rule and dimension, and a table on
stderr. The phases of a call add up to `seconds_call`: `rule` is what a rule does beside
products, such as exponentials, and `other` what belongs to no phase: pairs taken in
blocks, sums put together, loops, waiting. `seconds_warm` is the call without a trace.
`fraction_of_peak` compares a phase with the operations or bytes that it cannot do
without, at the best of the device.
"""

import argparse
import sys

import notebook_torch
import numpy as np
from _phases import PHASES, kernel, phases_of_call
from _rows import report, seconds_of
from _work import RULES, device_peaks, needs

import assocmem_jax as am
from assocmem_jax._base.threads import limit_lapack


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1)
    parser.add_argument("--small", action="store_true", help="a small grid, in seconds")
    args = parser.parse_args()
    peaks = device_peaks()
    columns = (*PHASES, "call", "warm", "lower", "compile")
    print(f"{'seconds':>20}" + "".join(f"{x:>15}" for x in columns), file=sys.stderr)
    for name in ("experiment_2", "experiment_3"):
        rules, dimensions, loads = notebook_torch.experiments(args.small)[name]
        for d in dimensions:
            for rule in rules:
                row = measured(rule, d, loads, args.trials, peaks)
                numbers = [
                    *row["seconds"].values(),
                    *(row[f"seconds_{x}"] for x in columns[len(PHASES) :]),
                ]
                line = "".join(f"{x:15.4f}" for x in numbers)
                print(f"{rule:>13} {d:>6}{line}", file=sys.stderr, flush=True)
                report("phases", what=name, **row)


def measured(rule: str, d: int, loads: list[int], trials: int, peaks: dict) -> dict:
    """How long the kernel of one rule and dimension takes, and what for."""
    spec = am.study.Spec({rule: RULES[rule]}, d=[d], n=loads, trials=trials)
    compiled = kernel(spec)
    with limit_lapack():
        first = seconds_of(compiled)
        warm = float(np.median([seconds_of(compiled) for _ in range(3)]))
    seconds, total = phases_of_call(compiled)
    least = needs(rule, d, loads, peaks)
    return {
        "rule": rule,
        "d": d,
        "n": loads,
        "trials": int(compiled.count[0]),
        "calls": compiled.calls,
        "seconds": seconds,
        "seconds_call": total,
        "seconds_warm": warm,
        "seconds_first": first,
        "seconds_lower": compiled.seconds_lower,
        "seconds_compile": compiled.seconds_compile,
        "fraction_of_peak": {
            phase: compiled.count[0] * least[phase] / seconds[phase]
            for phase in least
            if seconds[phase] > 0
        },
        **peaks,
    }


if __name__ == "__main__":
    main()
