"""Rules and ensembles as text, and back."""

import functools
import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

import assocmem_jax as am
from assocmem_jax._base.text import from_text, to_text


SAMPLES = am.patterns.Samples(np.ones((10, 4)))
LABELED = am.patterns.Samples(np.ones((10, 4)), np.ones((10, 3)))


def refused(changed):
    """A function that rules of a test hold."""


KINDS = {
    kind.__name__: kind
    for kind in (
        am.Softmax,
        am.Pseudoinverse,
        am.DotProduct,
        am.patterns.Clustered,
        am.patterns.Normalized,
    )
}


@pytest.mark.parametrize(
    "module, text",
    (
        (am.DotProduct(), "DotProduct()"),
        (am.Softmax(0.1), "Softmax(beta=0.1)"),
        (am.Pseudoinverse(), "Pseudoinverse()"),
        (am.Pseudoinverse(1e-6), "Pseudoinverse(rtol=1e-06)"),
        (am.patterns.Clustered(8, 0.5), "Clustered(num_clusters=8, spread=0.5)"),
        (
            am.patterns.Normalized(am.patterns.Clustered(8, 0.5), 2.0),
            "Normalized(ensemble=Clustered(num_clusters=8, spread=0.5), norm=2.0)",
        ),
    ),
)
def test_text_and_back(module, text):
    assert to_text(module) == text
    assert to_text(from_text(text, KINDS)) == text


def test_text_may_be_a_name_in_any_case_or_have_arguments_in_order():
    for text in ("softmax", " Softmax() ", "SOFTMAX(1.0)", "Softmax(beta=1)"):
        assert to_text(from_text(text, KINDS)) == "Softmax(beta=1.0)"


def test_arrays_are_told_apart():
    other = am.patterns.Samples(np.eye(10, 4))
    assert to_text(SAMPLES) == to_text(am.patterns.Samples(jnp.ones((10, 4))))
    assert len({to_text(SAMPLES), to_text(other), to_text(LABELED)}) == 3


def test_functions_and_objects_are_given_by_name():
    class Odd(eqx.Module):
        f: Callable = eqx.field(static=True)
        inner: Any = None

    text = lambda module: to_text(module).removeprefix(f"{__name__}.")
    assert text(Odd(math.sin)) == "Odd(f=sin)"
    assert text(Odd(math.sin, object())) == "Odd(f=sin, inner=<object object>)"
    assert text(Odd(refused, am.Softmax(2.0))) == (
        "Odd(f=refused, inner=Softmax(beta=2.0))"
    )
    assert "0x" not in to_text(Odd(functools.partial(refused, {})))


@pytest.mark.parametrize(
    "text, message",
    (
        ("Clustered(8)", r"`Clustered\(8\)` lacks `spread`. `Clustered` takes `num_c"),
        ("clustered", "`clustered` lacks `num_clusters` and `spread`"),
        ("Softmax(1, 2)", "has 2 arguments without a name, at most 1 fit"),
        ("Clustered(1, 2, 3)", "has 3 arguments, at most 2 fit"),
        ("Softmax(1, beta=2)", "gives `beta` twice"),
    ),
)
def test_arguments_that_do_not_fit_are_told(text, message):
    with pytest.raises(TypeError, match=message):
        from_text(text, KINDS)


@pytest.mark.parametrize(
    "text, message",
    (
        ("softmx", "`softmx` is not known.*Did you mean `Softmax`"),
        ("Softmax(beta=x)", "as `Softmax.*must be numbers or quoted text.$"),
        ("Softmax(", "must be a call such as"),
        ("Softmax(beta=f(1))", "^`f` is not known here. Choose from"),
        ("Softmax(beta=Softmax(beta=-1))", "beta=.*from 0 to below inf, got -1"),
        ("1 + 1", "must be a call such as"),
        ("a.b()", "must be a call such as"),
        ("", "must be a call such as"),
        ("Softmax(beta=-1)", "beta=.*from 0 to below inf, got -1"),
    ),
)
def test_text_that_is_no_call_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        from_text(text, KINDS)
