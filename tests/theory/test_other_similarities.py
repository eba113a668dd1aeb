"""Predictions for rules whose scores are no products of query and key."""

from typing import Any

import numpy as np
import pytest
from helpers import slow

import assocmem_jax as am
from assocmem_jax import theory
from assocmem_jax.patterns import Bipolar, Gaussian, Spherical
from assocmem_jax.similarities import Cosine, Manhattan, SquaredEuclidean


COSINE = am.Softmax(beta=3.0, similarity=Cosine())
EUCLIDEAN = am.Softmax(beta=0.15, similarity=SquaredEuclidean())


@pytest.mark.parametrize(
    ("rule", "ensemble", "noise"),
    (
        (COSINE, Gaussian(), 0.0),
        slow(COSINE, Spherical(), 0.0),
        slow(COSINE, Bipolar(), 0.0),
        (EUCLIDEAN, Spherical(), 0.5),
        slow(EUCLIDEAN, Spherical(), 0.0),
        slow(EUCLIDEAN, Bipolar(), 0.0),
    ),
    ids=repr,
)
def test_what_is_measured_is_what_is_predicted(rule, ensemble, noise):
    rules = {"softmax": rule}
    grid = {"d": [8, 16], "n": [2, 16, 100, 500], "metrics": ("cosine",)}
    common = {"ensemble": ensemble, "query_noise": noise, **grid}
    study = am.sweep(rules, trials=40, values="marginalized", seed=3, **common)
    measured = study["cosine"]
    predicted = theory.predict(rules, **common)["cosine"]
    error = measured.std("trial", ddof=1) / np.sqrt(40)
    assert (abs(measured.mean("trial") - predicted) < 4 * error + 2e-5).all()
    # Not what is predicted of the dot product.
    plain = theory.predict({"softmax": am.Softmax(beta=rule.beta)}, **common)["cosine"]
    assert (abs(measured.mean("trial") - plain) > 10 * error).any()


def test_the_inverse_temperature_is_that_of_the_products():
    d = [16]
    for rule, ensemble, beta in (
        (COSINE, Gaussian(), 3 / 16),
        (EUCLIDEAN, Spherical(), 0.3),
    ):
        found = theory.predict(
            {"one": rule}, d=d, n=[100], ensemble=ensemble, metrics=("cosine",)
        )
        expected = theory.softmax_cosine(16, 100, beta, keys="spherical")
        assert found["cosine"].item() == pytest.approx(float(expected))
        load = theory.capacity(rule, 16, 0.9, ensemble=ensemble)
        there = theory.softmax_cosine(16, load, beta, keys="spherical")
        assert float(there) == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("rule", "changed", "message"),
    (
        (
            EUCLIDEAN,
            {},
            r"`theory.predict\(rules=...\)` knows no prediction of 'cosine' for "
            r"`Softmax\(similarity=SquaredEuclidean\(\)\)` and keys of `Gaussian`",
        ),
        (am.Softmax(similarity=Manhattan()), {"ensemble": Spherical()}, "Manhattan"),
        (am.Sparsemax(similarity=Cosine()), {}, "Sparsemax.*Cosine"),
        (am.ReLU(similarity=Cosine()), {}, r"`ReLU\(similarity=Cosine\(\)\)` and"),
        (COSINE, {"metrics": ("distance",)}, "prediction of 'distance' for `Softmax"),
        (
            COSINE,
            {"query_noise": 0.5},
            "known for `Soft.* and query_noise = 0, got 0.5",
        ),
    ),
)
def test_what_is_not_known_is_not_predicted(rule, changed, message):
    given: dict[str, Any] = {"d": [8], "n": [4], "metrics": ("cosine",), **changed}
    with pytest.raises(ValueError, match=message):
        theory.predict({"one": rule}, **given)
    if "query_noise" not in given:
        ensemble, (metric,) = given.get("ensemble", Gaussian()), given["metrics"]
        with pytest.raises(ValueError, match="knows no prediction"):
            theory.capacity(rule, 8, 0.9, metric=metric, ensemble=ensemble)
