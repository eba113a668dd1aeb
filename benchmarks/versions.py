"""Is this version of the library slower than another one?

Studies in fresh processes, another checkout and this one in turn: cold, with compiling
and without imports, and warm. Both have to find the same numbers, to rounding.

    git worktree add /tmp/before v0.1.0
    python benchmarks/versions.py /tmp/before
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


HERE = Path(__file__).parents[1]


def studies() -> dict:
    """Calls by name.

    The notebook's grid, four rules, many trials, a rule that looks at its pairs again
    and again, and values that are not drawn.
    """
    import assocmem_jax as am

    powers = lambda first, last: [2**k for k in range(first, last + 1)]
    optimal = {"pseudoinverse": am.Pseudoinverse()}
    four = {
        **optimal,
        "softmax": am.Softmax(),
        "ReLU": am.ReLU(),
        "dot product": am.DotProduct(),
    }
    five = {**four, "sparsemax": am.Sparsemax()}
    given = {
        "grid": (optimal, {"d": powers(4, 10), "n": powers(2, 15)}),
        "four rules": (four, {"d": [64], "n": powers(2, 14)}),
        "32 trials": (four, {"d": [64], "n": powers(2, 10), "trials": 32}),
        "sparsemax": (
            {"sparsemax": am.Sparsemax()},
            {"d": [64], "n": powers(2, 12)},
        ),
        "marginalized": (
            five,
            {"d": [32], "n": powers(2, 11), "trials": 4, "values": "marginalized"},
        ),
    }
    return {
        name: lambda rules=rules, grid=grid: am.sweep(rules, **grid)
        for name, (rules, grid) in given.items()
    }


def child(name: str, repeats: int, out: str) -> None:
    """Run one study cold and warm, and keep its numbers."""
    import numpy as np

    run, seconds, cpu = studies()[name], [], []
    for _ in range(repeats + 1):
        start, start_cpu = time.perf_counter(), time.process_time()
        data = run()
        seconds.append(time.perf_counter() - start)
        cpu.append(time.process_time() - start_cpu)
    np.savez(out, **{name: data[name].values for name in ("cosine", "distance")})
    print(json.dumps({"seconds": seconds, "cpu": cpu}))


def side(checkout: Path, name: str, repeats: int, out: str) -> dict:
    """One process of a checkout."""
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    command = [sys.executable, __file__, str(checkout), "--child", name, out]
    command += ["--repeats", str(repeats)]
    said = subprocess.run(
        command, env=environment, cwd=checkout, capture_output=True, text=True
    )
    if said.returncode:
        raise RuntimeError(said.stderr)
    return json.loads(said.stdout.splitlines()[-1])


def difference(a, b) -> float:
    """The largest one; NaN where one side alone has no number."""
    import numpy as np

    known = ~(np.isnan(a) & np.isnan(b))
    return float(np.max(np.abs(a[known] - b[known]), initial=0.0))


def measured(other: Path, name: str, processes: int, repeats: int) -> dict:
    """Medians of both sides, and by how much their answers differ."""
    import numpy as np

    sides = {"other": other, "this": HERE}
    runs = {which: [] for which in sides}
    with tempfile.TemporaryDirectory() as folder:
        outs = {which: f"{folder}/{which}.npz" for which in sides}
        for _ in range(processes):
            for which, checkout in sides.items():
                runs[which].append(side(checkout, name, repeats, outs[which]))
        one, two = (np.load(out) for out in outs.values())
        off = max(difference(one[x], two[x]) for x in one.files)
    if not off <= 1e-3:
        raise AssertionError(f"{name}: the versions differ by {off}")
    median = lambda which, kind, pick: statistics.median(
        pick(run[kind]) for run in runs[which]
    )
    first, rest = lambda x: x[0], lambda x: statistics.median(x[1:])
    row: dict = {"what": name, "largest_difference": off}
    for phase, pick in (("cold", first), ("warm", rest)):
        for kind in ("seconds", "cpu"):
            both = {which: median(which, kind, pick) for which in sides}
            row[f"{kind}_{phase}"] = both
            row[f"{kind}_{phase}_ratio"] = both["this"] / both["other"]
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("other", type=Path, help="a checkout of another version")
    parser.add_argument("--only", nargs="*", help="names of studies")
    parser.add_argument("--processes", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(args.child[0], args.repeats, args.child[1])
        return
    from _rows import report

    for name in args.only or studies():
        row = measured(args.other, name, args.processes, args.repeats)
        report("versions", other=version_of(args.other), **row)


def version_of(checkout: Path) -> str:
    """The version of the library in a checkout."""
    code = "import assocmem_jax; print(assocmem_jax.__version__)"
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    command = [sys.executable, "-c", code]
    out = subprocess.run(
        command, env=environment, cwd=checkout, capture_output=True, text=True
    )
    return out.stdout.strip()


if __name__ == "__main__":
    main()
