"""What is gained where values are not drawn?

`sweep` with Gaussian values and with `values="marginalized"`, in turn, warm, for each
rule and for two ensembles of keys: seconds, the standard error of the mean cosine, and
how many trials with values would buy the error that one has without. Before a figure
counts, both sides must agree within 4 standard errors in every cell.
"""

import argparse

import notebook_torch
import numpy as np
from _rows import in_turn, medians, report, seconds_of
from _work import RULES as EVERY_RULE

import assocmem_jax as am


GRID = [32], notebook_torch.powers(2, 12)
# A softmax that fails within these loads.
RULES = EVERY_RULE | {"softmax": am.Softmax(beta=32**-0.5)}
ENSEMBLES = {"gaussian": am.patterns.Gaussian(), "spherical": am.patterns.Spherical()}
# What float32 leaves of the cosine of an exact answer.
ROUNDING = 1e-5


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--small", action="store_true", help="few loads, one ensemble")
    args = parser.parse_args()
    d, n = GRID
    for keys in ["gaussian"] if args.small else list(ENSEMBLES):
        for rule in RULES:
            loads = n[:6] if args.small else n
            row = measured(rule, keys, d, loads, args.trials, args.repeats)
            report("marginalized", rule=rule, keys=keys, trials=args.trials, **row)


def measured(rule: str, keys: str, d, n, trials: int, repeats: int) -> dict:
    """Seconds and standard errors of both sides."""

    def sweep(values):
        return lambda seed: am.study.sweep(
            {rule: RULES[rule]},
            d=d,
            n=n,
            trials=trials,
            ensemble=ENSEMBLES[keys],
            values=values,
            seed=seed,
        )

    sides = {"drawn": sweep(None), "marginalized": sweep("marginalized")}
    cold = {side: seconds_of(lambda run=run: run(0)) for side, run in sides.items()}
    found = {side: run(0)["cosine"].squeeze() for side, run in sides.items()}
    errors = {x: y.std("trial", ddof=1) / trials**0.5 for x, y in found.items()}
    scatter = np.hypot(*errors.values())
    off = abs(found["drawn"].mean("trial") - found["marginalized"].mean("trial"))
    largest = float((off / (scatter + ROUNDING / 4)).max())
    assert largest < 4, f"{rule}: off by {largest:.2g} standard errors"
    # Exact answers scatter in neither.
    gain = (errors["drawn"] / errors["marginalized"]).where(scatter > ROUNDING)
    seconds = in_turn(sides, repeats)
    median = medians(seconds)
    return {
        "d": d,
        "n": n,
        "seconds_cold": cold,
        "seconds_warm": median,
        "all_seconds": seconds,
        "ratio_warm": median["drawn"] / median["marginalized"],
        "standard_error": {x: float(y.median()) for x, y in errors.items()},
        "error_ratio": {
            "smallest": float(gain.min()),
            "median": float(gain.median()),
            "largest": float(gain.max()),
        },
        "trials_saved": float((gain**2).median()),
        "largest_z": largest,
    }


if __name__ == "__main__":
    main()
