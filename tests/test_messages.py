"""Every message names the call that was typed, and the argument in it."""

import jax
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

import assocmem_jax as am
from assocmem_jax.study import Spec


RULES = {"dot": am.DotProduct()}
NOISY = {"query_noise": -1.0}
BIPOLAR = {"ensemble": am.patterns.Bipolar()}
KEYS, RNG = np.eye(3), jax.random.key(0)
SAMPLES = am.patterns.Samples(np.eye(4))
STUDY = xr.Dataset(
    {"cosine": (("rule", "d", "n", "trial"), np.ones((2, 1, 2, 2)))},
    {"rule": ["a", "b"], "d": [4], "n": [2, 4], "trial": [0, 1]},
)


def sweep(**changed):
    return am.sweep(**{"rules": RULES, "d": [4], "n": [2], **changed})


def spec(**changed):
    return Spec(**{"rules": RULES, "d": [4], "n": [2], **changed})


def search(**changed):
    given = {"rules": RULES, "d": [4], "threshold": 0.5, "trials": 2}
    return am.search_capacity(**{**given, **changed})


def predict(**changed):
    return am.theory.predict(**{"rules": RULES, "d": [4], "n": [2], **changed})


def crossing(**changed):
    return am.theory.capacity(**{"rule": am.DotProduct(), "d": 4, **changed})


def retrieve(**changed):
    arrays = {"keys": KEYS, "values": KEYS, "queries": KEYS}
    return am.retrieve(**{"rule": am.DotProduct(), **arrays, **changed})


# The call, and how the message begins.
CALLS = (
    (lambda: sweep(d=[0]), "sweep(d=...)"),
    (lambda: sweep(n=[4, 2]), "sweep(n=...)"),
    (lambda: sweep(rules={}), "sweep(rules=...)"),
    (lambda: sweep(trials=0), "sweep(trials=...)"),
    (lambda: sweep(seed=-1), "sweep(seed=...)"),
    (lambda: sweep(v=0), "sweep(v=...)"),
    (lambda: sweep(metrics=["bits"]), "sweep(metrics=...)"),
    (lambda: sweep(**NOISY), "sweep(query_noise=...)"),
    (lambda: sweep(mask_fraction=2.0), "sweep(mask_fraction=...)"),
    (lambda: sweep(flip_probability=[0.0, 2.0]), "sweep(flip_probability=...)"),
    (lambda: sweep(vary={"x": [1.0]}), "sweep(vary=...)"),
    (lambda: sweep(success_cosine=1.0), "sweep(success_cosine=...)"),
    (lambda: sweep(ensemble=SAMPLES, n=[9]), "sweep(n=...)"),
    (lambda: sweep(ensemble=SAMPLES, d=[5]), "sweep(d=...)"),
    (lambda: sweep(values=SAMPLES, n=[9]), "sweep(values=...)"),
    (lambda: sweep(values=SAMPLES, v=5), "sweep(values=...)"),
    (
        lambda: sweep(values="marginalized", metrics=["recall"]),
        'sweep(values="marginalized")',
    ),
    (lambda: sweep(memory=0), "sweep(memory=...)"),
    (lambda: sweep(memory=1), "sweep(d=..., n=...)"),
    (lambda: sweep(devices=[]), "sweep(devices=...)"),
    (lambda: sweep(store=""), "sweep(store=...)"),
    (lambda: sweep(store="/dev/null/x"), "sweep(store='/dev/null/x')"),
    (lambda: spec(d=[0]), "Spec(d=...)"),
    (lambda: spec(**NOISY), "Spec(query_noise=...)"),
    (lambda: am.study.run(spec(), memory=0), "study.run(memory=...)"),
    (lambda: am.study.run(spec(), store=""), "study.run(store=...)"),
    (lambda: am.study.run(spec(), memory=1), "Spec(d=..., n=...)"),
    (lambda: am.load_study("none"), "load_study(path='none')"),
    (lambda: search(d=[0]), "search_capacity(d=...)"),
    (lambda: search(start=0), "search_capacity(start=...)"),
    (lambda: search(limit=0), "search_capacity(limit=...)"),
    (lambda: search(limit=2), "search_capacity(limit=...)"),
    (lambda: search(metric="bits"), "search_capacity(metric=...)"),
    (lambda: search(threshold=2.0), "search_capacity(threshold=...)"),
    (lambda: search(confidence=2.0), "search_capacity(confidence=...)"),
    (lambda: search(trials=1), "search_capacity(trials=...)"),
    (lambda: search(tolerance=0.0), "search_capacity(tolerance=...)"),
    (lambda: search(**NOISY), "search_capacity(query_noise=...)"),
    (lambda: search(query_noise=[0.0, 1.0]), "search_capacity(query_noise=...)"),
    (lambda: search(memory=0), "search_capacity(memory=...)"),
    (lambda: search(memory=1), "search_capacity(d=..., limit=...)"),
    (lambda: search(devices=[]), "search_capacity(devices=...)"),
    (lambda: search(ensemble=SAMPLES, start=9), "search_capacity(start=...)"),
    (lambda: search(values=SAMPLES, start=9), "search_capacity(values=...)"),
    (lambda: predict(d=[0]), "theory.predict(d=...)"),
    (lambda: predict(n=[]), "theory.predict(n=...)"),
    (lambda: predict(metrics=["bits"]), "theory.predict(metrics=...)"),
    (lambda: predict(metrics=["success"]), "theory.predict(metrics=...)"),
    (lambda: predict(ensemble=SAMPLES, n=[2]), "theory.predict(ensemble=...)"),
    (lambda: predict(**BIPOLAR, d=[2], metrics=["recall"]), "theory.predict(d=...)"),
    (lambda: predict(**BIPOLAR, v=99, metrics=["recall"]), "theory.predict(v=...)"),
    (lambda: predict(**NOISY), "theory.predict(query_noise=...)"),
    (
        lambda: predict(**BIPOLAR, query_noise=0.1),
        "theory.predict(query_noise=...)",
    ),
    (lambda: crossing(d=0), "theory.capacity(d=...)"),
    (lambda: crossing(metric="bits"), "theory.capacity(metric=...)"),
    (lambda: crossing(threshold=2.0), "theory.capacity(threshold=...)"),
    (lambda: crossing(ensemble=SAMPLES), "theory.capacity(ensemble=...)"),
    (lambda: crossing(**NOISY), "theory.capacity(query_noise=...)"),
    (lambda: am.theory.softmax_cosine(0, 1, 1.0), "theory.softmax_cosine(d=...)"),
    (lambda: retrieve(keys=KEYS[0]), "retrieve(keys=...)"),
    (lambda: retrieve(values=KEYS[:2]), "retrieve(keys=..., values=...)"),
    (lambda: retrieve(queries=KEYS[:, :2]), "retrieve(keys=..., queries=...)"),
    (lambda: retrieve(query_batch=0), "retrieve(query_batch=...)"),
    (lambda: retrieve(mask=[True]), "retrieve(mask=...)"),
    (lambda: retrieve(queries=np.nan * KEYS), "retrieve(queries=...)"),
    (lambda: am.Pairs(KEYS, KEYS[:2]), "Pairs(keys=..., values=...)"),
    (lambda: am.Pairs(KEYS, KEYS, [True]), "Pairs(mask=...)"),
    (lambda: am.Fold(0), "Fold(block_size=...)"),
    (lambda: am.Fold(precision="x"), "Fold(precision=...)"),
    (lambda: am.Softmax(-1.0), "Softmax(beta=...)"),
    (lambda: am.Sparsemax(-1.0), "Sparsemax(beta=...)"),
    (lambda: am.Pseudoinverse(-1.0), "Pseudoinverse(rtol=...)"),
    (lambda: am.Entmax(1.0, 0.5), "Entmax(alpha=...)"),
    (lambda: am.KSubset(1.0, 0), "KSubset(k=...)"),
    (lambda: am.Normmax(1.0, 1.0), "Normmax(gamma=...)"),
    (lambda: am.NullSoftmax(1.0, np.nan), "NullSoftmax(null=...)"),
    (lambda: am.Polynomial(0), "Polynomial(degree=...)"),
    (lambda: am.TopK(0), "TopK(k=...)"),
    (lambda: am.Triweight(-1.0), "Triweight(beta=...)"),
    (lambda: sweep(rules={"x": am.Softmax(-1.0)}), "Softmax(beta=...)"),
    (lambda: am.patterns.Gaussian().draw(RNG, 0, 4), "draw(n=...)"),
    (lambda: SAMPLES.draw(RNG, 9, 4), "draw(n=...)"),
    (lambda: am.patterns.Samples(KEYS[0]), "Samples(keys=...)"),
    (lambda: am.patterns.Samples.load("x"), "Samples.load(path=...)"),
    (lambda: am.patterns.LowRank(2, 2.0), "LowRank(noise=...)"),
    (lambda: am.patterns.Clustered(2, 2.0), "Clustered(spread=...)"),
    (lambda: am.patterns.Autoregressive(1.0), "Autoregressive(correlation=...)"),
    (lambda: am.patterns.Spectrum([-1.0]), "Spectrum(eigenvalues=...)"),
    (
        lambda: am.metrics.bit_accuracy(KEYS, KEYS[0]),
        "bit_accuracy(values=..., retrieved=...)",
    ),
    (lambda: am.capacity(STUDY, "bits"), "capacity(metric=...)"),
    (lambda: am.capacity(STUDY, threshold=2.0), "capacity(threshold=...)"),
    (lambda: am.capacity(STUDY.isel(trial=[0])), "capacity(ds=...)"),
    (lambda: am.mean_interval(STUDY, "bits"), "mean_interval(metric=...)"),
    (lambda: am.mean_interval(STUDY.isel(trial=0), "cosine"), "mean_interval(ds=...)"),
    (lambda: am.fit_scaling(STUDY), "fit_scaling(cap=...)"),
    (lambda: am.plot.curves(STUDY, "x", hue="d"), "plot.curves(metric=...)"),
    (lambda: am.plot.curves(STUDY, "cosine", hue="x"), "plot.curves(hue=...)"),
    (lambda: am.plot.curves(STUDY, "cosine", hue="d"), "plot.curves(dataset=...)"),
    (lambda: am.plot.heatmap(STUDY), "plot.heatmap(dataset=...)"),
    (lambda: am.plot.collapse(STUDY, "x"), "plot.collapse(metric=...)"),
    (lambda: am.plot.capacity(STUDY), "plot.capacity(capacities=...)"),
    (
        lambda: am.plot.difference(STUDY, rules=("a", "x")),
        "plot.difference(rules=...)",
    ),
    (lambda: am.plot.residuals(STUDY, "x", hue="rule"), "plot.residuals(metric=...)"),
    (
        lambda: am.plot.residuals(STUDY, hue="rule"),
        "plot.residuals(metric='cosine')",
    ),
)


@pytest.mark.parametrize(("call", "begins"), CALLS, ids=[x for _, x in CALLS])
def test_messages_name_the_call_that_was_typed(call, begins, request):
    try:
        with pytest.raises((ValueError, TypeError, OSError)) as info:
            call()
    finally:
        plt.close("all")
    message = str(info.value)
    # Where annotations are checked, they speak first.
    if not message.startswith("Type-check"):
        assert message.startswith(f"`{begins}` ") and message.endswith((".", "`"))
