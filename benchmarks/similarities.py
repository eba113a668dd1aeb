"""Are softmaxes of distances as fast as those of torch, which takes all of them first?

`am.retrieve` with its default arguments and `torch.softmax(-beta * torch.cdist(...), 1)
@ values` in turn, for Manhattan and squared Euclidean distances, on the same float32
numbers: answers to many queries, their gradients by keys, values and queries, and the
answer to one query. A softmax of products stands beside them, as the floor. A few
answers are first compared with float64. Manhattan distances to many queries must be at
least `--least` times as fast as those of torch.
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np
import torch
from _rows import in_turn, largest_errors, medians, report, seconds_of

import assocmem_jax as am
from assocmem_jax.similarities import Manhattan, SquaredEuclidean


# Of each similarity the power p of the norm, and the power of the distance.
SIMILARITIES = {"manhattan": (Manhattan(), 1, 1), "squared": (SquaredEuclidean(), 2, 2)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--d", type=int, default=784)
    parser.add_argument("--m", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=11)
    parser.add_argument("--least", type=float, default=2.0)
    parser.add_argument("--small", action="store_true", help="n = m = 100")
    args = parser.parse_args()
    n, m = (100, 100) if args.small else (args.n, args.m)
    torch.set_num_threads(2)
    for name in SIMILARITIES:
        for part, queries in (("answers", m), ("gradients", m), ("one_answer", 1)):
            row = measured(name, part, n, args.d, queries, args.repeats)
            about = {"similarity": name, "part": part, "n": n, "d": args.d}
            report("similarities", **about, m=queries, **row)
            enough = row["ratio"]["torch"] >= args.least or args.small
            if (name, part) == ("manhattan", "answers") and not enough:
                raise ValueError(f"Not {args.least} times as fast: {row['ratio']}.")


def measured(name: str, part: str, n: int, d: int, m: int, repeats: int) -> dict:
    """Cold and warm seconds of all sides, and how exact they are."""
    rng = np.random.default_rng(0)
    keys, values = rng.standard_normal((2, n, d)).astype(np.float32)
    # Queries that are near some of the keys.
    queries = keys[np.arange(m) % n] + 0.5 * rng.standard_normal((m, d))
    arrays = keys, values, queries.astype(np.float32)
    similarity, norm, power = SIMILARITIES[name]
    # Several keys share the weight of each query.
    beta = 0.02 if name == "manhattan" else 0.005
    k, v, q = (torch.from_numpy(x).requires_grad_() for x in arrays)

    def by_torch():
        scores = -beta * torch.cdist(q, k, p=norm) ** power
        return torch.softmax(scores, dim=1) @ v

    def gradients_by_torch():
        return torch.autograd.grad((by_torch() ** 2).sum(), (k, v, q))

    rule = am.Softmax(beta=beta, similarity=similarity)
    sides = {
        "assocmem": ours(rule, part, arrays),
        "torch": gradients_by_torch if part == "gradients" else by_torch,
        "floor": ours(am.Softmax(beta=beta), part, arrays),
    }
    cold = {side: seconds_of(run) for side, run in sides.items()}
    answered = {"assocmem": ours(rule, "answers", arrays), "torch": by_torch}
    error = errors(answered, arrays, beta, power)
    if max(error.values()) > 1e-4:
        raise ValueError(f"The answers are off by {error}.")
    if part == "gradients":
        error = differences(sides["assocmem"](), gradients_by_torch())
        if max(error.values()) > 1e-3:
            raise ValueError(f"The gradients differ by {error}.")
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


def ours(rule: am.AbstractRule, part: str, arrays):
    """What is timed of this library."""
    given = [jnp.asarray(x) for x in arrays]
    if part != "gradients":
        return lambda: am.retrieve(rule, *given)
    loss = lambda *arrays: jnp.sum(am.retrieve(rule, *arrays) ** 2)
    gradients = jax.jit(jax.grad(loss, (0, 1, 2)))
    return lambda: gradients(*given)


def differences(a, b) -> dict[str, float]:
    """Largest difference of gradients, relative to the largest of them."""
    return {
        name: float(np.abs(np.asarray(x) - y.numpy()).max() / np.abs(y.numpy()).max())
        for name, x, y in zip(("keys", "values", "queries"), a, b, strict=True)
    }


def errors(sides, arrays, beta: float, power: int) -> dict[str, float]:
    """Largest error of a few answers, relative to the largest right number."""
    keys, values, queries = (x.astype(np.float64) for x in arrays)
    some = np.linspace(0, len(queries) - 1, 16).astype(int)
    off = np.abs(queries[some, None] - keys) ** power
    scores = -beta * off.sum(axis=2)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    right = weights @ values / weights.sum(axis=1, keepdims=True)
    return largest_errors(sides, right, some)


if __name__ == "__main__":
    main()
