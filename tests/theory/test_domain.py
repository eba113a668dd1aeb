"""What formulas accept, and how they are evaluated on arrays."""

import numpy as np
import pytest

from assocmem_jax import theory
from assocmem_jax.theory._domain import at_each, parameters, require


def test_parameters_are_float64():
    a, b = parameters("theory.f", a=3, b=np.array([1, 2], np.float32))
    assert a.dtype == b.dtype == np.float64
    assert a.shape == () and b.shape == (2,)


@pytest.mark.parametrize("given", ("four", True, 1j, None, [1, "a"], object()))
def test_what_is_no_real_number_is_refused(given):
    with pytest.raises(TypeError, match=r"`theory.f\(a=...\)` must hold real numbers"):
        parameters("theory.f", a=given)


@pytest.mark.parametrize("given", (np.nan, np.inf, [1, -np.inf]))
def test_what_is_not_finite_is_refused(given):
    with pytest.raises(ValueError, match="known for finite numbers, got (nan|-?inf)"):
        parameters("theory.f", a=given)


def test_shapes_that_do_not_broadcast_are_named():
    with pytest.raises(ValueError, match=r"got shapes `a` \(2,\), `b` \(3,\)"):
        parameters("theory.f", a=[1, 2], b=[1, 2, 3])


def test_the_first_value_outside_is_named():
    x = np.array([[3.0], [-1.5], [-2.0]])
    require("theory.f", "x", x, x > -9, "x > -9")
    with pytest.raises(ValueError, match=r"f\(x=...\)` is known for x > y, got -1.5"):
        require("theory.f", "x", x, x > np.array([0.0, 1.0]), "x > y")


def test_each_point_is_evaluated_once():
    seen = []

    def formula(x, y):
        seen.append((x, y))
        return x + 10 * y

    out = np.asarray(
        at_each(formula, np.array([2.0, 1.0, 2.0]), np.array([[3.0], [3.0]]))
    )
    assert out.tolist() == [[32, 31, 32]] * 2
    assert sorted(seen) == [(1, 3), (2, 3)]
    assert at_each(formula, np.empty((0, 2)), np.ones(2)).shape == (0, 2)


@pytest.mark.parametrize(
    "formula",
    (
        theory.pseudoinverse_cosine,
        theory.pseudoinverse_distance,
        theory.pseudoinverse_squared_error,
        theory.dot_product_cosine,
        theory.dot_product_distance,
        theory.relu_squared_error,
        theory.relu_recall,
        theory.pseudoinverse_bits,
        theory.dot_product_bits,
    ),
)
def test_formulas_broadcast(formula):
    grid = np.asarray(formula([[3], [8]], [9.5, 20, 30]))
    assert grid.shape == (2, 3) and grid.dtype == np.float64
    alone = formula(8, 20)
    assert isinstance(alone, np.float64) and alone == grid[1, 1]
