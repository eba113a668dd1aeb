"""Is softmax retrieval as fast as the attention of torch, whose scores never exist?

`am.retrieve` with its default arguments, `scaled_dot_product_attention` of torch, and
torch with the scores in memory, in turn, on the same float32 numbers. A few queries of
each are first compared with float64. `--jax` adds `jax.nn.dot_product_attention`.
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np
import torch
from _rows import in_turn, largest_errors, medians, report, seconds_of

import assocmem_jax as am


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=16384)
    parser.add_argument("--d", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--jax", action="store_true", help="jax.nn's attention, too")
    parser.add_argument("--small", action="store_true", help="n = 1024")
    args = parser.parse_args()
    n = 1024 if args.small else args.n
    report("attention", n=n, d=args.d, **measured(n, args.d, args.repeats, args.jax))


def measured(n: int, d: int, repeats: int, with_jax: bool) -> dict:
    """Cold and warm seconds of every side, and how exact they are."""
    arrays = np.random.default_rng(0).standard_normal((3, n, d)).astype(np.float32)
    keys, values, queries = map(jnp.asarray, arrays)
    device = "cuda" if jax.default_backend() == "gpu" else "cpu"
    k, v, q = torch.from_numpy(arrays).to(device)
    beta = 1 / d**0.5
    attention = torch.nn.functional.scaled_dot_product_attention
    sides = {
        "assocmem": lambda: am.retrieve(am.Softmax(beta=beta), keys, values, queries),
        "torch": lambda: attention(q[None, None], k[None, None], v[None, None])[0, 0],
        "torch_unfused": lambda: torch.softmax(beta * q @ k.T, dim=1) @ v,
    }
    if with_jax:
        by_jax = jax.jit(jax.nn.dot_product_attention)
        inputs = [x[:, None] for x in (queries, keys, values)]
        sides["jax"] = lambda: by_jax(*inputs)[:, 0]
    if device == "cuda":
        wait = lambda run: lambda: (run(), torch.cuda.synchronize())[0]
        sides = {side: wait(run) for side, run in sides.items()}
    cold = {side: seconds_of(run) for side, run in sides.items()}
    error = errors(sides, arrays, beta)
    if max(error.values()) > 1e-4:
        raise ValueError(f"The answers are off by {error}.")
    seconds = in_turn(
        {side: lambda _, run=run: run() for side, run in sides.items()}, repeats
    )
    median = medians(seconds)
    return {
        "seconds_cold": cold,
        "seconds_warm": median,
        "all_seconds": seconds,
        "ratio": {side: median[side] / median["assocmem"] for side in sides},
        "largest_error": error,
    }


def errors(sides, arrays, beta: float) -> dict[str, float]:
    """Largest error of a few answers, relative to the largest right number."""
    keys, values, queries = arrays.astype(np.float64)
    some = np.linspace(0, len(queries) - 1, 64).astype(int)
    scores = beta * queries[some] @ keys.T
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    right = weights @ values / weights.sum(axis=1, keepdims=True)
    return largest_errors(sides, right, some)


if __name__ == "__main__":
    main()
