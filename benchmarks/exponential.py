"""How many pairs does a softmax hold, as its dimension grows?

The number of Gaussian pairs at which the mean cosine of a softmax falls to 1/2, found
for dimensions up to where it passes 10^8: keys are drawn where they are looked at, some
pairs are asked, values are not drawn. Rows: each dimension, with its interval and what
the exact integral says; then the rate of growth, fitted to ln n* in d, with its
interval, the rate of the integral over the same dimensions, and the limit of large d.
Theory says where to look, not what is found: a crossing outside of the loads is open.

`--out` draws the figure. The whole takes 26 minutes of CPU time, 15 minutes on two
cores, and `--store` keeps finished work; `--quick` takes 40 s on busy cores.
"""

import argparse
import pathlib
import time

import jax
import numpy as np
from scipy import stats


# Trials side by side, one on each core: before the first device is asked for.
jax.config.update("jax_num_cpu_devices", 2)

import torch  # noqa: E402
from _rows import report, seconds_of  # noqa: E402

import assocmem_jax as am  # noqa: E402
from assocmem_jax._base import random  # noqa: E402


THRESHOLD = 0.5
DIMENSIONS = {1.0: (6, 9, 12, 15, 18, 21, 24, 27, 30, 33), 0.25: (8, *range(11, 48, 4))}
# Loads over the predicted one: fewer where each takes minutes.
AROUND, FAR = (0.25, 0.5, 1.0, 2.0), (0.25, 2.0)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="up to 10^5 pairs")
    parser.add_argument("--store", type=pathlib.Path, help="folder for finished work")
    parser.add_argument("--out", type=pathlib.Path, help="file of the figure")
    args = parser.parse_args()
    report("exponential", what="peer", **against_torch(2**14 if args.quick else 2**18))
    found = {}
    for beta, dimensions in DIMENSIONS.items():
        predicted = am.theory.capacity(
            am.Softmax(beta), d=np.array(dimensions), threshold=THRESHOLD
        )
        known = dict(zip(dimensions, np.asarray(predicted).tolist(), strict=True))
        known = {d: n for d, n in known.items() if not args.quick or n < 1e5}
        found[beta] = [measured(beta, d, n, args) for d, n in known.items()]
        report("exponential", what="rate", beta=beta, **rate(beta, found[beta]))
    if args.out is not None:
        draw(found, args.out)


def measured(beta: float, d: int, predicted: float, args) -> dict:
    """The capacity at one dimension, as a row."""
    far = predicted > 1e7
    loads = [max(1, round(factor * predicted)) for factor in (FAR if far else AROUND)]
    # Fewer questions where each takes long.
    asked = 256 if predicted < 1e6 else 128 if predicted < 5e7 else 64
    trials = 4 if far else 8 if predicted > 2e6 else 16
    store = None if args.store is None else args.store / f"beta{beta}-d{d}"
    start, cpu = time.perf_counter(), time.process_time()
    data = am.sweep(
        {"softmax": am.Softmax(beta)},
        d=[d],
        n=sorted(set(loads)),
        trials=trials,
        asked=asked,
        values="marginalized",
        metrics=["cosine"],
        store=store,
    )
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    cell = am.capacity(data, "cosine", THRESHOLD).squeeze()
    scores = trials * asked * float(np.sum(data["n"]))
    row = {
        "beta": beta,
        "d": d,
        "capacity": float(cell["capacity"]),
        "low": float(cell["low"]),
        "high": float(cell["high"]),
        "log_error": float(cell["log_error"]),
        "censored": str(cell["censored"].item()),
        "exact": predicted,
        "loads": data["n"].values.tolist(),
        "cosine": data["cosine"].mean("trial").values.ravel().round(4).tolist(),
        "trials": trials,
        "asked": asked,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu, 2),
        "compile_seconds": round(data.attrs["compile_seconds"], 2),
        "scores_per_second": scores / max(seconds - data.attrs["compile_seconds"], 0.1),
    }
    report("exponential", what="capacity", **row)
    return row


def rate(beta: float, rows: list[dict]) -> dict:
    """The slope of ln n* in d, by least squares weighted with the errors."""
    closed = [row for row in rows if row["censored"] == "no"]
    d, n, exact, error = (
        np.array([row[name] for row in closed])
        for name in ("d", "capacity", "exact", "log_error")
    )
    slope, error_of_slope = line(d, np.log(n), error)
    spread = stats.t.ppf(0.975, len(d) - 2) * error_of_slope
    return {
        "rate": slope,
        "low": slope - spread,
        "high": slope + spread,
        "exact": line(d, np.log(exact), error)[0],
        "limit": float(am.theory.softmax_threshold(beta)),
        "dimensions": d.tolist(),
        # Measured less exact, in standard errors.
        "z": ((np.log(n) - np.log(exact)) / error).round(2).tolist(),
    }


def line(x, y, error) -> tuple[float, float]:
    """The slope of a weighted line, and its standard error by what is left over."""
    weight = error**-2.0
    away = x - np.average(x, weights=weight)
    slope = np.sum(weight * away * y) / np.sum(weight * away**2)
    left = y - np.average(y, weights=weight) - slope * away
    scatter = max(np.sum(weight * left**2) / (len(x) - 2), 1.0)
    return float(slope), float(np.sqrt(scatter / np.sum(weight * away**2)))


def against_torch(n: int, d: int = 24, asked: int = 256) -> dict:
    """The same keys and queries in torch, dense: answers agree; seconds of each."""
    study = {"d": [d], "n": [n], "asked": asked, "values": "marginalized"}
    run = lambda: am.sweep({"softmax": am.Softmax(0.5)}, metrics=["cosine"], **study)
    cold = seconds_of(lambda: run()["cosine"])
    words = jax.numpy.asarray(random.trial_words(0, d, np.arange(1))[0])
    key_rng, _, query_rng = jax.random.wrap_key_data(words, impl="threefry2x32")
    keys = torch.from_numpy(np.array(am.patterns.Gaussian().draw(key_rng, n, d)))
    # The pairs that are asked begin where the trial says.
    begin_rng = random.stream(query_rng, 2**16)
    begin = random.uniform(begin_rng, jax.numpy.zeros(1, jax.numpy.int32), 1)
    index = (torch.arange(asked) * n + int(float(begin.squeeze()) * n)) // asked

    def dense():
        weights = torch.softmax(0.5 * keys[index] @ keys.T, dim=1)
        return weights[torch.arange(asked), index], weights.square().sum(1)

    seconds = {"torch": [], "ours": []}
    for _ in range(3):
        seconds["torch"].append(seconds_of(dense))
        seconds["ours"].append(seconds_of(lambda: run()["cosine"]))
    right, squares = (x.double().numpy() for x in dense())
    # Weights in 32 bits can have a square that is larger than all of them.
    ratio = np.minimum(right / np.sqrt(squares), 1)
    expected = am.theory.mean_cosine(ratio, d).mean()
    actual = float(run()["cosine"].squeeze())
    assert abs(actual - expected) < 1e-5, (actual, expected)
    medians = {side: float(np.median(times)) for side, times in seconds.items()}
    return {
        "n": n,
        "d": d,
        "asked": asked,
        "cosine": actual,
        "torch": medians["torch"],
        "ours_cold": cold,
        "ours": medians["ours"],
        "ratio": medians["torch"] / medians["ours"],
    }


def draw(found: dict[float, list[dict]], out: pathlib.Path):
    """Measured capacities over the exact integral, and the slopes of the limits."""
    import matplotlib.pyplot as plt

    with am.plot.style():
        fig, ax = plt.subplots(figsize=(5.2, 3.6))
        for i, (beta, rows) in enumerate(found.items()):
            d, n, low, high, exact = (
                np.array([row[name] for row in rows], float)
                for name in ("d", "capacity", "low", "high", "exact")
            )
            color = f"C{i}"
            text = {1.0: "1", 0.25: "1/4"}[beta]
            ax.plot(d, exact, color=color, label=rf"exact integral, $\beta = {text}$")
            limit = float(am.theory.softmax_threshold(beta))
            # The slope of the limit, through the last exact point.
            slope = exact[-1] * np.exp(limit * (d - d[-1]))
            ax.plot(d, slope, color=color, ls=":", label=rf"slope $e^{{{limit:g} d}}$")
            bars = np.stack([n - low, np.where(np.isinf(high), 0, high - n)])
            look = {"fmt": "o", "color": color, "ms": 4}
            ax.errorbar(d, n, bars, label="measured", **look)
            # An interval without an end goes as far as the number, to an arrow.
            d, n = d[np.isinf(high)], n[np.isinf(high)]
            ax.errorbar(d, n, np.stack([n, n]), lolims=True, **look)
        ax.set_yscale("log")
        ax.set_xlabel("dimension $d$")
        ax.set_ylabel("pairs $n^*$ at a mean cosine of 1/2")
        ax.legend()
        fig.savefig(out, dpi=160)
        plt.close(fig)


if __name__ == "__main__":
    main()
