"""The notebook as it was: loops over d and n in torch, and plain figures.

Run as a script, it is the peer of `assocmem notebook`: the same three experiments in a
fresh process. Imported, it gives `grid` to `benchmarks/notebook.py`.
"""

import argparse
from pathlib import Path

import torch


def powers(first, last):
    return [2**k for k in range(first, last + 1)]


RULES = {
    "pseudoinverse": lambda K, V: (V @ torch.linalg.pinv(K)) @ K,
    "softmax": lambda K, V: V @ torch.softmax(K.T @ K, dim=0),
    "ReLU": lambda K, V: V @ torch.relu(K.T @ K),
    "dot product": lambda K, V: V @ (K.T @ K),
}


def cell(rules, d, n):
    """Mean and spread of cosine and distance, for each rule, columns being items."""
    K, V = torch.randn(d, n), torch.randn(d, n)
    out = {}
    for rule in rules:
        retrieved = RULES[rule](K, V)
        cosine = torch.nn.functional.cosine_similarity(V, retrieved, dim=0)
        distance = (V - retrieved).norm(dim=0)
        out[rule] = [(x.mean().item(), x.std().item()) for x in (cosine, distance)]
    return out


def grid(rules, dimensions, loads):
    return {(d, n): cell(rules, d, n) for d in dimensions for n in loads}


def experiment_1():
    K, V = torch.randn(32, 1000), torch.randn(32, 1000)
    return grid(["pseudoinverse"], [32], powers(2, 14)), (K - V).norm(dim=0).mean()


def experiment_2():
    return grid(["pseudoinverse"], powers(4, 10), powers(2, 15))


def experiment_3():
    return grid(list(RULES), [64], powers(2, 14))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    import matplotlib.pyplot as plt

    first, baseline = experiment_1()
    second, third = experiment_2(), experiment_3()
    args.out.mkdir(parents=True, exist_ok=True)

    def line(ax, cells, d, rule, metric):
        loads = [n for size, n in cells if size == d]
        ax.semilogx(loads, [cells[d, n][rule][metric][0] for n in loads], base=2)

    figure, axes = plt.subplots(1, 2)
    line(axes[0], first, 32, "pseudoinverse", 0)
    axes[0].axhline(0)
    line(axes[1], first, 32, "pseudoinverse", 1)
    axes[1].axhline(baseline)
    figure.savefig(args.out / "experiment_1.png")
    figure, ax = plt.subplots()
    for d in powers(4, 10):
        line(ax, second, d, "pseudoinverse", 0)
    figure.savefig(args.out / "experiment_2.png")
    figure, axes = plt.subplots(1, 2)
    for rule in RULES:
        line(axes[0], third, 64, rule, 0)
        line(axes[1], third, 64, rule, 1)
    axes[1].set_yscale("log")
    figure.savefig(args.out / "experiment_3.png")


if __name__ == "__main__":
    main()
