"""How accurate is the pseudoinverse rule in float32, next to torch, NumPy and jnp?

Every solver gets the same float32 keys and values. Its retrieved values are compared
with those of a float64 singular value decomposition: for the stored keys, and for new
queries, in the Frobenius norm. Keys are independent, or come in pairs that differ by a
thousandth, or in clusters of 8. One JSON row per kind and shape, medians over the
draws; `pass` says whether ours is no worse than torch on stored keys.
"""

import argparse
import json
import time

import jax
import jax.numpy as jnp
import numpy as np
import torch
from _rows import provenance

import assocmem_jax as am


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--d", type=int, nargs="+", default=[64, 256, 1024])
    parser.add_argument(
        "--load", type=float, nargs="+", default=[0.25, 0.5, 0.9, 1, 1.1, 2, 8]
    )
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--keys", nargs="+", choices=KINDS, default=list(KINDS))
    args = parser.parse_args()
    for kind in args.keys:
        for d in args.d:
            for load in args.load:
                shown = row(kind, d, round(load * d), args.draws)
                print(json.dumps(shown), flush=True)


# By how many one pattern is shared, and how far keys are from it, per coordinate.
KINDS = {"gaussian": (1, 1.0), "near duplicates": (2, 1e-3), "clusters": (8, 0.05)}


def draw(kind: str, rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    """Keys of one kind, one per row."""
    shared, spread = KINDS[kind]
    own = rng.standard_normal((n, d))
    if shared == 1:
        return own
    centers = rng.standard_normal((-(-n // shared), d))
    return np.repeat(centers, shared, axis=0)[:n] + spread * own


def row(kind: str, d: int, n: int, draws: int) -> dict:
    errors = {name: {"stored": [], "new": []} for name in solvers}
    seconds = {name: [] for name in solvers}
    for number in range(draws):
        rng = np.random.default_rng((d, n, number))
        keys = draw(kind, rng, n, d).astype(np.float32)
        values = rng.standard_normal((n, d)).astype(np.float32)
        queries = {"stored": keys, "new": rng.standard_normal((min(n, 1024), d))}
        u, s, vt = np.linalg.svd(keys.astype(np.float64), full_matrices=False)
        exact = vt.T @ ((u.T @ values) / s[:, None])
        for name, solve in solvers.items():
            start = time.perf_counter()
            weights = np.asarray(solve(keys, values))
            seconds[name].append(time.perf_counter() - start)
            for asked, q in queries.items():
                right = q.astype(np.float64) @ exact
                error = np.linalg.norm(q.astype(np.float64) @ weights - right)
                errors[name][asked].append(error / np.linalg.norm(right))
    median = lambda rows: float(f"{np.median(rows):.3g}")
    error = {
        name: {asked: median(e) for asked, e in found.items()}
        for name, found in errors.items()
    }
    return {
        "benchmark": "pseudoinverse_accuracy",
        "keys": kind,
        "d": d,
        "n": n,
        "draws": draws,
        "relative_error": error,
        "pass": error["assocmem"]["stored"] <= error["torch"]["stored"],
        "pass_new": error["assocmem"]["new"] <= error["torch"]["new"],
        "seconds": {name: median(s) for name, s in seconds.items()},
        **provenance(dtype="float32", precision="highest"),
    }


def _ours(keys, values):
    return _write(am.Pairs(keys, values))


_write = jax.jit(lambda pairs: am.Pseudoinverse().write(pairs).weights)

solvers = {
    "assocmem": _ours,
    "torch": lambda k, v: torch.linalg.pinv(torch.from_numpy(k)) @ torch.from_numpy(v),
    "numpy": lambda k, v: np.linalg.pinv(k) @ v,
    "jnp": lambda k, v: jnp.matmul(jnp.linalg.pinv(k), v, precision="highest"),
}


if __name__ == "__main__":
    main()
