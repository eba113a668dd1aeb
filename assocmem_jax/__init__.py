"""Associative memories in JAX, and a laboratory that measures what they hold."""

import importlib
from typing import Any

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
    Sparsemax as Sparsemax,
)


__version__ = "0.1.0"


# Where the names are that import xarray, SciPy or matplotlib, which a program that only
# retrieves can spare.
_LATER = {
    "plot": ".plot",
    "study": ".study",
    "theory": ".theory",
    "sweep": ".study",
    "load_study": "._store",
    "capacity": "._capacity",
    "search_capacity": "._search",
    "fit_scaling": "._scaling",
    "mean_interval": "._intervals",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(_LATER[name], __name__)
    return module if name in ("plot", "study", "theory") else getattr(module, name)
