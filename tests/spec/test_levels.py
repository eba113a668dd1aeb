"""Levels that depend on the dimension: how they are written, kept and refused."""

import math
import sys
from typing import Any

import numpy as np
import pytest

import assocmem_jax as am
from assocmem_jax._spec.levels import as_levels, at_dimension, labels
from assocmem_jax.study import Spec


SOFT = {"soft": am.Softmax()}


@pytest.mark.parametrize(
    "text, kept, at_16",
    [
        ("d", "d", 16.0),
        ("d^-0.5", "d**-0.5", 0.25),
        ("1/sqrt(d)", "d**-0.5", 0.25),
        ("1 / d", "d**-1", 0.0625),
        ("2 * d**-0.5", "2*d**-0.5", 0.5),
        ("sqrt(d) * 3 / d", "3*d**-0.5", 0.75),
        ("-d/4", "-0.25*d", -4.0),
        ("d/3", "0.3333333333333333*d", 16 / 3),
        ("1e30*d**2", "1e+30*d**2", 256e30),
        ("(4*d)**(1/2)", "2*d**0.5", 8.0),
        ("{8: 1, 16: 0.5}", "{8: 1.0, 16: 0.5}", 0.5),
    ],
)
def test_a_power_of_d_has_one_text(text, kept, at_16):
    assert as_levels("vary", text, [16]) == (kept,)
    assert as_levels("vary", kept, [16]) == (kept,)
    assert at_dimension(kept, 16) == pytest.approx(at_16, rel=1e-15)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "beta",
        "d + 1",
        "exp(d)",
        "d**d",
        "(-d)**0.5",
        "d.real",
        "True * d",
        "d / 0",
        "10**400 * d",
        "sqrt(d, 2)",
        "{16: 'x'}",
        "{16: nan}",
        "{16: 1e400}",
        "(" * 1000 + "d" + ")" * 1000,
        "__import__('os')",
    ],
)
def test_what_is_no_power_of_d_is_refused(text):
    with pytest.raises(ValueError, match="vary=.*numbers or powers of d.*1/sqrt"):
        Spec(SOFT, d=[16], n=[4], vary={"beta": [0.1, text]})


def test_a_table_needs_every_dimension():
    with pytest.raises(ValueError, match="number at each dimension, got none at d = 8"):
        Spec(SOFT, d=[8, 16], n=[4], vary={"beta": ["{16: 1}"]})


def test_a_function_is_kept_as_its_numbers():
    beta: Any = lambda d: np.float32(1 / math.sqrt(d))
    spec = Spec(SOFT, d=[4, 16], n=[2], vary={"beta": beta})
    assert spec.vary == {"beta": ("{4: 0.5, 16: 0.25}",)}
    soft: Any = spec.at("soft", 0, 16).rules["soft"]
    assert float(soft.beta) == 0.25
    again = Spec(SOFT, d=[4, 16], n=[2], vary={"beta": spec.vary["beta"]})
    assert again.describe() == spec.describe()


@pytest.mark.parametrize(
    "function, message",
    [
        (lambda d: 1 / (d - 4), "fails at d = 4: ZeroDivisionError"),
        (lambda d: [d, d], "fails at d = 4: TypeError"),
        (lambda d: math.inf, "finite at each dimension, got inf at d = 4"),
        ("1e300*d**99", "finite at each dimension, got inf at d = 4"),
        ("d**9999999999", "finite at each dimension, got inf at d = 4"),
        (lambda d: -d, r"Softmax\(beta=...\)` must be from 0 .* got -4"),
    ],
)
def test_a_function_that_gives_no_level_is_refused(function, message):
    with pytest.raises(ValueError, match=message):
        Spec(SOFT, d=[4], n=[2], vary={"beta": [0.5, function]})


def test_every_dimension_is_checked():
    with pytest.raises(ValueError, match=r"mask_fraction=.*from 0 to 1, got 2"):
        Spec(SOFT, d=[2, 4], n=[2], mask_fraction="d/2")


def test_noise_may_depend_on_d():
    alone = Spec(SOFT, d=[4, 16], n=[2], query_noise="1/sqrt(d)")
    assert alone.query_noise == "d**-0.5" and not alone.corruption_axes
    assert alone.corrupted and alone.at("soft", 0, 16).query_noise == 0.25
    several = Spec(SOFT, d=[4, 16], n=[2], query_noise=[0.0, "1/sqrt(d)"])
    assert several.at("soft", 0, 4).corruption_axes == {"query_noise": (0.0, 0.5)}


def test_levels_that_are_one_are_repeated():
    with pytest.raises(ValueError, match="vary=.*must not repeat"):
        Spec(SOFT, d=[4], n=[2], vary={"beta": ["1/d", "d**-1"]})


def test_labels_are_text_where_one_of_them_is():
    assert labels((0.1, "d")).tolist() == ["0.1", "d"]
    assert labels((0.1, 2.0)).dtype == np.float64
    assert at_dimension("0.1", sys.maxsize) == 0.1
