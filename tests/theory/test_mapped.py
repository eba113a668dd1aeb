"""Predictions of linear rules of features, beside their measurements."""

from typing import Any

import numpy as np
import pytest
from helpers import slow

import assocmem_jax as am
from assocmem_jax import features, theory


MAPS = {
    # With the accuracy that the formula states, and its number of pairs.
    "elu": (features.ELU(), 0.2 / 32),
    "rectified": (features.Rectified(), 0.2 / 32),
    "dpfp": (features.DPFP(3), 0.05),
    "fourier": (features.RandomFourier(64, scale=1.0), 0.1 / 64),
    "square": (features.Monomials(2), 1e-4),
}


POSITIVE = ("elu", "rectified", "dpfp")


@pytest.mark.parametrize(
    "rule, names",
    ((am.DotProduct(), tuple(MAPS)), slow(am.LinearAttention(), POSITIVE)),
    ids=str,
)
def test_studies_are_predicted(rule, names):
    rules = {name: am.Mapped(rule, MAPS[name][0]) for name in names}
    options: dict[str, Any] = {"d": [32], "n": [1, 16, 128]}
    study = am.sweep(rules, **options, values="marginalized", trials=12)
    predicted = theory.predict(rules, **options, metrics=("cosine",))
    for name in names:
        stated = MAPS[name][1]
        found = study["cosine"].sel(rule=name)
        error = found.std("trial", ddof=1) / np.sqrt(12)
        off = abs(found.mean("trial") - predicted["cosine"].sel(rule=name))
        assert (off < stated + 4 * error + 1e-5).all(), (name, off.values)


def test_noisy_queries_are_predicted_of_monomials():
    rule = am.Mapped(am.DotProduct(), features.Monomials(2))
    sizes: dict[str, Any] = {"d": [16], "n": [20], "query_noise": 0.5}
    found = theory.predict({"r": rule}, **sizes, metrics=["cosine"])
    exact = theory.polynomial_cosine(16, 20, 2, query_noise=0.5)
    np.testing.assert_allclose(found["cosine"].squeeze(), exact)


def test_a_capacity_is_predicted():
    rule = am.Mapped(am.LinearAttention(), features.ELU())
    assert theory.capacity(rule, 1000, 0.5**0.5) == pytest.approx(3.13, abs=0.05)


@pytest.mark.parametrize(
    "rule, options, message",
    (
        (am.Mapped(am.Ridge(1.0), features.ELU()), {}, "knows no prediction.*`Mapped`"),
        (am.Mapped(am.DotProduct(), features.Taylor()), {}, "it knows nothing"),
        (am.LinearAttention(), {}, "it knows nothing"),
        (am.Mapped(am.LinearAttention(), features.Monomials()), {}, "knows nothing"),
        (
            am.Mapped(am.DotProduct(), features.ELU()),
            {"query_noise": 0.5},
            r"`theory.predict\(query_noise=...\)` is known for .* = 0, got 0.5",
        ),
        (
            am.Mapped(am.DotProduct(), features.RandomFourier(64, scale=30.0)),
            {},
            r"`theory.predict\(rules=...\)` is known for keys .* got `scale` 30",
        ),
    ),
)
def test_what_is_not_known_is_refused(rule, options, message):
    with pytest.raises(ValueError, match=message):
        theory.predict({"r": rule}, d=[16], n=[4], metrics=("cosine",), **options)
