"""Do 32 trials cost less than 32 times one trial?

`sweep` of all trials, and of one, in turn, warm, for each rule on a small and a larger
grid. The first of many trials has to be the one trial.
"""

import argparse

import notebook_torch
import numpy as np
from _rows import in_turn, medians, report, seconds_of
from _work import RULES

import assocmem_jax as am


GRIDS = {
    "small": ([16, 32, 64], notebook_torch.powers(2, 10)),
    "large": ([256], notebook_torch.powers(2, 12)),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--small", action="store_true", help="only the small grid")
    args = parser.parse_args()
    for name in ["small"] if args.small else list(GRIDS):
        for rule in RULES:
            row = measured(rule, *GRIDS[name], args.trials, args.repeats)
            report("trials", what=name, rule=rule, trials=args.trials, **row)


def measured(rule: str, d, n, trials: int, repeats: int) -> dict:
    """Cold and warm seconds of one trial and of many."""

    def sweep(trials):
        return lambda seed: am.study.sweep(
            {rule: RULES[rule]}, d=d, n=n, trials=trials, seed=seed
        )

    sides = {"one": sweep(1), "all": sweep(trials)}
    cold = {side: seconds_of(lambda run=run: run(0)) for side, run in sides.items()}
    one, first = (run(0).isel(trial=0) for run in sides.values())
    for name in ("cosine", "distance"):
        np.testing.assert_allclose(first[name], one[name], rtol=1e-4, atol=1e-4)
    same = all(bool((first[name] == one[name]).all()) for name in one)
    seconds = in_turn(sides, repeats)
    median = medians(seconds)
    return {
        "d": d,
        "n": n,
        "seconds_cold": cold,
        "seconds_warm": median,
        "all_seconds": seconds,
        "ratio": trials * median["one"] / median["all"],
        "same_bits": same,
    }


if __name__ == "__main__":
    main()
