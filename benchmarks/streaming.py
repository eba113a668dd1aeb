"""How much memory do 262144 pairs need, asked for each of them, beyond the data?

`am.retrieve` with its default arguments, each rule in a fresh process. The memory is
the peak of that process, less what it held before the call, when the pairs were there
and a small call had been compiled; the answers count. A few answers are compared with
float64. Softmax and ReLU take minutes: `--queries` asks for fewer.
"""

import argparse
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from _rows import provenance, seconds_of

import assocmem_jax as am


RULES = {
    "dot product": am.DotProduct,
    "pseudoinverse": am.Pseudoinverse,
    "softmax": lambda: am.Softmax(beta=1 / 8),
    "ReLU": am.ReLU,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=2**18)
    parser.add_argument("--d", type=int, default=64)
    parser.add_argument("--queries", type=int, help="how many; all keys by default")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--only", choices=RULES)
    parser.add_argument("--small", action="store_true", help="n = 16384")
    parser.add_argument("--child", choices=RULES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    n = 2**14 if args.small else args.n
    if args.child:
        row = measured(args.child, n, args.d, args.queries or n, args.repeats)
        print(json.dumps(row))
        return
    for rule in [args.only] if args.only else RULES:
        call = [sys.executable, __file__, *sys.argv[1:], "--child", rule]
        subprocess.run(call, check=True)


def measured(rule: str, n: int, d: int, queries: int, repeats: int) -> dict:
    """Memory and seconds of one rule, in this process."""
    rng = np.random.default_rng(0)
    keys, values = (
        jnp.asarray(rng.standard_normal((n, d), dtype=np.float32)) for _ in range(2)
    )
    asked = keys if queries == n else keys[:queries]
    memory = RULES[rule]()
    jax.block_until_ready(am.retrieve(memory, keys[:64], values[:64], keys[:64]))
    before, _ = held()
    start = time.perf_counter()
    answers = am.retrieve(memory, keys, values, asked).block_until_ready()
    cold = time.perf_counter() - start
    _, peak = held()
    error = error_of(rule, *(np.asarray(x) for x in (keys, values, asked, answers)))
    if error > 1e-4:
        raise ValueError(f"The answers of {rule} are off by {error}.")
    warm = [
        seconds_of(lambda: am.retrieve(memory, keys, values, asked))
        for _ in range(repeats)
    ]
    gibibytes = (peak - before) / 2**30
    return {
        "benchmark": "streaming",
        "rule": rule,
        "n": n,
        "d": d,
        "queries": queries,
        "gibibytes_beyond_data": gibibytes,
        "gibibytes_data": 2 * keys.nbytes / 2**30,
        "gibibytes_answers": answers.nbytes / 2**30,
        "pass": gibibytes < 1,
        "seconds_cold": cold,
        "seconds_warm": float(np.median(warm)) if warm else None,
        "all_seconds": warm,
        "largest_error": error,
        **provenance(dtype="float32", precision="highest"),
    }


def held() -> tuple[int, int]:
    """Bytes held now, and the most there ever were: of the device, or the process."""
    if stats := jax.devices()[0].memory_stats():
        return stats["bytes_in_use"], stats["peak_bytes_in_use"]
    # Not `ru_maxrss`, which counts from the peak of the parent on.
    status = Path("/proc/self/status").read_text()
    now, peak = (
        int(re.findall(rf"{name}:\s+(\d+) kB", status)[0]) * 1024
        for name in ("VmRSS", "VmHWM")
    )
    return now, peak


def error_of(rule: str, keys, values, queries, answers) -> float:
    """Largest error of a few answers, relative to the largest right number."""
    some = np.linspace(0, len(queries) - 1, 16).astype(int)
    k, v, q = (x.astype(np.float64) for x in (keys, values, queries[some]))
    scores = q @ k.T
    if rule == "pseudoinverse":
        right = q @ np.linalg.solve(k.T @ k, k.T @ v)
    elif rule == "softmax":
        weights = np.exp((scores - scores.max(axis=1, keepdims=True)) / 8)
        right = weights @ v / weights.sum(axis=1, keepdims=True)
    elif rule == "ReLU":
        right = np.maximum(scores, 0) @ v
    else:
        right = scores @ v
    return float(np.abs(answers[some] - right).max() / np.abs(right).max())


if __name__ == "__main__":
    main()
