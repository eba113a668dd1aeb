"""How many pairs does local linear attention hold, at which beta, penalty and noise?

The number of Gaussian pairs at which the mean cosine falls to 0.9, for inverse
temperatures and penalties of `LocalLinear`, and for `Softmax`, the limit of an infinite
penalty; queries as they were stored, and noisy ones. Values are not drawn. One row for
each noise and dimension, with intervals; `--out` draws the figure.
"""

import argparse
import pathlib

import numpy as np
from _rows import report

import assocmem_jax as am


THRESHOLD = 0.9
BETAS = (0.05, 0.1, 0.2, 0.4, 0.8)
PENALTIES = (0.01, 0.1, 1.0, 10.0)
NOISES = (0.0, 0.25, 0.5)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="fewer loads and trials")
    parser.add_argument("--out", type=pathlib.Path, help="file of the figure")
    args = parser.parse_args()
    found = {d: measured(d, args.small) for d in ((16,) if args.small else (16, 32))}
    for d, capacities in found.items():
        for noise in NOISES:
            at = {"query_noise": noise, "d": d}
            report("local_linear", d=d, query_noise=noise, **row(capacities.sel(at)))
    if args.out is not None:
        draw(found, args.out)


def measured(d: int, small: bool):
    """Capacities over beta, penalty and noise."""
    penalties = {f"{x:g}": am.LocalLinear(penalty=x) for x in PENALTIES}
    study = am.sweep(
        {**penalties, "softmax": am.Softmax()},
        d=[d],
        n=[2**k for k in range(3, 9 if small else 13)],
        trials=2 if small else 8,
        query_noise=list(NOISES),
        vary={"beta": list(BETAS)},
        values="marginalized",
        metrics=["cosine"],
        asked=64 if small else 128,
    )
    return am.capacity(study, "cosine", THRESHOLD)


def row(capacities) -> dict:
    """The numbers of one noise, by penalty and beta; null beyond the loads."""
    plain = lambda x: [None if not np.isfinite(y) else float(y) for y in x]
    return {
        "threshold": THRESHOLD,
        "beta": list(BETAS),
        **{
            kind: {
                str(rule): plain(capacities[kind].sel(rule=rule).values)
                for rule in capacities["rule"].values
            }
            for kind in ("capacity", "low", "high")
        },
        "censored": {
            str(rule): capacities["censored"].sel(rule=rule).values.tolist()
            for rule in capacities["rule"].values
        },
    }


def draw(found, out: pathlib.Path) -> None:
    """Capacity against beta, one panel for each noise and dimension."""
    import matplotlib.pyplot as plt

    with am.plot.style():
        figure, axes = plt.subplots(
            len(found),
            len(NOISES),
            figsize=(9, 2.9 * len(found)),
            sharex=True,
            sharey=True,
            squeeze=False,
        )
        for line, (d, capacities) in zip(axes, found.items(), strict=True):
            for ax, noise in zip(line, NOISES, strict=True):
                panel(ax, capacities.sel(query_noise=noise, d=d))
                ax.set_title(f"$d = {d}$, noise {noise:g}")
                ax.label_outer()
        axes[0, 0].legend(title="penalty")
        figure.savefig(out)


def panel(ax, capacities) -> None:
    """Points with intervals; triangles where all loads pass, or none."""
    import matplotlib as mpl

    colors = mpl.colormaps["viridis"](np.linspace(0, 0.85, len(PENALTIES)))
    looks = [*colors, "0.3"]
    beta = np.array(BETAS)
    for rule, color in zip(capacities["rule"].values, looks, strict=True):
        one = capacities.sel(rule=rule)
        n = one["capacity"].values
        ax.plot(beta, n, "o-", color=color, label=str(rule), markersize=3)
        ax.vlines(beta, one["low"].values, one["high"].values, color=color)
        for side, marker, end in (
            ("above", "^", "bracket_low"),
            ("below", "v", "bracket_high"),
        ):
            chosen = one["censored"].values == side
            ax.plot(
                beta[chosen],
                one[end].values[chosen],
                marker,
                color=color,
                markerfacecolor="white",
                clip_on=False,
            )
    ax.set_xscale("log", base=2)
    ax.set_yscale("log", base=2)
    ax.set_xlabel(r"inverse temperature $\beta$")
    ax.set_ylabel(f"pairs at cosine {THRESHOLD}")


if __name__ == "__main__":
    main()
