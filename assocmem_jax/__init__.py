"""Associative memories in JAX, and a laboratory that measures what they hold."""

import importlib

from . import metrics as metrics, patterns as patterns
from ._fold import Fold as Fold
from ._pairs import Pairs as Pairs
from ._retrieve import retrieve as retrieve
from ._rule import AbstractRule as AbstractRule
from ._rules import (
    DotProduct as DotProduct,
    Pseudoinverse as Pseudoinverse,
    PseudoinverseMemory as PseudoinverseMemory,
    ReLU as ReLU,
    Softmax as Softmax,
)


__version__ = "0.1.0"


_STUDY = ("sweep", "capacity", "search_capacity", "fit_scaling", "mean_interval")


def __getattr__(name: str):
    # These import xarray or matplotlib, which a program that only retrieves can spare.
    if name in ("plot", "study"):
        return importlib.import_module(f".{name}", __name__)
    if name in _STUDY:
        return getattr(importlib.import_module(".study", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
