"""How far do studies reach: 2^24 pairs and more, in how much memory, in what time?

`am.sweep` at one load, 256 pairs asked, values drawn or not, each rule in a fresh
process. The memory is the peak of that process, less what it held after imports and a
small study of the same rule. The mean cosine must be what theory says, within 4
standard errors of the queries. `--log2-n 27` takes minutes for each rule.
"""

import argparse
import json
import subprocess
import sys
import time

import numpy as np
from _rows import provenance
from streaming import held

import assocmem_jax as am


class Cubic(am.AbstractSeparation):
    """A polynomial of degree 3."""

    def weigh(self, scores, mask):
        """The third power of the scores."""
        return None, scores**3


RULES = {
    "dot product": (am.DotProduct, am.theory.dot_product_cosine),
    "pseudoinverse": (am.Pseudoinverse, am.theory.pseudoinverse_cosine),
    "softmax": (
        lambda: am.Softmax(beta=1.0),
        lambda d, n: am.theory.softmax_cosine(d, n, beta=1.0),
    ),
    "ReLU": (am.ReLU, am.theory.relu_cosine),
    "polynomial": (Cubic, lambda d, n: am.theory.polynomial_cosine(d, n, degree=3)),
}
D, ASKED = 32, 256


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log2-n", type=int, default=24)
    parser.add_argument("--only", choices=RULES)
    parser.add_argument("--values", choices=("drawn", "marginalized"))
    parser.add_argument("--child", choices=RULES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    kinds = [args.values] if args.values else ["marginalized", "drawn"]
    if args.child:
        print(json.dumps(measured(args.child, 2**args.log2_n, kinds[0])), flush=True)
        return
    for rule in [args.only] if args.only else RULES:
        for kind in kinds:
            call = [sys.executable, __file__, "--child", rule, "--values", kind]
            call += ["--log2-n", str(args.log2_n)]
            subprocess.run(call, check=True)


def measured(name: str, n: int, kind: str) -> dict:
    """Memory and seconds of one rule, in this process."""
    rule, theory = RULES[name]
    study = {
        "d": [D],
        "asked": ASKED,
        "values": None if kind == "drawn" else kind,
        "metrics": ["cosine"],
    }
    am.sweep({name: rule()}, n=[64], **study)
    before, _ = held()
    start = time.perf_counter()
    data = am.sweep({name: rule()}, n=[n], **study)
    seconds = time.perf_counter() - start
    _, peak = held()
    compiled = data.attrs["compile_seconds"]
    cosine = float(data["cosine"].squeeze())
    error = float(data["cosine_std"].squeeze()) / ASKED**0.5
    expected = float(theory(D, n))
    if abs(cosine - expected) > 4 * error + 1e-6:
        raise ValueError(f"{name}: {cosine} +- {error}, not {expected}.")
    gibibytes = (peak - before) / 2**30
    return {
        "benchmark": "reach",
        "rule": name,
        "values": kind,
        "n": n,
        "d": D,
        "asked": ASKED,
        "cosine": cosine,
        "standard_error": error,
        "theory": expected,
        "gibibytes": gibibytes,
        "gibibytes_of_held_pairs": n * 4 * D * (2 if kind == "drawn" else 1) / 2**30,
        "pass": gibibytes < 1,
        "seconds": seconds,
        "compile_seconds": compiled,
        "pairs_per_second": n / np.maximum(seconds - compiled, 1e-3),
        **provenance(dtype="float32", precision="highest"),
    }


if __name__ == "__main__":
    main()
