"""Predictions beside measurements, cell by cell, and what is not predicted."""

import functools
from typing import Any

import numpy as np
import pytest
from helpers import slow

import assocmem_jax as am
from assocmem_jax import theory


RULES = {
    "pseudoinverse": am.Pseudoinverse(),
    "dot_product": am.DotProduct(),
    "relu": am.ReLU(),
    "softmax": am.Softmax(0.25),
    "attention": am.Softmax(1.0),
}
# Slower, and predicted less exactly.
SPARSE = {"sparsemax": am.Sparsemax(0.1)}
# Small enough for the fast lane, and all.
FEW: dict[str, Any] = {"d": [8], "n": [2, 6, 16, 31, 64, 300]}
GRID: dict[str, Any] = {"d": [8, 32], "n": [2, 6, 16, 31, 64, 300, 2000]}
NOISE: dict[str, Any] = {"query_noise": [0.0, 0.5]}
every_grid = pytest.mark.parametrize("grid", (FEW, slow(GRID)), ids=("few", "all"))
# What float32 leaves of a cosine of 1 and of a distance of 0.
ROUNDING = {"cosine": 2e-5, "distance": 1e-2, "squared_error": 1e-2}


def assert_predicted(measured, predicted, rounding, error: Any = 0.0):
    """Each cell within 4 standard errors, and as many within 1 as there should be."""
    trials = measured.sizes["trial"]
    spread = measured.std("trial", ddof=1) / np.sqrt(trials)
    # Where failures are rare a sample may hold none: their number is a Poisson one.
    exponential = measured["rule"].isin(("softmax", "attention", "sparsemax"))
    rare = (measured.name == "cosine") & (predicted > 0.95) & exponential
    poisson = np.sqrt((1 - predicted).clip(0) / (trials * measured["n"]))
    scatter = spread + poisson.where(rare, 0)
    off = abs(measured.mean("trial") - predicted)
    assert measured.notnull().all() and predicted.notnull().all()
    assert (off < 4 * scatter + rounding + error).all(), (off / scatter).max()
    judged = ~rare & (spread > rounding + error)
    if judged.sum() > 20:
        # 0.68 but for scatter: cells of a study share their patterns.
        inside = (off < spread).where(judged).mean()
        assert 0.45 < inside < 0.85


@functools.cache
def study(values, all_cells):
    grid = GRID if all_cells else FEW
    options: dict[str, Any] = {**grid, "metrics": tuple(ROUNDING), "values": values}
    return am.sweep(RULES, **options, trials=40, seed=4)


@pytest.mark.parametrize("values", (slow(None), "marginalized"))
@every_grid
def test_every_cell(values, grid):
    for metric in ROUNDING:
        assert_every_cell(study(values, grid is GRID), metric, grid)


def assert_every_cell(study, metric, grid):
    names = list(RULES)
    if metric != "cosine":
        # Nearly exact, or the mean of rare failures: see the tests of each.
        names = ["pseudoinverse", "dot_product", "relu"]
    rules = {name: RULES[name] for name in names}
    predicted = theory.predict(rules, **grid, metrics=(metric,))
    measured = study[metric].sel(rule=names)
    assert_predicted(measured, predicted[metric], ROUNDING[metric])


@pytest.mark.parametrize(
    ("names", "grid"),
    (
        (("pseudoinverse", "softmax"), FEW | {"n": [2, 16, 64]}),
        slow(tuple(RULES), GRID),
    ),
    ids=("few", "all"),
)
def test_noisy_queries(names, grid):
    rules, grid = {name: RULES[name] for name in names}, grid | NOISE
    data = am.sweep(rules, **grid, trials=40, values="marginalized", seed=5)
    predicted = theory.predict(rules, **grid, metrics=("cosine",))["cosine"]
    assert predicted.dims == ("rule", "d", "n", "query_noise")
    assert_predicted(data["cosine"], predicted, ROUNDING["cosine"])


@pytest.mark.parametrize("values", (slow(None), "marginalized"))
@every_grid
def test_sparsemax(values, grid):
    n = [6, 31] if grid is FEW else [2, 6, 31, 200]
    grid = grid | NOISE | {"n": n}
    data = am.sweep(SPARSE, **grid, trials=40, values=values, seed=8)
    predicted = theory.predict(SPARSE, **grid, metrics=("cosine",))["cosine"]
    assert_predicted(data["cosine"], predicted, ROUNDING["cosine"], error=0.015)


@pytest.mark.parametrize(
    "ensemble", (am.patterns.Spherical(), slow(am.patterns.Bipolar())), ids=str
)
@every_grid
def test_keys_of_one_norm(ensemble, grid):
    rules = {name: RULES[name] for name in ("dot_product", "relu", "softmax")}
    d, n = grid["d"], [2, 6, 16, 64, 300]
    options = {"ensemble": ensemble, "values": "marginalized"}
    data = am.sweep(rules, d=d, n=n, trials=40, seed=6, **options)
    predicted = theory.predict(rules, d=d, n=n, ensemble=ensemble, metrics=("cosine",))
    assert_predicted(data["cosine"], predicted["cosine"], ROUNDING["cosine"])


@pytest.mark.parametrize(
    ("rules", "d", "n"),
    (
        ({name: RULES[name] for name in ("relu", "softmax")}, [16], [8, 64]),
        slow(RULES, [16, 32], [8, 32, 128, 512]),
        slow(SPARSE, [16, 32], [100]),
    ),
)
def test_recall(rules, d, n):
    grid = {"d": d, "n": n, "metrics": ("recall",)}
    data = am.sweep(rules, **grid, trials=40, seed=7)
    predicted = theory.predict(rules, **grid)
    assert_predicted(data["recall"], predicted["recall"], 1e-9, error=0.03)


def test_shift_identity_of_measurements():
    # cos_dot(n) = cos_pinv(n + d - 1), each over a study of its own.
    n = np.array([2, 8, 40, 200])
    find = lambda rule, n, seed: am.sweep(
        {"one": rule},
        d=[16],
        n=n.tolist(),
        trials=60,
        values="marginalized",
        metrics=("cosine",),
        seed=seed,
    )["cosine"].squeeze(("rule", "d"))
    dot, pinv = find(am.DotProduct(), n, 0), find(am.Pseudoinverse(), n + 15, 1)
    off = dot.mean("trial").values - pinv.mean("trial").values
    errors = [x.std("trial", ddof=1).values / np.sqrt(60) for x in (dot, pinv)]
    assert (abs(off) < 4 * np.hypot(*errors)).all()


def test_interpolation_peak():
    noisy = {"d": [32], "n": [16, 24, 32, 43, 64, 128], "query_noise": 0.5}
    data = am.sweep({"pinv": am.Pseudoinverse()}, **noisy, trials=20, seed=2)
    cosine = data["cosine"].mean("trial").squeeze()
    assert cosine.idxmin("n") == 32 and cosine.sel(n=32) < 0.4
    assert cosine.sel(n=64) > 0.5


def test_axes_are_those_of_a_study():
    vary = {"beta": [0.1, 1.0]}
    grid = {"d": [8], "n": [3, 9], "query_noise": [0.0, 0.3], "vary": vary}
    rules = {"softmax": am.Softmax(), "dot": am.DotProduct()}
    study = am.sweep(rules, **grid, metrics=("cosine",))
    predicted = theory.predict(rules, **grid, metrics=("cosine",))
    assert predicted["cosine"].dims == study["cosine"].dims[:-1]
    for name in predicted.dims:
        np.testing.assert_array_equal(predicted[name], study[name])
    one = theory.softmax_cosine(8, 9, 0.1, query_noise=0.3)
    found = predicted["cosine"].sel(rule="softmax", d=8, n=9, beta=0.1, query_noise=0.3)
    assert float(found) == pytest.approx(one)


@pytest.mark.parametrize(
    ("changed", "message"),
    (
        ({"metrics": ("success",)}, "no prediction of 'success' for `DotProduct`"),
        ({"metrics": ("cosinus",)}, "no metric 'cosinus'. Did you mean `cosine`"),
        ({"ensemble": am.patterns.LowRank(2, 0.1)}, "and keys of `Spectrum|`LowRank"),
        ({"d": [0]}, "d=.* at least 1"),
        ({"query_noise": -1.0}, "query_noise=.* must be from 0"),
    ),
)
def test_what_is_not_predicted(changed, message):
    given = {"d": [4], "n": [4], **changed}
    with pytest.raises(ValueError, match=message):
        theory.predict({"dot": am.DotProduct()}, **given)


def test_a_rule_of_the_callers_own_has_no_prediction():
    class Own(am.DotProduct):
        pass

    with pytest.raises(ValueError, match="for `Own`; it knows nothing"):
        theory.predict({"own": Own()}, d=[4], n=[4])
