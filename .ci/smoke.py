"""A little of everything that uses a dependency."""

from pathlib import Path

import matplotlib as mpl
import numpy as np

import assocmem_jax as am
from assocmem_jax._command.cli import main


mpl.use("agg")
keys = np.random.default_rng(0).standard_normal((6, 8)).astype(np.float32)
answers = am.retrieve(am.Pseudoinverse(), keys, keys, keys)
np.testing.assert_allclose(answers, keys, atol=1e-4)
rules = {"pseudoinverse": am.Pseudoinverse(), "softmax": am.Softmax(0.5)}
loads, betas = [2, 4, 8, 16, 32], {"beta": [0.1, 1.0]}
ds = am.sweep(rules, d=[4, 8], n=loads, trials=3, vary=betas, store="study")
assert am.load_study("study").equals(ds)
warm = ds.sel(beta=1.0)
found = am.capacity(warm)
with am.plot.style():
    am.plot.curves(warm.sel(d=8), "cosine", hue="rule").figure.savefig("curves.pdf")
    am.plot.capacity(found).figure.savefig("capacity.png")
    one = {"rule": "softmax"}
    ax = am.plot.heatmap(warm.sel(one), capacity=found.sel(one))
    ax.figure.savefig("map.svg")
main(["sweep", "--rules", "ReLU", "--d", "4", "--n", "2:8", "--store", "again"])
main(["plot", "again", "--out", "again.png"])
assert Path("again.png").stat().st_size > 0
