"""How fast is each rule, to write and to read, beside its plain code in torch?

`write` and `read` apart, for two dimensions and two numbers of pairs, 1024 queries,
each rule in a fresh process, both sides in turn. The answers of both sides must agree,
and with float64 for a few queries, before a time counts. The floor is the time of the
operations that the rule says of itself, at the rate of one large product, or of one
pass over what is stored, whichever is longer. Peak bytes are those beyond what was held
before the call.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import torch
from _rows import in_turn, medians, provenance, seconds_of
from _torch_rules import RULES, Peer
from _work import device_peaks
from streaming import held

import assocmem_jax as am


SIZES = [(64, 1024), (64, 16384), (256, 1024), (256, 16384)]
QUERIES = 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", choices=RULES)
    parser.add_argument("--small", action="store_true", help="the smallest size alone")
    parser.add_argument("--child", choices=RULES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        peaks = device_peaks()
        for d, n in SIZES[: 1 if args.small else None]:
            row = measured(args.child, d, n, args.repeats, peaks)
            print(json.dumps(row), flush=True)
        return
    for rule in [args.only] if args.only else RULES:
        call = [sys.executable, __file__, *sys.argv[1:], "--child", rule]
        subprocess.run(call, check=True)


def measured(name: str, d: int, n: int, repeats: int, peaks: dict) -> dict:
    """Seconds and bytes of one rule at one size."""
    peer, rng = RULES[name], np.random.default_rng(0)
    # Scores of one size at every dimension.
    keys, values, queries = (
        rng.standard_normal((rows, d), dtype=np.float32) * np.float32(scale)
        for rows, scale in ((n, d**-0.25), (n, 1.0), (QUERIES, d**-0.25))
    )
    sides = {"assocmem": jax_side(peer, n), "torch": (peer.write, peer.read)}
    form = {"assocmem": jnp.asarray, "torch": torch.from_numpy}
    more = {}
    if isinstance(peer.rule, am.Mapped):
        more["D"] = peer.rule.features.dimension(d)
    counted = lambda what: peer.counted(what, n=n, d=d, v=d, **more)
    calls, cold, peak, out = {"write": {}, "read": {}}, {}, {}, {}
    for side, (write, read) in sides.items():
        k, v, q = map(form[side], (keys, values, queries))
        calls["write"][side] = lambda _, write=write, k=k, v=v: write(k, v)
        out["write", side] = first(calls["write"][side], cold, peak, ("write", side))
        memory = out["write", side]
        calls["read"][side] = lambda _, read=read, memory=memory, q=q: read(memory, q)
        out["read", side] = first(calls["read"][side], cold, peak, ("read", side))
    answers = {side: np.asarray(out["read", side]) for side in sides}
    error = disagreement(peer, keys, values, queries, answers)
    moved = {"write": 8.0 * n * d, "read": 4.0 * counted("state")}
    phases = {}
    for phase, times in (("write", 1), ("read", QUERIES)):
        median = medians(in_turn(calls[phase], repeats))
        floor = max(
            counted(phase) * times / peaks["operations_per_second"],
            moved[phase] / peaks["bytes_per_second"],
        )
        phases[phase] = {
            "seconds_cold": {side: cold[phase, side] for side in sides},
            "seconds_warm": median,
            # Of what keeps the pairs there is nothing to compare.
            "ratio_warm": median["torch"] / median["assocmem"]
            if counted(phase)
            else None,
            "peak_mebibytes": {side: peak[phase, side] for side in sides},
            "seconds_floor": floor,
            "fraction_of_floor": floor / median["assocmem"],
        }
    return {
        "benchmark": "rules",
        "rule": str(peer.rule),
        "d": d,
        "n": n,
        "queries": QUERIES,
        **phases,
        "largest_error": error,
        "note": peer.note,
        **provenance(dtype="float32", precision="highest"),
    }


def jax_side(peer: Peer, n: int):
    """Write and read here, compiled."""
    rule, (fold, batch) = peer.rule, am.Fold().plan(n, QUERIES)
    write = lambda k, v: rule.write(am.Pairs(k, v), fold)
    answer = lambda memory: lambda q: rule.read(memory, q, fold)
    read = lambda memory, q: jax.lax.map(answer(memory), q, batch_size=batch)
    return eqx.filter_jit(write), eqx.filter_jit(read)


def disagreement(peer: Peer, keys, values, queries, answers) -> float:
    """Largest error of the answers, relative to the largest right number.

    Raises:
        ValueError: if a side is not right, or both disagree.
    """
    some = np.linspace(0, QUERIES - 1, 16).astype(int)
    wide = [torch.from_numpy(x.astype(np.float64)) for x in (keys, values, queries)]
    right = peer.read(peer.write(*wide[:2]), wide[2][some]).numpy()
    size = np.abs(right).max()
    here, there = answers["assocmem"], answers["torch"]
    errors = [np.abs(x[some] - right).max() / size for x in (here, there)]
    apart = np.abs(here - there).max() / np.abs(here).max()
    if not max(errors[0], apart - 10 * errors[1]) < peer.tolerance:
        raise ValueError(f"{peer.rule}: errors {errors}, apart by {apart}.")
    return float(errors[0])


def first(call, cold: dict, peak: dict, entry: tuple[str, str]):
    """What a first call returns, with its time and the memory it took noted."""
    # The peak of this process counts from now on.
    Path("/proc/self/clear_refs").write_text("5")
    before, _ = held()
    out = []
    cold[entry] = seconds_of(lambda: out.append(call(0)) or out[0])
    peak[entry] = (held()[1] - before) / 2**20
    return out[0]


if __name__ == "__main__":
    main()
