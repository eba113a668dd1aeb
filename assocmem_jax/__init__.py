"""Associative memories in JAX, and a laboratory that measures what they hold."""

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
