"""Associative memories in JAX, and a laboratory that measures what they hold."""

import importlib
import threading
from typing import TYPE_CHECKING, Any

from . import (
    features as features,
    metrics as metrics,
    patterns as patterns,
    similarities as similarities,
)
from ._catalog.rules import rules as rules
from ._core.fold import Fold as Fold
from ._core.linear import AbstractLinear as AbstractLinear, LeftFactor as LeftFactor
from ._core.pairs import Pairs as Pairs
from ._core.retrieve import retrieve as retrieve
from ._core.rule import AbstractRule as AbstractRule
from ._core.separation import AbstractSeparation as AbstractSeparation
from ._core.state import state_bytes as state_bytes
from ._rules import (
    Covariance as Covariance,
    CovarianceMemory as CovarianceMemory,
    DotProduct as DotProduct,
    Entmax as Entmax,
    Epanechnikov as Epanechnikov,
    Exponential as Exponential,
    KSubset as KSubset,
    LinearAttention as LinearAttention,
    LinearAttentionMemory as LinearAttentionMemory,
    LocalLinear as LocalLinear,
    Mapped as Mapped,
    Nearest as Nearest,
    Normmax as Normmax,
    NullSoftmax as NullSoftmax,
    Polar as Polar,
    Polynomial as Polynomial,
    Pseudoinverse as Pseudoinverse,
    PseudoinverseMemory as PseudoinverseMemory,
    Quartic as Quartic,
    ReLU as ReLU,
    Ridge as Ridge,
    Softmax as Softmax,
    Sparsemax as Sparsemax,
    TopK as TopK,
    Triweight as Triweight,
)
from ._spec.loads import loads as loads
from ._version import __version__ as __version__


if TYPE_CHECKING:
    from . import plot as plot, study as study, testing as testing, theory as theory
    from ._statistics.capacity import capacity as capacity
    from ._statistics.intervals import mean_interval as mean_interval
    from ._statistics.scaling import fit_scaling as fit_scaling
    from .study import load_study as load_study, sweep as sweep
    from .study._search import search_capacity as search_capacity


# What `help`, `import *` and pages made of docstrings show.
__all__ = [
    "AbstractLinear",
    "AbstractRule",
    "AbstractSeparation",
    "Covariance",
    "CovarianceMemory",
    "DotProduct",
    "Entmax",
    "Epanechnikov",
    "Exponential",
    "Fold",
    "KSubset",
    "LeftFactor",
    "LinearAttention",
    "LinearAttentionMemory",
    "LocalLinear",
    "Mapped",
    "Nearest",
    "Normmax",
    "NullSoftmax",
    "Pairs",
    "Polar",
    "Polynomial",
    "Pseudoinverse",
    "PseudoinverseMemory",
    "Quartic",
    "ReLU",
    "Ridge",
    "Softmax",
    "Sparsemax",
    "TopK",
    "Triweight",
    "__version__",
    "capacity",
    "features",
    "fit_scaling",
    "load_study",
    "loads",
    "mean_interval",
    "metrics",
    "patterns",
    "plot",
    "retrieve",
    "rules",
    "search_capacity",
    "similarities",
    "state_bytes",
    "study",
    "sweep",
    "testing",
    "theory",
]
# Where the names are that import xarray, SciPy or matplotlib, which a program that only
# retrieves can spare. A name that begins with a dot is a module.
_LATER = {
    "plot": ".plot",
    "study": ".study",
    "testing": ".testing",
    "theory": ".theory",
    "sweep": "study",
    "load_study": "study",
    "capacity": "_statistics.capacity",
    "search_capacity": "study._search",
    "fit_scaling": "_statistics.scaling",
    "mean_interval": "_statistics.intervals",
}


# Two threads that import a package and a module in it can wait for each other: Python
# then hands out what is half there.
_LOADING = threading.RLock()


# Type checkers know all names from above, and take others for mistakes.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        place = _LATER[name]
        with _LOADING:
            module = importlib.import_module(f".{place.lstrip('.')}", __name__)
        return module if place.startswith(".") else getattr(module, name)


def __dir__() -> list[str]:
    return sorted(__all__)
