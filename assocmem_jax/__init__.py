"""Associative memories in JAX, and a laboratory that measures what they hold."""

import importlib
from typing import Any

from . import metrics as metrics, patterns as patterns
from ._core.fold import Fold as Fold
from ._core.linear import AbstractLinear as AbstractLinear, LeftFactor as LeftFactor
from ._core.pairs import Pairs as Pairs
from ._core.retrieve import retrieve as retrieve
from ._core.rule import AbstractRule as AbstractRule
from ._core.separation import AbstractSeparation as AbstractSeparation
from ._rules import (
    DotProduct as DotProduct,
    Pseudoinverse as Pseudoinverse,
    PseudoinverseMemory as PseudoinverseMemory,
    ReLU as ReLU,
    Softmax as Softmax,
    Sparsemax as Sparsemax,
)
from ._version import __version__ as __version__


# Where the names are that import xarray, SciPy or matplotlib, which a program that only
# retrieves can spare.
_LATER = {
    "plot": ".plot",
    "study": ".study",
    "theory": ".theory",
    "sweep": ".study",
    "load_study": ".study",
    "capacity": "._statistics.capacity",
    "search_capacity": ".study._search",
    "fit_scaling": "._statistics.scaling",
    "mean_interval": "._statistics.intervals",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(_LATER[name], __name__)
    return module if name in ("plot", "study", "theory") else getattr(module, name)
