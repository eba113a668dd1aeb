"""How long does the notebook take as it was: loops over d and n in torch?

Run as a script, it is the peer of `assocmem notebook`: the same three experiments in a
fresh process, figures and numbers. Imported, it gives `grid` to other benchmarks.
"""

import argparse
import json
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


def cell(rules, d, n, device):
    """Mean and spread of cosine and distance, for each rule, columns being items."""
    K, V = torch.randn(d, n, device=device), torch.randn(d, n, device=device)
    out = {}
    for rule in rules:
        retrieved = RULES[rule](K, V)
        cosine = torch.nn.functional.cosine_similarity(V, retrieved, dim=0)
        distance = (V - retrieved).norm(dim=0)
        out[rule] = [(x.mean().item(), x.std().item()) for x in (cosine, distance)]
    return out


def grid(rules, dimensions, loads, seed, device="cpu"):
    torch.manual_seed(seed)
    return {(d, n): cell(rules, d, n, device) for d in dimensions for n in loads}


def experiments(quick) -> dict[str, tuple[list, list, list]]:
    """Rules, dimensions and loads of the three experiments."""
    loads = powers(2, 8 if quick else 14)
    return {
        "experiment_1": (["pseudoinverse"], [32], loads),
        "experiment_2": (
            ["pseudoinverse"],
            powers(4, 6 if quick else 10),
            powers(2, 9 if quick else 15),
        ),
        "experiment_3": (list(RULES), [64], loads),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    import matplotlib.pyplot as plt

    grids = experiments(args.quick)
    results = {name: grid(*axes, args.seed) for name, axes in grids.items()}
    K, V = torch.randn(32, 1000), torch.randn(32, 1000)
    baseline = (K - V).norm(dim=0).mean()
    args.out.mkdir(parents=True, exist_ok=True)
    numbers = {name: list(cells.values()) for name, cells in results.items()}
    (args.out / "notebook.json").write_text(json.dumps(numbers))

    def line(ax, cells, d, rule, metric):
        loads = [n for size, n in cells if size == d]
        ax.semilogx(loads, [cells[d, n][rule][metric][0] for n in loads], base=2)

    figure, axes = plt.subplots(1, 2)
    line(axes[0], results["experiment_1"], 32, "pseudoinverse", 0)
    axes[0].axhline(0)
    line(axes[1], results["experiment_1"], 32, "pseudoinverse", 1)
    axes[1].axhline(baseline)
    figure.savefig(args.out / "experiment_1.png")
    figure, ax = plt.subplots()
    for d in grids["experiment_2"][1]:
        line(ax, results["experiment_2"], d, "pseudoinverse", 0)
    figure.savefig(args.out / "experiment_2.png")
    figure, axes = plt.subplots(1, 2)
    for rule in RULES:
        line(axes[0], results["experiment_3"], 64, rule, 0)
        line(axes[1], results["experiment_3"], 64, rule, 1)
    axes[1].set_yscale("log")
    figure.savefig(args.out / "experiment_3.png")


if __name__ == "__main__":
    main()
