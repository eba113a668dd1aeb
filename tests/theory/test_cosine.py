"""From weights to scores: the two formulas that all others stand on."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import integrate, stats

from assocmem_jax import theory


@pytest.mark.parametrize("v", (1, 2, 5, 40))
@pytest.mark.parametrize("rho", (-0.7, 0.0, 0.3, 0.95))
def test_simulation(v, rho, rng):
    x, noise = rng.standard_normal((2, 40000, v))
    y = rho * x + np.sqrt(1 - rho**2) * noise
    cosine = (x * y).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)
    z = (cosine.mean() - theory.mean_cosine(rho, v)) / (cosine.std() / 200)
    assert abs(z) < 4


@pytest.mark.parametrize("v", (1, 3, 98, 99, 1000, 10**6))
def test_mean_norm_is_that_of_a_chi_variable(v):
    assert theory.mean_norm(v) == pytest.approx(stats.chi.mean(v), rel=1e-7)
    if v > 50:
        expansion = v**0.5 * (1 - 1 / (4 * v) + 1 / (32 * v**2))
        assert theory.mean_norm(v) == pytest.approx(expansion, rel=1e-6)


@pytest.mark.parametrize("rho", (0.2, 0.9))
@pytest.mark.parametrize("v", (1, 2, 17, 97, 99, 500))
def test_euler_integral(v, rho):
    # 2F1(1/2, 1/2; c; x) is the mean of (1 - x s)^(-1/2) over a beta variable s.
    law: Any = stats.beta(0.5, (v + 1) / 2)
    mean, _ = integrate.quad(
        lambda t: 2 * t * law.pdf(t * t) / np.sqrt(1 - (rho * t) ** 2), 0, 1
    )
    expected = theory.mean_norm(v) ** 2 / v * rho * mean
    assert theory.mean_cosine(rho, v) == pytest.approx(expected, rel=1e-7)


@settings(deadline=None, max_examples=100, derandomize=True)
@given(rho=st.floats(-1, 1), v=st.floats(1, 1e8))
def test_bounded_odd_and_rising(rho, v):
    cosine = theory.mean_cosine(rho, v)
    assert abs(cosine) <= abs(rho) + 1e-9
    assert theory.mean_cosine(-rho, v) == -cosine
    assert theory.mean_cosine(min(1.0, rho + 1e-3), v) >= cosine
    assert theory.mean_cosine(1.0, v) == pytest.approx(1, abs=1e-7)


@pytest.mark.parametrize(
    ("call", "message"),
    (
        (lambda: theory.mean_cosine(1.1, 3), "-1 <= correlation <= 1, got 1.1"),
        (lambda: theory.mean_cosine(0.1, 0.5), "v >= 1, got 0.5"),
        (lambda: theory.mean_norm(np.inf), "finite numbers, got inf"),
        (lambda: theory.mean_cosine([0.1, 0.2], [1, 2, 3]), "arrays that broadcast"),
    ),
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_what_is_no_number():
    with pytest.raises(TypeError, match=r"mean_norm\(v=...\)` must hold real numbers"):
        theory.mean_norm("four")
