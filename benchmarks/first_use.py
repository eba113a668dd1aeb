"""How much of a first use is compiling, and what of that does a second one save?

A fresh process each time, in turn: without kept programs, and with those that an
earlier process has kept. One JSON row each for `assocmem notebook --quick`
(`notebook`), the study of the README, "Measure what it holds" (`readme`), and the
imports and figures that no program can save: the same command on a store that is
finished (`finished`). Programs that were compiled, and that came from the cache, are
counted by JAX's own events. `cpu_seconds` are those of all threads, which other work
on the machine stretches less.
"""

import argparse
import collections
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from _rows import in_turn, medians, report


README = Path(__file__).parents[1] / "README.md"
# Runs a program, and says what JAX told of its compiling.
COUNT = """
import collections, json, os, runpy, sys
import jax

counts, seconds = collections.Counter(), collections.Counter()
jax.monitoring.register_event_listener(lambda name, **_: counts.update([name]))


def add(name, duration, **_):
    seconds[name] += duration


jax.monitoring.register_event_duration_secs_listener(add)
import assocmem_jax as am

out, *sys.argv = sys.argv[1:]
if sys.argv[0] == "readme":
    am.study.keep_programs()
    exec(sys.stdin.read())
else:
    sys.argv[0] = "assocmem"
    runpy.run_module("assocmem_jax", run_name="__main__")
of = lambda name: round(seconds[f"/jax/core/compile/{name}_duration"], 3)
told = {
    "programs_compiled": counts["/jax/compilation_cache/cache_misses"],
    "programs_served": counts["/jax/compilation_cache/cache_hits"],
    "seconds_trace": of("jaxpr_trace"),
    "seconds_lower": of("jaxpr_to_mlir_module"),
    "seconds_compile_or_load": of("backend_compile"),
}
with open(out, "w") as file:
    json.dump(told, file)
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", choices=("notebook", "readme", "finished"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in ("notebook", "readme", "finished"):
            if args.only in (None, name):
                row = measured(name, Path(folder), args.repeats)
                report("first_use", what=name, **row)


def measured(name: str, folder: Path, repeats: int) -> dict:
    """Seconds of a process that compiles, and of one that finds all compiled.

    Raises:
        ValueError: if the latter compiles something.
    """
    told, cpu, store = {}, collections.defaultdict(list), folder / "store"

    def run(side):
        def process(repeat):
            if side == "first":
                shutil.rmtree(folder / "cache", ignore_errors=True)
            if name != "finished":
                shutil.rmtree(store, ignore_errors=True)
            before = cpu_seconds()
            told[side] = fresh(name, folder, store)
            cpu[side].append(cpu_seconds() - before)

        return process

    sides = {"first": run("first"), "second": run("second")}
    if name == "finished":
        fresh("notebook", folder, store)
        del sides["first"]
    seconds = in_turn(sides, repeats)
    if told["second"]["programs_compiled"]:
        raise ValueError(f"A second process compiled {told['second']}.")
    median = medians(seconds)
    of_cpu = medians(cpu)
    row = {
        "seconds": median,
        "all_seconds": seconds,
        "cpu_seconds": of_cpu,
        "all_cpu_seconds": dict(cpu),
        "told": told,
    }
    if "first" in median:
        row["ratio"] = median["first"] / median["second"]
        row["ratio_cpu"] = of_cpu["first"] / of_cpu["second"]
    return row


def cpu_seconds() -> float:
    """CPU seconds of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def fresh(name: str, folder: Path, store: Path) -> dict:
    """Run a program in a process of its own, and return what JAX told."""
    out, command = folder / "told.json", ["readme"]
    if name != "readme":
        command = ["assocmem", "notebook", "--quick", "--out", str(store)]
    kept = {k: v for k, v in os.environ.items() if not k.startswith("JAX_")}
    subprocess.run(
        [sys.executable, "-c", COUNT, str(out), *command],
        input=study_of_readme() if name == "readme" else "",
        env={**kept, "XDG_CACHE_HOME": str(folder / "cache"), "MPLBACKEND": "agg"},
        cwd=folder,
        stdout=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return json.loads(out.read_text())


def study_of_readme() -> str:
    """The code of the README's section "Measure what it holds"."""
    section = README.read_text().partition("\n## Measure what it holds\n")[2]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    if found is None:
        raise ValueError(f"There is no study in {README}.")
    return found[1]


if __name__ == "__main__":
    main()
